/** Loops over `list.enumerate`, which compiled code runs without the list of tuples. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { enumerationsOf } from "../../../vm/compiled/enumerations.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const programOf = (source: string): Program =>
  verifyModule(compile({ name: "enumerations.ax", text: `${source}\nfn main() -> String { string.inspect(made()) }` }).module);

/** Returns how many loops over `list.enumerate` each function of a program has that compiled code can run without tuples. */
const loopsOf = (program: Program): readonly number[] => program.functions.map((fn) => enumerationsOf(program, fn).length);

const PROGRAMS: readonly (readonly [name: string, loops: number, source: string, value: string])[] = [
  [
    "elements of several types",
    4,
    `type Item { name: String, size: Int }
fn floats(xs: List<Float>) -> Float {
    let mut sum = 0.0
    for (i, x) in list.enumerate(xs) { sum += x * int.to_float(i) }
    sum
}
fn indices(xs: List<Bool>) -> Int {
    let mut sum = 0
    for (i, _) in list.enumerate(xs) { sum += i + 1 }
    sum
}
fn names(items: List<Item>) -> String {
    let mut text = ""
    for (i, item) in list.enumerate(items) { text ++= f"{i}{item.name}{item.size}" }
    text
}
fn made() -> (Float, Int, String, Int) {
    let mut last = 0
    for (i, _) in list.enumerate(list.range(3, 900)) { last = i }
    (floats([1.5, 2.5, 3.5]), indices([true, false, true]), names([Item { name: "a", size: 3 }, Item { name: "b", size: 4 }]), last)
}`,
    '(9.5, 6, "0a31b4", 896)',
  ],
  [
    "the list changes in the loop",
    3,
    `fn doubled(list_of: List<Int>) -> List<Int> {
    let mut xs = list.push(list_of, 5)
    for (i, x) in list.enumerate(xs) {
        xs[list.len(xs) - 1 - i] = x * 10 + xs[i]
        xs = list.push(xs, i)
    }
    xs
}
fn grown(n: Int) -> List<Int> {
    let mut xs: List<Int> = []
    for k in 0..n { xs = list.push(xs, k) }
    for (i, x) in list.enumerate(xs) {
        xs = list.set(list.push(list.take(xs, 2), i), 0, x)
        for (j, y) in list.enumerate(xs) { xs = list.set(xs, 1, y + j) }
    }
    xs
}
fn made() -> List<List<Int>> { [doubled([1, 2, 3]), grown(4), grown(1)] }`,
    "[[1, 2, 3, 83, 0, 1, 2, 3], [3, 5, 3], [0, 1]]",
  ],
  [
    "zipped lists",
    5,
    `fn dot(xs: List<Float>, ys: List<Int>) -> Float {
    let mut sum = 0.0
    for pair in list.zip(xs, ys) { sum += pair.first * int.to_float(pair.second) }
    sum
}
fn names(all: List<String>, rows: List<List<Int>>) -> String {
    let mut text = ""
    for pair in list.zip(all, rows) {
        if list.is_empty(pair.second) { continue }
        for inner in list.zip(pair.second, list.range(0, 2)) { text ++= f"{pair.first}{inner.first}{inner.second}" }
        if string.len(text) > 12 { break }
    }
    text
}
fn changed(list_of: List<Int>) -> List<Int> {
    let mut xs = list.push(list_of, 5)
    let mut ys = list.reverse(xs)
    for p in list.zip(xs, ys) {
        xs[0] = p.second + xs[0]
        ys = list.push(ys, p.first)
        xs = list.push(xs, list.len(ys))
        ys[1] = 7
    }
    for p in list.zip(list.take(xs, 2), ys) { xs = list.push(xs, p.first * 100 + p.second) }
    xs
}
fn made() -> (Float, String, List<Int>) {
    (dot([1.5, 2.5, 3.5], [1, 2]), names(["a", "b", "c", "d"], [[1, 2, 3], [], [4], [5]]), changed([1, 2]))
}`,
    '(6.5, "a10a21c40d50", [9, 2, 5, 4, 5, 6, 905, 207])',
  ],
  [
    "nested loops with early ends",
    2,
    `fn found(rows: List<List<Int>>, wanted: Int) -> Option<(Int, Int)> {
    for (y, row) in list.enumerate(rows) {
        if list.is_empty(row) { continue }
        for (x, cell) in list.enumerate(row) {
            if cell == wanted { return Some((y, x)) }
            if cell > 100 { break }
        }
    }
    None
}
fn made() -> List<Option<(Int, Int)>> { [found([[1, 200, 7], [], [3, 7]], 7), found([], 1), found([[1]], 2)] }`,
    "[Some((2, 1)), None, None]",
  ],
  [
    "the list or a tuple is used in another way",
    0,
    `fn first(pairs: List<(Int, String)>) -> Int { list.len(pairs) }
fn made() -> List<String> {
    let pairs = list.enumerate(["a", "b", "c"])
    let mut out: List<String> = []
    for pair in list.enumerate(["x", "y"]) { out = list.push(out, string.inspect(pair)) }
    for (i, x) in pairs { out = list.push(out, f"{i}{x}") }
    list.push(out, int.to_string(first(pairs)))
}`,
    '["(0, "x")", "(1, "y")", "0a", "1b", "2c", "3"]',
  ],
];

describe("a loop over list.enumerate is the same on both engines", () => {
  for (const [name, loops, source, value] of PROGRAMS) {
    test(name, () => {
      const program = programOf(source);
      expect(sameOnBoth(program).end).toBe(`value ${JSON.stringify({ String: value })}`);
      expect(loopsOf(program).reduce((sum, count) => sum + count, 0)).toBe(loops);
      expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
    });
  }
});

test("limits end such a loop at the same step", () => {
  const program = programOf(`fn deep(xs: List<Int>, n: Int) -> Int {
    let mut sum = 0
    for (i, x) in list.enumerate(xs) { sum += if n > 0 && i == 1 { deep(xs, n - 1) } else { i * x } }
    sum
}
fn made() -> Int { deep([1, 2, 3], 30) }`);
  const { steps, allocBytes } = sameOnBoth(program);
  for (let part = 1; part < 12; part++) {
    expect(sameOnBoth(program, { limits: { max_steps: Math.floor((steps * part) / 11) - 1 } }).end).toContain("step_limit");
    expect(sameOnBoth(program, { limits: { max_alloc_bytes: Math.floor((allocBytes * part) / 11) - 1 } }).end).toContain("alloc_limit");
  }
  // `main`, `made`, 31 calls of `deep`, and `list.enumerate`.
  for (const depth of [3, 8, 20, 32, 33, 34])
    expect(sameOnBoth(program, { limits: { max_call_depth: depth } }).end).toContain(depth < 34 ? "stack_overflow" : "value");
});

test("a loop that is entered in the middle has tuples", () => {
  const program = programOf(`fn made() -> (Int, Int) {
    let mut sum = 0
    let mut inner = 0
    for (i, x) in list.enumerate(list.range(5, 4000)) {
        sum += i * x
        for (j, y) in list.enumerate([x, i]) { inner += j * y }
    }
    for (i, x) in list.enumerate(list.range(0, 3000)) { sum += i - x }
    (sum, inner)
}`);
  expect(sameOnBoth(program, {}, "auto").end).toContain("value");
  const { entered, deoptimized } = countsOf(program, "auto");
  expect(entered).toBeGreaterThan(0);
  expect(deoptimized).toBe(0);
  expect(sameOnBoth(program).end).toContain("value");
});
