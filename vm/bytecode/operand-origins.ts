/** Where operands come from, as far as straight code tells it. */
import { OPCODES, type OpcodeRow } from "./opcodes.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE, stackHeights, UNSEEN } from "./stack-heights.ts";

/** An operand that a local was loaded for. */
export interface Origin {
  readonly local: number;
  /** Stores to the local before the load. */
  readonly stores: number;
  /** The instruction that loads it. */
  readonly load: number;
  /** Instructions that the visitor has added. */
  readonly after: number[];
}

export interface Visited {
  readonly pc: number;
  readonly row: OpcodeRow;
  /** The instruction's first operand in the code. */
  readonly first: number;
  /** What it takes from the stack, by how many lie above; undefined is of unknown origin. */
  readonly taken: (above: number) => Origin | undefined;
  /** Stores to a local before this instruction. */
  readonly stores: (local: number) => number;
}

const ROW_BY_TAG: ReadonlyMap<number, OpcodeRow> = new Map(Object.values(OPCODES).map((row): [number, OpcodeRow] => [row.tag, row]));

/**
 * Visits the instructions that take operands, in order, all but those with flow; what the visitor gives back is the
 * origin of the first result. What lies on the stack at a jump's or match's target, or after an instruction with flow,
 * is of unknown origin. Linear in the code and the arms of the tables that it uses.
 */
export function followOperands({ code, def }: VerifiedFunction, visit: (visited: Visited) => Origin | undefined): void {
  const heights = stackHeights(code, def.matchTables)?.heights;
  if (heights === undefined) return;
  const counts = new Uint32Array(def.locals);
  const stores = (local: number): number => counts[local] ?? 0;
  const targets = targetsOf(code, def.matchTables);
  /** The uppermost operands; those below are of unknown origin. */
  const stack: (Origin | undefined)[] = [];
  for (let pc = 0; pc < heights.length; pc++) {
    if (heights[pc] === UNSEEN || targets.has(pc)) stack.length = 0;
    const at = pc * CODE_STRIDE;
    const row = ROW_BY_TAG.get(code[at] ?? -1);
    if (row === undefined || row.flow !== undefined || heights[pc] === UNSEEN) {
      stack.length = 0;
      continue;
    }
    const first = code[at + 1] ?? 0;
    if (row.tag === OPCODES.LoadLocal.tag) {
      stack.push({ local: first, stores: stores(first), load: pc, after: [] });
      continue;
    }
    const count = row.popsCount === true ? (code[at + 1 + row.operands.indexOf("count")] ?? 0) : 0;
    const result = visit({ pc, row, first, taken: (above) => stack[stack.length - 1 - above], stores });
    stack.length = Math.max(0, stack.length - row.pops - count);
    for (let i = 0; i < row.pushes; i++) stack.push(i === 0 ? result : undefined);
    if (row.tag === OPCODES.StoreLocal.tag) counts[first] = stores(first) + 1;
  }
}

function targetsOf(code: Int32Array, matchTables: VerifiedFunction["def"]["matchTables"]): ReadonlySet<number> {
  const targets = new Set<number>();
  const tables = new Set<number>();
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const flow = ROW_BY_TAG.get(code[at] ?? -1)?.flow;
    if (flow === "jump" || flow === "branch") targets.add(code[at + 1] ?? 0);
    else if (flow === "match") tables.add(code[at + 1] ?? 0);
  }
  for (const table of tables) for (const { target } of matchTables[table] ?? []) targets.add(target);
  return targets;
}
