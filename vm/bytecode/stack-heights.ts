/** Data flow over operand stack heights: decides whether a function is regular. Linear in code and match arms. */
import { MACHINE_LIMITS } from "../limits.ts";
import type { MatchArm } from "./module.ts";
import { OPCODES, type OpcodeRow } from "./opcodes.ts";

/** Numbers an instruction takes in `VerifiedFunction.code`: tag and operands. */
export const CODE_STRIDE = 4;

const ROW_BY_TAG: ReadonlyMap<number, OpcodeRow> = new Map(Object.values(OPCODES).map((row): [number, OpcodeRow] => [row.tag, row]));

const RET = OPCODES.Ret.tag;
/** The height at an instruction that nothing reaches. */
export const UNSEEN = -1;

export interface StackHeights {
  /** Before each instruction, in slots; `UNSEEN` where nothing reaches it. */
  readonly heights: Int32Array;
  readonly highest: number;
}

/**
 * The operand stack's heights in a function whose reachable instructions each see one height on every path and
 * never underflow; `undefined` where they do not, or where the height passes `frameSlots`. `Ret` on an empty stack and
 * running off the end are fine: both give Unit. Operands must have been checked.
 */
export function stackHeights(code: Int32Array, matchTables: readonly (readonly MatchArm[])[]): StackHeights | undefined {
  const length = code.length / CODE_STRIDE;
  const heights = new Int32Array(length).fill(UNSEEN);
  const tableHeights = new Int32Array(matchTables.length).fill(UNSEEN);
  const work: number[] = [];
  let highest = 0;
  /** False when the instruction was reached at another height before. */
  const reach = (pc: number, height: number): boolean => {
    if (pc >= length) return true;
    const seen = heights[pc];
    if (seen !== UNSEEN) return seen === height;
    heights[pc] = height;
    work.push(pc);
    return true;
  };
  reach(0, 0);
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    const at = pc * CODE_STRIDE;
    const row = ROW_BY_TAG.get(code[at] ?? -1);
    if (row === undefined) return undefined;
    const height = heights[pc] ?? 0;
    const count = row.popsCount === true ? (code[at + 1 + row.operands.indexOf("count")] ?? 0) : 0;
    const left = height - row.pops - count;
    if (left < 0 && row.tag !== RET) return undefined;
    const after = left + row.pushes;
    if (after > MACHINE_LIMITS.frameSlots) return undefined;
    if (after > highest) highest = after;
    const operand = code[at + 1] ?? 0;
    switch (row.flow) {
      case "end":
        break;
      case "jump":
        if (!reach(operand, after)) return undefined;
        break;
      case "branch":
        if (!reach(operand, after) || !reach(pc + 1, after)) return undefined;
        break;
      case "match": {
        // Each table is gone through once, however many instructions share it.
        const seen = tableHeights[operand];
        if (seen === after) break;
        if (seen !== UNSEEN) return undefined;
        tableHeights[operand] = after;
        if (!(matchTables[operand] ?? []).every((arm) => reach(arm.target, after))) return undefined;
        break;
      }
      case undefined:
        if (!reach(pc + 1, after)) return undefined;
    }
  }
  return { heights, highest };
}
