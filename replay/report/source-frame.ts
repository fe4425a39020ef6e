/**
 * Source frames: the lines around a source location, as text for people.
 *
 *       --> app.ax:3:13
 *     2 |     let url = "https://example.com/"
 *     3 |     let a = net.fetch(url)
 *       |             ^^^^^^^^^^^^^^
 *       called from main (app.ax:8:5)
 */
import { type CodePlace, libraryOf, type Module, placeOf } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { printable } from "../../vm/terminal-text.ts";

export interface SourceFrame {
  readonly file: string;
  /** The line of the location, after the line before it. */
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** The marked part of the last line: 1-based, columns in code points, `endColumn` exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

const LINES_BEFORE = 1;

/** Undefined without a location in a file whose text the module carries. */
export function sourceFrame(module: Module, location: CodePlace | undefined): SourceFrame | undefined {
  if (location?.line === undefined || location.file === undefined) return undefined;
  const text = module.debug?.files.find((file) => file.name === location.file)?.text;
  if (text === undefined) return undefined;
  const all = text.split(/\r\n|\n|\r/);
  const last = all[location.line - 1];
  if (last === undefined) return undefined;
  const first = Math.max(1, location.line - LINES_BEFORE);
  const lines = all.slice(first - 1, location.line).map((line, i) => ({ number: first + i, text: line }));
  const column = location.column ?? 1;
  const endOfLine = Array.from(last).length + 1;
  const end = location.endLine === location.line ? (location.endColumn ?? column + 1) : endOfLine;
  return { file: location.file, lines, line: location.line, column, endColumn: Math.max(column + 1, Math.min(end, endOfLine)) };
}

/** Maximum columns shown of one line. */
const FRAME_COLUMNS = 160;

/** The lines of a frame with carets under the marked part, without line feeds. */
function frameLines(frame: SourceFrame): readonly string[] {
  const width = String(frame.line).length;
  const gutter = " ".repeat(width);
  const lines = [`${gutter} --> ${printable(frame.file)}:${frame.line}:${frame.column}`];
  for (const { number, text } of frame.lines) lines.push(`${String(number).padStart(width)} | ${sourceText(text, FRAME_COLUMNS)}`);
  if (frame.column <= FRAME_COLUMNS) {
    const indent = sourceText(frame.lines.at(-1)?.text ?? "", frame.column - 1).replace(/[^ ]/gu, " ");
    const marked = Math.min(frame.endColumn, FRAME_COLUMNS + 1) - frame.column;
    lines.push(`${gutter} | ${indent}${"^".repeat(Math.max(1, marked))}`);
  }
  return lines;
}

function sourceText(line: string, columns: number): string {
  return printable(Array.from(line).slice(0, columns).join("").replaceAll("\t", "    "));
}

const MAX_CALLERS = 8;

/** A stack, innermost call first, with the source frame of its first location. */
export function stackLines(module: Module, stack: readonly CodePlace[]): readonly string[] {
  return framedStackLines(sourceFrame(module, stack[0]), stack);
}

/**
 * The frame of the first location, or the location itself without a frame, then its callers. Of a deep stack the first
 * callers are shown, and the first one in the program's own files if all of those are in libraries.
 */
export function framedStackLines(frame: SourceFrame | undefined, stack: readonly CodePlace[]): readonly string[] {
  const [first, ...callers] = stack;
  if (first === undefined) return [];
  const lines = frame === undefined ? [`  at ${locationText(first)}`] : [...frameLines(frame)];
  for (const caller of callers.slice(0, MAX_CALLERS)) lines.push(`  called from ${locationText(caller)}`);
  const inProgram = callers.findIndex(({ file }) => file !== undefined && libraryOf(file) === undefined);
  const programCaller = inProgram < MAX_CALLERS ? undefined : callers[inProgram];
  if (programCaller !== undefined) lines.push(`  called by the program from ${locationText(programCaller)}`);
  const left = callers.length - MAX_CALLERS - (programCaller === undefined ? 0 : 1);
  if (left > 0) lines.push(`  … and ${left} more`);
  return lines;
}

/** `main (app.ax:3:5)`, or `main, instruction 12` without debug information. */
function locationText({ function: name, pc, file, line, column }: CodePlace): string {
  if (line === undefined || file === undefined) return `${printable(name)}, instruction ${pc}`;
  return `${printable(name)} (${printable(file)}:${line}:${column ?? 1})`;
}

/** The location of the value that the entry function returns: the expression before its last return, or else its beginning. */
export function returnLocation({ module }: Program): CodePlace | undefined {
  const code = module.functions[module.entry]?.code;
  if (code === undefined) return undefined;
  for (let pc = code.length - 1; pc >= 0; pc--) {
    const op = code[pc]?.op;
    if (op !== "Ret" && op !== "TailCall" && op !== "Halt") continue;
    // A return instruction has the location of the closing brace.
    const location = placeOf(module, module.entry, op === "TailCall" ? pc : Math.max(0, pc - 1));
    if (location.line !== undefined) return location;
  }
  return placeOf(module, module.entry, 0);
}
