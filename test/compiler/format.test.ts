/** The formatter: its layout, and that it changes neither the meaning nor the comments of a program. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ParsedFile } from "../../compiler/ast.ts";
import { Diagnostics } from "../../compiler/diagnostics.ts";
import { formatSource, formatUnchecked, sameProgram } from "../../compiler/format/format.ts";
import { lex } from "../../compiler/lexer.ts";
import { parse } from "../../compiler/parser/parse.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { arbitraryActors } from "../arbitrary-actors.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { scaledRuns, DEEP, FULL, someOf } from "../cases.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

function parsed(text: string): ParsedFile | undefined {
  const diagnostics = new Diagnostics("a.ax");
  const file = parse({ name: "a.ax", text }, diagnostics);
  return diagnostics.hasErrors ? undefined : file;
}

/** Formats without the check in `formatSource`. That check must never be needed, and would hide mistakes from the tests. */
function formatted(text: string): string {
  const file = parsed(text);
  if (file === undefined) throw new Error("does not parse");
  return formatUnchecked(file);
}

/** Expects that formatting keeps the program, and that formatting again changes nothing. */
function expectSound(text: string): void {
  const file = parsed(text);
  if (file === undefined) return;
  const once = formatUnchecked(file);
  expect(sameProgram(file, once), once).toBe(true);
  expect(formatted(once)).toBe(once);
  // A multi-line condition keeps its lines, because they are the text of the contract.
  if (!/\b(requires|ensures)\b/.test(text)) expect(once.split("\n").filter((line) => /[ \t\r]$/.test(line))).toEqual([]);
}

const programsUnder = (folder: string): readonly (readonly [string, string])[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ax"))
    .map((name) => [name, readFileSync(join(folder, name), "utf8")]);

const FILES = [
  ...["std", "examples", "test/language", "test/corpus"].flatMap((folder) => programsUnder(join(ROOT, folder))),
  ...programsUnder(join(CONFORMANCE_ROOT, "language")),
].filter(([, text]) => parsed(text) !== undefined);
const SOURCES = BUILTINS.flatMap((builtin): [string, string][] => (builtin.source === undefined ? [] : [[builtin.name, builtin.source]]));
const TEXTS = [...FILES, ...SOURCES].map(([, text]) => text);

/** Splits a long file into items: trying a comment before every token takes quadratic time. */
function partsOf(text: string): readonly string[] {
  const items = text.length < 500 ? [] : (parsed(text)?.items ?? []);
  return items.length === 0 ? [text] : items.map(({ span }) => text.slice(span.start, span.end));
}

const COMMENTS = [" // one\n", "\n// two\n", "\n\n    // three  \n\n", " //\n"] as const;
const insertions = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...COMMENTS)), { minLength: 1, maxLength: 5 });

/** Inserts comments before some tokens. The text may no longer parse. */
function withComments(text: string, where: readonly (readonly [number, string])[]): string {
  const { tokens } = lex(text, new Diagnostics("a.ax"));
  const places = where.map(([n, comment]) => ({ at: tokens[n % tokens.length]?.start ?? 0, comment }));
  places.sort((a, b) => b.at - a.at);
  return places.reduce((sofar, { at, comment }) => sofar.slice(0, at) + comment + sofar.slice(at), text);
}

describe("meaning and comments", () => {
  test("there are programs to format", () => {
    expect(FILES.length).toBeGreaterThan(100);
    expect(SOURCES.length).toBeGreaterThan(5);
  });

  test.each(FILES)("%s", (_name, text) => expectSound(text));
  test.each(SOURCES)("the builtin %s", (_name, text) => expectSound(text));

  test("generated programs", () => {
    fc.assert(fc.property(fc.oneof(arbitraryProgram, arbitraryActors), expectSound), { numRuns: scaledRuns(1_500) });
  });

  test("generated programs with comments anywhere", () => {
    fc.assert(
      fc.property(fc.oneof(arbitraryProgram, arbitraryActors), insertions, (text, where) => expectSound(withComments(text, where))),
      { numRuns: scaledRuns(1_500) },
    );
  });

  test("files with comments anywhere", () => {
    fc.assert(
      fc.property(fc.constantFrom(...TEXTS), insertions, (text, where) => expectSound(withComments(text, where))),
      { numRuns: scaledRuns(1_000) },
    );
  });

  test("a comment before some tokens of every file; before each under BORUNA_CASES=1", () => {
    const stride = FULL ? 1 : DEEP ? 20 : 100;
    for (const [part, text] of someOf(TEXTS.flatMap(partsOf)).entries()) {
      const { tokens } = lex(text, new Diagnostics("a.ax"));
      for (let i = part % stride; i < tokens.length; i += stride)
        expectSound(withComments(text, [[i, COMMENTS[i % COMMENTS.length] ?? " // one\n"]]));
    }
  });

  test.runIf(DEEP)("CRLF becomes LF", () => {
    for (const text of TEXTS) expect(formatted(text.replaceAll("\n", "\r\n"))).toBe(formatted(text));
  });

  test.runIf(DEEP)("a program at the nesting limit is formatted", () => {
    const deep = (open: string, close: string, n: number): string => `fn f() { x = ${open.repeat(n)}1${close.repeat(n)} }`;
    for (const text of [
      deep("(", ")", 250),
      deep("[", "]", 250),
      deep("-", "", 250),
      deep("f(", ")", 250),
      deep("fn() { ", " }", 250),
      deep("match x { _ => ", " }", 250),
      deep("if a { ", " } else { 1 }", 250),
      deep("(1 + 2 * -", ")", 120),
      deep("(1 || 1 && 1 == 1 < 1 ++ 1 + 1 * ", ")", 80),
      deep("1 + ", "", 20_000),
      deep("1 - ", "", 20_000),
    ]) {
      expect(parsed(text), text.slice(0, 40)).toBeDefined();
      expectSound(text);
    }
  });

  test.runIf(DEEP)("a long line takes linear time", () => {
    for (const item of ["1", "a"]) expectSound(`fn f() { x = [${`${item}, `.repeat(50_000)}] }`);
    expectSound(`fn f() { ${"x = 1; ".repeat(60_000)} }`);
    expectSound(`fn f() { x } //${" ".repeat(300_000)}x`);
  });

  test("`sameProgram` detects a different tree and different comments", () => {
    const file = parsed("fn f() { a + b } // c\n");
    expect(file).toBeDefined();
    if (file === undefined) return;
    const same = ["fn f() { (a\n+ b) } // c", "fn f() { a - b } // c", "fn f() { a + b }", "fn f() { a + b } // d", "fn f() {"];
    expect(same.map((text) => sameProgram(file, text))).toEqual([true, false, false, false, false]);
  });

  test.runIf(DEEP)("a file that would grow past the size limit is not changed", () => {
    const text = `fn f() { x = [${"a, ".repeat(120_000)}] }`;
    expect(formatSource({ name: "a.ax", text })).toEqual({ ok: true, text });
  });

  test("syntax errors are returned", () => {
    const result = formatSource({ name: "a.ax", text: "fn f( {" });
    expect(result.ok ? [] : result.diagnostics.map((d) => d.code)).toEqual(["E002"]);
  });
});

/** For each layout, the input and the expected output. A single text is already formatted. */
const FORMS: Readonly<Record<string, readonly [string, string?]>> = {
  "an empty file": ["  \n\n", ""],
  "white space and commas": [
    "\n\nfn  f( a:Int,b :List< Int > ,)->Int{a+b}\n\n\nfn g(){}\n",
    "fn f(a: Int, b: List<Int>) -> Int { a + b }\n\nfn g() {}\n",
  ],
  "statements on lines of their own": ["fn f() { let x = 1; let y = 2; g(x) }\n", "fn f() {\n    let x = 1\n    let y = 2\n    g(x)\n}\n"],
  "at most one blank line, none at the borders of a block": [
    "fn f() {\n\n    a()\n\n\n    // b\n\n    b()\n\n}\n",
    "fn f() {\n    a()\n\n    // b\n\n    b()\n}\n",
  ],
  arms: [
    'fn f() { match x { |1|2 => "a", Some(P { x, .. }) if x>1 => {}, _ => g(x) } }\n',
    'fn f() {\n    match x {\n        1 | 2 => "a"\n        Some(P { x, .. }) if x > 1 => {}\n        _ => g(x)\n    }\n}\n',
  ],
  "clauses where the signature does not fit": [
    'fn summarize(stories: List<Story>) -> String !{llm.call} intent "one model call for all titles" requires list.len(stories)>0 { x }\n',
    'fn summarize(stories: List<Story>) -> String !{llm.call}\n    intent "one model call for all titles"\n    requires list.len(stories)>0\n{ x }\n',
  ],
  declarations: [
    "type P { x:Int,\n y:Int }\nrecord Q {\n x:Int, // x\n y:Int // y\n // end\n}\nenum E { A, B(Int,), C { x:Int } }\n",
    "type P { x: Int, y: Int }\nrecord Q {\n    x: Int, // x\n    y: Int, // y\n    // end\n}\nenum E { A, B(Int), C { x: Int } }\n",
  ],
  "literals as they are written": ['fn f() { g(1_000, 1.50e+3, "\\u{E9}\\t", -9_223_372_036_854_775_808) }\n'],
  "parentheses as they are written": ["fn f() { ((a) + b) * (-(1)) - (fn() { 1 })() }\n"],
  "a last argument on the line of its call": [
    "fn f() {\n    list.flatten(list.map(xs, fn(x) {\n        match x {\n            1 => [x]\n            _ => []\n        }\n    }))\n}\n",
  ],
  "operators at the start of a line, but `-`": [
    `fn f() {\n    x = ${"a".repeat(60)} - ${"b".repeat(30)} + ${"c".repeat(20)}\n}\n`,
    `fn f() {\n    x = ${"a".repeat(60)} - ${"b".repeat(30)}\n        + ${"c".repeat(20)}\n}\n`,
  ],
  "the message of `send` keeps its distance": ["fn f() {\n    send a.b (c)\n    send (a) [1]\n    send a[0] { 1 }\n}\n"],
  "an empty block is not an empty map": ["fn f() {\n    let x = {;}\n    let y = {}\n}\n"],
  "a head that is too long": [
    `fn f() {\n    if ${"a".repeat(50)} && ${"b".repeat(50)} { c }\n}\n`,
    `fn f() {\n    if ${"a".repeat(50)}\n        && ${"b".repeat(50)}\n    {\n        c\n    }\n}\n`,
  ],
  "a head that ends in a bracket keeps its `{`": [
    `fn f() {\n    for x in g(${"a".repeat(50)}, [${"b".repeat(20)}, ${"c".repeat(20)}]) { d(x); e(x) }\n}\n`,
    `fn f() {\n    for x in g(\n        ${"a".repeat(50)},\n        [${"b".repeat(20)}, ${"c".repeat(20)}],\n    ) {\n        d(x)\n        e(x)\n    }\n}\n`,
  ],
  "a long list at the end of a call, and one alone": [
    `fn f() {\n    g(a, [${"b".repeat(50)}, ${"c".repeat(50)}])\n    g([${"b".repeat(40)}, ${"c".repeat(50)}])\n}\n`,
    `fn f() {\n    g(a, [\n        ${"b".repeat(50)},\n        ${"c".repeat(50)},\n    ])\n    g([\n        ${"b".repeat(40)},\n        ${"c".repeat(50)},\n    ])\n}\n`,
  ],
  "many short literals fill lines": [
    `fn f() {\n    [${"1000, ".repeat(17)}-1]\n    [\n        ${'"a", '.repeat(11)}\n        "b"]\n    [${'(-1, "a"), '.repeat(12)}]\n}\n`,
    `fn f() {\n    [\n        ${"1000, ".repeat(15).trim()}\n        1000, 1000, -1,\n    ]\n    [\n        ${'"a", '.repeat(11)}"b",\n    ]\n    [\n        ${'(-1, "a"), '.repeat(8).trim()}\n        ${'(-1, "a"), '.repeat(4).trim()}\n    ]\n}\n`,
  ],
  "few or long literals, and those with comments, are one per line": [
    `fn f() {\n    [\n        1,\n        2,\n    ]\n    [\n        ${"1,\n        ".repeat(12)}// two\n        2,\n    ]\n}\n`,
  ],
  "a line of the full width before a comment": [
    `fn f(x: Fn(String) -> Int, ${"b".repeat(52)}: Int) -> Result<Int, // one\nString> { x }\n`,
  ],
  "pipes, ranges and local functions": [
    `fn f() {\n    xs|>g( 1 )  |> h\n    xs\n     |> g(1) // one\n     |> (h)\n    (xs |> g) |> h\n    for i in 0 .. n-1 { fn k ( a:Int )->Int !{ fs.read } { a } k(i) }\n    let ys = ${"a".repeat(50)} |> ${"b".repeat(50)}\n    0..=n |> g\n}\n`,
    `fn f() {\n    xs |> g(1) |> h\n    xs\n        |> g(1) // one\n        |> (h)\n    (xs |> g) |> h\n    for i in 0..n - 1 {\n        fn k(a: Int) -> Int !{fs.read} { a }\n        k(i)\n    }\n    let ys = ${"a".repeat(50)}\n        |> ${"b".repeat(50)}\n    0..=n |> g\n}\n`,
  ],
  "comments keep their places": [
    "// head\n\nfn f() { // open\n    g( // why\n        a, // A\n        // B\n        b,\n        // last\n    ) // after\n    // end\n}\n// tail\n",
  ],
};

describe("layout", () => {
  test.each(Object.entries(FORMS))("%s", (_name, [text, expected = text]) => {
    expect(formatSource({ name: "a.ax", text })).toEqual({ ok: true, text: expected });
  });
});
