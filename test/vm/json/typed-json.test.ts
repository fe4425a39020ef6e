import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonFromValue, valueFromJson } from "../../../vm/builtins/json-conversion.ts";
import { canonicalJson, type JsonData, parseJson } from "../../../vm/json/json.ts";
import { Meter } from "../../../vm/meter.ts";
import { MACHINE_LIMITS } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { TypeDef } from "../../../vm/bytecode/module.ts";
import { jsonFromJs, jsonToJs } from "../../../vm/json/js-interop.ts";
import { valueFromTypedJson, valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { matchesType } from "../../../vm/value/matches-type.ts";
import { parseType } from "../../../vm/value/type.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
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
import { DEEP } from "../../cases.ts";
import { DEEP as NESTING, deepValue, errorKind, anyFloat, anyInt, anyJson, anyText } from "../arbitrary.ts";

const unlimited = (): Meter => new Meter(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

const TYPES: readonly TypeDef[] = [
  {
    name: "Point",
    kind: "record",
    fields: [
      { name: "x", type: "Int" },
      { name: "y", type: "Float" },
    ],
  },
  {
    name: "Shape",
    kind: "enum",
    variants: [
      { name: "Circle", type: "Float" },
      { name: "Named", type: "Shape::Named" },
      { name: "Empty", type: null },
    ],
  },
  { name: "Shape::Named", kind: "record", fields: [{ name: "x", type: "Int" }] },
  {
    name: "Node",
    kind: "record",
    fields: [
      { name: "value", type: "T" },
      { name: "next", type: "Option<Node<T>>" },
    ],
    params: ["T"],
  },
  {
    name: "Either",
    kind: "enum",
    variants: [
      { name: "Left", type: "A" },
      { name: "Right", type: "Either::Right<A, B>" },
    ],
    params: ["A", "B"],
  },
  {
    name: "Either::Right",
    kind: "record",
    fields: [
      { name: "b", type: "List<B>" },
      { name: "a", type: "A" },
    ],
    params: ["A", "B"],
  },
  { name: "Odd", kind: "record", fields: [{ name: "f", type: "<<" }] },
  { name: "Nest", kind: "record", fields: [{ name: "inner", type: "Option<Nest<Result<T, T>>>" }], params: ["T"] },
  {
    name: "(,)",
    kind: "record",
    fields: [
      { name: "0", type: "A" },
      { name: "1", type: "B" },
    ],
    params: ["A", "B"],
  },
  {
    name: "Op",
    kind: "enum",
    variants: [
      { name: "Add", type: "Op::Add" },
      { name: "Pair", type: "(Op, Int)" },
      { name: "Nil", type: null },
    ],
  },
  {
    name: "Op::Add",
    kind: "record",
    fields: [
      { name: "0", type: "Int" },
      { name: "1", type: "Op" },
    ],
  },
];

/** `foreign` is the form of `json.from` and `json.to` where it differs. */
const FORMS: readonly (readonly [type: string, value: Value, plain: string, foreign?: string])[] = [
  ["Int", 1, "1"],
  ["Int", 9223372036854775807n, "9223372036854775807"],
  ["Float", new FloatValue(1), "1.0"],
  ["Float", new FloatValue(Number.NaN), '"NaN"'],
  ["Float", new FloatValue(Number.NEGATIVE_INFINITY), '"-inf"'],
  ["String", "x", '"x"'],
  ["Bool", true, "true"],
  ["Unit", UNIT, "null"],
  ["Option<Int>", NONE, "null"],
  ["Option<Int>", new SomeValue(1), '{"some":1}', "1"],
  ["Option<Json>", new SomeValue(UNIT), '{"some":null}'],
  ["Option<Json>", new SomeValue(MapValue.from([["some", 1]])), '{"some":{"some":1}}'],
  ["Option<Option<Int>>", new SomeValue(NONE), '{"some":null}'],
  ["Option<Option<Int>>", new SomeValue(new SomeValue(1)), '{"some":{"some":1}}', '{"some":1}'],
  ["Result<Option<Int>, Option<String>>", new ErrValue(new SomeValue("x")), '{"err":{"some":"x"}}', '{"err":"x"}'],
  ["Map<String, Option<Bool>>", MapValue.from([["a", new SomeValue(true)]]), '{"a":{"some":true}}', '{"a":true}'],
  ["Either<Option<Int>, Int>", new EnumValue(4, 0, new SomeValue(1)), '{"Left":{"some":1}}', '{"Left":1}'],
  ["Option<Option<Unit>>", new SomeValue(NONE), '{"some":null}'],
  ["Option<Option<Unit>>", new SomeValue(new SomeValue(UNIT)), '{"some":{"some":null}}'],
  ["Result<Int, String>", new OkValue(1), '{"ok":1}'],
  ["Result<Int, String>", new ErrValue("no"), '{"err":"no"}'],
  ["List<Bool>", ListValue.of([true, false]), "[true,false]"],
  [
    "Map<String, Int>",
    MapValue.from([
      ["b", 1],
      ["__proto__", 2],
    ]),
    '{"__proto__":2,"b":1}',
  ],
  ["Point", RecordValue.of(0, [1, new FloatValue(2.5)]), '{"x":1,"y":2.5}'],
  ["Shape", new EnumValue(1, 0, new FloatValue(2)), '{"Circle":2.0}'],
  ["Shape", new EnumValue(1, 1, RecordValue.of(2, [7])), '{"Named":{"x":7}}'],
  ["Shape", new EnumValue(1, 2, UNIT), '"Empty"'],
  [
    "Node<Int>",
    RecordValue.of(3, [1, new SomeValue(RecordValue.of(3, [2, NONE]))]),
    '{"next":{"some":{"next":null,"value":2}},"value":1}',
    '{"next":{"next":null,"value":2},"value":1}',
  ],
  ["Either<Int, Shape>", new EnumValue(4, 0, 1), '{"Left":1}'],
  [
    "Either<Int, Shape>",
    new EnumValue(4, 1, RecordValue.of(5, [ListValue.of([new EnumValue(1, 2, UNIT)]), 3])),
    '{"Right":{"a":3,"b":["Empty"]}}',
  ],
  ["(Int, (String, Bool))", RecordValue.of(8, [1, RecordValue.of(8, ["a", true])]), '[1,["a",true]]'],
  ["Op", new EnumValue(9, 0, RecordValue.of(10, [1, new EnumValue(9, 2, UNIT)])), '{"Add":[1,"Nil"]}'],
  ["Op", new EnumValue(9, 1, RecordValue.of(8, [new EnumValue(9, 2, UNIT), 2])), '{"Pair":["Nil",2]}'],
  [
    "Json",
    MapValue.from([["a", ListValue.of([UNIT, true, 1, new FloatValue(1.5), "x", MapValue.EMPTY])]]),
    '{"a":[null,true,1,1.5,"x",{}]}',
  ],
];

const forms = FORMS.map(([type, value, plain, foreign]): [string, Value, string, string] => [type, value, plain, foreign ?? plain]);

describe("the forms", () => {
  test.each(forms)("%s %#", (typeText, value, plain) => {
    const type = parseType(typeText);
    expect(canonicalJson(valueToTypedJson(value, type, TYPES))).toBe(plain);
    expect(valueToTaggedJson(valueFromTypedJson(parseJson(plain), type, TYPES))).toEqual(valueToTaggedJson(value));
    expect(matchesType(value, type, TYPES)).toBe(true);
  });

  test.each(forms)("json.from and json.to have the same forms: %s %#", (typeText, value, _plain, foreign) => {
    const data = valueFromTypedJson(parseJson(foreign), parseType("Json"), TYPES);
    expect(valueToTaggedJson(jsonFromValue(unlimited(), TYPES, value, typeText))).toEqual(valueToTaggedJson(data));
    expect(valueToTaggedJson(valueFromJson(unlimited(), TYPES, data, typeText))).toEqual(valueToTaggedJson(new OkValue(value)));
  });

  test.each<[string, string, Value]>([
    ["Int", '"9223372036854775807"', 9223372036854775807n],
    ["Int", '"-12"', -12],
    ["Float", "3", new FloatValue(3)],
  ])("%s is read from %s too", (type, plain, value) => {
    expect(valueFromTypedJson(parseJson(plain), parseType(type), TYPES)).toEqual(value);
  });

  test.each<[Value, string]>([
    [new FnRefValue(2), '"Fn#2"'],
    [new ActorIdValue(3), "3"],
    [RecordValue.of(99, [1, "a"]), '[1,"a"]'],
    [new EnumValue(99, 2, 1), '{"2":1}'],
    [new EnumValue(65_534, 1, 5), '{"some":5}'],
    [new EnumValue(65_534, 0, UNIT), "null"],
    [new EnumValue(65_533, 1, 5), '{"err":5}'],
  ])("of a value without a type %#", (value, plain) => {
    expect(canonicalJson(valueToTypedJson(value, undefined, TYPES))).toBe(plain);
  });

  test("a closure is refused", () => {
    expect(errorKind(() => valueToTypedJson(ListValue.of([new ClosureValue(0, [])]), undefined, TYPES))).toBe("value.not_portable");
  });
});

/** What `json.to` returns where it is not the message for `--arg`. */
const FOREIGN_MESSAGES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['Point {"x":1,"y":2,"z":3}', new OkValue(RecordValue.of(0, [1, new FloatValue(2)]))],
  ["Option<Int> 1", new OkValue(new SomeValue(1))],
  ['Option<Int> {"some":1,"x":2}', new ErrValue("$: expected Int, found Object")],
  ['Node<Int> {"value":1,"next":{"some":{"value":"x","next":null}}}', new ErrValue("$.next: the field value of Node is missing")],
]);

test.each<[string, string, Value]>([
  ["Node<Int>", '{"value":1}', RecordValue.of(3, [1, NONE])],
  ["Node<Int>", '{"value":1,"next":null}', RecordValue.of(3, [1, NONE])],
  ["Node<Int>", '{"value":1,"next":{"value":2,"extra":[{}]}}', RecordValue.of(3, [1, new SomeValue(RecordValue.of(3, [2, NONE]))])],
  ["Node<Option<Int>>", "{}", RecordValue.of(3, [NONE, NONE])],
])("json.to reads %s of %s", (type, plain, value) => {
  const data = valueFromTypedJson(parseJson(plain), parseType("Json"), TYPES);
  expect(valueFromJson(unlimited(), TYPES, data, type)).toEqual(new OkValue(value));
});

test.each([
  ["Node<Int>", '{"next":null}', "$: the field value of Node is missing"],
  ["Node<Json>", "{}", "$: the field value of Node is missing"],
  ["Node<Unit>", "{}", "$: the field value of Node is missing"],
  ["Node<Int>", '{"value":1,"next":{"value":"x"}}', "$.next.value: expected Int, found String"],
  ["Map<String, Option<String>>", '{"a":"x","b":1}', "$.b: expected String, found Int"],
  ["Option<Json>", "1", '$: expected Option<Json> as null or {"some": …}, found Int'],
])("json.to of %s refuses %s", (type, plain, message) => {
  const data = valueFromTypedJson(parseJson(plain), parseType("Json"), TYPES);
  expect(valueFromJson(unlimited(), TYPES, data, type)).toEqual(new ErrValue(message));
});

test.each([
  ["Int", '"x"', "v: expected Int, found String"],
  ["Int", "1.0", "v: expected Int, found Float"],
  ["Int", '"1e3"', "v: expected Int, found String"],
  ["Int", "9223372036854775808", "v: an Int has 64 bits; this one is larger"],
  ["Int", '"9223372036854775808"', "v: an Int has 64 bits; this one is larger"],
  ["Json", "[9223372036854775808]", "v[0]: an Int has 64 bits; this one is larger"],
  ["Bool", "1", "v: expected Bool, found Int"],
  ["Unit", "{}", "v: expected Unit, found Object"],
  ["List<Int>", "[1,[],3]", "v[1]: expected Int, found List"],
  ["List<Int>", "null", "v: expected List<Int>, found null"],
  ["Map<String, Point>", '{"a b":{"x":1,"y":true}}', 'v["a b"].y: expected Float, found Bool'],
  ["Point", '{"x":1}', "v: the field y of Point is missing"],
  ["Point", '{"x":1,"y":2,"z":3}', 'v: Point has no field "z"'],
  ["Point", "[1,2]", "v: expected Point, found List"],
  ["Option<Int>", "1", 'v: expected Option<Int> as null or {"some": …}, found Int'],
  ["Option<Int>", '{"some":1,"x":2}', 'v: expected Option<Int> as null or {"some": …}, found Object'],
  ["Result<Int, Int>", '{"some":1}', 'v: expected Result<Int, Int> as {"ok": …} or {"err": …}, found Object'],
  ["Shape", '"Square"', 'v: Shape has no variant "Square"'],
  ["Shape", '"Circle"', 'v: the variant Circle has a payload: write it as {"Circle": …}'],
  ["Shape", '{"Empty":null}', "v: the variant Empty has no payload: write it as a string"],
  ["Shape", "[]", 'v: expected Shape as "Variant" or {"Variant": …}, found List'],
  ["Shape", '{"Circle":"x"}', "v.Circle: expected Float, found String"],
  ["Node<Int>", '{"value":1,"next":{"some":{"value":"x","next":null}}}', "v.next.some.value: expected Int, found String"],
  ["Node", "{}", "v: the module has no type Node"],
  ["Missing", "1", "v: the module has no type Missing"],
  ["Odd", '{"f":1}', "v.f: a field of an unknown type cannot be given as JSON"],
  ["Fn() -> Int", '"main"', "v: a Fn() -> Int cannot be given as JSON"],
  ["ActorId", "1", "v: an ActorId cannot be given as JSON"],
])("%s refuses %s", (type, plain, message) => {
  expect(() => valueFromTypedJson(parseJson(plain), parseType(type), TYPES, "v")).toThrow(
    expect.objectContaining({ kind: "value.form", message }),
  );
  // A Json never contains an Int that is too large.
  if (plain.includes("9223372036854775808") && !plain.startsWith('"')) return;
  const data = valueFromTypedJson(parseJson(plain), parseType("Json"), TYPES);
  const lenient = FOREIGN_MESSAGES.get(`${type} ${plain}`);
  expect(valueFromJson(unlimited(), TYPES, data, type)).toEqual(lenient ?? new ErrValue(message.replace(/^v/, "$")));
});

/** A type, and the values that it has. */
type TypedArbitrary = readonly [type: string, values: fc.Arbitrary<Value>];

const none = fc.constant<Value>(NONE);
const someJson: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(UNIT),
  anyInt,
  anyText,
  fc.array(anyInt).map((items) => ListValue.of(items)),
  anyInt.map((n) => MapValue.from([["some", n]])),
);
const SCALARS: readonly TypedArbitrary[] = [
  ["Int", anyInt],
  ["Float", anyFloat.filter(({ value }) => Number.isFinite(value))],
  ["String", anyText],
  ["Unit", fc.constant(UNIT)],
  ["Json", someJson],
];

const { type: arbitraryType } = fc.letrec<{ type: TypedArbitrary }>((tie) => {
  const made = (make: (...parts: readonly TypedArbitrary[]) => TypedArbitrary, count: number): fc.Arbitrary<TypedArbitrary> =>
    fc.array(tie("type"), { minLength: count, maxLength: count }).map((parts) => make(...parts));
  const of = (values: TypedArbitrary | undefined): TypedArbitrary => values ?? ["Unit", fc.constant(UNIT)];
  const one = (make: (type: string, values: fc.Arbitrary<Value>) => TypedArbitrary): fc.Arbitrary<TypedArbitrary> =>
    made((part) => make(...of(part)), 1);
  const two = (make: (a: TypedArbitrary, b: TypedArbitrary) => TypedArbitrary): fc.Arbitrary<TypedArbitrary> =>
    made((a, b) => make(of(a), of(b)), 2);
  const option = (values: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
    fc.oneof(
      none,
      values.map((value) => new SomeValue(value)),
    );
  return {
    type: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(...SCALARS),
      one((type, values) => [`Option<${type}>`, option(values)]),
      one((type, values) => [`List<${type}>`, fc.array(values, { maxLength: 3 }).map((items) => ListValue.of(items))]),
      one((type, values) => [
        `Map<String, ${type}>`,
        fc.array(fc.tuple(anyText, values), { maxLength: 3 }).map((all) => MapValue.from(all)),
      ]),
      one((type, values) => [
        `Node<${type}>`,
        fc.tuple(values, option(values.map((value) => RecordValue.of(3, [value, NONE])))).map((fields) => RecordValue.of(3, fields)),
      ]),
      two(([a, as], [b, bs]) => [
        `Result<${a}, ${b}>`,
        fc.oneof(
          as.map((value) => new OkValue(value)),
          bs.map((value) => new ErrValue(value)),
        ),
      ]),
      two(([a, as], [b, bs]) => [
        `Either<${a}, ${b}>`,
        fc.oneof(
          as.map((value) => new EnumValue(4, 0, value)),
          fc.tuple(bs, as).map(([other, value]) => new EnumValue(4, 1, RecordValue.of(5, [ListValue.of([other]), value]))),
        ),
      ]),
    ),
  };
});
const typedValue: fc.Arbitrary<readonly [string, Value]> = arbitraryType.chain(([type, values]) =>
  values.map((value): readonly [string, Value] => [type, value]),
);

describe("matchesType", () => {
  test.each<[string, Value]>([
    ["Int", new FloatValue(1)],
    ["Float", 1],
    ["Unit", NONE],
    ["Option<Int>", new SomeValue("x")],
    ["Result<Int, String>", new OkValue("x")],
    ["List<Int>", ListValue.of([1, "x"])],
    ["Map<String, Int>", MapValue.from([["a", "x"]])],
    ["Map<String, Int>", ListValue.EMPTY],
    ["Json", NONE],
    ["Json", ListValue.of([RecordValue.of(0, [])])],
    ["Point", RecordValue.of(0, [1])],
    ["Point", RecordValue.of(0, [1, 2])],
    ["Point", RecordValue.of(2, [1, new FloatValue(2)])],
    ["Shape", new EnumValue(1, 3, UNIT)],
    ["Shape", new EnumValue(1, 2, 1)],
    ["Shape", new EnumValue(1, 0, 1)],
    ["Shape", new EnumValue(0, 0, new FloatValue(1))],
    ["Node<Int>", RecordValue.of(3, ["x", NONE])],
    ["Missing", 1],
    ["Point<Int>", RecordValue.of(0, [1, new FloatValue(1)])],
    ["Fn() -> Int", 1],
  ])("%s %#: no", (type, value) => {
    expect(matchesType(value, parseType(type), TYPES)).toBe(false);
  });

  test("functions, actors and parameters", () => {
    expect(matchesType(new FnRefValue(0), parseType("Fn() -> Int"), TYPES)).toBe(true);
    expect(matchesType(new ClosureValue(0, []), parseType("Fn() -> Int"), TYPES)).toBe(true);
    expect(matchesType(new ActorIdValue(0), parseType("ActorId"), TYPES)).toBe(true);
    expect(matchesType("anything", parseType("T", new Set(["T"])), TYPES)).toBe(true);
    expect(matchesType(RecordValue.of(6, [1]), parseType("Odd"), TYPES)).toBe(true);
  });
});

describe("round trips", () => {
  const typed: readonly [string, fc.Arbitrary<Value>][] = [
    ["Int", anyInt],
    ["Float", anyFloat],
    ["String", anyText],
    ["Point", fc.tuple(anyInt, anyFloat).map((fields) => RecordValue.of(0, fields))],
    [
      "List<Option<Int>>",
      fc
        .array(
          fc.oneof(
            anyInt.map((n) => new SomeValue(n)),
            fc.constant(NONE),
          ),
        )
        .map((items) => ListValue.of(items)),
    ],
    ["Map<String, Float>", fc.array(fc.tuple(anyText, anyFloat)).map((entries) => MapValue.from(entries))],
  ];
  test.each(typed)("%s", (typeText, values) => {
    const type = parseType(typeText);
    fc.assert(
      fc.property(values, (value) => {
        const plain = valueToTypedJson(value, type, TYPES);
        expect(valueToTaggedJson(valueFromTypedJson(plain, type, TYPES))).toEqual(valueToTaggedJson(value));
        expect(valueToTaggedJson(valueFromTypedJson(parseJson(canonicalJson(plain)), type, TYPES))).toEqual(valueToTaggedJson(value));
        expect(matchesType(value, type, TYPES)).toBe(true);
      }),
    );
  });

  test("json.to reads what json.from made, as the same value", () => {
    fc.assert(
      fc.property(typedValue, ([typeText, value]) => {
        const data = jsonFromValue(unlimited(), TYPES, value, typeText);
        expect(valueToTaggedJson(valueFromJson(unlimited(), TYPES, data, typeText))).toEqual(valueToTaggedJson(new OkValue(value)));
        const text = canonicalJson(valueToTypedJson(data, parseType("Json"), TYPES));
        const again = valueFromTypedJson(parseJson(text), parseType("Json"), TYPES);
        expect(valueToTaggedJson(again)).toEqual(valueToTaggedJson(data));
      }),
    );
  });

  test("through the embedder's JavaScript values", () => {
    const small = (data: JsonData): boolean => !/[0-9]{16}/.test(canonicalJson(data));
    fc.assert(
      fc.property(anyJson.filter(small), (data) => {
        // A Float without a fraction becomes an Int, which is valid for a Float.
        expect(JSON.stringify(jsonToJs(jsonFromJs(jsonToJs(data))))).toBe(JSON.stringify(jsonToJs(data)));
      }),
    );
  });

  test("any JSON read as any type is a value that matches the type, or throws value.form", () => {
    fc.assert(
      fc.property(anyJson, fc.constantFrom(...forms.map(([type]) => parseType(type))), (data, type) => {
        const kind = errorKind(() => expect(matchesType(valueFromTypedJson(data, type, TYPES), type, TYPES)).toBe(true));
        expect([undefined, "value.form"]).toContain(kind);
      }),
    );
  });
});

describe("limits", () => {
  test.runIf(DEEP)("deep values and data", () => {
    const list = deepValue(NESTING, (inner) => ListValue.of([inner]));
    expect(errorKind(() => valueToTypedJson(list, undefined, []))).toBe("value.too_deep");
    expect(matchesType(list, parseType("Json"), [])).toBe(true);
    let data: JsonData = null;
    for (let i = 0; i < NESTING; i++) data = [data];
    expect(errorKind(() => valueFromTypedJson(data, parseType("Json"), []))).toBe("value.too_deep");
    let host: unknown = null;
    for (let i = 0; i < NESTING; i++) host = [host];
    expect(errorKind(() => jsonFromJs(host))).toBe("value.too_deep");
  });

  test.runIf(DEEP)("a small value that is huge as JSON", () => {
    const huge = deepValue(60, (inner) => ListValue.of([inner, inner]));
    expect(errorKind(() => matchesType(huge, parseType("Json"), []))).toBe("value.too_large");
    expect(errorKind(() => valueToTypedJson(huge, undefined, []))).toBe("value.too_large");
    const host: unknown[] = [];
    let inner: unknown = host;
    for (let i = 0; i < 60; i++) inner = [inner, inner];
    expect(errorKind(() => jsonFromJs(inner))).toBe("value.too_large");
  });

  test("a type that grows with every level", () => {
    const nested = (depth: number): Value => deepValue(depth, (inner) => RecordValue.of(7, [inner === UNIT ? NONE : new SomeValue(inner)]));
    const type = parseType("Nest<Int>");
    expect(matchesType(nested(8), type, TYPES)).toBe(true);
    expect(matchesType(nested(5_000), type, TYPES)).toBe(true);
    const plain = valueToTypedJson(nested(4_000), type, TYPES);
    expect(() => valueFromTypedJson(plain, type, TYPES)).toThrow(/a field of an unknown type/);
    expect(MACHINE_LIMITS.valueDepth).toBeGreaterThan(8_000);
  });
});

describe("jsonFromJs", () => {
  test("reads JSON-like values", () => {
    const host = { a: [1, 1.5, 2n ** 60n, -0, undefined, null], skipped: undefined, m: new Map([["k", "\ud800"]]), f: new FloatValue(1) };
    expect(jsonFromJs(host)).toEqual(
      new Map<string, JsonData>([
        ["a", [1, new FloatValue(1.5), 2n ** 60n, new FloatValue(-0), null, null]],
        ["m", new Map([["k", "\ufffd"]])],
        ["f", new FloatValue(1)],
      ]),
    );
    expect(jsonFromJs(undefined)).toBe(null);
    expect(jsonFromJs(5n)).toBe(5);
    expect(jsonFromJs(1e300)).toEqual(new FloatValue(1e300));
  });

  test("reads own properties only", () => {
    const host: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
    expect(canonicalJson(jsonFromJs(host))).toBe('{"__proto__":{"x":1},"constructor":2}');
    expect(canonicalJson(jsonFromJs(Object.create(null)))).toBe("{}");
  });

  test.each([[new Date(0)], [() => 1], [Symbol("x")], [new Map([[1, 2]])], [new (class A {})()], [/x/]])("refuses %#", (host) => {
    expect(errorKind(() => jsonFromJs(host))).toBe("value.form");
    expect(errorKind(() => jsonFromJs([host]))).toBe("value.form");
  });

  test("refuses a cycle", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(errorKind(() => jsonFromJs(cycle))).toBe("value.too_deep");
  });
});

test("jsonToJs makes strings of large Ints and Floats that are not finite, and an own property of __proto__", () => {
  const host = jsonToJs(parseJson('{"__proto__":1,"big":9007199254740993,"f":1.5}'));
  expect(JSON.stringify(host)).toBe('{"__proto__":1,"big":"9007199254740993","f":1.5}');
  expect(Object.getPrototypeOf(host)).toBe(Object.prototype);
  expect(jsonToJs([new FloatValue(Number.NaN), new FloatValue(Number.POSITIVE_INFINITY)])).toEqual(["NaN", "inf"]);
});
