/** Where compiled code counts steps and bytes, and where it checks its limits. */
import type { VerifiedFunction } from "../bytecode/program.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import type { ControlFlowGraph } from "./control-flow-graph.ts";

/** Steps and bytes that the code has not added to its variables yet. */
export interface Counts {
  readonly steps: number;
  readonly bytes: number;
}
export const NO_COUNTS: Counts = { steps: 0, bytes: 0 };

export const CALLS: ReadonlySet<number> = new Set([OPCODES.Call.tag, OPCODES.CallIndirect.tag]);

/** In a set of blocks, the code before the first block. */
export const ENTRY = -1;

/** Returns the line that adds to the variables for steps and bytes. */
export const countLine = ({ steps, bytes }: Counts): string => `steps += ${steps};${bytes > 0 ? ` bytes += ${bytes};` : ""}`;

/** Returns the line that adds to the meter before a `return`. `isCounted` says whether there are variables for steps and bytes. */
export function returnCountLine(isCounted: boolean, allocates: boolean, { steps, bytes }: Counts): string {
  const sum = (variable: string, deferred: number): string =>
    [...(isCounted ? [variable] : []), ...(deferred > 0 || !isCounted ? [deferred] : [])].join(" + ");
  const addBytes = allocates && (isCounted || bytes > 0) ? ` meter.allocBytes += ${sum("bytes", bytes)};` : "";
  return `meter.steps += ${sum("steps", steps)};${addBytes}`;
}

/**
 * Returns the blocks of a function without loops that check the limits: those with the first call on a path. So a call that ends
 * without calling, such as the last one of a recursion, checks nothing. `ENTRY` if there are no calls.
 */
export function firstCalls({ code }: VerifiedFunction, graph: ControlFlowGraph): ReadonlySet<number> {
  const found = new Set<number>();
  const isAfterCall = new Uint8Array(graph.length);
  // A block comes after its dominators.
  for (const [index, { start, end, children }] of graph.entries()) {
    for (let pc = start; pc < end && isAfterCall[index] === 0; pc++) {
      if (!CALLS.has(code[pc * CODE_STRIDE] ?? 0)) continue;
      found.add(index);
      isAfterCall[index] = 1;
    }
    for (const child of children) isAfterCall[child] = isAfterCall[index] ?? 0;
  }
  return found.size === 0 ? new Set([ENTRY]) : found;
}
