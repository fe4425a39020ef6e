import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../../gateway/run.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
const SHORT = programOf("fn main() -> Int { 1 }");
const SPINNING_ACTORS = programOf(`fn spin() -> Unit { while true { () } }
  fn main() -> Int !{actor.spawn} { for _ in list.range(0, 100) { let _ = spawn spin }\n while true { () }\n 1 }`);
const ASKING = programOf('fn main() -> Int !{net.fetch} { while true { let _ = net.fetch("http://a.example/") }\n 1 }');

const RUNS = 50;
const MAX_STEPS = 1_000_000;

/** Passes of the event loop, until it is stopped; `onPass` is called in each. */
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
  /** Questions for the time by all runs together, in the pass with the most. */
  readonly mostQuestions: number;
}

/** Starts runs at once. To each, a turn is over whenever it asks for the time. */
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
  // What the start asks does not count.
  questions = 0;
  const results = await Promise.all(runs);
  passes.stop();
  return { results, passesBeforeFirstEnd: 0, timerBeforeFirstEnd: false, ...first, mostQuestions };
}

describe("fifty runs on one event loop take turns", () => {
  const handlers = new Map([...mockHandlers(BUILTIN_REGISTRY), ["net.fetch", () => Promise.resolve("text")] as const]);

  test.each([
    ["that spin, interpreted", SPIN, { engine: "interpreter" }],
    ["that spin, compiled", SPIN, {}],
    ["of many actors", SPINNING_ACTORS, {}],
    ["whose calls are answered at once, but by promises", ASKING, { handlers, limits: { max_steps: 20_000 } }],
  ] as const)("%s", async (_, program, options) => {
    const { results, passesBeforeFirstEnd, timerBeforeFirstEnd, mostQuestions } = await together(program, options);
    expect(new Set(results.map(({ error }) => error?.kind))).toEqual(new Set(["step_limit"]));
    expect(timerBeforeFirstEnd).toBe(true);
    // The one that has the thread asks, and no other; its end asks too, and then the next goes on.
    expect(mostQuestions).toBeLessThanOrEqual(4);
    expect(passesBeforeFirstEnd).toBeGreaterThan(RUNS);
  });

  test("a run that ends passes the rest of its turn on", async () => {
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
    // And nobody gets two turns in one pass after that.
    expect((await together(SPIN)).mostQuestions).toBeLessThanOrEqual(4);
  });

  test("a run that calls all the time is asked more often than every hundred thousand steps", async () => {
    let calls = 0;
    let now = 0;
    /** Calls between two questions for the time. */
    const between: number[] = [];
    const clock = (): number => {
      if (calls > 0) between.push(calls);
      calls = 0;
      now += 1_000;
      return now;
    };
    const counting = new Map([...mockHandlers(BUILTIN_REGISTRY), ["net.fetch", () => ((calls += 1), "text")] as const]);
    await executeProgram(ASKING, { policy: ALLOW_ALL, runId: "turns", limits: { max_steps: 500_000 }, handlers: counting, clock });
    // Of the first slice nothing is known beforehand.
    const [, ...later] = between;
    expect(later.length).toBeGreaterThan(50);
    expect(Math.max(...later)).toBeLessThan(2_000);
  });
});
