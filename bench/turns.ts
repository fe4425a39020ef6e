/**
 * Measures how long runs block the event loop, and how long the machine runs without asking the host whether to stop. Run it
 * with `node dist/bench/turns.js`; it takes minutes. Each figure is a processor time divided by 10 ms, the period of a timer that runs
 * should not disturb.
 */
import { setMaxListeners } from "node:events";
import { compile } from "../compiler/compile.ts";
import { executeProgram } from "../gateway/run.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { DEFAULT_LIMITS } from "../vm/limits.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { LIMITS } from "./engines.ts";
import { threadMs } from "./thread-time.ts";

const RUNS = 50;
const MEASURED_MS = 700;
const TIMER_MS = 10;

const main = (capabilities: string, declarations: string, body: string): string => `fn main(n: Int) -> Int !{${capabilities}} {
    let mut i = 0
    ${declarations}
    while i < n { ${body}
      i = i + 1 }
    i
}`;

/** The programs that runs execute. The argument of `main` is the number of iterations. */
const PROGRAMS = {
  sum: main("", "", ""),
  records: `type P { x: Int, y: Int }\n${main("", "let mut p = P { x: 0, y: 0 }", "p = P { x: p.y, y: p.x + 1 }")}`,
  maps: main("", "let mut m = {}", "m = map.set(m, int.to_string(i % 5000), i)"),
  lists: main("", "let mut xs = list.range(0, 1000)", "if i % 1000 == 0 { xs = list.sort(list.reverse(xs)) }"),
  calls: main("time.now", "", "let _ = time.now()"),
  actors: `fn worker() -> Unit { let mut i = 0\n while true { i = i + 1 } }\n${main("actor.spawn", "for _ in list.range(0, 100) { let _ = spawn worker }", "")}`,
} as const;

const programFrom = (text: string): Program => verifyModule(compile({ name: "turns.ax", text }).module);
type EngineName = "interpreter" | "auto" | "compiled";
const NO_ANSWER = { ok: false, trap: "capability_denied", message: "no capabilities here" } as const;

const startRun = (program: Program, engine: EngineName, n: number, signal?: AbortSignal): ReturnType<typeof executeProgram> =>
  executeProgram(program, {
    policy: ALLOW_ALL,
    runId: "turns",
    limits: LIMITS,
    args: new Map([["n", n]]),
    engine,
    signal,
  });

const inTimers = (ms: number): string => (ms / TIMER_MS).toFixed(1);

/** Executes `runs` runs and returns the milliseconds between passes of the event loop: the maximum and the median. */
async function loopIntervals(
  program: Program,
  engine: EngineName,
  runs: number,
): Promise<{ readonly longest: number; readonly usual: number }> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const intervals: number[] = [];
  let last = threadMs();
  const end = last + MEASURED_MS;
  const tick = (): void => {
    const now = threadMs();
    intervals.push(now - last);
    last = now;
    if (now > end) stop.abort();
    else setImmediate(tick);
  };
  setImmediate(tick);
  await Promise.all(Array.from({ length: runs }, () => startRun(program, engine, Number.MAX_SAFE_INTEGER, stop.signal)));
  const sorted = intervals.toSorted((a, b) => a - b);
  return { longest: sorted.at(-1) ?? Number.NaN, usual: sorted[sorted.length >> 1] ?? Number.NaN };
}

for (const [name, text] of Object.entries(PROGRAMS)) {
  const program = programFrom(text);
  for (const engine of ["interpreter", "auto"] as const) {
    for (const runs of [1, RUNS]) {
      const { longest, usual } = await loopIntervals(program, engine, runs);
      process.stdout.write(`pass of the loop: ${name}, ${engine}, ${runs} runs: usual ${inTimers(usual)}, longest ${inTimers(longest)}\n`);
    }
  }
}

/** The bodies of functions that take long, with sizes near the default limit on allocation. */
const CALLS = {
  "a loop": ["while i < 50000000 { i = i + 1 }", ""],
  "map.set": ["while i < 300000 { m = map.set(m, int.to_string(i), i)\n i = i + 1 }", "let mut m = {}"],
  "list.sort": ["i = list.len(list.sort(xs))", "let xs = list.reverse(list.range(0, 3000000))"],
  "string.to_upper": ["i = string.len(string.to_upper(s))", 'let s = string.repeat("é", 60000000)'],
  "string.split": ['i = list.len(string.split(s, ","))', 'let s = string.repeat("a,", 3000000)'],
  "string.replace": ['i = string.len(string.replace(s, "a", "bc"))', 'let s = string.repeat("a,", 30000000)'],
  "json.parse": ["i = string.len(string.inspect(json.parse(s)))", 'let s = "[" ++ string.repeat("{},", 800000) ++ "1]"'],
  "regex.find_all": ['i = list.len(regex.find_all(s, "[a-c]+x"))', 'let s = string.repeat("abcabcab", 1000000)'],
  "==": ['while i < 3 { i = if s ++ "b" == s ++ "c" { 9 } else { i + 1 } }', 'let s = string.repeat("é", 60000000)'],
} as const;

/** Returns the maximum time, in milliseconds, between two polls of the host. */
function longestPollInterval(program: Program, engine: EngineName): number {
  let longest = 0;
  let last = threadMs();
  const interrupted = (): undefined => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const host = { call: () => NO_ANSWER, event: () => undefined, debug: () => undefined, interrupted };
  const end = runMachine(program, host, { limits: { ...LIMITS, max_alloc_bytes: DEFAULT_LIMITS.max_alloc_bytes }, args: [], engine });
  if (end instanceof Promise || end.status !== "completed") throw new Error(JSON.stringify(end));
  interrupted();
  return longest;
}

for (const [name, [body, declarations]] of Object.entries(CALLS)) {
  const program = programFrom(`fn work() -> Int { let mut i = 0\n ${declarations}\n ${body}\n i }\nfn main() -> Int { work() }`);
  for (const engine of ["interpreter", "compiled"] as const) {
    const longestTimes = [0, 1, 2].map(() => longestPollInterval(program, engine));
    process.stdout.write(`unasked: ${name}, ${engine}: ${inTimers(Math.min(...longestTimes))}\n`);
  }
}
