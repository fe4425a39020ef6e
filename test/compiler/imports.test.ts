import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { runSource } from "../run-program.ts";

/** Returns a resolver of files that are named by their specifiers. */
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

test("only what a file exports is visible", async () => {
  const lib = "export fn twice(n: Int) -> Int { add(n, n) }\nfn add(a: Int, b: Int) -> Int { a + b }\n";
  const ran = await runSource('import "./lib.ax"\nfn main() -> Int { twice(21) }\n', { resolve: files({ "./lib.ax": lib }) });
  expect(ran.text).toBe("42");
  expect(errors('import "./lib.ax"\nfn main() -> Int { add(1, 2) }\n', { "./lib.ax": lib })).toEqual([
    "E004 main.ax: unknown function `add`",
  ]);
});

test("the help for a private item says that it is private", () => {
  const lib = "export fn make() -> Secret { Secret { x: 1 } }\nfn hide() -> Int { 1 }\ntype Secret { x: Int }\nenum Door { Open, Shut }\n";
  for (const [program, name] of [
    ["fn main() -> Int { match make() { Secret { x } => x } }", "Secret"],
    ["fn main() -> Secret { make() }", "Secret"],
    ["fn main() -> Int { Secret { x: 1 }.x }", "Secret"],
    ["fn main() -> Int { match receive { Door::Open => 1, _ => 2 } }", "Door"],
    ["fn main() -> Int { let _ = Door::Open  1 }", "Door"],
    ["fn main() -> Int { hide() }", "hide"],
  ]) {
    const { diagnostics } = check({ name: "main.ax", text: `import "./lib.ax"\n${program}\n` }, { resolve: files({ "./lib.ax": lib }) });
    expect(diagnostics.map((d) => d.help)).toEqual([
      `\`${name}\` is private to ./lib.ax: write \`export\` before its declaration to use it here`,
    ]);
  }
});

test("a file without exports exports everything but main", async () => {
  const lib = "type P { x: Int }\nfn make(x: Int) -> P { P { x: x } }\nfn main() -> Int { 0 }\n";
  const ran = await runSource('import "./lib.ax"\nfn main() -> P { make(7) }\n', { resolve: files({ "./lib.ax": lib }) });
  expect(ran.text).toBe("P { x: 7 }");
});

test("two files may each have a type of one name", async () => {
  const lib = "type Hidden { a: Int }\nexport fn f() -> Int { Hidden { a: 1 }.a }\n";
  const ran = await runSource('import "./lib.ax"\ntype Hidden { b: Int }\nfn main() -> Hidden { Hidden { b: f() } }\n', {
    resolve: files({ "./lib.ax": lib }),
  });
  expect(ran.text).toBe("Hidden { b: 1 }");
  expect(ran.end.status).toBe("completed");
});

test("errors for circular imports, missing files and name clashes name both files", () => {
  expect(errors('import "./a.ax"\nfn main() -> Int { 1 }\n', { "./a.ax": 'import "./b.ax"\n', "./b.ax": 'import "./a.ax"\n' })).toEqual([
    "E012 ./b.ax: circular import: ./a.ax → ./b.ax → ./a.ax",
  ]);
  expect(errors('import "nowhere"\nfn main() -> Int { 1 }\n', {})).toEqual(["E012 main.ax: cannot find `nowhere`"]);
  const all = { "./a.ax": "fn f() -> Int { 1 }\n", "./b.ax": "fn f() -> Int { 2 }\n" };
  expect(errors('import "./a.ax"\nimport "./b.ax"\nfn main() -> Int { f() }\n', all)).toEqual([
    "E010 main.ax: `f` comes from both ./a.ax and ./b.ax",
  ]);
});

test("the items of a file hide imported ones", async () => {
  const all = {
    "./a.ax": 'type P { a: Int }\nfn f(s: String) -> P { P { a: string.len(s) } }\nfn g() -> P { f("abc") }\n',
    "./b.ax": "fn f() -> Int { 2 }\n",
  };
  const text = 'import "./a.ax"\nimport "./b.ax"\ntype P { b: Int }\nfn f(n: Int) -> Int { n + 1 }\nfn main() -> P { P { b: f(g().a) } }\n';
  const ran = await runSource(text, { resolve: files(all) });
  expect(ran.text).toBe("P { b: 4 }");
  const { diagnostics } = check({ name: "main.ax", text }, { resolve: files(all) });
  expect(diagnostics.map((d) => `${d.code}: ${d.message}`)).toEqual([
    'W006: `P` hides the one from `import "./a.ax"`',
    'W006: `f` hides the one from `import "./a.ax"`',
    'W006: `f` hides the one from `import "./b.ax"`',
  ]);
});

test("a message distinguishes two types of one name", () => {
  const a = { "./a.ax": "type P { a: Int }\nfn f() -> P { P { a: 1 } }\n" };
  expect(errors('import "./a.ax"\ntype P { b: Int }\nfn main() -> List<P> { [f()] }\n', a)).toEqual([
    "E009 main.ax: expected P for an element of the list, found P; the first `P` is that of main.ax, the second that of ./a.ax",
  ]);
  const entry = "type Entry { path: String }\n";
  const entries = 'map.entries({ "a": 1 })';
  expect(errors(`${entry}fn main() -> List<Entry> { ${entries} }\n`, {})).toEqual([
    "E009 main.ax: expected List<Entry> for the result of `main`, found List<Entry<Int>>; the first `Entry` is that of main.ax, the second that of the builtins",
  ]);
  expect(errors(`${entry}fn main() -> Bool { ${entries} == [Entry { path: "" }] }\n`, {})[0]).toContain(
    "the first `Entry` is that of the builtins",
  );
  expect(errors(`${entry}fn main() -> Int { match ${entries}[0] { Entry { path } => string.len(path) } }\n`, {})[0]).toContain(
    "the second that of the builtins",
  );
});

test("a type of the file keeps its name in the module, that of a builtin gets a number", async () => {
  const ran = await runSource(
    'type Entry { path: String }\nfn main() -> Entry { Entry { path: string.inspect(map.entries({ "a": 1 })) } }\n',
    {},
  );
  expect(ran.text).toBe('Entry { path: "[Entry.2 { key: "a", value: 1 }]" }');
});

test("an error in an imported file is reported in that file", () => {
  expect(errors('import "./a.ax"\nfn main() -> Int { 1 }\n', { "./a.ax": 'fn f() -> Int { "x" }\n' })).toEqual([
    "E009 ./a.ax: expected Int for the result of `f`, found String",
  ]);
});
