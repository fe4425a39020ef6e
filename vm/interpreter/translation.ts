/**
 * Translates the bytecode of a function to register ops (see `register-ops.ts`). One op covers several instructions in these
 * cases:
 *
 * - A load of a local or constant is elided. The instruction that uses the value reads the local or the constant itself.
 * - An operation is fused with the store of its result, or a comparison with the conditional jump on it.
 * - A jump is fused with the return, jump or loop condition at its target.
 *
 * In `x = x + 1`, one op covers all four instructions:
 *
 *     LoadLocal 0, PushConst 0, Add, StoreLocal 0    →    addInt x=slot 0, y=~constant 0, d=slot 0, count=4
 */
import { type AppendAnalysis, analyzeAppends, APPEND } from "../bytecode/string-append.ts";
import { INDEX_STEP, updatePathText } from "../bytecode/update-path.ts";
import { analyzeListAppends, analyzeOwnership, OWNERSHIP } from "../bytecode/ownership.ts";
import { opcodeOf, OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { BUILTIN_CODES, INDEX_BY_ID, LIST_LEN_INDEX, NATIVE_INDEX, PUSH_OWNED_INDEX } from "./native-builtins.ts";
import { DISTANT, MAX_OP_INSTRUCTIONS, NEGATED, OP_STRIDE, REGISTER_OPS as OPS, SWAPPED } from "./register-ops.ts";
import {
  ARITHMETIC,
  type Arithmetic,
  type Comparison,
  COMPARISONS,
  LEAVES_FRAME,
  READS_LOCAL,
  READS_LOCAL_OR_CONSTANT,
  SINGLE_OPS,
} from "./translation-tables.ts";
import { CODE_STRIDE, popCount, UNREACHABLE } from "../bytecode/stack-heights.ts";
import { MATCH_TABLE_HEADER, matchTableLength, writeMatchTable } from "./match-tables.ts";
import { PENDING_MARK } from "./stack-slots.ts";
import { FloatValue, type Value } from "../value/value.ts";

/** The entry in `#sources` of an operand that is in its own slot on the stack. */
const IN_SLOT = -(2 ** 31);
/** The number of sources of each instruction. */
export const SOURCE_STRIDE = 2;
/** The flags of an instruction. */
const FLAGS = {
  /** A jump or an arm of a match leads to the instruction. */
  target: 1,
  /** The instruction is a load whose value a later instruction reads directly from the local or the constant. */
  elided: 2,
} as const;
/** The path of `xs[i] = v`. */
const ONE_INDEX = updatePathText({ steps: [INDEX_STEP], operator: undefined });
/** The instructions of `i = i + 1`. */
export const INCREMENT_LENGTH = 4;
const UNREACHABLE_OP: readonly number[] = [OPS.nothing, 0, 0, 0, 1, 1, 0, 0];

/** Makes the register ops for the instructions of one function. */
export class Translation {
  /** The index of the function's first op in the register code. */
  readonly first: number;
  /** The height of the operand stack before each instruction. Empty for a dynamically stacked function, whose heights are not known. */
  readonly heights: Int32Array;
  readonly #code: Int32Array;
  readonly #constants: readonly Value[];
  readonly #fn: VerifiedFunction;
  readonly #locals: number;
  /** For each instruction, the sources of its two operands. A source is the slot of a local, `~` of a constant's index, or `IN_SLOT`. */
  readonly #sources: Int32Array;
  /** The `FLAGS` of each instruction, and of the end of the code. */
  readonly #flags: Uint8Array;
  readonly #appends: AppendAnalysis;
  /** The ownership roles of the instructions. */
  readonly #roles: Uint8Array;
  readonly #listAppends: ReturnType<typeof analyzeListAppends>;
  /** 1 for each instruction at which control flow is reported. Undefined if there is none. */
  readonly #isReported: Uint8Array | undefined;
  /** The index in `code` of the jump table of each match. */
  readonly #matchTables: readonly number[];

  /**
   * `code` is the register code that the ops will become part of. Ops that are already in it can be fused with others. The jump tables of the
   * function's matches are written to it from the index `matchTables` on. `sources` is memory for `SOURCE_STRIDE` entries for each instruction.
   * `isReported` is 1 for each instruction at which control flow is reported, so no op may cover it together with an instruction before it.
   */
  constructor(
    code: Int32Array,
    first: number,
    matchTables: number,
    constants: readonly Value[],
    fn: VerifiedFunction,
    sources: Int32Array,
    isReported?: Uint8Array,
  ) {
    this.#code = code;
    this.first = first;
    let nextTable = matchTables;
    this.#matchTables = fn.def.matchTables.map((arms) => {
      const at = nextTable;
      writeMatchTable(code, at, arms, first);
      nextTable += matchTableLength(arms);
      return at;
    });
    this.#constants = constants;
    this.#fn = fn;
    this.#isReported = isReported;
    const { heights } = fn;
    this.heights = heights;
    this.#locals = fn.def.locals;
    this.#sources = sources.fill(IN_SLOT);
    this.#flags = new Uint8Array(heights.length + 1);
    this.#appends = analyzeAppends(fn);
    this.#roles = analyzeOwnership(fn).roles;
    this.#listAppends = analyzeListAppends(fn);
    this.#traceLoads();
  }

  /**
   * Finds the loads to elide: the instruction that pops the loaded value can read the local or the constant itself. Between
   * the load and that instruction there must be only straight-line code without a call, an effect or a store to the local.
   * The instruction reads the same value whether or not the load was executed, so code can be entered and left at any
   * instruction.
   */
  #traceLoads(): void {
    const { code, def } = this.#fn;
    const flags = this.#flags;
    for (const arms of def.matchTables) for (const { target } of arms) flags[target] = FLAGS.target;
    for (let pc = 0; pc < this.heights.length; pc++) {
      const flow = opcodeOf(code[pc * CODE_STRIDE] ?? 0)?.flow;
      if (flow === "jump" || flow === "branch") flags[this.#operand(pc)] = FLAGS.target;
    }
    /** The recent loads whose values are still on the stack: the first `count` entries. */
    const loads: number[] = [];
    let count = 0;
    for (let pc = 0; pc < this.heights.length; pc++) {
      const height = this.heights[pc] ?? UNREACHABLE;
      if (height === UNREACHABLE || flags[pc] === FLAGS.target) count = 0;
      if (this.#sourceOfLoad(pc) !== undefined) {
        if (height === UNREACHABLE) continue;
        loads[count] = pc;
        count += 1;
        continue;
      }
      /** The height without the operands that the instruction pops. */
      const bottom = height - this.#popCount(pc);
      const tag = this.#tag(pc);
      const leavesFrame = LEAVES_FRAME[tag] === 1 || opcodeOf(tag)?.flow !== undefined;
      const storedLocal = tag === OPCODES.StoreLocal.tag || tag === OPCODES.Update.tag ? this.#operand(pc) : undefined;
      let kept = 0;
      for (let i = 0; i < count; i++) {
        const load = loads[i] ?? 0;
        if (load <= pc - MAX_OP_INSTRUCTIONS) continue;
        const loadHeight = this.heights[load] ?? 0;
        this.#elide(pc, load, loadHeight - bottom);
        if (leavesFrame || loadHeight >= bottom || this.#sourceOfLoad(load) === storedLocal) continue;
        loads[kept] = load;
        kept += 1;
      }
      count = kept;
    }
  }

  /** If the instruction at `pc` accepts the source of `load`, makes it read its operand `i` from that source. */
  #elide(pc: number, load: number, i: number): void {
    const source = this.#sourceOfLoad(load);
    const acceptedSources = this.#acceptedSources(pc, i);
    if (i < 0 || source === undefined || acceptedSources === "slots" || (acceptedSources === "locals" && source < 0)) return;
    this.#sources[SOURCE_STRIDE * pc + (this.#tag(pc) === OPCODES.CallIndirect.tag ? 0 : i)] = source;
    this.#flags[load] = (this.#flags[load] ?? 0) | FLAGS.elided;
  }

  /** Returns which sources of operands the instruction at `pc` accepts. */
  #acceptedSources(pc: number, i: number): "slots" | "locals" | "any" {
    const tag = this.#tag(pc);
    // The function value is the last operand. The arguments must be in their slots, which become the locals of the call.
    if (tag === OPCODES.CallIndirect.tag) return i === this.#operand(pc) ? "locals" : "slots";
    if (this.#popCount(pc) > 2) return "slots";
    if (tag === OPCODES.Update.tag) return this.#popCount(pc) === 2 ? "any" : "slots";
    if (ARITHMETIC[tag] !== undefined || COMPARISONS[tag] !== undefined || READS_LOCAL_OR_CONSTANT[tag] === 1) return "any";
    if (READS_LOCAL[tag] === 1) return "locals";
    return this.#builtin(pc) === undefined ? "slots" : "any";
  }

  /** Returns the recorded source of an operand, or its slot if there is none. */
  #sourceOf(pc: number, i: number, slot: number): number {
    const source = this.#sources[SOURCE_STRIDE * pc + i] ?? IN_SLOT;
    return source === IN_SLOT ? slot : source;
  }

  #popCount(pc: number): number {
    const row = opcodeOf(this.#tag(pc));
    return row === undefined ? 0 : popCount(row, this.#fn.code, pc * CODE_STRIDE);
  }

  #tag(pc: number): number {
    // `CODE_STRIDE` is the number of words per instruction.
    return this.#fn.code[pc * CODE_STRIDE] ?? 0;
  }

  #operand(pc: number, i = 0): number {
    return this.#fn.code[pc * CODE_STRIDE + 1 + i] ?? 0;
  }

  /** Returns the source of a load that has no other effect; undefined for any other instruction. */
  #sourceOfLoad(pc: number): number | undefined {
    const tag = this.#tag(pc);
    if (tag === OPCODES.LoadLocal.tag)
      return this.#mayChargeAppend(pc) || this.#roles[pc] === OWNERSHIP.release || this.#listAppends.roles[pc] === OWNERSHIP.release
        ? undefined
        : this.#operand(pc);
    return tag === OPCODES.PushConst.tag ? ~this.#operand(pc) : undefined;
  }

  /**
   * Returns whether a load may have to charge the length that an append left uncharged (see `bytecode/string-append.ts`). Such a load must be
   * executed at its own position.
   */
  #mayChargeAppend(pc: number): boolean {
    return this.#isAppendTarget(this.#operand(pc)) && this.#appends.roles[pc] !== APPEND.load;
  }

  #isAppendTarget(local: number): boolean {
    return this.#appends.isAppendTarget[local] === 1;
  }

  /** Whether the local has a mark in `numbers`, which every store has to set. */
  #isMarked(local: number): boolean {
    return this.#isAppendTarget(local) || this.#listAppends.targets.has(local);
  }

  /** Whether control flow is reported before the instruction. */
  isReported(pc: number): boolean {
    return this.#isReported?.[pc] === 1;
  }

  /** Returns the op for an instruction at which control flow is reported. `reported` is the index of the op to execute. */
  flowOp(pc: number, reported: number): readonly number[] {
    const height = this.heights[pc] ?? UNREACHABLE;
    return height === UNREACHABLE ? UNREACHABLE_OP : [OPS.flow, 0, 0, 0, 1, 1, reported, this.#locals + height];
  }

  /** Returns the op at `pc`, which covers as many instructions as possible. The ops after `pc` must already be in the code. */
  fusedOp(pc: number): readonly number[] {
    const height = this.heights[pc] ?? UNREACHABLE;
    // An unreachable instruction gets an op too: a function counts as translated when its first op is set, reachable or not.
    if (height === UNREACHABLE) return UNREACHABLE_OP;
    const slots = this.#locals + height;
    // An elided load becomes part of the op after it.
    const extended = ((this.#flags[pc] ?? 0) & FLAGS.elided) !== 0 ? this.#extended(pc + 1, slots) : undefined;
    if (extended !== undefined) return this.#counting(pc, extended) ?? extended;
    if (this.#sourceOfLoad(pc) !== undefined) return this.#constantJump(pc, slots) ?? this.#withNextMove(pc, this.singleOp(pc, height));
    if (this.#tag(pc) === OPCODES.Jmp.tag) return this.#jump(this.#operand(pc), pc, height);
    return this.#withNextMove(pc, this.#operation(pc, height) ?? this.#unfused(pc, height));
  }

  /** Returns the word of the op that is in the code for `pc`. */
  #word(pc: number, offset: number): number {
    return this.#code[(this.first + pc) * OP_STRIDE + offset] ?? 0;
  }

  /** If the op is a move, and the op after it too, returns one op for both. Otherwise returns the op. */
  #withNextMove(pc: number, op: readonly number[]): readonly number[] {
    const [tag, x = 0, , d = 0, count = 0] = op;
    const next = pc + count;
    if (tag !== OPS.move || next >= this.heights.length || this.#word(next, 0) !== OPS.move) return op;
    const bothCount = count + this.#word(next, 4);
    return bothCount > MAX_OP_INSTRUCTIONS
      ? op
      : [OPS.moveTwo, x, this.#word(next, 1), d, bothCount, 1, this.#word(next, 3), this.#locals + (this.heights[pc] ?? 0)];
  }

  /** If the op adds 1 to a local and is followed by the jump to a loop head that compares the local, returns one op for all that. */
  #counting(pc: number, op: readonly number[]): readonly number[] | undefined {
    const [tag, x = 0, y = 0, d, count = 0, , , slots = 0] = op;
    const jump = pc + INCREMENT_LENGTH;
    if (tag !== OPS.addInt || x !== d || count !== INCREMENT_LENGTH || this.#constants[~y] !== 1 || jump >= this.heights.length)
      return undefined;
    const jumpTag = this.#word(jump, 0);
    const bothCount = count + this.#word(jump, 4);
    if ((jumpTag !== OPS.loopLess && jumpTag !== OPS.loopLessInt) || this.#word(jump, 1) !== x || bothCount > MAX_OP_INSTRUCTIONS)
      return undefined;
    const countTag = jumpTag === OPS.loopLess ? OPS.countLess : OPS.countLessInt;
    return [countTag, x, this.#word(jump, 2), this.#word(jump, 3), bothCount, this.#word(jump, 5), 0, slots];
  }

  /**
   * If the instruction pushes a constant that the next one pops, or the one after a forward jump, and that instruction is a conditional
   * jump or a `Pop`, returns the jump that all of them make together.
   */
  #constantJump(pc: number, slots: number): readonly number[] | undefined {
    if (this.#tag(pc) !== OPCODES.PushConst.tag || this.isReported(pc + 1)) return undefined;
    const isDistant = this.#tag(pc + 1) === OPCODES.Jmp.tag;
    const end = isDistant ? this.#operand(pc + 1) : pc + 1;
    if (end <= pc || (isDistant && this.isReported(end))) return undefined;
    const value = this.#constants[this.#operand(pc)];
    const tag = this.#tag(end);
    const jumps = tag === OPCODES.JmpIf.tag || tag === OPCODES.JmpIfNot.tag;
    if (jumps ? typeof value !== "boolean" : tag !== OPCODES.Pop.tag || !isDistant) return undefined;
    const isTaken = jumps && (tag === OPCODES.JmpIf.tag) === value;
    const target = isTaken ? this.#operand(end) : end + 1;
    return target <= pc ? undefined : [OPS.jump, 0, 0, this.first + target, isDistant ? 3 : 2, 1, 0, slots];
  }

  /**
   * Returns the backward jumps. A jump can be fused only with an op that is already in the code, so the caller translates these jumps again
   * at the end.
   */
  backwardJumps(): readonly number[] {
    const jumps: number[] = [];
    for (let pc = 0; pc < this.heights.length; pc++) if (this.#tag(pc) === OPCODES.Jmp.tag && this.#operand(pc) <= pc) jumps.push(pc);
    return jumps;
  }

  /** Returns the op at `pc`, extended to also cover the instruction before it, an elided load. Returns undefined if that is not possible. */
  #extended(pc: number, slots: number): readonly number[] | undefined {
    const at = (this.first + pc) * OP_STRIDE;
    const code = this.#code;
    const [tag, x, y, d] = [code[at] ?? 0, code[at + 1] ?? 0, code[at + 2] ?? 0, code[at + 3] ?? 0];
    const [count, countToTrap, op] = [code[at + 4] ?? 0, code[at + 5] ?? 0, code[at + 6] ?? 0];
    if (SINGLE_OPS[tag] === 1 || count >= MAX_OP_INSTRUCTIONS) return undefined;
    // In a fused comparison the field `countToTrap` is the second target.
    const isComparison = tag >= OPS.less && tag <= OPS.compareJump;
    return [tag, x, y, d, count + 1, isComparison ? countToTrap : countToTrap + 1, op, slots];
  }

  #jump(target: number, pc: number, height: number): readonly number[] {
    const alone = this.#unfused(pc, height);
    const at = (this.first + target) * OP_STRIDE;
    const code = this.#code;
    const [tag, x, y, d] = [code[at] ?? 0, code[at + 1] ?? 0, code[at + 2] ?? 0, code[at + 3] ?? 0];
    const [count, falseTarget] = [code[at + 4] ?? 0, code[at + 5] ?? 0];
    if (target > pc) {
      if (tag === OPS.nothing && count < MAX_OP_INSTRUCTIONS && this.heights[target] !== UNREACHABLE)
        return [OPS.jump, 0, 0, this.first + target + count, count + 1, 1, 0, this.#locals + height];
      const leaves = tag === OPS.return || tag === OPS.returnUnit || tag === OPS.jump;
      return (leaves ? this.#extended(target, this.#locals + height) : undefined) ?? alone;
    }
    if ((tag !== OPS.less && tag !== OPS.lessInt) || count >= MAX_OP_INSTRUCTIONS) return alone;
    return [tag === OPS.less ? OPS.loopLess : OPS.loopLessInt, x, y, d, count + 1, falseTarget, this.first + target, this.#locals + height];
  }

  /** Returns the op for only the instruction at `pc`. */
  singleOp(pc: number, height: number): readonly number[] {
    const slots = this.#locals + height;
    if (pc * CODE_STRIDE >= this.#fn.code.length) return [OPS.returnUnit, 0, 0, 0, 1, 1, 0, slots];
    const loadedSource = this.#sourceOfLoad(pc);
    if (loadedSource !== undefined) return this.#load(loadedSource, slots, slots);
    return this.#operation(pc, height, true) ?? this.#unfused(pc, height);
  }

  #load(source: number, d: number, slots: number): readonly number[] {
    if (source >= 0) return [OPS.move, source, 0, d, 1, 1, 0, slots];
    const value = this.#constants[~source];
    const tag = typeof value === "number" ? OPS.int : value instanceof FloatValue ? OPS.float : OPS.constant;
    return [tag, 0, ~source, d, 1, 1, 0, slots];
  }

  #store(pc: number, source: number, slots: number): readonly number[] {
    const local = this.#operand(pc);
    const load = this.#load(source, local, slots);
    if (this.#roles[pc] === OWNERSHIP.begin) return [OPS.ownLocal, source, 0, local, 1, 1, 0, slots];
    // An Int or a Float is never pending, so a plain load is enough.
    if (!this.#isMarked(local) || load[0] === OPS.int || load[0] === OPS.float) return load;
    return [OPS.storeLocal, source, this.#appends.roles[pc] === APPEND.store ? PENDING_MARK : 0, local, 1, 1, 0, slots];
  }

  /**
   * Returns the op for an instruction with at most two operands; undefined for an instruction of another form. Unless
   * `alone`, the op is fused with a store or a conditional jump after the instruction.
   */
  #operation(pc: number, height: number, alone = false): readonly number[] | undefined {
    const tag = this.#tag(pc);
    const builtin = this.#builtin(pc);
    const count = this.#popCount(pc);
    if (count > 2) return undefined;
    /** The slot of the first operand, and of the result unless it is stored in a local. */
    const bottom = this.#locals + height - count;
    const [x, y] = [this.#sourceOf(pc, 0, bottom), this.#sourceOf(pc, 1, bottom + 1)];
    const slots = this.#locals + height;
    const next = alone || this.isReported(pc + 1) ? 0 : this.#tag(pc + 1);
    const isAppend = this.#appends.roles[pc] === APPEND.concat;
    const isListAppend = this.#listAppends.roles[pc] === OWNERSHIP.push;
    const isStored =
      next === OPCODES.StoreLocal.tag &&
      this.#roles[pc + 1] !== OWNERSHIP.begin &&
      (isAppend ? this.#appends.roles[pc + 1] === APPEND.store : isListAppend || !this.#isMarked(this.#operand(pc + 1)));
    const d = isStored ? this.#operand(pc + 1) : bottom;
    const coveredCount = isStored ? 2 : 1;
    const make = (opTag: number, first: number, second: number, op: number): readonly number[] => {
      return [opTag, first, second, d, coveredCount, 1, op, slots];
    };
    if (builtin !== undefined) {
      if (isListAppend && isStored) return make(x >= 0 ? OPS.appendList : OPS.builtin, x, y, builtin.index);
      const opTag = builtin.index === LIST_LEN_INDEX && x >= 0 ? OPS.length : OPS.builtin;
      return count === 0 ? undefined : make(opTag, x, y, builtin.index);
    }
    const arithmetic = ARITHMETIC[tag];
    if (arithmetic !== undefined) {
      const { op, commutes } = arithmetic;
      if (this.#roles[pc] === OWNERSHIP.take) return make(OPS.takeElement, x, y, op);
      if (isAppend) return make(OPS.append, x, y, op);
      if (x >= 0 && y >= 0) return make(arithmetic.slots, x, y, op);
      if (x >= 0) return make(this.#withConstant(y, arithmetic) ?? OPS.binary, x, y, op);
      const swapped = commutes === true && y >= 0 ? this.#withConstant(x, arithmetic) : undefined;
      return swapped === undefined ? make(OPS.binary, x, y, op) : make(swapped, y, x, op | SWAPPED);
    }
    const comparison = COMPARISONS[tag];
    if (comparison !== undefined) {
      // In `if a && b`, a `Jmp` is between the second comparison and the conditional jump.
      const end = next === OPCODES.Jmp.tag ? this.#operand(pc + 1) : pc + 1;
      const isDistant = end > pc + 1 && !this.isReported(end);
      const jumpTag = isDistant ? this.#tag(end) : next;
      if (jumpTag !== OPCODES.JmpIfNot.tag && jumpTag !== OPCODES.JmpIf.tag) return make(OPS.compare, x, y, comparison.op);
      const [takenTarget, otherTarget] = [this.first + this.#operand(end), this.first + end + 1];
      const [targetIfTrue, targetIfFalse] = jumpTag === OPCODES.JmpIf.tag ? [takenTarget, otherTarget] : [otherTarget, takenTarget];
      const flag = isDistant ? DISTANT : 0;
      return this.#comparison(comparison, x, y, { targetIfTrue, targetIfFalse, slots, flag });
    }
    switch (tag) {
      case OPCODES.StoreLocal.tag:
        return this.#store(pc, x, slots);
      case OPCODES.GetField.tag:
        return make(this.#roles[pc] === OWNERSHIP.take ? OPS.takeField : OPS.field, x, this.#operand(pc), 0);
      case OPCODES.Update.tag: {
        if (count !== 2) return undefined;
        const path = this.#operand(pc, 1);
        return [OPS.updateElement, x, y, this.#operand(pc), 1, 1, this.#constants[path] === ONE_INDEX ? path : ~path, slots];
      }
      case OPCODES.MakeEnum.tag:
        return make(OPS.enumValue, x, this.#operand(pc), this.#operand(pc, 1));
      case OPCODES.Wrap.tag:
        return make(OPS.wrap, x, this.#operand(pc), 0);
      case OPCODES.Not.tag:
        return make(OPS.not, x, 0, 0);
      case OPCODES.Neg.tag:
        return make(OPS.negate, x, 0, 0);
      case OPCODES.Match.tag:
        return [OPS.match, x, this.#operand(pc), bottom, 1, 1, (this.#matchTables[this.#operand(pc)] ?? 0) + MATCH_TABLE_HEADER, slots];
      case OPCODES.JmpIf.tag:
        return [OPS.jumpIf, x, 0, this.first + this.#operand(pc), 1, 1, 0, slots];
      case OPCODES.JmpIfNot.tag:
        return [OPS.jumpIfNot, x, 0, this.first + this.#operand(pc), 1, 1, 0, slots];
      case OPCODES.Ret.tag:
        // A return on an empty stack returns Unit; see `#unfused`.
        return height === 0 ? undefined : [OPS.return, x, 0, 0, 1, 1, 0, slots];
      default:
        return undefined;
    }
  }

  #comparison(
    { op, slots: opOfSlots, flag, int, intFlag }: Comparison,
    x: number,
    y: number,
    jumps: { targetIfTrue: number; targetIfFalse: number; slots: number; flag: number },
  ): readonly number[] {
    const { targetIfTrue, targetIfFalse, slots } = jumps;
    const jump = (tag: number, flags: number): readonly number[] => {
      const [first, second] = (flags & SWAPPED) === 0 ? [x, y] : [y, x];
      const [target, other] = (flags & NEGATED) === 0 ? [targetIfTrue, targetIfFalse] : [targetIfFalse, targetIfTrue];
      return [tag, first, second, target, jumps.flag === 0 ? 2 : 3, other, op | flags | jumps.flag, slots];
    };
    if (x >= 0 && y >= 0) return jump(opOfSlots, flag);
    const isInt = y < 0 && typeof this.#constants[~y] === "number";
    return x >= 0 && isInt ? jump(int, intFlag) : jump(OPS.compareJump, 0);
  }

  /** Returns the op for a constant operand; undefined for a constant that the general op must handle, such as a divisor of zero. */
  #withConstant(source: number, { int, float }: Arithmetic): number | undefined {
    const value = this.#constants[~source];
    if (typeof value === "number") return (int === OPS.remainderInt || int === OPS.divideInt) && value <= 0 ? undefined : int;
    return value instanceof FloatValue ? float : undefined;
  }

  /** Returns the native builtin that the instruction calls, as an index into `NATIVE_BUILTINS`, and its number of arguments. */
  #builtin(pc: number): { readonly index: number; readonly count: number } | undefined {
    const tag = this.#tag(pc);
    const name = opcodeOf(tag)?.builtin;
    if (name === undefined && tag !== OPCODES.Builtin.tag) return undefined;
    const index = name === undefined ? INDEX_BY_ID.get(this.#operand(pc)) : NATIVE_INDEX.get(name);
    if (index === undefined) return undefined;
    const role = this.#roles[pc];
    const first = role === OWNERSHIP.take ? BUILTIN_CODES.length : 0;
    return { index: role === OWNERSHIP.push ? PUSH_OWNED_INDEX : first + index, count: this.#popCount(pc) };
  }

  /** Returns the op for an instruction that is never fused with the instruction after it. */
  #unfused(pc: number, height: number): readonly number[] {
    const tag = this.#tag(pc);
    const slots = this.#locals + height;
    const [a, b] = [this.#operand(pc), this.#operand(pc, 1)];
    const make = (name: keyof typeof OPS, x: number, y: number, d: number, op = 0): readonly number[] => [
      OPS[name],
      x,
      y,
      d,
      1,
      1,
      op,
      slots,
    ];
    const builtin = this.#builtin(pc);
    if (builtin !== undefined) return make("builtinUpToThree", slots - builtin.count, builtin.count, slots - builtin.count, builtin.index);
    switch (tag) {
      case OPCODES.LoadLocal.tag:
        return this.#roles[pc] === OWNERSHIP.release
          ? make("releaseLocal", a, this.#mayChargeAppend(pc) ? 1 : 0, slots)
          : make("readLocal", a, 0, slots);
      case OPCODES.Update.tag: {
        const count = this.#popCount(pc);
        return make("update", slots - count, b, a, count);
      }
      case OPCODES.LoadGlobal.tag:
        return make("loadGlobal", 0, a, slots);
      case OPCODES.StoreGlobal.tag:
        return make("storeGlobal", slots - 1, a, 0);
      case OPCODES.Call.tag:
        return make("call", 0, a, slots - b, b);
      case OPCODES.TailCall.tag:
        return make("tailCall", 0, a, slots - b, b);
      case OPCODES.CallIndirect.tag:
        return make("callIndirect", this.#sourceOf(pc, 0, slots - 1), 0, slots - 1 - a, a);
      case OPCODES.Ret.tag:
        return make("returnUnit", 0, 0, 0);
      case OPCODES.Halt.tag:
        return make("halt", slots, 0, 0);
      case OPCODES.Jmp.tag:
        return a <= pc ? make("loop", 0, 0, 0, this.first + a) : make("jump", 0, 0, this.first + a);
      case OPCODES.MakeRecord.tag:
        return make("record", slots - b, b, slots - b, a);
      case OPCODES.MakeClosure.tag:
        return make("closure", slots - b, b, slots - b, a);
      case OPCODES.MakeList.tag:
        return make("list", slots - a, a, slots - a);
      case OPCODES.Builtin.tag:
        return make("interpreterBuiltin", slots - b, b, slots - b, a);
      case OPCODES.Pop.tag:
      case OPCODES.Nop.tag:
        return make("nothing", 0, 0, 0);
      case OPCODES.Dup.tag:
        return make("move", slots - 1, 0, slots);
      case OPCODES.Assert.tag:
        return make("assert", slots - 1, a, b, this.#operand(pc, 2));
      case OPCODES.GuardSeal.tag:
        return make("guardSeal", slots - 2, 0, 0);
      case OPCODES.ReceiveMsg.tag:
        return make("receive", 0, 0, slots);
      case OPCODES.ReceiveAs.tag:
        return make("receive", 1, a, slots);
      case OPCODES.CapCall.tag:
      case OPCODES.TryCapCall.tag:
        return make("effect", a, b, slots - b, tag);
      case OPCODES.EmitUi.tag:
      case OPCODES.SpawnActor.tag:
      case OPCODES.SendMsg.tag:
      case OPCODES.ParMap.tag:
      case OPCODES.Par.tag: {
        const count = this.#popCount(pc);
        return make("effect", a, count, slots - count, tag);
      }
      default:
        return make("slowInstruction", slots, a, 0, tag);
    }
  }
}
