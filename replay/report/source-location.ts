/** Places in the source that a module carries: the lines to show, and where a program returns. */
import { placeOf, type CodePlace, type Module } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";

export interface SourceFrame {
  readonly file: string;
  readonly lines: readonly { readonly number: number; readonly text: string }[];
  /** 1-based; columns in code points, `endColumn` exclusive. */
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

const LINES_BEFORE = 1;

/** The line of `place` with the one before it; undefined without debug information. */
export function frameOf(module: Module, place: CodePlace | undefined): SourceFrame | undefined {
  if (place?.line === undefined || place.file === undefined) return undefined;
  const text = module.debug?.files.find((file) => file.name === place.file)?.text;
  if (text === undefined) return undefined;
  const all = text.split(/\r\n|\n|\r/);
  const last = all[place.line - 1];
  if (last === undefined) return undefined;
  const first = Math.max(1, place.line - LINES_BEFORE);
  const lines = all.slice(first - 1, place.line).map((line, i) => ({ number: first + i, text: line }));
  const column = place.column ?? 1;
  const endOfLine = Array.from(last).length + 1;
  const end = place.endLine === place.line ? (place.endColumn ?? column + 1) : endOfLine;
  return { file: place.file, lines, line: place.line, column, endColumn: Math.max(column + 1, Math.min(end, endOfLine)) };
}

/** Where the entry function gets its value: what comes before its last return, else its beginning. */
export function returnPlace(program: Program): CodePlace | undefined {
  const { module } = program;
  const code = module.functions[module.entry]?.code;
  if (code === undefined) return undefined;
  for (let pc = code.length - 1; pc >= 0; pc--) {
    const op = code[pc]?.op;
    if (op !== "Ret" && op !== "TailCall" && op !== "Halt") continue;
    // A return itself stands at the closing brace; the expression before it says more.
    const place = placeOf(module, module.entry, op === "TailCall" ? pc : Math.max(0, pc - 1));
    if (place.line !== undefined) return place;
  }
  return placeOf(module, module.entry, 0);
}
