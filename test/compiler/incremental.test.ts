/** An analysis that is updated finds what a check from scratch finds. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { type Diagnostic, MAX_DIAGNOSTICS_PER_FILE } from "../../compiler/diagnostics.ts";
import { Analysis } from "../../compiler/incremental/analysis.ts";
import type { Resolver } from "../../compiler/load-units.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns } from "../cases.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ax"))
    .map((name) => readFileSync(join(folder, name), "utf8"));

const programs = [...filesIn("test/language"), ...filesIn("examples"), ...filesIn("std"), ...filesIn(`${CONFORMANCE_ROOT}language`)].filter(
  (text) => text.length < 6_000,
);

const shipped: Resolver = (name) => {
  const text = LIBRARIES.get(name);
  return text === undefined ? undefined : { name: `std/${name}/src/core.ax`, text };
};
const LIBRARIES = new Map(readdirSync("std").map((name) => [name, readFileSync(join("std", name, "src/core.ax"), "utf8")]));

const show = (d: Diagnostic): unknown => ({
  ...d,
  fixes: d.fixes.map(({ title, edits }) => ({ title, edits: edits.map(({ span, text }) => ({ span, text })) })),
});

/** The diagnostics of a check from scratch, without those of lowering. */
function fromScratch(text: string, resolve: Resolver): readonly unknown[] {
  return check({ name: "main.ax", text }, { resolve })
    .diagnostics.filter((d) => !d.message.includes("is too large: "))
    .map(show);
}

/** Whether there are too many errors to keep all. Then the order in which they are found decides which are kept. */
const isOverLimit = (diagnostics: readonly unknown[]): boolean => diagnostics.length >= MAX_DIAGNOSTICS_PER_FILE;

function expectSame(analysis: Analysis, text: string, resolve: Resolver): void {
  const expected = fromScratch(text, resolve);
  const found = analysis.update({ name: "main.ax", text }).map(show);
  if (isOverLimit(expected)) return;
  try {
    expect(found).toEqual(expected);
  } catch (error) {
    throw new Error(`for the text\n${text}`, { cause: error });
  }
}

const snippet = fc.constantFrom(
  "",
  "",
  " ",
  "\n",
  "(",
  ")",
  "{",
  "}",
  '"',
  '"""',
  "//",
  "/*",
  ".",
  ",",
  "=",
  "x",
  "Int",
  "fn ",
  "let ",
  "1",
  "\nfn f() -> Int { 1 }\n",
  "\nfn main() -> Int { f() }\n",
  "\ntype P { x: Int }\n",
  "\nexport fn g(p: P) -> Int { p.x }\n",
  '\nimport "std-list"\n',
  "\nenum E { A, B(Int) }\n",
  '\ntest "t" { f() }\n',
  "p.",
  "!{fs.read}",
  "\nrecord",
  "\nexport\n",
  "\nmodule m\n",
  "f(",
  "match x { ",
  "if let ",
);
const edit = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.oneof(fc.nat(3), fc.nat(60)), snippet);

const edited = (text: string, [at, length, inserted]: readonly [number, number, string]): string => {
  const start = Math.floor(at * text.length);
  return text.slice(0, start) + inserted + text.slice(start + length);
};

describe("updating finds the same as checking from scratch", () => {
  test("after each of some edits of files", () => {
    fc.assert(
      fc.property(fc.constantFrom(...programs), fc.array(edit, { minLength: 1, maxLength: 6 }), (program, edits) => {
        const analysis = new Analysis({ resolve: shipped });
        let text = program;
        expectSame(analysis, text, shipped);
        for (const change of edits) {
          text = edited(text, change);
          expectSame(analysis, text, shipped);
        }
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });

  test("after each of some edits of generated programs", () => {
    fc.assert(
      fc.property(arbitraryProgram, fc.array(edit, { minLength: 1, maxLength: 5 }), (program, edits) => {
        const analysis = new Analysis({ resolve: shipped });
        let text = program;
        for (const change of edits) {
          expectSame(analysis, text, shipped);
          text = edited(text, change);
        }
        expectSame(analysis, text, shipped);
      }),
      { numRuns: scaledRuns(500) },
    );
  });

  test("while lines move between programs", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...programs),
        fc.constantFrom(...programs),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(30))),
        (a, b, moves) => {
          const analysis = new Analysis({ resolve: shipped });
          const lines = a.split("\n");
          const source = b.split("\n");
          for (const [to, from, count] of moves) {
            lines.splice(to % (lines.length + 1), count % 3, ...source.slice(from % source.length, (from % source.length) + count));
            expectSame(analysis, lines.join("\n"), shipped);
          }
        },
      ),
      { numRuns: scaledRuns(500) },
    );
  });

  test("if a section declares a keyword as a name, and another one uses it", () => {
    expectSame(new Analysis(), "fn send(a: Int) -> Int { a }\nfn main() -> Int { send(1) }\n", () => undefined);
  });

  test("if one section declares the same names several times", () => {
    const text = "fn a() -> Int { 1 }\nfn b() -> Int { 2 }\nfn c() -> Int { 3 } fn a() -> Int { 4 } fn b() -> Int { 5 }\n";
    expectSame(new Analysis(), text, () => undefined);
    expect(fromScratch(text, () => undefined)).toHaveLength(2);
  });

  test("when an imported file changes", () => {
    const versions = [
      "export fn f(x: Int) -> Int { x }\nexport type P { x: Int }\n",
      "export fn f(x: String) -> Int { 1 }\nexport type P { x: Int }\n",
      "export fn f(x: Int) -> Int { x }\nexport type P { x: String }\n",
      "export fn f(x: Int) -> Int { x + }\nexport type P { x: Int }\n",
      "export fn f(x: Int -> Int { x }\nexport type P { x: Int }\n",
      "export fn g(x: Int) -> Int { x }\n",
      'export fn f(x: Int) -> Int !{fs.read} { string.len(fs.read("a")) + x }\nexport type P { x: Int }\n',
    ];
    const mains = [
      'import "./lib.ax"\nfn main() -> Int { f(1) }\nfn use(p: P) -> Int { p.x }\n',
      'import "./lib.ax"\nfn f(x: Int) -> Int { x }\nfn main() -> Int { f(1) }\nfn use(p: P) -> Int { p.x }\n',
      'import "./lib.ax"\ntype P { y: Int }\nfn main() -> Int { f(1) }\nfn use(p: P) -> Int { p.x }\n',
    ];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(versions.length - 1), fc.nat(mains.length - 1)), { minLength: 2, maxLength: 8 }), (steps) => {
        let lib = "";
        const resolve: Resolver = (name) => (name === "./lib.ax" ? { name: "lib.ax", text: lib } : undefined);
        const analysis = new Analysis({ resolve });
        for (const [version, main] of steps) {
          lib = versions[version] ?? "";
          expectSame(analysis, mains[main] ?? "", resolve);
        }
      }),
      { numRuns: scaledRuns(300) },
    );
  });
});

test("an edit of a body checks only that body, and an edit of a signature also its callers", () => {
  const analysis = new Analysis();
  const text = (body: string, param: string): string =>
    `fn a(x: ${param}) -> Int {\n  ${body}\n}\nfn b() -> Int { a(1) }\nfn c() -> Int { b() }\nfn d() -> Int { nothing() }\n`;
  const checked = (source: string): readonly string[] => {
    analysis.update({ name: "main.ax", text: source });
    return analysis.file("main.ax")?.lastChecked ?? [];
  };
  expect(checked(text("1", "Int"))).toEqual(["a", "b", "c", "d"]);
  expect(checked(text("1", "Int"))).toEqual([]);
  expect(checked(text("12", "Int"))).toEqual(["a"]);
  expect(checked(text("let y = 1\n  12", "Int"))).toEqual(["a"]);
  expect(checked(text("12", "String"))).toEqual(["a", "b"]);
  // The message about `d` names a similar function, if there is one. So a new function makes the analysis check `d` again.
  expect(checked(`${text("12", "String")}fn e() -> Int { 1 }\n`)).toEqual(["d", "e"]);
  expect(checked(`${text("12", "String")}type P { x: Int }\n`)).toEqual(["a", "b", "c", "d"]);
});
