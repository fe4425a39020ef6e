/** Reads strings: their escapes, text blocks, and holes, which are the `{x}` in `f"a{x}b"`. */
import {
  BACKSLASH,
  CARRIAGE_RETURN,
  CLOSE_BRACE,
  DOUBLE_QUOTE,
  LINE_FEED,
  LOWER_F,
  LOWER_R,
  OPEN_BRACE,
  SPACE,
  TAB,
} from "./code-units.ts";
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

/** A literal that is being read. */
interface Literal {
  /** The offset of its first character, the prefix or the quote. */
  readonly start: number;
  readonly isRaw: boolean;
  readonly hasHoles: boolean;
  /** A text block, or null for a string on one line. */
  readonly block: TextBlock | null;
}

/** The content of a text block is the lines between its quotes, without the indentation of the closing quotes. */
interface TextBlock {
  readonly indentation: string;
  /** The end of the last line of the content. */
  readonly contentEnd: number;
  /** The end of the closing quotes. */
  readonly end: number;
}

const QUOTES = '"""';

/** Whether a string begins here: `"`, `f"` or `r"`. */
export function atString(scanner: Scanner): boolean {
  const codeUnit = scanner.peek();
  return codeUnit === DOUBLE_QUOTE || ((codeUnit === LOWER_F || codeUnit === LOWER_R) && scanner.peek(1) === DOUBLE_QUOTE);
}

/**
 * Reads a string: `"…"`, the raw string `r"…"`, the interpolated string `f"…{x}…"`, or a text block with three quotes. A string with
 * holes is read up to its first hole.
 */
export function readString(scanner: Scanner): void {
  const start = scanner.offset;
  const [isRaw, hasHoles] = [scanner.peek() === LOWER_R, scanner.peek() === LOWER_F];
  if (isRaw || hasHoles) scanner.offset += 1;
  if (!scanner.text.startsWith(QUOTES, scanner.offset)) {
    scanner.offset += 1;
    readPart({ start, isRaw, hasHoles, block: null }, scanner, start, "first");
    return;
  }
  const block = readBlockStart(scanner, start);
  if (block !== undefined) readPart({ start, isRaw, hasHoles, block }, scanner, start, "first");
}

/** Reads the opening quotes of a text block and finds the closing ones, which begin a line. Reports misplaced quotes. */
function readBlockStart(scanner: Scanner, start: number): TextBlock | undefined {
  const { text } = scanner;
  const opener = scanner.offset;
  scanner.offset += QUOTES.length;
  const contentStart = scanner.offset;
  while (scanner.peek() === SPACE || scanner.peek() === TAB) scanner.offset += 1;
  if (!isLineEnd(scanner.peek())) {
    while (!isLineEnd(scanner.peek()) && !text.startsWith(QUOTES, scanner.offset)) scanner.offset += 1;
    if (text.startsWith(QUOTES, scanner.offset)) scanner.offset += QUOTES.length;
    scanner.error({ start, end: scanner.offset }, 'the text of a text block begins on the line after `"""`', {
      help: 'for text on one line write `"text"`; the closing `"""` begins a line of its own',
    });
    scanner.push("error", start);
    return undefined;
  }
  const closing = /\n([ \t]*)"""/g;
  closing.lastIndex = scanner.offset;
  const match = closing.exec(text);
  if (match === null) return reportUnclosedBlock(scanner, opener, contentStart);
  const firstLine = text.indexOf("\n", contentStart) + 1;
  const contentEnd = text[match.index - 1] === "\r" ? match.index - 1 : match.index;
  scanner.offset = Math.min(firstLine, contentEnd);
  const block = { indentation: match[1] ?? "", contentEnd, end: closing.lastIndex };
  // Without a line between the quotes, the text is empty.
  if (firstLine > match.index) scanner.offset = contentEnd;
  else skipIndentation(scanner, block);
  return block;
}

function reportUnclosedBlock(scanner: Scanner, opener: number, contentStart: number): undefined {
  const next = scanner.text.indexOf(QUOTES, contentStart);
  scanner.offset = next < 0 ? scanner.text.length : next + QUOTES.length;
  if (next < 0)
    scanner.error({ start: opener, end: contentStart }, 'this text block has no closing `"""`', {
      help: 'write `"""` on a line of its own',
    });
  else reportInnerQuotes(scanner, next);
  scanner.push("error", opener);
  return undefined;
}

function reportInnerQuotes(scanner: Scanner, quotesStart: number): void {
  scanner.error({ start: quotesStart, end: quotesStart + QUOTES.length }, 'the closing `"""` of a text block begins a line of its own', {
    help: 'put it on the next line; inside the text write `\\"""`',
  });
}

/** Skips the indentation of a line of a text block. A line without other characters may have less. */
function skipIndentation(scanner: Scanner, { indentation }: TextBlock): void {
  const { text } = scanner;
  const start = scanner.offset;
  let length = 0;
  while (length < indentation.length && text[start + length] === indentation[length]) length += 1;
  scanner.offset += length;
  if (length === indentation.length) return;
  while (scanner.peek() === SPACE || scanner.peek() === TAB) scanner.offset += 1;
  if (isLineEnd(scanner.peek())) return;
  scanner.error({ start, end: scanner.offset + 1 }, 'this line of the text block is indented less than its closing `"""`', {
    help: 'the indentation of the closing `"""` is removed from every line',
  });
}

/**
 * Reads the part of a literal from here to its end or to its next hole, and pushes the token, which begins at `tokenStart`. The `position` is
 * `later` after a hole.
 */
function readPart(literal: Literal, scanner: Scanner, tokenStart: number, position: "first" | "later"): void {
  const { block, isRaw } = literal;
  const pieces: string[] = [];
  const push = (kind: TokenKind): void => scanner.push(kind, tokenStart, pieces.join("").replace(LONE_SURROGATE, "\ufffd"));
  for (;;) {
    const pieceStart = scanner.offset;
    while (!isSpecial(literal, scanner)) scanner.offset += 1;
    if (scanner.offset > pieceStart) pieces.push(scanner.text.slice(pieceStart, scanner.offset));
    const codeUnit = scanner.peek();
    if (block === null ? codeUnit === DOUBLE_QUOTE : scanner.offset >= block.contentEnd) break;
    if (block === null && isLineEnd(codeUnit)) return reportUnterminated(scanner, tokenStart);
    if (codeUnit === LINE_FEED) {
      scanner.offset += 1;
      pieces.push("\n");
      if (block !== null) skipIndentation(scanner, block);
    } else if (codeUnit === CARRIAGE_RETURN) scanner.offset += 1;
    else if (codeUnit === DOUBLE_QUOTE) {
      reportInnerQuotes(scanner, scanner.offset);
      scanner.offset += QUOTES.length;
      scanner.push("error", tokenStart);
      return;
    } else if (codeUnit === OPEN_BRACE && scanner.peek(1) !== OPEN_BRACE) {
      openHole(literal, scanner);
      push(position === "first" ? "text{" : "}text{");
      return;
    } else if (codeUnit === OPEN_BRACE || codeUnit === CLOSE_BRACE) pieces.push(readBrace(scanner));
    else if (block === null && isLineEnd(scanner.peek(1))) return reportUnterminated(scanner, tokenStart);
    else if (!isRaw) pieces.push(readEscape(scanner));
  }
  scanner.offset = block === null ? scanner.offset + 1 : block.end;
  push(position === "first" ? "string" : "}text");
}

/** Whether the code unit here is special, such as a quote, a backslash or a brace, so that it ends a run of ordinary characters. */
function isSpecial({ block, isRaw, hasHoles }: Literal, scanner: Scanner): boolean {
  const codeUnit = scanner.peek();
  if (block !== null && scanner.offset >= block.contentEnd) return true;
  if (codeUnit === DOUBLE_QUOTE) return block === null || scanner.text.startsWith(QUOTES, scanner.offset);
  if (codeUnit === BACKSLASH) return !isRaw;
  if (codeUnit === CARRIAGE_RETURN) return block === null || scanner.peek(1) === LINE_FEED;
  return codeUnit === LINE_FEED || Number.isNaN(codeUnit) || (hasHoles && (codeUnit === OPEN_BRACE || codeUnit === CLOSE_BRACE));
}

export function isLineEnd(codeUnit: number): boolean {
  return codeUnit === LINE_FEED || codeUnit === CARRIAGE_RETURN || Number.isNaN(codeUnit);
}

/** Takes the `{` of a hole, whose tokens the lexer reads next. */
function openHole(literal: Literal, scanner: Scanner): void {
  const start = scanner.offset;
  scanner.offset += 1;
  const resume = (): void => {
    const tokenStart = scanner.offset;
    scanner.offset += 1;
    scanner.holes.pop();
    readPart(literal, scanner, tokenStart, "later");
  };
  scanner.holes.push({ start, end: literal.block?.end ?? -1, resume, braces: 0 });
}

/** Reads `{{` or `}}` and returns one brace. A single `}` is an error. */
function readBrace(scanner: Scanner): string {
  const start = scanner.offset;
  const brace = scanner.text.charAt(start);
  const isDouble = scanner.text[start + 1] === brace;
  scanner.offset += isDouble ? 2 : 1;
  if (isDouble) return brace;
  const span = { start, end: scanner.offset };
  scanner.error(span, "a `}` in a text with holes is written `}}`", {
    help: "write `}}`",
    fixes: [{ title: "write `}}`", edits: [{ span, text: "}}" }] }],
  });
  return brace;
}

/** Reports the innermost hole, which does not end on its line. Reading continues here, or after the text block that the hole is in. */
export function reportOpenHole(scanner: Scanner): void {
  const hole = scanner.holes.at(-1);
  const start = hole?.start ?? scanner.offset;
  // The hole may be in a text block, which does not end on this line.
  const end = Math.max(scanner.offset, ...scanner.holes.map((open) => open.end));
  scanner.holes.length = 0;
  scanner.error({ start, end: start + 1 }, "this `{` has no `}` on its line", {
    help: 'in `f"…"`, a `{` begins a value that ends with `}` on the same line; the character is written `{{`',
  });
  scanner.offset = end;
  scanner.push("error", end);
}

/**
 * Reports a string without a closing quote, which ends at the end of its line. If the line ends with brackets that close those opened
 * earlier on it, the string ends before them. Otherwise they would be reported as missing.
 */
function reportUnterminated(scanner: Scanner, start: number): void {
  if (scanner.holes.length > 0) {
    while (!isLineEnd(scanner.peek())) scanner.offset += 1;
    return reportOpenHole(scanner);
  }
  while (!isLineEnd(scanner.peek())) scanner.offset += 1;
  const lineEnd = scanner.offset;
  scanner.offset = lineEnd - closersAtEnd(scanner, start, lineEnd).length;
  const before = scanner.offset < lineEnd ? ` before \`${scanner.text.slice(scanner.offset, lineEnd).trim()}\`` : " on the same line";
  const span = { start, end: scanner.offset };
  scanner.error(span, "this string has no closing quote", {
    help: `close it with \`"\`${before}; write \`\\n\` for a line break`,
    fixes:
      scanner.text[scanner.offset - 1] === "\\"
        ? []
        : [{ title: 'insert `"`', edits: [{ span: { start: scanner.offset, end: scanner.offset }, text: '"' }] }],
  });
  scanner.push("error", start);
}

/** If the line ends with brackets that close exactly those opened on it before `start`, returns its text from the first of them; otherwise "". */
function closersAtEnd({ tokens, text }: Scanner, start: number, lineEnd: number): string {
  let expected = "";
  for (let i = tokens.length - 1, depth = 0; i >= 0; i--) {
    const token = tokens[i];
    const closer = token === undefined ? undefined : CLOSERS.get(token.kind);
    if (closer !== undefined && depth === 0) expected += closer;
    else if (closer !== undefined) depth -= 1;
    else if (token?.kind === ")" || token?.kind === "]" || token?.kind === "}") depth += 1;
    if (token?.isAfterLineBreak === true) break;
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
  const start = scanner.offset;
  const letter = String.fromCodePoint(scanner.text.codePointAt(start + 1) ?? 0);
  const simple = SIMPLE_ESCAPES.get(letter);
  scanner.offset += 1 + letter.length;
  if (simple !== undefined) return simple;
  if (letter === "u") return readUnicodeEscape(scanner, start);
  const codePoint = letter.codePointAt(0) ?? 0;
  const isPrintable = codePoint > 0x20 && codePoint < 0x7f;
  const escapeText = isPrintable ? `\`\\${letter}\`` : `a backslash before ${codePointName(codePoint)}`;
  const span = { start, end: scanner.offset };
  scanner.error(span, `${escapeText} is not an escape`, {
    help:
      letter === "{" || letter === "}"
        ? `write \`${letter}\` for the character; in \`f"…"\` write it twice`
        : `${ESCAPES_HELP}; a raw string, \`r"\\d"\`, has none`,
    fixes: isPrintable ? [{ title: "write the backslash itself", edits: [{ span: { start, end: start + 1 }, text: "\\\\" }] }] : [],
  });
  return "\ufffd";
}

/** Reads the code point after `\u`: one to six hex digits in braces that are not a surrogate. */
function readUnicodeEscape(scanner: Scanner, start: number): string {
  const digits = /\{([0-9a-fA-F]{1,6})\}/y;
  digits.lastIndex = scanner.offset;
  const match = digits.exec(scanner.text);
  if (match === null) {
    const bareDigits = /^[0-9a-fA-F]{4}/.exec(scanner.text.slice(scanner.offset, scanner.offset + 4))?.[0] ?? "";
    scanner.offset += bareDigits.length;
    const span = { start, end: scanner.offset };
    scanner.error(span, "`\\u` needs a code point in braces", {
      help: `write it with one to six hex digits: \`\\u{${bareDigits || "e9"}}\``,
      fixes: bareDigits === "" ? [] : [{ title: "add the braces", edits: [{ span, text: `\\u{${bareDigits}}` }] }],
    });
    return "\ufffd";
  }
  scanner.offset += match[0].length;
  const codePoint = Number.parseInt(match[1] ?? "", 16);
  if (codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff)) return String.fromCodePoint(codePoint);
  const problem = codePoint > 0x10ffff ? "is above the last character, U+10FFFF" : "is half of a surrogate pair, not a character";
  scanner.error({ start, end: scanner.offset }, `${codePointName(codePoint)} ${problem}`, {
    help: "a string holds Unicode characters: U+0000 to U+D7FF and U+E000 to U+10FFFF",
  });
  return "\ufffd";
}

/**
 * Converts an offset in the value of a string to an offset in the source. `start` is where the literal begins. The string must be free of
 * errors and holes. Returns undefined for a text block.
 */
export function offsetInString(text: string, start: number, valueOffset: number): number | undefined {
  if (text.slice(start, start + QUOTES.length + 1).includes(QUOTES)) return undefined;
  if (text[start] === "r") return start + 2 + valueOffset;
  const character = /\\u\{([0-9a-fA-F]+)\}|\\?[^]/y;
  character.lastIndex = text.indexOf('"', start) + 1;
  for (let units = 0; units < valueOffset; ) {
    const hex = character.exec(text)?.[1];
    units += hex !== undefined && Number.parseInt(hex, 16) > 0xffff ? 2 : 1;
  }
  return character.lastIndex;
}
