/**
 * Measures how long a small run of ten calls of 5 ms takes beside other runs of its thread, divided by its time alone. Run it with
 * `node dist/bench/beside.js`; it takes two minutes. All times are processor times of the thread, the 5 ms included, so the figures are
 * those of an idle computer. `bench/pool.ts` measures the same in a pool, by the clock on the wall.
 */
import { setMaxListeners } from "node:events";
import { compile } from "../compiler/compile.ts";
import { mockHandlers } from "../gateway/mock.ts";
import { createRegistry } from "../gateway/own-capabilities.ts";
import { type ExecuteOptions, executeProgram } from "../gateway/run.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { threadMs } from "./thread-time.ts";

const SMALL_RUNS = 25;
const CALLS = 10;
const CALL_MS = 5;
/** Number of spinning runs: half of those in `pool.ts`, which has two threads. */
const SPINNING_RUNS = 25;
const LARGE_UNITS = 10_000_000;
const MIB = 2 ** 20;

const registry = createRegistry([
  { name: "bench.wait", version: "1", params: [], result: "Int", mayRepeat: true },
  { name: "bench.large", version: "1", params: [], result: "String", mayRepeat: true },
]);
const programOf = (text: string): Program => verifyModule(compile({ name: "beside.ax", text }, { registry }).module, registry);
const SMALL = programOf(
  `fn main() -> Int !{bench.wait} { list.sum(list.map(list.range(0, ${CALLS}), fn(_) !{bench.wait} { bench.wait() })) }`,
);
const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
const BOMB = programOf('fn main() -> Int { let mut xs = [""]\n while true { xs = list.push(xs, string.repeat("x", 1000)) }\n 0 }');
const LARGE = programOf("fn main() -> Int !{bench.large} { string.len(bench.large()) }");

/** Answers when the thread has worked for 5 ms. */
async function answerLater(): Promise<number> {
  const end = threadMs() + CALL_MS;
  while (threadMs() < end) await new Promise(setImmediate);
  return 1;
}

const handlers = new Map([
  ...mockHandlers(registry),
  ["bench.wait", answerLater] as const,
  ["bench.large", async () => (await answerLater(), "x".repeat(LARGE_UNITS))] as const,
]);

const start = (program: Program, options: Partial<ExecuteOptions> = {}): ReturnType<typeof executeProgram> =>
  executeProgram(program, { policy: ALLOW_ALL, runId: "beside", handlers, clock: threadMs, ...options });

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.ceil((sorted.length - 1) * q)] ?? Number.NaN;

async function smallRuns(): Promise<readonly number[]> {
  const times: number[] = [];
  for (let n = 0; n < SMALL_RUNS; n++) {
    const startedAt = threadMs();
    const { outcome } = await start(SMALL);
    if (outcome !== "success") throw new Error(`a small run ended as ${outcome}`);
    times.push(threadMs() - startedAt);
  }
  return times.toSorted((a, b) => a - b);
}

/** Starts a program again and again until the signal is aborted. */
async function repeat(program: Program, options: Partial<ExecuteOptions>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await start(program, { ...options, signal });
}

async function beside(what: string, spinning: Program, others: (signal: AbortSignal) => readonly Promise<unknown>[]): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  setMaxListeners(0, signal);
  const limits = { max_steps: 1e15, max_alloc_bytes: 1e15 };
  const running: Promise<unknown>[] = Array.from({ length: SPINNING_RUNS }, () => start(spinning, { signal, limits }));
  // Waits until every spinning run has had turns.
  const ready = threadMs() + 20 * CALL_MS * SPINNING_RUNS;
  while (threadMs() < ready) await new Promise(setImmediate);
  running.push(...others(signal));
  const times = await smallRuns();
  stop.abort();
  await Promise.all(running);
  const ratio = (q: number): string => (quantile(times, q) / quantile(alone, 0.5)).toFixed(2);
  process.stdout.write(`beside ${what}: p50 ${ratio(0.5)}, p95 ${ratio(0.95)}\n`);
}

await smallRuns();
const alone = await smallRuns();
process.stdout.write(`alone: p50 ${quantile(alone, 0.5).toFixed(1)} ms, p95 ${quantile(alone, 0.95).toFixed(1)} ms\n`);
const bomb = (signal: AbortSignal): Promise<void> => repeat(BOMB, { limits: { max_steps: 1e12, max_alloc_bytes: 256 * MIB } }, signal);
const large = (signal: AbortSignal): Promise<void> => repeat(LARGE, {}, signal);
await beside("25 runs that count", SPIN, () => []);
const once = (signal: AbortSignal): readonly Promise<unknown>[] => [
  start(BOMB, { signal, limits: { max_steps: 1e12 } }),
  start(LARGE, { signal }),
];
await beside("25 runs that count, one bomb of 1 GiB and one answer of 10 MB", SPIN, once);
await beside("25 runs that count, and bombs of 256 MiB again and again", SPIN, (signal) => [bomb(signal)]);
await beside("25 runs that count, and answers of 10 MB again and again", SPIN, (signal) => [large(signal)]);
