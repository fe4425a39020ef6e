/**
 * Measures a pool of two workers. Run it with `node dist/bench/pool.js [thread|process [isolation|memory]]`; it takes about three minutes.
 *
 * - How long a small run of ten calls of 5 ms takes beside 50 spinning runs, allocation bombs and runs with an answer of 10 MB, divided by its
 *   time alone. First, one bomb and one run with a large answer start at once, and small runs follow each other until both have ended. In the
 *   harder cases after that, a bomb starts again as soon as it has ended. A large answer arrives once beside each small run, then again and
 *   again.
 * - The memory of the process after each thousand of 10,000 runs.
 */
import { setMaxListeners } from "node:events";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { compile } from "../compiler/compile.ts";
import { createRegistry } from "../gateway/own-capabilities.ts";
import { createPool, type Pool } from "../runtime/pool/pool.ts";
import type { PoolRunOptions } from "../runtime/pool/prepare.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";

const SMALL_RUNS = 60;
/** At least this many small runs are measured beside one bomb and one large answer at a time. */
const SMALL_RUNS_BESIDE_BOTH = 100;
const SPINNING = 50;
const CALLS = 10;
const CALL_MS = 5;
const MANY_RUNS = 10_000;
const LARGE_UNITS = 10_000_000;
const MIB = 2 ** 20;
/** Made once, and in one piece in memory, like a text that was read from a socket. */
const LARGE_TEXT = Buffer.alloc(LARGE_UNITS, "x").toString("latin1");

const registry = createRegistry([
  { name: "bench.wait", version: "1", params: [{ name: "ms", type: "Int" }], result: "Int", mayRepeat: true },
  { name: "bench.large", version: "1", params: [], result: "String", mayRepeat: true },
]);
const programOf = (text: string): Program => verifyModule(compile({ name: "pool.ax", text }, { registry }).module, registry);
const SMALL = programOf(`fn main() -> Int !{bench.wait} {
    let mut sum = 0
    for i in list.range(0, ${CALLS}) { sum = sum + bench.wait(${CALL_MS}) }
    sum
}`);
const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
const BOMB = programOf('fn main() -> Int { let mut xs = [""]\n while true { xs = list.push(xs, string.repeat("x", 1000)) }\n 0 }');
const LARGE = programOf("fn main() -> Int !{bench.large} { string.len(bench.large()) }");
const EMPTY = programOf("fn main(n: Int) -> Int { n }");

const handlers: NonNullable<PoolRunOptions["handlers"]> = {
  "bench.wait": async ([ms]) => {
    await delay(Number(ms));
    return ms ?? 0;
  },
  "bench.large": () => LARGE_TEXT,
};
const common = { policy: "allow-all", handlers, tracing: false } as const;

async function smallRun(pool: Pool): Promise<number> {
  const start = performance.now();
  const { outcome } = await pool.execute(SMALL, { ...common, tenant: "small", limits: { max_alloc_bytes: 64 * MIB } });
  if (outcome !== "success") throw new Error(`a small run ended as ${outcome}`);
  return performance.now() - start;
}

/** Each small run starts when `neighbour` has started. */
async function smallRuns(pool: Pool, neighbour: () => Promise<unknown> = async () => undefined): Promise<readonly number[]> {
  const times: number[] = [];
  for (let n = 0; n < SMALL_RUNS; n++) {
    const beside = neighbour();
    times.push(await smallRun(pool));
    await beside;
  }
  return sorted(times);
}

/** Starts `neighbours` and then small runs, one after another, until the neighbours have ended; and all of it again. */
async function smallRunsUntilEnd(pool: Pool, neighbours: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < SMALL_RUNS_BESIDE_BOTH) {
    let haveEnded = false;
    const ended = neighbours().then(() => {
      haveEnded = true;
    });
    while (!haveEnded) times.push(await smallRun(pool));
    await ended;
  }
  return sorted(times);
}

const sorted = (times: readonly number[]): readonly number[] => times.toSorted((a, b) => a - b);
const quantile = (sorted: readonly number[], q: number): number => sorted[Math.ceil((sorted.length - 1) * q)] ?? Number.NaN;

/** Starts runs of a program again and again until the signal is aborted. Returns the number of each outcome. */
async function repeat(
  pool: Pool,
  program: Program,
  options: PoolRunOptions,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const outcomes: Record<string, number> = {};
  while (!signal.aborted) {
    const { outcome } = await pool.execute(program, { ...common, ...options, signal });
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const loads = (): string =>
  loadavg()
    .map((load) => load.toFixed(1))
    .join(" ");

async function isolation(pool: Pool): Promise<void> {
  await smallRuns(pool);
  const alone = await smallRuns(pool);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const spinning = Array.from({ length: SPINNING }, () =>
    pool.execute(SPIN, { ...common, tenant: "spin", signal: stop.signal, limits: { max_steps: 1e15, max_alloc_bytes: 8 * MIB } }),
  );
  // Waits until every spinning run has had turns.
  await delay(3_000);
  const report = (what: string, beside: readonly number[]): void => {
    const ratio = (q: number): string => (quantile(beside, q) / quantile(alone, 0.5)).toFixed(2);
    print(
      `${what}: p50 ${ratio(0.5)}, p95 ${ratio(0.95)} times the median alone (${quantile(alone, 0.5).toFixed(1)} ms); p95 to p95 ${(quantile(beside, 0.95) / quantile(alone, 0.95)).toFixed(2)}; load ${loads()}`,
    );
  };
  report(`beside ${SPINNING} spinning runs`, await smallRuns(pool));
  const bombOptions = { ...common, tenant: "bomb", limits: { max_steps: 1e12, max_alloc_bytes: 256 * MIB } };
  const largeOptions = { ...common, tenant: "large", limits: { max_alloc_bytes: 256 * MIB } };
  const runLarge = (): Promise<unknown> => pool.execute(LARGE, largeOptions);
  const both = await smallRunsUntilEnd(pool, () => Promise.all([pool.execute(BOMB, bombOptions), runLarge()]));
  report(`and one bomb and one large answer (${both.length} small runs)`, both);
  const bombs = repeat(pool, BOMB, bombOptions, stop.signal);
  report("and bombs without end", await smallRuns(pool));
  report("and bombs without end, and a large answer for each small run", await smallRuns(pool, runLarge));
  const large = repeat(pool, LARGE, largeOptions, stop.signal);
  report("and bombs and large answers without end", await smallRuns(pool));
  stop.abort();
  await Promise.all(spinning);
  print(`bombs: ${JSON.stringify(await bombs)}; large answers: ${JSON.stringify(await large)}`);
}

async function memory(pool: Pool): Promise<void> {
  const rss: number[] = [];
  const start = performance.now();
  for (let n = 0; n < MANY_RUNS; n++) {
    await pool.room();
    void pool.execute(EMPTY, { ...common, args: { n }, limits: { max_alloc_bytes: MIB } });
    if ((n + 1) % 1_000 !== 0) continue;
    while (pool.stats().queued + pool.stats().running > 0) await delay(1);
    rss.push(Math.round(process.memoryUsage.rss() / MIB));
  }
  print(`${MANY_RUNS} runs: ${((performance.now() - start) / MANY_RUNS).toFixed(2)} ms each; MiB after each thousand: ${rss.join(" ")}`);
  print(JSON.stringify(pool.stats()));
}

const pool = createPool({ threads: 2, isolation: process.argv[2] === "process" ? "process" : "thread" });
if (process.argv[3] !== "memory") await isolation(pool);
if (process.argv[3] !== "isolation") await memory(pool);
await pool.close();
