import { describe, expect, test } from "vitest";
import {
  CompileError,
  DIAGNOSTICS,
  type Diagnostic,
  Diagnostics,
  diagnosticToJson,
  MAX_DIAGNOSTICS_PER_FILE,
} from "../../compiler/diagnostics.ts";
import { parse } from "../../compiler/parser/parse.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { BorunaError } from "../../vm/error.ts";
import { testChunks } from "../golden-chunks.ts";
import { diagnosticsWithFixes, fixedText } from "./fixed-text.ts";

function diagnosticsOf(text: string): readonly Diagnostic[] {
  const diagnostics = new Diagnostics("main.ax");
  parse({ name: "main.ax", text }, diagnostics);
  return diagnostics.sorted();
}

describe("the table of codes", () => {
  test("is E001 to E017 and W001 to W009, in order", () => {
    const codes = [
      ...Array.from({ length: 17 }, (_, i) => `E${String(i + 1).padStart(3, "0")}`),
      ...Array.from({ length: 9 }, (_, i) => `W00${i + 1}`),
    ];
    expect(Object.keys(DIAGNOSTICS)).toEqual(codes);
    for (const [code, decl] of Object.entries(DIAGNOSTICS)) {
      expect(decl.severity).toBe(code.startsWith("E") ? "error" : "warning");
      expect(decl.doc).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe("the collector", () => {
  test("sorts by position and keeps 100 errors", () => {
    const diagnostics = new Diagnostics("a.ax");
    diagnostics.warning("W004", { start: 7, end: 8 }, "second");
    diagnostics.error("E003", { start: 3, end: 9 }, "first", { help: "look" });
    expect(diagnostics.sorted().map((d) => d.message)).toEqual(["first", "second"]);
    expect(diagnostics.sorted()[0]).toEqual({
      code: "E003",
      severity: "error",
      message: "first",
      file: "a.ax",
      span: { start: 3, end: 9 },
      help: "look",
      fixes: [],
    });
    for (let i = 0; i < 1000; i++) diagnostics.error("E009", { start: i, end: i }, `more ${i}`);
    expect(diagnostics.isFull).toBe(true);
    expect(diagnostics.errorCount).toBe(1001);
    expect(diagnostics.sorted().length).toBe(MAX_DIAGNOSTICS_PER_FILE + 2);
    expect(diagnostics.sorted().at(-1)?.message).toBe("more than 100 errors in this file; the rest are not shown");
  });

  test("becomes an error with the first message and the number of others", () => {
    const text = "fn main() {\n  let = 1\n  let y 2\n}";
    const error = new CompileError(diagnosticsOf(text), () => text);
    expect(error).toBeInstanceOf(BorunaError);
    expect(error.kind).toBe("compile_error");
    expect(error.message).toBe("E002: expected the name of a variable, found `=` (and 1 more error)");
    expect(error.place).toEqual({ file: "main.ax", line: 2, column: 7 });
    expect(error.diagnostics.length).toBe(2);
  });
});

describe("as JSON", () => {
  test("lines and columns in code points, edits in bytes", () => {
    const text = 'fn main() {\n  "é😀" === x\n}';
    const [diagnostic] = diagnosticsOf(text);
    expect(diagnostic === undefined ? undefined : diagnosticToJson(diagnostic, () => text)).toEqual({
      code: "E001",
      severity: "error",
      message: "`===` is not an operator",
      file: "main.ax",
      line: 2,
      column: 8,
      end_line: 2,
      end_column: 11,
      help: "write `==`",
      fixes: [{ title: "write `==`", edits: [{ start: 23, end: 26, text: "==" }] }],
    });
  });
});

describe("as text", () => {
  const at = (text: string, start: number, end: number, more: Partial<Diagnostic> = {}): string =>
    renderDiagnostic(
      { code: "E009", severity: "error", message: "wrong", file: "main.ax", span: { start, end }, fixes: [], ...more },
      () => text,
    );

  test("shows the line, carets and the help text", () => {
    expect(`\n${at("let x: Int =\n  1 + 2.5\n", 19, 22, { help: "use Float" })}\n`).toBe(`
error[E009]: wrong
 --> main.ax:2:7
  |
2 |   1 + 2.5
  |       ^^^
help: use Float
`);
  });

  test("a span over several lines shows the first and the last", () => {
    expect(`\n${at("f(a,\n  b,\n  c)\n", 0, 14)}\n`).toBe(`
error[E009]: wrong
 --> main.ax:1:1
  |
1 | f(a,
  | ^^^^
...
3 |   c)
  |   ^^
`);
    expect(`\n${at("f(a\n  b)\n", 2, 9)}\n`).toBe(`
error[E009]: wrong
 --> main.ax:1:3
  |
1 | f(a
  |   ^
2 |   b)
  |   ^^
`);
  });

  test("control characters are replaced, tabs become spaces", () => {
    expect(at("\tx\u001b[31m\u202ey", 1, 2).split("\n")[3]).toBe("1 |     x\ufffd[31m\ufffdy");
    expect(at("\tx", 1, 2).split("\n")[4]).toBe("  |     ^");
    expect(at("x", 0, 1, { file: "a\u001b[2J.ax", message: "a\u0007b" })).toContain("error[E009]: a\ufffdb\n --> a\ufffd[2J.ax:1:1");
  });

  test("a long line is cut around the caret", () => {
    const line = `${"a".repeat(500)}HERE${"b".repeat(500)}`;
    const [, , , source, carets] = at(line, 500, 504).split("\n");
    expect(source).toBe(`1 | …${"a".repeat(40)}HERE${"b".repeat(76)}…`);
    expect(carets).toBe(`  | ${" ".repeat(41)}^^^^`);
    expect(at("😀".repeat(400), 401 * 1 - 1, 402).split("\n")[3]).toContain("😀");
    expect(at(`x${"y".repeat(2000)}`, 0, 2001).split("\n")[3]).toBe(`1 | x${"y".repeat(119)}…`);
  });

  test("an empty span has one caret, even at the end of the file", () => {
    expect(at("ab\n", 2, 2).split("\n").slice(3)).toEqual(["1 | ab", "  |   ^"]);
    expect(at("ab\n", 3, 3).split("\n").slice(1)).toEqual([" --> main.ax:2:1", "  |", "2 |", "  | ^"]);
    expect(at("", 0, 0).split("\n").slice(3)).toEqual(["1 |", "  | ^"]);
  });

  test("without source text only the file name is shown", () => {
    const diagnostic: Diagnostic = {
      code: "W002",
      severity: "warning",
      message: "m",
      file: "x.ax",
      span: { start: 0, end: 1 },
      fixes: [{ title: "add `mut`", edits: [] }],
    };
    expect(renderDiagnostic(diagnostic, () => undefined)).toBe("warning[W002]: m\n--> x.ax\nhelp: add `mut`");
  });

  test("is colored only on request", () => {
    expect(at("x", 0, 1)).not.toContain("\u001b");
    const diagnostic: Diagnostic = { code: "E009", severity: "error", message: "m", file: "x.ax", span: { start: 0, end: 1 }, fixes: [] };
    expect(renderDiagnostic(diagnostic, () => "x", { color: true })).toContain("\u001b[1;31merror[E009]\u001b[0m");
  });
});

describe("syntax errors", () => {
  const files = ["lexical-errors", "item-errors", "statement-errors", "expression-errors", "match-errors"];
  const chunks = files.flatMap((name) =>
    testChunks(new URL(`golden/${name}.txt`, import.meta.url), (text) => diagnosticsWithFixes(text, diagnosticsOf(text))),
  );

  test("every program has one diagnostic, except the one with three wrong arms", () => {
    const others = chunks.filter(({ program }) => diagnosticsOf(program).length !== 1);
    expect(others.map(({ title }) => title)).toEqual(["three wrong arms"]);
  });

  test.each(chunks)("a fix removes its error: $title", ({ program }) => {
    for (const diagnostic of diagnosticsOf(program)) {
      for (const fix of diagnostic.fixes) {
        const after = diagnosticsOf(fixedText(program, fix.edits));
        expect(after.some((d) => d.message === diagnostic.message && d.span.start === diagnostic.span.start)).toBe(false);
      }
    }
  });
});

describe("invisible characters", () => {
  test.each([
    ["\u00a0", "a no-break space is not allowed between tokens", " "],
    ["\r", "a carriage return without a line feed is not allowed between tokens", "\n"],
    ["\u200b", "a zero-width space is not allowed between tokens", " "],
    ["\u2028\u2028", "a line separator is not allowed between tokens", "\n"],
    ["\u2029", "a paragraph separator is not allowed between tokens", "\n"],
    ["\u3000", "an ideographic space is not allowed between tokens", " "],
    ["\u0007", "U+0007 is not allowed in a program", undefined],
  ])("%j", (characters, message, instead) => {
    const [diagnostic, ...others] = diagnosticsOf(`fn main() -> Int {\n    1${characters}+ 2\n}\n`);
    expect(others).toEqual([]);
    expect(diagnostic).toMatchObject({ code: "E001", message, span: { start: 24, end: 24 + characters.length } });
    expect(diagnostic?.fixes.map((fix) => fix.edits[0]?.text)).toEqual(instead === undefined ? [] : [instead]);
  });
});
