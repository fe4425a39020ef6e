/**
 * The jump tables of the register op `match`. They are in the same array as the ops. A table has the target of each match tag, in this order:
 *
 *     index     first   +1 to +5                    +6 and on
 *     content   size    Err, Ok, Some, None, any    tags 0 to size - 1; at least false and true
 *
 * A target is the index of an op, or 0 if `matchTarget` has to find it: no arm matches, or skipping arms costs a step. A tag that is not
 * in the table has the target of `any`.
 */
import type { MatchArm } from "../bytecode/module.ts";
import { MATCH_TAGS } from "../bytecode/tags.ts";
import { UNITS_PER_STEP } from "../cost.ts";

/** The distance between the start of a table and the target of tag 0. */
export const MATCH_TABLE_HEADER = 6;
/** The number of special tags, all of which are negative. */
const SPECIAL_TAGS = MATCH_TABLE_HEADER - 1;
/** Every table that is used has the targets of at least two tags from 0 on, those of false and true. */
const MIN_SIZE = 2;

/** Returns how many tags from 0 on the table has. 0 if the tags of the arms are so sparse that the table would be large. */
function tagCount(arms: readonly MatchArm[]): number {
  let count = MIN_SIZE;
  for (const { tag } of arms) count = Math.max(count, tag + 1);
  return count <= MIN_SIZE + 4 * arms.length ? count : 0;
}

/** Returns how many numbers the table of a match takes. */
export const matchTableLength = (arms: readonly MatchArm[]): number => MATCH_TABLE_HEADER + Math.max(MIN_SIZE, tagCount(arms));

/** Writes the table of a match at an index of `code`. `entry` is the index of the function's first op. */
export function writeMatchTable(code: Int32Array, at: number, arms: readonly MatchArm[], entry: number): void {
  const size = tagCount(arms);
  if (size === 0) return;
  code[at] = size;
  const first = at + MATCH_TABLE_HEADER;
  const cheapArms = arms.slice(0, UNITS_PER_STEP);
  const lastArm = cheapArms.findIndex(({ tag }) => tag === MATCH_TAGS.any);
  const other = cheapArms[lastArm];
  if (other !== undefined) code.fill(entry + other.target, at + 1, first + size);
  for (let i = (lastArm < 0 ? cheapArms.length : lastArm) - 1; i >= 0; i--) {
    const arm = cheapArms[i];
    if (arm !== undefined && arm.tag >= -SPECIAL_TAGS) code[first + arm.tag] = entry + arm.target;
  }
}
