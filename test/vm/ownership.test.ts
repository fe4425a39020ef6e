/** Changes in place: never seen through an older version, and charged the same on both engines and across suspensions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { Limits } from "../../vm/limits.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { arbitraryUpdates, arbitraryUpdatesWithCalls } from "../arbitrary-updates.ts";
import { scaledRuns, DEEP, FULL } from "../cases.ts";
import { countsOf, sameOnBoth } from "./engines.ts";
import { runThrough } from "./snapshot/suspending.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

test("no older version shows a change, on both engines, and the charges are equal", () => {
  fc.assert(
    fc.property(arbitraryUpdates, ({ text, expected }) => {
      const program = programOf(text);
      expect(sameOnBoth(program).end).toBe(`value ${JSON.stringify({ String: expected })}`);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});

test("a run that is suspended and resumed returns and charges the same as one without pauses", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryUpdatesWithCalls, fc.constantFrom("interpreter", "auto", "compiled"), async ({ text, expected }, engine) => {
      const fresh = (): Program => programOf(text);
      const whole = await runThrough(fresh, () => false, { engine });
      expect(whole.text).toContain(JSON.stringify({ String: expected }));
      for (const suspendAt of [() => true, (call: number) => call % 3 === 1])
        expect((await runThrough(fresh, suspendAt, { engine })).text).toBe(whole.text);
    }),
    { numRuns: scaledRuns(600) },
  );
});

test.runIf(DEEP)("the compiled engine runs those programs, and does not give up", () => {
  const programs = fc.sample(arbitraryUpdates, { numRuns: 60, seed: 7 }).map(({ text }) => programOf(text));
  const completed = programs.filter((program) => sameOnBoth(program).end.startsWith("value"));
  expect(completed.length).toBe(programs.length);
  expect(programs.filter((program) => countsOf(program).entered > 0).length).toBe(programs.length);
  for (const program of completed) expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
});

/** A loop over parts of three variables that runs 20,000 iterations in the interpreter and then in compiled code. */
const counting = (atIteration: string): Program =>
  programOf(`type P { n: Int, xs: List<Int> }

type Wide { a: Int, b: Int, c: Int, d: Int, n: Int, mass: Float }

type All { xs: List<Int>, grid: List<List<Int>>, ps: Map<String, P>, rows: List<P>, wide: Wide, counts: Map<String, Int>, big: Int }

fn checked(n: Int) -> Int requires n > 0 { n }

fn work(n: Int, f: Fn(Int) -> Int) -> All {
    let mut xs = list.repeat(0, 3)
    let mut grid = [xs, [0]]
    let mut ps = { "a": P { n: 0, xs: [0] } }
    let mut rows = [P { n: 0, xs: [0] }, P { n: 1, xs: [] }]
    let mut wide = Wide { a: 0, b: 0, c: 0, d: 0, n: 0, mass: 0.5 }
    let mut counts = { "a": 0, "b": 0, "c": 0 }
    let mut big = 9007199254740991 - 30000
    let mut i = 0
    while i < n {
        xs[i % 3] += 1
        grid[0][1] += 1
        grid[1] = list.push(grid[1], i)
        ps["a"].n += 1
        ps["a"].xs[0] += 1
        rows[i % 2].n += 1
        wide.n += 1
        counts["b"] += 1
        wide.mass += 1.0
        if i % 5000 == 4999 { xs = list.push(xs, i)  grid[1] = [i] }
        ${atIteration}
        i += 1
    }
    All { xs, grid, ps, rows, wide, counts, big }
}

fn main() -> String {
    let all = work(40000, checked)
    string.inspect(all.xs) ++ string.inspect(all.grid) ++ string.inspect(all.ps) ++ string.inspect(all.rows) ++ string.inspect(all.wide) ++ string.inspect(all.counts)
}
`);

test.each([
  ["pauses", ""],
  ["gives up at a call", "if i == 30000 { big = f(i) }"],
  ["guesses wrong", "big += 1"],
])("compiled code that begins inside a loop leaves the interpreter's values as they are: it %s", (_, atIteration) => {
  const program = counting(atIteration);
  const { end } = sameOnBoth(program, { limits: { max_steps: 100_000_000 } }, "auto");
  expect(end).toContain("[13334, 13333, 13333, 4999, 9999, 14999, 19999, 24999, 29999, 34999, 39999][[0, 40000, 0], [39999]]");
  expect(end).toContain("{a: P { n: 40000, xs: [40000] }}");
  expect(end).toContain(
    "[P { n: 20000, xs: [0] }, P { n: 20001, xs: [] }]Wide { a: 0, b: 0, c: 0, d: 0, n: 40000, mass: 40000.5 }{a: 0, b: 40000, c: 0}",
  );
  expect(countsOf(program, "auto").entered).toBeGreaterThan(0);
});

test("a map that shares entries with an older version changes in place only after it has its own", () => {
  const program = programOf(`fn main() -> String {
    let mut m = { "a": 1, "b": 2, "c": 3 }
    let old = m
    let mut i = 0
    while i < 5 {
        m["a"] += 1
        m["b"] += 1
        i += 1
    }
    m["c"] += 10
    let later = m
    for key in ["c", "c", "c", "d", "c", "a"] { m[key] = 7 }
    string.inspect(old) ++ string.inspect(later) ++ string.inspect(m)
}`);
  const expected = "{a: 1, b: 2, c: 3}{a: 6, b: 7, c: 13}{a: 7, b: 7, c: 7, d: 7}";
  for (const engine of ["auto", "compiled"] as const)
    expect(sameOnBoth(program, {}, engine).end).toBe(`value ${JSON.stringify({ String: expected })}`);
});

const SIEVE = `fn main(n: Int) -> Int {
    let mut prime = list.repeat(true, n + 1)
    let mut i = 2
    while i * i <= n {
        if prime[i] {
            let mut j = i * i
            while j <= n {
                prime[j] = false
                j += i
            }
        }
        i += 1
    }
    list.len(list.filter(prime, fn(p) { p })) - 2
}`;
const TABLE = `fn main(n: Int) -> Int {
    let mut grid = list.repeat(list.repeat(0, n), n)
    for y in list.range(0, n) {
        for x in list.range(0, n) { grid[y][x] = x * y }
    }
    list.sum(list.flatten(grid))
}`;

const SIZES: readonly (readonly [name: string, text: string, n: number, limits: Partial<Limits>, expected: number])[] = [
  ["a sieve to 100,000 under the default limits", SIEVE, 100_000, {}, 9_592],
  ["a table of 300 lists of 300", TABLE, 300, {}, 2_011_522_500],
];
const LARGE_SIZES: typeof SIZES = [
  ["a sieve to 1,000,000", SIEVE, 1_000_000, { max_steps: 100_000_000 }, 78_498],
  ["a table of 1,000 lists of 1,000", TABLE, 1_000, { max_steps: 100_000_000 }, 249_500_250_000],
];

test.each([...SIZES, ...(FULL ? LARGE_SIZES : [])])("%s", (_, text, n, limits, expected) => {
  const { end } = sameOnBoth(programOf(text), { limits, args: [n] }, "auto");
  expect(end).toBe(`value {"Int":${expected}}`);
});

/** Statements in a loop over `i`. */
test.each([
  ["an element", "xs[i % 50] = i"],
  ["a compound assignment", "xs[i % 50] += i"],
  ["an element of an element", "grid[i % 2][i % 50] = i"],
  ["a field", "p.n = i"],
  ["an element of a field of an element", "ps[0].xs[i % 50] = i"],
  ["a field of an element", "ps[0].n += 1"],
  ["the value of a key", 'm["a"] += 1'],
  ["an element that is read", "xs[i % 50] = xs[(i + 1) % 50] + list.len(xs)"],
  ["an element of a list that grows by pushes", "grown[i % list.len(grown)] = i"],
])("an update of %s takes at most 14 steps and 16 bytes", (_, statement) => {
  const program = programOf(`type P { n: Int, xs: List<Int> }
fn main(n: Int) -> Int {
    let mut xs = list.range(0, 50)
    let mut grid = [xs, xs]
    let mut p = P { n: 1, xs }
    let mut ps = [p]
    let mut m = { "a": 1 }
    let mut grown = []
    for k in list.range(0, 50) { grown = list.push(grown, k) }
    let mut i = 0
    while i < n {
        ${statement}
        i += 1
    }
    xs[0] + grid[0][0] + p.n + ps[0].n + map.len(m) + grown[0]
}`);
  const [few, many] = [1_000, 2_000].map((n) => sameOnBoth(program, { args: [n] }));
  const [steps, allocBytes] = [
    ((many?.steps ?? 0) - (few?.steps ?? 0)) / 1_000,
    ((many?.allocBytes ?? 0) - (few?.allocBytes ?? 0)) / 1_000,
  ];
  // The condition, the jump and `i += 1` take 9 steps.
  expect(steps - 9).toBeLessThanOrEqual(14);
  expect(allocBytes).toBeLessThanOrEqual(16);
});

test("versions that are kept are charged for what they do not share", () => {
  const program = programOf(`fn main(n: Int) -> Int {
    let mut xs = list.repeat(0, 1000)
    let mut versions = []
    for i in list.range(0, n) {
        for k in list.range(0, 10) { xs[(i * 10 + k) * 97 % 1000] = i }
        versions = list.push(versions, xs)
    }
    list.len(versions)
}`);
  const [few, many] = [100, 200].map((n) => sameOnBoth(program, { args: [n] }).allocBytes);
  // Each change copies a path of three nodes of 16 slots.
  expect(((many ?? 0) - (few ?? 0)) / 100).toBeGreaterThan(10 * 3 * 16 * 8);
});
