/** Prints lists in brackets. */
import { type Doc, EMPTY, flat, group, HARDLINE, indent, concat, concatAll, LINE, SOFTLINE, SPACE, text, TRAILING_COMMA } from "./doc.ts";
import type { TokenStream } from "./token-stream.ts";

export interface ListStyle {
  /** Spaces inside the brackets when the list is on one line. */
  readonly padded?: boolean;
  /** The list stays broken if its first element is on a new line in the source. */
  readonly keepsBreak?: boolean;
  /** A comma after the last element of a broken list; true by default. */
  readonly comma?: boolean;
  /** The last element may begin on the line of the opening bracket and end on the line of the closing one. */
  readonly hugsLast?: boolean;
  /** Overrides `hugsLast` if the list has several elements and the last fits on a line of its own. */
  readonly lastPrefersOwnLine?: boolean;
  /** A broken list gets as many elements per line as fit, unless it contains comments or empty lines. */
  readonly fills?: boolean;
}

/** Prints `count` elements separated by commas, with the brackets around them. */
export function bracketed(t: TokenStream, count: number, style: ListStyle, element: (index: number) => Doc): Doc {
  if (count === 0) return emptyBrackets(t);
  const open = t.take();
  const edge = style.keepsBreak === true && t.startsLine() ? HARDLINE : style.padded === true ? LINE : SOFTLINE;
  const beforeLast: Doc[] = [];
  const lines: Doc[] = [];
  const filled: Doc[] = [];
  let last = EMPTY;
  let lastLead = EMPTY;
  let plain = true;
  for (let i = 0; i < count; i++) {
    lastLead = t.comments();
    const blank = style.keepsBreak === true ? t.blankLine() : EMPTY;
    last = element(i);
    const comma = i === count - 1 ? EMPTY : t.at(",") ? t.takeBeforeComments() : text(",");
    lines.push(i === 0 ? edge : LINE, lastLead, blank, last, comma);
    if (style.fills === true) filled.push(i === 0 ? concat(edge, last, comma) : group(concat(LINE, last, comma)));
    plain &&= lastLead === EMPTY && blank === EMPTY && !last.hard && !comma.hard;
    if (i < count - 1) beforeLast.push(lastLead, last, comma, SPACE);
  }
  if (t.at(",")) t.skip();
  const tail = t.comments();
  const close = t.take();
  const doc = concat(
    open,
    indent(concat(concatAll(style.fills === true && plain ? filled : lines), style.comma === false ? EMPTY : TRAILING_COMMA, tail)),
    edge,
    close,
  );
  const leading = concatAll(beforeLast);
  const hugs = style.hugsLast === true && !leading.hard && lastLead === EMPTY && tail === EMPTY;
  return group(doc, hugs ? concat(open, flat(leading), last, close) : null, style.lastPrefersOwnLine === true && count > 1 ? last : null);
}

/** Prints two brackets with only comments between them. */
export function emptyBrackets(t: TokenStream): Doc {
  const open = t.take();
  const tail = t.comments();
  return tail === EMPTY ? concat(open, t.take()) : concat(open, indent(tail), HARDLINE, t.take());
}
