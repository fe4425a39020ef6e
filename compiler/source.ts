/** Positions in a source text. The compiler uses UTF-16 offsets; people see lines and columns, tools UTF-8 byte offsets. */
import { utf8Length } from "../vm/value/utf8.ts";

export interface SourceFile {
  /** The path of the file, relative to the project. */
  readonly name: string;
  readonly text: string;
}

export interface Position {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in Unicode code points. */
  readonly column: number;
}

/** An index from offsets to lines and columns. A line ends with `\n`; the `\r` of `\r\n` belongs to the line it ends. */
export interface LineTable {
  readonly text: string;
  /** The UTF-16 offset at which each line begins, in ascending order. The first is 0. */
  readonly starts: readonly number[];
  /** The number of code points before each multiple of `STRIDE`, so that columns in long lines take constant time. */
  readonly points: readonly number[];
}

const STRIDE = 256;

export function lineTable(text: string): LineTable {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const points = [0];
  let before = 0;
  for (let at = STRIDE; at <= text.length; at += STRIDE) {
    before += codePoints(text, at - STRIDE, at);
    points.push(before);
  }
  return { text, starts, points };
}

/** The number of code points that begin between two UTF-16 offsets. A lone surrogate counts as one. */
export function codePoints(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += 1) {
    const unit = text.charCodeAt(at);
    const second = unit >= 0xdc00 && unit <= 0xdfff && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
    if (!second) count += 1;
  }
  return count;
}

function pointsBefore(table: LineTable, offset: number): number {
  const part = Math.floor(offset / STRIDE);
  return (table.points[part] ?? 0) + codePoints(table.text, part * STRIDE, offset);
}

/** The index in `starts` of the line that holds the offset. */
export function lineIndexAt(table: LineTable, offset: number): number {
  let low = 0;
  let high = table.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((table.starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The line and column of a UTF-16 offset. An offset outside the text counts as the nearest end. */
export function positionAt(table: LineTable, offset: number): Position {
  const clamped = Math.min(Math.max(offset, 0), table.text.length);
  const line = lineIndexAt(table, clamped);
  return { line: line + 1, column: pointsBefore(table, clamped) - pointsBefore(table, table.starts[line] ?? 0) + 1 };
}

/** The offsets of a line's text without its line end. `line` is 1-based. */
export function lineBounds(table: LineTable, line: number): { readonly start: number; readonly end: number } {
  const start = table.starts[line - 1] ?? table.text.length;
  const next = table.starts[line];
  if (next === undefined) return { start, end: table.text.length };
  const end = next - 1;
  return { start, end: end > start && table.text.charCodeAt(end - 1) === 0x0d ? end - 1 : end };
}

/** The UTF-8 byte offset of a UTF-16 offset. */
export function byteOffset(text: string, offset: number): number {
  return utf8Length(text.slice(0, offset));
}
