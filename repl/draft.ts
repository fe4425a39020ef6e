/**
 * The program (draft) that a session makes of its entries. Maps positions in the program to positions in the entries that the user typed.
 */
import type { Span } from "../compiler/ast.ts";
import { lineTable, type LineTable, lineBounds, positionAt } from "../compiler/source.ts";

/** A text that the user typed, and its name in messages. */
export interface EntryText {
  readonly name: string;
  readonly text: string;
}

/** A part of the program that comes from an entry. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly entry: EntryText;
  /** Where the part starts in the entry. */
  readonly entryOffset: number;
}

const INDENT = "    ";

export class SessionProgram {
  text = "";
  readonly #pieces: Piece[] = [];
  #lines: LineTable | undefined;

  /** Adds text that no user typed. */
  addGenerated(text: string): void {
    this.text += text;
  }

  /** Adds an entry, or a part of it. */
  addEntry(entry: EntryText, { start, end }: Span = { start: 0, end: entry.text.length }): void {
    const from = this.text.length;
    this.text += entry.text.slice(start, end);
    this.#pieces.push({ start: from, end: this.text.length, entry, entryOffset: start });
  }

  /** Adds an entry as statements. Indents each line, because text in the first column would begin an item. Empty lines stay empty. */
  addStatements(entry: EntryText, { start, end }: Span = { start: 0, end: entry.text.length }): void {
    for (let offset = start; offset < end; ) {
      const lineEnd = entry.text.indexOf("\n", offset);
      const next = lineEnd < 0 || lineEnd >= end ? end : lineEnd + 1;
      const isLineStart = offset === 0 || entry.text.charAt(offset - 1) === "\n";
      if (isLineStart && entry.text.slice(offset, next).trim() !== "") this.addGenerated(INDENT);
      this.addEntry(entry, { start: offset, end: next });
      offset = next;
    }
  }

  /** Maps a span of the program to a span of an entry. Returns undefined for text that no user typed. */
  entryAt({ start, end }: Span): { readonly entry: EntryText; readonly span: Span } | undefined {
    const piece = this.#pieces.find((candidate) => candidate.start <= start && start <= candidate.end);
    if (piece === undefined) return undefined;
    const last = this.#pieces.findLast((candidate) => candidate.entry === piece.entry && candidate.start <= end);
    const offsetIn = (target: Piece, offset: number): number =>
      target.entryOffset + Math.min(Math.max(offset, target.start), target.end) - target.start;
    const from = offsetIn(piece, start);
    return { entry: piece.entry, span: { start: from, end: Math.max(from, last === undefined ? from : offsetIn(last, end)) } };
  }

  /** Returns the offset in the program for an offset in an entry. Undefined if the program does not contain that part of the entry. */
  offsetOf(entry: EntryText, offset: number): number | undefined {
    const piece = this.#pieces.findLast((candidate) => candidate.entry === entry && candidate.entryOffset <= offset);
    if (piece === undefined || offset > piece.entryOffset + piece.end - piece.start) return undefined;
    return piece.start + offset - piece.entryOffset;
  }

  /** Returns the place in an entry for a line and column of the program. Columns count code points. */
  placeOf(line: number, column: number): { readonly entry: EntryText; readonly line: number; readonly column: number } | undefined {
    this.#lines ??= lineTable(this.text);
    if (line > this.#lines.starts.length) return undefined;
    const { start, end } = lineBounds(this.#lines, line);
    const before = Array.from(this.text.slice(start, end))
      .slice(0, column - 1)
      .join("").length;
    const offset = start + before;
    const found = this.entryAt({ start: offset, end: offset });
    return found === undefined ? undefined : { entry: found.entry, ...positionAt(lineTable(found.entry.text), found.span.start) };
  }
}
