import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { runSource } from "../run-program.ts";

/** Files by the very specifier that imports them. */
const files =
  (all: Readonly<Record<string, string>>) =>
  (specifier: string): { name: string; text: string } | undefined => {
    const text = all[specifier];
    return text === undefined ? undefined : { name: specifier, text };
  };
const errors = (text: string, all: Readonly<Record<string, string>>): string[] =>
  check({ name: "main.ax", text }, { resolve: files(all) })
    .diagnostics.filter((d) => d.severity === "error")
    .map((d) => `${d.code} ${d.file}: ${d.message}`);

test("what a file exports is seen, and only that", async () => {
  const lib = "export fn twice(n: Int) -> Int { add(n, n) }\nfn add(a: Int, b: Int) -> Int { a + b }\n";
  const ran = await runSource('import "./lib.ax"\nfn main() -> Int { twice(21) }\n', { resolve: files({ "./lib.ax": lib }) });
  expect(ran.text).toBe("42");
  expect(errors('import "./lib.ax"\nfn main() -> Int { add(1, 2) }\n', { "./lib.ax": lib })).toEqual([
    "E004 main.ax: unknown function `add`",
  ]);
});

test("a library without exports shows all but main", async () => {
  const lib = "type P { x: Int }\nfn make(x: Int) -> P { P { x: x } }\nfn main() -> Int { 0 }\n";
  const ran = await runSource('import "./lib.ax"\nfn main() -> P { make(7) }\n', { resolve: files({ "./lib.ax": lib }) });
  expect(ran.text).toBe("P { x: 7 }");
});

test("two files may each have a type of one name", async () => {
  const lib = "type Hidden { a: Int }\nexport fn f() -> Int { Hidden { a: 1 }.a }\n";
  const ran = await runSource('import "./lib.ax"\ntype Hidden { b: Int }\nfn main() -> Hidden { Hidden { b: f() } }\n', {
    resolve: files({ "./lib.ax": lib }),
  });
  expect(ran.program.module.types.map((t) => t.name)).toContain("Hidden");
  expect(ran.end.status).toBe("completed");
});

test("circles, missing files and clashes are errors that name both places", () => {
  expect(errors('import "./a.ax"\nfn main() -> Int { 1 }\n', { "./a.ax": 'import "./b.ax"\n', "./b.ax": 'import "./a.ax"\n' })).toEqual([
    "E012 ./b.ax: imports go in a circle: ./a.ax → ./b.ax → ./a.ax",
  ]);
  expect(errors('import "nowhere"\nfn main() -> Int { 1 }\n', {})).toEqual(["E012 main.ax: cannot find `nowhere`"]);
  const all = { "./a.ax": "fn f() -> Int { 1 }\n", "./b.ax": "fn f() -> Int { 2 }\n" };
  expect(errors('import "./a.ax"\nimport "./b.ax"\nfn main() -> Int { f() }\n', all)).toEqual([
    "E010 main.ax: `f` comes from both ./a.ax and ./b.ax",
  ]);
  expect(errors('import "./a.ax"\nfn f() -> Int { 3 }\nfn main() -> Int { f() }\n', all)[0]).toContain(
    "is declared twice; the other is imported from ./a.ax",
  );
});

test("an error in an imported file is told there", () => {
  expect(errors('import "./a.ax"\nfn main() -> Int { 1 }\n', { "./a.ax": 'fn f() -> Int { "x" }\n' })).toEqual([
    "E009 ./a.ax: expected Int for the result of `f`, found String",
  ]);
});
