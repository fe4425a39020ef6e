/**
 * Finds the parameters that a function only borrows: it reads their parts, or passes them to functions that also only borrow them. After the
 * call, nothing new refers to the argument of such a parameter.
 *
 * A function borrows a parameter if every load of the parameter's local borrows. A load borrows in three cases: an instruction reads the value
 * and does not store it; a call borrows it as an argument; or it is stored in a local all of whose loads borrow. The read of a record's field
 * borrows if it is used in one of these ways, too, or as a condition.
 */
import { memoizeInObject } from "../lazy.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { keepsNoOperand } from "../bytecode/ownership.ts";
import { followOperands, type Origin } from "../bytecode/operand-origins.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

const CONDITIONS: ReadonlySet<number> = new Set([OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag]);

/** Returns whether a function only borrows a parameter. Both are given by their indices. */
export type IsBorrowed = (fn: number, param: number) => boolean;

interface BorrowedParams {
  readonly isBorrowed: IsBorrowed;
}

export const borrowedParams: (program: Program) => BorrowedParams = memoizeInObject(({ functions }: Program): BorrowedParams => {
  /** The number of the first local of each function. All locals of the program have numbers. */
  const firstLocal: number[] = [];
  let count = 0;
  for (const { def } of functions) {
    firstLocal.push(count);
    count += def.locals;
  }
  const isKept = new Uint8Array(count);
  /**
   * For each local, the locals whose values are stored in it or passed to it. If something keeps the values of the local, it also keeps
   * theirs.
   */
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

interface UseVisitor {
  /** Called if something may still refer to a value of the local after the call. */
  readonly keep: (local: number) => void;
  /** Called if a value of the local is stored in another local, or passed to a parameter of the function `callee`. */
  readonly pass: (local: number, to: number, callee?: number) => void;
}

function findUses(fn: VerifiedFunction, { keep, pass }: UseVisitor): void {
  const { code } = fn;
  /** The loads whose values are not kept where they are used. */
  const borrows = new Set<number>();
  /** The reads of fields of records in locals. */
  const fields: Origin[] = [];
  followOperands(fn, ({ pc, opcode, operand, popped, originOf }) => {
    const record = opcode.tag === OPCODES.GetField.tag ? originOf(0) : undefined;
    if (record !== undefined) {
      const field = { ...record, loadPc: pc };
      borrows.add(record.loadPc);
      if (CONDITIONS.has(code[(pc + 1) * CODE_STRIDE] ?? 0)) borrows.add(pc);
      fields.push(field);
      return field;
    }
    const isCall = opcode.tag === OPCODES.Call.tag || opcode.tag === OPCODES.TailCall.tag;
    for (let above = 0; above < popped; above++) {
      const origin = originOf(above);
      if (origin === undefined) continue;
      if (isCall) pass(origin.local, popped - 1 - above, operand);
      else if (opcode.tag === OPCODES.StoreLocal.tag) pass(origin.local, operand);
      else if (!(keepsNoOperand(opcode, operand) || opcode.tag === OPCODES.ListGet.tag)) continue;
      borrows.add(origin.loadPc);
    }
    // The updated list may share storage with the list that the local had before.
    if (opcode.tag === OPCODES.Update.tag) keep(operand);
    return undefined;
  });
  for (const { local, loadPc } of fields) if (!borrows.has(loadPc)) keep(local);
  for (let pc = 0; pc * CODE_STRIDE < code.length; pc++)
    if (code[pc * CODE_STRIDE] === OPCODES.LoadLocal.tag && !borrows.has(pc)) keep(code[pc * CODE_STRIDE + 1] ?? 0);
}
