/** Places of programs as text for a terminal. */
import type { CodePlace } from "../../vm/bytecode/module.ts";
import type { SourceFrame } from "./source-location.ts";

/** Text of programs and logs that reaches a terminal: control and direction-changing characters become visible escapes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** `main (app.ax:3:5)`. */
export function placeText(place: CodePlace): string {
  if (place.line === undefined || place.file === undefined) return `${printable(place.function)}, instruction ${place.pc}`;
  return `${printable(place.function)} (${printable(place.file)}:${place.line}:${place.column ?? 1})`;
}

/** Columns that a frame shows of one line. */
const FRAME_COLUMNS = 160;

/** The source lines with a caret under what is meant; without line feeds. */
export function frameLines(frame: SourceFrame): readonly string[] {
  const width = String(frame.line).length;
  const gutter = " ".repeat(width);
  const lines = [`${gutter} --> ${printable(frame.file)}:${frame.line}:${frame.column}`];
  for (const { number, text } of frame.lines) {
    lines.push(`${String(number).padStart(width)} | ${framed(Array.from(text).slice(0, FRAME_COLUMNS).join(""))}`);
  }
  if (frame.column <= FRAME_COLUMNS) {
    const last = frame.lines.at(-1)?.text ?? "";
    const before = framed(
      Array.from(last)
        .slice(0, frame.column - 1)
        .join(""),
    ).replace(/[^ ]/gu, " ");
    const marked = Math.min(frame.endColumn, FRAME_COLUMNS + 1) - frame.column;
    lines.push(`${gutter} | ${before}${"^".repeat(Math.max(1, marked))}`);
  }
  return lines;
}

const framed = (text: string): string => printable(text.replaceAll("\t", "    "));
