/** Lays out text in columns of a terminal. */
import { replaceUnsafe } from "../../vm/terminal-text.ts";

const STYLES = { head: "1", frame: "1;34", error: "1;31", dim: "2" } as const;

/** Returns the text in a style, or unchanged if colors are off. */
export type Paint = (text: string, style: keyof typeof STYLES) => string;

export const paintNothing: Paint = (text) => text;
export const paintAnsi: Paint = (text, style) => `\u001b[${STYLES[style]}m${text}\u001b[0m`;

/** Characters that a terminal shows two columns wide: East Asian wide characters and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const COMBINING = /^[\p{M}\u200b-\u200d\u2060]$/u;

const columnsOf = (character: string): number => (COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** Makes a text printable on one line and cuts it to `width` columns, with `…` in place of what is cut. */
export function cut(text: string, width: number): string {
  // Looks at no more than 8 code units for each column, so a long text costs no more than a short one.
  const safe = replaceUnsafe(text.length > 8 * width ? text.slice(0, 8 * width) : text);
  let columns = 0;
  let shown = "";
  /** The part of `shown` that leaves room for the `…`. */
  let fitting = "";
  for (const character of safe) {
    columns += columnsOf(character);
    if (columns > width) return `${fitting}…`;
    shown += character;
    if (columns < width) fitting = shown;
  }
  return shown;
}

/** Like `cut`, but keeps the end of the text. */
export function cutStart(text: string, width: number): string {
  let columns = 0;
  const shown: string[] = [];
  const characters = Array.from(replaceUnsafe(text));
  for (const character of characters.toReversed()) {
    columns += columnsOf(character);
    shown.push(character);
    if (columns <= width) continue;
    while (columns > width - 1) columns -= columnsOf(shown.pop() ?? "");
    return `…${shown.toReversed().join("")}`;
  }
  return characters.join("");
}

/** Pads a text with spaces to `width` columns. */
export function pad(text: string, width: number): string {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return text + " ".repeat(Math.max(0, width - columns));
}
