/**
 * Finds the parts of a function: the fields that it reads from the records in its locals. `LoadLocal 3; GetField 1` reads part 1 of local 3.
 * If the part is not read again before the local or this field is set, the list in it may move out of the record (`unique-lists.ts`).
 *
 *     Stack { items: list.push(stack.items, x), size: stack.size + 1 }    moves part 0 of `stack`, and reads part 1
 *
 * A load of the whole record reads all its parts. So does the header of a loop, if compiled code may leave its frame there. But a copy to another
 * local, as in `Stack { ..stack, items }`, reads the parts that are read from that local. If neither local is loaded as a whole, the copy *splits*
 * the parts among them: both locals keep the uniqueness of the record, except that of fields that are read from both.
 *
 *     Stack { ..stack, items: list.push(stack.items, x) }    reads `items` from `stack`, and all other fields from the copy
 */
import { OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import type { UpdatePath } from "../bytecode/update-path.ts";
import { type ControlFlowGraph, successorsOf } from "./control-flow-graph.ts";

interface Part {
  readonly local: number;
  readonly field: number;
}

export interface RecordParts {
  readonly parts: readonly Part[];
  /** The index of the part that a `GetField` reads, by pc. */
  readonly readAt: ReadonlyMap<number, number>;
  /** For each block and each part, 1 if the part may be read after the start of the block, before it is set. */
  readonly live: readonly Uint8Array[];
  /** The pcs of the `GetField` instructions after which the part is not read before it is set. */
  readonly lastReads: ReadonlySet<number>;
  /** The fields that are read from both locals of a copy that splits the parts, by the pc of its load. */
  readonly splits: ReadonlyMap<number, readonly number[]>;
}

/** The limit on the parts of a function. Each takes time in proportion to the blocks. */
const MAX_PARTS = 64;
/** In the locals of a copy: the field number that means the complete record, not one of its fields. */
const WHOLE = -1;

/** Returns the parts of a function. `liveAtLoops` has the live locals at the start of each block at which code may leave its frame. */
export function recordParts(
  fn: VerifiedFunction,
  graph: ControlFlowGraph,
  liveAtLoops: readonly Uint8Array[],
  pathOf: (constant: number) => UpdatePath | undefined,
): RecordParts {
  const { code } = fn;
  const parts: Part[] = [];
  const readAt = new Map<number, number>();
  /** For each local, its parts by field. */
  const partsOf = new Map<number, Map<number, number>>();
  const partOf = (local: number, field: number): number | undefined => {
    const own = partsOf.get(local) ?? new Map<number, number>();
    partsOf.set(local, own);
    if (!own.has(field) && parts.length < MAX_PARTS) own.set(field, parts.push({ local, field }) - 1);
    return own.get(field);
  };
  /** The locals to which a store directly after a load copies a record, by the pc of the store. */
  const copies = new Map<number, { readonly from: number; readonly to: number }>();
  for (const { start, end } of graph)
    for (let pc = start + 1; pc < end; pc++) {
      if (code[(pc - 1) * CODE_STRIDE] !== OPCODES.LoadLocal.tag) continue;
      const [local, operand] = [code[(pc - 1) * CODE_STRIDE + 1] ?? 0, code[pc * CODE_STRIDE + 1] ?? 0];
      const part = code[pc * CODE_STRIDE] === OPCODES.GetField.tag ? partOf(local, operand) : undefined;
      if (part !== undefined) readAt.set(pc, part);
      if (code[pc * CODE_STRIDE] === OPCODES.StoreLocal.tag && local !== operand) copies.set(pc, { from: local, to: operand });
    }
  for (const { from, to } of copies.values()) for (const local of [from, to]) if (partOf(local, WHOLE) === undefined) copies.clear();
  // A part of the one local has to be known as a part of the other.
  for (let count = -1; count < parts.length; ) {
    count = parts.length;
    for (const { from, to } of copies.values())
      for (const field of partsOf.get(from)?.keys() ?? []) if (partOf(to, field) === undefined) copies.clear();
  }
  const live: Uint8Array[] = graph.map(() => new Uint8Array(parts.length));
  const lastReads = new Set<number>();
  const splits = new Map<number, readonly number[]>();
  const setAll = (isLive: Uint8Array, local: number, value: number): void => {
    for (const part of partsOf.get(local)?.values() ?? []) isLive[part] = value;
  };
  /** Follows a block from its end to its start. Returns the parts that are live at its start. */
  const follow = (index: number): Uint8Array => {
    const isLive = new Uint8Array(parts.length);
    const block = graph[index];
    if (block === undefined) return isLive;
    for (const to of successorsOf(block.exit)) live[to]?.forEach((value, part) => (isLive[part] = value | (isLive[part] ?? 0)));
    for (let pc = block.end - 1; pc >= block.start; pc--) {
      const [tag, local = 0] = [code[pc * CODE_STRIDE], code[pc * CODE_STRIDE + 1]];
      const part = readAt.get(pc);
      const copy = copies.get(pc);
      if (part !== undefined) {
        if (isLive[part] === 0) lastReads.add(pc);
        else lastReads.delete(pc);
        isLive[part] = 1;
        // The load before is a part of this read.
        pc -= 1;
      } else if (copy !== undefined) {
        const [from, to] = [partsOf.get(copy.from), partsOf.get(copy.to)];
        const isLiveIn = (own: ReadonlyMap<number, number> | undefined, field: number): boolean => isLive[own?.get(field) ?? -1] === 1;
        if (isLiveIn(from, WHOLE) || isLiveIn(to, WHOLE)) splits.delete(pc - 1);
        else
          splits.set(
            pc - 1,
            [...(to?.keys() ?? [])].filter((field) => isLiveIn(to, field) && isLiveIn(from, field)),
          );
        for (const [field, to] of partsOf.get(copy.to) ?? []) {
          const from = partsOf.get(copy.from)?.get(field);
          if (from !== undefined) isLive[from] = (isLive[from] ?? 0) | (isLive[to] ?? 0);
          isLive[to] = 0;
        }
        pc -= 1;
      } else if (tag === OPCODES.StoreLocal.tag) setAll(isLive, local, 0);
      else if (tag === OPCODES.LoadLocal.tag) setAll(isLive, local, 1);
      else if (tag === OPCODES.Update.tag) {
        const path = pathOf(code[pc * CODE_STRIDE + 2] ?? -1);
        for (const other of partsOf.get(local)?.values() ?? [])
          if (parts[other]?.field === WHOLE) isLive[other] = 1;
          else if (path === undefined || parts[other]?.field === path.steps[0]) isLive[other] = isWhole(path) ? 0 : 1;
      }
    }
    if (block.isLoopHeader) liveAtLoops[index]?.forEach((value, local) => value === 1 && setAll(isLive, local, 1));
    return isLive;
  };
  for (let hasChanged = parts.length > 0; hasChanged; ) {
    hasChanged = false;
    for (let index = graph.length - 1; index >= 0; index--) {
      const isLive = follow(index);
      if (live[index]?.every((value, part) => value === isLive[part]) === true) continue;
      live[index] = isLive;
      hasChanged = true;
    }
  }
  return { parts, readAt, live, lastReads, splits };
}

/** Returns whether an assignment replaces a field of the local as a whole. */
const isWhole = (path: UpdatePath | undefined): boolean => path?.steps.length === 1 && path.operator === undefined;
