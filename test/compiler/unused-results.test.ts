/** W007: calls of builtins whose result is not used. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import { fixedText } from "./fixed-text.ts";

const diagnosticsOf = (text: string): readonly Diagnostic[] => check({ name: "main.ax", text }).diagnostics;

test.each([
  ["let mut xs = [1]\n    list.push(xs, 2)\n    list.len(xs)", "let mut xs = [1]\n    xs = list.push(xs, 2)\n    list.len(xs)"],
  ["let xs = [1]\n    list.push(xs, 2)\n    list.len(xs)", "let mut xs = [1]\n    xs = list.push(xs, 2)\n    list.len(xs)"],
  [
    "let mut xs = [1]\n    for x in [2, 3] { if x > 2 { list.push(xs, x) } }\n    list.len(xs)",
    "let mut xs = [1]\n    for x in [2, 3] { if x > 2 { xs = list.push(xs, x) } }\n    list.len(xs)",
  ],
])("a fix assigns the new value: %s", (body, fixed) => {
  const program = (text: string): string => `fn main() -> Int {\n    ${text}\n}\n`;
  const found = diagnosticsOf(program(body));
  expect(found.map(({ code }) => code)).toEqual(["W007"]);
  expect(found[0]?.message).toBe("the value of `list.push` is dropped: the call does nothing");
  const text = fixedText(program(body), found[0]?.fixes[0]?.edits ?? []);
  expect(text).toBe(program(fixed));
  expect(diagnosticsOf(text)).toEqual([]);
});

test("reported in branches and arms, and if the result has another type", () => {
  const text = `fn main(m: Map<String, Int>, o: Option<Int>) -> Int {
    if map.len(m) > 1 { map.set(m, "a", 1) } else { map.remove(m, "a") }
    match o {
        Some(n) => int.to_string(n)
        None => string.trim(" ")
    }
    list.map([1], fn(x: Int) -> Int { x })
    map.len(m)
}
`;
  const found = diagnosticsOf(text);
  expect(found.map(({ code, span }) => `${code} ${text.slice(span.start, span.end)}`)).toEqual([
    'W007 map.set(m, "a", 1)',
    'W007 map.remove(m, "a")',
    "W007 int.to_string(n)",
    'W007 string.trim(" ")',
    "W007 list.map([1], fn(x: Int) -> Int { x })",
  ]);
  expect(found.at(-1)).toMatchObject({ help: "bind it with `let`, or take the call out", fixes: [] });
});

test("not reported for calls with an effect, bound results and the value of a block", () => {
  const text = `fn last(xs: List<Int>) -> List<Int> { list.push(xs, 1) }
fn main() -> Int {
    debug(1)
    let _ = list.len([1])
    last([1])
    if false { panic("no") }
    list.len(last([1]))
}
`;
  expect(diagnosticsOf(text)).toEqual([]);
});
