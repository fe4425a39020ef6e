/** What runs of a pool have of the process that made it: async context, spans, metrics, debug texts, errors. */
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { describe, expect, test } from "vitest";
import { execute, type Runnable } from "../../runtime/execute.ts";
import type { PoolRunOptions } from "../../runtime/pool/prepare.ts";
import type { PoolExecution } from "../../runtime/pool/pool-run.ts";
import { temporaryFolder } from "../after-file.ts";
import { ADD, common, gate, kindOf, poolOf, programOf, registry, sharedPool, SMALL, WAIT, workerKiller } from "./pools.ts";
const folder = temporaryFolder();

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
