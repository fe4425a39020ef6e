/** Lists between brackets. */
import { type Doc, EMPTY, flat, group, HARD, indent, join, joinAll, LINE, SOFT, SPACE, text, TRAILING_COMMA } from "./doc.ts";
import type { Words } from "./words.ts";

export interface ListStyle {
  /** A space inside the brackets when they stand on one line. */
  readonly padded?: boolean;
  /** Broken when the first element stands on a line of its own in the source. */
  readonly kept?: boolean;
  /** A comma after the last element when broken. */
  readonly comma?: boolean;
  /** The last element may begin on the line of the bracket and end on the line of the other. */
  readonly hugsLast?: boolean;
}

/** From the opening bracket to the closing one: so many elements, parted by commas. */
export function bracketed(w: Words, count: number, style: ListStyle, element: (index: number) => Doc): Doc {
  if (count === 0) return emptyBrackets(w);
  const open = w.take();
  const edge = style.kept === true && w.atNewLine() ? HARD : style.padded === true ? LINE : SOFT;
  const heads: Doc[] = [];
  const lines: Doc[] = [];
  let last = EMPTY;
  let lastLead = EMPTY;
  for (let i = 0; i < count; i++) {
    lastLead = w.lead();
    lines.push(i === 0 ? edge : LINE, lastLead, style.kept === true ? w.blank() : EMPTY);
    last = element(i);
    lines.push(last);
    if (i === count - 1) break;
    const comma = w.at(",") ? w.takeBehind() : text(",");
    lines.push(comma);
    heads.push(lastLead, last, comma, SPACE);
  }
  if (w.at(",")) w.drop();
  const tail = w.lead();
  const close = w.take();
  const doc = join(open, indent(join(joinAll(lines), style.comma === false ? EMPTY : TRAILING_COMMA, tail)), edge, close);
  const head = joinAll(heads);
  const hugs = style.hugsLast === true && !head.hard && lastLead === EMPTY && tail === EMPTY;
  return group(doc, hugs ? join(open, flat(head), last, close) : null);
}

/** Two brackets with nothing but comments between them. */
export function emptyBrackets(w: Words): Doc {
  const open = w.take();
  const tail = w.lead();
  return tail === EMPTY ? join(open, w.take()) : join(open, indent(tail), HARD, w.take());
}
