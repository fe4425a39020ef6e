/** Emits the code of one function. Keeps its labels, stack slots, operand stack height and source positions. */
import type { DebugSpan, FunctionDebug, FunctionDef, Instruction, MatchArm } from "../../vm/bytecode/module.ts";
import { opcode, type OpName } from "../../vm/bytecode/opcodes.ts";
import { MODULE_LIMITS } from "../../vm/limits.ts";
import type { Span } from "../ast.ts";
import type { Local } from "../ir.ts";
import { type LineTable, positionAt } from "../source.ts";

/** A jump target. `pc` is set when the label is placed, which may be after the jumps to it were emitted. */
export interface Label {
  pc: number;
}

/** The function is too large for the module format. */
export class FunctionTooLarge extends Error {
  readonly what: string;
  constructor(what: string) {
    super(what);
    this.what = what;
  }
}

/** The most operands of one instruction, and the most parameters of a function, in bytecode 1.1. */
const MAX_COUNT = 255;

/** An instruction whose labels may not be placed yet. */
interface Pending {
  readonly op: OpName;
  readonly operands: readonly (number | Label)[];
}

/** Used in this order: `emit`, `placeLabel` and `slot` as often as needed, then `finish` once. */
export class Emitter {
  readonly #code: Pending[] = [];
  readonly #spans: DebugSpan[] = [];
  readonly #slots = new Map<Local, number>();
  readonly #names: string[] = [];
  readonly #tables: { readonly tag: number; readonly target: Label }[][] = [];
  readonly #lines: LineTable;
  /**
   * The height of the operand stack before the next instruction. `emit` updates it. After an unconditional jump the caller
   * sets it to the height at the label that follows.
   */
  height = 0;
  #span: Span = { start: 0, end: 0 };
  /** The pc of the label that was placed last. */
  #lastLabel = -1;

  constructor(lines: LineTable, params: readonly Local[]) {
    this.#lines = lines;
    if (params.length > MAX_COUNT) throw new FunctionTooLarge(`more than ${MAX_COUNT} parameters and captured bindings`);
    for (const param of params) this.slot(param);
  }

  /** Sets the source span of the instructions that follow. Returns the span before. */
  setSpan(span: Span): Span {
    const before = this.#span;
    this.#span = span;
    return before;
  }

  emit(op: OpName, ...operands: readonly (number | Label)[]): void {
    if (op === "Pop" && this.#removeUnusedConstant()) return;
    const pc = this.#code.length;
    if (pc >= MODULE_LIMITS.codeLength) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.codeLength} instructions`);
    this.#recordSpan(pc);
    this.#code.push({ op, operands });
    const row = opcode(op);
    const last = operands.at(-1);
    const counted = row.popsCount === true && typeof last === "number" ? last : 0;
    if (counted > MAX_COUNT && op !== "MakeMap") throw new FunctionTooLarge(`a call, record or lambda with more than ${MAX_COUNT} parts`);
    this.height += row.pushes - row.pops - counted;
  }

  /** Removes a `PushConst` before a `Pop`, unless a jump leads between the two. Returns whether it did. */
  #removeUnusedConstant(): boolean {
    const last = this.#code.length - 1;
    if (this.#code[last]?.op !== "PushConst" || this.#lastLabel === this.#code.length) return false;
    this.#code.pop();
    while ((this.#spans.at(-1)?.[0] ?? -1) >= last) this.#spans.pop();
    this.height -= 1;
    return true;
  }

  /** Records the source span of an instruction, if it differs from that of the one before. */
  #recordSpan(pc: number): void {
    const from = positionAt(this.#lines, this.#span.start);
    const to = positionAt(this.#lines, this.#span.end);
    const last = this.#spans.at(-1);
    if (last !== undefined && last[1] === from.line && last[2] === from.column && last[3] === to.line && last[4] === to.column) return;
    this.#spans.push([pc, from.line, from.column, to.line, to.column]);
  }

  label(): Label {
    return { pc: -1 };
  }

  placeLabel(label: Label): void {
    this.#lastLabel = this.#code.length;
    label.pc = this.#code.length;
  }

  /** Adds a match table and returns its index. The caller emits the instruction that uses it. */
  table(arms: { readonly tag: number; readonly target: Label }[]): number {
    this.#tables.push(arms);
    return this.#tables.length - 1;
  }

  /** The stack slot of a binding, assigned on first use. */
  slot(local: Local): number {
    const known = this.#slots.get(local);
    if (known !== undefined) return known;
    return this.#allocateSlot(local.name, local);
  }

  /** A new stack slot for a value of the compiler. */
  scratchSlot(): number {
    return this.#allocateSlot("", undefined);
  }

  #allocateSlot(name: string, local: Local | undefined): number {
    const slot = this.#names.length;
    if (slot >= MODULE_LIMITS.locals) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.locals} bindings`);
    this.#names.push(name);
    if (local !== undefined) this.#slots.set(local, slot);
    return slot;
  }

  /** Resolves the labels and returns the function. `file` is the index of its source file, -1 for none. */
  finish(
    name: string,
    arity: number,
    capabilities: readonly number[],
    intent: string | null,
    file: number,
  ): { def: FunctionDef; debug: FunctionDebug } {
    const value = (o: number | Label): number => (typeof o === "number" ? o : o.pc);
    const code = this.#code.map((c): Instruction => ({ op: c.op, operands: c.operands.map(value) }));
    const matchTables = this.#tables.map((arms) => arms.map((a): MatchArm => ({ tag: a.tag, target: a.target.pc })));
    return {
      def: { name, arity, locals: this.#names.length, code, capabilities, intent, matchTables },
      debug: { file, locals: this.#names, spans: this.#spans },
    };
  }
}
