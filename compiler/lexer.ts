/**
 * The lexer splits source text into tokens and comments. It reports lexical errors as E001. After an error it emits the token
 * that was probably meant (`==` for `===`), so that one mistake causes one error.
 */
import {
  AMPERSAND,
  ASTERISK,
  BYTE_ORDER_MARK,
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  HASH,
  LINE_FEED,
  LINE_SEPARATOR,
  PARAGRAPH_SEPARATOR,
  SINGLE_QUOTE,
  SLASH,
  SPACE,
  TAB,
} from "./lexer/code-units.ts";
import type { Comment } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { readNumber } from "./lexer/number.ts";
import { codePointName, isDigit, isWordPart, isWordStart, LONE_SURROGATE, Scanner } from "./lexer/scanner.ts";
import { isForeignQuote, readForeignString } from "./lexer/foreign-string.ts";
import { atString, isLineEnd, readString, reportOpenHole } from "./lexer/string.ts";
import { beginsSection, LOOKAHEAD_TOKENS } from "./parser/sections.ts";
import { OPERAND_STARTS, PUNCTUATORS, type Punctuator, type Token, type TokenKind, kindOfWord } from "./tokens.ts";

interface Lexed {
  /** The tokens of the text, of which the last is `eof`. */
  readonly tokens: Token[];
  readonly comments: readonly Comment[];
}

/** Splits the text into tokens and comments. Stops early when the diagnostics are full. */
export function lex(text: string, diagnostics: Diagnostics): Lexed {
  const scanner = new Scanner(text, diagnostics);
  if (scanner.peek() === BYTE_ORDER_MARK) scanner.offset = 1;
  while (scanner.offset < text.length && !scanner.isFull) readToken(scanner);
  if (scanner.holes.length > 0) reportOpenHole(scanner);
  scanner.offset = text.length;
  scanner.push("eof", text.length);
  return { tokens: scanner.tokens, comments: scanner.comments };
}

interface LexedSection extends Lexed {
  /** The number of tokens of the section. After them come up to `LOOKAHEAD_TOKENS` more, and `eof`. */
  readonly count: number;
  /** The length of the section. */
  readonly length: number;
  /** The end of the text that the tokens depend on. */
  readonly lookaheadEnd: number;
}

/**
 * Splits the first section of the text, and a few tokens after it, into tokens. The errors include those of the tokens after it.
 */
export function lexSection(text: string, diagnostics: Diagnostics): LexedSection {
  const scanner = new Scanner(text, diagnostics);
  if (scanner.peek() === BYTE_ORDER_MARK) scanner.offset = 1;
  const { tokens, comments } = scanner;
  for (let index = 1; scanner.offset < text.length && !scanner.isFull; ) {
    readToken(scanner);
    // Whether a section begins at a token depends on the next `LOOKAHEAD_TOKENS` tokens. Reading a token may remove the one before it
    // (`skipLifetime`), so one more must have been read.
    for (; index + LOOKAHEAD_TOKENS + 1 < tokens.length; index += 1) {
      const start = tokens[index]?.start ?? 0;
      if (!beginsSection(text, tokens, index)) continue;
      const end = tokens[index + LOOKAHEAD_TOKENS]?.start ?? text.length;
      tokens.length = index + LOOKAHEAD_TOKENS;
      tokens.push({ kind: "eof", start: end, end, isAfterLineBreak: true, value: "" });
      return { tokens, comments: comments.filter(({ span }) => span.start < start), count: index, length: start, lookaheadEnd: end + 1 };
    }
  }
  if (scanner.holes.length > 0) reportOpenHole(scanner);
  scanner.offset = text.length;
  scanner.push("eof", text.length);
  for (let index = 1; index < tokens.length; index += 1) {
    if (!beginsSection(text, tokens, index)) continue;
    const start = tokens[index]?.start ?? text.length;
    const end = tokens[index + LOOKAHEAD_TOKENS];
    if (end === undefined)
      return {
        tokens,
        comments: comments.filter(({ span }) => span.start < start),
        count: index,
        length: start,
        lookaheadEnd: text.length,
      };
    tokens.length = index + LOOKAHEAD_TOKENS;
    tokens.push({ kind: "eof", start: end.start, end: end.start, isAfterLineBreak: true, value: "" });
    return {
      tokens,
      comments: comments.filter(({ span }) => span.start < start),
      count: index,
      length: start,
      lookaheadEnd: Math.min(text.length, end.start + 1),
    };
  }
  return { tokens, comments, count: tokens.length, length: text.length, lookaheadEnd: text.length };
}

function readToken(scanner: Scanner): void {
  const codeUnit = scanner.peek();
  if (codeUnit === SPACE || codeUnit === TAB) return skipBlanks(scanner);
  // A hole is the `{…}` of a string with values, such as `f"{x}"`.
  const hole = scanner.holes.length === 0 ? undefined : scanner.holes.at(-1);
  if (hole !== undefined && isLineEnd(codeUnit)) reportOpenHole(scanner);
  else if (hole !== undefined && codeUnit === CLOSE_BRACE && hole.braces === 0) hole.resume(scanner);
  else if (codeUnit === LINE_FEED) skipLineEnd(scanner, 1);
  else if (codeUnit === CARRIAGE_RETURN && scanner.peek(1) === LINE_FEED) skipLineEnd(scanner, 2);
  else if (atString(scanner)) readString(scanner);
  else if (isWordStart(codeUnit)) readWord(scanner);
  else if (isDigit(codeUnit)) readNumber(scanner);
  else if (codeUnit === SLASH && scanner.peek(1) === SLASH) readComment(scanner);
  else if (!readForeign(scanner) && !readPunctuator(scanner)) readUnknownCharacters(scanner);
}

function skipBlanks(scanner: Scanner): void {
  const { text } = scanner;
  let end = scanner.offset + 1;
  while (text.charCodeAt(end) === SPACE || text.charCodeAt(end) === TAB) end += 1;
  scanner.offset = end;
}

function skipLineEnd(scanner: Scanner, length: number): void {
  scanner.offset += length;
  scanner.isAfterLineBreak = true;
}

function readComment(scanner: Scanner): void {
  const start = scanner.offset;
  const lf = scanner.text.indexOf("\n", start);
  let end = lf === -1 ? scanner.text.length : lf;
  if (lf !== -1 && scanner.text.charCodeAt(end - 1) === CARRIAGE_RETURN) end -= 1;
  scanner.comments.push({ text: scanner.text.slice(start, end), span: { start, end } });
  scanner.offset = end;
}

/** Reads a keyword or name. A name with letters outside ASCII causes one error and one token. */
function readWord(scanner: Scanner): void {
  const { text, offset: start } = scanner;
  let end = start;
  let nonAscii = false;
  for (; ; end += 1) {
    const codeUnit = text.charCodeAt(end);
    if (isWordPart(codeUnit)) continue;
    if (!isNonAsciiLetter(codeUnit)) break;
    nonAscii = true;
  }
  scanner.offset = end;
  const word = text.slice(start, end);
  if (nonAscii) {
    scanner.error({ start, end: scanner.offset }, `the name \`${word.replace(LONE_SURROGATE, "\ufffd")}\` has letters outside ASCII`, {
      help: "a name consists of the letters a to z and A to Z, digits and `_`; other letters are allowed in strings and comments",
    });
  }
  scanner.push(nonAscii ? "name" : kindOfWord(word), start, word);
}

/** The punctuators by their first code unit, in the order of `PUNCTUATORS`, so that longer ones come first. */
const PUNCTUATORS_BY_START: Punctuator[][] = [];
for (const sign of PUNCTUATORS) (PUNCTUATORS_BY_START[sign.charCodeAt(0)] ??= []).push(sign);

function punctuatorAt(text: string, start: number): Punctuator | undefined {
  const candidates = PUNCTUATORS_BY_START[text.charCodeAt(start)];
  if (candidates === undefined) return undefined;
  for (const sign of candidates) if (sign.length === 1 || text.startsWith(sign, start)) return sign;
  return undefined;
}

function readPunctuator(scanner: Scanner): boolean {
  const start = scanner.offset;
  const sign = punctuatorAt(scanner.text, start);
  if (sign === undefined) return false;
  scanner.offset += sign.length;
  scanner.push(sign, start);
  if (scanner.holes.length === 0) return true;
  const hole = scanner.holes.at(-1);
  if (hole !== undefined && sign === "{") hole.braces += 1;
  if (hole !== undefined && sign === "}") hole.braces -= 1;
  return true;
}

/** Operators of other languages, each with the operator that the lexer reads instead. */
const FOREIGN_OPERATORS: readonly { readonly text: string; readonly instead: Punctuator }[] = [
  { text: "===", instead: "==" },
  { text: "!==", instead: "!=" },
];

/** For each code unit that begins a punctuator: true if no operator or comment of other languages begins with it. */
const ONLY_PUNCTUATORS: readonly boolean[] = PUNCTUATORS_BY_START.map((_, codeUnit) => !"=!&/".includes(String.fromCharCode(codeUnit)));

/** Reads an operator, quote, comment or invisible character of other languages, and reports it. Returns whether there was one. */
function readForeign(scanner: Scanner): boolean {
  const { text, offset: start } = scanner;
  if (ONLY_PUNCTUATORS[text.charCodeAt(start)] === true) return false;
  const foreign = FOREIGN_OPERATORS.find((candidate) => text.startsWith(candidate.text, start));
  if (foreign !== undefined) return replaceOperator(scanner, foreign.text, foreign.instead);
  const codeUnit = scanner.peek();
  if (codeUnit === AMPERSAND && scanner.peek(1) === AMPERSAND) return false;
  if (codeUnit === AMPERSAND) return isReference(scanner) ? skipReference(scanner) : replaceOperator(scanner, "&", "&&");
  if (codeUnit === SINGLE_QUOTE && scanner.tokens.at(-1)?.kind === "<" && skipLifetime(scanner)) return true;
  if (isForeignQuote(codeUnit)) return readForeignString(scanner);
  if (codeUnit === SLASH && scanner.peek(1) === ASTERISK) return skipBlockComment(scanner);
  if (codeUnit === HASH) return skipHashComment(scanner);
  return INVISIBLE_CHARACTERS.has(codeUnit) && skipInvisibleCharacters(scanner);
}

/** Whether the `&` is a reference, `&x`, and not an operator between two operands. */
function isReference({ tokens, isAfterLineBreak, text, offset }: Scanner): boolean {
  const kind = tokens.at(-1)?.kind;
  if (kind === undefined || isAfterLineBreak) return text[offset + 1] !== " ";
  return !OPERAND_ENDS.has(kind) && !OPERAND_STARTS.includes(kind);
}

const OPERAND_ENDS: ReadonlySet<TokenKind> = new Set([")", "]", "}", "}text", "error", "reserved"]);

/** Skips the `&` of a reference with its lifetime and `mut`. Reads `&str` as `String`. */
function skipReference(scanner: Scanner): true {
  const start = scanner.offset;
  if (/^&(?:mut )?self\b/.test(scanner.text.slice(start, start + 10))) {
    // The parser reports `self`.
    scanner.offset = scanner.text.indexOf("self", start);
    return true;
  }
  const reference = /&(?:'[A-Za-z_]\w*\s+)?(?:mut\s+)?(str\b)?/y;
  reference.lastIndex = start;
  const [text = "&", str] = reference.exec(scanner.text) ?? [];
  scanner.offset += text.length;
  const span = { start, end: scanner.offset };
  const instead = str === undefined ? "" : "String";
  scanner.error(span, "there are no references", {
    help: str === undefined ? `remove \`${text.trim()}\`: a value never changes, so it is passed as it is` : "the type of text is `String`",
    fixes: [{ title: instead === "" ? `remove \`${text.trim()}\`` : "write `String`", edits: [{ span, text: instead }] }],
  });
  if (str !== undefined) scanner.push("name", start, instead);
  return true;
}

/** Skips the lifetime in `<'a>` or `<'a, T>`. Returns whether there was one. */
function skipLifetime(scanner: Scanner): boolean {
  const start = scanner.offset;
  const lifetime = /'[A-Za-z_]\w*(?:,\s*'[A-Za-z_]\w*)*(>|,\s*)/y;
  lifetime.lastIndex = start;
  const [text, end] = lifetime.exec(scanner.text) ?? [];
  if (text === undefined) return false;
  const angle = scanner.tokens.at(-1)?.start ?? start;
  const isAlone = end === ">";
  scanner.offset += text.length;
  if (isAlone) scanner.tokens.pop();
  const span = { start: isAlone ? angle : start, end: scanner.offset };
  scanner.error(span, "there are no lifetimes", {
    help: "remove them",
    fixes: [{ title: "remove the lifetimes", edits: [{ span, text: "" }] }],
  });
  return true;
}

function replaceOperator(scanner: Scanner, foreign: string, instead: Punctuator): true {
  const start = scanner.offset;
  scanner.offset += foreign.length;
  const span = { start, end: scanner.offset };
  scanner.error(span, `\`${foreign}\` is not an operator`, {
    help: `write \`${instead}\``,
    fixes: [{ title: `write \`${instead}\``, edits: [{ span, text: instead }] }],
  });
  scanner.push(instead, start);
  return true;
}

function skipBlockComment(scanner: Scanner): true {
  const start = scanner.offset;
  const close = scanner.text.indexOf("*/", start + 2);
  scanner.offset = close === -1 ? scanner.text.length : close + 2;
  if (scanner.text.slice(start, scanner.offset).includes("\n")) scanner.isAfterLineBreak = true;
  scanner.error({ start, end: start + 2 }, "there are no block comments", { help: "begin each line of the comment with `//`" });
  return true;
}

function skipHashComment(scanner: Scanner): true {
  const start = scanner.offset;
  if (/^#!?\[/.test(scanner.text.slice(start, start + 3))) return skipAttribute(scanner);
  const span = { start, end: start + 1 };
  const previous = scanner.tokens.at(-1);
  if (previous?.value === "r" && previous.end === start) {
    const end = scanner.text.indexOf("\n", start);
    const line = scanner.text.slice(start, end === -1 ? undefined : end);
    scanner.offset = start + (/^#+".*?"#+/.exec(line)?.[0].length ?? 1);
    scanner.error(span, "a raw string has no `#`", { help: 'write `r"…"`; text with quotes is a text block, between lines with `"""`' });
    return true;
  }
  const lf = scanner.text.indexOf("\n", start);
  scanner.offset = lf === -1 ? scanner.text.length : lf;
  scanner.error(span, "`#` does not begin a comment", {
    help: "write `//`",
    fixes: [{ title: "write `//`", edits: [{ span, text: "//" }] }],
  });
  return true;
}

/** Reports and skips an attribute such as `#[derive(Debug)]`, to the end of its line. */
function skipAttribute(scanner: Scanner): true {
  const start = scanner.offset;
  const lf = scanner.text.indexOf("\n", start);
  scanner.offset = lf === -1 ? scanner.text.length : lf;
  scanner.isAfterLineBreak = true;
  const span = { start, end: scanner.offset };
  scanner.error(span, "there are no attributes", {
    help: "remove it: every record and enum can be compared with `==` and printed",
    fixes: [{ title: "remove the attribute", edits: [{ span, text: "" }] }],
  });
  return true;
}

/** The names of invisible characters, which often come from word processors and web pages, by code unit. */
const INVISIBLE_CHARACTERS: ReadonlyMap<number, string> = new Map([
  [CARRIAGE_RETURN, "a carriage return without a line feed"],
  [0xa0, "a no-break space"],
  [0x200b, "a zero-width space"],
  [LINE_SEPARATOR, "a line separator"],
  [PARAGRAPH_SEPARATOR, "a paragraph separator"],
  [0x3000, "an ideographic space"],
  [BYTE_ORDER_MARK, "a byte order mark inside the file"],
]);

function skipInvisibleCharacters(scanner: Scanner): true {
  const start = scanner.offset;
  const codeUnit = scanner.peek();
  while (scanner.peek() === codeUnit) scanner.offset += 1;
  const span = { start, end: scanner.offset };
  const lineBreak = codeUnit === CARRIAGE_RETURN || codeUnit === LINE_SEPARATOR || codeUnit === PARAGRAPH_SEPARATOR;
  if (lineBreak) scanner.isAfterLineBreak = true;
  const instead = lineBreak ? "a line feed" : "a space";
  scanner.error(span, `${INVISIBLE_CHARACTERS.get(codeUnit) ?? "a character"} is not allowed between tokens`, {
    help: `use ${instead}`,
    fixes: [{ title: `replace it with ${instead}`, edits: [{ span, text: lineBreak ? "\n" : " " }] }],
  });
  return true;
}

/** The help for characters that cannot begin a token. A key is one character, or a run of equal characters such as `??`. */
const UNKNOWN_HELP: ReadonlyMap<string, string> = new Map([
  ["$", 'values are put into text with `f"{x}"`'],
  ["\\", "lambdas are written `fn(x: Int) -> Int { x + 1 }`"],
  ["^", "for the bits of two Ints, write `int.xor(a, b)`; for a power, `int.pow(a, n)`"],
  ["~", "write `!` for not; for the bits of an Int, `int.not(n)`"],
  ["@", "there are no annotations; effects and contracts come before the body: `fn f() -> Int !{time.now} requires … { … }`"],
]);

const AT_PATTERN_HELP = "a pattern gives no name to a part that it also tests: bind the part, and test it in a guard, `n if n > 1 => …`";

/** Reports a run of equal characters that cannot begin a token. */
function readUnknownCharacters(scanner: Scanner): void {
  const start = scanner.offset;
  const codeUnit = scanner.peek();
  if (isNonAsciiLetter(codeUnit)) return readWord(scanner);
  do scanner.offset += 1;
  while (scanner.peek() === codeUnit);
  const character =
    codeUnit < 0x20 || (codeUnit >= 0x7f && codeUnit <= 0x9f) || codeUnit >= 0x2000
      ? codePointName(codeUnit)
      : `\`${String.fromCharCode(codeUnit)}\``;
  const run = scanner.text.slice(start, scanner.offset);
  const previous = scanner.tokens.at(-1);
  const help =
    (run === "@" && previous?.kind === "name" && !scanner.isAfterLineBreak ? AT_PATTERN_HELP : undefined) ??
    UNKNOWN_HELP.get(run) ??
    UNKNOWN_HELP.get(run.charAt(0)) ??
    "remove it; this character is allowed only in strings and comments";
  scanner.error({ start, end: scanner.offset }, `${character} is not allowed in a program`, { help });
  scanner.push("error", start);
}

/**
 * Returns whether the code unit is probably a letter. It does not use Unicode tables, because they differ between versions
 * of Node. U+2000 to U+2BFF are symbols and spaces.
 */
function isNonAsciiLetter(codeUnit: number): boolean {
  return (
    codeUnit >= 0xc0 &&
    !(codeUnit >= 0x2000 && codeUnit <= 0x2bff) &&
    !INVISIBLE_CHARACTERS.has(codeUnit) &&
    codeUnit !== 0xd7 &&
    codeUnit !== 0xf7
  );
}
