/** For any text the compiler returns diagnostics or a module that verifies; it never throws. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { scaledRuns } from "../cases.ts";

const folder = join(CONFORMANCE_ROOT, "language");
const own = new URL("../language/", import.meta.url).pathname;
const programs = [folder, own].flatMap((dir) =>
  readdirSync(dir)
    .filter((f) => f.endsWith(".ax"))
    .map((f) => readFileSync(join(dir, f), "utf8")),
);
const TOKENS = programs.join(" ").match(/[A-Za-z_]+|\d+|"[^"\n]*"|\S/g) ?? [];

/** Expects that the text compiles to statically stacked code, or that the compiler reports errors. */
function expectNoCrash(text: string): void {
  try {
    const { module } = compile({ name: "main.ax", text });
    expect(verifyModule(module).functions.filter((f) => !f.staticallyStacked)).toEqual([]);
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
  }
}

test("programs with tokens removed, repeated and swapped", () => {
  const change = fc.record({ at: fc.nat(), kind: fc.constantFrom("drop", "double", "replace"), token: fc.constantFrom(...TOKENS) });
  fc.assert(
    fc.property(fc.constantFrom(...programs), fc.array(change, { minLength: 1, maxLength: 3 }), (program, changes) => {
      const tokens = program.match(/\s+|[A-Za-z_]+|\d+|"[^"\n]*"|./g) ?? [];
      for (const { at, kind, token } of changes) {
        const i = at % tokens.length;
        if (kind === "drop") tokens.splice(i, 1);
        else if (kind === "double") tokens.splice(i, 0, tokens[i] ?? "");
        else tokens[i] = token;
      }
      expectNoCrash(tokens.join(""));
    }),
    { numRuns: scaledRuns(3_000) },
  );
});

test.each([
  ["parentheses", (n: number) => `fn main() -> Int { ${"(".repeat(n)}1${")".repeat(n)} }`],
  ["blocks", (n: number) => `fn main() -> Int { ${"{ ".repeat(n)}1${" }".repeat(n)} }`],
  ["ifs", (n: number) => `fn main() -> Int { ${"if true { ".repeat(n)}1${" } else { 0 }".repeat(n)} }`],
  ["matches", (n: number) => `fn main() -> Int { ${"match 1 { _ => ".repeat(n)}1${" }".repeat(n)} }`],
  ["lambdas", (n: number) => `fn main() -> Int { let f = ${"fn() { ".repeat(n)}1${" }".repeat(n)}\n 1 }`],
  ["lists", (n: number) => `fn main() -> Int { let x = ${"[".repeat(n)}1${"]".repeat(n)}\n 1 }`],
  [
    "patterns",
    (n: number) =>
      `fn f(x: ${"Option<".repeat(n)}Int${">".repeat(n)}) -> Int { match x { ${"Some(".repeat(n)}y${")".repeat(n)} => y, _ => 0 } } fn main() -> Int { 1 }`,
  ],
  ["calls", (n: number) => `fn f(x: Int) -> Int { x } fn main() -> Int { ${"f(".repeat(n)}1${")".repeat(n)} }`],
  ["negations", (n: number) => `fn main() -> Bool { ${"!".repeat(n)}true }`],
])("200 nested %s compile, 100,000 are E015", (_, make) => {
  expect(() => compile({ name: "main.ax", text: make(200) })).not.toThrow();
  try {
    compile({ name: "main.ax", text: make(100_000) });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
    if (error instanceof CompileError) expect(error.diagnostics.map((d) => d.code)).toContain("E015");
  }
});

test("a sum of 10,000 terms compiles and adds up", () => {
  expect(() =>
    compile({ name: "main.ax", text: `fn main() -> Int { ${Array.from({ length: 10_000 }, (_, i) => i).join(" + ")} }` }),
  ).not.toThrow();
});
