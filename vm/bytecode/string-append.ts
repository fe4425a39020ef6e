/**
 * Strings that grow by appends: `s = s ++ piece`. Joined Strings are ropes of the host, so an append takes the room of a
 * node, as long as nobody reads the whole. Strings have no identity, so what is still owed for the layout of the whole is
 * kept by local: an append to a local charges little and marks it pending, and whoever loads the local for anything but
 * a further append pays for the whole. Which instructions append is a static matter of the bytecode, told here once for
 * all engines; whether a local is pending is a flag of the frame, false when the frame begins.
 */
import { oncePer } from "../lazy.ts";
import { OPCODES } from "./opcodes.ts";
import { followOperands } from "./operand-origins.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE } from "./stack-heights.ts";

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

/** The appends of a function; an irregular one has none. */
export const accumulatorsOf: (fn: VerifiedFunction) => Accumulators = oncePer((fn: VerifiedFunction) =>
  fn.regular && mayAppend(fn.code) ? analyze(fn) : NONE,
);

function mayAppend(code: Int32Array): boolean {
  for (let at = CODE_STRIDE; at < code.length; at += CODE_STRIDE)
    if (code[at] === OPCODES.StoreLocal.tag && code[at - CODE_STRIDE] === OPCODES.Concat.tag) return true;
  return false;
}

function analyze(fn: VerifiedFunction): Accumulators {
  const { code, def } = fn;
  const roles = new Uint8Array(code.length / CODE_STRIDE);
  const isAccumulator = new Uint8Array(def.locals);
  // A contract that fails prints the parameters, whoever has paid for them.
  const first = has(code, OPCODES.Assert.tag) ? def.arity : 0;
  followOperands(fn, ({ pc, row, first: local, taken, stores }) => {
    if (row.tag === OPCODES.Concat.tag) {
      const origin = taken(1);
      origin?.after.push(pc);
      return origin;
    }
    const origin = row.tag === OPCODES.StoreLocal.tag ? taken(0) : undefined;
    if (origin === undefined || local < first || origin.after.length === 0) return undefined;
    if (origin.local === local && origin.stores === stores(local) && origin.after.at(-1) === pc - 1) {
      isAccumulator[local] = 1;
      roles[origin.load] = APPEND.load;
      for (const concat of origin.after) roles[concat] = APPEND.concat;
      roles[pc] = APPEND.store;
    }
    return undefined;
  });
  const locals = [...isAccumulator.keys()].filter((local) => isAccumulator[local] === 1);
  return locals.length === 0 ? NONE : { roles, isAccumulator, locals };
}

function has(code: Int32Array, tag: number): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === tag) return true;
  return false;
}
