/** A diagnostic as text: the message, where it is, the source with carets, what to do. */
import type { Span } from "./ast.ts";
import { printable } from "../vm/terminal-text.ts";
import type { Diagnostic, SourceOf } from "./diagnostics.ts";
import { codePoints, type LineTable, lineBounds, lineTable, positionAt } from "./source.ts";

/** Columns of source shown of one line, at most. */
const MAX_WIDTH = 120;
/** Columns kept before the caret when a line is cut. */
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

/** Several lines without a line end after the last. Text of the program is shown without control characters. */
export function renderDiagnostic(diagnostic: Diagnostic, sourceOf: SourceOf, options: RenderOptions = {}): string {
  const paint = options.color === true ? ansi : plain;
  const { severity } = diagnostic;
  const lines = [`${paint(`${severity}[${diagnostic.code}]`, severity)}${paint(`: ${visible(diagnostic.message)}`, "bold")}`];
  const text = sourceOf(diagnostic.file);
  if (text === undefined) lines.push(`${paint("-->", "frame")} ${visible(diagnostic.file)}`);
  else lines.push(...frame(diagnostic, lineTable(text), paint));
  const help = diagnostic.help ?? diagnostic.fixes[0]?.title;
  if (help !== undefined) lines.push(`${paint("help", "bold")}: ${help.split("\n").map(visible).join("\n      ")}`);
  return lines.join("\n");
}

function frame(diagnostic: Diagnostic, table: LineTable, paint: Paint): readonly string[] {
  const { span, severity } = diagnostic;
  const first = positionAt(table, span.start);
  // The last line is the one that holds the last character, not the one that begins where the span ends.
  const last = positionAt(table, Math.max(span.start, span.end - 1));
  const width = String(last.line).length;
  const gutter = (label: string): string => paint(`${label.padStart(width)} |`, "frame");
  const place = `${visible(diagnostic.file)}:${first.line}:${first.column}`;
  const lines = [`${" ".repeat(width)}${paint("-->", "frame")} ${place}`, gutter("")];
  const shown = first.line === last.line ? [first.line] : [first.line, last.line];
  for (const line of shown) {
    if (line === last.line && last.line > first.line + 1) lines.push(paint("...", "frame"));
    const { source, carets } = sourceLine(table, line, span);
    lines.push(`${gutter(String(line))} ${source}`.trimEnd(), `${gutter("")} ${paint(carets, severity)}`);
  }
  return lines;
}

/** One line of source and the carets under the part of the span on it, cut to what fits. */
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

/** On the lines after the first, the carets begin at the first character that is not white space. */
function indentation(table: LineTable, bounds: Span, spanStart: number): number {
  if (spanStart >= bounds.start) return 0;
  let count = 0;
  while (bounds.start + count < bounds.end && /[ \t]/.test(table.text.charAt(bounds.start + count))) count += 1;
  return count;
}

/** The part of a long line to show: the start of the marked part, with what stands around it. */
function window(text: string, bounds: Span, from: number, to: number): Span {
  const length = bounds.end - bounds.start;
  if (length <= 2 * MAX_WIDTH && columns(text.slice(bounds.start, bounds.end)) <= MAX_WIDTH) return bounds;
  const back = to - bounds.start <= MAX_WIDTH ? from - bounds.start : CONTEXT;
  const start = whole(text, Math.max(bounds.start, from - back));
  return { start, end: whole(text, Math.min(bounds.end, start + MAX_WIDTH)) };
}

/** Not between the halves of a surrogate pair. */
function whole(text: string, offset: number): number {
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
