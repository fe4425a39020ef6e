/** One mistake causes one diagnostic. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";

const codes = (text: string): string[] => check({ name: "main.ax", text }).diagnostics.map((d) => d.code);

test.each([
  [
    "operands of two types where a third is expected",
    "fn price(count: Int) -> Float { count * 1.5 }\nfn main() -> Float { price(1) }\n",
    ["E009"],
  ],
  [
    "a callee without its effect row",
    'fn get(url: String) -> String { net.fetch(url) }\nfn main() -> String !{net.fetch} { get("x") }\n',
    ["E007"],
  ],
  ["an unknown variable in a sum", "fn main() -> Int { 1 + nope * 2 }\n", ["E003"]],
  ["a capability as a value", 'fn main() -> String !{net.fetch} {\n    let f = actor.send\n    f("x")\n}\n', ["E009"]],
  ["a capability as an argument", 'fn main() -> List<String> !{net.fetch} { list.map(["x"], actor.send) }\n', ["E009"]],
  ["a capability that is not called, after `try`", "fn main() -> Result<String, String> !{net.fetch} { try net.fetch }\n", ["E009"]],
  ["`spawn` written as a call", "fn w() { }\nfn main() -> ActorId !{actor.spawn} {\n    let a = actor.spawn(w)\n    a\n}\n", ["E004"]],
  ["an unknown variable in a lambda", "fn main() -> Int {\n    let f = fn() { [nope] }\n    list.len(f())\n}\n", ["E003"]],
  ["a call to an unknown function, with an effect row", "fn main() -> String !{net.fetch} { net.fetsch(1) }\n", ["E004"]],
  ["a lambda passed to an unknown function", "fn main(xs: List<Int>) -> Bool { any_of(xs, fn(x) { x }) }\n", ["E004"]],
  ["a lambda passed to a method", "fn main(xs: List<Int>) -> Bool { xs.any(fn(x) { x }) }\n", ["E006"]],
  ["an assignment to an undeclared variable", "fn main() -> Int {\n    x = 1\n    x + 1\n}\n", ["E003"]],
  ["a map where a record is expected", "type P { x: Int }\nfn main() -> P { { x: 1 } }\n", ["E009"]],
  ["a Map indexed by a number", "fn main(m: Map<String, Int>) -> Int { m[0] }\n", ["E009"]],
  ["an unknown word before a value", 'fn main() -> Int { len "abc" }\n', ["E003"]],
  ["a loop over a Map", "fn main(m: Map<String, Int>) { for e in m { let _ = e.value } }\n", ["E009"]],
  ["a loop over a Map that does not use the entries", "fn main(m: Map<String, Int>) { for e in m { } }\n", ["E009"]],
  ["a variant as a function", "enum S { K(Int) }\nfn main(xs: List<Int>) -> List<S> { list.map(xs, S::K) }\n", ["E009"]],
  ["a variant without a payload as a function", "enum S { K }\nfn main(xs: List<Int>) -> List<S> { list.map(xs, S::K) }\n", ["E009"]],
  ["a list of another type", "fn main(xs: List<Int>) -> List<String> { list.push(xs, 1) }\n", ["E009"]],
  ["a list of another type, with a lambda", "fn main(xs: List<Int>) -> List<String> { list.filter(xs, fn(x) { x > 1 }) }\n", ["E009"]],
  ["arguments of two types for one type parameter", 'fn id<T>(x: T, y: T) -> T { x }\nfn main() -> Bool { id(1, "a") }\n', ["E009"]],
  ["a pattern after let", "fn main(o: Option<Int>) -> Int {\n    let Some(x) = o\n    x\n}\n", ["E005"]],
  ["`++i`", "fn main() -> Int {\n    let mut i = 1\n    ++i\n    i\n}\n", ["E009"]],
  ["an unknown function in a match", "fn main() -> Int { match nope(1) { 1 => 2, _ => 3 } }\n", ["E004"]],
  ["a capital name meant as a binding", "fn main(n: Int) -> Int { match n { 0 => 1, N => N + 1 } }\n", ["E009"]],
  ["a misspelt use of the only variable", "fn main() -> Int {\n    let total = 1\n    totl + 1\n}\n", ["E003"]],
  ["an unused variable beside an error", "fn main() -> Int {\n    let spare = 1\n    nope\n}\n", ["E003"]],
  ["an unused variable in another function", "fn f() { let spare = 1 }\nfn main() -> Int { nope }\n", ["W004", "E003"]],
  ["a missing argument before a lambda", "fn main() -> Int { list.fold([1], fn(a, b) { a + b }) }\n", ["E011"]],
  ["an argument too many", "fn main() -> Int { list.fold([1], 0, fn(a, b) { a + b }, 3) }\n", ["E011"]],
  ["a lambda of unknown types", "fn main() -> Int {\n    let f = fn(a, b) { a + b }\n    1\n}\n", ["E014"]],
  ["two undecided variables", "fn main() -> Int {\n    let a = []\n    let b = None\n    list.len(a)\n}\n", ["E014", "E014"]],
  ["a list pushed to itself", "fn main() -> Int {\n    let mut xs = []\n    xs = list.push(xs, xs)\n    1\n}\n", ["E009"]],
  ["a list after a `let` on one line", "fn main(a: Int) -> List<Int> { let x = a [x] }\n", ["E009"]],
  ["an unclosed string before `}`", 'fn f() -> String { "abc }\nfn main() -> String { f() }\n', ["E001"]],
  ["a `try` block", "fn main() -> Int {\n    try:\n        1\n    except:\n        2\n}\n", ["E002"]],
  ["a conversion with `as`", "fn main(n: Int) -> Float { n as Float }\n", ["E002"]],
  ["a pattern with an unknown enum", "fn main() -> Int { match receive { Msg::Ping(n) => n, Pong => 2, _ => 3 } }\n", ["E013"]],
])("%s", (_, text, expected) => {
  expect(codes(text)).toEqual(expected);
});
