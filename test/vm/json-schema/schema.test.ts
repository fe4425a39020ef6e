import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSchema } from "../../../vm/json-schema/schema.ts";
import { BorunaError } from "../../../vm/error.ts";
import { jsonFromJs } from "../../../vm/json/js-interop.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { scaledRuns, someOf } from "../../cases.ts";

/** Returns `matches`, the first mismatch, or the error. */
function answer(schema: unknown, value: string): string {
  try {
    const found = readSchema(jsonFromJs(schema)).mismatchOf(parseJson(value), "value");
    return found === undefined ? "matches" : `${found.path}: ${found.message}`;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return `${error.kind}: ${error.message}`;
  }
}

const DRAFT_07 = "http://json-schema.org/draft-07/schema#";

/** Titles cannot hold a schema with a bigint. */
const VALUES: readonly (readonly [schema: unknown, value: string, expected: string])[] = [
  [{ type: "integer" }, "9223372036854775807", "matches"],
  [{ maximum: 9223372036854775806n }, "9223372036854775807", "value: expected at most 9223372036854775806"],
  [{ const: 9007199254740993n }, "9007199254740992", "value: expected 9007199254740993"],
  [{ type: "integer" }, "1.0", "matches"],
  [{ const: 1 }, "1.0", "matches"],
  [{ multipleOf: 0.0001 }, "0.0075", "matches"],
  [{ multipleOf: 1e-300 }, "1e300", "matches"],
  [{ multipleOf: 3 }, "9223372036854775807", "value: expected a multiple of 3"],
  [{ uniqueItems: true }, '[{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]', "value[1]: is equal to item 0"],
  [{ pattern: "^\\d+$" }, '"12x"', "value: expected a match of ^\\d+$"],
  [{ properties: { a: { items: { type: "string" } } } }, '{"a": ["x", 1]}', "value.a[1]: expected string, found integer"],
  [{ properties: { a: false } }, '{"a": 1}', "value.a: no value is allowed here"],
  [{ not: { type: "null" } }, "null", "value: matches the schema of not"],
  [{ oneOf: [{ type: "integer" }, { minimum: 1 }] }, "2", "value: matches more than one schema of oneOf: 0, 1"],
  [{ contains: { const: 1 }, minContains: 2 }, "[1, 2]", "value: expected at least 2 items that match contains, found 1"],
  [{ propertyNames: { maxLength: 1 } }, '{"ab": 1}', "value.ab: its name: expected at most 1 characters"],
  [{ unevaluatedProperties: false, anyOf: [{ properties: { a: {} } }] }, '{"a": 1, "b": 2}', "value.b: is not in the schema"],
  [{ format: "email", contentEncoding: "base64" }, '"x"', "matches"],
];

test.each(VALUES.map(([schema, value, expected]) => [value, expected, schema] as const))("%s: %s", (value, expected, schema) => {
  expect(answer(schema, value)).toBe(expected);
});

describe("draft-07", () => {
  test.each<[object, string, string]>([
    [{ items: [{ type: "string" }], additionalItems: false }, '["a", 1]', "value[1]: is not in the schema"],
    [{ items: [{ type: "string" }] }, "[1]", "value[0]: expected string, found integer"],
    [{ additionalItems: false }, "[1]", "matches"],
    [{ dependencies: { a: ["b"], c: { required: ["d"] } } }, '{"a": 1}', "value.b: is missing"],
    [{ dependencies: { a: ["b"], c: { required: ["d"] } } }, '{"c": 1}', "value.d: is missing"],
    [{ $ref: "#/definitions/n", type: "string", definitions: { n: { type: "integer" } } }, "1", "matches"],
    [{ allOf: [{ $ref: "#n" }], definitions: { n: { $id: "#n", type: "integer" } } }, '"x"', "value: expected integer, found string"],
    [{ prefixItems: [{ type: "string" }], unevaluatedProperties: false, dependentRequired: { a: ["b"] } }, '{"a": 1}', "matches"],
    [{ contains: { const: 1 }, minContains: 2 }, "[1, 2]", "matches"],
  ])("%j, %s: %s", (schema, value, expected) => expect(answer({ $schema: DRAFT_07, ...schema }, value)).toBe(expected));
});

describe("a wrong schema", () => {
  test.each<[unknown, string]>([
    [1, "schema.form: schema: expected a schema, which is an object, true or false"],
    [{ items: { minLength: -1 } }, "schema.form: schema.items.minLength: expected a whole number from 0"],
    [{ pattern: "(" }, "schema.form: schema.pattern: the regular expression is wrong at character"],
    [{ multipleOf: 0 }, "schema.form: schema.multipleOf: expected a number above 0"],
    [{ $ref: "other.json#/a" }, 'schema.ref: schema["$ref"]: "other.json#/a" is not in this document'],
    [{ $ref: "#/$defs/none" }, 'schema.ref: schema["$ref"]: "#/$defs/none" leads to no schema'],
    [{ $ref: "#none" }, 'schema.ref: schema["$ref"]: "#none" leads to no schema'],
    [{ $ref: "#/$defs/n", $defs: { n: 1 } }, "schema.form: schema"],
    [{ $ref: "http://[" }, 'schema.form: schema["$ref"]: expected a URI'],
    [{ $ref: "#%" }, 'schema.form: schema["$ref"]: expected a URI'],
    [{ $schema: "http://json-schema.org/draft-04/schema#" }, 'schema.dialect: schema["$schema"]: this dialect is not supported'],
    [{ $defs: { a: { $id: "x:y" }, b: { $id: "x:y" } } }, 'schema.form: schema["$defs"].b["$id"]: another schema has this URI'],
    [{ $anchor: "a", not: { $anchor: "a" } }, 'schema.form: schema.not["$anchor"]: another schema has this name'],
  ])("%j: %s", (schema, expected) => expect(answer(schema, "1")).toContain(expected));
});

describe("a hostile schema ends within its limits", () => {
  const nested = (depth: number, inner: object): object =>
    Array.from({ length: depth }).reduce<object>((schema) => ({ not: schema }), inner);

  test("exponential regular expressions take linear time", () => {
    expect(answer({ pattern: "^(a+)+$" }, `"${"a".repeat(50_000)}!"`)).toBe("value: expected a match of ^(a+)+$");
  });

  test("2^22 alternatives stop at the limit of steps", () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 22 }, (_, i) => [`d${i}`, { anyOf: [{ $ref: `#/$defs/d${i + 1}` }, { $ref: `#/$defs/d${i + 1}` }] }]),
    );
    const schema = { $ref: "#/$defs/d0", $defs: { ...$defs, d22: false } };
    expect(answer(schema, "1")).toBe("schema.budget: checking a value takes more than 500000 steps");
  });

  test.each<[string, object]>([
    ["itself", { $ref: "#" }],
    ["itself over another", { $ref: "#/$defs/a", $defs: { a: { allOf: [{ $ref: "#" }] } } }],
    ["its dynamic anchor", { $dynamicAnchor: "a", $dynamicRef: "#a" }],
  ])("a reference to %s", (_, schema) => {
    expect(answer(schema, "1")).toBe("schema.budget: checking a value applies more than 1000 schemas inside each other");
  });

  test("depth, number and size, just as allowed and one more", () => {
    expect(answer(nested(63, { type: "integer" }), "1")).not.toContain("schema.");
    expect(answer(nested(64, { type: "integer" }), "1")).toContain("nested deeper than 64");
    const many = (count: number): object => ({ allOf: Array.from({ length: count }, () => ({})) });
    expect(answer(many(9_999), "1")).toBe("matches");
    expect(answer(many(10_000), "1")).toBe("schema.too_large: schema has more than 10000 schemas");
    const sized = (bytes: number): object => ({ title: "x".repeat(bytes - '{"title":""}'.length) });
    expect(answer(sized(262_144), "1")).toBe("matches");
    expect(answer(sized(262_145), "1")).toContain("schema has 262145 bytes, at most 262144 are allowed");
  });

  test.each(
    someOf<[string, object, string]>([
      ["unique items", { uniqueItems: true }, `[${Array.from({ length: 200 }, (_, i) => `"${"x".repeat(200_000)}${i}"`).join(",")}]`],
      ["an enum of objects", { items: { anyOf: [{ enum: [{ a: 1 }] }, {}] } }, `[${`{"a":[${"0,".repeat(100_000)}0]},`.repeat(60)}1]`],
      [
        "patterns for names",
        { patternProperties: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`(a|b){500}${i}`, {}])) },
        `{${Array.from({ length: 2_000 }, (_, i) => `"${"a".repeat(500)}${i}": 1`).join(",")}}`,
      ],
      [
        "names that are evaluated again and again",
        { allOf: Array.from({ length: 500 }, () => ({ additionalProperties: true })), unevaluatedProperties: false },
        `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}": 1`).join(",")}}`,
      ],
    ]),
  )("%s", (_, schema, value) => expect(answer(schema, value)).toContain("schema.budget"));
});

test("any JSON is a schema or refused, and then any value is checked, without another error", () => {
  const keywords =
    "type enum const required properties items anyOf oneOf allOf not if then $ref $id $defs $anchor $dynamicRef $dynamicAnchor contains a " +
    "additionalProperties patternProperties unevaluatedItems unevaluatedProperties prefixItems minimum multipleOf maxLength pattern uniqueItems";
  const keyword = fc.constantFrom(...keywords.split(" "));
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, false, 0, 1, 2.5, -1, "string", "object", "#", "#/$defs/a", "#a", "a", "(a|b)*"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keyword, tie("value"), { maxKeys: 4 }),
    ),
  })).value;
  fc.assert(
    fc.property(json, json, (schema, value) => {
      expect(answer(schema, JSON.stringify(value))).toMatch(/^(matches$|value|schema\.(form|ref|dialect|budget))/);
    }),
    { numRuns: scaledRuns(20_000) },
  );
});
