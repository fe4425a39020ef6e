/** The fast conversions of `json.from` and `json.to` give the same as the exact ones, for the same charge and with the same traps. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { jsonFromValue, jsonFromValueExactly, valueFromJson, valueFromJsonExactly } from "../../../vm/builtins/json-conversion.ts";
import { readUsualJson } from "../../../vm/builtins/json-reader.ts";
import { convertUsual } from "../../../vm/builtins/json-usual.ts";
import { taggedJsonText } from "../../../vm/json/tagged-json.ts";
import { MachineTrap, Meter } from "../../../vm/meter.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { EnumValue, FloatValue, NONE, RecordValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { anyFloat, anyInt, anyText, anyValue } from "../arbitrary.ts";

const field = (name: string, type: string): { name: string; type: string } => ({ name, type });
const TYPES: readonly TypeDef[] = [
  { kind: "record", name: "Item", fields: [field("sku", "String"), field("count", "Int"), field("price", "Float")] },
  { kind: "record", name: "Order", fields: [field("paid", "Bool"), field("note", "Option<String>"), field("items", "List<Item>")] },
  { kind: "record", name: "(,)", fields: [field("0", "Int"), field("1", "State")] },
  {
    kind: "enum",
    name: "State",
    variants: [
      { name: "Open", type: null },
      { name: "Held", type: "Order" },
      { name: "Ended", type: "Int" },
    ],
  },
  { kind: "record", name: "Tree", fields: [field("left", "Option<Tree>"), field("at", "Unit"), field("by", "Map<String, Tree>")] },
  { kind: "record", name: "Box", params: ["T"], fields: [field("value", "T"), field("more", "List<Box<T>>")] },
  { kind: "record", name: "Empty", fields: [] },
  {
    kind: "record",
    name: "Odd",
    fields: [field("json", "Json"), field("result", "Result<Int, String>"), field("deep", "Option<Option<Int>>")],
  },
];

const record = (id: number, ...fields: readonly fc.Arbitrary<Value>[]): fc.Arbitrary<Value> =>
  fc.tuple(...fields).map((values) => RecordValue.of(id, values));
const optionOf = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.option(value, { nil: undefined }).map((inner) => (inner === undefined ? NONE : new SomeValue(inner)));
const listOf = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value> => fc.array(value, { maxLength: 5 }).map((items) => ListValue.of(items));
const mapOf = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.array(fc.tuple(anyText, value), { maxLength: 12 }).map((entries) => MapValue.from(entries));

const item = record(0, anyText, anyInt, anyFloat);
const order = record(1, fc.boolean(), optionOf(anyText), listOf(item));
const state = fc.oneof(
  fc.constant(new EnumValue(3, 0, UNIT)),
  order.map((value) => new EnumValue(3, 1, value)),
  anyInt.map((value) => new EnumValue(3, 2, value)),
);
const { tree, box } = fc.letrec<{ tree: Value; box: Value }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constant(RecordValue.of(4, [NONE, UNIT, MapValue.EMPTY])),
    record(4, optionOf(tie("tree")), fc.constant(UNIT), mapOf(tie("tree"))),
  ),
  box: fc.oneof({ maxDepth: 5 }, record(5, anyInt, fc.constant(ListValue.EMPTY)), record(5, anyInt, listOf(tie("box")))),
}));
const TYPED_VALUES: readonly (readonly [type: string, value: fc.Arbitrary<Value>])[] = [
  ["Int", anyInt],
  ["Item", item],
  ["List<Order>", listOf(order)],
  ["(Int, State)", record(2, anyInt, state)],
  ["Map<String, State>", mapOf(state)],
  ["Option<Tree>", optionOf(tree)],
  ["Box<Int>", box],
  ["Empty", record(6)],
  ["Odd", record(7, anyInt, anyInt, anyInt)],
];

/** Returns everything that a conversion lets a program see. */
function seen(convert: (meter: Meter) => Value, meter: Meter): unknown {
  try {
    return [taggedJsonText(convert(meter)), meter.steps, meter.allocBytes];
  } catch (error) {
    if (error instanceof MachineTrap) return [error.kind, error.message, meter.steps, meter.allocBytes];
    throw error;
  }
}

/** Limits that the conversion may or may not exceed. */
const limits = fc.tuple(fc.oneof(fc.constant(1e9), fc.nat(20)), fc.oneof(fc.constant(1e9), fc.nat(4_000)));
const meterOf = ([steps, bytes]: readonly [number, number]): Meter => new Meter(steps, bytes);

test.each(TYPED_VALUES)("converts a value of %s as the exact conversion does", (type, value) => {
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: value }, anyValue), limits, (data, limit) => {
      const exact = seen((meter) => jsonFromValueExactly(meter, TYPES, data, type), meterOf(limit));
      expect(seen((meter) => jsonFromValue(meter, TYPES, data, type), meterOf(limit))).toEqual(exact);
    }),
    { numRuns: scaledRuns(5_000) },
  );
});

test.each(TYPED_VALUES)("reads a value of %s as the exact conversion does", (type, value) => {
  const json = value.map((data) => jsonFromValueExactly(meterOf([1e9, 1e9]), TYPES, data, type));
  const anyJson = fc.jsonValue().map((data) => readUsualJson(JSON.stringify(data))?.value ?? UNIT);
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: json }, anyJson, anyValue), limits, (data, limit) => {
      const exact = seen((meter) => valueFromJsonExactly(meter, TYPES, data, type), meterOf(limit));
      expect(seen((meter) => valueFromJson(meter, TYPES, data, type), meterOf(limit))).toEqual(exact);
    }),
    { numRuns: scaledRuns(5_000) },
  );
});

test("usual data takes the fast conversion, and unusual data does not", () => {
  const isFast = (value: Value, type: string, direction: "from" | "to"): boolean =>
    convertUsual(meterOf([1e9, 1e9]), TYPES, value, type, direction) !== undefined;
  const one = RecordValue.of(0, ["a", 1, new FloatValue(1.5)]);
  const json = MapValue.from([
    ["sku", "a"],
    ["extra", 1],
    ["count", 1],
    ["price", 2],
  ]);
  expect(isFast(ListValue.of([one, one]), "List<Item>", "from")).toBe(true);
  expect(isFast(ListValue.of([json]), "List<Item>", "to")).toBe(true);
  expect(
    isFast(
      MapValue.from([
        ["paid", true],
        ["items", ListValue.EMPTY],
      ]),
      "Order",
      "to",
    ),
  ).toBe(true);
  expect(isFast(RecordValue.of(7, [1, 1, 1]), "Odd", "from")).toBe(false);
  expect(isFast(MapValue.EMPTY, "Item", "to")).toBe(false);
  expect(isFast(ListValue.of(Array.from({ length: 600_000 }, () => 1)), "List<Int>", "to")).toBe(false);
  let deep: Value = RecordValue.of(4, [NONE, UNIT, MapValue.EMPTY]);
  for (let i = 0; i < 300; i++) deep = RecordValue.of(4, [new SomeValue(deep), UNIT, MapValue.EMPTY]);
  expect(isFast(deep, "Tree", "from")).toBe(false);
});
