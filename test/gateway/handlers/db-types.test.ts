/** The JSON form of each type: the same on both databases, whatever the session's settings are. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { arrayText, readArray } from "../../../gateway/handlers/db-arrays.ts";
import { DB_TYPES, parameterText, readValue } from "../../../gateway/handlers/db-types.ts";
import { valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { parseType } from "../../../vm/value/type.ts";
import { FloatValue, I64_MAX, I64_MIN, intFromBigInt, UNIT, type Value } from "../../../vm/value/value.ts";
import { scaledRuns, someOf } from "../../cases.ts";
import { DATABASES, type Query, queryOn } from "./databases.ts";

const toJson = (value: Value): string => canonicalJson(valueToTypedJson(value, parseType("Json"), []));

/** Text that PostgreSQL stores: no NUL. */
const text = fc.string({ unit: "binary" }).filter((t) => !t.includes("\0"));
const arbitraryInt = (bits: bigint): fc.Arbitrary<Value> => fc.bigInt(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n).map(intFromBigInt);
/** PostgreSQL's numeric has no negative zero. */
const float = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0));
const json: fc.Arbitrary<Value> = fc.letrec<{ value: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof(
    fc.boolean(),
    text,
    arbitraryInt(64n),
    float.filter((x) => !Number.isInteger(x)).map((x) => new FloatValue(x)),
    fc.constant(UNIT),
  ),
  value: fc.oneof(
    { maxDepth: 3 },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => ListValue.of(items)),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 3 }).map((entries) => MapValue.from(entries)),
  ),
})).value;
const arbitraryDigits = (count: number): fc.Arbitrary<string> =>
  fc.nat({ max: 10 ** count - 1 }).map((n) => String(n).padStart(count, "0"));
const day = fc
  .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T00:00:00Z"), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
/** A time of day as PostgreSQL writes it: the fraction has no zeros at its end. */
const time = fc
  .tuple(fc.nat(23), fc.nat(59), fc.nat(59), arbitraryDigits(6))
  .map(([h, m, s, fraction]) => `${[h, m, s].map((n) => String(n).padStart(2, "0")).join(":")}${`.${fraction}`.replace(/\.?0+$/, "")}`);
const timestamp = fc.tuple(day, time).map(([d, t]) => `${d}T${t}`);
const bytes = fc.uint8Array().map((array) => Buffer.from(array).toString("base64"));

/** Values of each type in their JSON form. */
const VALUES: ReadonlyMap<string, fc.Arbitrary<Value>> = new Map<string, fc.Arbitrary<Value>>([
  ["bool", fc.boolean()],
  ["int2", arbitraryInt(16n)],
  ["int4", arbitraryInt(32n)],
  ["int8", arbitraryInt(64n)],
  ["oid", fc.nat(2 ** 31 - 1)],
  // Fractions that float4 holds exactly.
  ["float4", fc.integer({ min: -(2 ** 20), max: 2 ** 20 }).map((n) => new FloatValue(n / 8))],
  [
    "float8",
    fc.oneof(
      float.map((x) => new FloatValue(x)),
      fc.constantFrom<Value>("NaN", "Infinity", "-Infinity", new FloatValue(-0)),
    ),
  ],
  ["numeric", fc.tuple(fc.bigInt(), arbitraryDigits(3)).map(([whole, fraction]) => `${whole}.${fraction}`)],
  ["text", text],
  ["varchar", text],
  ["bytea", bytes],
  ["json", json],
  ["jsonb", json],
  ["date", day],
  ["timestamp", timestamp],
  ["timestamptz", timestamp.map((t) => `${t}Z`)],
  ["time", time],
  ["uuid", fc.uuid()],
]);

/** [expression, JSON]: the same on both databases. */
const FORMS: readonly (readonly [string, string])[] = [
  ["null::int", "null"],
  ["9223372036854775807", "9223372036854775807"],
  ["0.1::float4", "0.1"],
  ["1e300::float8", "1e300"],
  ["'NaN'::float8", '"NaN"'],
  ["'-infinity'::float4", '"-Infinity"'],
  ["1.10::numeric", '"1.10"'],
  ["'2026-01-31 12:00:00.123456+02'::timestamptz", '"2026-01-31T10:00:00.123456Z"'],
  ["'2026-07-01 12:00'::timestamp", '"2026-07-01T12:00:00"'],
  ["'infinity'::timestamptz", '"infinity"'],
  ["'0044-03-15 12:00 BC'::timestamp", '"0044-03-15 12:00:00 BC"'],
  ["'12026-01-31'::date", '"12026-01-31"'],
  ["interval '1 year 2 days -03:00'", '"P1Y2DT-3H"'],
  ["'\\x00ff'::bytea", '"AP8="'],
  ["''::bytea", '""'],
  ['\'{"b": 1, "a": [1.50, 9007199254740993, 1e30, null]}\'::jsonb', '{"a":[1.5,9007199254740993,1e30,null],"b":1}'],
  ['\'{"a": 1, "a": 2}\'::json', '{"a":2}'],
  ["'null'::jsonb", "null"],
  ["array[1, null, 3]", "[1,null,3]"],
  ["'[0:1]={1,2}'::int[]", "[1,2]"],
  ["'{{1,2},{3,4}}'::int8[]", "[[1,2],[3,4]]"],
  ["'{}'::text[]", "[]"],
  ["array['a\"b', 'c\\d', '', 'NULL', null, '{x}', 'é, ü']", '["a\\"b","c\\\\d","","NULL",null,"{x}","é, ü"]'],
  ["array['\\x00'::bytea]", '["AA=="]'],
  ["array['{\"a\": [1]}'::jsonb]", '[{"a":[1]}]'],
  ["array['2026-01-31 00:00Z'::timestamptz]", '["2026-01-31T00:00:00Z"]'],
  ["int4range(1, 5)", '"[1,5)"'],
  ["row(1, 'a b')", '"(1,\\"a b\\")"'],
  ["point(1, 2)", '"(1,2)"'],
  ["pg_sleep(0)", "null"],
  ["'192.0.2.1/24'::inet", '"192.0.2.1/24"'],
  ["'a'::\"char\"", '"a"'],
  ["'a'::char(3)", '"a  "'],
];

// `npm test` uses only the server, if there is one.
describe.each(someOf(DATABASES.filter(({ isAvailable }) => isAvailable).toReversed()))("types, $name", (database) => {
  let query: Query;
  const valueOf = async (expression: string, params: readonly Value[] = []): Promise<Value> => {
    const rows = await query.values(`select ${expression} as v`, params);
    const row = rows instanceof ListValue ? rows.toArray()[0] : undefined;
    const value = row instanceof MapValue ? row.get("v") : undefined;
    if (value === undefined) throw new Error("no row");
    return value;
  };

  beforeAll(async () => {
    query = queryOn(await database.start());
  });
  afterAll(() => database.stop());

  test.each(FORMS)("%s", async (expression, expected) => {
    expect(toJson(await valueOf(expression))).toBe(expected);
  });

  test.each(DB_TYPES.filter(({ name }) => name !== "void"))("the example of $name", async ({ name, example, oid }) => {
    // The type "char" in quotes is not the type char.
    const type = name === "char" ? '"char"' : name === "bit" ? "bit(1)" : name;
    const expected = readValue(example, oid, "v");
    expect(toJson(await valueOf(`$1::text::${type}`, [example]))).toBe(toJson(expected));
    expect(toJson(await valueOf(`$1::${type}`, [expected]))).toBe(toJson(expected));
    expect(await valueOf(`pg_typeof(null::${type})::oid`)).toBe(oid);
    expect(await valueOf(`pg_typeof(null::${type}[])::oid`)).toBe(DB_TYPES.find((t) => t.oid === oid)?.arrayOid);
  });

  test("a value that is passed comes back the same, alone and in an array", async () => {
    const types = [...VALUES.keys()];
    const one = fc.tuple(...types.map((type) => VALUES.get(type) ?? fc.constant(UNIT)));
    const columns = types.flatMap((type, i) => [`$${2 * i + 1}::${type} as c${2 * i}`, `$${2 * i + 2}::${type}[] as c${2 * i + 1}`]);
    await fc.assert(
      fc.asyncProperty(one, one, async (first, second) => {
        // NULL in an array of JSON is JSON null.
        const params = first.flatMap((value, i) => [value, ListValue.of([value, UNIT, second[i] ?? UNIT])]);
        const rows = await query.values(`select ${columns.join(", ")}`, params);
        expect(toJson(rows)).toBe(toJson(ListValue.of([MapValue.from(params.map((value, i) => [`c${i}`, value] as const))])));
      }),
      { numRuns: scaledRuns(500) },
    );
  });

  test("arrays of several dimensions come back the same", async () => {
    const matrix = ListValue.of([ListValue.of(["a", "{b}"]), ListValue.of(['"', UNIT])]);
    expect(toJson(await valueOf("$1::text[]", [matrix]))).toBe(toJson(matrix));
  });

  test.each([
    ["$1::text", MapValue.EMPTY, "parameter 1 is an object, which text does not take. Cast the parameter in the statement: $1::jsonb"],
    ["$1::int[]", MapValue.EMPTY, "parameter 1 is an object, which int4[] does not take. Cast the parameter in the statement: $1::jsonb"],
    [
      "$1::text",
      ListValue.of([1]),
      "parameter 1 is a List, which text does not take. Cast the parameter in the statement: $1::jsonb, or $1::text[] for an array",
    ],
  ])("%s does not take every JSON", async (expression, value, message) => {
    expect(await query.failure(`select ${expression} as v`, [value])).toBe(`failed: ${message}`);
  });
});

describe("the table", () => {
  test("has each id once", () => {
    const oids = DB_TYPES.flatMap(({ oid, arrayOid }) => (arrayOid === undefined ? [oid] : [oid, arrayOid]));
    expect(new Set(oids).size).toBe(oids.length);
  });

  test("an Int in JSON keeps all its digits", () => {
    for (const int64 of [I64_MIN, I64_MAX]) {
      expect(readValue(String(int64), 20, "v")).toBe(int64);
      expect(readValue(`[${int64}]`, 3802, "v")).toEqual(ListValue.of([int64]));
      expect(parameterText(int64, 3802, 1)).toBe(String(int64));
    }
  });

  test("an array's text is parsed back to the array; any other text fails and never hangs", () => {
    const element = fc.oneof(fc.string({ unit: "binary" }), fc.constant<Value>(UNIT));
    fc.assert(
      fc.property(fc.array(element), (elements) => {
        const list = ListValue.of(elements);
        const write = (value: Value): string | undefined => (typeof value === "string" ? value : undefined);
        expect(readArray(arrayText(list, write, { nests: true }) ?? "", (t) => t).toArray()).toEqual(elements);
      }),
      { numRuns: scaledRuns(1_000) },
    );
    for (const broken of ["", "{", "{a", '{"a', '{"a\\', "{a}b{", "{,}", "{a,,b}", "{{{{{{{1}}}}}}}", "1}", "{a b{}}"])
      try {
        readArray(broken, (t) => t);
      } catch (error) {
        expect(String(error)).toContain("cannot be read");
      }
  });
});
