import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ATTRIBUTES, attributesOf, SPANS } from "../../telemetry/attributes.ts";
import { VERSION } from "../../vm/version.ts";

describe("the table of spans and attributes", () => {
  test("span and attribute names match the specification", () => {
    expect(Object.keys(SPANS)).toEqual(["action.run", "boruna.run", "boruna.cap", "boruna.call", "boruna.flow"]);
    expect(attributesOf("action.run").map(([name]) => name)).toEqual(["action.fqn", "task.id", "action.outcome", "error.type"]);
    expect(attributesOf("boruna.cap").map(([name]) => name)).toEqual([
      "cap.name",
      "cap.call",
      "cap.mode",
      "cap.argument_count",
      "cap.allowed",
      "cap.known",
      "bytes_in",
      "bytes_out",
      "cap.budget_remaining",
      "error.kind",
      "error.type",
      "code.file.path",
      "code.line.number",
      "code.function.name",
      "code.caller.file.path",
      "code.caller.line.number",
      "code.caller.function.name",
      "gen_ai.operation.name",
      "gen_ai.request.model",
      "gen_ai.usage.input_tokens",
      "gen_ai.usage.output_tokens",
    ]);
    expect(attributesOf("boruna.call").map(([name]) => name)).toEqual([
      "error.type",
      "code.file.path",
      "code.line.number",
      "code.function.name",
      "call.argument_count",
    ]);
    expect(attributesOf("boruna.flow").map(([name]) => name)).toEqual([
      "error.type",
      "code.file.path",
      "code.line.number",
      "flow.construct",
      "branch_count",
      "branch_taken",
      "arm_count",
      "arm_taken",
      "iteration_count",
      "broke_early",
      "variable_name",
      "index",
    ]);
  });

  test("every row has a doc line and a span", () => {
    for (const [name, row] of Object.entries(ATTRIBUTES)) {
      expect(name).toMatch(/^[a-z]+([._][a-z]+)*$/);
      expect(row.doc).not.toBe("");
      expect(row.spans.length).toBeGreaterThan(0);
    }
  });
});

test("the version is the package's", () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(manifest).toMatchObject({ version: VERSION });
});
