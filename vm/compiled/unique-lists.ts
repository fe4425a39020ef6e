/**
 * Lists that grow by `xs = list.push(xs, x)`. What such a push gives is held by that local alone until the local is
 * loaded for something else, and may then grow in place: the generated code keeps a flag by local, 1 where it is so.
 * A place outside of the function cannot see the difference; a call that is thrown away takes its lists with it.
 */
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { oncePer } from "../lazy.ts";
import { OPCODES, type OpcodeRow } from "../bytecode/opcodes.ts";
import { followOperands } from "../bytecode/operand-origins.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

export interface OwnedLists {
  /** The locals that have a flag, ascending. */
  readonly locals: ReadonlySet<number>;
  /** Loads after which the local is still the only holder, by instruction. */
  readonly lends: ReadonlySet<number>;
  /** Pushes whose result is stored in the local that was pushed onto, and that local. */
  readonly pushes: ReadonlyMap<number, number>;
}

const NONE: OwnedLists = { locals: new Set(), lends: new Set(), pushes: new Map() };

/** Of a regular function. */
export const ownedLists: (fn: VerifiedFunction) => OwnedLists = oncePer((fn: VerifiedFunction) => (mayPush(fn.code) ? analyze(fn) : NONE));

function analyze(fn: VerifiedFunction): OwnedLists {
  const lends = new Set<number>();
  const pushes = new Map<number, number>();
  followOperands(fn, ({ pc, row, first, taken, stores }) => {
    const name = builtinName(row, first);
    if (name === "list.push") {
      const origin = taken(1);
      origin?.after.push(pc);
      return origin;
    }
    if (name === "list.len" || row.tag === OPCODES.ListGet.tag) {
      const origin = taken(name === "list.len" ? 0 : 1);
      // Not of a version that has been replaced while it lay on the stack.
      if (origin?.after.length === 0 && origin.stores === stores(origin.local)) lends.add(origin.load);
      return undefined;
    }
    const origin = row.tag === OPCODES.StoreLocal.tag ? taken(0) : undefined;
    if (origin?.local !== first || origin.stores !== stores(first) || origin.after[0] !== pc - 1) return undefined;
    lends.add(origin.load);
    pushes.set(pc - 1, first);
    return undefined;
  });
  return pushes.size === 0 ? NONE : { locals: new Set([...pushes.values()].sort((a, b) => a - b)), lends, pushes };
}

function builtinName(row: OpcodeRow, first: number): string | undefined {
  return row.tag === OPCODES.Builtin.tag ? BUILTIN_BY_ID.get(first)?.name : row.builtin;
}

const PUSHES: ReadonlySet<number> = new Set(
  Object.values(OPCODES).flatMap((row: OpcodeRow) => (row.builtin === "list.push" ? [row.tag] : [])),
);

function mayPush(code: Int32Array): boolean {
  for (let at = 0; at + CODE_STRIDE < code.length; at += CODE_STRIDE) {
    if (code[at + CODE_STRIDE] !== OPCODES.StoreLocal.tag) continue;
    const tag = code[at] ?? 0;
    if (PUSHES.has(tag) || (tag === OPCODES.Builtin.tag && BUILTIN_BY_ID.get(code[at + 1] ?? 0)?.name === "list.push")) return true;
  }
  return false;
}
