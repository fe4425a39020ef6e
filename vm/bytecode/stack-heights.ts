/**
 * Computes the height of the operand stack before each instruction of one function. If all heights are known, the function is statically
 * stacked, otherwise dynamically stacked. Takes time linear in the code and the match arms.
 */
import { MACHINE_LIMITS } from "../limits.ts";
import type { MatchArm } from "./module.ts";
import { type NamedOpcode, opcodeOf, OPCODES } from "./opcodes.ts";

/** Words per instruction in `VerifiedFunction.code`: the tag and three operands. */
export const CODE_STRIDE = 4;

/** Returns how many values an instruction pops: a fixed number and, for some opcodes, its operand `count`. It begins at `code[at]`. */
export function popCount({ pops, countIndex }: NamedOpcode, code: Int32Array, at: number): number {
  return countIndex < 0 ? pops : pops + (code[at + 1 + countIndex] ?? 0);
}

const RET = OPCODES.Ret.tag;
/** The entry in `heights` for an unreachable instruction. */
export const UNREACHABLE = -1;

interface StackHeights {
  /** The height before each instruction, in slots; `UNREACHABLE` if no path leads to the instruction. */
  readonly heights: Int32Array;
  readonly highest: number;
}

/**
 * Writes the heights to `heights`, which has one entry for each instruction, and returns them. Returns undefined if a reachable instruction
 * pops from an empty stack, has different heights on different paths, or makes the height exceed `frameSlots`. `Ret` on an empty stack and
 * the end of the code are allowed; both return Unit. The caller must have checked the operands of the instructions.
 */
export function stackHeights(
  code: Int32Array,
  matchTables: readonly (readonly MatchArm[])[],
  heights: Int32Array,
): StackHeights | undefined {
  const { length } = heights;
  heights.fill(UNREACHABLE);
  /** The height at the arms of each match table. Undefined until an instruction that uses the table is visited. */
  const tableHeights: number[] = [];
  const pcsToVisit: number[] = [];
  let highest = 0;
  /** Records that a path reaches the instruction at this height. Returns false if an earlier path had another height. */
  const reach = (pc: number, height: number): boolean => {
    if (pc >= length) return true;
    const knownHeight = heights[pc];
    if (knownHeight !== UNREACHABLE) return knownHeight === height;
    heights[pc] = height;
    pcsToVisit.push(pc);
    return true;
  };
  reach(0, 0);
  for (let pc = pcsToVisit.pop(); pc !== undefined; pc = pcsToVisit.pop()) {
    const at = pc * CODE_STRIDE;
    const opcode = opcodeOf(code[at] ?? -1);
    if (opcode === undefined) return undefined;
    const height = heights[pc] ?? 0;
    const remaining = height - popCount(opcode, code, at);
    if (remaining < 0 && opcode.tag !== RET) return undefined;
    const heightAfter = remaining + opcode.pushes;
    if (heightAfter > MACHINE_LIMITS.frameSlots) return undefined;
    if (heightAfter > highest) highest = heightAfter;
    const operand = code[at + 1] ?? 0;
    switch (opcode.flow) {
      case "end":
        break;
      case "jump":
        if (!reach(operand, heightAfter)) return undefined;
        break;
      case "branch":
        if (!reach(operand, heightAfter) || !reach(pc + 1, heightAfter)) return undefined;
        break;
      case "match": {
        // Several instructions may use one table. The arms of a table are visited only once.
        const knownHeight = tableHeights[operand];
        if (knownHeight === heightAfter) break;
        if (knownHeight !== undefined) return undefined;
        tableHeights[operand] = heightAfter;
        if (!(matchTables[operand] ?? []).every((arm) => reach(arm.target, heightAfter))) return undefined;
        break;
      }
      case undefined:
        if (!reach(pc + 1, heightAfter)) return undefined;
    }
  }
  return { heights, highest };
}
