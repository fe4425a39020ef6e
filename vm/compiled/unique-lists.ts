/**
 * Finds the lists that compiled code may change in place, because no other code holds them. Compiled code has a variable for each local that
 * may hold such a list. The variable has the uniqueness of the list:
 *
 *   0   another place may hold the list
 *   1   only the local holds this version of the list, as after `xs = list.push(xs, x)`. The next push appends in place
 *   2   like 1, and no other version uses the list's storage. An assignment to an element changes the list in place
 *
 * The list stays unique until the local is loaded for something other than its length, an element or the next push. A load after which the
 * local is never read again moves the list, with its uniqueness, to the next holder: another local, a parameter or the caller. So
 * `xs = f(xs)` makes no version of the list if `f` pushes onto its parameter or assigns to its elements.
 *
 * Compiled code itself made each such list, so if the work of a call is discarded, its lists are discarded too. The charge for a
 * change does not depend on the uniqueness (see `bytecode/ownership.ts`).
 */
import { keptBy } from "../lazy.ts";
import { OPCODE_BY_TAG, OPCODES } from "../bytecode/opcodes.ts";
import { builtinName, keepsNoOperand } from "../bytecode/ownership.ts";
import { followOperands, type Origin } from "../bytecode/operand-origins.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { borrowedParams, type IsBorrowed } from "./borrowed-params.ts";
import { controlFlowGraph, liveLocals, successorsOf } from "./control-flow-graph.ts";

export interface UniqueLists {
  /** The pcs of the loads after which the local is still the only holder. */
  readonly borrows: ReadonlySet<number>;
  /** The pcs of the loads that move the list: the local is not read again before the next store to it. */
  readonly moves: ReadonlySet<number>;
  /** The pushes whose result is stored in the local that held the list. Maps the pc of the push to the local. */
  readonly pushes: ReadonlyMap<number, number>;
  /** The same for `xs = list.take(xs, n)`. */
  readonly takes: ReadonlyMap<number, number>;
}

export const NO_UNIQUE_LISTS: UniqueLists = { borrows: new Set(), moves: new Set(), pushes: new Map(), takes: new Map() };

/** A load of a local whose value is used at `usePc`, in the same straight-line code and before any store to the local. */
interface Borrow {
  readonly loadPc: number;
  readonly usePc: number;
}

const listsOfFunctions = keptBy((_program: Program) => new Map<VerifiedFunction, UniqueLists>());

/** Returns the unique lists of a statically stacked function of a program. */
export function uniqueLists(program: Program, fn: VerifiedFunction): UniqueLists {
  const known = listsOfFunctions(program);
  const lists = known.get(fn) ?? analyze(fn, borrowedParams(program).isBorrowed);
  known.set(fn, lists);
  return lists;
}

function analyze(fn: VerifiedFunction, isBorrowed: IsBorrowed): UniqueLists {
  const borrowed: Borrow[] = [];
  const pushes = new Map<number, number>();
  const takes = new Map<number, number>();
  followOperands(fn, ({ pc, row, first, popped, originOf, storesBefore }) => {
    const borrow = (origin: Origin | undefined): boolean => {
      if (origin === undefined || origin.laterPcs.length > 0 || origin.storesBefore !== storesBefore(origin.local)) return false;
      borrowed.push({ loadPc: origin.loadPc, usePc: pc });
      return true;
    };
    const name = builtinName(row, first);
    if (name === "list.push" || name === "list.take") {
      const origin = originOf(1);
      // Records each change of the loaded list.
      origin?.laterPcs.push(pc);
      return origin;
    }
    if (row.tag === OPCODES.Call.tag) {
      for (let above = 0; above < popped; above++) if (isBorrowed(first, popped - 1 - above)) borrow(originOf(above));
    } else if (row.tag === OPCODES.ListGet.tag) borrow(originOf(1));
    else if (keepsNoOperand(row, first)) for (let above = 0; above < popped; above++) borrow(originOf(above));
    const origin = row.tag === OPCODES.StoreLocal.tag ? originOf(0) : undefined;
    if (origin?.local !== first || origin.storesBefore !== storesBefore(first) || origin.laterPcs[0] !== pc - 1) return undefined;
    borrowed.push({ loadPc: origin.loadPc, usePc: pc });
    const change = OPCODE_BY_TAG.get(fn.code[(pc - 1) * CODE_STRIDE] ?? -1);
    const isPush = change !== undefined && builtinName(change, fn.code[(pc - 1) * CODE_STRIDE + 1] ?? 0) === "list.push";
    (isPush ? pushes : takes).set(pc - 1, first);
    return undefined;
  });
  const borrowPcs = new Set(borrowed.map(({ loadPc }) => loadPc));
  const moves = new Set(lastLoads(fn).filter((pc) => !borrowPcs.has(pc)));
  const nextMove = nextMoves(fn, moves);
  for (const { loadPc, usePc } of borrowed) {
    // A list that moves before it is used may have changed by then.
    if ((nextMove[loadPc] ?? 0) >= usePc) continue;
    borrowPcs.delete(loadPc);
    pushes.delete(usePc - 1);
    takes.delete(usePc - 1);
  }
  return { borrows: borrowPcs, moves, pushes, takes };
}

/** Returns the pcs of the loads after which the local is not read before the next store to it. */
function lastLoads(fn: VerifiedFunction): readonly number[] {
  const graph = controlFlowGraph(fn, 0);
  if (graph === undefined) return [];
  const live = liveLocals(fn, graph);
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

/** Returns for each pc the pc of the next load after it that moves the local in the first operand of its instruction. */
function nextMoves({ code, def }: VerifiedFunction, moves: ReadonlySet<number>): Float64Array {
  const next = new Float64Array(code.length / CODE_STRIDE);
  const nextOfLocal = new Float64Array(def.locals).fill(Number.POSITIVE_INFINITY);
  for (let pc = next.length - 1; pc >= 0; pc--) {
    const local = code[pc * CODE_STRIDE + 1] ?? 0;
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
    const row = OPCODE_BY_TAG.get(code[at] ?? -1);
    if (row !== undefined && builtinName(row, code[at + 1] ?? 0) === "list.push") return true;
  }
  return false;
}
