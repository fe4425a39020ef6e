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
import { replaceUnsafe } from "../vm/terminal-text.ts";
import type { Diagnostic, SourceOf } from "./diagnostics.ts";
import { countCodePoints, lineBounds, type LineTable, lineTable, positionAt } from "./source.ts";

/** Maximum number of columns shown of a source line. */
const MAX_WIDTH = 120;
/** The number of columns shown before the carets if a line is cut. */
const CUT_CONTEXT_COLUMNS = 40;
const TAB = "    ";

interface RenderOptions {
  /** Whether to use ANSI colors; false by default. */
  readonly color?: boolean;
}

/** Returns the text in a style, or unchanged if colors are off. */
type Paint = (text: string, style: keyof typeof STYLES) => string;
const STYLES = { error: "1;31", warning: "1;33", frame: "1;34", bold: "1" } as const;

const paintNothing: Paint = (text) => text;
const paintAnsi: Paint = (text, style) => `\u001b[${STYLES[style]}m${text}\u001b[0m`;

/** Returns the diagnostic as several lines, without a line end after the last. Control characters from the program are replaced. */
export function renderDiagnostic(diagnostic: Diagnostic, sourceOf: SourceOf, options: RenderOptions = {}): string {
  const paint = options.color === true ? paintAnsi : paintNothing;
  const { severity } = diagnostic;
  const lines = [`${paint(`${severity}[${diagnostic.code}]`, severity)}${paint(`: ${toVisible(diagnostic.message)}`, "bold")}`];
  const text = sourceOf(diagnostic.file);
  if (text === undefined) lines.push(`${paint("-->", "frame")} ${toVisible(diagnostic.file)}`);
  else lines.push(...sourceFrame(diagnostic, lineTable(text), paint));
  const help = diagnostic.help ?? diagnostic.fixes[0]?.title;
  if (help !== undefined) lines.push(`${paint("help", "bold")}: ${help.split("\n").map(toVisible).join("\n      ")}`);
  return lines.join("\n");
}

function sourceFrame(diagnostic: Diagnostic, table: LineTable, paint: Paint): readonly string[] {
  const { span, severity } = diagnostic;
  const first = positionAt(table, span.start);
  // If a span ends with a line end, its last line is that line, not the next one.
  const last = positionAt(table, Math.max(span.start, span.end - 1));
  const width = String(last.line).length;
  const gutter = (label: string): string => paint(`${label.padStart(width)} |`, "frame");
  const location = `${toVisible(diagnostic.file)}:${first.line}:${first.column}`;
  const lines = [`${" ".repeat(width)}${paint("-->", "frame")} ${location}`, gutter("")];
  const shownLines = first.line === last.line ? [first.line] : [first.line, last.line];
  for (const line of shownLines) {
    if (line === last.line && last.line > first.line + 1) lines.push(paint("...", "frame"));
    const { source, carets } = sourceLine(table, line, span);
    lines.push(`${gutter(String(line))} ${source}`.trimEnd(), `${gutter("")} ${paint(carets, severity)}`);
  }
  return lines;
}

/** Returns a source line, and the carets under its part of the span. Both are cut to `MAX_WIDTH`. */
function sourceLine(table: LineTable, line: number, span: Span): { readonly source: string; readonly carets: string } {
  const bounds = lineBounds(table, line);
  const from = Math.min(Math.max(span.start, bounds.start + indentation(table, bounds, span.start)), bounds.end);
  const to = Math.min(Math.max(span.end, from), bounds.end);
  const shownPart = shownPartOf(table.text, bounds, from, to);
  const textBefore = toVisible(table.text.slice(shownPart.start, from));
  const markedText = toVisible(table.text.slice(from, Math.min(to, shownPart.end)));
  const textAfter = toVisible(table.text.slice(Math.min(to, shownPart.end), shownPart.end));
  const leftEllipsis = shownPart.start > bounds.start ? "…" : "";
  const rightEllipsis = shownPart.end < bounds.end ? "…" : "";
  return {
    source: `${leftEllipsis}${textBefore}${markedText}${textAfter}${rightEllipsis}`,
    carets: " ".repeat(columnCount(leftEllipsis + textBefore)) + "^".repeat(Math.max(1, columnCount(markedText))),
  };
}

/** Returns the length of the white space before the carets on a line of the span; 0 on its first line. */
function indentation(table: LineTable, bounds: Span, spanStart: number): number {
  if (spanStart >= bounds.start) return 0;
  let count = 0;
  while (bounds.start + count < bounds.end && /[ \t]/.test(table.text.charAt(bounds.start + count))) count += 1;
  return count;
}

/** Returns the part of a line to show. For a long line it is the beginning of the marked part and some text around it. */
function shownPartOf(text: string, bounds: Span, from: number, to: number): Span {
  const length = bounds.end - bounds.start;
  if (length <= 2 * MAX_WIDTH && columnCount(text.slice(bounds.start, bounds.end)) <= MAX_WIDTH) return bounds;
  const contextLength = to - bounds.start <= MAX_WIDTH ? from - bounds.start : CUT_CONTEXT_COLUMNS;
  const start = alignToCodePoint(text, Math.max(bounds.start, from - contextLength));
  return { start, end: alignToCodePoint(text, Math.min(bounds.end, start + MAX_WIDTH)) };
}

/** Returns the offset, moved to the start of a surrogate pair if it is between the two halves. */
function alignToCodePoint(text: string, offset: number): number {
  const isInPair = /^[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(offset - 1, offset + 1));
  return isInPair ? offset - 1 : offset;
}

function columnCount(text: string): number {
  return countCodePoints(text, 0, text.length);
}

/** Matches lone surrogates and zero-width characters, which take no column in a terminal. */
const ZERO_WIDTH = /[\p{Cs}\u200b-\u200d\u2060-\u206f]/gu;
const REPLACEMENT = "\ufffd";

/** Replaces every unsafe or zero-width character with U+FFFD and every tab with spaces, so that carets line up. */
function toVisible(text: string): string {
  return replaceUnsafe(text.replaceAll("\t", TAB).replace(ZERO_WIDTH, REPLACEMENT), () => REPLACEMENT);
}
