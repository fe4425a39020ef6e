/** The fast writer of `json.stringify` gives the same text as the exact one, for the same charge, or gives up. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { stringifyExactly } from "../../../vm/builtins/json-code.ts";
import { readUsualJson } from "../../../vm/builtins/json-reader.ts";
import { writeUsualJson } from "../../../vm/builtins/json-writer.ts";
import { BYTES } from "../../../vm/cost.ts";
import { Meter } from "../../../vm/meter.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { FloatValue, SomeValue, type Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";

/** Expects the same from both writers. Returns whether the fast one gave up. */
function compareWriters(value: Value): boolean {
  const usual = writeUsualJson(value, 1e9);
  if (usual === undefined) return true;
  const meter = new Meter(1e9, 1e9);
  expect(usual.text).toBe(stringifyExactly(meter, value));
  expect(usual.steps).toBe(meter.steps);
  expect(usual.bytes + BYTES.stringHeader).toBe(meter.allocBytes);
  return false;
}

const nested = (depth: number): Value => (depth === 0 ? ListValue.EMPTY : ListValue.of([nested(depth - 1)]));

test.each<[string, Value]>([
  ["a negative zero", new FloatValue(-0)],
  ["a Float without JSON", new FloatValue(Number.NaN)],
  ["a wide Int", 2n ** 62n],
  ["an empty list", ListValue.EMPTY],
  ["a long list", ListValue.of(Array.from({ length: 20_000 }, (_, i) => (i % 3 === 0 ? "\u0000é😀" : i)))],
  ["200 levels", nested(199)],
])("writes %s", (_name, value) => expect(compareWriters(value)).toBe(false));

test.each<[string, Value]>([
  ["an Option", new SomeValue(1)],
  ["a list with an Option", ListValue.of([1, new SomeValue(1)])],
  ["many levels", nested(300)],
  ["a long text", "x".repeat(2 ** 20 + 1)],
  ["a text of long pieces", ListValue.of(Array.from({ length: 3 }, () => "x".repeat(2 ** 19)))],
])("gives up on %s", (_name, value) => expect(compareWriters(value)).toBe(true));

test("writes any Json as the exact writer does", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (data) => {
      const usual = readUsualJson(JSON.stringify(data));
      if (usual !== undefined) expect(compareWriters(usual.value)).toBe(false);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});
