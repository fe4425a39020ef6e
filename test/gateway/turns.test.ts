import { setMaxListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CORPUS_PROGRAMS } from "../../bench/corpus.ts";
import { programFrom } from "../../bench/engines.ts";
import { compile } from "../../compiler/compile.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../../gateway/run.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import { WaitingRuns } from "../../gateway/turns.ts";
import { memoryRecorder } from "../../replay/log/recorder.ts";
import { describeRun } from "../../replay/log/run-description.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { DEFAULT_LIMITS } from "../../vm/limits.ts";
import { arbitraryOverlap } from "../arbitrary-overlap.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns, DEEP, someOf } from "../cases.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
const SHORT = programOf("fn main() -> Int { 1 }");
const SPINNING_ACTORS = programOf(`fn spin() -> Unit { while true { () } }
  fn main() -> Int !{actor.spawn} { for _ in list.range(0, 100) { let _ = spawn spin }\n while true { () }\n 1 }`);
const ASKING = programOf('fn main() -> Int !{net.fetch} { while true { let _ = net.fetch("http://a.example/") }\n 1 }');

const RUNS = 50;
const MAX_STEPS = 1_000_000;

/** Counts passes of the event loop until it is stopped. `onPass` is called in each. */
function countPasses(onPass: () => void): { readonly count: () => number; readonly stop: () => void } {
  let passes = 0;
  let stopped = false;
  const pass = (): void => {
    if (stopped) return;
    passes += 1;
    onPass();
    setImmediate(pass);
  };
  setImmediate(pass);
  return { count: () => passes, stop: () => void (stopped = true) };
}

interface Observed {
  readonly results: readonly RunResult[];
  readonly passesBeforeFirstEnd: number;
  readonly timerBeforeFirstEnd: boolean;
  /** How often all runs together asked for the time in one pass of the event loop: the maximum over the passes. */
  readonly mostQuestions: number;
}

/** Starts all runs at the same time. Their clock lets a turn end whenever a run asks for the time. */
async function together(of: ReturnType<typeof programOf>, options: Partial<ExecuteOptions> = {}): Promise<Observed> {
  let questions = 0;
  let mostQuestions = 0;
  const passes = countPasses(() => {
    mostQuestions = Math.max(mostQuestions, questions);
    questions = 0;
  });
  let timerFired = false;
  setTimeout(() => (timerFired = true), 0);
  let first: Pick<Observed, "passesBeforeFirstEnd" | "timerBeforeFirstEnd"> | undefined;
  const runs = Array.from({ length: RUNS }, async () => {
    let now = 0;
    const clock = (): number => {
      questions += 1;
      now += 1_000;
      return now;
    };
    const result = await executeProgram(of, { policy: ALLOW_ALL, runId: "turns", limits: { max_steps: MAX_STEPS }, clock, ...options });
    first ??= { passesBeforeFirstEnd: passes.count(), timerBeforeFirstEnd: timerFired };
    return result;
  });
  // Questions for the time while the runs start do not count.
  questions = 0;
  const results = await Promise.all(runs);
  passes.stop();
  return { results, passesBeforeFirstEnd: 0, timerBeforeFirstEnd: false, ...first, mostQuestions };
}

describe("fifty runs on one event loop take turns", () => {
  const handlers = new Map([...mockHandlers(BUILTIN_REGISTRY), ["net.fetch", () => Promise.resolve("text")] as const]);

  test.each(
    someOf([
      ["that spin, interpreted", SPIN, { engine: "interpreter" }],
      ["that spin, compiled", SPIN, {}],
      ["of many actors", SPINNING_ACTORS, {}],
      ["whose calls are answered at once, but by promises", ASKING, { handlers, limits: { max_steps: 20_000 } }],
    ] as const),
  )("%s", async (_, program, options) => {
    const { results, passesBeforeFirstEnd, timerBeforeFirstEnd, mostQuestions } = await together(program, options);
    expect(new Set(results.map(({ error }) => error?.kind))).toEqual(new Set(["step_limit"]));
    expect(timerBeforeFirstEnd).toBe(true);
    // Only the run that has the thread asks for the time. If it ends, it asks once more, and the next run continues.
    expect(mostQuestions).toBeLessThanOrEqual(4);
    expect(passesBeforeFirstEnd).toBeGreaterThan(RUNS);
  });

  test("a loop that begins at the first instruction of its function lets the event loop run too", async () => {
    const stop = new AbortController();
    setImmediate(() => stop.abort());
    const spinning = programOf("fn main() -> Unit { while true { } }");
    const { error, steps } = await executeProgram(spinning, {
      runId: "turns",
      signal: stop.signal,
      limits: { max_steps: Number.MAX_SAFE_INTEGER },
    });
    expect(error?.kind).toBe("canceled");
    // A turn has far fewer steps.
    expect(steps).toBeLessThan(100_000_000);
  });

  test.each([
    ["a recursion", "fn fib(n: Int) -> Int { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }\n fn main() -> Int { fib(80) }"],
    [
      "a loop in a loop",
      "fn main() -> Int { let mut i = 0\n while true { let mut j = 0\n while j < 1000000000000 { j = j + 1 }\n i = i + j }\n i }",
    ],
    ["a loop in a function", "fn spin(n: Int) -> Int { let mut i = n\n while true { i = i + 1 }\n i }\n fn main() -> Int { spin(0) }"],
    ["a tail call", "fn spin(n: Int) -> Int { if n < 0 { 0 } else { spin(n + 1) } }\n fn main() -> Int { spin(0) }"],
  ])("compiled code that cannot pause gives up, so that the event loop runs: %s", async (_, text) => {
    const program = programOf(text);
    for (const engine of ["auto", "compiled"] as const) {
      const stop = new AbortController();
      setImmediate(() => stop.abort());
      let now = 0;
      const clock = (): number => (now += 1_000);
      const { error } = await executeProgram(program, { runId: "turns", signal: stop.signal, engine, clock, limits: { max_steps: 1e15 } });
      expect(error?.kind).toBe("canceled");
    }
  });

  test.runIf(DEEP)("a run that ends passes the rest of its turn on", async () => {
    const stop = new AbortController();
    let now = 0;
    const spinning = executeProgram(SPIN, {
      runId: "turns",
      signal: stop.signal,
      clock: () => (now += 1_000),
      limits: { max_steps: 1e12 },
    });
    const passes = countPasses(() => undefined);
    await Promise.all(Array.from({ length: RUNS }, () => executeProgram(SHORT, { runId: "turns", clock: () => 0 })));
    const needed = passes.count();
    passes.stop();
    stop.abort();
    await spinning;
    expect(needed).toBeLessThan(5);
    // After that, no run gets two turns in one pass.
    expect((await together(SPIN)).mostQuestions).toBeLessThanOrEqual(4);
  });

  test.runIf(DEEP)("a run that makes many calls asks for the time more often than every hundred thousand steps", async () => {
    let calls = 0;
    let now = 0;
    /** Numbers of calls between two questions for the time. */
    const between: number[] = [];
    const clock = (): number => {
      if (calls > 0) between.push(calls);
      calls = 0;
      now += 1_000;
      return now;
    };
    const counting = new Map([...mockHandlers(BUILTIN_REGISTRY), ["net.fetch", () => ((calls += 1), "text")] as const]);
    await executeProgram(ASKING, { policy: ALLOW_ALL, runId: "turns", limits: { max_steps: 500_000 }, handlers: counting, clock });
    // Before the first slice, it is not known how often the run makes calls.
    const [, ...later] = between;
    expect(later.length).toBeGreaterThan(50);
    expect(Math.max(...later)).toBeLessThan(2_000);
  });
});

describe("the run that continues", () => {
  /** Adds a run for each number of turns. Returns the numbers in the order in which the runs continue. */
  function orderOf(turns: readonly number[]): readonly number[] {
    const runs = new WaitingRuns();
    const order: number[] = [];
    for (const n of turns) runs.add(n, () => void order.push(n));
    for (let n = 0; n < turns.length; n++) runs.take()?.();
    expect(runs.isEmpty).toBe(true);
    return order;
  }

  test("is the one that has had the fewest turns; among equals, the one that has waited longest", () => {
    expect(orderOf([9, 1, 0, 5, 0, 300])).toEqual([0, 0, 1, 5, 9, 300]);
    expect(orderOf([6, 4, 7, 5])).toEqual([6, 4, 7, 5]);
    expect(orderOf([Number.MAX_SAFE_INTEGER, 2 ** 31, 2 ** 30])).toEqual([2 ** 30, Number.MAX_SAFE_INTEGER, 2 ** 31]);
    expect(new WaitingRuns().take()).toBeUndefined();
  });

  test("every run continues at some time, and every eighth time the one that has waited longest", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1, maxLength: 30 }), fc.array(fc.nat(3), { maxLength: 300 }), (first, later) => {
        const runs = new WaitingRuns();
        const waiting: number[] = [];
        let arrivals = 0;
        let sinceLongest = 0;
        const add = (turns: number): void => {
          const arrival = arrivals;
          arrivals += 1;
          waiting.push(arrival);
          runs.add(turns, () => {
            sinceLongest = arrival === waiting[0] ? 0 : sinceLongest + 1;
            waiting.splice(waiting.indexOf(arrival), 1);
          });
        };
        first.forEach(add);
        for (const turns of later) {
          add(turns);
          runs.take()?.();
          expect(sinceLongest).toBeLessThan(8);
        }
        while (!runs.isEmpty) runs.take()?.();
        expect(waiting).toEqual([]);
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  test("is, beside fifty runs that spin, the one that got its answer: it waits for one turn at most", async () => {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const start = (of: ReturnType<typeof programOf>, options: Partial<ExecuteOptions>): Promise<RunResult> =>
      executeProgram(of, { policy: ALLOW_ALL, runId: "turns", limits: { max_steps: 1e12 }, signal: stop.signal, ...options });
    let turns = 0;
    // Each question for the time ends a turn.
    const spinning = Array.from({ length: RUNS }, () => {
      let now = 0;
      return start(SPIN, { clock: () => ((turns += 1), (now += 1_000)) });
    });
    // Wait until each spinning run has had some turns.
    while (turns < 20 * RUNS) await new Promise(setImmediate);
    const waited: number[] = [];
    let asked = 0;
    const answer = async (): Promise<string> => {
      waited.push(turns - asked);
      await new Promise(setImmediate);
      asked = turns;
      return "text";
    };
    const handlers = new Map([...mockHandlers(BUILTIN_REGISTRY), ["net.fetch", answer] as const]);
    await start(ASKING, { handlers, clock: () => 0, limits: { max_steps: 500 } });
    stop.abort();
    await Promise.all(spinning);
    const [, ...later] = waited;
    expect(later.length).toBeGreaterThan(20);
    // A turn asks for the time up to four times. Every eighth time, a run that spins continues instead.
    const atOnce = later.filter((questions) => questions <= 4);
    expect(atOnce.length).toBeGreaterThanOrEqual(later.length * 0.8);
  });
});

test("the result of a run reaches its caller before another run uses the rest of the turn", async () => {
  const stop = new AbortController();
  let questions = 0;
  let now = 0;
  const clock = (): number => ((questions += 1), (now += 1_000));
  const spinning = executeProgram(SPIN, { runId: "turns", signal: stop.signal, clock, limits: { max_steps: 1e12 } });
  let questionsAtEnd = 0;
  const asking = programOf('fn main() -> Int !{net.fetch} { let _ = net.fetch("http://a.example/")\n debug(1) }');
  const handlers = new Map([
    ...mockHandlers(BUILTIN_REGISTRY),
    ["net.fetch", () => new Promise((resolve) => setImmediate(resolve, "text"))],
  ]);
  const onDebug = (): void => void (questionsAtEnd = questions);
  const { outcome } = await executeProgram(asking, { policy: ALLOW_ALL, runId: "turns", handlers, clock: () => 0, onDebug });
  const questionsAfterEnd = questions;
  stop.abort();
  await spinning;
  expect(outcome).toBe("success");
  expect(questionsAtEnd).toBeGreaterThan(0);
  expect(questionsAfterEnd).toBe(questionsAtEnd);
});

test.each(someOf(CORPUS_PROGRAMS))("work that is given up so that the run can pause leaves no trace: $name", async ({ file, n }) => {
  const program = programFrom(`${file}.ax`);
  const args = new Map([["n", n]]);
  const run = async (engine: "interpreter" | "compiled", clock: () => number): Promise<readonly unknown[]> => {
    const { outcome, value, error, steps, allocBytes } = await executeProgram(program, {
      policy: ALLOW_ALL,
      runId: "turns",
      limits: { max_steps: 1_000_000 },
      args,
      engine,
      clock,
    });
    return [outcome, value, error, steps, allocBytes];
  };
  let now = 0;
  // A pause is late whenever the run asks.
  expect(await run("compiled", () => (now += 1_000))).toEqual(await run("interpreter", () => 0));
});

test("result, counts and log do not depend on how long a turn is", async () => {
  const handlers = new Map([
    ...mockHandlers(BUILTIN_REGISTRY),
    ["net.fetch", async ([url]: readonly unknown[]) => (await new Promise(setImmediate), `text of ${String(url)}`)] as const,
  ]);
  await fc.assert(
    fc.asyncProperty(fc.oneof(arbitraryProgram, arbitraryOverlap), fc.constantFrom("interpreter", "auto"), async (text, engine) => {
      const program = programOf(text);
      const limits = { ...DEFAULT_LIMITS, max_steps: 200_000 };
      const run = async (clock: () => number): Promise<readonly unknown[]> => {
        const served = new Set(handlers.keys());
        const facts = { policy: ALLOW_ALL, args: new Map(), limits, mode: "mock", served, runId: "turns" } as const;
        const recorder = memoryRecorder(describeRun(program, facts));
        const result = await executeProgram(program, {
          policy: ALLOW_ALL,
          runId: "turns",
          limits,
          handlers,
          engine,
          clock,
          sink: recorder,
        });
        recorder.finish(result);
        const { outcome, value, steps, allocBytes, counters } = result;
        return [outcome, value, steps, allocBytes, counters, Buffer.from(recorder.bytes()).toString("utf8")];
      };
      let now = 0;
      const endless = await run(() => 0);
      // A turn is over whenever the run asks.
      expect(await run(() => (now += 1_000))).toEqual(endless);
    }),
    { numRuns: scaledRuns(200) },
  );
});
