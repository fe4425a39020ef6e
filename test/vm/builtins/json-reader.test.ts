/** The fast reader of `json.parse` gives the same values as the exact one, for the same charge, or gives up. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseExactly } from "../../../vm/builtins/json-code.ts";
import { readUsualJson } from "../../../vm/builtins/json-reader.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import { Meter } from "../../../vm/meter.ts";
import { OkValue, type Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";

const show = (value: Value): string => canonicalJson(valueToTaggedJson(value));

/** Expects the same from both readers. Returns whether the fast one gave up. */
function compareReaders(text: string): boolean {
  const usual = readUsualJson(text);
  const meter = new Meter(1e9, 1e9);
  const exact = parseExactly(meter, text, Number.POSITIVE_INFINITY);
  if (usual === undefined) return true;
  expect(show(new OkValue(usual.value))).toBe(show(exact));
  expect(usual.bytes).toBe(meter.allocBytes);
  // The exact reader needs exactly this many bytes: with one less, it fails.
  expect(parseExactly(new Meter(1e9, 1e9), text, usual.parserBytes)).toEqual(exact);
  if (usual.parserBytes > 0) expect(() => parseExactly(new Meter(1e9, 1e9), text, usual.parserBytes - 1)).toThrow("allocation limit");
  return false;
}

test.each([
  "null",
  ' [true, false , null, "", "a b", -0, 0, 7, -12, 1.5, -0.25] ',
  '{"b": {"c": [1, {"d": 2}]}, "a": "é\\n\\u0041\\ud83d\\ude00 \\ud800"}',
  '[{"b":1,"a":2},{"b":3,"a":4},{"b":5,"a":6},{"b":7},{"a":8,"b":9},{"b":[{"b":1,"a":2}],"a":0},{}]',
  '[{"\\"":1,"é":2},{"\\"":3,"é":4},{"\\"":5, "é" : 6}, { "\\"":7,"\\u00e9":8}]',
  `[{${Array.from({ length: 200 }, (_, i) => `"k${i}":${i}`).join(",")}}]`,
  '{"k9": 0, "k8": 0, "k7": 0, "k6": 0, "k5": 0, "k4": 0, "k3": 0, "k2": 0, "k1": 0, "k0": 0}',
])("reads %j", (text) => expect(compareReaders(text)).toBe(false));

test.each([
  "",
  "[1,]",
  "{,}",
  '{"a" 1}',
  '"a',
  "01",
  "1e3",
  "12345678901234567890",
  '{"a": 1, "a": 2}',
  '[{"a":1},{"a":1},{"a":1,"a":2}]',
  '[{"a":1},{"a":1},{"a"b":1}]',
  `{${'"a":1,'.repeat(200)}"a":2}`,
  "[1] 2",
  '"\\x"',
  "-",
  "1.",
  "tru",
])("gives up on %j", (text) => expect(compareReaders(text)).toBe(true));

test("reads any JSON as the exact reader does", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(4), (data, indent) => {
      compareReaders(JSON.stringify(data, undefined, indent));
    }),
    { numRuns: scaledRuns(2_000) },
  );
});

test("reads any list of objects with the same keys as the exact reader does", () => {
  const keys = fc.uniqueArray(fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('"', "\\", "\n", "é")), { maxLength: 10 });
  fc.assert(
    fc.property(
      keys,
      fc.array(fc.oneof(fc.nat(), fc.string()), { maxLength: 12 }),
      fc.constantFrom(undefined, 1),
      (names, values, indent) => {
        const objects = values.map((value) => Object.fromEntries(names.map((name) => [name, value])));
        expect(compareReaders(JSON.stringify(objects, undefined, indent))).toBe(false);
      },
    ),
    { numRuns: scaledRuns(2_000) },
  );
});

test("both readers read damaged JSON alike, or the fast one gives up", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), fc.string({ maxLength: 2 }), (data, position, piece) => {
      const text = JSON.stringify(data);
      const at = position % (text.length + 1);
      compareReaders(text.slice(0, at) + piece + text.slice(at + 1));
    }),
    { numRuns: scaledRuns(4_000) },
  );
});
