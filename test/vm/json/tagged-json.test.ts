import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, type JsonData, parseJson } from "../../../vm/json/json.ts";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { JSON_LEVELS_PER_VALUE, taggedJsonText, valueFromTaggedJson, valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  FloatValue,
  FnRefValue,
  NONE,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { DEEP, deepValue, errorKind, anyInt, anyUtf16, anyValue } from "../arbitrary.ts";

const written = (v: Value): string => canonicalJson(valueToTaggedJson(v));
const maxDepth = JSON_LEVELS_PER_VALUE * (MACHINE_LIMITS.valueDepth + 1);
const read = (text: string): Value => valueFromTaggedJson(parseJson(text, { maxDepth }));

test.each<[Value, string]>([
  [UNIT, '"Unit"'],
  [NONE, '"None"'],
  [true, '{"Bool":true}'],
  [-9223372036854775808n, '{"Int":-9223372036854775808}'],
  [new FloatValue(1.5), '{"Float":1.5}'],
  [new FloatValue(-0), '{"Float":-0.0}'],
  [new FloatValue(Number.NaN), '{"Float":"NaN"}'],
  [new FloatValue(Number.NEGATIVE_INFINITY), '{"Float":"-inf"}'],
  ["x", '{"String":"x"}'],
  [new SomeValue(1), '{"Some":{"Int":1}}'],
  [RecordValue.of(0, [1, "a"]), '{"Record":{"fields":[{"Int":1},{"String":"a"}],"type_id":0}}'],
  [new EnumValue(0, 1, UNIT), '{"Enum":{"payload":"Unit","type_id":0,"variant":1}}'],
  [ListValue.of([1]), '{"List":[{"Int":1}]}'],
  [MapValue.from([["__proto__", 1]]), '{"Map":{"__proto__":{"Int":1}}}'],
  [new ActorIdValue(2n ** 64n - 1n), '{"ActorId":18446744073709551615}'],
  [new FnRefValue(3), '{"FnRef":3}'],
])("%#", (v, text) => {
  expect(written(v)).toBe(text);
  expect(taggedJsonText(v)).toBe(text);
  expect(read(text)).toEqual(v);
  expect(written(read(text))).toBe(text);
});

test("an integer is read as a Float", () => {
  expect(read('{"Float":1}')).toEqual(new FloatValue(1));
});

describe("round trips", () => {
  test("all values", () => {
    fc.assert(
      fc.property(anyValue, (v) => {
        const text = written(v);
        expect(read(text)).toEqual(v);
        expect(written(read(text))).toBe(text);
      }),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test("all 64-bit integers", () => {
    fc.assert(
      fc.property(anyInt, (n) => {
        expect(read(written(n))).toBe(n);
      }),
      { numRuns: scaledRuns(2_000) },
    );
  });
});

test.each([
  "null",
  "1",
  '"unit"',
  "{}",
  '{"Int":1.0}',
  '{"Int":9223372036854775808}',
  '{"Int":-9223372036854775809}',
  '{"Int":"1"}',
  '{"Float":"nan"}',
  '{"Float":null}',
  '{"Bool":1}',
  '{"String":null}',
  '{"Int":1,"Bool":true}',
  '{"Record":{"fields":[]}}',
  '{"Record":{"fields":[],"type_id":0,"more":1}}',
  '{"Record":{"fields":[],"type_id":-1}}',
  '{"Record":{"fields":{},"type_id":0}}',
  '{"Enum":{"type_id":0,"variant":4294967296,"payload":"Unit"}}',
  '{"List":{}}',
  '{"Map":[]}',
  '{"ActorId":-1}',
  '{"ActorId":18446744073709551616}',
  '{"FnRef":4294967296}',
  '{"Some":null}',
  '{"__proto__":1}',
  '{"toString":1}',
])("refuses %s", (text) => {
  expect(errorKind(() => read(text))).toBe("value.form");
});

test("any JSON is a value or throws value.form", () => {
  const tag = fc.constantFrom("Int", "Float", "Some", "List", "Map", "Record", "Enum", "FnRef", "ActorId", "x");
  const data = fc.letrec<{ tree: JsonData }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("Unit", "None", null),
      anyInt,
      anyUtf16,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.tuple(tag, tie("tree")).map(([name, inner]) => new Map([[name, inner]])),
      fc.tuple(tie("tree"), tie("tree"), tie("tree")).map(
        ([a, b, c]) =>
          new Map([
            ["type_id", a],
            ["variant", b],
            ["payload", c],
          ]),
      ),
    ),
  })).tree;
  fc.assert(
    fc.property(data, (d) => {
      expect([undefined, "value.form"]).toContain(errorKind(() => valueFromTaggedJson(d)));
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

describe("the text of a value that is written without a tree", () => {
  test("is that of its tree", () => {
    const manyValues = fc
      .tuple(fc.nat(3_000), anyValue)
      .map(([length, part]) => ListValue.of(Array.from({ length }, (_, i) => RecordValue.of(i, [part]))));
    fc.assert(
      fc.property(fc.oneof(anyValue, manyValues), (v) => taggedJsonText(v) === written(v)),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test("has the keys of maps in the order of their UTF-8 bytes", () => {
    const keys = fc.uniqueArray(fc.constantFrom("", "a", "Z", "é", "\uffff", "\u{1f600}", "\ue000", "\u{10ffff}", '"', "\n"));
    fc.assert(
      fc.property(keys, (names) => {
        const map = MapValue.from(names.map((name) => [name, name]));
        return taggedJsonText(map) === written(map);
      }),
    );
  });

  test.each([
    new ClosureValue(0, [1]),
    deepValue(DEEP, (inner) => new SomeValue(inner)),
    deepValue(60, (inner) => ListValue.of([inner, inner])),
  ])("throws the same error: %#", (v) => {
    const kind = errorKind(() => valueToTaggedJson(v));
    expect(kind).toMatch(/^value\./);
    expect(errorKind(() => taggedJsonText(v))).toBe(kind);
  });
});

describe("limits", () => {
  const nested = (depth: number): Value => deepValue(depth, (inner) => new SomeValue(inner));

  test("just inside, just over, far beyond", () => {
    const inside = nested(MACHINE_LIMITS.valueDepth);
    expect(read(written(inside))).toBeInstanceOf(SomeValue);
    expect(errorKind(() => valueToTaggedJson(nested(MACHINE_LIMITS.valueDepth + 1)))).toBe("value.too_deep");
    expect(errorKind(() => valueToTaggedJson(nested(DEEP)))).toBe("value.too_deep");
    expect(errorKind(() => valueToTaggedJson(deepValue(DEEP, (inner) => ListValue.of([inner]))))).toBe("value.too_deep");
    let data: JsonData = "Unit";
    for (let i = 0; i < DEEP; i++) data = new Map([["Some", data]]);
    expect(errorKind(() => valueFromTaggedJson(data))).toBe("value.too_deep");
    expect(errorKind(() => valueFromTaggedJson(parseJson('{"Some":{"Some":"Unit"}}'), { maxDepth: 1 }))).toBe("value.too_deep");
  });

  test("a small value that is huge as JSON", () => {
    expect(errorKind(() => valueToTaggedJson(deepValue(60, (inner) => ListValue.of([inner, inner]))))).toBe("value.too_large");
    const long = "x".repeat(2 ** 20);
    expect(errorKind(() => valueToTaggedJson(ListValue.of(Array.from({ length: 65 }, () => long))))).toBe("value.too_large");
    expect(errorKind(() => valueToTaggedJson(ListValue.of(Array.from({ length: 64 }, () => long))))).toBeUndefined();
  });

  test("a closure is refused", () => {
    expect(errorKind(() => valueToTaggedJson(ListValue.of([new ClosureValue(0, [1])])))).toBe("value.not_portable");
  });
});
