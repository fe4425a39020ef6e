/** A pool with threads or processes, which run the built package. */
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, machineHandler } from "../../gateway/handlers.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { execute, type Runnable, type RunOptions } from "../../runtime/execute.ts";
import { createPool, type Pool, type PoolOptions } from "../../runtime/pool/pool.ts";
import type { PoolRunOptions } from "../../runtime/pool/prepare.ts";
import type { PoolExecution } from "../../runtime/pool/pool-run.ts";
import { PIECE_UNITS } from "../../runtime/pool/value-pieces.ts";
import { resume } from "../../runtime/resume.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../vm/error.ts";
import { FloatValue, intFromBigInt } from "../../vm/value/value.ts";
import { arbitraryOverlap, worldOf } from "../arbitrary-overlap.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns, DEEP, someOf } from "../cases.ts";

const MIB = 2 ** 20;
const SMALL = { max_alloc_bytes: 16 * MIB } as const;
const folder = mkdtempSync(join(tmpdir(), "boruna-pool-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pools: Pool[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});
/** Creates a pool with these settings. It is closed after the test. */
function poolOf(options: PoolOptions): Pool {
  const pool = createPool({ threads: 1, ...options });
  pools.push(pool);
  return pool;
}

/** One pool of threads and one of processes, for tests without settings, because it takes time to start a worker. */
const sharedPools = new Map<string, Pool>();
afterAll(() => Promise.all([...sharedPools.values()].map((pool) => pool.close())));
function sharedPool(isolation: "thread" | "process" = "thread"): Pool {
  const pool = sharedPools.get(isolation) ?? createPool({ threads: 1, isolation });
  sharedPools.set(isolation, pool);
  return pool;
}

const registry = createRegistry([
  { name: "own.wait", version: "1", params: [{ name: "n", type: "Int" }], result: "Int", mayRepeat: true },
  { name: "own.tree", version: "1", params: [{ name: "tree", type: "Json" }], result: "Json", mayRepeat: true },
  { name: "own.text", version: "1", params: [{ name: "text", type: "String" }], result: "String", mayRepeat: true },
]);
const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }, { registry }).module, registry);
const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
const ADD = programOf("fn main(a: Int, b: Int) -> Int { a + b }");
const WAIT = programOf("fn main(n: Int) -> Int !{own.wait} { own.wait(n) + own.wait(n) }");
/** Each answer is the argument of the next call. */
const TEXTS = programOf(`fn main(n: Int) -> String !{own.text} {
  let mut text = ""
  for _ in list.range(0, n) { text = own.text(text) }
  text
}`);
const TREES = programOf("fn main() -> Json !{own.tree} { own.tree(own.tree(Json::Null)) }");
const PAR = programOf('fn main() -> (String, String) !{own.text} { par { own.text("a"), own.text("b") } }');
const common = { policy: "allow-all", tracing: false, limits: SMALL } as const;

/** Returns a promise, and the function that resolves it. */
function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof BorunaError ? error.kind : String(error);
  }
}

/** Runs a program without the pool and in it, compares results and logs, and returns the pool's result. */
async function bothWays(pool: Pool, program: Program, options: PoolRunOptions & RunOptions): Promise<PoolExecution> {
  const here = mkdtempSync(join(folder, "both-"));
  const outside = join(here, "outside.jsonl");
  const inside = join(here, "inside.jsonl");
  const expected = await execute(program, { ...options, record: outside });
  const run = await pool.execute(program, { ...options, record: inside });
  const { program: _, result: __, log, ...rest } = expected;
  expect(readFileSync(inside).equals(readFileSync(outside))).toBe(true);
  expect(readdirSync(`${inside}.blobs`).toSorted()).toEqual(readdirSync(`${outside}.blobs`).toSorted());
  expect(run).toMatchObject({ ...rest, log: { path: inside, head: log?.head } });
  expect(run.error?.cause).toEqual(expected.error?.cause);
  expect(run.result?.value).toEqual(expected.result.value);
  return run;
}

describe.each(["thread", "process"] as const)("isolation by %s", (isolation) => {
  // `npm test` runs the long tests with threads only.
  const inBoth = DEEP || isolation === "thread";

  test("any program with any answers gives the result and the log of a run outside", async () => {
    const pool = sharedPool(isolation);
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    const answers = fc.record({
      texts: fc.array(fc.record({ text, fails: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(arbitraryProgram, answers, async (source, { texts, ints }) => {
        const program = verifyModule(compile({ name: "main.ax", text: source }).module);
        const failures = new Map<number, CapabilityFailure>();
        const textHandler = machineHandler((___, { callNumber }) => {
          const next = texts[callNumber % texts.length] ?? { text: "", fails: false };
          if (!next.fails) return next.text;
          // Both runs get the same error, which is then the cause of both.
          const failure = failures.get(callNumber) ?? new CapabilityFailure(next.text);
          failures.set(callNumber, failure);
          throw failure;
        });
        const int = (callNumber: number) => intFromBigInt(ints[callNumber % ints.length] ?? 0n);
        const handlers = {
          "net.fetch": textHandler,
          "fs.read": textHandler,
          "time.now": machineHandler((___, { callNumber }) => int(callNumber)),
          random: machineHandler((args, { callNumber }) => (args.length === 0 ? new FloatValue(0.5) : int(callNumber))),
        };
        await bothWays(pool, program, { policy: "allow-all", tracing: false, handlers, limits: { max_steps: 100_000, ...SMALL } });
      }),
      { numRuns: scaledRuns(200) },
    );
  });

  test("calls that overlap give the same result and log, in whatever order they are answered", async () => {
    const pool = sharedPool(isolation);
    await fc.assert(
      fc.asyncProperty(arbitraryOverlap, fc.nat(), async (source, seed) => {
        const program = verifyModule(compile({ name: "main.ax", text: source }).module);
        const { handlers } = worldOf(seed);
        await bothWays(pool, program, { policy: "allow-all", tracing: false, handlers, limits: { max_steps: 1_000_000, ...SMALL } });
      }),
      { numRuns: scaledRuns(50) },
    );
  });

  test.each(
    someOf<readonly [string, () => unknown]>([
      ["a wrong answer", () => "no number"],
      ["a function", () => () => 1],
      ["a proxy", () => new Proxy({}, {})],
      [
        "a getter",
        () => ({
          get n() {
            return 1;
          },
        }),
      ],
    ]),
  )("%s of a handler is the same host fault as without a pool", async (_, answer) => {
    const run = await sharedPool(isolation).execute(WAIT, { ...common, args: { n: 1 }, handlers: { "own.wait": answer } });
    const outside = await execute(WAIT, { ...common, args: { n: 1 }, handlers: { "own.wait": answer } });
    expect(run.error).toEqual(outside.error);
    expect(run.error?.kind).toBe("host_fault");
    expect(String(run.error?.cause)).toBe(String(outside.error?.cause));
  });

  test.runIf(DEEP)("values of every form reach the handler and the program, whatever their depth and size", async () => {
    const pool = sharedPool(isolation);
    const program =
      programOf(`fn deep(n: Int) -> Json { let mut tree = Json::Null\n for _ in list.range(0, n) { tree = Json::List([tree]) }\n tree }
      fn main() -> Json !{own.tree} { own.tree(own.tree(deep(3000))) }`);
    const large = { text: "x".repeat(10_000_000), floats: [-0, 1e300, 0.5], ints: [1, 2 ** 53 - 1, -(2n ** 62n)] };
    let calls = 0;
    const handlers = { "own.tree": ([tree]: readonly unknown[]) => ((calls += 1), calls % 2 === 1 ? tree : large) };
    const run = await bothWays(pool, program, { ...common, limits: { max_alloc_bytes: 256 * MIB }, handlers });
    expect(run.outcome).toBe("success");
  });

  test("long texts and lists give the result and the log of a run outside", async () => {
    const pool = sharedPool(isolation);
    // Around the size of a piece, with a pair, a lone surrogate, or a character that JSON escapes at its end.
    const text = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom("", "x", "é", "😀", "\ud83d", "\ude00", '"'))
      .map(([pieces, more, end]) => "x".repeat(Math.max(0, pieces * PIECE_UNITS + more - 1)) + end + end);
    const limits = { max_alloc_bytes: 64 * MIB };
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 1_200_000 }),
        async (texts, max_log_bytes) => {
          const handlers = { "own.text": (___: unknown, { callNumber }: { readonly callNumber: number }) => texts[callNumber - 1] };
          await bothWays(pool, TEXTS, { ...common, args: { n: texts.length }, handlers, limits: { ...limits, max_log_bytes } });
          const tree = { texts, [texts.join("")]: texts.map((part) => [part, part.length, { part, half: 0.5 }]) };
          const both = { "own.tree": () => tree };
          await bothWays(pool, TREES, { ...common, handlers: both, limits: { ...limits, max_log_bytes } });
        },
      ),
      { numRuns: scaledRuns(200) },
    );
  });

  test.runIf(inBoth)("a run can be canceled, suspended, lost or closed while a long value is on its way, and others go on", async () => {
    const long = "x".repeat(20_000_000);
    const pool = poolOf({ isolation, threads: 2 });
    const limits = { max_alloc_bytes: 1_024 * MIB };
    const handlers = { "own.text": () => long };
    const options = { ...common, limits, args: { n: 2 }, handlers };
    const stop = new AbortController();
    // The argument of the second call is on its way in one run, the first answer in the other.
    const canceled = [1, 2].map((n) =>
      pool.execute(TEXTS, {
        ...options,
        signal: stop.signal,
        handlers: {
          "own.text": (___: unknown, { callNumber }: { readonly callNumber: number }) => {
            if (callNumber === n) setImmediate(() => stop.abort());
            return long;
          },
        },
      }),
    );
    expect((await Promise.all(canceled)).map(({ outcome }) => outcome)).toEqual(["canceled", "canceled"]);
    const suspended = await pool.execute(PAR, {
      ...options,
      args: {},
      handlers: { "own.text": ([text]: readonly unknown[], context: { later(): unknown }) => (text === "b" ? long : context.later()) },
    });
    expect(suspended.outcome).toBe("suspended");
    expect((await pool.execute(TEXTS, options)).value).toHaveLength(long.length);
    const killOne = workerKiller(isolation);
    let isKilled = false;
    const kill = (): void => {
      if (!isKilled) killOne();
      isKilled = true;
    };
    // Each worker has one of the runs.
    const killing = { "own.text": () => (setImmediate(kill), long) };
    const lost = await Promise.all([1, 2].map(() => pool.execute(TEXTS, { ...options, handlers: killing })));
    expect(lost.map(({ outcome }) => outcome).toSorted()).toEqual(["lost", "success"]);
    expect((await pool.execute(TEXTS, options)).value).toHaveLength(long.length);
    const closed = pool.execute(TEXTS, { ...options, handlers: { "own.text": () => (setImmediate(() => void pool.close()), long) } });
    expect(["canceled", "lost"]).toContain((await closed).outcome);
  });

  test.runIf(inBoth)("a killed worker loses its own runs, each is reported, and another worker takes its place", async () => {
    const pool = poolOf({ isolation, threads: 2 });
    const { promise, open } = gate();
    const arrived = gate();
    let calls = 0;
    const aborted: number[] = [];
    const handlers = {
      "own.wait": async ([n]: readonly unknown[], { signal }: { readonly signal: AbortSignal }) => {
        signal.addEventListener("abort", () => aborted.push(Number(n)));
        calls += 1;
        if (calls === 8) arrived.open();
        await promise;
        return n;
      },
    };
    const kill = workerKiller(isolation);
    const record = (n: number): string => join(folder, `killed-${isolation}-${n}.jsonl`);
    const runs = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => pool.execute(WAIT, { ...common, args: { n }, handlers, record: record(n) }));
    await arrived.promise;
    kill();
    // The signals of the handlers of lost runs are aborted.
    while (aborted.length < 4) await new Promise(setImmediate);
    const stopped = [...aborted];
    open();
    const ended = await Promise.all(runs);
    expect(ended.filter(({ outcome }) => outcome === "success")).toHaveLength(4);
    const lost = ended.flatMap((run, i) => (run.outcome === "lost" ? [{ run, n: i + 1 }] : []));
    expect(lost.map(({ run }) => run.error?.kind)).toEqual(Array.from({ length: 4 }, () => "worker_lost"));
    expect(new Set(lost.map(({ n }) => n))).toEqual(new Set(stopped));
    expect(pool.stats()).toMatchObject({ running: 0, queued: 0, ended: { success: 4, lost: 4 }, workersLost: 1 });
    // The log of a lost run can be resumed in this process, with the result of an undisturbed run.
    for (const { n } of lost) {
      const resumed = await resume(record(n), { registry, handlers: { "own.wait": ([m]) => m }, tracing: false });
      expect([resumed.outcome, resumed.value]).toEqual(["success", 2 * n]);
    }
    const again = await Promise.all([1, 2, 3, 4].map((n) => pool.execute(WAIT, { ...common, args: { n }, handlers })));
    expect(again.map(({ value }) => value)).toEqual([2, 4, 6, 8]);
  });

  test.runIf(inBoth)("a signal cancels runs that spin, wait for a call, or wait in the queue", async () => {
    const pool = poolOf({ isolation, maxRunsPerWorker: 2 });
    const stop = new AbortController();
    const { signal } = stop;
    const asked = gate();
    const handlers = {
      "own.wait": (___: unknown, context: { readonly signal: AbortSignal }) =>
        new Promise((____, reject) => {
          context.signal.addEventListener("abort", () => reject(new Error("stopped")));
          asked.open();
        }),
    };
    const runs = [
      pool.execute(SPIN, { ...common, limits: { max_steps: 1e15, ...SMALL }, signal }),
      pool.execute(WAIT, { ...common, args: { n: 1 }, handlers, signal }),
      pool.execute(ADD, { ...common, args: { a: 1, b: 2 }, signal }),
    ];
    await asked.promise;
    stop.abort();
    expect((await Promise.all(runs)).map(({ outcome, error }) => [outcome, error?.kind])).toEqual([
      ["canceled", "canceled"],
      ["canceled", "canceled"],
      ["canceled", "canceled"],
    ]);
    expect((await pool.execute(ADD, { ...common, args: { a: 1, b: 2 }, signal })).outcome).toBe("canceled");
    expect((await pool.execute(ADD, { ...common, args: { a: 1, b: 2 } })).value).toBe(3);
  });

  test.runIf(inBoth)("an allocation bomb ends at its limit, beside a run that goes on", async () => {
    const pool = sharedPool(isolation);
    const bomb = programOf('fn main() -> Int { let mut xs = [""]\n while true { xs = list.push(xs, string.repeat("x", 1000)) }\n 0 }');
    const limits = { max_steps: 1e12, max_alloc_bytes: 100 * MIB };
    const bombs = Array.from({ length: 2 }, () => pool.execute(bomb, { ...common, limits }));
    const small = pool.execute(ADD, { ...common, args: { a: 1, b: 2 } });
    expect((await small).value).toBe(3);
    expect((await Promise.all(bombs)).map(({ outcome }) => outcome)).toEqual(bombs.map(() => "limit_exceeded"));
    expect(pool.stats().workersLost).toBe(0);
  });
});

/** Returns a function that kills one worker of the pool that was created last. */
function workerKiller(isolation: "thread" | "process"): () => void {
  if (isolation === "process") {
    return () => {
      const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
      const isWorker = (pid: string): boolean => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("pool/worker.js");
      // The shared pool's process is an older one.
      process.kill(Number(children.findLast(isWorker)), "SIGKILL");
    };
  }
  const post = vi.spyOn(Worker.prototype, "postMessage");
  return () => {
    const worker: unknown = post.mock.contexts[0];
    if (!(worker instanceof Worker)) throw new Error("no thread got a message");
    void worker.terminate();
  };
}

describe("the pool's process", () => {
  test("a handler runs in the async context of its caller, also after an await and for a call of an actor", async () => {
    const pool = sharedPool();
    const tenant = new AsyncLocalStorage<string>();
    const seen = new Set<string>();
    const handler = async ([n]: readonly unknown[]): Promise<unknown> => {
      seen.add(`${tenant.getStore()} ${String(n)}`);
      await new Promise(setImmediate);
      seen.add(`${tenant.getStore()} ${String(n)} later`);
      return n;
    };
    const program = programOf(`fn main(n: Int) -> Int !{own.wait} { list.sum(par.map([n, n], fn(i) !{own.wait} { own.wait(i) })) }`);
    const run = (name: string, n: number): Promise<PoolExecution> =>
      tenant.run(name, () => pool.execute(program, { ...common, args: { n }, handlers: { "own.wait": handler } }));
    await Promise.all([run("ada", 1), run("bob", 2)]);
    expect([...seen].toSorted()).toEqual(["ada 1", "ada 1 later", "bob 2", "bob 2 later"]);
  });

  test("spans are below the span that is active at execute, and those of handlers below their call", async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register();
    const tracer = trace.getTracer("test");
    const pool = poolOf({});
    const headers: (string | undefined)[] = [];
    const handlers = {
      "own.wait": async ([n]: readonly unknown[], { traceparent }: { readonly traceparent?: string | undefined }) => {
        headers.push(traceparent);
        await new Promise(setImmediate);
        tracer.startSpan("inside").end();
        return n;
      },
    };
    await tracer.startActiveSpan("request", async (span) => {
      await pool.execute(WAIT, { policy: "allow-all", limits: SMALL, args: { n: 1 }, handlers, traceDetail: "call" });
      span.end();
    });
    const spans = exporter.getFinishedSpans();
    trace.disable();
    const nameOf = (id: string | undefined): string => spans.find((span) => span.spanContext().spanId === id)?.name ?? "nothing";
    expect(spans.map((span) => `${span.name} below ${nameOf(span.parentSpanContext?.spanId)}`)).toEqual([
      "inside below boruna.cap",
      "boruna.cap below boruna.call",
      "inside below boruna.cap",
      "boruna.cap below boruna.call",
      "boruna.call below boruna.run",
      "boruna.run below request",
      "request below nothing",
    ]);
    const calls = spans.filter(({ name }) => name === "boruna.cap");
    expect(headers).toEqual(calls.map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`));
    expect(calls[0]?.attributes).toMatchObject({ "cap.name": "own.wait", "cap.call": 1, "code.line.number": 1 });
    const run = spans.find(({ name }) => name === "boruna.run");
    expect(run?.attributes).toMatchObject({ "boruna.run.outcome": "success", "boruna.run.calls.total": 2 });
  });

  test("debug texts arrive, and an error of onDebug rejects the run", async () => {
    const pool = sharedPool();
    const program = programOf('fn main() -> Int { debug_msg("one", 1)\n debug_msg("two", 2)\n 3 }');
    const texts: string[] = [];
    await pool.execute(program, { ...common, onDebug: (text) => void texts.push(text) });
    expect(texts).toHaveLength(2);
    const failing = pool.execute(program, {
      ...common,
      onDebug: () => {
        throw new TypeError("no");
      },
    });
    await expect(failing).rejects.toThrow(new TypeError("no"));
  });

  test("the pool throws the same errors for options as execute", async () => {
    const pool = sharedPool();
    const { module } = ADD;
    const options = (more: PoolRunOptions): PoolRunOptions => ({ ...common, args: { a: 1, b: 2 }, ...more });
    const bad: readonly (readonly [Runnable, PoolRunOptions])[] = [
      [ADD, options({ args: { a: 1 } })],
      [ADD, options({ args: { a: "x", b: 1 } })],
      [ADD, options({ handlers: { "no.such": () => 1 } })],
      [ADD, options({ runId: "a b" })],
      [ADD, options({ outputSchema: { type: 1 } })],
      [ADD, options({ record: join(folder, "no", "folder", "run.jsonl") })],
      [{ ...module, entry: 99 }, options({ registry })],
    ];
    for (const [runnable, given] of bad) {
      const outside = await kindOf(execute(runnable, given));
      expect(outside).not.toBe("none");
      expect(await kindOf(pool.execute(runnable, given))).toBe(outside);
    }
    expect(await kindOf(pool.execute(ADD, options({ limits: { max_alloc_bytes: 2 ** 40 } })))).toBe("usage");
    expect((await pool.execute({ module }, options({ registry }))).value).toBe(3);
  });

  test("a live run cannot read the files of its own log", async () => {
    const pool = sharedPool();
    const here = mkdtempSync(join(folder, "live-"));
    const record = join(here, "run.jsonl");
    const program = programOf("fn main(path: String) -> String !{fs.read} { fs.read(path) }");
    const run = await pool.execute(program, {
      policy: "allow-all",
      live: true,
      tracing: false,
      limits: SMALL,
      args: { path: record },
      record,
    });
    expect(run.outcome).toBe("denied");
  });
});

describe("queue and back pressure", () => {
  test("a full queue refuses, room() resolves when there is a place, and each run ends", async () => {
    const pool = poolOf({ maxRunsPerWorker: 1, maxQueued: 3, maxQueuedPerTenant: 2 });
    const { promise, open } = gate();
    const begun = gate();
    const handlers = { "own.wait": async () => (begun.open(), await promise, 1) };
    const run = (tenant: string): Promise<PoolExecution> => pool.execute(WAIT, { ...common, tenant, args: { n: 1 }, handlers });
    const runs = [run("a")];
    await begun.promise;
    runs.push(run("a"), run("a"));
    expect(await kindOf(run("a"))).toBe("pool.full");
    runs.push(run("b"));
    expect(await kindOf(run("c"))).toBe("pool.full");
    expect(pool.stats()).toMatchObject({ queued: 3, running: 1, refused: 2 });
    let hasRoom = false;
    const room = pool.room("a").then(() => (hasRoom = true));
    await new Promise(setImmediate);
    expect(hasRoom).toBe(false);
    open();
    await room;
    runs.push(run("a"));
    expect((await Promise.all(runs)).map(({ value }) => value)).toEqual([2, 2, 2, 2, 2]);
  });

  test("a producer that awaits room() never finds the queue full", async () => {
    const pool = poolOf({ maxRunsPerWorker: 4, maxQueued: 5, maxQueuedPerTenant: 5 });
    const runs: Promise<PoolExecution>[] = [];
    for (let n = 0; n < 100; n++) {
      await pool.room();
      runs.push(pool.execute(ADD, { ...common, args: { a: n, b: 1 } }));
      expect(pool.stats().queued).toBeLessThanOrEqual(5);
    }
    expect((await Promise.all(runs)).map(({ value }) => value)).toEqual(runs.map((_, n) => n + 1));
    expect(pool.stats().refused).toBe(0);
  });

  test("a run waits until there is room for its memory", async () => {
    const pool = poolOf({ maxBytesPerWorker: 100 * MIB });
    let running = 0;
    let most = 0;
    const two = gate();
    const handlers = {
      "own.wait": async ([n]: readonly unknown[]) => {
        running += 1;
        most = Math.max(most, running);
        // The first call waits for the call of another run, so two runs overlap.
        if (running === 2) two.open();
        await two.promise;
        await new Promise(setImmediate);
        running -= 1;
        return n;
      },
    };
    const limits = { max_alloc_bytes: 40 * MIB };
    const runs = Array.from({ length: 6 }, (_, n) => pool.execute(WAIT, { ...common, limits, args: { n }, handlers }));
    await Promise.all(runs);
    expect(most).toBe(2);
  });

  test("tenants share the places evenly, in whatever order they came", async () => {
    const pool = poolOf({ maxRunsPerWorker: 2 });
    const order: string[] = [];
    const { promise, open } = gate();
    const run = (tenant: string): Promise<PoolExecution> =>
      pool.execute(WAIT, {
        ...common,
        tenant,
        args: { n: 1 },
        handlers: { "own.wait": async (___, { callNumber }) => (callNumber === 1 && order.push(tenant), await promise, 1) },
      });
    const runs = [...Array.from({ length: 20 }, () => run("many")), ...Array.from({ length: 5 }, () => run("few"))];
    open();
    await Promise.all(runs);
    // With equal shares, the fifth run of the small tenant is the tenth to begin, or up to two later because of those that run first.
    expect(order.slice(0, 12).filter((tenant) => tenant === "few")).toHaveLength(5);
  });

  test("close rejects the runs that wait, cancels those that run, and refuses new ones", async () => {
    const pool = poolOf({ maxRunsPerWorker: 1 });
    const begun = gate();
    const handlers = {
      "own.wait": (___: unknown, { signal }: { readonly signal: AbortSignal }) => {
        begun.open();
        return new Promise((____, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
      },
    };
    const running = pool.execute(WAIT, { ...common, args: { n: 1 }, handlers });
    await begun.promise;
    const waiting = kindOf(pool.execute(ADD, { ...common, args: { a: 1, b: 2 } }));
    await new Promise(setImmediate);
    await Promise.all([pool.close(), pool.close()]);
    expect([(await running).outcome, await waiting]).toEqual(["canceled", "pool.closed"]);
    expect(await kindOf(pool.execute(ADD, common))).toBe("pool.closed");
    expect(await kindOf(pool.room())).toBe("pool.closed");
    expect(pool.stats()).toMatchObject({ workers: 0, running: 0, queued: 0 });
  });

  test.each([
    [{ threads: 0 }, "threads: expected a whole number from 1"],
    [{ maxQueued: 1.5 }, "maxQueued: expected a whole number from 1"],
    [{ isolation: "fibre" }, 'isolation: expected "thread" or "process"'],
  ])("the options %j are refused", (options, message) => {
    const create: (given: object) => Pool = createPool;
    expect(() => create(options)).toThrow(message);
  });
});

test("a registered MeterProvider has the runs of a pool, their waits, and its lost workers", async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2_147_483_647 })] });
  metrics.setGlobalMeterProvider(provider);
  const points = async (): Promise<Record<string, unknown>> => {
    await provider.forceFlush();
    const found = (exporter.getMetrics().at(-1)?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
    return Object.fromEntries(
      found.flatMap(({ descriptor, dataPointType, dataPoints }) =>
        dataPoints.map(({ value }) => [
          descriptor.name,
          dataPointType === DataPointType.HISTOGRAM && typeof value === "object" ? value.count : value,
        ]),
      ),
    );
  };
  try {
    const { tracing: _, ...options } = common;
    const pool = poolOf({ isolation: "process", maxRunsPerWorker: 1 });
    const kill = workerKiller("process");
    const begun = gate();
    const held = gate();
    const handlers = {
      "own.wait": async () => {
        begun.open();
        await held.promise;
        return 1;
      },
    };
    const runs = [1, 2].map((n) => pool.execute(WAIT, { ...options, registry, live: true, args: { n }, handlers }));
    await begun.promise;
    expect(await points()).toMatchObject({ "boruna.pool.queued": 1, "boruna.pool.running": 1, "boruna.pool.wait.duration": 1 });
    kill();
    held.open();
    expect((await Promise.all(runs)).map(({ outcome }) => outcome)).toEqual(["lost", "success"]);
    expect(await points()).toMatchObject({
      "boruna.pool.queued": 0,
      "boruna.pool.running": 0,
      "boruna.pool.wait.duration": 2,
      "boruna.pool.workers.lost": 1,
    });
  } finally {
    metrics.disable();
    await provider.shutdown();
  }
});
