/** W007: calls of builtins whose result is not used. */
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import type { Diagnostic, Edit } from "../../compiler/diagnostics.ts";

const diagnosticsOf = (text: string): readonly Diagnostic[] => check({ name: "main.ax", text }).diagnostics;

function withEdits(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.span.start - a.span.start)
    .reduce((result, { span, text: by }) => result.slice(0, span.start) + by + result.slice(span.end), text);
}

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
  const text = withEdits(program(body), found[0]?.fixes[0]?.edits ?? []);
  expect(text).toBe(program(fixed));
  expect(diagnosticsOf(text)).toEqual([]);
});

test("warns in branches and arms, without a fix if the result has another type", () => {
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
  expect(found.at(-1)).toMatchObject({ help: "bind it with `let`, or remove the call", fixes: [] });
});

test("does not warn of calls for their effect, bound results, or the value of a block", () => {
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

const markedDiagnostics = (text: string): readonly string[] =>
  diagnosticsOf(text).map(({ code, message, span }) => `${code} ${text.slice(span.start, span.end)}: ${message}`);
const RESULT_DROPPED = "this Result is dropped, so nobody sees a failure";
const IF_DROPPED = "this value is dropped: an `if` without `else` has no value";

test("warns of the dropped Result of a function, a function value, a capability, and of every branch", () => {
  const text = `fn f() -> Result<Int, String> { Ok(1) }
fn main(g: Fn() -> Result<Int, String>) -> Int !{net.fetch} {
    f()
    g()
    try net.fetch("http://a/")
    if true { f() }
    if true { Err("no") } else { f() }
    for _ in [1] { match 1 { 1 => f(), _ => g() } }
    let _ = f()
    1
}
`;
  expect(markedDiagnostics(text)).toEqual(
    ["f()", "g()", 'try net.fetch("http://a/")', "f()", 'Err("no")', "f()", "f()", "g()"].map((part) => `W007 ${part}: ${RESULT_DROPPED}`),
  );
});

test("warns of the value of an `if` without `else`, and the fix returns it", () => {
  const program = (inner: string): string =>
    `fn sign(n: Int) -> String {\n    if n < 0 { ${inner} }\n    "positive"\n}\nfn main() -> String { sign(1) }\n`;
  const text = program('"nega" ++ "tive"');
  expect(markedDiagnostics(text)).toEqual([`W007 "nega" ++ "tive": ${IF_DROPPED}`]);
  const fixed = withEdits(text, diagnosticsOf(text)[0]?.fixes[0]?.edits ?? []);
  expect(fixed).toBe(program('return "nega" ++ "tive"'));
  expect(diagnosticsOf(fixed)).toEqual([]);
  expect(markedDiagnostics(program("n + 1"))).toEqual([`W007 n + 1: ${IF_DROPPED}`]);
  expect(diagnosticsOf(program("n + 1"))[0]?.fixes).toEqual([]);
  expect(markedDiagnostics(program("sign(2)"))).toEqual([`W007 sign(2): ${IF_DROPPED}`]);
});

test("does not warn of an `if` without `else` whose value is (), never, undecided or comes with an effect", () => {
  const text = `fn now() -> Int !{time.now} { time.now() }
fn unit() { }
fn main(g: Fn() -> Int) -> Int !{time.now} {
    if true { now() }
    if true { g() }
    if true { time.now() }
    if true { debug(1) }
    if true { guard(1, true, "one") }
    if true { unit() }
    if true { panic("no") }
    if true { return 1 }
    1
}
`;
  expect(diagnosticsOf(text)).toEqual([]);
});

test.each([
  ['regex.matches(s, "a(")', 2, "("],
  ['regex.find_all(s, "\\u{1F600}é\\\\d++")', 6, "+"],
  ['regex.replace_all(s, "[z-a]", "")', 2, "z"],
  ['regex.captures(s, "(?<=a)b")', 1, "("],
])("a wrong literal pattern is E016: %s", (call, character, at) => {
  const text = `fn main(s: String) -> Unit { let _ = ${call} }`;
  const [found, ...others] = diagnosticsOf(text);
  expect(others).toEqual([]);
  expect([found?.code, found?.message]).toEqual([
    "E016",
    `the pattern of \`${call.slice(0, call.indexOf("("))}\` is wrong at character ${character}`,
  ]);
  expect(text.slice(found?.span.start, found?.span.end)).toBe(at);
});

test("a pattern is not checked if it is not a literal, or if regex.check takes it", () => {
  const text = 'fn main(p: String) -> Bool { result.is_ok(regex.check("(")) && regex.matches("a", p) && regex.matches("a", "(" ++ p) }';
  expect(diagnosticsOf(text)).toEqual([]);
});
