/** Finds which loaded local an operand comes from, within straight-line code. Used by the analysis of String appends. */
import { OPCODE_BY_TAG, OPCODES, type OpcodeRow } from "./opcodes.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE, popCount, stackHeights, UNREACHABLE } from "./stack-heights.ts";

/** An operand that was loaded from a local. */
export interface Origin {
  readonly local: number;
  /** How many stores to the local precede the load. */
  readonly stores: number;
  /** The pc of the load. */
  readonly load: number;
  /** The pcs that the visitor has appended, for its own use. */
  readonly after: number[];
}

export interface VisitedInstruction {
  readonly pc: number;
  readonly row: OpcodeRow;
  /** The instruction's first operand in the code, not on the stack. */
  readonly first: number;
  /** The origin of the value with `above` values above it on the stack; undefined if unknown. */
  readonly taken: (above: number) => Origin | undefined;
  /** How many stores to a local precede this instruction. */
  readonly stores: (local: number) => number;
}

/**
 * Visits the instructions in order, except loads of locals and instructions with control flow. The visitor returns the
 * origin of the first value that the instruction pushes. Values on the stack at the target of a jump or match, or after
 * control flow, have no known origin. Linear in the code and the match arms.
 */
export function followOperands({ code, def }: VerifiedFunction, visit: (visited: VisitedInstruction) => Origin | undefined): void {
  const heights = stackHeights(code, def.matchTables)?.heights;
  if (heights === undefined) return;
  const counts = new Uint32Array(def.locals);
  const stores = (local: number): number => counts[local] ?? 0;
  const targets = targetsOf(code, def.matchTables);
  /** The top of the operand stack; the values below have no known origin. */
  const stack: (Origin | undefined)[] = [];
  for (let pc = 0; pc < heights.length; pc++) {
    if (heights[pc] === UNREACHABLE || targets.has(pc)) stack.length = 0;
    const at = pc * CODE_STRIDE;
    const row = OPCODE_BY_TAG.get(code[at] ?? -1);
    if (row === undefined || row.flow !== undefined || heights[pc] === UNREACHABLE) {
      stack.length = 0;
      continue;
    }
    const first = code[at + 1] ?? 0;
    if (row.tag === OPCODES.LoadLocal.tag) {
      stack.push({ local: first, stores: stores(first), load: pc, after: [] });
      continue;
    }
    const result = visit({ pc, row, first, taken: (above) => stack[stack.length - 1 - above], stores });
    stack.length = Math.max(0, stack.length - popCount(row, code, at));
    for (let i = 0; i < row.pushes; i++) stack.push(i === 0 ? result : undefined);
    if (row.tag === OPCODES.StoreLocal.tag) counts[first] = stores(first) + 1;
  }
}

function targetsOf(code: Int32Array, matchTables: VerifiedFunction["def"]["matchTables"]): ReadonlySet<number> {
  const targets = new Set<number>();
  const tables = new Set<number>();
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const flow = OPCODE_BY_TAG.get(code[at] ?? -1)?.flow;
    if (flow === "jump" || flow === "branch") targets.add(code[at + 1] ?? 0);
    else if (flow === "match") tables.add(code[at + 1] ?? 0);
  }
  for (const table of tables) for (const { target } of matchTables[table] ?? []) targets.add(target);
  return targets;
}
