/** The required cases of the test suite of JSON Schema 2020-12 (https://github.com/json-schema-org/JSON-Schema-Test-Suite). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readSchema } from "../../../vm/json-schema/schema.ts";
import { BorunaError } from "../../../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../../../vm/json/json.ts";

const SUITE = new URL("../../../../shared/testdata/json-schema/", import.meta.url);
const FILES = existsSync(SUITE) ? readdirSync(SUITE).filter((file) => file.endsWith(".json")) : [];

/** The kinds of the errors for a schema that refers to another document, and for a pattern with a Unicode class. */
const LOADED = "schema.ref";
const UNICODE_CLASS = "schema.form";

/**
 * The groups whose schema we refuse, with the kind of the error and the number of cases: those that load another document, or the
 * meta-schema, and those with a class of Unicode.
 */
const REFUSED: readonly (readonly [string, string, number])[] = [
  ["defs.json: validate definition against metaschema", LOADED, 2],
  ["dynamicRef.json: strict-tree schema, guards against misspelled properties", LOADED, 2],
  ["dynamicRef.json: tests for implementation dynamic anchor and reference link", LOADED, 3],
  ["dynamicRef.json: $ref and $dynamicAnchor are independent of order - $defs first", LOADED, 3],
  ["dynamicRef.json: $ref and $dynamicAnchor are independent of order - $ref first", LOADED, 3],
  ["dynamicRef.json: $ref to $dynamicRef finds detached $dynamicAnchor", LOADED, 2],
  ["pattern.json: pattern with Unicode property escape requires unicode mode", UNICODE_CLASS, 3],
  ["patternProperties.json: patternProperties with Unicode property escape", UNICODE_CLASS, 2],
  ["ref.json: remote ref, containing refs itself", LOADED, 2],
  ["refRemote.json: remote ref", LOADED, 2],
  ["refRemote.json: fragment within remote ref", LOADED, 2],
  ["refRemote.json: anchor within remote ref", LOADED, 2],
  ["refRemote.json: ref within remote ref", LOADED, 2],
  ["refRemote.json: base URI change", LOADED, 2],
  ["refRemote.json: base URI change - change folder", LOADED, 2],
  ["refRemote.json: base URI change - change folder in subschema", LOADED, 2],
  ["refRemote.json: root ref in remote ref", LOADED, 3],
  ["refRemote.json: remote ref with ref to defs", LOADED, 2],
  ["refRemote.json: Location-independent identifier in remote ref", LOADED, 2],
  ["refRemote.json: retrieved nested refs resolve relative to their URI not $id", LOADED, 2],
  ["refRemote.json: remote HTTP ref with different $id", LOADED, 2],
  ["refRemote.json: remote HTTP ref with different URN $id", LOADED, 2],
  ["refRemote.json: remote HTTP ref with nested absolute ref", LOADED, 2],
  ["refRemote.json: $ref to $ref finds detached $anchor", LOADED, 2],
];

/** The only case where our answer differs from the suite's. Its meta-schema switches keywords off, but we load no meta-schema. */
const OTHER_ANSWERS = [
  "vocabulary.json: schema that uses custom metaschema with with no validation vocabulary: no validation: invalid number, but it still validates",
];

interface Case {
  readonly group: string;
  readonly name: string;
  readonly schema: JsonData;
  readonly data: JsonData;
  readonly valid: boolean;
}

function casesOf(file: string): readonly Case[] {
  const list = (data: JsonData | undefined): readonly JsonData[] => (data !== undefined && isJsonArray(data) ? data : []);
  const field = (data: JsonData, name: string): JsonData => (isJsonObject(data) ? (data.get(name) ?? null) : null);
  return list(parseJson(readFileSync(new URL(file, SUITE), "utf8"))).flatMap((group) =>
    list(field(group, "tests")).map((one) => {
      const name = `${file}: ${String(field(group, "description"))}`;
      return {
        group: name,
        name: `${name}: ${String(field(one, "description"))}`,
        schema: field(group, "schema"),
        data: field(one, "data"),
        valid: field(one, "valid") === true,
      };
    }),
  );
}

describe.skipIf(FILES.length === 0)("the JSON Schema test suite (skipped without ../shared/testdata)", () => {
  const cases = FILES.flatMap(casesOf);

  test("has 1,299 required cases", () => expect(cases.length).toBe(1_299));

  test("every case has its answer, but the named ones", () => {
    const refused = new Map<string, [string, number]>();
    const others: string[] = [];
    for (const { group, name, schema, data, valid } of cases) {
      try {
        if ((readSchema(schema).mismatchOf(data, "value") === undefined) !== valid) others.push(name);
      } catch (error) {
        if (!(error instanceof BorunaError)) throw error;
        refused.set(group, [error.kind, (refused.get(group)?.[1] ?? 0) + 1]);
      }
    }
    expect(others).toEqual(OTHER_ANSWERS);
    expect([...refused].map(([group, [kind, count]]) => [group, kind, count])).toEqual(REFUSED);
  });

  test("49 cases need another document or meta-schema, 5 a class of Unicode", () => {
    const count = (kind: string): number => REFUSED.reduce((sum, [, of, n]) => sum + (of === kind ? n : 0), 0);
    expect([count(LOADED) + OTHER_ANSWERS.length, count(UNICODE_CLASS)]).toEqual([49, 5]);
  });
});
