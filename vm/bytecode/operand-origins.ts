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

interface VisitedInstruction {
  readonly pc: number;
  readonly opcode: OpcodeRow;
  /** The instruction's first operand in the code (not on the stack). */
  readonly operand: number;
  /** How many values the instruction pops. */
  readonly popped: number;
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
export function followOperands({ code, def, heights }: VerifiedFunction, visit: (visited: VisitedInstruction) => Origin | undefined): void {
  const counts = new Uint32Array(def.locals);
  const storesBefore = (local: number): number => counts[local] ?? 0;
  const targets = targetsOf(code, def.matchTables);
  /** The origins of the top values of the operand stack. The values below these have no known origin. */
  const stack: (Origin | undefined)[] = [];
  for (let pc = 0; pc < heights.length; pc++) {
    if (heights[pc] === UNREACHABLE || targets.has(pc)) stack.length = 0;
    // `CODE_STRIDE` is the number of words per instruction.
    const at = pc * CODE_STRIDE;
    const opcode = opcodeOf(code[at] ?? -1);
    if (opcode === undefined || (opcode.flow !== undefined && opcode.tag !== OPCODES.TailCall.tag) || heights[pc] === UNREACHABLE) {
      stack.length = 0;
      continue;
    }
    const operand = code[at + 1] ?? 0;
    if (opcode.tag === OPCODES.LoadLocal.tag) {
      stack.push({ local: operand, storesBefore: storesBefore(operand), loadPc: pc, laterPcs: [] });
      continue;
    }
    const popped = popCount(opcode, code, at);
    const result = visit({ pc, opcode, operand, popped, originOf: (above) => stack[stack.length - 1 - above], storesBefore });
    stack.length = Math.max(0, stack.length - popped);
    for (let i = 0; i < opcode.pushes; i++) stack.push(i === 0 ? result : undefined);
    if (opcode.tag === OPCODES.StoreLocal.tag || opcode.tag === OPCODES.Update.tag) counts[operand] = storesBefore(operand) + 1;
  }
}

function targetsOf(code: Int32Array, matchTables: VerifiedFunction["def"]["matchTables"]): ReadonlySet<number> {
  const targets = new Set<number>();
  const tables = new Set<number>();
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const flow = opcodeOf(code[at] ?? -1)?.flow;
    if (flow === "jump" || flow === "branch") targets.add(code[at + 1] ?? 0);
    else if (flow === "match") tables.add(code[at + 1] ?? 0);
  }
  for (const table of tables) for (const { target } of matchTables[table] ?? []) targets.add(target);
  return targets;
}
