/** A list that grows by appends changes in place only while nothing else refers to it. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { runMachine } from "../../../vm/scheduler/scheduler.ts";
import { seen } from "../engines.ts";
import { testHost } from "../helpers.ts";

const HELPERS = `type Box { items: List<Int> }
fn longer(xs: List<Int>) -> Int { let mut ys = xs
    ys = list.push(ys, 0)
    list.len(ys) }
fn itself(xs: List<Int>) -> List<Int> { xs }
fn show(xs: List<Int>) -> String { string.join(list.map(xs, int.to_string), "") }
`;

/** What a program does with the list `xs` between two appends, and the text that it returns. */
const USES: readonly (readonly [use: string, result: string, expected: string])[] = [
  ["let ys = xs", "show(ys)", "12"],
  ["let ys = itself(xs)", "show(ys)", "12"],
  ["let ys = list.push(xs, 9)", "show(ys)", "129"],
  ["let ys = longer(xs)", "int.to_string(ys)", "3"],
  ["let ys = Box { items: xs }", "show(ys.items)", "12"],
  ["let ys = [xs, xs]", "show(ys[1])", "12"],
  ["let ys = fn() { xs }", "show(ys())", "12"],
  ["let ys = Some(xs)", "show(option.unwrap_or(ys, []))", "12"],
  ["let ys = list.concat([0], xs)", "show(ys)", "012"],
  ["let ys = list.take(xs, 2)", "show(ys)", "12"],
  ["let ys = if list.len(xs) > 1 { xs } else { [] }", "show(ys)", "12"],
  ["let mut ys = xs\n    ys = list.push(ys, 8)", "show(ys)", "128"],
  ["let mut ys = [0]\n    ys = xs\n    xs = list.push(xs, 7)\n    ys = list.push(ys, 8)", "show(ys)", "128"],
  ["let mut ys = xs\n    xs = [5]\n    xs = list.push(xs, 6)\n    ys = list.push(ys, 8)", "show(ys)", "128"],
  ["let ys = list.len(xs) + xs[0]", "int.to_string(ys)", "3"],
];

test.each(USES)("%s", (use, result, expected) => {
  const text = `${HELPERS}fn main() -> String {
    let mut xs: List<Int> = []
    for i in 1..3 { xs = list.push(xs, i) }
    ${use}
    for i in 3..5 { xs = list.push(xs, i) }
    ${result} ++ " " ++ show(xs)
}
`;
  const program = verifyModule(compile({ name: "main.ax", text }).module);
  const run = (options: { readonly trace?: () => void; readonly engine: "interpreter" | "compiled" }): unknown => {
    const host = testHost();
    const end = runMachine(program, host, { limits: DEFAULT_LIMITS, args: [], ...options });
    if (end instanceof Promise) throw new Error("the run waits for a promise");
    if (end.status === "completed") expect(String(end.value).split(" ")[0]).toBe(expected);
    return seen(end, host);
  };
  const stepByStep = run({ engine: "interpreter", trace: () => undefined });
  expect(run({ engine: "interpreter" })).toEqual(stepByStep);
  expect(run({ engine: "compiled" })).toEqual(stepByStep);
});

test("an append of the list to itself, and one whose value shares it", () => {
  const text = `fn main() -> Int {
    let mut xs: List<List<Int>> = [[]]
    let mut ys: List<List<List<Int>>> = []
    for i in 0..3 {
        xs = list.push(xs, list.repeat(i, list.len(xs)))
        ys = list.push(ys, xs)
    }
    list.len(ys[0]) * 100 + list.len(ys[1]) * 10 + list.len(ys[2])
}
`;
  const program = verifyModule(compile({ name: "main.ax", text }).module);
  for (const engine of ["interpreter", "compiled"] as const)
    expect(runMachine(program, testHost(), { limits: DEFAULT_LIMITS, args: [], engine })).toMatchObject({ value: 234 });
});
