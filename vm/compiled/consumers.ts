/** Finds the instruction that pops an operand. */
import { type NamedOpcode, opcodeOf, OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE, popCount } from "../bytecode/stack-heights.ts";

interface Consumer {
  readonly pc: number;
  readonly opcode: NamedOpcode;
  /** Whether the operand is the first of those that the instruction pops. */
  readonly isFirst: boolean;
}

/** Returns the instruction that pops what the instruction at `pc` pushes last. Undefined if it is not before `end`, the end of the block. */
export function consumerOf({ code, heights }: VerifiedFunction, pc: number, end: number): Consumer | undefined {
  const position = (heights[pc + 1] ?? 0) - 1;
  for (let next = pc + 1; next < end; next++) {
    const opcode = opcodeOf(code[next * CODE_STRIDE] ?? -1);
    if (opcode === undefined) return undefined;
    const lowest = (heights[next] ?? 0) - popCount(opcode, code, next * CODE_STRIDE);
    if (lowest <= position) return { pc: next, opcode, isFirst: lowest === position };
  }
  return undefined;
}

/** Instructions that use a Float as an unboxed number, or store it as one. */
const USES_NUMBER: ReadonlySet<number> = new Set(
  [
    OPCODES.Add,
    OPCODES.Sub,
    OPCODES.Mul,
    OPCODES.FDiv,
    OPCODES.Neg,
    OPCODES.Lt,
    OPCODES.Lte,
    OPCODES.Gt,
    OPCODES.Gte,
    OPCODES.StoreLocal,
  ].map(({ tag }) => tag),
);

/** Returns whether the Float that the instruction at `pc` pushes is used as an unboxed number. `end` is the end of the block. */
export function isUsedAsNumber(fn: VerifiedFunction, pc: number, end: number): boolean {
  const consumer = consumerOf(fn, pc, end);
  return consumer !== undefined && USES_NUMBER.has(consumer.opcode.tag);
}
