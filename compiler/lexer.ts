/** Text to tokens. What is wrong is reported as E001 and mended, so that one slip gives one message. */
import type { Comment } from "./ast.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { readNumber } from "./lexer/number.ts";
import { codePointName, isDigit, isWordPart, isWordStart, LONE_SURROGATE, Scanner } from "./lexer/scanner.ts";
import { isForeignQuote, readForeignString, readString } from "./lexer/string.ts";
import { SIGNS, type Sign, type Token, wordKind } from "./tokens.ts";

export interface Lexed {
  /** The last is `eof`. */
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

/** Splits the text into tokens and comments. Stops early when the diagnostics are full. */
export function lex(text: string, diagnostics: Diagnostics): Lexed {
  const scanner = new Scanner(text, diagnostics);
  if (scanner.peek() === 0xfeff) scanner.at = 1;
  while (scanner.at < text.length && !scanner.full) step(scanner);
  scanner.at = text.length;
  scanner.push("eof", text.length);
  return { tokens: scanner.tokens, comments: scanner.comments };
}

function step(scanner: Scanner): void {
  const unit = scanner.peek();
  if (unit === 0x20 || unit === 0x09) scanner.at += 1;
  else if (unit === 0x0a) lineEnd(scanner, 1);
  else if (unit === 0x0d && scanner.peek(1) === 0x0a) lineEnd(scanner, 2);
  else if (isWordStart(unit)) readWord(scanner);
  else if (isDigit(unit)) readNumber(scanner);
  else if (unit === 0x22) readString(scanner);
  else if (unit === 0x2f && scanner.peek(1) === 0x2f) readComment(scanner);
  else if (!readForeign(scanner) && !readSign(scanner)) readUnknown(scanner);
}

function lineEnd(scanner: Scanner, length: number): void {
  scanner.at += length;
  scanner.newline = true;
}

function readComment(scanner: Scanner): void {
  const start = scanner.at;
  const lf = scanner.text.indexOf("\n", start);
  let end = lf === -1 ? scanner.text.length : lf;
  if (lf !== -1 && scanner.text.charCodeAt(end - 1) === 0x0d) end -= 1;
  scanner.comments.push({ text: scanner.text.slice(start, end), span: { start, end } });
  scanner.at = end;
}

/** A word. One with letters outside ASCII is reported once and stays one name. */
function readWord(scanner: Scanner): void {
  const start = scanner.at;
  let foreign = false;
  for (;;) {
    const unit = scanner.peek();
    if (unit >= 0x80 && isForeignLetter(unit)) foreign = true;
    else if (!isWordPart(unit)) break;
    scanner.at += 1;
  }
  const word = scanner.text.slice(start, scanner.at);
  if (foreign) {
    scanner.error({ start, end: scanner.at }, `the name \`${word.replace(LONE_SURROGATE, "\ufffd")}\` has letters outside ASCII`, {
      help: "names are made of the letters a to z and A to Z, digits and `_`; other letters may stand in strings and comments",
    });
  }
  scanner.push(foreign ? "name" : wordKind(word), start, word);
}

/** By first character, longest first. */
const SIGNS_BY_START: ReadonlyMap<string, readonly Sign[]> = new Map(
  SIGNS.map((sign) => [sign.charAt(0), SIGNS.filter((other) => other.charAt(0) === sign.charAt(0))]),
);

function readSign(scanner: Scanner): boolean {
  const candidates = SIGNS_BY_START.get(scanner.text.charAt(scanner.at));
  const sign = candidates?.find((candidate) => scanner.text.startsWith(candidate, scanner.at));
  if (sign === undefined) return false;
  const start = scanner.at;
  scanner.at += sign.length;
  scanner.push(sign, start);
  return true;
}

/** Signs of other languages: told, and read as ours. */
const FOREIGN_SIGNS: readonly { readonly text: string; readonly instead: Sign }[] = [
  { text: "===", instead: "==" },
  { text: "!==", instead: "!=" },
];

function readForeign(scanner: Scanner): boolean {
  const { text, at: start } = scanner;
  const foreign = FOREIGN_SIGNS.find((candidate) => text.startsWith(candidate.text, start));
  if (foreign !== undefined) return mendSign(scanner, foreign.text, foreign.instead);
  const unit = scanner.peek();
  if (unit === 0x26) return scanner.peek(1) !== 0x26 && mendSign(scanner, "&", "&&");
  if (isForeignQuote(unit)) return readForeignString(scanner);
  if (unit === 0x2f && scanner.peek(1) === 0x2a) return skipBlockComment(scanner);
  if (unit === 0x23) return skipHashComment(scanner);
  return SPACES.has(unit) && skipStrangeSpace(scanner);
}

function mendSign(scanner: Scanner, found: string, instead: Sign): true {
  const start = scanner.at;
  scanner.at += found.length;
  const span = { start, end: scanner.at };
  scanner.error(span, `\`${found}\` is not an operator`, {
    help: `write \`${instead}\``,
    fixes: [{ title: `write \`${instead}\``, edits: [{ span, text: instead }] }],
  });
  scanner.push(instead, start);
  return true;
}

function skipBlockComment(scanner: Scanner): true {
  const start = scanner.at;
  const close = scanner.text.indexOf("*/", start + 2);
  scanner.at = close === -1 ? scanner.text.length : close + 2;
  if (scanner.text.slice(start, scanner.at).includes("\n")) scanner.newline = true;
  scanner.error({ start, end: start + 2 }, "there are no block comments", { help: "begin each line of the comment with `//`" });
  return true;
}

function skipHashComment(scanner: Scanner): true {
  const start = scanner.at;
  const span = { start, end: start + 1 };
  const lf = scanner.text.indexOf("\n", start);
  scanner.at = lf === -1 ? scanner.text.length : lf;
  scanner.error(span, "`#` does not begin a comment", {
    help: "write `//`",
    fixes: [{ title: "write `//`", edits: [{ span, text: "//" }] }],
  });
  return true;
}

/** Characters that look like white space or like nothing, from other editors and web pages. */
const SPACES: ReadonlyMap<number, string> = new Map([
  [0x0d, "a carriage return without a line feed"],
  [0xa0, "a no-break space"],
  [0x200b, "a zero-width space"],
  [0x2028, "a line separator"],
  [0x2029, "a paragraph separator"],
  [0x3000, "an ideographic space"],
  [0xfeff, "a byte order mark inside the file"],
]);

function skipStrangeSpace(scanner: Scanner): true {
  const start = scanner.at;
  const unit = scanner.peek();
  while (scanner.peek() === unit) scanner.at += 1;
  const span = { start, end: scanner.at };
  const lineBreak = unit === 0x0d || unit === 0x2028 || unit === 0x2029;
  if (lineBreak) scanner.newline = true;
  const instead = lineBreak ? "a line feed" : "a space";
  scanner.error(span, `${SPACES.get(unit) ?? "a character"} cannot stand between words`, {
    help: `use ${instead}`,
    fixes: [{ title: `replace it by ${instead}`, edits: [{ span, text: lineBreak ? "\n" : " " }] }],
  });
  return true;
}

const UNKNOWN_HELP: ReadonlyMap<string, string> = new Map([
  ["??", "write `option.unwrap_or(x, 0)`"],
  [
    "?",
    "a choice is written `if c { a } else { b }`; what may be absent has the type `Option<T>`, what may fail `Result<T, E>`, and `match` takes both apart; `option.and_then` and `result.and_then` go on with the value",
  ],
  ["$", 'join strings with `++`: `"a" ++ b`'],
  ["\\", "lambdas are written `fn(x: Int) -> Int { x + 1 }`"],
  ["^", "there are no bit operators"],
  ["~", "write `!` for not; there are no bit operators"],
  ["@", "there are no annotations; effects and contracts follow the parameters: `fn f() -> Int !{time.now} requires … { … }`"],
]);

/** One message for a run of characters that nothing begins with. */
function readUnknown(scanner: Scanner): void {
  const start = scanner.at;
  const unit = scanner.peek();
  if (isForeignLetter(unit)) return readWord(scanner);
  do scanner.at += 1;
  while (scanner.peek() === unit);
  const character =
    unit < 0x20 || (unit >= 0x7f && unit <= 0x9f) || unit >= 0x2000 ? codePointName(unit) : `\`${String.fromCharCode(unit)}\``;
  const found = scanner.text.slice(start, scanner.at);
  const help =
    UNKNOWN_HELP.get(found) ?? UNKNOWN_HELP.get(found.charAt(0)) ?? "remove it; such a character may stand in strings and comments only";
  scanner.error({ start, end: scanner.at }, `${character} does not belong in a program`, { help });
  scanner.push("error", start);
}

/** Taken for a letter, for one message a word; no table of Unicode is asked. U+2000 to U+2BFF are signs and spaces. */
function isForeignLetter(unit: number): boolean {
  return unit >= 0xc0 && !(unit >= 0x2000 && unit <= 0x2bff) && !SPACES.has(unit) && unit !== 0xd7 && unit !== 0xf7;
}
