/** What loops over ranges cost, and how pipes and local functions are parsed. */
import { expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { sameOnBoth } from "../vm/engines.ts";

/** Runs a program on both engines. Returns its end and what it cost. */
const seen = (text: string, arg: number): unknown => {
  const { end, steps, allocBytes } = sameOnBoth(verifyModule(compile({ name: "main.ax", text }).module), { args: [arg] });
  return { end, steps, allocBytes };
};
const program = (body: string): string => `fn main(n: Int) -> Int { let mut s = 0\n ${body}\n s }`;
const WHILE = program("let mut i = 0\n while i < n { s = s + i\n i = i + 1 }");

test.each([
  ["an end that is a name", "for i in 0..n { s = s + i }"],
  ["list.range", "for i in list.range(0, n) { s = s + i }"],
])("a loop over a range takes the steps and bytes of a while loop: %s", (_, body) => {
  for (const n of [0, 1, 1000]) expect(seen(program(body), n)).toEqual(seen(WHILE, n));
});

test("an end that is computed, or assigned to in the loop, costs at most four steps more, once", () => {
  const steps = (body: string, n: number): number => {
    const end = sameOnBoth(verifyModule(compile({ name: "main.ax", text: program(body) }).module), { args: [n] });
    return end.steps;
  };
  const plain = (n: number): number => steps("for i in 0..n { s = s + i }", n);
  for (const n of [1, 1000]) {
    expect(steps("let mut m = n\n for i in 0..m { s = s + i\n m = 0 }", n) - plain(n)).toBeLessThanOrEqual(4 + 2 * n);
    expect(steps("for i in 0..n + 0 { s = s + i }", n) - plain(n)).toBeLessThanOrEqual(4);
  }
});

test("a loop over a huge range builds no list", () => {
  const text = "fn main() -> Int { for i in 0..9223372036854775807 { if i == 9 { return i } }  0 }";
  expect(sameOnBoth(verifyModule(compile({ name: "main.ax", text }).module))).toMatchObject({ end: 'value {"Int":9}', allocBytes: 0 });
});

test("local functions warn like other functions and bindings", () => {
  const text = `fn main() -> Int !{fs.read, time.now} {
    fn unused(n: Int) -> Int { unused(n) }
    fn wide() -> Int !{fs.read, time.now} { time.now() }
    fn missing() -> Int { time.now() }
    wide() + missing()
}
`;
  const { diagnostics } = check({ name: "main.ax", text });
  expect(diagnostics.map(({ code, span }) => `${code} ${text.slice(span.start, span.end)}`)).toEqual([
    "W004 unused",
    "W001 fs.read",
    "E007 time.now()",
  ]);
});

test("chains of pipes are limited like other nesting", () => {
  const codes = (expression: string): readonly string[] =>
    check({ name: "main.ax", text: `fn id(n: Int) -> Int { n }\nfn main() -> Int { ${expression} }` }).diagnostics.map(({ code }) => code);
  const pipes = " |> id".repeat(250);
  expect(codes(`1${pipes}`)).toEqual([]);
  expect(codes(`(1${pipes})${pipes}`)).toEqual([]);
  expect(codes(`1${pipes}${pipes}`)).toEqual(["E015"]);
  expect(codes(`((1${pipes})${pipes})${pipes}`)).toEqual(["E015"]);
});
