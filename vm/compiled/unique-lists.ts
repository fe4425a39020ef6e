/**
 * Finds the lists and maps that compiled code may change in place, because nothing else refers to them. Compiled code has a second variable for each
 * local that may have such a list. That variable holds the uniqueness of the list:
 *
 *   0   something else may refer to the list
 *   1   only the local refers to this version of the list, as after `xs = list.push(xs, x)` or the first `xs[i] = x`. The next push appends
 *       in place. Assignments add up until they have paid for storage that no other version uses
 *   2   like 1, and no other version uses the list's storage. An assignment to an element changes the list in place
 *   3   the list is a view: it was taken from a list with uniqueness 2 that is only read until its last use. After that, only the view uses
 *       the storage, and the first change claims it: it drops the elements after the end, and the uniqueness becomes 2
 *
 * The list stays unique until the local is loaded for something other than its length, an element or the next push. If the local is not read
 * again after a load, the load moves the list, with its uniqueness: to another local, to a parameter or to the caller. So
 * `xs = f(xs)` makes no new version of the list if `f` pushes onto its parameter or assigns to its elements.
 *
 *     let mut items = list.take(heap, last)    3 if `heap` has 2, because `heap` is not read after the next line
 *     items[0] = heap[last]                    claims the storage, and changes it in place
 *
 * The list may also move out of a field of a record, or into one (`record-parts.ts`), and in an Option or a tuple to the caller. So the
 * variable of a record holds the uniqueness of its fields (`uniqueness.ts`):
 *
 *     Stack { items: list.push(stack.items, x) }    appends in place if `stack` has 2 for `items`, because `stack` is not read again
 *
 * A map is treated in the same way, but its uniqueness is only 0 or 1: the map itself knows which parts of its storage other versions use.
 * With 1, `map.set` and `map.remove` change it in place.
 *
 * Compiled code itself made each such list, so if the work of a call is discarded, its lists are discarded too. The charge for a
 * change does not depend on the uniqueness (see `bytecode/ownership.ts`).
 */
import { memoizeInObject } from "../lazy.ts";
import { OPCODE_BY_TAG, OPCODES } from "../bytecode/opcodes.ts";
import { builtinName, keepsNoOperand } from "../bytecode/ownership.ts";
import { followOperands, type Origin } from "../bytecode/operand-origins.ts";
import { updatePath } from "../bytecode/update-path.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { borrowedParams, type IsBorrowed } from "./borrowed-params.ts";
import { tupleFunctions } from "./enumerations.ts";
import { type ControlFlowGraph, controlFlowGraph, successorsOf } from "./control-flow-graph.ts";
import { liveLocals } from "./live-locals.ts";
import { type Argument, isDeadIfSuccess, isIntactAtFailure, SUCCESSES } from "./none-results.ts";
import { type RecordParts, recordParts } from "./record-parts.ts";

export interface UniqueLists {
  /** The pcs of the loads after which still nothing but the local refers to the list. */
  readonly borrows: ReadonlySet<number>;
  /** The pcs of the loads that move the list: when it is used, the local will not be read again before the next store to it. */
  readonly moves: ReadonlySet<number>;
  /** The pushes whose result is stored in the local that had the list. Maps the pc of the push to the local. */
  readonly pushes: ReadonlyMap<number, number>;
  /** The same for calls of the other builtins in `CHANGES`. */
  readonly changes: ReadonlyMap<number, number>;
  /**
   * The calls of `list.take` and `list.slice` whose result may be a view: after the call, the local of the list is only read, and the result
   * changes only after the last such read. Maps the pc of the call to the local.
   */
  readonly views: ReadonlyMap<number, number>;
  /** The locals that hold results of the calls in `views`. */
  readonly viewLocals: ReadonlySet<number>;
  /** The loads that copy a record to another local and split its parts (`record-parts.ts`), with the fields that are read from both. */
  readonly splits: ReadonlyMap<number, readonly number[]>;
}

type Changes = Pick<UniqueLists, "borrows" | "moves" | "pushes" | "changes">;

export const NO_UNIQUE_LISTS: UniqueLists = {
  borrows: new Set(),
  moves: new Set(),
  pushes: new Map(),
  changes: new Map(),
  views: new Map(),
  viewLocals: new Set(),
  splits: new Map(),
};

/** The builtins that can change a list or a map in place, and the number of arguments after it. */
const CHANGES: ReadonlyMap<string, number> = new Map([
  ["list.push", 1],
  ["list.take", 1],
  ["list.slice", 2],
  ["list.set", 2],
  ["map.set", 2],
  ["map.remove", 1],
]);
const TAKES: ReadonlySet<string | undefined> = new Set(["list.take", "list.slice"]);

/** A load of a local whose value is used at `usePc`, in the same straight-line code and before any store to the local. */
interface Borrow {
  readonly loadPc: number;
  readonly usePc: number;
}

/** A call of `list.take` or `list.slice`. Its result is either an operand that a push changes, or stored in a local. */
interface Take {
  readonly pc: number;
  /** The load of the list. */
  readonly origin: Origin;
  pushPc: number | undefined;
  local: number | undefined;
}

/** The limit on the calls of `list.take` and `list.slice` that are analyzed in a function. Each takes time in proportion to the code. */
const MAX_TAKES = 32;
/** The limit on the instructions between a load and its use that `isLastUse` looks at. */
const MAX_DISTANCE = 64;

/** For each function, parameter and success that a call needed, the result of `isIntactAtFailure`. */
const intactParams = memoizeInObject((_program: Program) => new Map<string, boolean>());
const listsOfFunctions = memoizeInObject(
  (_program: Program) => [new Map<VerifiedFunction, UniqueLists>(), new Map<VerifiedFunction, UniqueLists>()] as const,
);

/** Returns the unique lists of a statically stacked function of a program. `isFrame` says whether compiled code may leave its frame at loops. */
export function uniqueLists(program: Program, fn: VerifiedFunction, isFrame: boolean): UniqueLists {
  const known = listsOfFunctions(program)[isFrame ? 1 : 0];
  const enumerates = tupleFunctions(program);
  const { isBorrowed } = borrowedParams(program);
  // Compiled code may use the argument of `list.enumerate` in place of the result (see `enumerations.ts`).
  const lists = known.get(fn) ?? analyze(program, fn, isFrame, (callee, param) => !enumerates.has(callee) && isBorrowed(callee, param));
  known.set(fn, lists);
  return lists;
}

function analyze(program: Program, fn: VerifiedFunction, isFrame: boolean, isBorrowed: IsBorrowed): UniqueLists {
  const graph = controlFlowGraph(fn, 0) ?? [];
  const live = liveLocals(fn, graph);
  const parts = recordParts(fn, graph, isFrame ? live : [], (constant) => updatePath(program.module, constant));
  const { locals } = fn.def;
  /** The local that a value was loaded from. The origin of a part that was read from a record has a number of its own. */
  const localOf = ({ local }: Origin): number => parts.parts[local - locals]?.local ?? local;
  const borrowed: Borrow[] = [];
  const pushes = new Map<number, number>();
  const changes = new Map<number, number>();
  const takes = new Map<number, Take>();
  const uses: Borrow[] = [];
  const calls: Argument[] = [];
  followOperands(fn, ({ pc, opcode, operand, popped, originOf, storesBefore }) => {
    const isCurrent = (origin: Origin | undefined): origin is Origin =>
      origin !== undefined && origin.storesBefore === storesBefore(localOf(origin));
    const borrow = (origin: Origin | undefined): void => {
      if (isCurrent(origin) && origin.laterPcs.length === 0) borrowed.push({ loadPc: origin.loadPc, usePc: pc });
    };
    for (let i = 0; i < popped; i++) {
      const origin = originOf(i);
      if (isCurrent(origin) && origin.laterPcs.length === 0) uses.push({ loadPc: origin.loadPc, usePc: pc });
    }
    const name = builtinName(opcode, operand);
    const above = CHANGES.get(name ?? "");
    if (above !== undefined) {
      const origin = originOf(above);
      if (isCurrent(origin)) {
        const [firstChange, otherChange] = origin.laterPcs;
        const taken = otherChange === undefined ? takes.get(firstChange ?? -1) : undefined;
        if (taken !== undefined && name === "list.push") taken.pushPc = pc;
        if (firstChange === undefined && origin.local < locals && TAKES.has(name) && takes.size < MAX_TAKES)
          takes.set(pc, { pc, origin, pushPc: undefined, local: undefined });
      }
      // Records each change of the loaded list.
      origin?.laterPcs.push(pc);
      return origin;
    }
    const part = parts.readAt.get(pc);
    const record = part === undefined ? undefined : originOf(0);
    if (part !== undefined && record !== undefined) {
      borrow(record);
      return { local: locals + part, storesBefore: record.storesBefore, loadPc: pc, laterPcs: [] };
    }
    if (opcode.tag === OPCODES.Call.tag) {
      for (let i = 0; i < popped; i++) {
        const origin = originOf(i);
        const param = popped - 1 - i;
        if (isBorrowed(operand, param)) borrow(origin);
        else if (isCurrent(origin) && origin.laterPcs.length === 0) calls.push({ origin, callPc: pc, callee: operand, param });
      }
    } else if (opcode.tag === OPCODES.ListGet.tag || keepsNoOperand(opcode, operand)) for (let i = 0; i < popped; i++) borrow(originOf(i));
    const origin = opcode.tag === OPCODES.StoreLocal.tag ? originOf(0) : undefined;
    if (!isCurrent(origin) || origin.laterPcs[0] !== pc - 1) return undefined;
    const taken = takes.get(pc - 1);
    if (origin.local !== operand) {
      if (taken !== undefined) taken.local = operand;
      return undefined;
    }
    borrowed.push({ loadPc: origin.loadPc, usePc: pc });
    const change = OPCODE_BY_TAG.get(fn.code[(pc - 1) * CODE_STRIDE] ?? -1);
    const isPush = change !== undefined && builtinName(change, fn.code[(pc - 1) * CODE_STRIDE + 1] ?? 0) === "list.push";
    (isPush ? pushes : changes).set(pc - 1, operand);
    return undefined;
  });
  const borrowPcs = new Set(borrowed.map(({ loadPc }) => loadPc));
  const lastPcs = new Set([...lastLoads(fn, graph, live), ...parts.lastReads]);
  const moves = new Set([...lastPcs].filter((pc) => !borrowPcs.has(pc)));
  const borrowedUntil = new Map(borrowed.map(({ loadPc, usePc }) => [loadPc, usePc]));
  for (const use of uses) if (!borrowPcs.has(use.loadPc) && isLastUse(fn, parts, use, lastPcs, borrowedUntil)) moves.add(use.loadPc);
  for (const pc of [...matchedLoads(fn, graph, live), ...parts.splits.keys()]) moves.add(pc);
  const known = intactParams(program);
  for (const call of calls) {
    const callee = program.functions[call.callee];
    if (callee === undefined || borrowPcs.has(call.origin.loadPc)) continue;
    for (const success of SUCCESSES) {
      if (!isDeadIfSuccess(fn, graph, live, parts, call, success)) continue;
      const key = `${call.callee} ${call.param} ${success}`;
      const isIntact = known.get(key) ?? isIntactAtFailure(callee, call.param, isBorrowed, success);
      known.set(key, isIntact);
      if (isIntact) moves.add(call.origin.loadPc);
    }
  }
  const nextMove = nextMoves(fn, parts, moves);
  for (const { loadPc, usePc } of borrowed) {
    // A list that moves before it is used may have changed by then.
    if ((nextMove[loadPc] ?? 0) >= usePc) continue;
    borrowPcs.delete(loadPc);
    pushes.delete(usePc - 1);
    changes.delete(usePc - 1);
  }
  const lists = { borrows: borrowPcs, moves, pushes, changes };
  const views = [...takes.values()].filter(({ pc, origin, pushPc, local }) => {
    if (changes.has(pc) || moves.has(origin.loadPc) || (nextMove[origin.loadPc] ?? 0) < pc) return false;
    const pcs = local === undefined ? [pushPc ?? pc] : changesOf(fn, local, lists);
    const mayBeRead = readsAt(fn, graph, live, origin.local);
    // An operand may be a list that was loaded before the change and is read after it.
    const isHeld = (at: number): boolean =>
      mayBeRead[at] === 1 ||
      borrowed.some(({ loadPc, usePc }) => loadPc < at && at < usePc && fn.code[loadPc * CODE_STRIDE + 1] === origin.local);
    return !pcs.some((at) => at === pc || isHeld(at)) && isOnlyRead(fn, graph, pc, origin.local, lists);
  });
  for (const { origin } of views) borrowPcs.add(origin.loadPc);
  return {
    ...lists,
    views: new Map(views.map(({ pc, origin }) => [pc, origin.local])),
    viewLocals: new Set(views.flatMap(({ local }) => (local === undefined ? [] : [local]))),
    splits: parts.splits,
  };
}

/**
 * Returns whether the local is not read any more when the loaded value is used, as in `f(xs, list.len(xs))`: all loads in between only borrow,
 * their values are used before, and the last of them is in `lastPcs`.
 */
function isLastUse(
  { code }: VerifiedFunction,
  { readAt }: RecordParts,
  { loadPc, usePc }: Borrow,
  lastPcs: ReadonlySet<number>,
  borrowedUntil: ReadonlyMap<number, number>,
): boolean {
  if (usePc - loadPc > MAX_DISTANCE) return false;
  const part = readAt.get(loadPc);
  const local = code[(part === undefined ? loadPc : loadPc - 1) * CODE_STRIDE + 1];
  let isLast = false;
  for (let pc = loadPc + 1; pc < usePc; pc++) {
    if (code[pc * CODE_STRIDE] !== OPCODES.LoadLocal.tag || code[pc * CODE_STRIDE + 1] !== local) continue;
    // The load before the read of a part only reads that part.
    const read = readAt.get(pc + 1);
    if (part !== undefined && read !== undefined && read !== part) continue;
    const readPc = read === undefined ? pc : pc + 1;
    if ((part !== undefined && read === undefined) || !((borrowedUntil.get(readPc) ?? usePc) < usePc)) return false;
    isLast = lastPcs.has(part === undefined ? pc : readPc);
  }
  return isLast;
}

/**
 * Returns the loads that are matched at once, if each arm drops the value, or the local is not read after it. So nothing refers to the value
 * twice.
 */
function matchedLoads({ code }: VerifiedFunction, graph: ControlFlowGraph, live: readonly Uint8Array[]): readonly number[] {
  return graph.flatMap(({ start, end, exit }) => {
    const pc = end - 2;
    if (exit.kind !== "match" || pc < start || code[pc * CODE_STRIDE] !== OPCODES.LoadLocal.tag) return [];
    const local = code[pc * CODE_STRIDE + 1] ?? 0;
    const isDropped = (to: number): boolean => code[(graph[to]?.start ?? -1) * CODE_STRIDE] === OPCODES.Pop.tag;
    return exit.arms.every(({ to }) => live[to]?.[local] === 0 || isDropped(to)) ? [pc] : [];
  });
}

/** Returns the pcs at which the list in a local changes, or moves to a place where it may change. */
function changesOf({ code }: VerifiedFunction, local: number, { moves, pushes, changes }: Changes): readonly number[] {
  const pcs: number[] = [];
  for (let pc = 0; pc * CODE_STRIDE < code.length; pc++) {
    const tag = code[pc * CODE_STRIDE];
    const isOfLocal = code[pc * CODE_STRIDE + 1] === local;
    const isChange = isOfLocal && (tag === OPCODES.Update.tag || (tag === OPCODES.LoadLocal.tag && moves.has(pc)));
    if (isChange || pushes.get(pc) === local || changes.get(pc) === local) pcs.push(pc);
  }
  return pcs;
}

/** Returns whether, after the instruction at `startPc`, a local is only borrowed before the next store to it. */
function isOnlyRead(fn: VerifiedFunction, graph: ControlFlowGraph, startPc: number, local: number, lists: Changes): boolean {
  const seen = new Set<number>();
  /** The blocks to be visited, and the first pc in each. */
  const work = graph.flatMap(({ start, end }, block) => (startPc >= start && startPc < end ? [{ block, from: startPc + 1 }] : []));
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const block = graph[next.block];
    if (block === undefined) continue;
    let isSet = false;
    for (let pc = next.from; pc < block.end && !isSet; pc++) {
      const tag = fn.code[pc * CODE_STRIDE];
      if (lists.pushes.get(pc) === local || lists.changes.get(pc) === local) return false;
      if (fn.code[pc * CODE_STRIDE + 1] !== local) continue;
      if (tag === OPCODES.Update.tag || (tag === OPCODES.LoadLocal.tag && !lists.borrows.has(pc))) return false;
      isSet = tag === OPCODES.StoreLocal.tag;
    }
    if (isSet) continue;
    for (const to of successorsOf(block.exit)) {
      if (seen.has(to)) continue;
      seen.add(to);
      work.push({ block: to, from: graph[to]?.start ?? 0 });
    }
  }
  return true;
}

/** Returns for each pc 1 if a local may be read there or later, before the next store to it. */
function readsAt(fn: VerifiedFunction, graph: ControlFlowGraph, live: readonly Uint8Array[], local: number): Uint8Array {
  const reads = new Uint8Array(fn.code.length / CODE_STRIDE);
  for (const { start, end, exit } of graph) {
    let mayBeRead = successorsOf(exit).some((to) => live[to]?.[local] === 1);
    for (let pc = end - 1; pc >= start; pc--) {
      const tag = fn.code[pc * CODE_STRIDE];
      if (fn.code[pc * CODE_STRIDE + 1] === local) {
        if (tag === OPCODES.StoreLocal.tag) mayBeRead = false;
        else if (tag === OPCODES.LoadLocal.tag || tag === OPCODES.Update.tag) mayBeRead = true;
      }
      reads[pc] = mayBeRead ? 1 : 0;
    }
  }
  return reads;
}

/** Returns the pcs of the loads after which the local is not read before the next store to it. */
function lastLoads(fn: VerifiedFunction, graph: ControlFlowGraph, live: readonly Uint8Array[]): readonly number[] {
  return graph.flatMap(({ start, end, exit }) => {
    const isLive = new Uint8Array(fn.def.locals);
    for (const to of successorsOf(exit)) live[to]?.forEach((value, local) => (isLive[local] = value | (isLive[local] ?? 0)));
    const pcs: number[] = [];
    for (let pc = end - 1; pc >= start; pc--) {
      const tag = fn.code[pc * CODE_STRIDE];
      const local = fn.code[pc * CODE_STRIDE + 1] ?? 0;
      if (tag === OPCODES.StoreLocal.tag) isLive[local] = 0;
      if (tag !== OPCODES.LoadLocal.tag && tag !== OPCODES.Update.tag) continue;
      if (tag === OPCODES.LoadLocal.tag && isLive[local] === 0) pcs.push(pc);
      isLive[local] = 1;
    }
    return pcs;
  });
}

/** Returns for each load of a local, or of a part of it, the pc of the next load that moves this local or a part of it. */
function nextMoves({ code, def }: VerifiedFunction, { readAt }: RecordParts, moves: ReadonlySet<number>): Float64Array {
  const next = new Float64Array(code.length / CODE_STRIDE);
  const nextOfLocal = new Float64Array(def.locals).fill(Number.POSITIVE_INFINITY);
  for (let pc = next.length - 1; pc >= 0; pc--) {
    const local = code[(readAt.has(pc) ? pc - 1 : pc) * CODE_STRIDE + 1] ?? 0;
    next[pc] = nextOfLocal[local] ?? Number.POSITIVE_INFINITY;
    if (moves.has(pc)) nextOfLocal[local] = pc;
  }
  return next;
}

/** Returns whether a function pushes onto a list in a local. */
export function mayPush({ code }: VerifiedFunction): boolean {
  // `CODE_STRIDE` is the number of words per instruction.
  for (let at = 0; at + CODE_STRIDE < code.length; at += CODE_STRIDE) {
    if (code[at + CODE_STRIDE] !== OPCODES.StoreLocal.tag) continue;
    const opcode = OPCODE_BY_TAG.get(code[at] ?? -1);
    if (opcode !== undefined && builtinName(opcode, code[at + 1] ?? 0) === "list.push") return true;
  }
  return false;
}
