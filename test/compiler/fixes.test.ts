/** Fixes that make a program compile. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { fixedText } from "./fixed-text.ts";

const FETCH = "Fn() -> Int !{net.fetch}";

test.each([
  ["E007", 'fn main()\n    intent "hi"\n{ let _ = net.fetch("x") }', 'fn main() !{net.fetch}\n    intent "hi"\n{ let _ = net.fetch("x") }'],
  [
    "E007",
    'fn main() // why\n    requires true\n{ let _ = net.fetch("x") }',
    'fn main() !{net.fetch} // why\n    requires true\n{ let _ = net.fetch("x") }',
  ],
  ["E007", "fn main() ensures true { let _ = random() }", "fn main() !{random} ensures true { let _ = random() }"],
  ["E007", "fn main()\n{ let _ = random() }", "fn main() !{random}\n{ let _ = random() }"],
  ["E007", `fn f<T>(g: (${FETCH}), )\n{ let _ = g() }`, `fn f<T>(g: (${FETCH}), ) !{net.fetch}\n{ let _ = g() }`],
  ["E007", `fn f(g: ${FETCH}) -> (Int) requires true { g() }`, `fn f(g: ${FETCH}) -> (Int) !{net.fetch} requires true { g() }`],
  [
    "E007",
    `fn f(g: ${FETCH}) -> Fn() -> Int { let _ = g()  fn() { 1 } }`,
    `fn f(g: ${FETCH}) -> (Fn() -> Int) !{net.fetch} { let _ = g()  fn() { 1 } }`,
  ],
  [
    "E007",
    `fn f(g: ${FETCH}) -> (Fn() -> Int) { let _ = g()  fn() { 1 } }`,
    `fn f(g: ${FETCH}) -> (Fn() -> Int) !{net.fetch} { let _ = g()  fn() { 1 } }`,
  ],
  [
    "E007",
    'fn main() -> String !{time.now} { let _ = time.now()  net.fetch("x") }',
    'fn main() -> String !{net.fetch, time.now} { let _ = time.now()  net.fetch("x") }',
  ],
  ["E009", "fn main() { 1 }", "fn main() -> Int { 1 }"],
  ["E009", "fn f<T>(x: T) requires true { Some(x) }", "fn f<T>(x: T) -> Option<T> requires true { Some(x) }"],
  [
    "E009",
    "fn f() !{time.now} { let _ = time.now()  fn() { 1 } }",
    "fn f() -> (Fn() -> Int) !{time.now} { let _ = time.now()  fn() { 1 } }",
  ],
  [
    "E004",
    "fn w() { }\nfn main() -> ActorId !{actor.spawn} { actor.spawn(w) }",
    "fn w() { }\nfn main() -> ActorId !{actor.spawn} { spawn w }",
  ],
  ["E004", "fn main(a: ActorId) !{actor.send} { actor.send(a, 2 + 1,) }", "fn main(a: ActorId) !{actor.send} { send a (2 + 1) }"],
  ["E004", "fn main(a: ActorId) !{actor.send} { actor.send(a, a) }", "fn main(a: ActorId) !{actor.send} { send a a }"],
  ["W002", "fn main() -> Int { let (a, b) = (1, 2)  a = b  a }", "fn main() -> Int { let mut (a, b) = (1, 2)  a = b  a }"],
  ["W009", "fn main(xs: List<Int>) -> Int { xs[-1] }", "fn main(xs: List<Int>) -> Int { xs[list.len(xs) - 1] }"],
  ["E004", "fn main() !{ui.render} { ui.render(1 + 2) }", "fn main() !{ui.render} { emit (1 + 2) }"],
])("%s: %s", (code, text, fixed) => {
  const [diagnostic, ...others] = check({ name: "main.ax", text }).diagnostics;
  expect(others).toEqual([]);
  expect(diagnostic?.code).toBe(code);
  const after = fixedText(text, diagnostic?.fixes[0]?.edits ?? []);
  expect(after).toBe(fixed);
  expect(check({ name: "main.ax", text: after }).diagnostics).toEqual([]);
});

test.each([
  ["W002", "fn f(o: Option<Int>) -> Int { if let Some(x) = o { x = 1  x } else { 0 } }"],
  ["W002", "fn f(o: Option<Int>) -> Int { while let Some(x) = o { x = 1  return x }  0 }"],
  ["E017", "fn f(o: Option<List<Int>>) -> Int { if let Some(x) = o { x[0] = 1  x[0] } else { 0 } }"],
])("%s: a name of the pattern of `if let` or `while let` becomes a variable by hand: %s", (code, text) => {
  const { diagnostics } = check({ name: "main.ax", text });
  expect(diagnostics).toMatchObject([{ code, help: "make a variable of it first: `let mut x = x`", fixes: [] }]);
  expect(check({ name: "main.ax", text: text.replace("= o {", "= o { let mut x = x; ") }).diagnostics).toEqual([]);
});

test.each([
  ["a captured variable", "W007", "fn main() -> Int {\n let mut xs = [1]\n let f = fn() { list.push(xs, 2)\n 1 }\n xs = [2]\n f() }"],
  ["a parameter", "W007", "fn main(xs: List<Int>) -> Int { list.push(xs, 1)\n xs[0] }"],
  ["a name of a pattern", "W007", "fn main(o: Option<Int>) -> Int { match o { Some(x) => { int.abs(x)\n x }, None => 1 } }"],
  [
    "one of several arms",
    "W007",
    "fn main(c: Bool) -> Int { let mut xs = [1]\n match c { true => list.push(xs, 2), false => xs }\n xs[0] }",
  ],
  ["a call in parentheses", "W007", "fn main() -> Int { let mut xs = [1]\n ( list.push(xs, 2) )\n xs[0] }"],
  ["a value in parentheses", "W007", "fn main(c: Bool) -> Int { if c { ( 1 ) }\n 2 }"],
  [
    "a call in parentheses after a comment",
    "W007",
    "fn main() -> Int { let mut xs = [1]\n ( // why\n\n // more\n list.push(xs, 2) )\n xs[0] }",
  ],
  ["a text with an unknown name", "W008", 'fn main(x: Int) -> String { "${x} ${y}" }'],
  ["a text with an unknown field", "W008", 'type P { s: String }\nfn main(p: P) -> String { "${p.s} ${p.t}" }'],
  ["a text with a field of a value without fields", "W008", 'type P { s: String }\nfn main(p: P) -> String { "${p.s.t}" }'],
  ["a variable that hides a module", "W009", "fn main() -> Int { let list = [1]\n list[-1] }"],
  ["the smallest Int", "W009", "fn main() -> Int { let xs = [1]\n xs[-9223372036854775808] }"],
])("there is no fix where it would break the program: %s", (_, code, text) => {
  const { diagnostics } = check({ name: "main.ax", text });
  expect(diagnostics.map((d) => [d.code, d.fixes])).toEqual([[code, []]]);
});

test.each([
  ["a comment", "let mut xs = [1] // one\n // two (\n ", "xs[0]"],
  ["a text with slashes", 'let mut xs = [string.len("http://(")]\n ', "xs[0]"],
])("a dropped value after %s is assigned", (_, before, after) => {
  const program = (statement: string): string => `fn main() -> Int { ${before}${statement}\n ${after} }`;
  const [diagnostic] = check({ name: "main.ax", text: program("list.push(xs, 2)") }).diagnostics;
  expect(fixedText(program("list.push(xs, 2)"), diagnostic?.fixes[0]?.edits ?? [])).toBe(program("xs = list.push(xs, 2)"));
});

test("a text with fields of a value whose type is inferred becomes an interpolated text", () => {
  const program = (text: string): string =>
    `type P { q: Q }\ntype Q { s: String }\nfn main(ps: List<P>) -> List<String> { list.map(ps, fn(p) { ${text} }) }`;
  const [diagnostic] = check({ name: "main.ax", text: program('"${p.q.s}"') }).diagnostics;
  expect(fixedText(program('"${p.q.s}"'), diagnostic?.fixes[0]?.edits ?? [])).toBe(program('f"{p.q.s}"'));
});

test("a dropped value of a name in a `let` pattern is assigned", () => {
  const text = "fn main() -> Int { let (xs, b) = ([1], 2)\n list.push(xs, b)\n xs[0] }";
  const [diagnostic] = check({ name: "main.ax", text }).diagnostics;
  const after = fixedText(text, diagnostic?.fixes[0]?.edits ?? []);
  expect(after).toBe("fn main() -> Int { let mut (xs, b) = ([1], 2)\n xs = list.push(xs, b)\n xs[0] }");
  expect(check({ name: "main.ax", text: after }).diagnostics).toEqual([]);
});
