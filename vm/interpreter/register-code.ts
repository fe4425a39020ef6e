/**
 * The register code of a program: the register ops that the interpreter executes, function after function. Every
 * instruction of the bytecode has an op at its own position, even if an earlier op covers it, so that code can be entered
 * at any instruction. A function is translated when it first runs.
 */
import { analyzeAppends } from "../bytecode/string-append.ts";
import { memoizeInObject } from "../lazy.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { WordSpace } from "../bytecode/word-space.ts";
import { matchTableLength } from "./match-tables.ts";
import { OP_STRIDE } from "./register-ops.ts";
import { INCREMENT_LENGTH, SOURCE_STRIDE, Translation } from "./translation.ts";
import { FloatValue } from "../value/value.ts";

/** More slots than any stack has. With this number in `layouts`, every call of the function goes through `pushFrame`. */
const MORE_THAN_STACK = 2 ** 30;

/**
 * `layouts` has four numbers for each function: the index of its first op, the number of parameters, the number of locals, and the
 * maximum height of its operand stack. The height is -1 for a dynamically stacked function, whose height is not known.
 */
const LAYOUT_STRIDE = 4;

/**
 * Returns 1 for each instruction of a function before which control flow must be reported, and 0 for the others. Returns undefined for a
 * function whose control flow is not reported.
 */
export type ReportedInstructions = (fn: VerifiedFunction) => Uint8Array | undefined;

export class RegisterCode {
  /**
   * The ops. Op 0 is scratch space for an instruction that is executed alone. Each function has one op more than
   * instructions; this last op is executed when control reaches the end of the code. If control flow is reported, the array has a second
   * half. An instruction at which control flow is reported has its own op in the second half, and the op `flow` in the first half. The jump
   * tables of matches come last (see `match-tables.ts`).
   */
  readonly code: Int32Array;
  /** `LAYOUT_STRIDE` numbers for each function. */
  readonly layouts: Int32Array;
  /** The number of each constant that is an Int or a Float; NaN for any other constant. */
  readonly numbers: Float64Array;
  readonly #program: Program;
  readonly #reportedOf: ReportedInstructions | undefined;
  readonly #opCount: number;
  /** The memory of `code`, `layouts`, the sources of all functions and `#matchTables`. */
  readonly #words: WordSpace;
  /** The index in `code` of each function's first jump table. */
  readonly #matchTables: Int32Array;
  readonly #translations = new Map<VerifiedFunction, Translation>();
  /** Ops that cover one instruction of a statically stacked function, by the position of the instruction. */
  readonly #singles = new Map<number, readonly number[]>();

  constructor(program: Program, reportedOf?: ReportedInstructions) {
    const { functions, module } = program;
    this.#program = program;
    this.#reportedOf = reportedOf;
    let ops = 1;
    let tables = 0;
    for (const { def } of functions) {
      ops += def.code.length + 1;
      for (const arms of def.matchTables) tables += matchTableLength(arms);
    }
    this.#opCount = ops;
    let nextTable = (reportedOf === undefined ? 1 : 2) * ops * OP_STRIDE;
    this.#words = new WordSpace(nextTable + tables + functions.length * (LAYOUT_STRIDE + 1) + ops * SOURCE_STRIDE);
    this.code = this.#words.take(nextTable + tables);
    this.layouts = this.#words.take(functions.length * LAYOUT_STRIDE);
    this.#matchTables = this.#words.take(functions.length);
    let first = 1;
    for (const fn of functions) {
      const { index, def, staticallyStacked, maxStack } = fn;
      // If a parameter is an append target, `pushFrame` must clear its pending mark.
      const [firstTarget = def.arity] = analyzeAppends(fn).targets;
      const stackNeed = firstTarget < def.arity ? MORE_THAN_STACK : maxStack;
      const at = index * LAYOUT_STRIDE;
      this.layouts[at] = first;
      this.layouts[at + 1] = def.arity;
      this.layouts[at + 2] = def.locals;
      this.layouts[at + 3] = staticallyStacked ? stackNeed : -1;
      this.#matchTables[index] = nextTable;
      for (const arms of def.matchTables) nextTable += matchTableLength(arms);
      first += def.code.length + 1;
    }
    const { constants } = module;
    this.numbers = new Float64Array(constants.length);
    for (let i = 0; i < constants.length; i++) {
      const value = constants[i];
      this.numbers[i] = typeof value === "number" ? value : value instanceof FloatValue ? value.value : Number.NaN;
    }
  }

  /** Writes the ops of a statically stacked function. */
  translate(fn: VerifiedFunction): void {
    const translation = this.#translation(fn);
    const { first, heights } = translation;
    const end = heights.length;
    this.#set(first + end, translation.singleOp(end, 0));
    // The last instruction comes first, because an op may be fused with the op after it.
    for (let pc = end - 1; pc >= 0; pc--) this.#setFused(translation, pc);
    // When a backward jump was translated, the op that it can be fused with was not in the code yet.
    for (const pc of translation.backwardJumps()) {
      this.#setFused(translation, pc);
      if (pc >= INCREMENT_LENGTH) this.#setFused(translation, pc - INCREMENT_LENGTH);
    }
  }

  #setFused(translation: Translation, pc: number): void {
    const index = translation.first + pc;
    const reported = index + this.#opCount;
    if (translation.isReported(pc)) this.#set(index, translation.flowOp(pc, reported));
    this.#set(translation.isReported(pc) ? reported : index, translation.fusedOp(pc));
  }

  /** Writes op 0, which executes only the instruction at `pc`, in a frame with `height` operands. */
  writeSingle(fn: VerifiedFunction, pc: number, height: number): void {
    const translation = this.#translation(fn);
    const at = translation.first + pc;
    const op = this.#singles.get(at) ?? translation.singleOp(pc, height);
    // In a dynamically stacked function the op depends on the height, so it is not cached.
    if (fn.staticallyStacked) this.#singles.set(at, op);
    this.#set(0, op);
  }

  #translation(fn: VerifiedFunction): Translation {
    const cachedTranslation = this.#translations.get(fn);
    if (cachedTranslation !== undefined) return cachedTranslation;
    const newTranslation = new Translation(
      this.code,
      this.layouts[fn.index * LAYOUT_STRIDE] ?? 0,
      this.#matchTables[fn.index] ?? 0,
      this.#program.module.constants,
      fn,
      this.#words.take(fn.def.code.length * SOURCE_STRIDE),
      this.#reportedOf?.(fn),
    );
    this.#translations.set(fn, newTranslation);
    return newTranslation;
  }

  #set(index: number, op: readonly number[]): void {
    for (let i = 0; i < OP_STRIDE; i++) this.code[index * OP_STRIDE + i] = op[i] ?? 0;
  }
}

export const registerCodeOf: (program: Program) => RegisterCode = memoizeInObject((program: Program) => new RegisterCode(program));
