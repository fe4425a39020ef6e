/**
 * Formats source frames, which show people the lines around a source location.
 *
 *       --> app.ax:3:13
 *     2 |     let url = "https://example.com/"
 *     3 |     let a = net.fetch(url)
 *       |             ^^^^^^^^^^^^^^
 *       called from main (app.ax:8:5)
 */
import { libraryOf, locationOf, type Module, type SourceLocation } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";

export interface SourceFrame {
  readonly file: string;
  /** The line of the location, preceded by the line above it if there is one. */
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** Position of the marked part, which is in the last of `lines`. Counted from 1; columns are code points; `endColumn` is exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

const LINES_BEFORE = 1;

/** Returns the frame of a location. Undefined without a location, or if the module does not contain the text of its file. */
export function sourceFrame(module: Module, location: SourceLocation | undefined): SourceFrame | undefined {
  if (location?.line === undefined || location.file === undefined) return undefined;
  const text = module.debug?.files.find((file) => file.name === location.file)?.text;
  if (text === undefined) return undefined;
  const allLines = text.split(/\r\n|\n|\r/);
  const lastLine = allLines[location.line - 1];
  if (lastLine === undefined) return undefined;
  const firstNumber = Math.max(1, location.line - LINES_BEFORE);
  const lines = allLines.slice(firstNumber - 1, location.line).map((line, i) => ({ number: firstNumber + i, text: line }));
  const column = location.column ?? 1;
  const endOfLine = Array.from(lastLine).length + 1;
  const endColumn = location.endLine === location.line ? (location.endColumn ?? column + 1) : endOfLine;
  return { file: location.file, lines, line: location.line, column, endColumn: Math.max(column + 1, Math.min(endColumn, endOfLine)) };
}

/** Maximum number of columns of a line that are shown. */
const MAX_FRAME_COLUMNS = 160;

/** Formats a frame with carets under the marked part. Returns lines without line feeds. */
function frameLines(frame: SourceFrame): readonly string[] {
  const width = String(frame.line).length;
  const gutter = " ".repeat(width);
  const lines = [`${gutter} --> ${replaceUnsafe(frame.file)}:${frame.line}:${frame.column}`];
  for (const { number, text } of frame.lines) lines.push(`${String(number).padStart(width)} | ${sourceText(text, MAX_FRAME_COLUMNS)}`);
  if (frame.column <= MAX_FRAME_COLUMNS) {
    const indent = sourceText(frame.lines.at(-1)?.text ?? "", frame.column - 1).replace(/[^ ]/gu, " ");
    const markWidth = Math.min(frame.endColumn, MAX_FRAME_COLUMNS + 1) - frame.column;
    lines.push(`${gutter} | ${indent}${"^".repeat(Math.max(1, markWidth))}`);
  }
  return lines;
}

function sourceText(line: string, columns: number): string {
  return replaceUnsafe(Array.from(line).slice(0, columns).join("").replaceAll("\t", "    "));
}

/** Maximum number of callers that are shown. */
const MAX_CALLERS = 8;

/** Formats a stack, innermost call first, with the source frame of its first location. */
export function stackLines(module: Module, stack: readonly SourceLocation[]): readonly string[] {
  return framedStackLines(sourceFrame(module, stack[0]), stack);
}

/**
 * Formats the frame of the first location (without a frame, only the location), then the callers. Of a deep stack, shows only the innermost
 * callers, and if all of these are in libraries, also the first caller in the program.
 */
export function framedStackLines(frame: SourceFrame | undefined, stack: readonly SourceLocation[]): readonly string[] {
  const [first, ...callers] = stack;
  if (first === undefined) return [];
  const lines = frame === undefined ? [`  at ${locationText(first)}`] : [...frameLines(frame)];
  for (const caller of callers.slice(0, MAX_CALLERS)) lines.push(`  called from ${locationText(caller)}`);
  const programCallerIndex = callers.findIndex(({ file }) => file !== undefined && libraryOf(file) === undefined);
  const programCaller = programCallerIndex < MAX_CALLERS ? undefined : callers[programCallerIndex];
  if (programCaller !== undefined) lines.push(`  called by the program from ${locationText(programCaller)}`);
  const omittedCount = callers.length - MAX_CALLERS - (programCaller === undefined ? 0 : 1);
  if (omittedCount > 0) lines.push(`  … and ${omittedCount} more`);
  return lines;
}

/** Formats a location: `main (app.ax:3:5)`, or `main, instruction 12` if there is no debug information. */
function locationText({ function: name, pc, file, line, column }: SourceLocation): string {
  if (line === undefined || file === undefined) return `${replaceUnsafe(name)}, instruction ${pc}`;
  return `${replaceUnsafe(name)} (${replaceUnsafe(file)}:${line}:${column ?? 1})`;
}

/** Returns the location of the value that the entry function returns. If it cannot be found, returns the start of the function. */
export function returnLocation({ module }: Program): SourceLocation | undefined {
  const code = module.functions[module.entry]?.code;
  if (code === undefined) return undefined;
  for (let pc = code.length - 1; pc >= 0; pc--) {
    const op = code[pc]?.op;
    if (op !== "Ret" && op !== "TailCall" && op !== "Halt") continue;
    // A return instruction has the location of the closing brace, so take the instruction before it.
    const location = locationOf(module, module.entry, op === "TailCall" ? pc : Math.max(0, pc - 1));
    if (location.line !== undefined) return location;
  }
  return locationOf(module, module.entry, 0);
}
