/** Finds live locals: those whose values may still be read. */
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { memoizeInObject } from "../lazy.ts";
import { type ControlFlowGraph, controlFlowGraph, successorsOf } from "./control-flow-graph.ts";

/** Returns for each block and each local 1 if the local's value at the start of the block may be read later, otherwise 0. */
export function liveLocals(fn: VerifiedFunction, graph: ControlFlowGraph): readonly Uint8Array[] {
  const { locals } = fn.def;
  const reads = graph.map(() => new Uint8Array(locals));
  const writes = graph.map(() => new Uint8Array(locals));
  graph.forEach(({ start, end }, i) => {
    const [read, writesInBlock] = [reads[i], writes[i]];
    if (read === undefined || writesInBlock === undefined) return;
    for (let pc = start; pc < end; pc++) {
      const tag = fn.code[pc * CODE_STRIDE];
      const local = fn.code[pc * CODE_STRIDE + 1] ?? 0;
      if ((tag === OPCODES.LoadLocal.tag || tag === OPCODES.Update.tag) && writesInBlock[local] === 0) read[local] = 1;
      if (tag === OPCODES.StoreLocal.tag) writesInBlock[local] = 1;
    }
  });
  const live = reads.map((read) => read.slice());
  graph.forEach(({ exit }, i) => {
    if (exit.kind === "leave" || exit.kind === "effect") addLive(live[i], exit.live, writes[i]);
  });
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (let i = graph.length - 1; i >= 0; i--) {
      const [block, liveInBlock, writesInBlock] = [graph[i], live[i], writes[i]];
      if (block === undefined || liveInBlock === undefined || writesInBlock === undefined) continue;
      for (const to of successorsOf(block.exit)) if (addLive(liveInBlock, live[to], writesInBlock)) hasChanged = true;
    }
  }
  return live;
}

/** Adds to the locals that are live at the start of a block those that are live after it. Returns whether this added any. */
function addLive(live: Uint8Array | undefined, after: Uint8Array | undefined, writes: Uint8Array | undefined): boolean {
  if (live === undefined || after === undefined || writes === undefined) return false;
  let hasChanged = false;
  for (let local = 0; local < live.length; local++) {
    if (after[local] !== 1 || writes[local] !== 0 || live[local] !== 0) continue;
    live[local] = 1;
    hasChanged = true;
  }
  return hasChanged;
}

interface Liveness {
  readonly graph: ControlFlowGraph;
  readonly live: readonly Uint8Array[];
}

const livenessOf = memoizeInObject((fn: VerifiedFunction): Liveness => {
  const graph = controlFlowGraph(fn, 0) ?? [];
  return { graph, live: liveLocals(fn, graph) };
});

/**
 * Returns 1 for each local whose value before the instruction at `pc` may be read there or later, otherwise 0. Returns undefined if that is not
 * known, because the function has a loop with several entries.
 */
export function liveBefore(fn: VerifiedFunction, pc: number): Uint8Array | undefined {
  const { graph, live } = livenessOf(fn);
  if (graph.length === 0) return undefined;
  const liveHere = new Uint8Array(fn.def.locals);
  const block = graph.find(({ start, end }) => start <= pc && pc < end);
  if (block === undefined) return liveHere;
  for (const to of successorsOf(block.exit)) live[to]?.forEach((isLive, local) => (liveHere[local] = isLive | (liveHere[local] ?? 0)));
  for (let i = block.end - 1; i >= pc; i--) {
    const tag = fn.code[i * CODE_STRIDE];
    const local = fn.code[i * CODE_STRIDE + 1] ?? 0;
    if (tag === OPCODES.StoreLocal.tag) liveHere[local] = 0;
    if (tag === OPCODES.LoadLocal.tag || tag === OPCODES.Update.tag) liveHere[local] = 1;
  }
  return liveHere;
}
