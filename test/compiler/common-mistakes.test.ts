/** What the compiler says to people who write another language's syntax. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import { testChunks } from "../golden-chunks.ts";
import { diagnosticsWithFixes, fixedText } from "./fixed-text.ts";

const errorsOf = (text: string): readonly Diagnostic[] =>
  check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");

const mistakes = ["common-mistakes", "other-languages", "python-mistakes", "typescript-mistakes", "rust-and-go-mistakes", "slips"].flatMap(
  (name) =>
    testChunks(new URL(`golden/${name}.txt`, import.meta.url), (text) =>
      diagnosticsWithFixes(text, check({ name: "main.ax", text }).diagnostics),
    ),
);

test.each(mistakes)("every error has a help text: $title", ({ program }) => {
  const errors = errorsOf(program);
  expect(errors).not.toEqual([]);
  expect(errors.filter((d) => d.help === undefined).map((d) => d.message)).toEqual([]);
});

test.each(mistakes)("a fix removes its error: $title", ({ program }) => {
  for (const diagnostic of errorsOf(program)) {
    for (const fix of diagnostic.fixes) {
      const after = errorsOf(fixedText(program, fix.edits));
      expect(after.filter((d) => d.message === diagnostic.message && d.span.start === diagnostic.span.start)).toEqual([]);
    }
  }
});
