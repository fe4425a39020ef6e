import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { floatToText, textForm, typedText } from "../../../vm/value/display.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { DEEP, deepValue, anyValue } from "../arbitrary.ts";

describe("floatToText", () => {
  test.each<[number, string]>([
    [1, "1"],
    [1.5, "1.5"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e21, "1000000000000000000000"],
    [1.5e21, "1500000000000000000000"],
    [1.2345678901e25, "12345678901000000000000000"],
    [1e-7, "0.0000001"],
    [-1.25e-7, "-0.000000125"],
    [-1e300, `-1${"0".repeat(300)}`],
    [5e-324, `0.${"0".repeat(323)}5`],
    [Number.MAX_VALUE, `17976931348623157${"0".repeat(292)}`],
    [0, "0"],
    [-0, "-0"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [Number.NaN, "NaN"],
  ])("%d", (number, text) => {
    expect(floatToText(number)).toBe(text);
  });

  test("has no exponent and reads back the same", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = floatToText(number);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Object.is(Number(text), number)).toBe(true);
      }),
      { numRuns: scaledRuns(2_000) },
    );
  });
});

test.each<[Value, string]>([
  [UNIT, "()"],
  [true, "true"],
  [42, "42"],
  [-9223372036854775808n, "-9223372036854775808"],
  [new FloatValue(1), "1"],
  ['a"b\n', '"a"b\n"'],
  [NONE, "None"],
  [new SomeValue(new OkValue(new ErrValue(1))), "Some(Ok(Err(1)))"],
  [RecordValue.of(0, [1, "a"]), 'Record#0{1, "a"}'],
  [RecordValue.of(2, []), "Record#2{}"],
  [new EnumValue(0, 1, 5), "Enum#0::1(5)"],
  [new EnumValue(65_534, 1, 5), "Enum#65534::1(5)"],
  [ListValue.of([1, ListValue.EMPTY, 2]), "[1, [], 2]"],
  [
    MapValue.from([
      ["b", 1],
      ["a", MapValue.EMPTY],
    ]),
    "{a: {}, b: 1}",
  ],
  [new ActorIdValue(1), "Actor#1"],
  [new FnRefValue(2), "Fn#2"],
  [new ClosureValue(2, [1]), "Fn#2"],
])("textForm %#", (v, text) => {
  expect(textForm(v)).toBe(text);
});

const TYPES: readonly TypeDef[] = [
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
      { name: "Circle", type: "Int" },
      { name: "Named", type: "Shape::Named" },
      { name: "Empty", type: null },
      { name: "At", type: "Point" },
    ],
  },
  { name: "Shape::Named", kind: "record", fields: [{ name: "x", type: "Int" }] },
  { name: "Nothing", kind: "record", fields: [] },
];

test.each<[Value, string]>([
  [RecordValue.of(0, [1, 2]), "Point { x: 1, y: 2 }"],
  [RecordValue.of(3, []), "Nothing {}"],
  [new EnumValue(1, 0, 5), "Shape::Circle(5)"],
  [new EnumValue(1, 1, RecordValue.of(2, [1])), "Shape::Named { x: 1 }"],
  [new EnumValue(1, 2, UNIT), "Shape::Empty"],
  [new EnumValue(1, 3, RecordValue.of(0, [1, 2])), "Shape::At(Point { x: 1, y: 2 })"],
  [ListValue.of([RecordValue.of(0, [1, "a"])]), '[Point { x: 1, y: "a" }]'],
  [new EnumValue(65_534, 1, 5), "Some(5)"],
  [new EnumValue(65_534, 0, UNIT), "None"],
  [new EnumValue(65_533, 0, 5), "Ok(5)"],
  [new EnumValue(65_533, 1, 5), "Err(5)"],
  [new EnumValue(65_533, 2, 5), "Enum#65533::2(5)"],
  [RecordValue.of(0, [1]), "Record#0{1}"],
  [RecordValue.of(1, [1]), "Record#1{1}"],
  [new EnumValue(0, 0, 1), "Enum#0::0(1)"],
  [new EnumValue(1, 9, 1), "Enum#1::9(1)"],
])("typedText %#", (v, text) => {
  expect(typedText(v, undefined, TYPES)).toBe(text);
});

test("without types the typed text is the text form, except for options and results of older modules", () => {
  fc.assert(
    fc.property(anyValue, (v) => {
      expect(typedText(v, { kind: "primitive", name: "Json" }, [])).toBe(textForm(v));
    }),
  );
});

describe("limits", () => {
  test("deep values are cut, not followed", () => {
    const text = textForm(deepValue(DEEP, (inner) => new SomeValue(inner)));
    expect(text).toBe(`${"Some(".repeat(MACHINE_LIMITS.valueDepth)}…${")".repeat(MACHINE_LIMITS.valueDepth)}`);
  });

  test("huge text is cut", () => {
    const text = textForm(deepValue(60, (inner) => ListValue.of([inner, inner])));
    expect(text.length).toBe(MACHINE_LIMITS.displayTextUnits + 1);
    expect(text.endsWith("…")).toBe(true);
  });

  test("a cut does not split a character", () => {
    const half = `${"x".repeat(MACHINE_LIMITS.displayTextUnits - 2)}\u{1f600}`;
    expect(textForm(half)).toBe(`"${half.slice(0, -2)}…`);
  });
});
