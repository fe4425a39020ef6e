/** Finds the load that an operand comes from, in code without jumps. The analyses of String appends, unique lists and ownership use this. */
import { opcodeOf, OPCODES, type OpcodeRow } from "./opcodes.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE, popCount, UNREACHABLE } from "./stack-heights.ts";

/** The load of a local that an operand comes from. */
export interface Origin {
  readonly local: number;
  /** The number of stores to the local that precede the load. An `Update` counts as a store. */
  readonly storesBefore: number;
  /** The pc of the load. */
  readonly loadPc: number;
  /** The pcs of instructions that passed the value on since the load, such as the `Concat`s in `s ++ a ++ b`. Only `visit` uses this list. */
  readonly laterPcs: number[];
}

/** An instruction. One object is reused for all instructions, so `visit` must not keep it after it returns. */
export interface VisitedInstruction {
  pc: number;
  opcode: OpcodeRow;
  /** The instruction's first operand in the code (not on the stack). */
  operand: number;
  /** How many values the instruction pops. */
  popped: number;
  /** Returns the origin of the operand with `above` values above it on the stack; undefined if unknown. */
  readonly originOf: (above: number) => Origin | undefined;
  /** Returns the number of stores to a local that precede this instruction. */
  readonly storesBefore: (local: number) => number;
}

/**
 * Calls `visit` for the instructions in order. Leaves out loads of locals, and all instructions of control flow but tail calls. `visit` returns
 * the origin of the first value that the instruction pushes. At the target of a jump or match, and after an instruction of control flow, no
 * value on the stack has a known origin. Takes time linear in the code and the match arms.
 */
export function followOperands(
  { code, def, heights }: VerifiedFunction,
  visit: (visited: Readonly<VisitedInstruction>) => Origin | undefined,
): void {
  const counts = new Uint32Array(def.locals);
  const storesBefore = (local: number): number => counts[local] ?? 0;
  const isTarget = jumpTargets(code, def.matchTables);
  /** The origins of the top `count` values of the operand stack. The values below these have no known origin. */
  const stack: (Origin | undefined)[] = [];
  let count = 0;
  const originOf = (above: number): Origin | undefined => (above < count ? stack[count - 1 - above] : undefined);
  const visited: VisitedInstruction = { pc: 0, opcode: OPCODES.Nop, operand: 0, popped: 0, originOf, storesBefore };
  for (let pc = 0; pc < heights.length; pc++) {
    if (isTarget[pc] === 1) count = 0;
    // `CODE_STRIDE` is the number of words per instruction.
    const at = pc * CODE_STRIDE;
    const opcode = opcodeOf(code[at] ?? -1);
    if (opcode === undefined || (opcode.flow !== undefined && opcode.tag !== OPCODES.TailCall.tag) || heights[pc] === UNREACHABLE) {
      count = 0;
      continue;
    }
    const operand = code[at + 1] ?? 0;
    if (opcode.tag === OPCODES.LoadLocal.tag) {
      stack[count] = { local: operand, storesBefore: storesBefore(operand), loadPc: pc, laterPcs: [] };
      count += 1;
      continue;
    }
    const popped = popCount(opcode, code, at);
    visited.pc = pc;
    visited.opcode = opcode;
    visited.operand = operand;
    visited.popped = popped;
    const result = visit(visited);
    count = Math.max(0, count - popped);
    for (let i = 0; i < opcode.pushes; i++) stack[count + i] = i === 0 ? result : undefined;
    count += opcode.pushes;
    if (opcode.tag === OPCODES.StoreLocal.tag || opcode.tag === OPCODES.Update.tag) counts[operand] = storesBefore(operand) + 1;
  }
}

/** Returns 1 for each instruction that a jump or match leads to, and for the end of the code if one leads there. */
function jumpTargets(code: Int32Array, matchTables: VerifiedFunction["def"]["matchTables"]): Uint8Array {
  const isTarget = new Uint8Array(code.length / CODE_STRIDE + 1);
  const isDone = new Uint8Array(matchTables.length);
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const flow = opcodeOf(code[at] ?? -1)?.flow;
    if (flow === undefined) continue;
    const operand = code[at + 1] ?? 0;
    if (flow === "jump" || flow === "branch") isTarget[operand] = 1;
    if (flow !== "match" || isDone[operand] === 1) continue;
    isDone[operand] = 1;
    for (const { target } of matchTables[operand] ?? []) isTarget[target] = 1;
  }
  return isTarget;
}
