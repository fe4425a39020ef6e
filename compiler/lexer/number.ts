/** Reads number literals. The parser checks whether an Int fits in 64 bits, because that depends on a `-` before it. */
import { DIGIT_ZERO, DOT, LOWER_B, LOWER_E, LOWER_O, LOWER_X, MINUS, PLUS, UNDERSCORE } from "./code-units.ts";
import { shorten } from "../tokens.ts";
import { isDigit, isWordPart, isWordStart, type Scanner } from "./scanner.ts";

export function readNumber(scanner: Scanner): void {
  const start = scanner.offset;
  const baseLetter = toLowerCase(scanner.peek(1));
  if (scanner.peek() === DIGIT_ZERO && (baseLetter === LOWER_X || baseLetter === LOWER_B || baseLetter === LOWER_O))
    return readOtherBase(scanner);
  readDigits(scanner);
  let isFloat = false;
  if (scanner.peek() === DOT && isDigit(scanner.peek(1))) {
    isFloat = true;
    scanner.offset += 1;
    readDigits(scanner);
  }
  if (toLowerCase(scanner.peek()) === LOWER_E) isFloat = readExponent(scanner, start, isFloat) || isFloat;
  const text = scanner.text.slice(start, scanner.offset);
  const value = text.includes("_") ? text.replaceAll("_", "") : text;
  if (!readTail(scanner, start) && isFloat && !Number.isFinite(Number(value))) {
    scanner.error({ start, end: scanner.offset }, "this Float is too large", { help: "the largest Float is about 1.797e308" });
  }
  scanner.push(isFloat ? "float" : "int", start, value);
}

/** Returns the code unit of the small letter, if `codeUnit` is an ASCII letter. */
const toLowerCase = (codeUnit: number): number => codeUnit | 0x20;

/** Reads digits, which may have a single `_` between two of them. Reports any other `_`. */
function readDigits(scanner: Scanner): void {
  const start = scanner.offset;
  while (isDigit(scanner.peek()) || scanner.peek() === UNDERSCORE) scanner.offset += 1;
  const digits = scanner.text.slice(start, scanner.offset);
  if (!digits.includes("__") && !digits.endsWith("_")) return;
  const span = { start, end: scanner.offset };
  const correction = digits.replace(/_+/g, "_").replace(/_$/, "");
  scanner.error(span, "`_` is allowed only between two digits", {
    help: `write \`${shorten(correction)}\``,
    fixes: [{ title: `write \`${shorten(correction)}\``, edits: [{ span, text: correction }] }],
  });
}

/**
 * Reads the exponent that begins at this `e`. Returns false if no digits follow, as in `1em`. Reports `1e5`, which needs a point,
 * and reads it as a Float.
 */
function readExponent(scanner: Scanner, start: number, hasPoint: boolean): boolean {
  const sign = scanner.peek(1);
  const digitAt = sign === PLUS || sign === MINUS ? 2 : 1;
  if (!isDigit(scanner.peek(digitAt))) return false;
  const mantissaEnd = scanner.offset;
  scanner.offset += digitAt;
  readDigits(scanner);
  if (hasPoint) return true;
  const span = { start, end: scanner.offset };
  const correction = `${scanner.text.slice(start, mantissaEnd)}.0${scanner.text.slice(mantissaEnd, scanner.offset)}`;
  scanner.error(span, "a number with an exponent is a Float and needs a point", {
    help: `write \`${shorten(correction)}\``,
    fixes: [{ title: `write \`${shorten(correction)}\``, edits: [{ span, text: correction }] }],
  });
  return true;
}

/** Suffixes of numbers in Rust, TypeScript, Java and C. */
const NUMBER_SUFFIX = /^(?:_?[iu](?:8|16|32|64|128|size)|_?f(?:32|64)?|n|[uU]?[lL]{1,2}|[uU]|F)$/;

/** Reports and skips letters directly after a number. Returns whether there were any letters. */
function readTail(scanner: Scanner, start: number): boolean {
  if (!isWordStart(scanner.peek())) return false;
  const tailStart = scanner.offset;
  while (isWordPart(scanner.peek())) scanner.offset += 1;
  const letters = scanner.text.slice(tailStart, scanner.offset);
  if (NUMBER_SUFFIX.test(letters)) {
    const span = { start: tailStart, end: scanner.offset };
    const isFloat = /^f/i.test(letters) && !scanner.text.slice(start, tailStart).includes(".");
    scanner.error(span, `a number has no suffix like \`${letters}\``, {
      help: "a number with a point is a Float, any other is an Int",
      fixes: [{ title: isFloat ? "write `.0`" : `remove \`${letters}\``, edits: [{ span, text: isFloat ? ".0" : "" }] }],
    });
    return true;
  }
  scanner.error({ start, end: scanner.offset }, `\`${shorten(letters)}\` cannot follow a number`, {
    help: "put a space or an operator between them; a name cannot begin with a digit",
  });
  return true;
}

function readOtherBase(scanner: Scanner): void {
  const start = scanner.offset;
  while (isWordPart(scanner.peek())) scanner.offset += 1;
  const span = { start, end: scanner.offset };
  const literal = scanner.text.slice(start, scanner.offset).replaceAll("_", "");
  const decimal =
    literal.length <= 18 && /^0([xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)$/.test(literal) ? BigInt(literal).toString() : undefined;
  scanner.error(span, "numbers are decimal", {
    help: decimal === undefined ? "write the number in decimal digits" : `write \`${decimal}\``,
    fixes: decimal === undefined ? [] : [{ title: `write \`${decimal}\``, edits: [{ span, text: decimal }] }],
  });
  scanner.push("int", start, decimal ?? "0");
}
