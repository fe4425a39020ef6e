/** The jump tables of matches have the same arms as a search from the first arm on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { MatchArm } from "../../../vm/bytecode/module.ts";
import { MATCH_TAGS } from "../../../vm/bytecode/tags.ts";
import { UNITS_PER_STEP } from "../../../vm/cost.ts";
import { MATCH_TABLE_HEADER, matchTableLength, writeMatchTable } from "../../../vm/interpreter/match-tables.ts";
import { scaledRuns } from "../../cases.ts";

const ENTRY = 1_000;
const PADDING = 3;
const MAX_TAG = 40;

/** Returns the target in the table of a match tag: 0 if it has to be searched for. */
function lookUp(code: Int32Array, tag: number): number {
  const at = PADDING + MATCH_TABLE_HEADER + (tag >= (code[PADDING] ?? 0) ? MATCH_TAGS.any : tag);
  return code[at] ?? 0;
}

const arms = fc.array(fc.record({ tag: fc.integer({ min: -7, max: MAX_TAG }), target: fc.nat(500) }), { maxLength: 30 });

test("a tag has the target of the first arm that matches, or is searched for", () => {
  fc.assert(
    fc.property(arms, (table) => {
      const code = new Int32Array(PADDING + matchTableLength(table) + PADDING);
      writeMatchTable(code, PADDING, table, ENTRY);
      for (let tag = MATCH_TAGS.Err; tag <= MAX_TAG + 2; tag++) {
        const arm = table.find((other) => other.tag === tag || other.tag === MATCH_TAGS.any);
        const found = lookUp(code, tag);
        if (found !== 0) expect(found).toBe(ENTRY + (arm?.target ?? Number.NaN));
        else if (arm !== undefined) expect(code[PADDING], "only a sparse table is not used").toBe(0);
      }
      expect([...code.slice(0, PADDING), ...code.slice(-PADDING)]).toEqual(Array<number>(2 * PADDING).fill(0));
    }),
    { numRuns: scaledRuns(500) },
  );
});

test("an arm after so many others that skipping them costs a step is searched for", () => {
  const table: MatchArm[] = Array.from({ length: UNITS_PER_STEP + 2 }, (_, i) => ({ tag: i, target: i }));
  const code = new Int32Array(PADDING + matchTableLength(table));
  writeMatchTable(code, PADDING, table, ENTRY);
  expect(lookUp(code, UNITS_PER_STEP - 1)).toBe(ENTRY + UNITS_PER_STEP - 1);
  expect(lookUp(code, UNITS_PER_STEP)).toBe(0);
});
