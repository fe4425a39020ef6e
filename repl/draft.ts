/**
 * The program that the session builds from its entries. It maps positions in the program to positions in the entries that the user typed.
 */
import type { Span } from "../compiler/ast.ts";
import { lineTable, type LineTable, lineBounds, positionAt } from "../compiler/source.ts";

/** A text that the user typed, and its name in messages. */
export interface EntryText {
  readonly name: string;
  readonly text: string;
}

/** A part of the program that is a part of an entry. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly entry: EntryText;
  /** The offset in the entry. */
  readonly at: number;
}

const INDENT = "    ";

export class Draft {
  text = "";
  readonly #pieces: Piece[] = [];
  #lines: LineTable | undefined;

  /** Adds text that no user typed. */
  add(text: string): void {
    this.text += text;
  }

  /** Adds an entry, or a part of it. */
  put(entry: EntryText, { start, end }: Span = { start: 0, end: entry.text.length }): void {
    const from = this.text.length;
    this.text += entry.text.slice(start, end);
    this.#pieces.push({ start: from, end: this.text.length, entry, at: start });
  }

  /** Adds an entry as statements: with indentation, because an item begins in the first column. An empty line stays empty. */
  putStatements(entry: EntryText, { start, end }: Span = { start: 0, end: entry.text.length }): void {
    for (let at = start; at < end; ) {
      const lineEnd = entry.text.indexOf("\n", at);
      const next = lineEnd < 0 || lineEnd >= end ? end : lineEnd + 1;
      const isLineStart = at === 0 || entry.text.charAt(at - 1) === "\n";
      if (isLineStart && entry.text.slice(at, next).trim() !== "") this.add(INDENT);
      this.put(entry, { start: at, end: next });
      at = next;
    }
  }

  /** Returns the part of an entry that a span of the program is in; undefined if no user typed it. */
  entryAt({ start, end }: Span): { readonly entry: EntryText; readonly span: Span } | undefined {
    const piece = this.#pieces.find((candidate) => candidate.start <= start && start <= candidate.end);
    if (piece === undefined) return undefined;
    const last = this.#pieces.findLast((candidate) => candidate.entry === piece.entry && candidate.start <= end);
    const offsetIn = (at: Piece, offset: number): number => at.at + Math.min(Math.max(offset, at.start), at.end) - at.start;
    const from = offsetIn(piece, start);
    return { entry: piece.entry, span: { start: from, end: Math.max(from, last === undefined ? from : offsetIn(last, end)) } };
  }

  /** Returns the offset in the program of an offset in an entry; undefined if the program does not hold that part. */
  offsetOf(entry: EntryText, offset: number): number | undefined {
    const piece = this.#pieces.findLast((candidate) => candidate.entry === entry && candidate.at <= offset);
    if (piece === undefined || offset > piece.at + piece.end - piece.start) return undefined;
    return piece.start + offset - piece.at;
  }

  /** Returns the entry with the line and column of a place in the program. Columns count code points. */
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
