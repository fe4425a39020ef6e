import { describe, expect, test } from "vitest";
import { readTelemetrySettings } from "../../telemetry/settings.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { DEEP, someOf } from "../cases.ts";
import { type Collector, startCollector } from "./collector.ts";
import { runChild } from "./run-child.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

async function withCollector(body: (collector: Collector) => Promise<void>): Promise<void> {
  const collector = await startCollector();
  try {
    await body(collector);
  } finally {
    await collector.close();
  }
}

function settings(environment: Readonly<Record<string, string>>): Extract<ReturnType<typeof readTelemetrySettings>, { on: true }> {
  const result = readTelemetrySettings(environment);
  if ("problem" in result || !result.on) throw new Error("telemetry is off");
  return result;
}

describe("settings from the environment", () => {
  test.each([
    [{}],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "  ", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "" }],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE", OTEL_TRACES_EXPORTER: "console" }],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" }],
    [{ OTEL_TRACES_EXPORTER: "otlp" }],
  ])("off: %j", (environment) => {
    expect(readTelemetrySettings(environment)).toEqual({ on: false });
  });

  test("on, with the defaults", () => {
    expect(readTelemetrySettings(ENDPOINT)).toEqual({
      on: true,
      exporters: ["otlp"],
      otlp: { endpoint: "http://127.0.0.1:4318/v1/traces", protocol: "http/protobuf", compression: "none" },
      batch: { maxQueueSize: 2048, maxExportBatchSize: 512, scheduledDelayMillis: 5000, exportTimeoutMillis: 30000 },
      exportMs: 10_000,
      shutdownMs: 5000,
      traceDetail: "cap",
      propagators: { tracecontext: true, baggage: true },
      genAiSpans: false,
      warnings: [],
    });
  });

  test("the trace detail; an unknown one is reported", () => {
    expect(settings({ ...ENDPOINT, BORUNA_TRACE_DETAIL: " Flow " }).traceDetail).toBe("flow");
    const odd = settings({ ...ENDPOINT, BORUNA_TRACE_DETAIL: "all" });
    expect(odd).toMatchObject({
      traceDetail: "cap",
      warnings: ['BORUNA_TRACE_DETAIL: "all" is not supported; cap, call and flow are. cap is used.'],
    });
  });

  test("the variables for traces take precedence", () => {
    const own = {
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_TIMEOUT: "9",
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "7",
    };
    expect(settings({ ...ENDPOINT, ...own })).toMatchObject({ otlp: { protocol: "http/json" }, exportMs: 7 });
    const traces = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://x.example/own" };
    expect(settings({ ...ENDPOINT, ...traces }).otlp?.endpoint).toBe("https://x.example/own");
  });

  test("appends the path to the general endpoint, and reads compression and the export timeout", () => {
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://x.example/a/" }).otlp?.endpoint).toBe("http://x.example/a/v1/traces");
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://x.example?key=a/b" }).otlp?.endpoint).toBe("http://x.example/v1/traces?key=a/b");
    expect(settings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://x.example/a/?k=1" }).otlp?.endpoint).toBe("http://x.example/a/v1/traces?k=1");
    expect(settings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" }).otlp?.compression).toBe("gzip");
    const odd = settings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_COMPRESSION: "br", OTEL_BSP_EXPORT_TIMEOUT: "9" });
    expect(odd).toMatchObject({ otlp: { compression: "none" }, exportMs: 9 });
    expect(odd.warnings).toEqual(['OTEL_EXPORTER_OTLP_COMPRESSION: "br" is not supported; gzip and none are. none is used.']);
    expect(settings({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "console" }).otlp).toBeUndefined();
  });

  test.each([
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      'OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not supported; http/protobuf and http/json are, on port 4318 of most collectors. The run goes on without spans.',
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "x\u001b[31m" },
      'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "x\\u001b[31m" is not supported; http/protobuf and http/json are, on port 4318 of most collectors. The run goes on without spans.',
    ],
    [
      { OTEL_TRACES_EXPORTER: "zipkin" },
      'OTEL_TRACES_EXPORTER: "zipkin" is not supported; otlp, console and none are. The run goes on without spans.',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret@host" },
      "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL (such as http://127.0.0.1:4318). The run goes on without spans.",
    ],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "unix:/run/x" },
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not an http or https URL (such as http://127.0.0.1:4318/v1/traces). The run goes on without spans.",
    ],
  ])("a problem is one line: %j", (environment, problem) => {
    expect(readTelemetrySettings({ ...ENDPOINT, ...environment })).toEqual({ problem });
  });

  test("invalid numbers fall back to the default, with a notice", () => {
    const result = settings({
      ...ENDPOINT,
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "0",
      OTEL_BSP_MAX_QUEUE_SIZE: "-1",
      OTEL_BSP_SCHEDULE_DELAY: "1e400",
      BORUNA_OTEL_SHUTDOWN_MS: "soon",
    });
    expect(result.batch).toMatchObject({ maxExportBatchSize: 512, maxQueueSize: 2048, scheduledDelayMillis: 5000 });
    expect(result.shutdownMs).toBe(5000);
    expect(result.warnings).toHaveLength(4);
    expect(result.warnings[0]).toBe('BORUNA_OTEL_SHUTDOWN_MS: "soon" is not a whole number from 0 up; 5000 is used.');
    expect(settings({ ...ENDPOINT, OTEL_BSP_SCHEDULE_DELAY: "9999999999999" }).batch.scheduledDelayMillis).toBe(2_147_483_647);
    expect(settings({ ...ENDPOINT, OTEL_BSP_SCHEDULE_DELAY: "9".repeat(30) }).batch.scheduledDelayMillis).toBe(2_147_483_647);
    expect(settings({ ...ENDPOINT, OTEL_BSP_MAX_QUEUE_SIZE: "10" }).batch).toMatchObject({ maxQueueSize: 10, maxExportBatchSize: 10 });
  });

  test("only true turns everything off; another word than true or false is reported", () => {
    expect(settings({ ...ENDPOINT, OTEL_SDK_DISABLED: "False" }).warnings).toEqual([]);
    expect(settings({ ...ENDPOINT, OTEL_SDK_DISABLED: "yes" }).warnings).toEqual([
      'OTEL_SDK_DISABLED: "yes" is not true or false; false is used.',
    ]);
  });

  test("propagators", () => {
    expect(settings({ ...ENDPOINT, OTEL_PROPAGATORS: "none" }).propagators).toEqual({ tracecontext: false, baggage: false });
    const odd = settings({ ...ENDPOINT, OTEL_PROPAGATORS: "b3, baggage" });
    expect(odd.propagators).toEqual({ tracecontext: false, baggage: true });
    expect(odd.warnings).toEqual(['OTEL_PROPAGATORS: "b3" is not supported; tracecontext, baggage and none are. It is ignored.']);
  });
});

describe("in its own process", () => {
  test("without an endpoint no OpenTelemetry module is loaded", async () => {
    for (const environment of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: "" }]) {
      const end = await runChild({ calls: 1, flags: ["modules"] }, environment);
      expect(end.stdout).toBe("loaded 0\nwork done\n");
      expect(end.stderr).toBe("");
    }
    // The counter-check: with the console exporter, the same list is not empty.
    const { stdout } = await runChild({ calls: 1, flags: ["modules"] }, { OTEL_TRACES_EXPORTER: "console" });
    expect(stdout).toContain("node_modules/@opentelemetry/sdk-trace-node/");
    expect(stdout).not.toContain("otlp-transformer");
  });

  test.each(someOf(["http/protobuf", "http/json"]))("%s: every span arrives, once, in one batch", (protocol) =>
    withCollector(async (collector) => {
      const end = await runChild(
        { calls: 5, exitCode: 3, flags: ["exit"] },
        {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test,team=a%2Cb",
          OTEL_EXPORTER_OTLP_HEADERS: "x-token=abc",
          OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
          TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          TRACESTATE: "vendor=1",
        },
      );
      expect(end).toMatchObject({ code: 3, stderr: "" });
      expect(end.stdout).toContain('{"ended":6,"lost":0}');
      expect(collector.requests).toHaveLength(1);
      const [request] = collector.requests;
      expect(request?.path).toBe("/v1/traces");
      expect(request?.headers).toMatchObject({
        "content-type": protocol === "http/json" ? "application/json" : "application/x-protobuf",
        "content-encoding": "gzip",
        "x-token": "abc",
      });
      const spans = collector.spans();
      const run = spans.find((span) => span.name === "boruna.run");
      expect(run).toMatchObject({
        traceId: "0af7651916cd43dd8448eb211c80319c",
        parentSpanId: "b7ad6b7169203331",
        traceState: "vendor=1",
        kind: 1,
        scope: "boruna",
        status: { code: 0, message: "" },
        resource: { "service.name": "boruna", "deployment.environment": "test", team: "a,b", "telemetry.sdk.language": "nodejs" },
      });
      expect(run?.attributes).toMatchObject({ "process.exit.code": 3, "boruna.run.steps": 10, "boruna.run.calls.total": 5 });
      const calls = spans.filter((span) => span.name === "boruna.cap");
      expect(calls.map((span) => span.attributes["cap.call"])).toEqual([0, 1, 2, 3, 4]);
      expect(calls.every((span) => span.parentSpanId === run?.spanId && span.traceId === run.traceId)).toBe(true);
      expect(new Set(spans.map((span) => span.spanId)).size).toBe(6);
    }),
  );

  test("OTEL_SERVICE_NAME wins over the resource attributes; a malformed TRACEPARENT is ignored", () =>
    withCollector(async (collector) => {
      const environment = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: "mine",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=other",
        TRACEPARENT: "00-xyz",
      };
      expect(await runChild({ calls: 0 }, environment)).toMatchObject({ code: 0, stderr: "" });
      expect(collector.spans()).toHaveLength(1);
      expect(collector.spans()[0]).toMatchObject({ parentSpanId: "", resource: { "service.name": "mine" } });
    }));

  test("the sampler comes from the environment and respects the caller's decision", () =>
    withCollector(async (collector) => {
      const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
      await runChild({ calls: 2 }, { ...endpoint, OTEL_TRACES_SAMPLER: "always_off" });
      await runChild({ calls: 2 }, { ...endpoint, TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" });
      expect(collector.requests).toHaveLength(0);
    }));

  test("more spans than the queue holds all arrive if the run waits", () =>
    withCollector(async (collector) => {
      const end = await runChild({ calls: 5000, flags: ["wait"] }, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      expect(end).toMatchObject({ code: 0, stderr: "" });
      expect(collector.spans()).toHaveLength(5001);
      expect(new Set(collector.spans().map((span) => span.spanId)).size).toBe(5001);
      expect(collector.requests.length).toBeLessThan(30);
    }));

  test("a run that does not wait loses what the queue cannot hold, and reports how many", () =>
    withCollector(async (collector) => {
      const environment = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_MAX_QUEUE_SIZE: "100",
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "20",
      };
      const end = await runChild({ calls: 1000 }, environment);
      const arrived = collector.spans().length;
      expect(arrived).toBeGreaterThanOrEqual(100);
      expect(end.stderr).toBe(
        `telemetry: ${1001 - arrived} of 1001 spans lost: more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds\n`,
      );
    }));

  test.runIf(DEEP)("small batches all arrive", () =>
    withCollector(async (collector) => {
      const end = await runChild(
        { calls: 200 },
        {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2",
        },
      );
      expect(end.stderr).toBe("");
      expect(collector.spans()).toHaveLength(201);
    }),
  );

  test("the console exporter prints one line per span to stderr and needs no endpoint", async () => {
    const end = await runChild({ calls: 1 }, { OTEL_TRACES_EXPORTER: "console" });
    const lines = end.stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^boruna\.cap {2}time\.now {2}[\d.]+ (ns|µs|ms) {2}mock {2}in=1 {2}out=0 {2}a\.ax:1 {2}trace=[0-9a-f]{32} span=[0-9a-f]{16} parent=[0-9a-f]{16}$/,
    );
    expect(lines[1]).toMatch(/^boruna\.run {2}child {2}.* success .*trace=[0-9a-f]{32} span=[0-9a-f]{16}$/);
    expect(end.stdout).not.toContain("boruna.cap");
  });

  test("an unsupported protocol is reported, and the run continues", async () => {
    const end = await runChild({ calls: 1, exitCode: 4, flags: ["modules"] }, { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
    expect(end.code).toBe(4);
    expect(end.stderr).toBe(
      'OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not supported; http/protobuf and http/json are, on port 4318 of most collectors. The run goes on without spans.\n',
    );
    expect(end.stdout).toContain("loaded 0\n");
  });

  test("settings that the SDK does not understand are reported, one line each", () =>
    withCollector(async (collector) => {
      const end = await runChild(
        { calls: 0 },
        {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_TRACES_SAMPLER: "sometimes",
          OTEL_EXPORTER_OTLP_TIMEOUT: "soon",
          OTEL_RESOURCE_ATTRIBUTES: "nonsense",
          OTEL_EXPORTER_OTLP_CERTIFICATE: "/nowhere/ca.pem",
        },
      );
      const lines = end.stderr.trimEnd().split("\n");
      expect(lines.every((line) => line.startsWith("telemetry: "))).toBe(true);
      expect(lines.map((line) => /[A-Z]+(?:_[A-Z]+)+/.exec(line)?.[0] ?? "").sort(compareUtf8)).toEqual([
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_TRACES_SAMPLER",
      ]);
      expect(collector.spans()).toHaveLength(1);
    }));

  test("starting twice is an error", () =>
    withCollector(async (collector) => {
      const end = await runChild({ calls: 0, flags: ["twice"] }, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      expect(end.stderr).toBe("telemetry is started twice in this process\n");
      expect(collector.spans()).toHaveLength(1);
    }));
});
