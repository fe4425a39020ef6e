/**
 * Renders a diagnostic as text: its message, location, source lines with carets, and help.
 *
 *     error[E003]: unknown variable `nmae`
 *      --> main.ax:2:5
 *       |
 *     2 |     nmae
 *       |     ^^^^
 *     help: did you mean `name`?
 */
import type { Span } from "./ast.ts";
import { printable } from "../vm/terminal-text.ts";
import type { Diagnostic, SourceOf } from "./diagnostics.ts";
import { codePoints, lineBounds, type LineTable, lineTable, positionAt } from "./source.ts";

/** The most columns shown of a source line. */
const MAX_WIDTH = 120;
/** Columns shown before the carets if a line is cut. */
const CONTEXT = 40;
const TAB = "    ";

export interface RenderOptions {
  /** ANSI colours; off by default. */
  readonly color?: boolean;
}

type Paint = (text: string, style: keyof typeof STYLES) => string;
const STYLES = { error: "1;31", warning: "1;33", frame: "1;34", bold: "1" } as const;

const plain: Paint = (text) => text;
const ansi: Paint = (text, style) => `\u001b[${STYLES[style]}m${text}\u001b[0m`;

/** Returns several lines, without a line end after the last. Control characters in texts of the program are replaced. */
export function renderDiagnostic(diagnostic: Diagnostic, sourceOf: SourceOf, options: RenderOptions = {}): string {
  const paint = options.color === true ? ansi : plain;
  const { severity } = diagnostic;
  const lines = [`${paint(`${severity}[${diagnostic.code}]`, severity)}${paint(`: ${visible(diagnostic.message)}`, "bold")}`];
  const text = sourceOf(diagnostic.file);
  if (text === undefined) lines.push(`${paint("-->", "frame")} ${visible(diagnostic.file)}`);
  else lines.push(...sourceFrame(diagnostic, lineTable(text), paint));
  const help = diagnostic.help ?? diagnostic.fixes[0]?.title;
  if (help !== undefined) lines.push(`${paint("help", "bold")}: ${help.split("\n").map(visible).join("\n      ")}`);
  return lines.join("\n");
}

function sourceFrame(diagnostic: Diagnostic, table: LineTable, paint: Paint): readonly string[] {
  const { span, severity } = diagnostic;
  const first = positionAt(table, span.start);
  // A span that ends with a line end ends on that line, not on the next.
  const last = positionAt(table, Math.max(span.start, span.end - 1));
  const width = String(last.line).length;
  const gutter = (label: string): string => paint(`${label.padStart(width)} |`, "frame");
  const location = `${visible(diagnostic.file)}:${first.line}:${first.column}`;
  const lines = [`${" ".repeat(width)}${paint("-->", "frame")} ${location}`, gutter("")];
  const shown = first.line === last.line ? [first.line] : [first.line, last.line];
  for (const line of shown) {
    if (line === last.line && last.line > first.line + 1) lines.push(paint("...", "frame"));
    const { source, carets } = sourceLine(table, line, span);
    lines.push(`${gutter(String(line))} ${source}`.trimEnd(), `${gutter("")} ${paint(carets, severity)}`);
  }
  return lines;
}

/** A source line with carets under its part of the span, both cut to the width. */
function sourceLine(table: LineTable, line: number, span: Span): { readonly source: string; readonly carets: string } {
  const bounds = lineBounds(table, line);
  const from = Math.min(Math.max(span.start, bounds.start + indentation(table, bounds, span.start)), bounds.end);
  const to = Math.min(Math.max(span.end, from), bounds.end);
  const cut = window(table.text, bounds, from, to);
  const before = visible(table.text.slice(cut.start, from));
  const marked = visible(table.text.slice(from, Math.min(to, cut.end)));
  const after = visible(table.text.slice(Math.min(to, cut.end), cut.end));
  const left = cut.start > bounds.start ? "…" : "";
  const right = cut.end < bounds.end ? "…" : "";
  return {
    source: `${left}${before}${marked}${after}${right}`,
    carets: " ".repeat(columns(left + before)) + "^".repeat(Math.max(1, columns(marked))),
  };
}

/** The width of the white space before the carets of the lines after the first. */
function indentation(table: LineTable, bounds: Span, spanStart: number): number {
  if (spanStart >= bounds.start) return 0;
  let count = 0;
  while (bounds.start + count < bounds.end && /[ \t]/.test(table.text.charAt(bounds.start + count))) count += 1;
  return count;
}

/** The part of a line to show. Of a long line it is the beginning of the marked part with its surroundings. */
function window(text: string, bounds: Span, from: number, to: number): Span {
  const length = bounds.end - bounds.start;
  if (length <= 2 * MAX_WIDTH && columns(text.slice(bounds.start, bounds.end)) <= MAX_WIDTH) return bounds;
  const back = to - bounds.start <= MAX_WIDTH ? from - bounds.start : CONTEXT;
  const start = alignToCodePoint(text, Math.max(bounds.start, from - back));
  return { start, end: alignToCodePoint(text, Math.min(bounds.end, start + MAX_WIDTH)) };
}

/** Moves an offset between the halves of a surrogate pair before the pair. */
function alignToCodePoint(text: string, offset: number): number {
  const inside = /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(offset - 1, offset + 1));
  return inside ? offset - 1 : offset;
}

function columns(text: string): number {
  return codePoints(text, 0, text.length);
}

/** Lone surrogates and zero-width characters: a terminal shows no column for them. */
const ZERO_WIDTH = /[\p{Cs}\u200b-\u200d\u2060-\u206f]/gu;
const REPLACEMENT = "\ufffd";

/** The text with U+FFFD for every unsafe or zero-width character, and with spaces for a tab, so that carets line up. */
function visible(text: string): string {
  return printable(text.replaceAll("\t", TAB).replace(ZERO_WIDTH, REPLACEMENT), () => REPLACEMENT);
}
