/** Emits the code of one function: labels, slots, stack height, source positions. */
import type { DebugSpan, FunctionDef, FunctionDebug, Instruction, MatchArm } from "../../vm/bytecode/module.ts";
import { opcode, type OpName } from "../../vm/bytecode/opcodes.ts";
import { MODULE_LIMITS } from "../../vm/limits.ts";
import type { Span } from "../ast.ts";
import type { Local } from "../ir.ts";
import { type LineTable, positionAt } from "../source.ts";

/** A place in the code that jumps refer to before it is known. */
export interface Label {
  pc: number;
}

/** A function came out larger than the module format holds. */
export class FunctionTooLarge extends Error {
  readonly what: string;
  constructor(what: string) {
    super(what);
    this.what = what;
  }
}

/** The most that one instruction of bytecode 1.1 takes from the stack, and the most parameters of a function. */
const MAX_COUNT = 255;

interface Pending {
  readonly op: OpName;
  readonly operands: readonly (number | Label)[];
}

export class Emitter {
  readonly #code: Pending[] = [];
  readonly #spans: DebugSpan[] = [];
  readonly #slots = new Map<Local, number>();
  readonly #names: string[] = [];
  readonly #tables: { readonly tag: number; readonly target: Label }[][] = [];
  readonly #lines: LineTable;
  /** Operands on the stack where the next instruction runs. */
  height = 0;
  #at: Span = { start: 0, end: 0 };
  /** Where the last label was placed. */
  #labelled = -1;

  constructor(lines: LineTable, params: readonly Local[]) {
    this.#lines = lines;
    if (params.length > MAX_COUNT) throw new FunctionTooLarge(`more than ${MAX_COUNT} parameters and captured bindings`);
    for (const param of params) this.slot(param);
  }

  /** What is emitted from now on stands for this source text. Returns what held before. */
  at(span: Span): Span {
    const before = this.#at;
    this.#at = span;
    return before;
  }

  emit(op: OpName, ...operands: readonly (number | Label)[]): void {
    if (op === "Pop" && this.#takesBackConstant()) return;
    const pc = this.#code.length;
    if (pc >= MODULE_LIMITS.codeLength) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.codeLength} instructions`);
    this.#mark(pc);
    this.#code.push({ op, operands });
    const row = opcode(op);
    const last = operands.at(-1);
    const counted = row.popsCount === true && typeof last === "number" ? last : 0;
    if (counted > MAX_COUNT && op !== "MakeMap") throw new FunctionTooLarge(`a call, record or lambda with more than ${MAX_COUNT} parts`);
    this.height += row.pushes - row.pops - counted;
  }

  /** A constant that would be dropped at once is not pushed at all, unless a jump leads between the two. */
  #takesBackConstant(): boolean {
    const last = this.#code.length - 1;
    if (this.#code[last]?.op !== "PushConst" || this.#labelled === this.#code.length) return false;
    this.#code.pop();
    while ((this.#spans.at(-1)?.[0] ?? -1) >= last) this.#spans.pop();
    this.height -= 1;
    return true;
  }

  #mark(pc: number): void {
    const from = positionAt(this.#lines, this.#at.start);
    const to = positionAt(this.#lines, this.#at.end);
    const last = this.#spans.at(-1);
    if (last !== undefined && last[1] === from.line && last[2] === from.column && last[3] === to.line && last[4] === to.column) return;
    this.#spans.push([pc, from.line, from.column, to.line, to.column]);
  }

  label(): Label {
    return { pc: -1 };
  }

  place(label: Label): void {
    this.#labelled = this.#code.length;
    label.pc = this.#code.length;
  }

  /** A new match table; the instruction that uses it is emitted by the caller. */
  table(arms: { readonly tag: number; readonly target: Label }[]): number {
    this.#tables.push(arms);
    return this.#tables.length - 1;
  }

  slot(local: Local): number {
    const known = this.#slots.get(local);
    if (known !== undefined) return known;
    return this.#newSlot(local.name, local);
  }

  /** A local that the source does not name. */
  scratch(): number {
    return this.#newSlot("", undefined);
  }

  #newSlot(name: string, local: Local | undefined): number {
    const slot = this.#names.length;
    if (slot >= MODULE_LIMITS.locals) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.locals} bindings`);
    this.#names.push(name);
    if (local !== undefined) this.#slots.set(local, slot);
    return slot;
  }

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
