/**
 * Finds the lists that compiled code may change in place. After `xs = list.push(xs, x)`, the local `xs` is the only holder
 * of the new list. The list stays unique until `xs` is loaded for something other than its length, an element or the next
 * push. If the list is still unique, the next push appends in place instead of making a new version. Compiled code has a
 * flag for each such local. The flag is 1 if the local is the only holder.
 *
 * No other code can see the change, because no other code holds the list. If the work of a call is discarded, its lists are
 * discarded too.
 */
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { keptBy } from "../lazy.ts";
import { OPCODE_BY_TAG, OPCODES, type OpcodeRow } from "../bytecode/opcodes.ts";
import { analyzeOwnership } from "../bytecode/ownership.ts";
import { followOperands } from "../bytecode/operand-origins.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

export interface UniqueLists {
  /** The locals that have a flag, in ascending order. */
  readonly locals: ReadonlySet<number>;
  /** The pcs of the loads after which the local is still the only holder. */
  readonly borrows: ReadonlySet<number>;
  /** The pushes whose result is stored in the local that held the list. Maps the pc of the push to the local. */
  readonly pushes: ReadonlyMap<number, number>;
}

const NONE: UniqueLists = { locals: new Set(), borrows: new Set(), pushes: new Map() };

/** Returns the unique lists of a statically stacked function, which is one whose stack heights are known. */
export const uniqueLists: (fn: VerifiedFunction) => UniqueLists = keptBy((fn: VerifiedFunction) => (mayPush(fn.code) ? analyze(fn) : NONE));

function analyze(fn: VerifiedFunction): UniqueLists {
  const { targets } = analyzeOwnership(fn);
  const borrows = new Set<number>();
  const pushes = new Map<number, number>();
  followOperands(fn, ({ pc, row, first, originOf, storesBefore }) => {
    const name = builtinName(row, first);
    if (name === "list.push") {
      const origin = originOf(1);
      // Record each push onto the loaded list.
      origin?.laterPcs.push(pc);
      return origin;
    }
    if (name === "list.len" || row.tag === OPCODES.ListGet.tag) {
      const origin = originOf(name === "list.len" ? 0 : 1);
      // There must be no store to the local since the load.
      if (origin?.laterPcs.length === 0 && origin.storesBefore === storesBefore(origin.local)) borrows.add(origin.loadPc);
      return undefined;
    }
    const origin = row.tag === OPCODES.StoreLocal.tag ? originOf(0) : undefined;
    // A list in a target of an assignment to its parts has an owner, which also decides whether a push is in place.
    if (origin?.local !== first || targets.has(first) || origin.storesBefore !== storesBefore(first) || origin.laterPcs[0] !== pc - 1)
      return undefined;
    borrows.add(origin.loadPc);
    pushes.set(pc - 1, first);
    return undefined;
  });
  return pushes.size === 0 ? NONE : { locals: new Set([...pushes.values()].sort((a, b) => a - b)), borrows, pushes };
}

function builtinName(row: OpcodeRow, first: number): string | undefined {
  return row.tag === OPCODES.Builtin.tag ? BUILTIN_BY_ID.get(first)?.name : row.builtin;
}

function mayPush(code: Int32Array): boolean {
  // `CODE_STRIDE` is the number of words per instruction.
  for (let at = 0; at + CODE_STRIDE < code.length; at += CODE_STRIDE) {
    if (code[at + CODE_STRIDE] !== OPCODES.StoreLocal.tag) continue;
    const row = OPCODE_BY_TAG.get(code[at] ?? -1);
    if (row !== undefined && builtinName(row, code[at + 1] ?? 0) === "list.push") return true;
  }
  return false;
}
