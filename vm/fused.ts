/**
 * The interpreter's form of code: eight numbers an instruction, and beside it a form in which the sequences that
 * programs are full of stand as one instruction. A fused instruction stands where its sequence begins; the sequence
 * itself stays where it was, for jumps into its middle and for the last steps before a limit.
 */
import { OPCODES } from "./opcodes.ts";
import type { Program, VerifiedFunction } from "./program.ts";
import { CODE_STRIDE } from "./stack-heights.ts";

export const INTERPRETED_STRIDE = 8;

/** Tags beyond those of the opcode table. Operands x, y: a local, ~ of a constant, or `ON_STACK`. */
export const FUSED = {
  /** x, y, local to store in or -1 to push, instructions before the operation, -, operation. */
  binary: 0x100,
  /** x, y, target where it does not hold, instructions before the comparison, -, comparison. */
  compareJump: 0x101,
  /** x, local: LoadLocal or PushConst, then StoreLocal. */
  move: 0x102,
  /** local, field: LoadLocal, then GetField. */
  field: 0x103,
} as const;

export const ON_STACK = 65_536;
/** Instructions of the longest sequence. */
export const LONGEST_FUSED = 4;

/** Operations of `binary` and comparisons of `compareJump`, by number. */
export const BINARY = { add: 0, subtract: 1, multiply: 2, divide: 3, remainder: 4, divideFloats: 5, element: 6 } as const;
export const COMPARISON = { less: 0, lessOrEqual: 1, greater: 2, greaterOrEqual: 3, equal: 4, unequal: 5 } as const;

const BINARY_TAGS: ReadonlyMap<number, number> = new Map([
  [OPCODES.Add.tag, BINARY.add],
  [OPCODES.Sub.tag, BINARY.subtract],
  [OPCODES.Mul.tag, BINARY.multiply],
  [OPCODES.Div.tag, BINARY.divide],
  [OPCODES.Mod.tag, BINARY.remainder],
  [OPCODES.FDiv.tag, BINARY.divideFloats],
  [OPCODES.ListGet.tag, BINARY.element],
]);
const COMPARISON_TAGS: ReadonlyMap<number, number> = new Map([
  [OPCODES.Lt.tag, COMPARISON.less],
  [OPCODES.Lte.tag, COMPARISON.lessOrEqual],
  [OPCODES.Gt.tag, COMPARISON.greater],
  [OPCODES.Gte.tag, COMPARISON.greaterOrEqual],
  [OPCODES.Eq.tag, COMPARISON.equal],
  [OPCODES.Neq.tag, COMPARISON.unequal],
]);

export interface InterpretedCode {
  /** As in the module. */
  readonly plain: Int32Array;
  /** With fused instructions; the same as `plain` for an irregular function, whose every step is checked. */
  readonly fused: Int32Array;
}

const CACHE = new WeakMap<Program, (InterpretedCode | undefined)[]>();

/** By function index, filled in as functions are first called. */
export function interpretedCode(program: Program): (InterpretedCode | undefined)[] {
  const known = CACHE.get(program) ?? [];
  CACHE.set(program, known);
  return known;
}

export function prepare(codes: (InterpretedCode | undefined)[], fn: VerifiedFunction): InterpretedCode {
  const plain = widened(fn.code);
  const made = { plain, fused: fn.regular ? fuse(plain) : plain };
  codes[fn.index] = made;
  return made;
}

function widened(code: Int32Array): Int32Array {
  const wide = new Int32Array((code.length / CODE_STRIDE) * INTERPRETED_STRIDE);
  for (let from = 0, to = 0; from < code.length; from += CODE_STRIDE, to += INTERPRETED_STRIDE)
    wide.set(code.subarray(from, from + CODE_STRIDE), to);
  return wide;
}

function fuse(plain: Int32Array): Int32Array {
  const fused = plain.slice();
  const length = plain.length / INTERPRETED_STRIDE;
  for (let pc = 0; pc < length; pc++) {
    const made = fusedAt(plain, pc);
    if (made !== undefined) fused.set(made, pc * INTERPRETED_STRIDE);
  }
  return fused;
}

/** The fused instruction for the sequence that begins at `pc`, if there is one. */
function fusedAt(plain: Int32Array, pc: number): readonly number[] | undefined {
  const tag = (i: number): number => plain[(pc + i) * INTERPRETED_STRIDE] ?? 0;
  const operand = (i: number): number => plain[(pc + i) * INTERPRETED_STRIDE + 1] ?? 0;
  /** What the instruction pushes, as an operand. */
  const source = (i: number): number | undefined => {
    if (tag(i) === OPCODES.LoadLocal.tag) return operand(i);
    return tag(i) === OPCODES.PushConst.tag ? ~operand(i) : undefined;
  };
  const first = source(0);
  const second = first === undefined ? undefined : source(1);
  if (first !== undefined && second === undefined) {
    if (tag(1) === OPCODES.StoreLocal.tag) return [FUSED.move, first, operand(1), 0, 0, 0, 0, 0];
    if (tag(1) === OPCODES.GetField.tag && first >= 0) return [FUSED.field, first, operand(1), 0, 0, 0, 0, 0];
  }
  const loads = first === undefined ? 0 : second === undefined ? 1 : 2;
  const [x, y] = loads === 2 ? [first ?? 0, second ?? 0] : loads === 1 ? [ON_STACK, first ?? 0] : [ON_STACK, ON_STACK];
  const binary = BINARY_TAGS.get(tag(loads));
  const comparison = COMPARISON_TAGS.get(tag(loads));
  const next = tag(loads + 1);
  if (comparison !== undefined && next === OPCODES.JmpIfNot.tag)
    return [FUSED.compareJump, x, y, operand(loads + 1), loads, 0, comparison, 0];
  if (binary === undefined) return undefined;
  if (next === OPCODES.StoreLocal.tag) return [FUSED.binary, x, y, operand(loads + 1), loads, 0, binary, 0];
  return loads === 0 ? undefined : [FUSED.binary, x, y, -1, loads, 0, binary, 0];
}
