/**
 * Documents: text with the places where a line may break. A group is printed on one line if it fits, else its own
 * line breaks apply. After P. Wadler, "A prettier printer"; `hugged` is as in Prettier.
 */

export type Doc = Text | Comment | Concat | Indent | Flat | Group | Line | Space | Blank | TrailingComma;

interface Base {
  /** Contains a forced line break, so no group around it fits on one line. */
  readonly hard: boolean;
}
interface Text extends Base {
  readonly kind: "text";
  readonly text: string;
}
interface Comment extends Base {
  readonly kind: "comment";
  readonly text: string;
  /** Follows other text on its line; otherwise the comment has a line of its own. */
  readonly trailing: boolean;
  readonly blankBefore: boolean;
}
interface Concat extends Base {
  readonly kind: "concat";
  readonly parts: readonly Doc[];
}
interface Indent extends Base {
  readonly kind: "indent";
  readonly doc: Doc;
}
/** All groups inside are printed on one line. */
interface Flat extends Base {
  readonly kind: "flat";
  readonly doc: Doc;
}
/**
 * Printed on one line if it fits; else as `hugged`, if the first line of that fits; else with a break at each of its
 * own lines. `hugged` is not used if `short` fits on a line of its own.
 */
interface Group extends Base {
  readonly kind: "group";
  readonly doc: Doc;
  readonly hugged: Doc | null;
  readonly short: Doc | null;
}
interface Line extends Base {
  readonly kind: "line";
  /** What to print if the line does not break here. */
  readonly flat: "" | " ";
}
interface Space extends Base {
  readonly kind: "space";
}
/** An empty line; only after a line break. */
interface Blank extends Base {
  readonly kind: "blank";
}
/** A comma if the group is broken, else nothing. */
interface TrailingComma extends Base {
  readonly kind: "comma";
}

export const EMPTY: Doc = { kind: "concat", parts: [], hard: false };
export const SPACE: Doc = { kind: "space", hard: false };
/** A space or a line break. */
export const LINE: Doc = { kind: "line", flat: " ", hard: false };
/** Nothing or a line break. */
export const SOFTLINE: Doc = { kind: "line", flat: "", hard: false };
/** Always a line break. */
export const HARDLINE: Doc = { kind: "line", flat: " ", hard: true };
export const BLANK_LINE: Doc = { kind: "blank", hard: false };
export const TRAILING_COMMA: Doc = { kind: "comma", hard: false };

export function text(content: string): Doc {
  return { kind: "text", text: content, hard: content.includes("\n") };
}

export function comment(content: string, trailing: boolean, blankBefore: boolean): Doc {
  return { kind: "comment", text: content, trailing, blankBefore, hard: true };
}

/** Concatenates a few documents. Use `concatAll` for lists whose length depends on the program: arguments go on the stack. */
export function concat(...parts: readonly Doc[]): Doc {
  return concatAll(parts);
}

export function concatAll(parts: readonly Doc[]): Doc {
  return { kind: "concat", parts, hard: parts.some((part) => part.hard) };
}

export function indent(doc: Doc): Doc {
  return { kind: "indent", doc, hard: doc.hard };
}

export function flat(doc: Doc): Doc {
  return { kind: "flat", doc, hard: doc.hard };
}

export function group(doc: Doc, hugged: Doc | null = null, short: Doc | null = null): Doc {
  return { kind: "group", doc, hugged, short, hard: doc.hard };
}
