import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAnswerSchema } from "../../../gateway/handlers/answer-schema.ts";
import { jsonFromJs } from "../../../vm/json/js-interop.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { scaledRuns } from "../../cases.ts";

const mismatch = (schema: unknown, answer: string): string =>
  readAnswerSchema(jsonFromJs(schema)).mismatchOf(parseJson(answer)) ?? "matches";
const problemOf = (schema: unknown): string => {
  try {
    readAnswerSchema(jsonFromJs(schema));
    return "valid";
  } catch (error) {
    return String(error);
  }
};

describe("an answer", () => {
  const item = { type: "object", properties: { n: { type: "integer" } }, required: ["n"], additionalProperties: false };

  test.each<[object, string, string]>([
    [{}, "[1, {}]", "matches"],
    [{ title: "t", description: "d", default: 1, examples: [1], $schema: "s" }, "2", "matches"],
    [{ type: "string" }, '"x"', "matches"],
    [{ type: "string" }, "1", "answer: expected string, found integer"],
    [{ type: ["string", "null"] }, "null", "matches"],
    [{ type: ["string", "null"] }, "[]", "answer: expected string or null, found array"],
    [{ type: "integer" }, "1.0", "matches"],
    [{ type: "integer" }, "9223372036854775808", "matches"],
    [{ type: "integer" }, "1.5", "answer: expected integer, found number"],
    [{ type: "number" }, "1e3", "matches"],
    [{ type: "boolean" }, "true", "matches"],
    [{ type: "object" }, "[]", "answer: expected object, found array"],
    [{ enum: ["a", 1, null, true] }, "1.0", "matches"],
    [{ enum: ["a", 1, null, true] }, "null", "matches"],
    [{ enum: ["a", 1, null, true] }, '"true"', 'answer: expected one of "a", 1, null, true'],
    [{ enum: ["a"] }, "{}", 'answer: expected "a"'],
    [{ const: 2 }, "3", "answer: expected 2"],
    [{ enum: Array.from({ length: 20 }, (_, i) => i) }, "20", "answer: expected one of 0, 1, 2, 3, 4, 5, 6, 7, …"],
    [{ minLength: 2 }, '"😀"', "answer: expected at least 2 characters"],
    [{ maxLength: 2 }, '"😀😀"', "matches"],
    [{ maxLength: 2 }, "1000", "matches"],
    [{ minimum: 1, maximum: 2 }, "2", "matches"],
    [{ maximum: 2 }, "2.5", "answer: expected at most 2"],
    [{ minimum: 1 }, "0", "answer: expected at least 1"],
    [{ exclusiveMinimum: 1 }, "1", "answer: expected above 1"],
    [{ exclusiveMaximum: 1 }, "1", "answer: expected below 1"],
    [{ minItems: 1 }, "[]", "answer: expected at least 1 items"],
    [{ maxItems: 1 }, "[1, 2]", "answer: expected at most 1 items"],
    [{ items: item }, '[{"n": 1}, {"n": "x"}]', "answer[1].n: expected integer, found string"],
    [{ items: item }, '[{"n": 1, "m": 1}]', "answer[0].m: is not in the schema"],
    [{ items: item }, "[{}]", "answer[0].n: is missing"],
    [{ properties: { "a b": { type: "null" } } }, '{"a b": 1}', 'answer["a b"]: expected null, found integer'],
    [{ additionalProperties: { type: "string" }, properties: { n: {} } }, '{"n": 1, "m": 2}', "answer.m: expected string, found integer"],
    [{ additionalProperties: true }, '{"n": 1}', "matches"],
    [{ anyOf: [item, { type: "null" }] }, "null", "matches"],
    [{ anyOf: [item, { type: "null" }] }, "1", "answer: matches no schema of anyOf"],
    [{ anyOf: [item] }, '{"n": null}', "answer.n: expected integer, found null"],
    [{ pattern: "^(a+)+$" }, `"${"a".repeat(1_000)}b"`, "answer: expected a match of ^(a+)+$"],
    [{ items: { $ref: "#/$defs/item" }, $defs: { item } }, '[{"n": "x"}]', "answer[0].n: expected integer, found string"],
  ])("%j, %s: %s", (schema, answer, expected) => {
    expect(mismatch(schema, answer)).toBe(expected);
  });

  test("names like those of the prototype are ordinary names", () => {
    const schema = { properties: { constructor: { type: "string" } }, required: ["constructor"], additionalProperties: false };
    expect(mismatch(schema, "{}")).toBe("answer.constructor: is missing");
    expect(mismatch({ required: ["__proto__"] }, '{"__proto__": 1}')).toBe("matches");
    expect(mismatch({ additionalProperties: false }, '{"__proto__": 1}')).toBe("answer.__proto__: is not in the schema");
  });
});

describe("a schema", () => {
  test.each<[unknown, string]>([
    ["x", "options.schema: expected a schema, which is an object"],
    [true, "options.schema: expected a schema, which is an object"],
    [{ type: "text" }, "options.schema.type: expected one of null, boolean, integer, number, string, array, object, or a list of them"],
    [{ type: [] }, "options.schema.type: expected one of null"],
    [{ type: ["string", 1] }, "options.schema.type: expected one of null"],
    [{ enum: "good" }, "options.schema.enum: expected a list of values"],
    [{ required: "n" }, "options.schema.required: expected a list of names"],
    [{ required: [1] }, "options.schema.required: expected a list of names"],
    [{ properties: [] }, "options.schema.properties: expected an object of schemas"],
    [{ properties: { a: { minimum: "x" } } }, "options.schema.properties.a.minimum: expected a number"],
    [{ items: [] }, "options.schema.items: expected a schema"],
    [{ anyOf: {} }, "options.schema.anyOf: expected a list of schemas"],
    [{ anyOf: [1] }, "options.schema.anyOf[0]: expected a schema"],
    [{ additionalProperties: 1 }, "options.schema.additionalProperties: expected a schema"],
    [{ $ref: "other.json" }, 'options.schema["$ref"]: "other.json" is not in this document; copy the schema into `$defs`'],
    [{ pattern: "(a" }, "options.schema.pattern: the regular expression is wrong at character"],
    [{ xyzzy: 1 }, "options.schema.xyzzy: this keyword is not supported. The keywords are type, enum,"],
    [{ propertis: {} }, 'options.schema.propertis: this keyword is not supported. Did you mean "properties"?'],
    [{ items: { items: { requird: [] } } }, 'options.schema.items.items.requird: this keyword is not supported. Did you mean "required"?'],
    [{ description: "x".repeat(65_536) }, "options.schema has 65554 bytes, at most 65536 are allowed"],
  ])("%j is refused", (schema, message) => {
    expect(problemOf(schema)).toContain(`CapabilityFailure: ${message}`);
  });

  test("nested just as deep as allowed, and one deeper", () => {
    const nested = (depth: number): object => (depth === 1 ? {} : { items: nested(depth - 1) });
    expect(problemOf(nested(32))).toBe("valid");
    expect(problemOf(nested(33))).toContain(".items: nested deeper than 32");
  });

  test.each<[object, boolean]>([
    [{ type: "string" }, true],
    [{ type: "object", properties: { a: {} }, required: ["a"], additionalProperties: false }, true],
    [{ type: "object", properties: { a: {} }, required: [], additionalProperties: false }, false],
    [{ type: "object", properties: { a: {} }, required: ["a"] }, false],
    [{ items: { type: ["object", "null"] } }, false],
    [{ type: "object", properties: { properties: { type: "string" } }, required: ["properties"], additionalProperties: false }, true],
  ])("%j is strict: %j", (schema, strict) => {
    expect(readAnswerSchema(jsonFromJs(schema)).strict).toBe(strict);
  });

  test("the work of a check has a limit, whatever schema and answer multiply to", () => {
    const alternatives = { anyOf: Array.from({ length: 2_000 }, (_, i) => ({ const: i })) };
    const numbers = JSON.stringify(Array.from({ length: 100_000 }, () => -1));
    expect(mismatch({ items: alternatives }, "[1999]")).toBe("matches");
    expect(() => mismatch({ items: { anyOf: [alternatives, {}] } }, numbers)).toThrow("takes too long");
    const texts = { items: { anyOf: [...Array.from({ length: 500 }, () => ({ maxLength: 1 })), {}] } };
    expect(() => mismatch(texts, JSON.stringify([..."abcdefgh"].map((c) => c.repeat(100_000))))).toThrow("takes too long");
    const required = { anyOf: [...Array.from({ length: 90 }, () => ({ required: Array.from({ length: 90 }, (_, i) => `k${i}`) })), {}] };
    const empty = JSON.stringify(Array.from({ length: 20_000 }, () => ({})));
    expect(() => mismatch({ items: required }, empty)).toThrow("takes too long");
  });
});

test("any JSON as a schema is read or refused, and then any answer is checked, without another error", () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 1, 2.5, "string", "object", "a"),
      fc.array(tie("value"), { maxLength: 3 }),
      tie("object"),
    ),
    object: fc.dictionary(
      fc.constantFrom(
        "type",
        "enum",
        "const",
        "required",
        "properties",
        "items",
        "anyOf",
        "additionalProperties",
        "minimum",
        "maxLength",
        "a",
        "b",
      ),
      tie("value"),
      { maxKeys: 4 },
    ),
  })).value;
  fc.assert(
    fc.property(json, json, (schema, answer) => {
      const problem = problemOf(schema);
      if (problem === "valid") expect(mismatch(schema, JSON.stringify(answer))).toMatch(/^(matches$|answer)/);
      else expect(problem).toContain("CapabilityFailure: options.schema");
    }),
    { numRuns: scaledRuns(5_000) },
  );
});
