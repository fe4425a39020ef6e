/** The pages for language models: their size, their programs, and the mistakes that they list. */
import { encode } from "gpt-tokenizer";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { MISTAKES } from "../../scripts/llms/mistakes.ts";
import { PAGE_BUDGETS } from "../../scripts/llms/llms.ts";
import { referencePages } from "../../scripts/reference.ts";
import { expectationOf, failedTests, outcome } from "../outcome.ts";

const PAGES = referencePages();

test.each(Object.entries(PAGE_BUDGETS))("docs/%s has at most %i tokens", (name, budget) => {
  expect(encode(PAGES.get(name) ?? "").length).toBeLessThanOrEqual(budget);
  expect(PAGES.get(name)).not.toMatch(/\{\{\w+\}\}$/m);
});

const PROGRAMS = [...(PAGES.get("llms-small.txt") ?? "").matchAll(/^```ax\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

test("the small page has four programs", () => expect(PROGRAMS).toHaveLength(4));

test.each(PROGRAMS)("the program %j has its result, and its tests pass", async (text) => {
  const expectation = expectationOf(text) ?? "";
  expect(expectation).toMatch(/^value \S/);
  expect(await outcome(text, expectation)).toBe(expectation);
  expect(check({ name: "main.ax", text }).diagnostics).toEqual([]);
  expect(await failedTests(text)).toEqual([]);
});

describe.each(MISTAKES)("$wrong", ({ code, wrong, right, before }) => {
  // The last line makes the texts statements whose values are dropped.
  const program = (text: string): string => (/^(?:fn|enum) /.test(text) ? text : `fn main() -> Unit {\n${before ?? ""}\n${text}\n()\n}`);
  const diagnosticsOf = (text: string) => check({ name: "main.ax", text: program(text) }).diagnostics;

  test(`is ${code}`, () => expect(diagnosticsOf(wrong).map((d) => d.code)).toContain(code));

  test("the right text has no errors", () => {
    expect(diagnosticsOf(right).filter((d) => d.severity === "error" || d.code === code)).toEqual([]);
  });
});
