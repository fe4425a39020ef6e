import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ATTRIBUTES, SPANS } from "../../telemetry/attributes.ts";
import { INSTRUMENTS } from "../../telemetry/instruments.ts";
import { VARIABLES } from "../../telemetry/variables.ts";

const FOLDERS = ["telemetry", "cli"];
/** Variables that do not belong to telemetry: those of commands and of live handlers, which `boruna doctor` names. */
const OTHERS = new Set(
  "BORUNA_DEBUG BORUNA_MCP_TOKEN BORUNA_BUILD_TELEMETRY_URL BORUNA_DB BORUNA_LLM_KEY BORUNA_LLM_MODEL BORUNA_LLM_URL".split(" "),
);

test("every variable that the code names is in the table", () => {
  const names = FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => readFileSync(join(folder, file), "utf8").match(/\b(?:OTEL|BORUNA)_[A-Z][A-Z_]*[A-Z]\b/g) ?? []),
  );
  expect([...new Set(names)].filter((name) => !(name in VARIABLES) && !OTHERS.has(name))).toEqual([]);
});

describe("docs/guide/telemetry.md", () => {
  const page = readFileSync("docs/guide/telemetry.md", "utf8");

  test("names only variables of the table", () => {
    const names = page.match(/\b(?:OTEL|BORUNA)_[A-Z][A-Z_]*[A-Z]\b/g) ?? [];
    expect(names.filter((name) => !(name in VARIABLES))).toEqual([]);
  });

  test("names only spans, attributes and metrics of the tables", () => {
    const names = page.match(/\b(?:boruna|cap|code|error)(?:\.[a-z_]+)+\b/g) ?? [];
    const known = { ...SPANS, ...ATTRIBUTES, ...INSTRUMENTS };
    expect(names.filter((name) => !(name in known))).toEqual([]);
  });
});
