/** Prints lists in brackets, whose tokens come from the stream `t`. */
import { type Doc, EMPTY, group, HARDLINE, indent, inline, concat, concatAll, LINE, SOFTLINE, SPACE, text, TRAILING_COMMA } from "./doc.ts";
import type { TokenStream } from "./token-stream.ts";

interface ListStyle {
  /** Whether a list on one line has spaces inside its brackets. */
  readonly isPadded?: boolean;
  /** Whether the list stays broken if its first element is on a new line in the source. */
  readonly keepsBreak?: boolean;
  /** Whether a broken list has a comma after its last element; true by default. */
  readonly hasTrailingComma?: boolean;
  /** Whether the last element may begin on the line of the opening bracket and end on the line of the closing bracket. */
  readonly hugsLast?: boolean;
  /** Whether `hugsLast` is ignored if the list has several elements and the last one fits on its own line. */
  readonly lastPrefersOwnLine?: boolean;
  /** Whether a broken list has as many elements on each line as fit. Ignored if the list contains comments or empty lines. */
  readonly fills?: boolean;
}

/** Prints `count` elements separated by commas, with the brackets around them. */
export function printList(t: TokenStream, count: number, style: ListStyle, element: (index: number) => Doc): Doc {
  if (count === 0) return printEmptyBrackets(t);
  const opener = t.take();
  /** The line break after the opening and before the closing bracket. */
  const edgeBreak = style.keepsBreak === true && t.nextStartsLine() ? HARDLINE : style.isPadded === true ? LINE : SOFTLINE;
  const partsBeforeLast: Doc[] = [];
  /** The layout with one element per line. */
  const lines: Doc[] = [];
  /** The layout with as many elements per line as fit, which is used if `canFill`. */
  const filledLines: Doc[] = [];
  let lastElement = EMPTY;
  let commentsBeforeLast = EMPTY;
  let canFill = style.fills === true;
  for (let i = 0; i < count; i++) {
    commentsBeforeLast = t.takeComments();
    const blank = style.keepsBreak === true ? t.sourceBlankLine() : EMPTY;
    lastElement = element(i);
    const comma = i === count - 1 ? EMPTY : t.at(",") ? t.takeAheadOfComments() : text(",");
    lines.push(i === 0 ? edgeBreak : LINE, commentsBeforeLast, blank, lastElement, comma);
    if (style.fills === true) filledLines.push(i === 0 ? concat(edgeBreak, lastElement, comma) : group(concat(LINE, lastElement, comma)));
    canFill &&= commentsBeforeLast === EMPTY && blank === EMPTY && !lastElement.forcesBreak && !comma.forcesBreak;
    if (i < count - 1) partsBeforeLast.push(commentsBeforeLast, lastElement, comma, SPACE);
  }
  if (t.at(",")) t.drop();
  const endComments = t.takeComments();
  const closer = t.take();
  const doc = concat(
    opener,
    indent(concat(concatAll(canFill ? filledLines : lines), style.hasTrailingComma === false ? EMPTY : TRAILING_COMMA, endComments)),
    edgeBreak,
    closer,
  );
  const elementsBeforeLast = concatAll(partsBeforeLast);
  const canHug = style.hugsLast === true && !elementsBeforeLast.forcesBreak && commentsBeforeLast === EMPTY && endComments === EMPTY;
  const hugged = canHug ? concat(opener, inline(elementsBeforeLast), lastElement, closer) : null;
  return group(doc, { hugged, lastAlone: style.lastPrefersOwnLine === true && count > 1 ? lastElement : null });
}

/** Prints two brackets with only comments between them. */
export function printEmptyBrackets(t: TokenStream): Doc {
  const opener = t.take();
  const endComments = t.takeComments();
  return endComments === EMPTY ? concat(opener, t.take()) : concat(opener, indent(endComments), HARDLINE, t.take());
}
