/** After a syntax error in one item, the others are checked, and nothing is reported that only follows from the error. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { Diagnostics } from "../../compiler/diagnostics.ts";
import { parse } from "../../compiler/parser/parse.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns } from "../cases.ts";

const messages = (text: string, files: Readonly<Record<string, string>> = {}): readonly string[] =>
  check(
    { name: "main.ax", text },
    {
      resolve: (name) => {
        const found = files[name];
        return found === undefined ? undefined : { name, text: found };
      },
    },
  ).diagnostics.map((d) => `${d.file} ${d.code} ${d.message}`);

const WRONG = 'fn wrong() -> Int {\n  "text"\n}\n';
const MISMATCH = "main.ax E009 expected Int for the result of `wrong`, found String";

describe("a type error is reported despite a syntax error", () => {
  test.each([
    ["in the body of another function", "fn other() -> Int {\n  let x = \n}\n", "expected an expression, found `}`"],
    ["in a signature", "fn other(x Int) -> Int { 1 }\n", "expected `:` and the type of `x`, found `Int`"],
    ["in a type", "type P { x Int }\n", "expected `:` and the type of `x`, found `Int`"],
    ["an access that is not finished", "fn other(p: Int) -> Int {\n  p.\n}\n", "expected the name of a field after `.`, found `}`"],
    ["an open bracket", "fn other() -> Int {\n  f(1\n", "this `(` is never closed"],
  ])("%s", (_, damaged, message) => {
    for (const text of [damaged + WRONG, WRONG + damaged]) {
      const found = messages(text);
      expect(found).toContain(MISMATCH);
      expect(found.filter((m) => m !== MISMATCH).map((m) => m.slice("main.ax E00n ".length))).toContain(message);
    }
  });
});

describe("a name that a damaged item may declare is not reported", () => {
  const users = [
    "fn a(p: P) -> P { f(p, 1) }",
    "fn b() -> Int { match g() { E::V => 1, E::W(x) => x } }",
    "fn c() -> E { E::V }",
    "fn d() -> P { P { x: 1 } }",
    "fn e() -> List<P> { list.map([1], f) }",
    "fn s() -> Unit !{actor.spawn} { let _ = spawn f }",
    "fn w() -> Int !{fs.read} { f() }",
  ].join("\n");
  test.each([
    ["parameters", "fn f(x Int) -> Int { 1 }\nfn g(-> Int { 2 }\nenum E { V( }\ntype P { x Int }\n"],
    ["everything in a text that is not closed", 'fn h() -> String {\n  """\n}\nfn f() {}\nfn g() {}\nenum E { V }\ntype P { x: Int }\n'],
    ["everything in a comment of another language", "/* x\nfn f() {}\nfn g() {}\nenum E { V }\ntype P { x: Int }\n"],
    ["items of other languages", "def f(x):\nfunction g() {}\nstruct P {}\nunion E = 1\n"],
    ["an import", 'import "./a.ax" as a\n'],
  ])("%s", (_, damaged) => {
    const text = damaged.startsWith("/*") || damaged.includes('"""') ? `${users}\n${damaged}` : `${damaged}\n${users}\n`;
    const found = messages(text, { "./a.ax": "fn k() -> Int { 1 }" });
    expect(found.length).toBeGreaterThan(0);
    for (const message of found) expect(message).toMatch(/^main\.ax E00[12] /);
  });

  test("an import that is missing", () => {
    const found = messages(`import "./missing.ax"\n${users}\n${WRONG}`);
    expect(found).toEqual(["main.ax E012 cannot find `./missing.ax`", MISMATCH]);
  });

  test("an imported file with a syntax error", () => {
    const found = messages(`import "./a.ax"\n${users}\n${WRONG}`, { "./a.ax": "fn f( -> Int { 1 }\n" });
    expect(found.filter((m) => m.startsWith("main.ax"))).toEqual([MISMATCH]);
    expect(found.some((m) => m.startsWith("./a.ax E002"))).toBe(true);
  });

  test("but a misspelt builtin is, although an import is missing", () => {
    expect(messages('import "./missing.ax"\nfn f() -> Int { list.size([1]) }')).toContain("main.ax E004 unknown function `list.size`");
  });
});

test("in a correct program, a damaged line of a body causes no error in another function", () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.nat(),
    fc.nat(20),
    fc.constantFrom("", "(", "{", "}", ")", '"', '"""', ".", "fn", "let", "=", ",", "/*"),
  );
  fc.assert(
    fc.property(arbitraryProgram, edit, (program, [lineIndex, at, length, inserted]) => {
      const lines = program.split("\n");
      const bodyLines = lines.flatMap((line, i) => (line.startsWith("  ") ? [i] : []));
      const i = bodyLines[lineIndex % Math.max(1, bodyLines.length)];
      const line = lines[i ?? -1];
      if (i === undefined || line === undefined) return;
      const start = at % (line.length + 1);
      lines[i] = line.slice(0, start) + inserted + line.slice(start + length);
      const text = lines.join("\n");
      const errors = check({ name: "main.ax", text }).diagnostics.filter((d) => d.severity === "error");
      // Without a syntax error in it, the damaged body is checked, too. Its errors are those of the edit itself, and are allowed.
      if (parse({ name: "main.ax", text }, new Diagnostics("main.ax")).damaged.length === 0) return;
      for (const d of errors) expect(isSyntaxOrLimit(d.code) ? "" : `${d.code} ${d.message}\n${text}`).toBe("");
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

const isSyntaxOrLimit = (code: string): boolean => code === "E001" || code === "E002" || code === "E015";
