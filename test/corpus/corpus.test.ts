/** The programs of the corpus return what they always returned, are formatted, and stay short. `README.md` says what they are. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { formatSource } from "../../compiler/format/format.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../../vm/json/json.ts";
import { valueFromTypedJson } from "../../vm/json/typed-json.ts";
import { parseType } from "../../vm/value/type.ts";
import { resolve } from "../outcome.ts";
import { ENGINES, runOn } from "../vm/hostile/hostile.ts";

const FOLDER = new URL("./", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, FOLDER), "utf8");
const filesOf = (folder: string, ending: string): readonly string[] =>
  readdirSync(new URL(`${folder}/`, FOLDER)).flatMap((name) => (name.endsWith(ending) ? [`${folder}/${name}`] : []));

const casesOf = parseJson(read("cases.json"));
const PROGRAMS = [...filesOf("exercises", ".ax"), ...filesOf("larger", ".ax")];

const member = (data: JsonData | undefined, name: string): JsonData | undefined =>
  data !== undefined && isJsonObject(data) ? data.get(name) : undefined;
const items = (data: JsonData | undefined): readonly JsonData[] => (data !== undefined && isJsonArray(data) ? data : []);

test.each(PROGRAMS)("%s", (name) => {
  const text = read(name);
  expect(check({ name, text }, { resolve }).diagnostics).toEqual([]);
  expect(formatSource({ name, text })).toMatchObject({ text });
  const program = verifyModule(compile({ name, text }, { resolve }).module);
  const { signature, types } = program.module;
  const cases = items(member(casesOf, name));
  expect(cases.length).toBeGreaterThan(0);
  for (const given of cases) {
    const values = items(member(given, "args"));
    const args = signature?.params.map(({ type }, i) => valueFromTypedJson(values[i] ?? null, parseType(type), types));
    for (const engine of ENGINES) expect(runOn(engine, program, {}, args).ended).toBe(`value ${String(member(given, "value"))}`);
  }
});

test("the exercises take at most 1.35 times the characters of their Python", () => {
  const characters = (ending: string): number => filesOf("exercises", ending).reduce((sum, name) => sum + Array.from(read(name)).length, 0);
  expect(filesOf("exercises", ".py").length).toBe(filesOf("exercises", ".ax").length);
  expect(characters(".ax") / characters(".py")).toBeLessThanOrEqual(1.35);
});
