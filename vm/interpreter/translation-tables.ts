/** What the translation to register ops knows about opcodes and register ops. */
import { OPCODES } from "../bytecode/opcodes.ts";
import { BINARY, COMPARISON, NEGATED, REGISTER_OPS as OPS, SWAPPED } from "./register-ops.ts";

export interface Arithmetic {
  /** One of `BINARY`. */
  readonly op: number;
  /** The register op for two slots. `int` is the op for a slot and an Int constant, `float` for a slot and a Float constant. */
  readonly slots: number;
  readonly int?: number;
  readonly float?: number;
  /** Whether the operands may be swapped. If so, the constant may also come first. */
  readonly commutes?: true;
}

/** Returns an array with an entry for each tag, because V8 reads an array faster than a `Map`. */
function byTag<T>(rows: readonly (readonly [tag: number, row: T])[]): readonly (T | undefined)[] {
  const table = Array.from({ length: 256 }, (): T | undefined => undefined);
  for (const [tag, row] of rows) table[tag] = row;
  return table;
}

/** Returns an array with 1 for each of the tags. */
function flags(tags: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const tag of tags) table[tag] = 1;
  return table;
}

/** The arithmetic operations, by opcode. */
export const ARITHMETIC: readonly (Arithmetic | undefined)[] = byTag<Arithmetic>([
  [OPCODES.Add.tag, { op: BINARY.add, slots: OPS.add, int: OPS.addInt, float: OPS.addFloat, commutes: true }],
  [OPCODES.Sub.tag, { op: BINARY.subtract, slots: OPS.subtract, int: OPS.subtractInt, float: OPS.subtractFloat }],
  [OPCODES.Mul.tag, { op: BINARY.multiply, slots: OPS.multiply, int: OPS.multiplyInt, float: OPS.multiplyFloat, commutes: true }],
  [OPCODES.Mod.tag, { op: BINARY.remainder, slots: OPS.remainder, int: OPS.remainderInt }],
  [OPCODES.Div.tag, { op: BINARY.divide, slots: OPS.divide, int: OPS.divideInt }],
  [OPCODES.FDiv.tag, { op: BINARY.divideFloats, slots: OPS.divideFloats }],
  [OPCODES.ListGet.tag, { op: BINARY.element, slots: OPS.element }],
  [OPCODES.Concat.tag, { op: BINARY.concat, slots: OPS.binary }],
]);

export interface Comparison {
  /** One of `COMPARISON`. */
  readonly op: number;
  /** The register op for two slots, and the flags that turn it into this comparison. */
  readonly slots: number;
  readonly flag: number;
  /** The register op for a slot and an Int constant, and its flags. */
  readonly int: number;
  readonly intFlag: number;
}

/**
 * The comparisons, by opcode. For Ints, `x > c` is the negation of `x <= c`. For Floats it is not, because every comparison with
 * NaN is false. So the ops with an Int constant leave Floats to the interpreter's general comparison, which reads the original
 * operator from their field `op`.
 */
export const COMPARISONS: readonly (Comparison | undefined)[] = byTag<Comparison>([
  [OPCODES.Lt.tag, { op: COMPARISON.less, slots: OPS.less, flag: 0, int: OPS.lessInt, intFlag: 0 }],
  [OPCODES.Lte.tag, { op: COMPARISON.lessOrEqual, slots: OPS.lessOrEqual, flag: 0, int: OPS.lessOrEqualInt, intFlag: 0 }],
  [OPCODES.Gt.tag, { op: COMPARISON.greater, slots: OPS.less, flag: SWAPPED, int: OPS.lessOrEqualInt, intFlag: NEGATED }],
  [OPCODES.Gte.tag, { op: COMPARISON.greaterOrEqual, slots: OPS.lessOrEqual, flag: SWAPPED, int: OPS.lessInt, intFlag: NEGATED }],
  [OPCODES.Eq.tag, { op: COMPARISON.equal, slots: OPS.equal, flag: 0, int: OPS.equalInt, intFlag: 0 }],
  [OPCODES.Neq.tag, { op: COMPARISON.unequal, slots: OPS.equal, flag: NEGATED, int: OPS.equalInt, intFlag: NEGATED }],
]);

/** Instructions with one operand, which they can also read directly from a local or a constant. */
export const READS_LOCAL_OR_CONSTANT: Uint8Array = flags(
  [OPCODES.StoreLocal, OPCODES.MakeEnum, OPCODES.Wrap, OPCODES.Pop].map(({ tag }) => tag),
);
/** Instructions with one operand, which they can also read directly from a local, but not from a constant. */
export const READS_LOCAL: Uint8Array = flags(
  [OPCODES.GetField, OPCODES.Not, OPCODES.Neg, OPCODES.Match, OPCODES.JmpIf, OPCODES.JmpIfNot, OPCODES.Ret].map(({ tag }) => tag),
);
/** Instructions at which control leaves the frame. A snapshot may be taken at these, so all operands must be in their slots. */
export const LEAVES_FRAME: Uint8Array = flags(
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
    OPCODES.ParMap,
    OPCODES.Par,
  ].map(({ tag }) => tag),
);
/** Ops that always cover exactly one instruction. */
export const SINGLE_OPS: Uint8Array = flags(
  (["loop", "loopLess", "loopLessInt", "call", "tailCall", "halt", "record", "closure", "list", "effect", "receive", "flow"] as const).map(
    (name) => OPS[name],
  ),
);
