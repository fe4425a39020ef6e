/**
 * A document is text with the positions at which a line may break. A group is printed on one line if it fits. Otherwise it is broken: each
 * of its own `Line`s becomes a line break, but not those of inner groups that fit. Based on P. Wadler, "A prettier printer". The hugged
 * form is borrowed from Prettier: the last argument of a call begins on the line of `(` and ends on the line of `)`.
 */

export type Doc = Text | Comment | Concat | Indent | Inline | Group | Line | Space | Blank | TrailingComma;

interface Base {
  /** Whether the document contains a forced line break, so that no enclosing group can be printed on one line. */
  readonly forcesBreak: boolean;
}
interface Text extends Base {
  readonly kind: "text";
  readonly text: string;
}
interface Comment extends Base {
  readonly kind: "comment";
  readonly text: string;
  /** Whether the comment follows other text on its line. If not, the comment gets its own line. */
  readonly isTrailing: boolean;
  /** Whether an empty line is printed before a comment that has its own line. */
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
/** A document whose groups are all printed on one line. */
interface Inline extends Base {
  readonly kind: "inline";
  readonly doc: Doc;
}
/**
 * A document that is printed in the first of these forms that applies:
 *
 * 1. `doc` on one line, if it fits.
 * 2. `hugged`, if it is not null and its first line fits, unless `lastAlone` fits on a line of its own.
 * 3. `doc`, with a line break at each of its own `Line`s.
 *
 * `lastAlone` is the last element of the list that is printed. It is null if `hugged` is preferred wherever it fits.
 */
interface Group extends Base {
  readonly kind: "group";
  readonly doc: Doc;
  readonly hugged: Doc | null;
  readonly lastAlone: Doc | null;
}
interface Line extends Base {
  readonly kind: "line";
  /** The text to print if the line does not break here. */
  readonly unbrokenText: "" | " ";
}
interface Space extends Base {
  readonly kind: "space";
}
/** An empty line. Ignored unless it directly follows a line break. */
interface Blank extends Base {
  readonly kind: "blank";
}
/** A comma if the enclosing group is broken, otherwise nothing. */
interface TrailingComma extends Base {
  readonly kind: "comma";
}

export const EMPTY: Doc = { kind: "concat", parts: [], forcesBreak: false };
export const SPACE: Doc = { kind: "space", forcesBreak: false };
/** A space or a line break. */
export const LINE: Doc = { kind: "line", unbrokenText: " ", forcesBreak: false };
/** Nothing or a line break. */
export const SOFTLINE: Doc = { kind: "line", unbrokenText: "", forcesBreak: false };
/** Always a line break. */
export const HARDLINE: Doc = { kind: "line", unbrokenText: " ", forcesBreak: true };
export const BLANK_LINE: Doc = { kind: "blank", forcesBreak: false };
export const TRAILING_COMMA: Doc = { kind: "comma", forcesBreak: false };

export function text(content: string): Doc {
  return { kind: "text", text: content, forcesBreak: content.includes("\n") };
}

export function comment(content: string, placement: Pick<Comment, "isTrailing" | "blankBefore">): Doc {
  return { kind: "comment", text: content, ...placement, forcesBreak: true };
}

/** Concatenates a few documents. If their number depends on the program, use `concatAll`: many arguments can overflow the stack. */
export function concat(...parts: readonly Doc[]): Doc {
  return concatAll(parts);
}

export function concatAll(parts: readonly Doc[]): Doc {
  return { kind: "concat", parts, forcesBreak: parts.some((part) => part.forcesBreak) };
}

export function indent(doc: Doc): Doc {
  return { kind: "indent", doc, forcesBreak: doc.forcesBreak };
}

export function inline(doc: Doc): Doc {
  return { kind: "inline", doc, forcesBreak: doc.forcesBreak };
}

export function group(doc: Doc, { hugged = null, lastAlone = null }: Partial<Pick<Group, "hugged" | "lastAlone">> = {}): Doc {
  return { kind: "group", doc, hugged, lastAlone, forcesBreak: doc.forcesBreak };
}
