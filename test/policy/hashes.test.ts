/** A policy keeps its hash when the format gets more fields. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { documentFromJson } from "../../policy/document.ts";
import {
  BOOLEAN,
  field,
  type FieldSchema,
  type FieldTable,
  integer,
  addedLater,
  listOf,
  mapOf,
  nullable,
  objectOf,
} from "../../policy/field-schema.ts";
import { loadPolicy } from "../../policy/load.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { policyHash } from "../../policy/policy.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { canonicalJson, type JsonData, parseJson } from "../../vm/json/json.ts";
import { FULL, OLDER } from "./texts.ts";

const policy = (text: string) => parsePolicy(text, { file: "p.jsonc", jsonc: true });

describe("pinned hashes", () => {
  test.each([
    ["allow-all", "17fb510da109bd43a8ad2dd48021d5bbe90358dc0b5b65bd11ad352a5c7bfcf8"],
    ["deny-all", "0b8b3e545a5c2276be82c7a9792d0434c663a6191ab98aa0079af792f424c8d7"],
    ["examples/checked-summary/policy.json", "46faaccf4647e2000fc5fda2fff0674c1c1484fb8d3140e628b828c8dadfcf16"],
    ["examples/folder-report/policy.json", "b0e5dff6e3610ffc464ef27b5d417ae84de3cf643b01eb37b746003a960217c7"],
    ["examples/news-digest/policy.jsonc", "f14ff4efdff5ac8b477d039a912cdf2e40308f7b09cee69bf5c8b334aef79d75"],
    ["examples/refused/policy.json", "74d696c5500290faaf00ddde62910c31ac3aaa6eca923bceb334d5d81992f0e9"],
    ["examples/word-count/policy.json", "df58fd71682c01b60f014b6c2ca99308a34136b2c4be6a9fb2cc9859d2478a98"],
  ])("%s", (name, hash) => expect(policyHash(loadPolicy(name))).toBe(`sha256:${hash}`));

  test("a policy of the Rust toolchain, and one with every field of version 1", () => {
    expect(policyHash(policy(OLDER))).toBe("sha256:65b03ff91f29ba1a88c8044281b5f1a7c3aa1b3cf56036fbcf0aff787545d37e");
    expect(policyHash(policy(FULL))).toBe("sha256:d7f65676ac03afadddadc3235880af778ebc052b53b291760b873107e8bc0914");
  });
});

/** Returns the schema of an object that is read as a map from the names of its fields to their values. */
const objectFrom = (table: FieldTable): FieldSchema<ReadonlyMap<string, unknown>> =>
  objectOf("an object", table, (read) => new Map(Object.values(table).map((f) => [f.name, read(f)])));
const canonical = <T>(schema: FieldSchema<T>, data: JsonData): string => {
  const value = schema.read(documentFromJson(data), { path: "", kind: "policy.parse_error", lineAndColumnAt: () => ({}) });
  return canonicalJson(schema.withoutLaterDefaults(jsonFromJs(value)));
};

const ANY_NAME = (): undefined => undefined;

/** A schema of each kind, with a default and another valid value. */
const FORMS: readonly { readonly schema: FieldSchema<unknown>; readonly fallback: unknown; readonly other: JsonData }[] = [
  { schema: BOOLEAN, fallback: false, other: true },
  { schema: integer(0, 100), fallback: 7, other: 8 },
  { schema: nullable(integer(0, 9)), fallback: null, other: 1 },
  { schema: listOf(integer(0, 9), "numbers"), fallback: [1, 2], other: [2, 1] },
  { schema: mapOf("numbers", integer(0, 9), ANY_NAME), fallback: new Map([["a", 1]]), other: new Map() },
  {
    schema: objectFrom({ part: field("part", BOOLEAN, true, "") }),
    fallback: new Map([["part", true]]),
    other: new Map([["part", false]]),
  },
];
const form = fc.constantFrom(...FORMS);
/** A table of fields of version 1 (`older`), the same table with later fields (`newer`), and the data of a file for both. */
interface Versions {
  readonly older: FieldTable;
  readonly newer: FieldTable;
  readonly data: ReadonlyMap<string, JsonData>;
}
const arbitraryVersions = (depth: number): fc.Arbitrary<Versions> =>
  fc
    .record({
      first: fc.array(fc.record({ form, isSet: fc.boolean() }), { maxLength: 4 }),
      added: fc.array(form, { maxLength: 4 }),
      inner: depth === 0 ? fc.constant(undefined) : fc.option(arbitraryVersions(depth - 1), { nil: undefined }),
      isMap: fc.boolean(),
    })
    .map(({ first, added, inner, isMap }) => {
      const older = Object.fromEntries(first.map((f, i) => [`f${i}`, field(`f${i}`, f.form.schema, f.form.fallback, "")]));
      const newer = {
        ...older,
        ...Object.fromEntries(added.map((f, i) => [`new${i}`, addedLater(field(`new${i}`, f.schema, f.fallback, ""))])),
      };
      const data = new Map(first.flatMap((f, i): [string, JsonData][] => (f.isSet ? [[`f${i}`, f.form.other]] : [])));
      if (inner === undefined) return { older, newer, data };
      const nested = (table: FieldTable) => {
        const object = objectFrom(table);
        return field<unknown>("inner", isMap ? mapOf("objects", object, ANY_NAME) : nullable(object), undefined, "");
      };
      return {
        older: { ...older, inner: nested(inner.older) },
        newer: { ...newer, inner: nested(inner.newer) },
        data: new Map<string, JsonData>([...data, ["inner", isMap ? new Map([["x", inner.data]]) : inner.data]]),
      };
    });

test("later fields that a file does not set never change its canonical JSON", () => {
  fc.assert(
    fc.property(
      arbitraryVersions(3),
      ({ older, newer, data }) => canonical(objectFrom(newer), data) === canonical(objectFrom(older), data),
    ),
  );
});

test("a later field changes the canonical JSON only if its value is not the default", () => {
  for (const { schema, fallback, other } of FORMS) {
    const table = objectFrom({ x: addedLater(field("x", schema, fallback, "")) });
    expect(canonical(table, new Map())).toBe("{}");
    expect(canonical(table, new Map([["x", jsonFromJs(fallback)]]))).toBe("{}");
    const set = canonical(table, new Map([["x", other]]));
    expect(set).toBe(canonicalJson(new Map([["x", other]])));
    expect(canonical(table, parseJson(set))).toBe(set);
  }
});
