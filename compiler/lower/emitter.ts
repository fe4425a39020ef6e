/** Emits the code of one function. Keeps track of labels, stack slots, the height of the operand stack, and source positions. */
import type {
  DebugSpan,
  FlowConstruct,
  FlowKind,
  FlowPart,
  FunctionDebug,
  FunctionDef,
  Instruction,
  MatchArm,
} from "../../vm/bytecode/module.ts";
import { opcode, type OpName } from "../../vm/bytecode/opcodes.ts";
import { MODULE_LIMITS } from "../../vm/limits.ts";
import type { Span } from "../ast.ts";
import type { Local } from "../ir.ts";
import { type LineTable, positionAt, PositionReader } from "../source.ts";

/** A jump target. `pc` is set when the label is placed, which may be after jumps to the label were emitted. */
export interface Label {
  pc: number;
}

/** Thrown if the function is too large for the module format. */
export class FunctionTooLarge extends Error {
  /** The limit that is exceeded: "more than 1048576 constants". */
  readonly excess: string;
  constructor(excess: string) {
    super(excess);
    this.excess = excess;
  }
}

/** Maximum number of parameters of a function, and of operands that one instruction other than `MakeMap` pops. */
const MAX_OPERAND_COUNT = 255;

/** An `if`, `match`, `while` or `for` that is being lowered. It is recorded for traces, with its parts (branches, arms, loop body) in order. */
export interface OpenFlow {
  readonly kind: FlowKind;
  readonly line: number;
  /** The index of the first instruction. */
  readonly start: number;
  readonly parts: FlowPart[];
  /** The index after the last instruction, which `endFlow` sets. */
  end: number;
  /** The slot of the variable of a `for`, which the caller sets; -1 for other constructs. */
  local: number;
}

/** A jump whose label may not be placed yet. */
interface Jump {
  readonly operands: number[];
  readonly label: Label;
}

/** Builds the code of one function. Call `emit`, `placeLabel` and `slot` as often as needed, and finally `finish` once. */
export class Emitter {
  readonly #code: Instruction[] = [];
  readonly #jumps: Jump[] = [];
  /** The instructions at which the source span changes, each with the new span. `finish` converts offsets to lines and columns. */
  readonly #spans: { readonly pc: number; readonly span: Span }[] = [];
  readonly #slots = new Map<Local, number>();
  /** The name of each stack slot. */
  readonly #slotNames: string[] = [];
  readonly #flowConstructs: FlowConstruct[] = [];
  readonly #matchTables: { readonly tag: number; readonly target: Label }[][] = [];
  readonly #lines: LineTable;
  /**
   * The height of the operand stack before the next instruction. `emit` updates the height. After an unconditional jump the
   * caller sets it to the height at the next label.
   */
  height = 0;
  #span: Span = { start: 0, end: 0 };
  /** The `pc` of the label that was placed last; -1 before the first label is placed. */
  #lastLabelPc = -1;

  constructor(lines: LineTable, params: readonly Local[]) {
    this.#lines = lines;
    if (params.length > MAX_OPERAND_COUNT) throw new FunctionTooLarge(`more than ${MAX_OPERAND_COUNT} parameters and captured bindings`);
    for (const param of params) this.slot(param);
  }

  /** Sets the source span of the following instructions, and returns the previous span. */
  setSpan(span: Span): Span {
    const previous = this.#span;
    this.#span = span;
    return previous;
  }

  /** Appends an instruction. A `Pop` after an unused constant removes the constant instead. */
  emit(op: OpName, ...operands: readonly number[]): void {
    if (op === "Pop" && this.#removeUnusedConstant()) return;
    this.#append(op, operands);
  }

  #append(op: OpName, operands: readonly number[]): void {
    const pc = this.#code.length;
    if (pc >= MODULE_LIMITS.codeLength) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.codeLength} instructions`);
    this.#recordSpan(pc);
    this.#code.push({ op, operands });
    const decl = opcode(op);
    const last = operands.at(-1);
    const popCount = decl.popsCount === true && last !== undefined ? last : 0;
    if (popCount > MAX_OPERAND_COUNT && op !== "MakeMap")
      throw new FunctionTooLarge(`a call, record or lambda with more than ${MAX_OPERAND_COUNT} parts`);
    this.height += decl.pushes - decl.pops - popCount;
  }

  /** Appends a jump to a label, which may be placed later. */
  jump(op: "Jmp" | "JmpIf" | "JmpIfNot", label: Label): void {
    const operands = [label.pc];
    this.#append(op, operands);
    this.#jumps.push({ operands, label });
  }

  /** Removes the `PushConst` before a `Pop`, unless there is a label between the two. Returns whether it did. */
  #removeUnusedConstant(): boolean {
    const last = this.#code.length - 1;
    if (this.#code[last]?.op !== "PushConst" || this.#lastLabelPc === this.#code.length) return false;
    this.#code.pop();
    while ((this.#spans.at(-1)?.pc ?? -1) >= last) this.#spans.pop();
    this.height -= 1;
    return true;
  }

  /** Records the source span of an instruction, if it differs from the last recorded span. */
  #recordSpan(pc: number): void {
    const span = this.#span;
    const last = this.#spans.at(-1)?.span;
    if (last === undefined || last.start !== span.start || last.end !== span.end) this.#spans.push({ pc, span });
  }

  /** Returns the recorded spans as lines and columns. Leaves out a span with the same lines and columns as the one before. */
  #debugSpans(): DebugSpan[] {
    const spans: DebugSpan[] = [];
    const reader = new PositionReader(this.#lines);
    for (const { pc, span } of this.#spans) {
      reader.moveTo(span.start);
      const { line, column } = reader;
      reader.moveTo(span.end);
      const last = spans.at(-1);
      if (last !== undefined && last[1] === line && last[2] === column && last[3] === reader.line && last[4] === reader.column) continue;
      spans.push([pc, line, column, reader.line, reader.column]);
    }
    return spans;
  }

  /** Makes a label that is not placed yet. */
  label(): Label {
    return { pc: -1 };
  }

  /** Places the label before the next instruction. */
  placeLabel(label: Label): void {
    this.#lastLabelPc = this.#code.length;
    label.pc = this.#code.length;
  }

  /** The index of the next instruction. */
  get pc(): number {
    return this.#code.length;
  }

  /** Returns the line of a UTF-16 offset in the source, counted from 1. */
  lineAt(offset: number): number {
    return positionAt(this.#lines, offset).line;
  }

  /** Begins an `if`, `match`, `while` or `for` at the next instruction. The caller calls `endPart` for each part, and then `endFlow`. */
  beginFlow(kind: FlowKind, span: Span): OpenFlow {
    const flow: OpenFlow = { kind, line: this.lineAt(span.start), start: this.pc, parts: [], end: this.pc, local: -1 };
    this.#flowConstructs.push(flow);
    return flow;
  }

  /** Ends a part that began at `start`. A part includes the jump out of it, so that no part is empty. */
  endPart(flow: OpenFlow, start: number): void {
    flow.parts.push([start, this.pc]);
  }

  endFlow(flow: OpenFlow): void {
    flow.end = this.pc;
  }

  /** Adds a match table and returns its index. The caller emits the instruction that uses the table. */
  addMatchTable(arms: { readonly tag: number; readonly target: Label }[]): number {
    this.#matchTables.push(arms);
    return this.#matchTables.length - 1;
  }

  /** Returns the stack slot of a binding. The slot is assigned on first use. */
  slot(local: Local): number {
    const existing = this.#slots.get(local);
    if (existing !== undefined) return existing;
    return this.#allocateSlot(local.name, local);
  }

  /** Returns a new stack slot for a value that the compiler itself needs. */
  scratchSlot(): number {
    return this.#allocateSlot("", undefined);
  }

  #allocateSlot(name: string, local: Local | undefined): number {
    const slot = this.#slotNames.length;
    if (slot >= MODULE_LIMITS.locals) throw new FunctionTooLarge(`more than ${MODULE_LIMITS.locals} bindings`);
    this.#slotNames.push(name);
    if (local !== undefined) this.#slots.set(local, slot);
    return slot;
  }

  /**
   * Resolves the labels and returns the function. `file` is the index of its source file; -1 means no file. `line` is the line of its
   * declaration.
   */
  finish(
    name: string,
    arity: number,
    capabilities: readonly number[],
    intent: string | null,
    file: number,
    line: number,
  ): { def: FunctionDef; debug: FunctionDebug } {
    for (const { operands, label } of this.#jumps) operands[0] = label.pc;
    const matchTables = this.#matchTables.map((arms) => arms.map((a): MatchArm => ({ tag: a.tag, target: a.target.pc })));
    return {
      def: { name, arity, locals: this.#slotNames.length, code: this.#code, capabilities, intent, matchTables },
      debug: {
        file,
        locals: this.#slotNames,
        spans: this.#debugSpans(),
        ...(capabilities.length === 0 ? {} : { flow: { line, constructs: this.#flowConstructs } }),
      },
    };
  }
}
