import { expect, test } from "vitest";
import { BEHAVIOR_FLAGS, flagsFromJson } from "../../../replay/log/behavior-flags.ts";
import { BorunaError } from "../../../vm/error.ts";
import type { JsonData } from "../../../vm/json/json.ts";

const KNOWN = new Map([
  [1, "the first change"],
  [2, "the second"],
]);

function readFlags(flags: readonly JsonData[]): unknown {
  try {
    return flagsFromJson(flags, KNOWN);
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
}

test.each([[[]], [[1]], [[2]], [[1, 2]]])("%j are known flags", (flags) => {
  expect(readFlags(flags)).toEqual(flags);
});

test.each<[string, JsonData[]]>([
  ["log.flag", [3]],
  ["log.flag", [1, 2, 3]],
  ["log.form", [2, 1]],
  ["log.form", [1, 1]],
  ["log.form", [0]],
  ["log.form", [-1]],
  ["log.form", ["1"]],
  ["log.form", [null]],
])("%s: %j", (kind, flags) => {
  expect(readFlags(flags)).toBe(kind);
});

test("flags are numbered from 1, without a gap", () => {
  expect([...BEHAVIOR_FLAGS.keys()]).toEqual(Array.from(BEHAVIOR_FLAGS, (_, i) => i + 1));
});
