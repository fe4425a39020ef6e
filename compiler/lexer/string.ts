/** Reads string literals and their escapes. */
import type { TokenKind } from "../tokens.ts";
import { codePointName, LONE_SURROGATE, type Scanner } from "./scanner.ts";

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ['"', '"'],
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["0", "\0"],
]);

const ESCAPES_HELP = 'the escapes are `\\\\`, `\\"`, `\\n`, `\\t`, `\\r`, `\\0` and `\\u{HEX}`';

/** Reads a string literal. If the closing quote is missing, the rest of the line becomes an `error` token. */
export function readString(scanner: Scanner): void {
  const start = scanner.at;
  const parts: string[] = [];
  scanner.at += 1;
  for (;;) {
    const partStart = scanner.at;
    while (!isSpecial(scanner.peek())) scanner.at += 1;
    if (scanner.at > partStart) parts.push(scanner.text.slice(partStart, scanner.at));
    const unit = scanner.peek();
    if (unit === 0x22) break;
    if (unit !== 0x5c || isLineEnd(scanner.peek(1))) return reportUnterminated(scanner, start);
    parts.push(readEscape(scanner));
  }
  scanner.at += 1;
  scanner.push("string", start, parts.join("").replace(LONE_SURROGATE, "\ufffd"));
}

/** Whether the code unit is a quote, a backslash, or the end of the line or text. */
function isSpecial(unit: number): boolean {
  return unit === 0x22 || unit === 0x5c || isLineEnd(unit);
}

function isLineEnd(unit: number): boolean {
  return unit === 0x0a || unit === 0x0d || Number.isNaN(unit);
}

/**
 * Reports a string without a closing quote, which ends at the end of its line. If the line ends with the brackets that close
 * those opened earlier on the line, the string ends before them, so that they are not missing.
 */
function reportUnterminated(scanner: Scanner, start: number): void {
  while (!isLineEnd(scanner.peek())) scanner.at += 1;
  const lineEnd = scanner.at;
  scanner.at = lineEnd - closersAtEnd(scanner, start, lineEnd).length;
  const before = scanner.at < lineEnd ? ` before \`${scanner.text.slice(scanner.at, lineEnd).trim()}\`` : " on the same line";
  const span = { start, end: scanner.at };
  scanner.error(span, "this string has no closing quote", {
    help: `close it with \`"\`${before}; write \`\\n\` for a line break`,
    fixes:
      scanner.text[scanner.at - 1] === "\\"
        ? []
        : [{ title: 'insert `"`', edits: [{ span: { start: scanner.at, end: scanner.at }, text: '"' }] }],
  });
  scanner.push("error", start);
}

/** Returns the end of the line from the first of the brackets that close all brackets opened on the line before `start`. */
function closersAtEnd({ tokens, text }: Scanner, start: number, lineEnd: number): string {
  let expected = "";
  for (let i = tokens.length - 1, depth = 0; i >= 0; i--) {
    const token = tokens[i];
    const closer = token === undefined ? undefined : CLOSERS.get(token.kind);
    if (closer !== undefined && depth === 0) expected += closer;
    else if (closer !== undefined) depth -= 1;
    else if (token?.kind === ")" || token?.kind === "]" || token?.kind === "}") depth += 1;
    if (token?.newline === true) break;
  }
  let tailStart = lineEnd;
  while (tailStart > start + 1 && " \t)]};,".includes(text.charAt(tailStart - 1))) tailStart -= 1;
  const tail = text.slice(tailStart, lineEnd);
  return expected !== "" && tail.replace(/[\s;,]/g, "") === expected ? tail : "";
}

const CLOSERS: ReadonlyMap<TokenKind, string> = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/** Reads an escape whose backslash is not the last character of its line. Reports a bad escape and returns U+FFFD for it. */
function readEscape(scanner: Scanner): string {
  const start = scanner.at;
  const letter = String.fromCodePoint(scanner.text.codePointAt(start + 1) ?? 0);
  const simple = SIMPLE_ESCAPES.get(letter);
  scanner.at += 1 + letter.length;
  if (simple !== undefined) return simple;
  if (letter === "u") return readUnicodeEscape(scanner, start);
  const unit = letter.codePointAt(0) ?? 0;
  const escapeText = unit > 0x20 && unit < 0x7f ? `\`\\${letter}\`` : `a backslash before ${codePointName(unit)}`;
  const span = { start, end: scanner.at };
  const isPrintable = unit > 0x20 && unit < 0x7f;
  scanner.error(span, `${escapeText} is not an escape`, {
    help: ESCAPES_HELP,
    fixes: isPrintable ? [{ title: "write the backslash itself", edits: [{ span: { start, end: start + 1 }, text: "\\\\" }] }] : [],
  });
  return "\ufffd";
}

/** Reads the code point after `\u`: one to six hex digits in braces that are not a surrogate. */
function readUnicodeEscape(scanner: Scanner, start: number): string {
  const digits = /\{([0-9a-fA-F]{1,6})\}/y;
  digits.lastIndex = scanner.at;
  const match = digits.exec(scanner.text);
  if (match === null) {
    const bareDigits = /^[0-9a-fA-F]{4}/.exec(scanner.text.slice(scanner.at, scanner.at + 4))?.[0] ?? "";
    scanner.at += bareDigits.length;
    const span = { start, end: scanner.at };
    scanner.error(span, "`\\u` needs a code point in braces", {
      help: `write it with one to six hex digits: \`\\u{${bareDigits || "e9"}}\``,
      fixes: bareDigits === "" ? [] : [{ title: "add the braces", edits: [{ span, text: `\\u{${bareDigits}}` }] }],
    });
    return "\ufffd";
  }
  scanner.at += match[0].length;
  const codePoint = Number.parseInt(match[1] ?? "", 16);
  if (codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff)) return String.fromCodePoint(codePoint);
  const problem = codePoint > 0x10ffff ? "is above the last character, U+10FFFF" : "is half of a surrogate pair, not a character";
  scanner.error({ start, end: scanner.at }, `${codePointName(codePoint)} ${problem}`, {
    help: "a string holds Unicode characters: U+0000 to U+D7FF and U+E000 to U+10FFFF",
  });
  return "\ufffd";
}

/**
 * Returns the offset in the source of a code unit of the value of a string literal. `start` is the offset of the opening quote. The
 * literal must be free of errors.
 */
export function offsetInString(text: string, start: number, valueOffset: number): number {
  const character = /\\u\{([0-9a-fA-F]+)\}|\\?[^]/y;
  character.lastIndex = start + 1;
  for (let units = 0; units < valueOffset; ) {
    const hex = character.exec(text)?.[1];
    units += hex !== undefined && Number.parseInt(hex, 16) > 0xffff ? 2 : 1;
  }
  return character.lastIndex;
}

const CLOSING_QUOTES: ReadonlyMap<number, string> = new Map([
  [0x27, "'"],
  [0x60, "`"],
  [0x2018, "\u2019"],
  [0x201c, "\u201d"],
  [0x201d, "\u201d"],
]);

/** Whether other languages or word processors use the character as an opening quote. */
export function isForeignQuote(unit: number): boolean {
  return CLOSING_QUOTES.has(unit);
}

/** Reports a string with other quotes. Reads it as a string if its closing quote is on the same line. */
export function readForeignString(scanner: Scanner): true {
  const start = scanner.at;
  const closing = CLOSING_QUOTES.get(scanner.peek()) ?? '"';
  let end = start + 1;
  while (!isLineEnd(scanner.text.charCodeAt(end)) && scanner.text[end] !== closing) end += 1;
  const isClosed = scanner.text[end] === closing;
  scanner.at = isClosed ? end + 1 : start + 1;
  const content = scanner.text.slice(start + 1, end);
  const span = { start, end: scanner.at };
  const hasInterpolation = closing === "`" && content.includes("${");
  scanner.error(span, 'a string needs double quotes: `"text"`', {
    help: hasInterpolation
      ? 'there is no string interpolation: join strings with `++`, as in `"a" ++ b`; convert other values first, for example with `int.to_string`'
      : 'write `"`',
    fixes: isClosed && !hasInterpolation && !/["\\]/.test(content) ? [{ title: 'write `"`', edits: [{ span, text: `"${content}"` }] }] : [],
  });
  scanner.push(isClosed ? "string" : "error", start, isClosed ? content.replace(LONE_SURROGATE, "\ufffd") : "");
  return true;
}
