import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { temporaryFolder } from "../after-file.ts";
import { readSchema } from "../../vm/json-schema/schema.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { ANSWERS } from "../../mcp/answers.ts";
import { docsPages, docsPiece, docsText } from "../../mcp/docs.ts";
import { PROGRAM_TOOLS } from "../../mcp/programs.ts";
import { TOOLS } from "../../mcp/tool-table.ts";

/** A schema of version 1 never changes its meaning: members may be added, nothing else. */
test("the tools and their schemas", () => {
  expect(TOOLS).toMatchSnapshot();
});

test("every tool has an implementation, and its schemas can be read", () => {
  expect([...ANSWERS.keys(), ...PROGRAM_TOOLS.keys()].toSorted()).toEqual(TOOLS.map(({ name }) => name).toSorted());
  for (const { name, inThread } of TOOLS) expect(PROGRAM_TOOLS.has(name)).toBe(inThread);
  for (const { inputSchema, outputSchema } of TOOLS) {
    expect(() => readSchema(jsonFromJs(inputSchema), { refuseUnknown: true })).not.toThrow();
    expect(() => readSchema(jsonFromJs(outputSchema), { refuseUnknown: true })).not.toThrow();
  }
});

test("clients of the 1.x SDK can read the list: roots are objects, and no property is true or false", () => {
  const booleans = (schema: unknown): readonly unknown[] => {
    if (typeof schema !== "object" || schema === null) return [];
    return Object.entries(schema).flatMap(([key, value]) =>
      key === "properties" ? Object.values(value).filter((property) => typeof property === "boolean") : booleans(value),
    );
  };
  for (const { inputSchema, outputSchema } of TOOLS) {
    expect([inputSchema["type"], outputSchema["type"]]).toEqual(["object", "object"]);
    expect([...booleans(inputSchema), ...booleans(outputSchema)]).toEqual([]);
  }
});

test("boruna_log_show returns a value in parts of at most max_result_bytes, and splits no character", async () => {
  const logs = temporaryFolder();
  const text = 'fn main() -> String { string.repeat("a€😀", 200) }';
  await execute(compile({ name: "main.ax", text }), { record: join(logs, "run.jsonl"), tracing: false });
  const settings = { policy: "{}", live: false, logs, tools: [] };
  const context = {
    settings,
    signal: new AbortController().signal,
    onCall: () => {},
    tracing: undefined,
    caller: {},
    registry: BUILTIN_REGISTRY,
  };
  const parts: string[] = [];
  for (let start: unknown = 0; start !== undefined; ) {
    const args = { log: "run.jsonl", value: true, start, max_result_bytes: 257 };
    const answer = await PROGRAM_TOOLS.get("boruna_log_show")?.(args, context);
    parts.push(String(answer?.["value_json"]));
    start = answer?.["next"];
  }
  for (const part of parts) expect(utf8Length(part)).toBeLessThanOrEqual(257);
  expect(parts.map((part) => part.isWellFormed())).not.toContain(false);
  expect(parts.join("")).toBe(JSON.stringify("a€😀".repeat(200)));
});

describe("boruna_docs", () => {
  test("every page, and every section of a long page, is short enough for a model", () => {
    for (const page of docsPages().keys()) {
      const { text, sections } = docsPiece(page, undefined);
      expect(text.length).toBeLessThanOrEqual(24_000);
      for (const section of sections ?? []) expect(docsPiece(page, section).text.length).toBeLessThanOrEqual(24_000);
    }
  });

  test("a long page comes as its introduction and a list of sections; a section is found by its title in any case", () => {
    const { sections, text } = docsPiece("reference/language", undefined);
    expect(text.length).toBeLessThan(docsText("reference/language").length);
    const [first = ""] = sections ?? [];
    expect(docsPiece("reference/language", first.toUpperCase()).text).toContain(first);
  });

  test("the error for an unknown page or section lists those that exist", () => {
    expect(() => docsPiece("guide/tuor", undefined)).toThrow("there is no page");
    expect(() => docsPiece("../../package", undefined)).toThrow("there is no page");
    expect(() => docsPiece("guide/tour", "nothing")).toThrow("has no section");
    expect(docsPiece("index", undefined).pages).toContain("reference/std/std-json");
  });
});
