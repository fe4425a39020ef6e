/** Changes in place: never seen through an older version, and charged the same on both engines and across suspensions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { arbitraryUpdates, arbitraryUpdatesWithCalls } from "../arbitrary-updates.ts";
import { cases } from "../cases.ts";
import { countsOf, sameOnBoth } from "./engines.ts";
import { runThrough } from "./snapshot/suspending.ts";

const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

test("no older version shows a change, on both engines, and the charges are equal", () => {
  fc.assert(
    fc.property(arbitraryUpdates, ({ text, expected }) => {
      const program = programOf(text);
      expect(sameOnBoth(program).end).toBe(`value ${JSON.stringify({ String: expected })}`);
    }),
    { numRuns: cases(4_000) },
  );
});

test("nor across suspensions: a resumed run returns and charges the same as one without pauses", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryUpdatesWithCalls, fc.constantFrom("interpreter", "auto", "compiled"), async ({ text, expected }, engine) => {
      const fresh = (): Program => programOf(text);
      const whole = await runThrough(fresh, () => false, { engine });
      expect(whole.text).toContain(JSON.stringify({ String: expected }));
      for (const suspendAt of [() => true, (call: number) => call % 3 === 1])
        expect((await runThrough(fresh, suspendAt, { engine })).text).toBe(whole.text);
    }),
    { numRuns: cases(600) },
  );
});

test("the compiled engine runs those programs, and does not give up", () => {
  const programs = fc.sample(arbitraryUpdates, { numRuns: 60, seed: 7 }).map(({ text }) => programOf(text));
  const completed = programs.filter((program) => sameOnBoth(program).end.startsWith("value"));
  expect(completed.length).toBe(programs.length);
  expect(programs.filter((program) => countsOf(program).entered > 0).length).toBe(programs.length);
  for (const program of completed) expect(countsOf(program)).toMatchObject({ deoptimized: 0 });
});

/** A loop over parts of three variables that runs 20,000 iterations in the interpreter and then in compiled code. */
const counting = (atIteration: string): Program =>
  programOf(`type P { n: Int, xs: List<Int> }

type All { xs: List<Int>, grid: List<List<Int>>, ps: Map<String, P>, big: Int }

fn checked(n: Int) -> Int requires n > 0 { n }

fn work(n: Int, f: Fn(Int) -> Int) -> All {
    let mut xs = list.repeat(0, 3)
    let mut grid = [xs, [0]]
    let mut ps = { "a": P { n: 0, xs: [0] } }
    let mut big = 9007199254740991 - 30000
    let mut i = 0
    while i < n {
        xs[i % 3] += 1
        grid[0][1] += 1
        grid[1] = list.push(grid[1], i)
        ps["a"].n += 1
        ps["a"].xs[0] += 1
        if i % 5000 == 4999 { xs = list.push(xs, i)  grid[1] = [i] }
        ${atIteration}
        i += 1
    }
    All { xs, grid, ps, big }
}

fn main() -> String {
    let all = work(40000, checked)
    string.inspect(all.xs) ++ string.inspect(all.grid) ++ string.inspect(all.ps)
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
  expect(countsOf(program, "auto").entered).toBeGreaterThan(0);
});
