import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure } from "../../gateway/handlers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { replayRun } from "../../replay/replay.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { runTask } from "../../runtime/task.ts";
import { INSTRUMENTS, METRIC_ATTRIBUTES } from "../../telemetry/instruments.ts";
import { meteredTracing } from "../../telemetry/metrics.ts";
import { poolMetrics } from "../../telemetry/pool-metrics.ts";
import { createRunnerTelemetry } from "../../telemetry/runner-telemetry.ts";
import { readMetricSettings } from "../../telemetry/settings.ts";
import type { RunTracing, Tracing } from "../../telemetry/tracing.ts";
import { workerMetrics } from "../../telemetry/worker-metrics.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { OUTCOMES } from "../../vm/outcome.ts";
import { lastMetrics, metricRequests } from "./collected-metrics.ts";
import { type Behavior, refusingUrl, startCollector } from "./collector.ts";

const run = (text: string, options: RunOptions = {}): ReturnType<typeof execute> =>
  execute(compile({ name: "SENTINEL-file.ax", text }), { policy: "allow-all", ...options });
const ONE_CALL = "fn main() -> Int !{time.now} { time.now() }";

describe("with a registered MeterProvider", () => {
  let exporter: InMemoryMetricExporter;
  let provider: MeterProvider;

  beforeEach(() => {
    exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2_147_483_647 })] });
    metrics.setGlobalMeterProvider(provider);
  });
  afterEach(async () => {
    metrics.disable();
    await provider.shutdown();
  });

  async function collected(): Promise<readonly MetricData[]> {
    await provider.forceFlush();
    return (exporter.getMetrics().at(-1)?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
  }

  /** Returns each data point as text, with its value (the count, if it is a histogram). */
  async function points(): Promise<readonly string[]> {
    return (await collected()).flatMap((metric) =>
      metric.dataPointType === DataPointType.HISTOGRAM
        ? metric.dataPoints.map((p) => `${metric.descriptor.name} ${Object.values(p.attributes).join(" ")} ${p.value.count}`)
        : metric.dataPoints.map((p) => `${metric.descriptor.name} ${Object.values(p.attributes).join(" ")} ${String(p.value)}`),
    );
  }

  test("counts and times runs and calls, by name and outcome", async () => {
    await run(ONE_CALL);
    await run(ONE_CALL);
    await run(ONE_CALL, { policy: "deny-all" });
    await run("fn main() -> Int { 1 / 0 }");
    expect(await points()).toEqual([
      "boruna.runs mock success 2",
      "boruna.runs mock denied 1",
      "boruna.runs mock program_error 1",
      "boruna.run.duration mock success 2",
      "boruna.run.duration mock denied 1",
      "boruna.run.duration mock program_error 1",
      "boruna.cap.calls time.now mock ok 2",
      "boruna.cap.calls time.now mock denied 1",
      "boruna.cap.duration time.now mock ok 2",
      "boruna.cap.duration time.now mock denied 1",
    ]);
  });

  test("instruments, units and attributes are those of the table", async () => {
    await run(ONE_CALL);
    const pool = poolMetrics();
    pool.setRuns(2, 1);
    pool.waited(1);
    pool.workerLost();
    const worker = workerMetrics(metrics.getMeter("boruna"));
    worker.claimed("default", true);
    worker.ended("default", "success");
    worker.ended("default", undefined);
    worker.reaped(1);
    worker.leaseLost();
    const seen = await collected();
    expect(seen.map(({ descriptor }) => descriptor.name).toSorted()).toEqual(Object.keys(INSTRUMENTS).toSorted());
    for (const { descriptor, dataPointType, dataPoints } of seen) {
      const row = Object.entries(INSTRUMENTS).find(([name]) => name === descriptor.name)?.[1];
      expect(descriptor).toMatchObject({ unit: row?.unit, description: row?.doc });
      expect(dataPointType).toBe(row?.kind === "histogram" ? DataPointType.HISTOGRAM : DataPointType.SUM);
      for (const { attributes } of dataPoints) expect(Object.keys(attributes)).toEqual(row?.attributes);
    }
    expect(new Set(Object.values(INSTRUMENTS).flatMap(({ attributes }) => [...attributes]))).toEqual(
      new Set(Object.keys(METRIC_ATTRIBUTES)),
    );
  });

  test("durations are seconds", async () => {
    let finish: (() => void) | undefined;
    const startedAt = performance.now();
    const running = run(ONE_CALL, {
      handlers: {
        "time.now": () =>
          new Promise((resolve) => {
            finish = () => resolve(1);
          }),
      },
    });
    await vi.waitUntil(() => finish !== undefined && performance.now() - startedAt >= 20, { timeout: 600_000 });
    finish?.();
    await running;
    const elapsed = (performance.now() - startedAt) / 1_000;
    for (const metric of await collected()) {
      if (metric.dataPointType !== DataPointType.HISTOGRAM) continue;
      for (const { value } of metric.dataPoints) {
        expect(value.sum).toBeGreaterThan(0);
        expect(value.sum).toBeLessThanOrEqual(elapsed);
      }
    }
  });

  test("every end of a call has its outcome", async () => {
    const failing = (): never => {
      throw new CapabilityFailure("SENTINEL");
    };
    const unknown = (): never => {
      throw new CapabilityFailure("SENTINEL", "unknown");
    };
    await run(ONE_CALL, { handlers: { "time.now": failing } });
    await run(ONE_CALL, { handlers: { "time.now": unknown } });
    await run("fn main() -> Int !{time.now} { time.now() + time.now() }", {
      policy: parsePolicy('{"rules": {"time.now": {"allow": true, "budget": 1}}}', { file: "policy.json", jsonc: false }),
    });
    expect((await points()).filter((text) => text.startsWith("boruna.cap.calls"))).toEqual([
      "boruna.cap.calls time.now mock runtime_error 1",
      "boruna.cap.calls time.now mock unknown 1",
      "boruna.cap.calls time.now mock ok 1",
      "boruna.cap.calls time.now mock budget_exceeded 1",
    ]);
  });

  test("a replay is counted as one", async () => {
    let recorder: MemoryRecorder | undefined;
    await run(ONE_CALL, {
      record: (description) => {
        recorder = memoryRecorder(description);
        return recorder;
      },
    });
    await replayRun(parseLog(memorySource(recorder?.bytes() ?? new Uint8Array(), recorder?.blobs)));
    expect((await points()).filter((text) => text.startsWith("boruna.runs"))).toEqual([
      "boruna.runs mock success 1",
      "boruna.runs replay success 1",
    ]);
  });

  test("a task's run is counted, whatever its sampling priority", async () => {
    const program = compile({ name: "now.ax", text: ONE_CALL });
    for (const samplingPriority of [-1, 2])
      await runTask({ id: "t", action: "now", trace: { samplingPriority } }, { find: () => ({ program, policy: "allow-all" }) });
    expect((await points())[0]).toBe("boruna.runs mock success 2");
  });

  test("`tracing: false` turns metrics off too", async () => {
    await run(ONE_CALL, { tracing: false });
    expect(await points()).toEqual([]);
  });

  test("values are those of the host, whatever a program names or passes", async () => {
    const text = `
type SENTINELType { SENTINELField: String }
fn SENTINEL_function(name: String) -> String !{fs.read} { match try fs.read(name) { Ok(text) => text, Err(why) => why } }
fn main() -> String !{fs.read, llm.call} {
    let first = SENTINEL_function("SENTINEL/path")
    let second = SENTINEL_function("https://SENTINEL.example")
    json.stringify(llm.call(first ++ second ++ "SENTINEL prompt", "SENTINEL-model"))
}`;
    for (const name of ["SENTINEL-one", "SENTINEL-two"]) {
      await execute(compile({ name, text }), {
        policy: "allow-all",
        runId: name,
        traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
      });
    }
    const seen = await collected();
    expect(JSON.stringify(seen)).not.toContain("SENTINEL");
    const names = [...BUILTIN_REGISTRY.byName.keys()];
    const values = new Set(seen.flatMap(({ dataPoints }) => dataPoints.flatMap(({ attributes }) => Object.values(attributes))));
    const fixed = [
      "mock",
      "live",
      "replay",
      "ok",
      "denied",
      "budget_exceeded",
      "runtime_error",
      "unknown",
      ...Object.keys(OUTCOMES),
      ...names,
    ];
    expect([...values].filter((value) => !fixed.includes(String(value)))).toEqual([]);
    expect(values.has("llm.call")).toBe(true);
  });

  test("a MeterProvider that throws changes no run", async () => {
    const plain = await run(ONE_CALL);
    metrics.disable();
    const broken = (): never => {
      throw new Error("broken");
    };
    metrics.setGlobalMeterProvider({ getMeter: broken });
    expect(await run(ONE_CALL)).toMatchObject({ outcome: "success", value: plain.value, steps: plain.steps });
    metrics.disable();
    const meter = provider.getMeter("throws");
    vi.spyOn(meter, "createCounter").mockImplementation(() => ({ add: broken }));
    vi.spyOn(meter, "createHistogram").mockImplementation(() => ({ record: broken }));
    metrics.setGlobalMeterProvider({ getMeter: () => meter });
    expect(await run(ONE_CALL)).toMatchObject({ outcome: "success", value: plain.value, steps: plain.steps });
  });
});

test("without a MeterProvider, the tracing of a run is not wrapped, so metrics cost nothing", () => {
  const inner: RunTracing = {
    startCall: () => expect.fail(),
    startFlow: () => expect.fail(),
    backpressure: () => undefined,
    end: () => undefined,
  };
  const tracing: Tracing = meteredTracing({ startRun: () => inner });
  const info = { runId: () => "r", programName: "p", moduleHash: "m", policyHash: "p", mode: "mock" } as const;
  expect(tracing.startRun(info)).toBe(inner);
});

describe("settings", () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

  test.each([
    [{}],
    [{ ...ENDPOINT, OTEL_METRICS_EXPORTER: "none" }],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" }],
  ])("off: %j", (environment) => {
    expect(readMetricSettings(environment)).toEqual({ on: false });
  });

  test("on, with the defaults", () => {
    expect(readMetricSettings(ENDPOINT)).toEqual({
      on: true,
      otlp: { endpoint: "http://127.0.0.1:4318/v1/metrics", protocol: "http/protobuf", compression: "none" },
      intervalMs: 60_000,
      exportMs: 10_000,
      shutdownMs: 5_000,
      warnings: [],
    });
  });

  test("the variables for metrics take precedence", () => {
    const own = {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "https://x.example/own",
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: "7",
      OTEL_METRIC_EXPORT_INTERVAL: "9",
    };
    expect(readMetricSettings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", ...own })).toMatchObject({
      otlp: { endpoint: "https://x.example/own", protocol: "http/json", compression: "gzip" },
      intervalMs: 9,
      exportMs: 7,
    });
  });

  test.each([
    [
      { OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc" },
      'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc" is not supported; http/protobuf and http/json are, on port 4318 of most collectors.',
    ],
    [{ OTEL_METRICS_EXPORTER: "prometheus" }, 'OTEL_METRICS_EXPORTER: "prometheus" is not supported; otlp and none are.'],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "user:secret@host" },
      "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is not an http or https URL (such as http://127.0.0.1:4318/v1/metrics).",
    ],
  ])("a problem is one line: %j", (environment, problem) => {
    expect(readMetricSettings({ ...ENDPOINT, ...environment })).toEqual({ problem: `${problem} The run goes on without metrics.` });
  });
});

describe("a runner's export", () => {
  let notices: string[] = [];
  beforeEach(() => {
    notices = [];
  });
  afterEach(() => vi.unstubAllEnvs());

  const program = compile({ name: "now.ax", text: ONE_CALL });

  /** Starts a runner's telemetry, runs two tasks (a third is rejected), and stops it. */
  async function runner(
    variables: Readonly<Record<string, string>>,
    afterTasks?: (flush: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    for (const [name, value] of Object.entries({ BORUNA_OTEL_SHUTDOWN_MS: "600000", ...variables })) vi.stubEnv(name, value);
    const telemetry = createRunnerTelemetry({ onNotice: (line) => void notices.push(line) });
    await telemetry.start();
    for (const action of ["now", "SENTINEL.unknown", "now"]) {
      const result = await runTask(
        { id: "SENTINEL-id", action },
        { telemetry, find: (task) => (task.action === "now" ? { program, policy: "allow-all" } : undefined) },
      );
      expect(result.outcome).toBe(action === "now" ? "success" : "rejected");
    }
    await afterTasks?.(() => telemetry.flush());
    await telemetry.stop();
  }

  test.each([
    ["http/protobuf", "none"],
    ["http/protobuf", "gzip"],
    ["http/json", "none"],
    ["http/json", "gzip"],
  ])("sends the totals at flush and stop: %s, %s", async (protocol, compression) => {
    const collector = await startCollector();
    await runner(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
        OTEL_SERVICE_NAME: "shop-runner",
        OTEL_EXPORTER_OTLP_METRICS_HEADERS: "x-key=metrics",
      },
      async (flush) => {
        await flush();
        expect(metricRequests(collector)).toHaveLength(1);
      },
    );
    expect(metricRequests(collector)).toHaveLength(2);
    const points = lastMetrics(collector);
    expect(points.map(({ metric, unit, attributes, count }) => [metric, unit, Object.values(attributes).join(" "), count])).toEqual([
      ["boruna.runs", "{run}", "mock success", 2],
      ["boruna.run.duration", "s", "mock success", 2],
      ["boruna.cap.calls", "{call}", "time.now mock ok", 2],
      ["boruna.cap.duration", "s", "time.now mock ok", 2],
    ]);
    expect(points[1]?.bounds[0]).toBe(0.0001);
    expect(points[0]?.resource).toMatchObject({
      "service.name": "shop-runner",
      "service.instance.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(metricRequests(collector).map(({ headers }) => headers["x-key"])).toEqual(["metrics", "metrics"]);
    expect(collector.spans()).toHaveLength(7);
    expect(metricRequests(collector).some(({ body }) => body.includes("SENTINEL"))).toBe(false);
    expect(notices).toEqual([]);
    await collector.close();
  });

  test("sends the totals at each interval, without flush or stop", async () => {
    const collector = await startCollector();
    await runner({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/v1/metrics`, OTEL_METRIC_EXPORT_INTERVAL: "100" }, async () => {
      await vi.waitUntil(() => lastMetrics(collector)[0]?.count === 2, { timeout: 600_000 });
    });
    expect(lastMetrics(collector)[0]).toMatchObject({ metric: "boruna.runs", count: 2 });
    expect(collector.spans()).toEqual([]);
    await collector.close();
  });

  test("without a metrics endpoint no metric is sent", async () => {
    const collector = await startCollector();
    await runner({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` });
    expect(metricRequests(collector)).toEqual([]);
    expect(collector.spans()).toHaveLength(7);
    await collector.close();
  });

  test.each<[string, Behavior | "refuse", RegExp]>([
    ["hangs", "hang", /did not answer within 50 ms/],
    ["resets", "reset", /ECONNRESET/],
    ["answers 500", "error", /answered 500/],
    ["answers 503", "unavailable", /answered 503/],
    ["answers a byte a second", "drip", /did not answer within 50 ms/],
    ["reads a byte a second", "slow-read", /did not answer within 50 ms/],
    ["refuses", "refuse", /ECONNREFUSED/],
    [
      "rejects some",
      (_request, answer) =>
        answer(200, { headers: { "content-type": "application/json" }, body: '{"partialSuccess":{"rejectedDataPoints":"3"}}' }),
      /partial success/,
    ],
  ])("a collector that %s changes no task, and stop ends and reports the loss", async (_, behavior, reason) => {
    const collector = behavior === "refuse" ? undefined : await startCollector(behavior);
    await runner(
      {
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector?.url ?? (await refusingUrl())}/v1/metrics`,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        // Short only for the collector that never answers, which uses up this time.
        BORUNA_OTEL_SHUTDOWN_MS: reason.source.includes("50 ms") ? "50" : "600000",
      },
      (flush) => flush(),
    );
    expect(notices).toEqual([expect.stringMatching(/^the last metrics were lost: /)]);
    expect(notices[0]).toMatch(reason);
    await collector?.close();
  });

  test("after an export that fails, the next has the same totals, so nothing is lost", async () => {
    let answered = 0;
    const collector = await startCollector((_request, answer) => answer(++answered === 1 ? 503 : 200));
    await runner({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${collector.url}/v1/metrics` }, (flush) => flush());
    expect(lastMetrics(collector)[0]).toMatchObject({ metric: "boruna.runs", count: 2 });
    expect(notices).toEqual([]);
    await collector.close();
  });
});
