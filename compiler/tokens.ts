/** Defines the tokens of the language: keywords, reserved words, operators and punctuation. */

// biome-ignore format: rows read better
export const KEYWORDS = [
  "fn", "let", "mut", "if", "else", "match", "type", "enum", "import", "export", "module", "return", "while", "for", "in",
  "break", "continue", "true", "false", "None", "Some", "Ok", "Err", "try", "intent", "requires", "ensures", "spawn", "send",
  "receive", "emit", "test",
] as const;

/** Words that are reserved for future use, so they are not allowed as names. */
export const RESERVED_WORDS = ["async", "await", "trait", "impl", "const", "static", "self"] as const;

/** Operators and punctuation. The lexer takes the first match, so `==` comes before `=`. */
// biome-ignore format: rows read better
export const PUNCTUATORS = [
  "..=", "..", "|>", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "++=", "++", "+=", "-=", "*=", "/=", "%=",
  "(", ")", "[", "]", "{", "}", ",", ":", ";", ".", "=", "<", ">", "!", "+", "-", "*", "/", "%", "|", "?", "_",
] as const;

export type Keyword = (typeof KEYWORDS)[number];
export type Punctuator = (typeof PUNCTUATORS)[number];

/**
 * The tokens of an interpolated string, `f"a{x}b{y}c"`: `text{` is `f"a{`, `}text{` is `}b{`, and `}text` is `}c"`. The tokens of `x` and
 * `y` are between them.
 */
export type TextPart = "text{" | "}text{" | "}text";

/** The kind `error` is for source text that is not a valid token. The lexer has already reported it. */
export type TokenKind = Keyword | Punctuator | TextPart | "name" | "reserved" | "int" | "float" | "string" | "error" | "eof";

/** Names, literals and wrappers, which can begin both an operand and a pattern. */
// biome-ignore format: rows read better
export const OPERAND_STARTS: readonly TokenKind[] = ["name", "int", "float", "string", "true", "false", "None", "Some", "Ok", "Err"];

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Whether a line ends between the previous token and this one. */
  readonly isAfterLineBreak: boolean;
  /** A word's spelling, a number's digits without `_`, or the value of a string or `TextPart`; empty for other tokens. */
  readonly value: string;
}

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);
/** The words that are not names, with their kinds. */
const KINDS_OF_WORDS: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
  ...KEYWORDS.map((word) => [word, word] as const),
  ...RESERVED_WORDS.map((word) => [word, "reserved"] as const),
  ["_", "_"],
]);

/** The length of the longest word that is not a name. */
const LONGEST = Math.max(...[...KINDS_OF_WORDS.keys()].map((word) => word.length));

/** Classifies a word: keyword, reserved word, `_` or name. */
export function kindOfWord(word: string): TokenKind {
  // Most names need no lookup in the map, which would hash them.
  if (word.length === 1 ? word !== "_" : word.length > LONGEST) return "name";
  return KINDS_OF_WORDS.get(word) ?? "name";
}

export function isKeyword(kind: TokenKind): kind is Keyword {
  return KEYWORD_SET.has(kind);
}

/** Describes the token for an error message. `text` is the source of the file. */
export function describeToken(token: Token, text: string): string {
  switch (token.kind) {
    case "eof":
      return "the end of the file";
    case "name":
      return `\`${shorten(token.value)}\``;
    case "reserved":
      return `the reserved word \`${token.value}\``;
    case "int":
    case "float":
      return `the number \`${shorten(text.slice(token.start, token.end))}\``;
    case "string":
    case "text{":
      return "a string";
    case "}text{":
    case "}text":
      return "the `}` of the string";
    default:
      return isKeyword(token.kind) ? `the keyword \`${token.kind}\`` : `\`${token.kind}\``;
  }
}

/** Cuts a text that is longer than 40 code units, for a message. */
export function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
