/** Keywords that check a value without applying another schema: its type, its size, its text. */
import { canonicalJson, isJsonArray, isJsonObject, type JsonData } from "../json/json.ts";
import { compilePattern } from "../regex/compile.ts";
import { createMatcher, forgetStates, type Matcher, occurs } from "../regex/match.ts";
import { parsePattern } from "../regex/parse.ts";
import type { JsonPath } from "../json/typed-json.ts";
import { type Check, type CheckBudget, equalityKey, mismatchAt, VISIT_COST } from "./checking.ts";
import { countOf, invalidSchema, type Keyword, type KeywordUse, namesOf, numberOf } from "./keyword.ts";

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

export function typeName(data: JsonData): string {
  return [...TYPES].find(([, test]) => test(data))?.[0] ?? "nothing";
}

function readType({ value, path }: KeywordUse): Check {
  const names = (isJsonArray(value) ? value : [value]).filter((name) => typeof name === "string");
  const tests = names.map((name) => TYPES.get(name));
  if (names.length === 0 || names.length < (isJsonArray(value) ? value.length : 1) || tests.includes(undefined))
    throw invalidSchema(path, `expected one of ${[...TYPES.keys()].join(", ")}, or a list of them`);
  return (data, context) =>
    tests.some((test) => test?.(data) === true)
      ? undefined
      : mismatchAt(context.path, `expected ${names.join(" or ")}, found ${typeName(data)}`);
}

function readEnum({ value, path }: KeywordUse): Check {
  if (!isJsonArray(value)) throw invalidSchema(path, "expected a list of values");
  return oneOf(value);
}

/** The most values of an `enum` that a message shows, and the most characters of one. */
const SHOWN_VALUES = 8;
const SHOWN_UNITS = 80;

function oneOf(values: readonly JsonData[]): Check {
  const keys = new Set(values.map((value) => equalityKey(value, undefined)));
  const longest = [...keys].reduce((length, key) => Math.max(length, key.length), 0);
  const shown = values.slice(0, SHOWN_VALUES).map((value) => shorten(canonicalJson(value)));
  if (values.length === 0) return (_, context) => mismatchAt(context.path, "no value is allowed here");
  const expected = `expected ${values.length === 1 ? "" : "one of "}${shown.join(", ")}${shown.length < values.length ? ", …" : ""}`;
  return (data, context) => {
    // A text that is longer than every key differs, so no key is made for it.
    const isTooLong = typeof data === "string" && data.length > longest;
    return !isTooLong && keys.has(equalityKey(data, context.budget)) ? undefined : mismatchAt(context.path, expected);
  };
}

const shorten = (text: string): string => (text.length > SHOWN_UNITS ? `${text.slice(0, SHOWN_UNITS)}…` : text);

type Comparison = "at least" | "at most" | "above" | "below";
const COMPARE: Readonly<Record<Comparison, (measured: number | bigint, limit: number | bigint) => boolean>> = {
  "at least": (measured, limit) => measured >= limit,
  "at most": (measured, limit) => measured <= limit,
  above: (measured, limit) => measured > limit,
  below: (measured, limit) => measured < limit,
};

/** Makes a check that compares a number with the keyword's number. */
const numberBound =
  (comparison: Comparison) =>
  ({ value, path }: KeywordUse): Check => {
    const limit = numberOf(value);
    if (limit === undefined) throw invalidSchema(path, "expected a number");
    return boundCheck(comparison, limit, "", numberOf);
  };

/** Makes a check that compares what `measure` returns for a value with the keyword's number. */
const sizeBound =
  (comparison: Comparison, unit: string, measure: (data: JsonData, budget: CheckBudget) => number | undefined) =>
  (use: KeywordUse): Check =>
    boundCheck(comparison, countOf(use), ` ${unit}`, measure);

/** Makes a check that compares `measure(value)` with a limit. If `measure` returns undefined, the value passes. */
function boundCheck(
  comparison: Comparison,
  limit: number | bigint,
  unit: string,
  measure: (data: JsonData, budget: CheckBudget) => number | bigint | undefined,
): Check {
  return (data, context) => {
    const measured = measure(data, context.budget);
    return measured === undefined || COMPARE[comparison](measured, limit)
      ? undefined
      : mismatchAt(context.path, `expected ${comparison} ${limit}${unit}`);
  };
}

/** Counts code points. */
function textLength(data: JsonData, budget: CheckBudget): number | undefined {
  if (typeof data !== "string") return undefined;
  budget.spend(data.length);
  let length = 0;
  for (let i = 0; i < data.length; i++) if ((data.charCodeAt(i) & 0xfc00) !== 0xdc00) length += 1;
  return length;
}

const itemCount = (data: JsonData): number | undefined => (isJsonArray(data) ? data.length : undefined);
const memberCount = (data: JsonData): number | undefined => (isJsonObject(data) ? data.size : undefined);

function readMultipleOf({ value, path }: KeywordUse): Check {
  const divisor = numberOf(value);
  if (divisor === undefined || divisor <= 0) throw invalidSchema(path, "expected a number above 0");
  return (data, context) => {
    const number = numberOf(data);
    if (number === undefined) return undefined;
    context.budget.spend(VISIT_COST);
    return isMultiple(number, divisor) ? undefined : mismatchAt(context.path, `expected a multiple of ${divisor}`);
  };
}

/** Compares the decimal texts of the numbers, so 0.0075 is a multiple of 0.0001. */
function isMultiple(number: number | bigint, divisor: number | bigint): boolean {
  const [left, leftExponent] = decimalOf(number);
  const [right, rightExponent] = decimalOf(divisor);
  const exponent = Math.min(leftExponent, rightExponent);
  return (left * 10n ** BigInt(leftExponent - exponent)) % (right * 10n ** BigInt(rightExponent - exponent)) === 0n;
}

/** Returns digits and exponent: the number is `digits × 10^exponent`. */
function decimalOf(number: number | bigint): readonly [digits: bigint, exponent: number] {
  const [, whole = "0", fraction = "", exponent = "0"] = /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)) ?? [];
  return [BigInt(whole + fraction), Number(exponent) - fraction.length];
}

/** Tests whether a text contains a match of a regular expression. */
export type TextTest = (text: string, budget: CheckBudget) => boolean;

/** Reads a regular expression in the syntax of the `regex` builtins. It takes linear time. */
export function readPattern(pattern: string, path: JsonPath): TextTest {
  const parsed = parsePattern(pattern);
  if ("message" in parsed) throw invalidSchema(path, `the regular expression is wrong at character ${parsed.character}: ${parsed.message}`);
  const { size } = parsed.pattern;
  let matcher: Matcher | undefined;
  return (text, budget) => {
    budget.spend(Math.ceil(((text.length + 1) * (size + VISIT_COST)) / VISIT_COST));
    matcher ??= createMatcher(compilePattern(parsed.pattern));
    const isMatch = occurs(matcher, text);
    forgetStates(matcher);
    return isMatch;
  };
}

function readPatternKeyword({ value, path }: KeywordUse): Check {
  if (typeof value !== "string") throw invalidSchema(path, "expected a regular expression, which is a text");
  const test = readPattern(value, path);
  return (data, context) =>
    typeof data !== "string" || test(data, context.budget) ? undefined : mismatchAt(context.path, `expected a match of ${shorten(value)}`);
}

function readUniqueItems({ value, path }: KeywordUse): Check | undefined {
  if (typeof value !== "boolean") throw invalidSchema(path, "expected true or false");
  if (!value) return undefined;
  return (data, context) => {
    if (!isJsonArray(data)) return undefined;
    const firstIndexes = new Map<string, number>();
    for (const [i, item] of data.entries()) {
      const key = equalityKey(item, context.budget);
      const first = firstIndexes.get(key);
      if (first !== undefined) return mismatchAt({ parent: context.path, key: i }, `is equal to item ${first}`);
      firstIndexes.set(key, i);
    }
    return undefined;
  };
}

/** Returns a check that an object has all these members. */
export function requireNames(names: readonly string[]): Check {
  return (data, context) => {
    if (!isJsonObject(data)) return undefined;
    context.budget.spend(names.length);
    const missing = names.find((name) => !data.has(name));
    return missing === undefined ? undefined : mismatchAt({ parent: context.path, key: missing }, "is missing");
  };
}

export const ASSERTIONS: readonly (readonly [string, Keyword])[] = [
  ["type", { doc: "`null`, `boolean`, `integer`, `number`, `string`, `array`, `object`, or a list of them", read: readType }],
  ["enum", { doc: "a list of values, of which one must be equal", read: readEnum }],
  ["const", { doc: "the only value", read: ({ value }) => oneOf([value]) }],
  ["minLength", { doc: "the fewest characters of a text", read: sizeBound("at least", "characters", textLength) }],
  ["maxLength", { doc: "the most characters of a text", read: sizeBound("at most", "characters", textLength) }],
  ["pattern", { doc: "a regular expression that a text must contain a match of", read: readPatternKeyword }],
  ["minimum", { doc: "the smallest number", read: numberBound("at least") }],
  ["maximum", { doc: "the largest number", read: numberBound("at most") }],
  ["exclusiveMinimum", { doc: "numbers are above this one", read: numberBound("above") }],
  ["exclusiveMaximum", { doc: "numbers are below this one", read: numberBound("below") }],
  ["multipleOf", { doc: "numbers are multiples of this one", read: readMultipleOf }],
  ["minItems", { doc: "the fewest items of an array", read: sizeBound("at least", "items", itemCount) }],
  ["maxItems", { doc: "the most items of an array", read: sizeBound("at most", "items", itemCount) }],
  ["uniqueItems", { doc: "true if no two items may be equal", read: readUniqueItems }],
  ["minProperties", { doc: "the fewest members of an object", read: sizeBound("at least", "members", memberCount) }],
  ["maxProperties", { doc: "the most members of an object", read: sizeBound("at most", "members", memberCount) }],
  ["required", { doc: "names that an object must have", read: ({ value, path }) => requireNames(namesOf(value, path)) }],
];
