/**
 * The analysis of String appends, such as `s = s ++ piece` in a loop. V8 joins Strings as ropes, which are trees of their parts. So
 * an append takes little time, but the first read of the String copies all of it. The machine charges accordingly:
 *
 * - An append to a local charges the shorter of the two Strings. It marks the local as pending: the full length of its String is still
 *   to be charged.
 * - The next load of a pending local charges the full length and clears the mark, unless that load is part of an append.
 *
 * Only the bytecode decides whether an instruction is part of an append, so this file finds the appends for both engines. Each frame has
 * its own pending marks, none of which is set at first. For `s = s ++ "x"` with `s` in local 0:
 *
 *     LoadLocal 0     APPEND.load      no charge; the mark stays
 *     PushConst 0     none
 *     Concat          APPEND.concat    charges the shorter String
 *     StoreLocal 0    APPEND.store     marks local 0 as pending
 */
import { memoizeInObject } from "../lazy.ts";
import { OPCODES } from "./opcodes.ts";
import { followOperands } from "./operand-origins.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE } from "./stack-heights.ts";

/** The roles that an instruction can have in an append. An instruction outside all appends has the role `none`. */
export const APPEND = {
  none: 0,
  /** Loads the append target. It charges nothing and does not change the pending mark. */
  load: 1,
  /** Joins two Strings and charges the shorter one. */
  concat: 2,
  /** Stores the result and, if it is a String, marks the local as pending. */
  store: 3,
} as const;

export interface AppendAnalysis {
  /** The role of each instruction, as a value of `APPEND`. */
  readonly roles: Uint8Array;
  /** For each local, 1 if it is an append target, otherwise 0. Some append stores its result in an append target. */
  readonly isAppendTarget: Uint8Array;
  /** The append targets in ascending order. */
  readonly targets: readonly number[];
}

const NONE: AppendAnalysis = { roles: new Uint8Array(), isAppendTarget: new Uint8Array(), targets: [] };

/** Returns the appends of a function. None are found in a dynamically stacked function, because its stack heights are unknown. */
export const analyzeAppends: (fn: VerifiedFunction) => AppendAnalysis = memoizeInObject((fn: VerifiedFunction) =>
  fn.staticallyStacked && mayAppend(fn.code) ? analyze(fn) : NONE,
);

function mayAppend(code: Int32Array): boolean {
  // `CODE_STRIDE` is the number of words per instruction.
  for (let at = CODE_STRIDE; at < code.length; at += CODE_STRIDE)
    if (code[at] === OPCODES.StoreLocal.tag && code[at - CODE_STRIDE] === OPCODES.Concat.tag) return true;
  return false;
}

function analyze(fn: VerifiedFunction): AppendAnalysis {
  const { code, def } = fn;
  const roles = new Uint8Array(code.length / CODE_STRIDE);
  const isAppendTarget = new Uint8Array(def.locals);
  // A failed contract prints the parameters and does not charge for reading them, so no parameter may be pending.
  const firstTarget = hasOpcode(code, OPCODES.Assert.tag) ? def.arity : 0;
  followOperands(fn, ({ pc, opcode, operand: local, originOf, storesBefore }) => {
    if (opcode.tag === OPCODES.Concat.tag) {
      const origin = originOf(1);
      // In `s ++ a ++ b`, each `Concat` has the load of `s` as the origin of its left side.
      origin?.laterPcs.push(pc);
      return origin;
    }
    const origin = opcode.tag === OPCODES.StoreLocal.tag ? originOf(0) : undefined;
    if (origin === undefined || local < firstTarget || origin.laterPcs.length === 0) return undefined;
    if (origin.local === local && origin.storesBefore === storesBefore(local) && origin.laterPcs.at(-1) === pc - 1) {
      isAppendTarget[local] = 1;
      roles[origin.loadPc] = APPEND.load;
      for (const concat of origin.laterPcs) roles[concat] = APPEND.concat;
      roles[pc] = APPEND.store;
    }
    return undefined;
  });
  const targets = [...isAppendTarget.keys()].filter((local) => isAppendTarget[local] === 1);
  return targets.length === 0 ? NONE : { roles, isAppendTarget, targets };
}

function hasOpcode(code: Int32Array, tag: number): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === tag) return true;
  return false;
}
