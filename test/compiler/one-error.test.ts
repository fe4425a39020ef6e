/** One mistake results in one message. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";

const codes = (text: string): string[] => check({ name: "main.ax", text }).diagnostics.map((d) => d.code);

test.each([
  [
    "operands of two types, where a third is wanted",
    "fn price(count: Int) -> Float { count * 1.5 }\nfn main() -> Float { price(1) }\n",
    ["E009"],
  ],
  [
    "a callee that forgot its row, a caller that did not",
    'fn get(url: String) -> String { net.fetch(url) }\nfn main() -> String !{net.fetch} { get("x") }\n',
    ["E007"],
  ],
  ["an unknown variable in a sum", "fn main() -> Int { 1 + nope * 2 }\n", ["E003"]],
  ["a capability as a value", 'fn main() -> String !{net.fetch} {\n    let f = net.fetch\n    f("x")\n}\n', ["E009"]],
  ["a capability as an argument", 'fn main() -> List<String> !{net.fetch} { list.map(["x"], net.fetch) }\n', ["E009"]],
  ["a capability that is not called, under try", "fn main() -> Result<String, String> !{net.fetch} { try net.fetch }\n", ["E009"]],
  ["a syntax written as a call", "fn w() { }\nfn main() -> ActorId !{actor.spawn} {\n    let a = actor.spawn(w)\n    a\n}\n", ["E004"]],
  ["an unknown variable in a lambda", "fn main() -> Int {\n    let f = fn() { [nope] }\n    list.len(f())\n}\n", ["E003"]],
  ["an unknown call, with a row", "fn main() -> String !{net.fetch} { net.fetsch(1) }\n", ["E004"]],
  ["a lambda handed to an unknown function", "fn main(xs: List<Int>) -> Bool { any_of(xs, fn(x) { x }) }\n", ["E004"]],
  ["a lambda handed to a method", "fn main(xs: List<Int>) -> Bool { xs.any(fn(x) { x }) }\n", ["E006"]],
  ["an assignment to what was never declared", "fn main() -> Int {\n    x = 1\n    x + 1\n}\n", ["E003"]],
  ["a map for a record", "type P { x: Int }\nfn main() -> P { { x: 1 } }\n", ["E009"]],
  ["a map that is indexed", 'fn main(m: Map<String, Int>) -> Int { m["a"] }\n', ["E009"]],
  ["an unknown word before a value", 'fn main() -> Int { len "abc" }\n', ["E003"]],
  ["a map that a loop goes through", "fn main(m: Map<String, Int>) { for e in m { let _ = e.value } }\n", ["E009"]],
  ["a map that a loop goes through, its entries unused", "fn main(m: Map<String, Int>) { for e in m { } }\n", ["E009"]],
  ["a variant for a function", "enum S { K(Int) }\nfn main(xs: List<Int>) -> List<S> { list.map(xs, S::K) }\n", ["E009"]],
  ["a variant without a payload for a function", "enum S { K }\nfn main(xs: List<Int>) -> List<S> { list.map(xs, S::K) }\n", ["E009"]],
  ["a result of another type, by a variable", "fn main(xs: List<Int>) -> List<String> { list.push(xs, 1) }\n", ["E009"]],
  ["a result of another type, with a lambda", "fn main(xs: List<Int>) -> List<String> { list.filter(xs, fn(x) { x > 1 }) }\n", ["E009"]],
  ["arguments of two types, neither wanted", 'fn id<T>(x: T, y: T) -> T { x }\nfn main() -> Bool { id(1, "a") }\n', ["E009"]],
  ["a pattern after let", "fn main(o: Option<Int>) -> Int {\n    let Some(x) = o\n    x\n}\n", ["E002"]],
  ["a variable that is counted up", "fn main() -> Int {\n    let mut i = 1\n    ++i\n    i\n}\n", ["E009"]],
  ["an unknown function in a match", "fn main() -> Int { match nope(1) { 1 => 2, _ => 3 } }\n", ["E004"]],
  ["a capital name that was to bind", "fn main(n: Int) -> Int { match n { 0 => 1, N => N + 1 } }\n", ["E009"]],
  ["a pattern with an unknown enum", "fn main() -> Int { match receive { Msg::Ping(n) => n, Pong => 2, _ => 3 } }\n", ["E013"]],
])("%s", (_, text, expected) => {
  expect(codes(text)).toEqual(expected);
});
