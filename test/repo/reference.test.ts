import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runSource } from "../run-program.ts";
import { DOCS_FOLDER, referencePages } from "../../scripts/reference.ts";

test.each([...referencePages()])("docs/%s is up to date (npm run docs)", (name, text) => {
  expect(readFileSync(`${DOCS_FOLDER}${name}`, "utf8")).toBe(text);
});

test.each([
  ["invalid_value", "fn main() -> Int { int.pow(2, -1) }"],
  ["invalid_value", 'fn main() -> Bool { regex.matches("a", string.trim("(")) }'],
])("the table of traps on the language page has %s, which %j meets", async (kind, text) => {
  const ran = await runSource(text, {});
  expect(ran.end).toMatchObject({ status: "trapped", trap: { kind } });
  const rows = readFileSync(`${DOCS_FOLDER}reference/language.md`, "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`| \`${kind}\``));
  expect(rows).toHaveLength(1);
});
