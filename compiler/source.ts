/**
 * Converts positions in a source text. The compiler uses UTF-16 offsets, messages for people use lines and columns, and
 * JSON output for tools uses UTF-8 byte offsets.
 */
import { utf8Length } from "../vm/value/utf8.ts";

export interface SourceFile {
  /** The path of the file, relative to the project. */
  readonly name: string;
  readonly text: string;
}

interface Position {
  /** The line number, which starts at 1. */
  readonly line: number;
  /** The column number, which starts at 1 and counts Unicode code points. */
  readonly column: number;
}

/** An index from offsets to lines and columns. A line ends with `\n`; the `\r` of `\r\n` belongs to the line it ends. */
export interface LineTable {
  readonly text: string;
  /** The UTF-16 offset at which each line begins, in ascending order. The first is 0. */
  readonly starts: readonly number[];
  /**
   * The number of code points before each multiple of `STRIDE_CODE_UNITS`. With these, finding a column in a long line takes constant time.
   * Undefined if the text has no surrogates, so that each code unit is a code point.
   */
  readonly codePointCounts: readonly number[] | undefined;
}

/** The distance between two entries of `LineTable.codePointCounts`. */
const STRIDE_CODE_UNITS = 256;

/** Makes the line table of a source text. */
export function lineTable(text: string): LineTable {
  const starts = [0];
  for (let lf = text.indexOf("\n"); lf !== -1; lf = text.indexOf("\n", lf + 1)) starts.push(lf + 1);
  return { text, starts, codePointCounts: /[\ud800-\udfff]/.test(text) ? countCodePointsByStride(text) : undefined };
}

function countCodePointsByStride(text: string): readonly number[] {
  const points = [0];
  let pointCount = 0;
  for (let offset = STRIDE_CODE_UNITS; offset <= text.length; offset += STRIDE_CODE_UNITS) {
    pointCount += countCodePoints(text, offset - STRIDE_CODE_UNITS, offset);
    points.push(pointCount);
  }
  return points;
}

/** Returns the number of code points that begin between two UTF-16 offsets. A lone surrogate is counted as one. */
export function countCodePoints(text: string, start: number, end: number): number {
  let count = 0;
  for (let offset = start; offset < end; offset += 1) {
    const unit = text.charCodeAt(offset);
    const isSecondHalf = unit >= 0xdc00 && unit <= 0xdfff && offset > 0 && (text.charCodeAt(offset - 1) & 0xfc00) === 0xd800;
    if (!isSecondHalf) count += 1;
  }
  return count;
}

/** Returns the number of code points before a UTF-16 offset. */
function codePointsBefore({ text, codePointCounts: points }: LineTable, offset: number): number {
  if (points === undefined) return offset;
  const part = Math.floor(offset / STRIDE_CODE_UNITS);
  return (points[part] ?? 0) + countCodePoints(text, part * STRIDE_CODE_UNITS, offset);
}

/** Returns the index in `starts` of the line that contains the offset. */
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

/** Returns the line and column of a UTF-16 offset. An offset outside the text is moved to the nearest end of the text. */
export function positionAt(table: LineTable, offset: number): Position {
  const clamped = Math.min(Math.max(offset, 0), table.text.length);
  const line = lineIndexAt(table, clamped);
  return { line: line + 1, column: codePointsBefore(table, clamped) - codePointsBefore(table, table.starts[line] ?? 0) + 1 };
}

/** Converts many offsets of one text to lines and columns. No search is needed for an offset on the same line as the offset before. */
export class PositionReader {
  readonly #table: LineTable;
  /** The index in `starts` of the line of the last offset. */
  #index = 0;
  column = 1;

  constructor(table: LineTable) {
    this.#table = table;
  }

  get line(): number {
    return this.#index + 1;
  }

  /** Moves to an offset, as `positionAt` does. */
  moveTo(offset: number): void {
    const table = this.#table;
    const { starts, text } = table;
    const clamped = Math.min(Math.max(offset, 0), text.length);
    const isSameLine = (starts[this.#index] ?? 0) <= clamped && clamped < (starts[this.#index + 1] ?? text.length + 1);
    if (!isSameLine) this.#index = lineIndexAt(table, clamped);
    this.column = codePointsBefore(table, clamped) - codePointsBefore(table, starts[this.#index] ?? 0) + 1;
  }
}

/** Returns the offsets of a line's text without its line end. `line` is the line number, which starts at 1. */
export function lineBounds(table: LineTable, line: number): { readonly start: number; readonly end: number } {
  const start = table.starts[line - 1] ?? table.text.length;
  const next = table.starts[line];
  if (next === undefined) return { start, end: table.text.length };
  const end = next - 1;
  return { start, end: end > start && table.text.charCodeAt(end - 1) === 0x0d ? end - 1 : end };
}

/** Converts a UTF-16 offset to a UTF-8 byte offset. */
export function byteOffset(text: string, offset: number): number {
  return utf8Length(text.slice(0, offset));
}
