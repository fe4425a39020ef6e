/** Reads strings in the quotes of other languages, to report them. */
import { BACKTICK, SINGLE_QUOTE } from "./code-units.ts";
import { isLineEnd } from "./string.ts";
import { LONE_SURROGATE, type Scanner } from "./scanner.ts";
import { rewriteInterpolation } from "./interpolation.ts";

const CLOSING_QUOTES: ReadonlyMap<number, string> = new Map([
  [SINGLE_QUOTE, "'"],
  [BACKTICK, "`"],
  [0x2018, "\u2019"],
  [0x201c, "\u201d"],
  [0x201d, "\u201d"],
]);

/** Whether other languages or word processors use the character as an opening quote. */
export function isForeignQuote(codeUnit: number): boolean {
  return CLOSING_QUOTES.has(codeUnit);
}

/** Reports a string with other quotes. Reads it as a string if its closing quote is on the same line. */
export function readForeignString(scanner: Scanner): true {
  const start = scanner.offset;
  const closing = CLOSING_QUOTES.get(scanner.peek()) ?? '"';
  let end = start + 1;
  while (!isLineEnd(scanner.text.charCodeAt(end)) && scanner.text[end] !== closing) end += 1;
  const isClosed = scanner.text[end] === closing;
  scanner.offset = isClosed ? end + 1 : start + 1;
  const content = scanner.text.slice(start + 1, end);
  const span = { start, end: scanner.offset };
  const hasInterpolation = closing === "`" && content.includes("${");
  scanner.error(span, 'a string needs double quotes: `"text"`', {
    help: hasInterpolation ? 'values are put into text with `f"{x}"`' : 'write `"`',
    fixes:
      !isClosed || /["\\]/.test(content)
        ? []
        : hasInterpolation
          ? [{ title: 'write `f"…"`', edits: [{ span, text: `f"${rewriteInterpolation(content)}"` }] }]
          : [{ title: 'write `"`', edits: [{ span, text: `"${content}"` }] }],
  });
  scanner.push(isClosed ? "string" : "error", start, isClosed ? content.replace(LONE_SURROGATE, "\ufffd") : "");
  return true;
}
