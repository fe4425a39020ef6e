/** The words and signs of the language. */

// biome-ignore format: rows read better
export const KEYWORDS = [
  "fn", "let", "mut", "if", "else", "match", "type", "enum", "import", "export", "module", "return", "while", "for", "in",
  "break", "continue", "true", "false", "None", "Some", "Ok", "Err", "try", "intent", "requires", "ensures", "spawn", "send",
  "receive", "emit", "test",
] as const;

/** Kept for later: no name may be one of them. */
export const RESERVED_WORDS = ["async", "await", "trait", "impl", "const", "static", "self"] as const;

/** Longest first where one begins another: the lexer takes the first that fits. */
// biome-ignore format: rows read better
export const SIGNS = [
  "..", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "++", "+=", "-=", "*=", "/=", "%=",
  "(", ")", "[", "]", "{", "}", ",", ":", ";", ".", "=", "<", ">", "!", "+", "-", "*", "/", "%", "|", "_",
] as const;

export type Keyword = (typeof KEYWORDS)[number];
export type Sign = (typeof SIGNS)[number];

/** `error` stands where the lexer has reported something that no token can be made of. */
export type TokenKind = Keyword | Sign | "name" | "reserved" | "int" | "float" | "string" | "error" | "eof";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** A line ends between the token before and this one. */
  readonly newline: boolean;
  /** Of a word its spelling, of a number its digits without `_`, of a string what it means; else empty. */
  readonly value: string;
}

const KEYWORD_SET: ReadonlyMap<string, Keyword> = new Map(KEYWORDS.map((word) => [word, word]));
const RESERVED_SET: ReadonlySet<string> = new Set(RESERVED_WORDS);

/** What kind of token a word is. */
export function wordKind(word: string): TokenKind {
  return KEYWORD_SET.get(word) ?? (RESERVED_SET.has(word) ? "reserved" : word === "_" ? "_" : "name");
}

export function isKeyword(kind: TokenKind): kind is Keyword {
  return KEYWORD_SET.has(kind);
}
