/**
 * The interpreter's form of code: rows of eight numbers whose operands are slots of the frame, since the stack's height
 * before each instruction of a regular function is known. A row may stand for several instructions; those stay where
 * they were, for jumps into the middle and for the last steps before a limit.
 */
import { type Accumulators, accumulatorsOf, APPEND } from "../bytecode/string-append.ts";
import { BUILTIN_CODE, type BuiltinCode } from "../builtins/builtin-code.ts";
import { BUILTINS } from "../builtins/builtin-table.ts";
import { oncePer } from "../lazy.ts";
import { OPCODES, type OpcodeRow } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { BINARY, COMPARISON, LONGEST_ROW, NEGATED, ROWS, ROW_STRIDE, SWAPPED } from "./register-ops.ts";
import { CODE_STRIDE, stackHeights, UNSEEN } from "../bytecode/stack-heights.ts";
import { FloatValue } from "../value/value.ts";

interface Arithmetic {
  readonly op: number;
  /** The row of two slots, and those of a slot and a constant. */
  readonly row: number;
  readonly int?: number;
  readonly float?: number;
  /** A constant may stand first: the fast way gives the same either way. */
  readonly commutes?: true;
}

const ARITHMETIC: ReadonlyMap<number, Arithmetic> = new Map<number, Arithmetic>([
  [OPCODES.Add.tag, { op: BINARY.add, row: ROWS.add, int: ROWS.addInt, float: ROWS.addFloat, commutes: true }],
  [OPCODES.Sub.tag, { op: BINARY.subtract, row: ROWS.subtract, int: ROWS.subtractInt, float: ROWS.subtractFloat }],
  [OPCODES.Mul.tag, { op: BINARY.multiply, row: ROWS.multiply, int: ROWS.multiplyInt, float: ROWS.multiplyFloat, commutes: true }],
  [OPCODES.Mod.tag, { op: BINARY.remainder, row: ROWS.remainder, int: ROWS.remainderInt }],
  [OPCODES.Div.tag, { op: BINARY.divide, row: ROWS.binary }],
  [OPCODES.FDiv.tag, { op: BINARY.divideFloats, row: ROWS.divideFloats }],
  [OPCODES.ListGet.tag, { op: BINARY.element, row: ROWS.element }],
  [OPCODES.Concat.tag, { op: BINARY.concat, row: ROWS.binary }],
]);

interface Comparison {
  readonly op: number;
  /** The row of two slots, and that of a slot and an Int; the flags that make it this comparison. */
  readonly row: number;
  readonly flag: number;
  readonly int: number;
  readonly intFlag: number;
}

/** Of Ints, x > c is the contrary of x <= c. That of Floats is not: the general form, which they take, heeds `op`. */
const COMPARISONS: ReadonlyMap<number, Comparison> = new Map<number, Comparison>([
  [OPCODES.Lt.tag, { op: COMPARISON.less, row: ROWS.less, flag: 0, int: ROWS.lessInt, intFlag: 0 }],
  [OPCODES.Lte.tag, { op: COMPARISON.lessOrEqual, row: ROWS.lessOrEqual, flag: 0, int: ROWS.lessOrEqualInt, intFlag: 0 }],
  [OPCODES.Gt.tag, { op: COMPARISON.greater, row: ROWS.less, flag: SWAPPED, int: ROWS.lessOrEqualInt, intFlag: NEGATED }],
  [OPCODES.Gte.tag, { op: COMPARISON.greaterOrEqual, row: ROWS.lessOrEqual, flag: SWAPPED, int: ROWS.lessInt, intFlag: NEGATED }],
  [OPCODES.Eq.tag, { op: COMPARISON.equal, row: ROWS.equal, flag: 0, int: ROWS.equalInt, intFlag: 0 }],
  [OPCODES.Neq.tag, { op: COMPARISON.unequal, row: ROWS.equal, flag: NEGATED, int: ROWS.equalInt, intFlag: NEGATED }],
]);

/** Instructions of one operand that may be a local or a constant, or a local only. */
const ANYWHERE: ReadonlySet<number> = new Set([OPCODES.StoreLocal.tag, OPCODES.MakeEnum.tag, OPCODES.Wrap.tag]);
const LOCALS: ReadonlySet<number> = new Set(
  [OPCODES.GetField, OPCODES.Not, OPCODES.Neg, OPCODES.Match, OPCODES.JmpIf, OPCODES.JmpIfNot, OPCODES.Ret].map(({ tag }) => tag),
);
/** Instructions at which the frame is left and may be written down: its operands must be in their slots. */
const LEAVING: ReadonlySet<number> = new Set(
  [
    OPCODES.Call,
    OPCODES.CallIndirect,
    OPCODES.CapCall,
    OPCODES.TryCapCall,
    OPCODES.EmitUi,
    OPCODES.SpawnActor,
    OPCODES.SendMsg,
    OPCODES.ReceiveMsg,
    OPCODES.ReceiveAs,
  ].map(({ tag }) => tag),
);
/** Rows that always stand for one instruction. */
const SHORT_ROWS: ReadonlySet<number> = new Set(
  (["loop", "loopLess", "loopLessInt", "call", "callIndirect", "tailCall", "halt", "record", "effect", "receive"] as const).map(
    (name) => ROWS[name],
  ),
);

/** Builtins with code, by their place in `operation`; the older opcodes and ids both lead here. */
export const BUILTIN_RUNS: readonly BuiltinCode[] = [...BUILTIN_CODE.values()];
const BUILTIN_PLACE: ReadonlyMap<string, number> = new Map([...BUILTIN_CODE.keys()].map((name, i) => [name, i]));
const LENGTH_PLACE = BUILTIN_PLACE.get("list.len");
const PLACE_BY_ID: ReadonlyMap<number, number | undefined> = new Map(BUILTINS.map(({ id, name }) => [id, BUILTIN_PLACE.get(name)]));
const ROW_BY_TAG: ReadonlyMap<number, OpcodeRow> = new Map(Object.values(OPCODES).map((row): [number, OpcodeRow] => [row.tag, row]));

/** More slots than any stack has: in place of the highest operand stack, where a frame cannot begin in the short way. */
const MORE_THAN_STACK = 2 ** 30;

/** Numbers of a function: its first row, parameters, locals, and highest operand stack, -1 where it is irregular. */
export const SHAPE_STRIDE = 4;

/** A program as the interpreter reads it. */
export class Rows {
  readonly program: Program;
  /** The first row is for an instruction that is executed on its own; then function after function, each with a row for its end. */
  readonly code: Int32Array;
  readonly shapes: Int32Array;
  /** The numbers among the constants, Ints and Floats. */
  readonly numbers: Float64Array;
  readonly #translations = new Map<VerifiedFunction, Translation>();
  /** Single instructions of regular functions, by row. */
  readonly #singles = new Map<number, readonly number[]>();

  constructor(program: Program) {
    const { functions, module } = program;
    this.program = program;
    this.shapes = new Int32Array(functions.length * SHAPE_STRIDE);
    let rows = 1;
    for (const fn of functions) {
      const { index, def, regular, maxStack } = fn;
      // What the caller has left beside the arguments is no flag.
      const [first = def.arity] = accumulatorsOf(fn).locals;
      const room = first < def.arity ? MORE_THAN_STACK : maxStack;
      this.shapes.set([rows, def.arity, def.locals, regular ? room : -1], index * SHAPE_STRIDE);
      rows += def.code.length + 1;
    }
    this.code = new Int32Array(rows * ROW_STRIDE);
    this.numbers = Float64Array.from(module.constants, (value) =>
      typeof value === "number" ? value : value instanceof FloatValue ? value.value : Number.NaN,
    );
  }

  /** Fills in the rows of a regular function. */
  translate(fn: VerifiedFunction): void {
    const translation = this.#translation(fn);
    const { first, heights } = translation;
    const end = heights.length;
    this.#set(first + end, translation.single(end, 0));
    // From the end, since a row may take in the one after it.
    for (let pc = end - 1; pc >= 0; pc--) this.#set(first + pc, translation.row(pc));
    for (const pc of translation.loops()) this.#set(first + pc, translation.row(pc));
  }

  /** Makes the first row one instruction of a frame with `height` operands. */
  single(fn: VerifiedFunction, pc: number, height: number): void {
    if (!fn.regular) {
      this.#set(0, new Translation(this, fn, NO_HEIGHTS).single(pc, height));
      return;
    }
    const row = (this.shapes[fn.index * SHAPE_STRIDE] ?? 0) + pc;
    const known = this.#singles.get(row);
    const numbers = known ?? this.#translation(fn).single(pc, height);
    if (known === undefined) this.#singles.set(row, numbers);
    this.#set(0, numbers);
  }

  #translation(fn: VerifiedFunction): Translation {
    const known = this.#translations.get(fn);
    if (known !== undefined) return known;
    const made = new Translation(this, fn, stackHeights(fn.code, fn.def.matchTables)?.heights ?? NO_HEIGHTS);
    this.#translations.set(fn, made);
    return made;
  }

  row(row: number): Int32Array {
    return this.code.subarray(row * ROW_STRIDE, (row + 1) * ROW_STRIDE);
  }

  #set(row: number, numbers: readonly number[]): void {
    for (let i = 0; i < ROW_STRIDE; i++) this.code[row * ROW_STRIDE + i] = numbers[i] ?? 0;
  }
}

const IN_SLOT = -(2 ** 31);
const NO_HEIGHTS = new Int32Array();
const NOTHING: readonly number[] = [ROWS.nothing, 0, 0, 0, 1, 1, 0, 0];

/** Rows for the instructions of one function. */
class Translation {
  /** The row of the function's first instruction. */
  readonly first: number;
  /** Operands before each instruction; none are known of an irregular function. */
  readonly heights: Int32Array;
  readonly #rows: Rows;
  readonly #fn: VerifiedFunction;
  readonly #locals: number;
  /** Where each instruction finds its two operands; `IN_SLOT` where that is their place on the stack. */
  readonly #sources: Int32Array;
  /** 1 for a load whose value is read where it came from, by an instruction not far behind. */
  readonly #elided: Uint8Array;
  readonly #appends: Accumulators;

  constructor(rows: Rows, fn: VerifiedFunction, heights: Int32Array) {
    this.#rows = rows;
    this.#fn = fn;
    this.heights = heights;
    this.#locals = fn.def.locals;
    this.first = rows.shapes[fn.index * SHAPE_STRIDE] ?? 0;
    this.#sources = new Int32Array(2 * heights.length).fill(IN_SLOT);
    this.#elided = new Uint8Array(heights.length);
    this.#appends = accumulatorsOf(fn);
    this.#traceLoads();
  }

  /**
   * Follows each load to the instruction that takes its value, within straight code in which no call, no effect and
   * no store to the local comes between: that instruction reads the local or the constant itself. It may do so whether or
   * not the load has been executed, so that a sequence can be left and entered anywhere.
   */
  #traceLoads(): void {
    const { code, def } = this.#fn;
    const targets = new Set(def.matchTables.flatMap((arms) => arms.map(({ target }) => target)));
    for (let pc = 0; pc < this.heights.length; pc++) {
      const { flow } = ROW_BY_TAG.get(code[pc * CODE_STRIDE] ?? 0) ?? {};
      if (flow === "jump" || flow === "branch") targets.add(this.#operand(pc));
    }
    /** Not yet taken, the last few. */
    let loads: readonly number[] = [];
    for (let pc = 0; pc < this.heights.length; pc++) {
      const height = this.heights[pc] ?? UNSEEN;
      const fresh = height === UNSEEN || targets.has(pc) ? [] : loads.filter((load) => load > pc - LONGEST_ROW);
      if (this.#loaded(pc) !== undefined) {
        loads = height === UNSEEN ? [] : [...fresh, pc];
        continue;
      }
      const bottom = height - this.#pops(pc);
      for (const load of fresh) this.#take(pc, load, (this.heights[load] ?? 0) - bottom);
      const tag = this.#tag(pc);
      const leaves = LEAVING.has(tag) || ROW_BY_TAG.get(tag)?.flow !== undefined;
      const stored = tag === OPCODES.StoreLocal.tag ? this.#operand(pc) : undefined;
      loads = leaves ? [] : fresh.filter((load) => (this.heights[load] ?? 0) < bottom && this.#loaded(load) !== stored);
    }
  }

  /** The instruction at `pc` takes what `load` pushed, as its operand `i` if that is not negative. */
  #take(pc: number, load: number, i: number): void {
    const source = this.#loaded(load);
    const accepts = this.#accepts(pc);
    if (i < 0 || source === undefined || accepts === "slots" || (accepts === "locals" && source < 0)) return;
    this.#sources[2 * pc + i] = source;
    this.#elided[load] = 1;
  }

  /** Where an instruction may find its operands. */
  #accepts(pc: number): "slots" | "locals" | "any" {
    const tag = this.#tag(pc);
    if (this.#pops(pc) > 2) return "slots";
    if (ARITHMETIC.has(tag) || COMPARISONS.has(tag) || ANYWHERE.has(tag)) return "any";
    if (LOCALS.has(tag)) return "locals";
    return this.#builtin(pc, ROW_BY_TAG.get(tag)) === undefined ? "slots" : "any";
  }

  #pops(pc: number): number {
    const row = ROW_BY_TAG.get(this.#tag(pc));
    if (row === undefined) return 0;
    return row.pops + (row.popsCount === true ? this.#operand(pc, row.operands.indexOf("count")) : 0);
  }

  #tag(pc: number): number {
    return this.#fn.code[pc * CODE_STRIDE] ?? 0;
  }

  #operand(pc: number, i = 0): number {
    return this.#fn.code[pc * CODE_STRIDE + 1 + i] ?? 0;
  }

  /** What a load pushes that nothing hangs on: a local's slot, or ~ of a constant. */
  #loaded(pc: number): number | undefined {
    const tag = this.#tag(pc);
    if (tag === OPCODES.LoadLocal.tag) return this.#isReading(pc) ? undefined : this.#operand(pc);
    return tag === OPCODES.PushConst.tag ? ~this.#operand(pc) : undefined;
  }

  /** A load of a local that may be pending: it has a moment of its own. */
  #isReading(pc: number): boolean {
    return this.#isAccumulator(this.#operand(pc)) && this.#appends.roles[pc] !== APPEND.load;
  }

  #isAccumulator(local: number): boolean {
    return this.#appends.isAccumulator[local] === 1;
  }

  /** A row that stands for as much as it can. Those after it are there. */
  row(pc: number): readonly number[] {
    const height = this.heights[pc] ?? UNSEEN;
    // What nothing reaches is a row all the same: it tells that the function has been translated.
    if (height === UNSEEN) return NOTHING;
    const slots = this.#locals + height;
    // A load that nobody waits for becomes part of the row after it.
    const extended = this.#elided[pc] === 1 ? this.#after(pc + 1, slots) : undefined;
    if (extended !== undefined) return extended;
    if (this.#loaded(pc) !== undefined) return this.single(pc, height);
    if (this.#tag(pc) === OPCODES.Jmp.tag) return this.#jump(this.#operand(pc), pc, height);
    return this.#operation(pc, height) ?? this.#other(pc, height);
  }

  /** Jumps back: their rows may be better once those before them are there. */
  loops(): readonly number[] {
    const { length } = this.heights;
    return Array.from({ length }, (_, pc) => pc).filter((pc) => this.#tag(pc) === OPCODES.Jmp.tag && this.#operand(pc) <= pc);
  }

  /** The row at `pc` with an instruction before it that does nothing more; undefined where that cannot be. */
  #after(pc: number, slots: number): readonly number[] | undefined {
    const [tag = 0, x = 0, y = 0, d = 0, count = 0, before = 0, op = 0] = this.#rows.row(this.first + pc);
    if (SHORT_ROWS.has(tag) || count >= LONGEST_ROW) return undefined;
    // A comparison has a target there.
    const isComparison = tag >= ROWS.less && tag <= ROWS.compareJump;
    return [tag, x, y, d, count + 1, isComparison ? before : before + 1, op, slots];
  }

  #jump(target: number, pc: number, height: number): readonly number[] {
    const alone = this.#other(pc, height);
    const [tag = 0, x = 0, y = 0, d = 0, count = 0, other = 0] = this.#rows.row(this.first + target);
    if (target > pc) {
      const leaves = tag === ROWS.return || tag === ROWS.returnUnit || tag === ROWS.jump;
      return (leaves ? this.#after(target, this.#locals + height) : undefined) ?? alone;
    }
    if ((tag !== ROWS.less && tag !== ROWS.lessInt) || count >= LONGEST_ROW) return alone;
    return [tag === ROWS.less ? ROWS.loopLess : ROWS.loopLessInt, x, y, d, count + 1, other, this.first + target, this.#locals + height];
  }

  /** The instruction alone. */
  single(pc: number, height: number): readonly number[] {
    const slots = this.#locals + height;
    if (pc * CODE_STRIDE >= this.#fn.code.length) return [ROWS.returnUnit, 0, 0, 0, 1, 1, 0, slots];
    const loaded = this.#loaded(pc);
    if (loaded !== undefined) return this.#load(loaded, slots, slots);
    return this.#operation(pc, height, true) ?? this.#other(pc, height);
  }

  #load(source: number, d: number, slots: number): readonly number[] {
    if (source >= 0) return [ROWS.move, source, 0, d, 1, 1, 0, slots];
    const value = this.#rows.program.module.constants[~source];
    const tag = typeof value === "number" ? ROWS.int : value instanceof FloatValue ? ROWS.float : ROWS.constant;
    return [tag, 0, ~source, d, 1, 1, 0, slots];
  }

  #store(pc: number, source: number, slots: number): readonly number[] {
    const local = this.#operand(pc);
    const load = this.#load(source, local, slots);
    // A number cannot be pending.
    if (!this.#isAccumulator(local) || load[0] === ROWS.int || load[0] === ROWS.float) return load;
    return [ROWS.storeLocal, source, this.#appends.roles[pc] === APPEND.store ? 1 : 0, local, 1, 1, 0, slots];
  }

  /** An operation and, unless `alone`, what is done with its result; undefined where the instruction is none. */
  #operation(pc: number, height: number, alone = false): readonly number[] | undefined {
    const tag = this.#tag(pc);
    const builtin = this.#builtin(pc, ROW_BY_TAG.get(tag));
    const count = this.#pops(pc);
    if (count > 2) return undefined;
    const bottom = this.#locals + height - count;
    const source = (i: number): number => {
      const found = this.#sources[2 * pc + i] ?? IN_SLOT;
      return found === IN_SLOT ? bottom + i : found;
    };
    const [x, y] = [source(0), source(1)];
    const slots = this.#locals + height;
    const next = alone ? 0 : this.#tag(pc + 1);
    const joins = this.#appends.roles[pc] === APPEND.concat;
    const stored =
      next === OPCODES.StoreLocal.tag &&
      (joins ? this.#appends.roles[pc + 1] === APPEND.store : !this.#isAccumulator(this.#operand(pc + 1)));
    const d = stored ? this.#operand(pc + 1) : bottom;
    const all = stored ? 2 : 1;
    const value = (row: number, first: number, second: number, op: number): readonly number[] => [row, first, second, d, all, 1, op, slots];
    if (builtin !== undefined) {
      const row = builtin.place === LENGTH_PLACE && x >= 0 ? ROWS.length : ROWS.builtin;
      return count === 0 ? undefined : value(row, x, y, builtin.place);
    }
    const arithmetic = ARITHMETIC.get(tag);
    if (arithmetic !== undefined) {
      const { op, row, commutes } = arithmetic;
      if (joins) return value(ROWS.append, x, y, op);
      if (x >= 0 && y >= 0) return value(row, x, y, op);
      if (x >= 0) return value(this.#withConstant(y, arithmetic) ?? ROWS.binary, x, y, op);
      const swapped = commutes === true && y >= 0 ? this.#withConstant(x, arithmetic) : undefined;
      return swapped === undefined ? value(ROWS.binary, x, y, op) : value(swapped, y, x, op | SWAPPED);
    }
    const comparison = COMPARISONS.get(tag);
    if (comparison !== undefined) {
      if (next !== OPCODES.JmpIfNot.tag && next !== OPCODES.JmpIf.tag) return value(ROWS.compare, x, y, comparison.op);
      const [taken, other] = [this.first + this.#operand(pc + 1), this.first + pc + 2];
      const [holding, failing] = next === OPCODES.JmpIf.tag ? [taken, other] : [other, taken];
      return this.#comparison(comparison, x, y, { holding, failing, slots });
    }
    switch (tag) {
      case OPCODES.StoreLocal.tag:
        return this.#store(pc, x, slots);
      case OPCODES.GetField.tag:
        return value(ROWS.field, x, this.#operand(pc), 0);
      case OPCODES.MakeEnum.tag:
        return value(ROWS.enumValue, x, this.#operand(pc), this.#operand(pc, 1));
      case OPCODES.Wrap.tag:
        return value(ROWS.wrap, x, this.#operand(pc), 0);
      case OPCODES.Not.tag:
        return value(ROWS.not, x, 0, 0);
      case OPCODES.Neg.tag:
        return value(ROWS.negate, x, 0, 0);
      case OPCODES.Match.tag:
        return [ROWS.match, x, this.#operand(pc), bottom, 1, 1, 0, slots];
      case OPCODES.JmpIf.tag:
        return [ROWS.jumpIf, x, 0, this.first + this.#operand(pc), 1, 1, 0, slots];
      case OPCODES.JmpIfNot.tag:
        return [ROWS.jumpIfNot, x, 0, this.first + this.#operand(pc), 1, 1, 0, slots];
      case OPCODES.Ret.tag:
        // On an empty stack a return gives Unit.
        return height === 0 ? undefined : [ROWS.return, x, 0, 0, 1, 1, 0, slots];
      default:
        return undefined;
    }
  }

  #comparison(
    { op, row, flag, int, intFlag }: Comparison,
    x: number,
    y: number,
    { holding, failing, slots }: { holding: number; failing: number; slots: number },
  ): readonly number[] {
    const jump = (tag: number, flags: number): readonly number[] => {
      const [first, second] = (flags & SWAPPED) === 0 ? [x, y] : [y, x];
      const [target, other] = (flags & NEGATED) === 0 ? [holding, failing] : [failing, holding];
      return [tag, first, second, target, 2, other, op | flags, slots];
    };
    if (x >= 0 && y >= 0) return jump(row, flag);
    const isInt = y < 0 && typeof this.#rows.program.module.constants[~y] === "number";
    return x >= 0 && isInt ? jump(int, intFlag) : jump(ROWS.compareJump, 0);
  }

  /** The row for a constant on one side; a divisor of zero is left to the general one. */
  #withConstant(source: number, { int, float }: Arithmetic): number | undefined {
    const value = this.#rows.program.module.constants[~source];
    if (typeof value === "number") return int === ROWS.remainderInt && value <= 0 ? undefined : int;
    return value instanceof FloatValue ? float : undefined;
  }

  #builtin(pc: number, row: OpcodeRow | undefined): { readonly place: number; readonly count: number } | undefined {
    if (row === undefined) return undefined;
    const place = row.tag === OPCODES.Builtin.tag ? PLACE_BY_ID.get(this.#operand(pc)) : BUILTIN_PLACE.get(row.builtin ?? "");
    return place === undefined ? undefined : { place, count: row.tag === OPCODES.Builtin.tag ? this.#operand(pc, 1) : row.pops };
  }

  /** Instructions that always stand alone. */
  #other(pc: number, height: number): readonly number[] {
    const tag = this.#tag(pc);
    const opcodeRow = ROW_BY_TAG.get(tag);
    const slots = this.#locals + height;
    const [a, b] = [this.#operand(pc), this.#operand(pc, 1)];
    const row = (name: keyof typeof ROWS, x: number, y: number, d: number, op = 0): readonly number[] => [
      ROWS[name],
      x,
      y,
      d,
      1,
      1,
      op,
      slots,
    ];
    const builtin = this.#builtin(pc, opcodeRow);
    if (builtin !== undefined) return row("builtinOfThree", slots - builtin.count, builtin.count, slots - builtin.count, builtin.place);
    switch (tag) {
      case OPCODES.LoadLocal.tag:
        return row("readLocal", a, 0, slots);
      case OPCODES.LoadGlobal.tag:
        return row("loadGlobal", 0, a, slots);
      case OPCODES.StoreGlobal.tag:
        return row("storeGlobal", slots - 1, a, 0);
      case OPCODES.Call.tag:
        return row("call", 0, a, slots - b, b);
      case OPCODES.TailCall.tag:
        return row("tailCall", 0, a, slots - b, b);
      case OPCODES.CallIndirect.tag:
        return row("callIndirect", slots - 1, 0, slots - 1 - a, a);
      case OPCODES.Ret.tag:
        return row("returnUnit", 0, 0, 0);
      case OPCODES.Halt.tag:
        return row("halt", slots, 0, 0);
      case OPCODES.Jmp.tag:
        return a <= pc ? row("loop", 0, 0, 0, this.first + a) : row("jump", 0, 0, this.first + a);
      case OPCODES.MakeRecord.tag:
        return row("record", slots - b, b, slots - b, a);
      case OPCODES.MakeClosure.tag:
        return row("closure", slots - b, b, slots - b, a);
      case OPCODES.MakeList.tag:
        return row("list", slots - a, a, slots - a);
      case OPCODES.Builtin.tag:
        return row("ownBuiltin", slots - b, b, slots - b, a);
      case OPCODES.Pop.tag:
      case OPCODES.Nop.tag:
        return row("nothing", 0, 0, 0);
      case OPCODES.Dup.tag:
        return row("move", slots - 1, 0, slots);
      case OPCODES.Assert.tag:
        return row("assert", slots - 1, a, b, this.#operand(pc, 2));
      case OPCODES.GuardSeal.tag:
        return row("guardSeal", slots - 2, 0, 0);
      case OPCODES.ReceiveMsg.tag:
        return row("receive", 0, 0, slots);
      case OPCODES.ReceiveAs.tag:
        return row("receive", 1, a, slots);
      case OPCODES.CapCall.tag:
      case OPCODES.TryCapCall.tag:
        return row("effect", a, b, slots - b, tag);
      case OPCODES.EmitUi.tag:
      case OPCODES.SpawnActor.tag:
      case OPCODES.SendMsg.tag: {
        const count = opcodeRow?.pops ?? 0;
        return row("effect", a, count, slots - count, tag);
      }
      default:
        return row("rare", slots, a, 0, tag);
    }
  }
}

export const rowsOf: (program: Program) => Rows = oncePer((program: Program) => new Rows(program));
