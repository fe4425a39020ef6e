/**
 * Finds the parameters that a function only borrows: it reads their parts and passes them on to functions that also only borrow them. After
 * such a call, the argument has the same holders as before.
 *
 * A parameter borrows its argument if every load of its local does. A load borrows if its value is read by an instruction that keeps
 * nothing, is an argument of a call that borrows it, or is stored in a local that has only loads that borrow.
 */
import { keptBy } from "../lazy.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { keepsNoOperand } from "../bytecode/ownership.ts";
import { followOperands } from "../bytecode/operand-origins.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

/** Returns whether a function only borrows a parameter, given their indices. */
export type IsBorrowed = (fn: number, param: number) => boolean;

interface BorrowedParams {
  readonly isBorrowed: IsBorrowed;
}

export const borrowedParams: (program: Program) => BorrowedParams = keptBy(({ functions }: Program): BorrowedParams => {
  /** The number of the first local of each function. All locals of the program have numbers. */
  const firstLocal: number[] = [];
  let count = 0;
  for (const { def } of functions) {
    firstLocal.push(count);
    count += def.locals;
  }
  const isKept = new Uint8Array(count);
  /** For each local, the locals whose values are kept if its own are. */
  const sources: number[][] = Array.from({ length: count }, () => []);
  functions.forEach((fn, index) => {
    const first = firstLocal[index] ?? 0;
    if (!fn.staticallyStacked) isKept.fill(1, first, first + fn.def.locals);
    else
      findUses(fn, {
        keep: (local) => (isKept[first + local] = 1),
        pass: (local, to, callee) => sources[(callee === undefined ? first : (firstLocal[callee] ?? 0)) + to]?.push(first + local),
      });
  });
  const work = Array.from(isKept.keys()).filter((local) => isKept[local] === 1);
  for (let local = work.pop(); local !== undefined; local = work.pop()) {
    for (const source of sources[local] ?? []) {
      if (isKept[source] === 1) continue;
      isKept[source] = 1;
      work.push(source);
    }
  }
  return { isBorrowed: (fn, param) => isKept[(firstLocal[fn] ?? count) + param] === 0 };
});

interface Uses {
  /** A value of the local may be kept. */
  readonly keep: (local: number) => void;
  /** A value of the local is stored in another local, or passed to a parameter of a function. */
  readonly pass: (local: number, to: number, callee?: number) => void;
}

function findUses(fn: VerifiedFunction, { keep, pass }: Uses): void {
  const { code } = fn;
  /** The loads whose values are not kept where they are used. */
  const borrows = new Set<number>();
  followOperands(fn, ({ row, first, popped, originOf }) => {
    const isCall = row.tag === OPCODES.Call.tag || row.tag === OPCODES.TailCall.tag;
    for (let above = 0; above < popped; above++) {
      const origin = originOf(above);
      if (origin === undefined) continue;
      if (isCall) pass(origin.local, popped - 1 - above, first);
      else if (row.tag === OPCODES.StoreLocal.tag) pass(origin.local, first);
      else if (!(keepsNoOperand(row, first) || (row.tag === OPCODES.ListGet.tag && above === 1))) continue;
      borrows.add(origin.loadPc);
    }
    // A list with another element may share storage with the list before.
    if (row.tag === OPCODES.Update.tag) keep(first);
    return undefined;
  });
  for (let pc = 0; pc * CODE_STRIDE < code.length; pc++)
    if (code[pc * CODE_STRIDE] === OPCODES.LoadLocal.tag && !borrows.has(pc)) keep(code[pc * CODE_STRIDE + 1] ?? 0);
}
