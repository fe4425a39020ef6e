/**
 * Checks a model's answer against the JSON Schema of a program. The program is not trusted, so this is a part of JSON Schema that can be
 * checked in bounded time: no `$ref`, no regular expressions, no code made from the schema (docs/internals/adr/033-llm-call.md).
 */
import { didYouMean } from "../../policy/did-you-mean.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData } from "../../vm/json/json.ts";
import { type JsonPath, pathText } from "../../vm/json/typed-json.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { FloatValue } from "../../vm/value/value.ts";
import { CapabilityFailure } from "../handlers.ts";

/** A schema that was read. */
export interface AnswerSchema {
  /**
   * Whether every object has `"additionalProperties": false` and requires all its properties, as OpenAI demands of a schema that the
   * model must follow strictly.
   */
  readonly strict: boolean;
  /** Returns the first mismatch, such as `answer.mood: expected one of "good", "bad"`, or undefined. Throws `CapabilityFailure` if checking takes too long. */
  mismatchOf(answer: JsonData): string | undefined;
}

export const MAX_SCHEMA_BYTES = 65_536;
export const MAX_SCHEMA_DEPTH = 32;
/** Limit on the work of one check. A visited value costs `VISIT_COST`, a compared text its length. It takes less than a second. */
const MAX_WORK = 20_000_000;
const VISIT_COST = 16;

/** Reads a schema. Throws `CapabilityFailure`, naming the place of a mistake. */
export function readAnswerSchema(schema: JsonData): AnswerSchema {
  const size = utf8Length(canonicalJson(schema));
  if (size > MAX_SCHEMA_BYTES) throw new CapabilityFailure(`options.schema has ${size} bytes, at most ${MAX_SCHEMA_BYTES} are allowed`);
  const reader: Reader = { isStrict: true };
  const check = readSchema(schema, { parent: undefined, key: "options.schema" }, 1, reader);
  return {
    strict: reader.isStrict,
    mismatchOf: (answer) => {
      const mismatched = check(answer, { parent: undefined, key: "answer" }, new Work());
      return mismatched === undefined ? undefined : `${pathText(mismatched.path)}: ${mismatched.message}`;
    },
  };
}

/** Counts the work of one check. */
class Work {
  #left = MAX_WORK;
  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new CapabilityFailure("checking the model's answer against options.schema takes too long");
  }
}

/** Where the answer does not match, and why. */
interface Mismatch {
  readonly path: JsonPath;
  readonly message: string;
}

/** Returns the first mismatch of `data`, or undefined. */
type Check = (data: JsonData, path: JsonPath, work: Work) => Mismatch | undefined;

/** What is found out about the schema while it is read. */
interface Reader {
  isStrict: boolean;
}

/** The value of a keyword, with the schema that contains it. */
interface KeywordUse {
  readonly value: JsonData;
  /** The path of the value. */
  readonly path: JsonPath;
  readonly schema: ReadonlyMap<string, JsonData>;
  /** Reads a schema inside this one. */
  readonly read: (schema: JsonData, path: JsonPath) => Check;
}

function readSchema(schema: JsonData, path: JsonPath, depth: number, reader: Reader): Check {
  if (!isJsonObject(schema)) throw invalid(path, "expected a schema, which is an object");
  if (depth > MAX_SCHEMA_DEPTH) throw invalid(path, `nested deeper than ${MAX_SCHEMA_DEPTH}`);
  const unknown = [...schema.keys()].find((name) => !SCHEMA_KEYWORDS.has(name));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, SCHEMA_KEYWORDS.keys(), `The keywords are ${[...SCHEMA_KEYWORDS.keys()].join(", ")}.`);
    throw invalid({ parent: path, key: unknown }, `this keyword is not supported. ${hint}`);
  }
  if (!isStrictObject(schema)) reader.isStrict = false;
  const read = (inner: JsonData, at: JsonPath): Check => readSchema(inner, at, depth + 1, reader);
  const checks = [...SCHEMA_KEYWORDS].flatMap(([name, keyword]) => {
    const value = schema.get(name);
    return value === undefined || keyword.read === undefined
      ? []
      : [keyword.read({ value, path: { parent: path, key: name }, schema, read })];
  });
  return (data, at, work) => {
    work.spend(VISIT_COST);
    for (const check of checks) {
      const mismatch = check(data, at, work);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  };
}

/** Whether the schema is not one of objects, or allows only what it names and requires all of it. */
function isStrictObject(schema: ReadonlyMap<string, JsonData>): boolean {
  const type = schema.get("type") ?? null;
  const isObject = type === "object" || (isJsonArray(type) && type.includes("object")) || schema.has("properties");
  if (!isObject) return true;
  const properties = schema.get("properties") ?? null;
  const required = schema.get("required") ?? null;
  const names = isJsonObject(properties) ? [...properties.keys()] : [];
  return schema.get("additionalProperties") === false && names.every((name) => isJsonArray(required) && required.includes(name));
}

interface Keyword {
  readonly doc: string;
  /** Undefined for a keyword that only describes the answer to the model. */
  readonly read?: (use: KeywordUse) => Check;
}

const annotation: Keyword = { doc: "only describes; not checked" };

/** Every keyword, in the order of the checks. */
export const SCHEMA_KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["type", { doc: "`null`, `boolean`, `integer`, `number`, `string`, `array`, `object`, or a list of them", read: readType }],
  ["enum", { doc: "a list of texts, numbers, booleans and null", read: readEnum }],
  ["const", { doc: "one of these", read: ({ value, path }) => oneOf([scalarAt(value, path)]) }],
  ["minLength", { doc: "the fewest characters of a text", read: (use) => bound(use, "at least", textLength) }],
  ["maxLength", { doc: "the most characters of a text", read: (use) => bound(use, "at most", textLength) }],
  ["minimum", { doc: "the smallest number", read: (use) => bound(use, "at least", numberOf) }],
  ["maximum", { doc: "the largest number", read: (use) => bound(use, "at most", numberOf) }],
  ["exclusiveMinimum", { doc: "numbers are above this one", read: (use) => bound(use, "above", numberOf) }],
  ["exclusiveMaximum", { doc: "numbers are below this one", read: (use) => bound(use, "below", numberOf) }],
  ["minItems", { doc: "the fewest items of an array", read: (use) => bound(use, "at least", itemCount) }],
  ["maxItems", { doc: "the most items of an array", read: (use) => bound(use, "at most", itemCount) }],
  ["required", { doc: "names that an object must have", read: readRequired }],
  ["properties", { doc: "schemas for the members of an object, by name", read: readProperties }],
  ["additionalProperties", { doc: "true, false, or the schema of all other members", read: readAdditional }],
  ["items", { doc: "the schema of each item of an array", read: readItems }],
  ["anyOf", { doc: "a list of schemas, of which one must match", read: readAnyOf }],
  ["title", annotation],
  ["description", annotation],
  ["default", annotation],
  ["examples", annotation],
  ["$schema", annotation],
]);

/** The types of JSON Schema, with the test for each. */
const TYPES: ReadonlyMap<string, (data: JsonData) => boolean> = new Map([
  ["null", (data) => data === null],
  ["boolean", (data) => typeof data === "boolean"],
  ["integer", (data) => typeof data === "bigint" || Number.isInteger(numberOf(data))],
  ["number", (data) => numberOf(data) !== undefined],
  ["string", (data) => typeof data === "string"],
  ["array", (data) => isJsonArray(data)],
  ["object", (data) => isJsonObject(data)],
] satisfies readonly (readonly [string, (data: JsonData) => boolean])[]);

function readType({ value, path }: KeywordUse): Check {
  const names = (isJsonArray(value) ? value : [value]).filter((name) => typeof name === "string");
  const tests = names.map((name) => TYPES.get(name));
  if (names.length === 0 || names.length < (isJsonArray(value) ? value.length : 1) || tests.includes(undefined))
    throw invalid(path, `expected one of ${[...TYPES.keys()].join(", ")}, or a list of them`);
  return (data, at) =>
    tests.some((test) => test?.(data) === true) ? undefined : mismatch(at, `expected ${names.join(" or ")}, found ${typeName(data)}`);
}

function readEnum({ value, path }: KeywordUse): Check {
  if (!isJsonArray(value) || value.length === 0) throw invalid(path, "expected a list of values");
  return oneOf(value.map((item, i) => scalarAt(item, { parent: path, key: i })));
}

type Scalar = string | number | bigint | boolean | FloatValue | null;

function scalarAt(value: JsonData, path: JsonPath): Scalar {
  if (isJsonArray(value) || isJsonObject(value)) throw invalid(path, "expected a text, a number, true, false or null");
  return value;
}

function oneOf(values: readonly Scalar[]): Check {
  const texts = new Set(values.filter((value) => typeof value === "string"));
  const others = new Set(values.filter((value) => typeof value !== "string").map(scalarKey));
  const shown = values.slice(0, 8).map((value) => canonicalJson(value));
  const expected = `expected ${values.length === 1 ? "" : "one of "}${shown.join(", ")}${shown.length < values.length ? ", …" : ""}`;
  return (data, at, work) => {
    if (typeof data === "string") work.spend(data.length);
    const isListed = typeof data === "string" ? texts.has(data) : !isJsonArray(data) && !isJsonObject(data) && others.has(scalarKey(data));
    return isListed ? undefined : mismatch(at, expected);
  };
}

/** Equal values have equal keys: 1 equals 1.0. */
function scalarKey(value: Exclude<Scalar, string>): string {
  return value instanceof FloatValue ? String(value.value) : String(value);
}

type Comparison = "at least" | "at most" | "above" | "below";
const COMPARE: Readonly<Record<Comparison, (measured: number, limit: number) => boolean>> = {
  "at least": (measured, limit) => measured >= limit,
  "at most": (measured, limit) => measured <= limit,
  above: (measured, limit) => measured > limit,
  below: (measured, limit) => measured < limit,
};

/** Compares what `measure` returns of a value with the number of the keyword. Values that it does not measure pass. */
function bound({ value, path }: KeywordUse, comparison: Comparison, measure: (data: JsonData, work: Work) => number | undefined): Check {
  const limit = numberOf(value);
  if (limit === undefined) throw invalid(path, "expected a number");
  const unit = UNITS.get(measure) ?? "";
  return (data, at, work) => {
    const measured = measure(data, work);
    return measured === undefined || COMPARE[comparison](measured, limit)
      ? undefined
      : mismatch(at, `expected ${comparison} ${limit}${unit}`);
  };
}

/** Returns the number, rounded if it is a large integer. */
function numberOf(data: JsonData): number | undefined {
  if (data instanceof FloatValue) return data.value;
  return typeof data === "number" || typeof data === "bigint" ? Number(data) : undefined;
}

/** Counts code points. */
function textLength(data: JsonData, work: Work): number | undefined {
  if (typeof data !== "string") return undefined;
  work.spend(data.length);
  let length = 0;
  for (let i = 0; i < data.length; i++) if ((data.charCodeAt(i) & 0xfc00) !== 0xdc00) length += 1;
  return length;
}

function itemCount(data: JsonData): number | undefined {
  return isJsonArray(data) ? data.length : undefined;
}

const UNITS: ReadonlyMap<unknown, string> = new Map([
  [textLength, " characters"],
  [itemCount, " items"],
]);

function readRequired({ value, path }: KeywordUse): Check {
  const names = isJsonArray(value) ? value.filter((name) => typeof name === "string") : [];
  if (!isJsonArray(value) || names.length < value.length) throw invalid(path, "expected a list of names");
  return (data, at, work) => {
    if (!isJsonObject(data)) return undefined;
    work.spend(names.length);
    const missing = names.find((name) => !data.has(name));
    return missing === undefined ? undefined : mismatch({ parent: at, key: missing }, "is missing");
  };
}

function readProperties({ value, path, read }: KeywordUse): Check {
  if (!isJsonObject(value)) throw invalid(path, "expected an object of schemas");
  const checks = [...value].map(([name, schema]) => [name, read(schema, { parent: path, key: name })] as const);
  return (data, at, work) => {
    if (!isJsonObject(data)) return undefined;
    work.spend(checks.length);
    for (const [name, check] of checks) {
      const property = data.get(name);
      const mismatched = property === undefined ? undefined : check(property, { parent: at, key: name }, work);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readAdditional({ value, path, schema, read }: KeywordUse): Check {
  const properties = schema.get("properties") ?? null;
  const isNamed = (name: string): boolean => isJsonObject(properties) && properties.has(name);
  const check: Check =
    typeof value === "boolean" ? (_, at) => (value ? undefined : mismatch(at, "is not in the schema")) : read(value, path);
  return (data, at, work) => {
    if (!isJsonObject(data)) return undefined;
    for (const [name, property] of data) {
      work.spend(1);
      const mismatched = isNamed(name) ? undefined : check(property, { parent: at, key: name }, work);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readItems({ value, path, read }: KeywordUse): Check {
  const check = read(value, path);
  return (data, at, work) => {
    if (!isJsonArray(data)) return undefined;
    for (const [i, item] of data.entries()) {
      const mismatched = check(item, { parent: at, key: i }, work);
      if (mismatched !== undefined) return mismatched;
    }
    return undefined;
  };
}

function readAnyOf({ value, path, read }: KeywordUse): Check {
  if (!isJsonArray(value) || value.length === 0) throw invalid(path, "expected a list of schemas");
  const checks = value.map((schema, i) => read(schema, { parent: path, key: i }));
  return (data, at, work) => {
    let first: Mismatch | undefined;
    for (const check of checks) {
      const mismatched = check(data, at, work);
      if (mismatched === undefined) return undefined;
      first ??= mismatched;
    }
    return first === undefined || checks.length === 1 ? first : mismatch(at, NO_ALTERNATIVE);
  };
}

const NO_ALTERNATIVE = "matches no schema of anyOf";

function mismatch(path: JsonPath, message: string): Mismatch {
  return { path, message };
}

function invalid(path: JsonPath, message: string): CapabilityFailure {
  return new CapabilityFailure(`${pathText(path)}: ${message}`);
}

function typeName(data: JsonData): string {
  return [...TYPES].find(([, test]) => test(data))?.[0] ?? "nothing";
}
