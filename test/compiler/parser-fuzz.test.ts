import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParsedFile } from "../../compiler/ast.ts";
import { Diagnostics, diagnosticToJson } from "../../compiler/diagnostics.ts";
import { parse } from "../../compiler/parser/parse.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { KEYWORDS, RESERVED_WORDS, PUNCTUATORS } from "../../compiler/tokens.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { scaledRuns } from "../cases.ts";

const folder = `${CONFORMANCE_ROOT}language/`;
const programs = readdirSync(folder)
  .filter((name) => name.endsWith(".ax"))
  .map((name) => readFileSync(`${folder}${name}`, "utf8"))
  .filter((text) => text.length < 2_000);

/** Parses the text, and checks what holds for every tree and every diagnostic. */
function parseAndCheck(text: string): ParsedFile {
  const diagnostics = new Diagnostics("main.ax");
  const file = parse({ name: "main.ax", text }, diagnostics);
  checkSpans(file.items, 0, text.length);
  for (const comment of file.comments) expect(text.slice(comment.span.start, comment.span.end)).toBe(comment.text);
  for (const diagnostic of diagnostics.sorted()) {
    expect(["E001", "E002", "E015"]).toContain(diagnostic.code);
    checkSpan(diagnostic.span, 0, text.length);
    for (const fix of diagnostic.fixes) for (const edit of fix.edits) checkSpan(edit.span, 0, text.length);
    renderDiagnostic(diagnostic, () => text);
    diagnosticToJson(diagnostic, () => text);
  }
  if (!diagnostics.hasErrors)
    expect(JSON.stringify(file.items, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value))).not.toContain(
      '"kind":"error"',
    );
  return file;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function checkSpan(span: unknown, start: number, end: number): { readonly start: number; readonly end: number } {
  if (!isObject(span) || !("start" in span) || !("end" in span) || typeof span.start !== "number" || typeof span.end !== "number") {
    throw new Error("a span is missing");
  }
  if (!(start <= span.start && span.start <= span.end && span.end <= end)) {
    throw new Error(`span ${span.start}-${span.end} is not inside ${start}-${end}`);
  }
  return { start: span.start, end: span.end };
}

/** Every span lies inside the span of its parent. */
function checkSpans(node: unknown, start: number, end: number): void {
  if (!isObject(node)) return;
  const inner = "span" in node ? checkSpan(node.span, start, end) : { start, end };
  for (const [key, value] of Object.entries(node)) if (key !== "span" && key !== "opSpan") checkSpans(value, inner.start, inner.end);
}

const token = fc.constantFrom(
  ...KEYWORDS,
  ...RESERVED_WORDS,
  ...PUNCTUATORS,
  ..."a b x main f P Int List Fn E V 0 1 42 9223372036854775808 1.5 -".split(" "),
  '"s"',
  '"\\q"',
  '"',
  "//",
  "@",
  "'",
  "\n",
  "\n",
  "\n",
  "fn f() {",
  "}",
  "{ a: 1 }",
  "if a {",
  "match a {",
  "=>",
  "é",
  "\ud800",
);
const soup = fc.array(fc.tuple(token, fc.constantFrom(" ", "", "\n")), { maxLength: 120 }).map((parts) => parts.flat().join(""));

describe("any text", () => {
  test("random Unicode", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        parseAndCheck(text);
        parseAndCheck(`fn main() { ${text}`);
      }),
      { numRuns: scaledRuns(600) },
    );
  });

  test("random UTF-16 with lone surrogates", () => {
    const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(units, (text) => void parseAndCheck(`fn main() { "${text}" ${text}`)),
      { numRuns: scaledRuns(400) },
    );
  });

  test("random tokens", () => {
    fc.assert(
      fc.property(soup, (text) => {
        parseAndCheck(text);
        parseAndCheck(`fn main() -> Int {\n${text}\n}\n`);
      }),
      { numRuns: scaledRuns(1_500) },
    );
  });

  test("broken programs", () => {
    const edit = fc.tuple(fc.nat(2_000), fc.nat(12), fc.oneof(token, fc.constant("")));
    fc.assert(
      fc.property(fc.constantFrom(...programs), fc.array(edit, { minLength: 1, maxLength: 4 }), (program, edits) => {
        let text = program;
        for (const [at, length, insert] of edits) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + insert + text.slice(start + length);
        }
        parseAndCheck(text);
      }),
      { numRuns: scaledRuns(1_500) },
    );
  });

  test("truncated programs", () => {
    for (const program of programs) for (let end = 0; end < program.length; end += 7) parseAndCheck(program.slice(0, end));
  });

  test("two concatenated programs have the items of both", () => {
    fc.assert(
      fc.property(fc.constantFrom(...programs), fc.constantFrom(...programs), (first, second) => {
        const count = parseAndCheck(first).items.length + parseAndCheck(second).items.length;
        expect(parseAndCheck(`${first}\n${second}`).items.length).toBe(count);
      }),
      { numRuns: 50 },
    );
  });
});
