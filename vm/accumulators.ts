/**
 * Strings that grow by appends: `s = s ++ piece`. Joined Strings are ropes of the host, so an append takes the room of a
 * node, as long as nobody reads the whole. Strings have no identity, so what is still owed for the layout of the whole is
 * kept by local: an append to a local charges little and marks it pending, and whoever loads the local for anything but
 * a further append pays for the whole. Which instructions append is a static matter of the bytecode, told here once for
 * all engines; whether a local is pending is a flag of the frame, false when the frame begins.
 */
import { OPCODES, type OpcodeRow } from "./opcodes.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE, stackHeights, UNSEEN } from "./stack-heights.ts";

/** What an instruction has to do with an append; the loads and stores of a local that are of no append are as others. */
export const APPEND = {
  none: 0,
  /** Loads a local for an append to it: no charge, the flag stays. */
  load: 1,
  /** Joins: of two Strings it charges the shorter one. */
  concat: 2,
  /** Stores the result: a String is pending then. */
  store: 3,
} as const;

export interface Accumulators {
  /** By instruction, one of `APPEND`. */
  readonly roles: Uint8Array;
  /** By local: 1 for one that some append of the function stores to. */
  readonly isAccumulator: Uint8Array;
  /** The locals of which `isAccumulator` tells, ascending. */
  readonly locals: readonly number[];
}

const NONE: Accumulators = { roles: new Uint8Array(), isAccumulator: new Uint8Array(), locals: [] };
const ROW_BY_TAG: ReadonlyMap<number, OpcodeRow> = new Map(Object.values(OPCODES).map((row): [number, OpcodeRow] => [row.tag, row]));
const CACHE = new WeakMap<VerifiedFunction, Accumulators>();

/** The appends of a function; an irregular one has none. */
export function accumulatorsOf(fn: VerifiedFunction): Accumulators {
  const known = CACHE.get(fn);
  if (known !== undefined) return known;
  const found = fn.regular && mayAppend(fn.code) ? analyze(fn) : NONE;
  CACHE.set(fn, found);
  return found;
}

function mayAppend(code: Int32Array): boolean {
  for (let at = CODE_STRIDE; at < code.length; at += CODE_STRIDE)
    if (code[at] === OPCODES.StoreLocal.tag && code[at - CODE_STRIDE] === OPCODES.Concat.tag) return true;
  return false;
}

/** A value on the way from a load of a local through joins of which it is the first operand. */
interface Chain {
  readonly local: number;
  /** Stores to the local before the load. */
  readonly stores: number;
  /** The load and the joins. */
  readonly places: number[];
}

/**
 * Follows operands through straight code. What lies on the stack at a jump's or match's target, or after an instruction
 * with flow, is of unknown origin. Linear in code and match arms.
 */
function analyze({ code, def }: VerifiedFunction): Accumulators {
  const heights = stackHeights(code, def.matchTables)?.heights;
  if (heights === undefined) return NONE;
  const roles = new Uint8Array(heights.length);
  const isAccumulator = new Uint8Array(def.locals);
  // A contract that fails prints the parameters, whoever has paid for them.
  const first = has(code, OPCODES.Assert.tag) ? def.arity : 0;
  const stores = new Uint32Array(def.locals);
  const targets = targetsOf(code, def.matchTables);
  /** The uppermost operands; those below are of unknown origin. */
  const stack: (Chain | undefined)[] = [];
  for (let pc = 0; pc < heights.length; pc++) {
    if (heights[pc] === UNSEEN || targets.has(pc)) stack.length = 0;
    const at = pc * CODE_STRIDE;
    const row = ROW_BY_TAG.get(code[at] ?? -1);
    if (row === undefined || row.flow !== undefined || heights[pc] === UNSEEN) {
      stack.length = 0;
      continue;
    }
    const operand = code[at + 1] ?? 0;
    switch (row.tag) {
      case OPCODES.LoadLocal.tag:
        stack.push(operand < first ? undefined : { local: operand, stores: stores[operand] ?? 0, places: [pc] });
        break;
      case OPCODES.Concat.tag: {
        stack.pop();
        const chain = stack.pop();
        chain?.places.push(pc);
        stack.push(chain);
        break;
      }
      case OPCODES.StoreLocal.tag: {
        const chain = stack.pop();
        if (chain?.local === operand && chain.stores === stores[operand] && chain.places.length > 1 && chain.places.at(-1) === pc - 1) {
          isAccumulator[operand] = 1;
          for (const [i, place] of chain.places.entries()) roles[place] = i === 0 ? APPEND.load : APPEND.concat;
          roles[pc] = APPEND.store;
        }
        stores[operand] = (stores[operand] ?? 0) + 1;
        break;
      }
      default: {
        const count = row.popsCount === true ? (code[at + 1 + row.operands.indexOf("count")] ?? 0) : 0;
        stack.length = Math.max(0, stack.length - row.pops - count);
        for (let i = 0; i < row.pushes; i++) stack.push(undefined);
      }
    }
  }
  const locals = [...isAccumulator.keys()].filter((local) => isAccumulator[local] === 1);
  return locals.length === 0 ? NONE : { roles, isAccumulator, locals };
}

function has(code: Int32Array, tag: number): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === tag) return true;
  return false;
}

function targetsOf(code: Int32Array, matchTables: VerifiedFunction["def"]["matchTables"]): ReadonlySet<number> {
  const targets = new Set(matchTables.flatMap((arms) => arms.map(({ target }) => target)));
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const flow = ROW_BY_TAG.get(code[at] ?? -1)?.flow;
    if (flow === "jump" || flow === "branch") targets.add(code[at + 1] ?? 0);
  }
  return targets;
}
