/** How `test` blocks and their answers compile. */
import { describe, expect, test } from "vitest";
import { check, compile, compileTests } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

const diagnosticsOf = (text: string): readonly string[] =>
  check({ name: "main.ax", text }).diagnostics.map((d) => `${d.code} ${d.message}${d.help === undefined ? "" : ` (${d.help})`}`);

describe("compileTests", () => {
  test("returns each test with its line and answers, in a module that verifies", () => {
    const text = 'fn main() -> Int { 1 }\ntest "a" {\n    answer time.now() { 5 }\n    answer net.fetch(url) { url }\n}\n\ntest "b" { }\n';
    const { module, tests } = compileTests({ name: "main.ax", text });
    expect(tests.map((t) => [t.name, t.line, t.answers.map((a) => a.capability)])).toEqual([
      ["a", 2, ["time.now", "net.fetch"]],
      ["b", 7, []],
    ]);
    const arities = tests.map((t) => [t, ...t.answers].map((f) => module?.functions[f.functionIndex]?.arity));
    // An answer takes all arguments of the signature, even those that it does not name.
    expect(arities).toEqual([[0, 1, 5], [0]]);
    expect(module === undefined ? [] : verifyModule(module).functions.filter((f) => !f.staticallyStacked)).toEqual([]);
  });

  test("tests are not part of the program, and a file without tests has no module", () => {
    const { module } = compile({ name: "main.ax", text: 'fn main() -> Int { 1 }\ntest "a" { }\n' });
    expect(module.functions.map((f) => f.name)).toEqual(["main"]);
    expect(compileTests({ name: "main.ax", text: "fn main() -> Int { 1 }\n" })).toMatchObject({ tests: [], diagnostics: [] });
  });

  test("`answer` is a name everywhere else", () => {
    expect(diagnosticsOf('fn main() -> Int { let answer = 1  answer }\ntest "a" { let answer = 2  let _ = answer + 1 }\n')).toEqual([]);
  });
});

describe("answers", () => {
  const inTest = (body: string): readonly string[] => diagnosticsOf(`test "a" { ${body} }\n`);

  test.each([
    ["answer net.fetch(url) { 1 }", "E009"],
    ["answer time.now() { 1 }\nlet x = 1  answer time.now() { x }", "E002 an answer must be at the start"],
    ["answer net.fecth(url) { url }", "E007 unknown capability `net.fecth` (did you mean `net.fetch`?)"],
    ["answer ui.render(tree) { () }", "E007 `ui.render` is not answered by a handler"],
    ["answer net.fetch(url) { fs.read(url) }", "E007 an answer must be pure, but this may use `fs.read`"],
    ["answer random(a, b, c, d) { 1 }", "E011 `random` does not take 4 arguments"],
    ["answer time.now(unit, more) { 1 }", "E011"],
    ["answer net.fetch(a, a) { a }", "E010 the parameter `a` is declared twice"],
    ["answer time.now { 1 }", "E002"],
    ["answer time.now() 1", "E002"],
    ["answer time.now() { missing }", "E003"],
  ])("%s", (body, message) => {
    expect(inTest(body).filter((d) => d.startsWith("E"))).toEqual([expect.stringContaining(message)]);
  });

  test("an answer sees functions, not the variables of its test", () => {
    expect(diagnosticsOf('fn five() -> Int { 5 }\ntest "a" { answer time.now() { five() }\n let _ = time.now() }\n')).toEqual([]);
  });

  test("an answer outside a test is an error", () => {
    expect(diagnosticsOf("fn main() -> Int { answer time.now() { 1 }\n 1 }\n")).toEqual([expect.stringMatching(/^E002 an answer must be/)]);
  });

  test("the value of the last expression is dropped", () => {
    expect(diagnosticsOf('fn first<T>(xs: List<T>) -> T { xs[0] }\ntest "a" { first([1]) }\n')).toEqual([]);
  });

  test("two tests of one name are an error", () => {
    expect(diagnosticsOf('test "a" { }\ntest "a" { }\n')).toEqual([expect.stringContaining("E010 the test `a` is declared twice")]);
  });
});
