/** Keywords of other languages are valid names here, and their use as names is never an error. */
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { REWRITTEN_CALLS } from "../../compiler/other-languages-calls.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { parseType } from "../../vm/value/type.ts";
import { scaledRuns } from "../cases.ts";
import { fixedText } from "./fixed-text.ts";

const errors = (text: string): string[] =>
  check({ name: "main.ax", text })
    .diagnostics.filter((d) => d.severity === "error")
    .map((d) => `${d.code} ${d.message}`);

test.each([
  "fn main() -> Int {\n    let and = 1\n    let or = and + 1\n    and * or\n}\n",
  "fn not(x: Bool) -> Bool { !x }\nfn main() -> Bool { not(true) && not (false) }\n",
  "fn function(x: Int) -> Int { x }\nfn main() -> Int { function(1) }\n",
  "fn func(x: Int) -> Bool { x > 0 }\nfn main() -> Int { if func(1) { 2 } else { 3 } }\n",
  "fn main() -> Int {\n    let mut var = 1\n    var = var + 1\n    var\n}\n",
  "fn main() -> Int {\n    let loop = [1]\n    loop[0]\n}\n",
  "type loop { break: Int }\nfn main() -> Int {\n    let x = loop { break: 1 }\n    x.break\n}\n",
  "type do { x: Int }\nfn main() -> do {\n    let x = 1\n    do { x }\n}\n",
  "type do { }\nfn main() -> do { do { } }\n",
  "type do { x: Int, y: Int }\nfn main() -> do {\n    let x = 1\n    do { x, y: 2 }\n}\n",
  "fn switch(x: Int) -> Int { x }\nfn main() -> Int { switch(1) }\n",
  "fn main() -> Int {\n    let elif = 1\n    if true { 2 } else { 3 }\n    elif\n}\n",
  "fn main() -> Int {\n    let mut elif = 1\n    if true { elif = 3 }\n    elif = elif + 1\n    elif\n}\n",
  'fn main() -> Int { match "a" { case => string.len(case) } }\n',
  "enum when { A(Int) }\nfn main() -> Int { match when::A(1) { when::A(x) => x } }\n",
  "fn main(with: Int) -> Int { match with { 1 => 2, _ => with } }\n",
  "fn main(x: Int) -> Int { x --1 - -x }\n",
  'fn main(s: String) -> String {\n    s ++\n        "a"\n}\n',
  "fn main(x: Int) -> Int {\n    x -\n        1\n}\n",
  "fn main() -> Int {\n    let f = 1\n    f\n}\n",
  'fn main() -> Map<String, Int> {\n    let a = "k"\n    { a: 1 }\n}\n',
  "fn f(a: Bool, b: Bool) -> Bool { a && b }\nfn main(a: Int, b: Int) -> Bool { f(a < b, b > (a)) }\n",
  "fn main(a: Int, b: Int) -> List<Bool> { [a<b, b>(a)] }\n",
  "fn main(List: Int, b: Int) -> Bool { if List <b { true } else { b > List } }\n",
])("compiles: %s", (text) => expect(errors(text)).toEqual([]));

test("each `;` between fields is one error", () => {
  expect(errors("type P { x: Int; y: Int; }\nfn main() -> Int { 1 }\n")).toEqual([
    "E002 `;` is not allowed after a field",
    "E002 `;` is not allowed after a field",
  ]);
});

test("thousands of unknown names among thousands of types: 100 errors are kept", () => {
  const types = Array.from({ length: 8_000 }, (_, i) => `enum E${i} { V${i} }`).join("\n");
  const found = errors(`${types}\nfn main() -> Int {\n${"    nope(nothing)\n".repeat(20_000)}    1\n}\n`);
  expect(found.length).toBe(101);
  expect(found.at(-1)).toContain("more");
});

// With quadratic look-ahead each of these would exceed the time limit of the test.
test("look-ahead is bounded", () => {
  for (const part of ["a<b ", "a<", "f::<", "func(", "elif x ", "do {", "a<Int,", "case "])
    expect(errors(`fn main() -> Int { ${part.repeat(Math.floor(scaledRuns(500_000) / part.length))} }`)).not.toEqual([]);
});

describe("the table of calls", () => {
  const names = new Set([...BUILTINS.map((b) => b.name), "net.fetch", "fs.read", "fs.write", "time.now"]);

  test.each([...REWRITTEN_CALLS])("%s: %s names only what exists", (key, template) => {
    const dotted = template.replace(/"[^"]*"/g, "").match(/\b[a-z]+\.[a-z_]+\b/g) ?? [];
    expect(dotted.filter((name) => !names.has(name))).toEqual([]);
    const [, name = "", count = ""] = /^([^/]+)\/(\d)/.exec(key) ?? [];
    const builtin = BUILTINS.find((b) => b.name === name);
    const type = builtin === undefined ? undefined : parseType(builtin.type, new Set(builtin.typeParams));
    expect(type?.kind === "fn" ? type.params.length : undefined, "a builtin must not take that number of arguments").not.toBe(
      Number(count),
    );
    const highest = Math.max(0, ...[...template.matchAll(/\$(\d)/g)].map((m) => Number(m[1])));
    expect(highest).toBeLessThanOrEqual(Number(count));
  });

  test.each([...REWRITTEN_CALLS].filter(([key]) => !key.startsWith(".")))("%s: the fix parses", (key) => {
    const [, name = "", count = "", arity] = /^([^/]+)\/(\d)(?:fn(\d))?/.exec(key) ?? [];
    const args = ["a + 1", "b", "c"].slice(0, Number(count));
    if (arity !== undefined) args[args.length - 1] = "fn(x, y) { x - y }";
    const text = `fn main(a: Int, b: Int, c: Int) { let _ = ${name}(${args.join(", ")}) }\n`;
    const [first] = check({ name: "main.ax", text }).diagnostics;
    expect(first?.fixes).toHaveLength(1);
    const after = fixedText(text, first?.fixes[0]?.edits ?? []);
    expect(errors(after).filter((error) => /E00[124]/.test(error))).toEqual([]);
  });
});
