import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstDifference } from "../../../replay/report/value-difference.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import { EnumValue, FloatValue, NONE, OkValue, RecordValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { anyValue } from "../values.ts";

const list = (...items: Value[]): Value => ListValue.of(items);

describe("the first difference of two values", () => {
  const types: readonly TypeDef[] = [
    {
      name: "Point",
      kind: "record",
      fields: [
        { name: "x", type: "Int" },
        { name: "y", type: "Int" },
      ],
    },
    {
      name: "Shape",
      kind: "enum",
      variants: [
        { name: "Dot", type: "Point" },
        { name: "None", type: null },
      ],
    },
  ];

  test.each<[string, Value, Value, string]>([
    ["an Int is not a Float", 1, new FloatValue(1), "v"],
    ["a small Int is not a String", 1, "1", "v"],
    ["0.0 is not -0.0", new FloatValue(0), new FloatValue(-0), "v"],
    ["inside a list", list(1, 2, 3), list(1, 9, 8), "v[1]"],
    ["a list's end", list(1, 2), list(1, 2, 3), "v[2]"],
    [
      "a key",
      MapValue.from([
        ["a", 1],
        ["b\n", 2],
      ]),
      MapValue.from([
        ["a", 1],
        ["b\n", 3],
      ]),
      'v["b\\n"]',
    ],
    [
      "a key of one side alone",
      MapValue.from([["b", 1]]),
      MapValue.from([
        ["a", 1],
        ["b", 2],
      ]),
      'v["a"]',
    ],
    ["a record's field by its name", RecordValue.of(0, [1, 2]), RecordValue.of(0, [1, 3]), "v.y"],
    ["another record type", RecordValue.of(0, [1]), RecordValue.of(1, [1]), "v"],
    ["a variant's payload", new EnumValue(1, 0, RecordValue.of(0, [1, 2])), new EnumValue(1, 0, RecordValue.of(0, [4, 2])), "v.Dot.x"],
    ["another variant", new EnumValue(1, 0, UNIT), new EnumValue(1, 1, UNIT), "v"],
    ["Some against None", new SomeValue(1), NONE, "v"],
    ["wrapped", new SomeValue(new OkValue(list(true))), new SomeValue(new OkValue(list(false))), "v.some.ok[0]"],
  ])("%s", (_name, a, b, path) => {
    expect(firstDifference(a, b, "v", types)?.path).toBe(path);
    expect(firstDifference(a, a, "v", types)).toBeUndefined();
  });

  test("NaN equals itself", () => {
    expect(firstDifference(new FloatValue(Number.NaN), new FloatValue(Number.NaN), "v")).toBeUndefined();
  });

  test("a value nested ten thousand deep", () => {
    const deep = (leaf: Value): Value => {
      let value = leaf;
      for (let i = 0; i < 10_000; i++) value = new SomeValue(value);
      return value;
    };
    expect(firstDifference(deep(1), deep(1), "v")).toBeUndefined();
    expect(firstDifference(deep(1), deep(2), "v")?.path).toHaveLength(1 + 10_000 * ".some".length);
  });

  test("agrees with the canonical JSON, for any two values", () => {
    fc.assert(
      fc.property(anyValue, anyValue, (a, b) => {
        const same = canonicalJson(valueToTaggedJson(a)) === canonicalJson(valueToTaggedJson(b));
        expect(firstDifference(a, b, "v") === undefined).toBe(same);
        expect(firstDifference(a, a, "v")).toBeUndefined();
      }),
    );
  });
});
