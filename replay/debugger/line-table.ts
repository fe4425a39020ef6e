/** Reads lines and names of locals from the debug information of a module. */
import { OPCODES } from "../../vm/bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../../vm/bytecode/program.ts";
import { CODE_STRIDE } from "../../vm/bytecode/stack-heights.ts";

export interface LocalName {
  readonly name: string;
  /** Index of the local in its frame. */
  readonly slot: number;
}

interface FunctionLines {
  /** For each instruction: the line that begins there, or 0. */
  readonly starts: Int32Array;
  /** For each local: the first instruction that sets it. */
  readonly firstStore: Int32Array;
}

export class LineTable {
  readonly #program: Program;
  readonly #functions = new Map<number, FunctionLines>();

  constructor(program: Program) {
    this.#program = program;
  }

  /**
   * Returns the line that begins with an instruction, or 0. A line begins where the previous instruction in the code has another line. So a
   * line begins at the same instructions in each round of a loop.
   */
  lineAt(fn: VerifiedFunction, pc: number): number {
    return this.#linesOf(fn).starts[pc] ?? 0;
  }

  /** Returns the index of the function's source file, or -1. */
  fileIndexOf(fn: number): number {
    return this.#program.module.debug?.functions[fn]?.file ?? -1;
  }

  /** Returns the lines of a file that begin with an instruction, ascending. */
  linesOf(file: number): readonly number[] {
    const lines = new Set<number>();
    for (const fn of this.#program.functions)
      if (this.fileIndexOf(fn.index) === file) for (const line of this.#linesOf(fn).starts) if (line > 0) lines.add(line);
    return [...lines].sort((a, b) => a - b);
  }

  /** Returns the named locals of a frame at `pc`: the parameters, and the locals that earlier code sets. An inner name hides an outer one. */
  localsAt(fn: VerifiedFunction, pc: number): readonly LocalName[] {
    const names = this.#program.module.debug?.functions[fn.index]?.locals ?? [];
    const { firstStore } = this.#linesOf(fn);
    const found = new Map<string, number>();
    for (const [slot, name] of names.entries())
      if (name !== "" && slot < fn.def.locals && (slot < fn.def.arity || (firstStore[slot] ?? 0) < pc)) found.set(name, slot);
    return [...found].map(([name, slot]) => ({ name, slot }));
  }

  #linesOf(fn: VerifiedFunction): FunctionLines {
    const known = this.#functions.get(fn.index);
    if (known !== undefined) return known;
    const lines = { starts: this.#startsOf(fn), firstStore: firstStores(fn) };
    this.#functions.set(fn.index, lines);
    return lines;
  }

  /** Returns for each instruction the line that begins there, or 0. */
  #startsOf(fn: VerifiedFunction): Int32Array {
    const { debug } = this.#program.module;
    const starts = new Int32Array(fn.def.code.length);
    const info = debug?.functions[fn.index];
    if (info === undefined || debug?.files[info.file] === undefined) return starts;
    let previous = 0;
    for (const [pc, line] of info.spans) {
      if (line !== previous && pc < starts.length) starts[pc] = line;
      previous = line;
    }
    return starts;
  }
}

/** Returns for each local the first instruction that stores into it. */
function firstStores({ code, def }: VerifiedFunction): Int32Array {
  const first = new Int32Array(def.locals).fill(code.length);
  for (let pc = def.code.length - 1; pc >= 0; pc--) {
    const at = pc * CODE_STRIDE;
    if (code[at] === OPCODES.StoreLocal.tag) first[code[at + 1] ?? 0] = pc;
  }
  return first;
}
