/** What is said to those who write another language here. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import type { Diagnostic, Edit } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { COMMON_MISTAKES } from "./common-mistakes.ts";

const errorsOf = (text: string): readonly Diagnostic[] =>
  check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");

function applied(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const edit of [...edits].sort((a, b) => b.span.start - a.span.start)) {
    result = result.slice(0, edit.span.start) + edit.text + result.slice(edit.span.end);
  }
  return result;
}

const indented = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");

test("common mistakes are told as in the golden file", async () => {
  const shown = COMMON_MISTAKES.map((text) => {
    const found = errorsOf(text).map((diagnostic) => {
      const fixes = diagnostic.fixes.map((fix) => `fix: ${fix.title}\n${indented(applied(text, fix.edits))}`);
      return [renderDiagnostic(diagnostic, () => text), ...fixes].join("\n");
    });
    return `${indented(text)}\n\n${found.join("\n\n")}\n`;
  });
  await expect(shown.join(`\n${"-".repeat(80)}\n`)).toMatchFileSnapshot("golden/common-mistakes.txt");
});

test.each(COMMON_MISTAKES)("%s: help with every error", (text) => {
  const errors = errorsOf(text);
  expect(errors).not.toEqual([]);
  expect(errors.filter((d) => d.help === undefined).map((d) => d.message)).toEqual([]);
});

test.each(COMMON_MISTAKES)("%s: the fix mends its place", (text) => {
  for (const diagnostic of errorsOf(text)) {
    for (const fix of diagnostic.fixes) {
      const after = errorsOf(applied(text, fix.edits));
      expect(after.filter((d) => d.message === diagnostic.message && d.span.start === diagnostic.span.start)).toEqual([]);
    }
  }
});
