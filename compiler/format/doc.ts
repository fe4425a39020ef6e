/** What is to be printed, with the places where a line may end. After P. Wadler, "A prettier printer". */

export type Doc = Text | Comment | Parts | Indent | Flat | Group | Line | Space | Blank | TrailingComma;

interface Base {
  /** Holds something that cannot stand on one line: groups around it are broken. */
  readonly hard: boolean;
}
interface Text extends Base {
  readonly kind: "text";
  readonly text: string;
}
interface Comment extends Base {
  readonly kind: "comment";
  readonly text: string;
  /** On the line of what stands before it; else on a line of its own. */
  readonly trailing: boolean;
  readonly blankBefore: boolean;
}
interface Parts extends Base {
  readonly kind: "parts";
  readonly parts: readonly Doc[];
}
interface Indent extends Base {
  readonly kind: "indent";
  readonly doc: Doc;
}
/** No group in it is broken. */
interface Flat extends Base {
  readonly kind: "flat";
  readonly doc: Doc;
}
/**
 * On one line where it fits; else `hugged`, when its first line fits; else broken at every line of its own. Not hugged
 * where `short` fits on a line of its own.
 */
interface Group extends Base {
  readonly kind: "group";
  readonly doc: Doc;
  readonly hugged: Doc | null;
  readonly short: Doc | null;
}
interface Line extends Base {
  readonly kind: "line";
  /** Where the line does not end there. */
  readonly flat: "" | " ";
}
interface Space extends Base {
  readonly kind: "space";
}
/** An empty line, where a line has just ended. */
interface Blank extends Base {
  readonly kind: "blank";
}
/** A comma where the group is broken. */
interface TrailingComma extends Base {
  readonly kind: "comma";
}

export const EMPTY: Doc = { kind: "parts", parts: [], hard: false };
export const SPACE: Doc = { kind: "space", hard: false };
/** A space or a line end. */
export const LINE: Doc = { kind: "line", flat: " ", hard: false };
/** Nothing or a line end. */
export const SOFT: Doc = { kind: "line", flat: "", hard: false };
export const HARD: Doc = { kind: "line", flat: " ", hard: true };
export const BLANK: Doc = { kind: "blank", hard: false };
export const TRAILING_COMMA: Doc = { kind: "comma", hard: false };

export function text(content: string): Doc {
  return { kind: "text", text: content, hard: content.includes("\n") };
}

export function comment(content: string, trailing: boolean, blankBefore: boolean): Doc {
  return { kind: "comment", text: content, trailing, blankBefore, hard: true };
}

/** For few parts; as many as a program holds go through `joinAll`. */
export function join(...parts: readonly Doc[]): Doc {
  return joinAll(parts);
}

export function joinAll(parts: readonly Doc[]): Doc {
  return { kind: "parts", parts, hard: parts.some((part) => part.hard) };
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
