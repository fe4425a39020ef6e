/** Lists between brackets. */
import { type Doc, EMPTY, flat, group, HARD, indent, join, joinAll, LINE, SOFT, SPACE, text, TRAILING_COMMA } from "./doc.ts";
import type { Words } from "./type-text.ts";

export interface ListStyle {
  /** A space inside the brackets when they stand on one line. */
  readonly padded?: boolean;
  /** Broken when the first element stands on a line of its own in the source. */
  readonly kept?: boolean;
  /** A comma after the last element when broken. */
  readonly comma?: boolean;
  /** The last element may begin on the line of the bracket and end on the line of the other. */
  readonly hugsLast?: boolean;
  /** But not where it fits on a line of its own, beside others. */
  readonly lastStands?: boolean;
  /** As many elements on a line as fit when broken, where no comment and no empty line stands among them. */
  readonly fills?: boolean;
}

/** From the opening bracket to the closing one: so many elements, parted by commas. */
export function bracketed(w: Words, count: number, style: ListStyle, element: (index: number) => Doc): Doc {
  if (count === 0) return emptyBrackets(w);
  const open = w.take();
  const edge = style.kept === true && w.atNewLine() ? HARD : style.padded === true ? LINE : SOFT;
  const heads: Doc[] = [];
  const lines: Doc[] = [];
  const filled: Doc[] = [];
  let last = EMPTY;
  let lastLead = EMPTY;
  let plain = true;
  for (let i = 0; i < count; i++) {
    lastLead = w.lead();
    const blank = style.kept === true ? w.blank() : EMPTY;
    last = element(i);
    const comma = i === count - 1 ? EMPTY : w.at(",") ? w.takeBehind() : text(",");
    lines.push(i === 0 ? edge : LINE, lastLead, blank, last, comma);
    if (style.fills === true) filled.push(i === 0 ? join(edge, last, comma) : group(join(LINE, last, comma)));
    plain &&= lastLead === EMPTY && blank === EMPTY && !last.hard && !comma.hard;
    if (i < count - 1) heads.push(lastLead, last, comma, SPACE);
  }
  if (w.at(",")) w.drop();
  const tail = w.lead();
  const close = w.take();
  const doc = join(
    open,
    indent(join(joinAll(style.fills === true && plain ? filled : lines), style.comma === false ? EMPTY : TRAILING_COMMA, tail)),
    edge,
    close,
  );
  const head = joinAll(heads);
  const hugs = style.hugsLast === true && !head.hard && lastLead === EMPTY && tail === EMPTY;
  return group(doc, hugs ? join(open, flat(head), last, close) : null, style.lastStands === true && count > 1 ? last : null);
}

/** Two brackets with nothing but comments between them. */
export function emptyBrackets(w: Words): Doc {
  const open = w.take();
  const tail = w.lead();
  return tail === EMPTY ? join(open, w.take()) : join(open, indent(tail), HARD, w.take());
}
