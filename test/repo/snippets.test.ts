/** Every `ax` snippet in the docs is a complete program that has the result given in its first line. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { lineTable, positionAt } from "../../compiler/source.ts";
import { readLibraries } from "../../scripts/libraries.ts";
import { expectationOf, failedTests, outcome, resolve } from "../outcome.ts";

const DOCS = new URL("../../docs/", import.meta.url);

interface Snippet {
  /** The line number of the program's first line. */
  readonly line: number;
  readonly text: string;
}

function snippetsOf(page: string): readonly Snippet[] {
  const table = lineTable(page);
  return [...page.matchAll(/^```ax\n([\s\S]*?)^```$/gm)].map(({ index, 1: text = "" }) => ({
    line: positionAt(table, index).line + 1,
    text,
  }));
}

const PAGES = [
  { name: "reference/language.md", least: 20 },
  { name: "guide/tour.md", least: 20 },
  { name: "guide/coming-from.md", least: 2 },
  { name: "guide/files.md", least: 1 },
  { name: "guide/llm-call.md", least: 2 },
  { name: "guide/net-fetch.md", least: 1 },
  { name: "guide/output-schemas.md", least: 1 },
  ...readLibraries().map((library) => ({ name: `reference/std/${library.name}.md`, least: 1 })),
];

describe.each(PAGES)("docs/$name", ({ name, least }) => {
  const page = readFileSync(new URL(name, DOCS), "utf8");
  const snippets = snippetsOf(page);

  test("every fence is closed and names its language", () => {
    const fences = [...page.matchAll(/^\s*```(.*)$/gm)].map(({ 1: info = "" }) => info);
    expect(fences.length % 2).toBe(0);
    expect(fences.filter((info, i) => (i % 2 === 0 ? !["ax", "ax signature", "text", "sh", "json"].includes(info) : info !== ""))).toEqual(
      [],
    );
    expect(snippets.length).toBe(fences.filter((info) => info === "ax").length);
    expect(snippets.length).toBeGreaterThanOrEqual(least);
  });

  test.each(snippets)("line $line", async ({ text }) => {
    const expectation = expectationOf(text);
    expect(expectation).toMatch(/^(value|trap|warning|compile-error) \S/);
    expect(await outcome(text, expectation ?? "")).toBe(expectation);
    if (!/^(warning|compile-error) /.test(expectation ?? "")) expect(check({ name: "main.ax", text }, { resolve }).diagnostics).toEqual([]);
    if (expectation?.startsWith("compile-error ") !== true) expect(await failedTests(text)).toEqual([]);
  });
});

test("library exports have unique names and descriptions", () => {
  const exported = readLibraries().flatMap((library) => library.exports.map((e) => ({ ...e, library: library.name })));
  const names = exported.map((e) => e.name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  expect(exported.filter((e) => e.doc.trim() === "").map((e) => `${e.library}: ${e.name}`)).toEqual([]);
});
