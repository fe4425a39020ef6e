import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { runTask, type TaskProgram, type TaskResult } from "../../runtime/task.ts";
import { createRunnerTelemetry, type RunnerTelemetry } from "../../telemetry/runner-telemetry.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { someOf } from "../cases.ts";
import { BROKEN_COLLECTORS } from "./broken-collectors.ts";
import { type CollectedSpan, type Collector, startCollector } from "./collector.ts";

const program = verifyModule(compile({ name: "now.ax", text: "fn main() -> Int !{time.now} { time.now() }" }).module);
const TRACE_ID = "a".repeat(32);
const PARENT_ID = "b".repeat(16);
const traceparent = (flags: string): string => `00-${TRACE_ID}-${PARENT_ID}-${flags}`;

const runClockTask = (telemetry: RunnerTelemetry, trace_?: unknown): Promise<TaskResult> =>
  runTask({ id: "t1", action: "clock.now", trace: trace_ }, { telemetry, find: () => ({ program, policy: "allow-all" }) });

/** Runs a task and returns its result and the bytes of its log. */
async function recorded(telemetry: RunnerTelemetry): Promise<unknown> {
  let recorder: MemoryRecorder | undefined;
  const record: TaskProgram["record"] = (run) => {
    recorder = memoryRecorder(run);
    return recorder;
  };
  const find = (): TaskProgram => ({ program, policy: "allow-all", record });
  const { outcome, execution } = await runTask({ id: "t1", action: "clock.now" }, { telemetry, find });
  expect(outcome).toBe("success");
  return [execution?.value, execution?.steps, execution?.runId, recorder?.bytes()];
}

/** Sets environment variables of this process until the end of the test. */
function setVariables(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

let notices: string[] = [];
const telemetryOf = (serviceName?: string): RunnerTelemetry =>
  createRunnerTelemetry({ onNotice: (line) => void notices.push(line), ...(serviceName === undefined ? {} : { serviceName }) });

beforeEach(() => {
  notices = [];
});
afterEach(() => vi.unstubAllEnvs());

async function withCollector(
  body: (collector: Collector) => Promise<void>,
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  const collector = await startCollector();
  setVariables({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, BORUNA_OTEL_SHUTDOWN_MS: "600000", ...variables });
  try {
    await body(collector);
  } finally {
    await collector.close();
  }
}

/** Runs tasks between start and stop, and returns the spans by name. */
async function collected(
  collector: Collector,
  body: (telemetry: RunnerTelemetry) => Promise<unknown>,
  telemetry = telemetryOf(),
): Promise<ReadonlyMap<string, readonly CollectedSpan[]>> {
  await telemetry.start();
  await body(telemetry);
  await telemetry.stop();
  const spans = collector.spans();
  return new Map(spans.map(({ name }) => [name, spans.filter((span) => span.name === name)]));
}

describe("two resources in one trace", () => {
  test("action.run belongs to the runner, the run and its calls to boruna", () =>
    withCollector(async (collector) => {
      const spans = await collected(collector, (telemetry) =>
        runClockTask(telemetry, { traceparent: traceparent("01"), tracestate: "v=1" }),
      );
      const [action] = spans.get("action.run") ?? [];
      const [run] = spans.get("boruna.run") ?? [];
      const [call] = spans.get("boruna.cap") ?? [];
      expect(collector.spans()).toHaveLength(3);
      expect(action).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID, traceState: "v=1", kind: 1, scope: "boruna" });
      expect(run).toMatchObject({ traceId: TRACE_ID, parentSpanId: action?.spanId, traceState: "v=1" });
      expect(call).toMatchObject({ traceId: TRACE_ID, parentSpanId: run?.spanId });
      expect([action, run, call].map((span) => span?.resource["service.name"])).toEqual(["boruna-runner", "boruna", "boruna"]);
      const instances = new Set([action, run, call].map((span) => span?.resource["service.instance.id"]));
      expect(instances.size).toBe(1);
      expect([...instances][0]).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Set(collector.requests.map(({ path }) => path))).toEqual(new Set(["/v1/traces", "/v1/metrics"]));
      expect(notices).toEqual([]);
    }));

  test("OTEL_SERVICE_NAME names the runner and wins over the option; other attributes are on both resources", () =>
    withCollector(
      async (collector) => {
        const spans = await collected(collector, runClockTask, telemetryOf("from-the-option"));
        const resources = ["action.run", "boruna.run"].map((name) => spans.get(name)?.[0]?.resource);
        expect(resources).toMatchObject([
          { "service.name": "shop-runner", "deployment.environment.name": "test" },
          { "service.name": "boruna", "deployment.environment.name": "test" },
        ]);
      },
      { OTEL_SERVICE_NAME: "shop-runner", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test" },
    ));

  test("the option names the runner", () =>
    withCollector(async (collector) => {
      const spans = await collected(collector, runClockTask, telemetryOf("from-the-option"));
      expect(spans.get("action.run")?.[0]?.resource["service.name"]).toBe("from-the-option");
    }));

  test.each([
    ["flow", undefined, 1],
    ["cap", undefined, 0],
    ["flow", "cap", 0],
    ["cap", "call", 1],
  ] as const)("BORUNA_TRACE_DETAIL=%s, the host's traceDetail %s: %d spans of calls", (variable, traceDetail, expected) =>
    withCollector(
      async (collector) => {
        const option = traceDetail === undefined ? {} : { traceDetail };
        const spans = await collected(collector, (telemetry) =>
          runTask({ id: "t1", action: "clock.now" }, { telemetry, find: () => ({ program, policy: "allow-all", ...option }) }),
        );
        expect(spans.get("boruna.call") ?? []).toHaveLength(expected);
      },
      { BORUNA_TRACE_DETAIL: variable },
    ),
  );

  test("a handler gets the context of its call", () =>
    withCollector(async (collector) => {
      let seen: string | undefined;
      const spans = await collected(collector, (telemetry) =>
        runTask(
          { id: "t1", action: "clock.now" },
          {
            telemetry,
            find: () => ({
              program,
              policy: "allow-all",
              handlers: {
                "time.now": (_, { traceparent: header }) => {
                  seen = header;
                  return 1;
                },
              },
            }),
          },
        ),
      );
      const [call] = spans.get("boruna.cap") ?? [];
      expect(seen).toBe(`00-${call?.traceId}-${call?.spanId}-01`);
    }));
});

describe("the sampling priority wins over the sampler and the sender's flag", () => {
  test.each([
    ["always_off", undefined, undefined, 0],
    ["always_off", 1, undefined, 3],
    ["always_off", 2, "00", 3],
    ["always_on", undefined, undefined, 3],
    ["always_on", 0, undefined, 0],
    ["always_on", -1, "01", 0],
    ["parentbased_always_on", undefined, "00", 0],
    ["parentbased_always_on", 1, "00", 3],
    ["parentbased_always_on", 0, "01", 0],
    ["always_off", 3, undefined, 0],
  ] as const)("%s, priority %s, flag %s: %d spans", (sampler, samplingPriority, flags, expected) =>
    withCollector(
      async (collector) => {
        const parent = flags === undefined ? {} : { traceparent: traceparent(flags) };
        await collected(collector, (telemetry) => runClockTask(telemetry, { ...parent, samplingPriority }));
        expect(collector.spans()).toHaveLength(expected);
        if (flags !== undefined && expected > 0)
          expect(new Set(collector.spans().map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
      },
      { OTEL_TRACES_SAMPLER: sampler },
    ),
  );

  test("OTEL_PROPAGATORS=none ignores the sender's context", () =>
    withCollector(
      async (collector) => {
        const spans = await collected(collector, (telemetry) => runClockTask(telemetry, { traceparent: traceparent("00") }));
        expect(spans.get("action.run")).toMatchObject([{ parentSpanId: "" }]);
      },
      { OTEL_PROPAGATORS: "none" },
    ));
});

describe("the lifecycle", () => {
  test("before start and after stop, methods do nothing, and a second start, flush or stop has no effect", () =>
    withCollector(async (collector) => {
      const telemetry = telemetryOf();
      await telemetry.flush();
      expect(await runClockTask(telemetry)).toMatchObject({ outcome: "success" });
      await Promise.all([telemetry.start(), telemetry.start()]);
      await runClockTask(telemetry);
      await Promise.all([telemetry.flush(), telemetry.flush()]);
      expect(collector.spans()).toHaveLength(3);
      await runClockTask(telemetry);
      await Promise.all([telemetry.stop(), telemetry.stop(), telemetry.flush()]);
      expect(collector.spans()).toHaveLength(6);
      await telemetry.start();
      await telemetry.flush();
      expect(await runClockTask(telemetry)).toMatchObject({ outcome: "success" });
      await telemetry.stop();
      expect(collector.spans()).toHaveLength(6);
      expect(notices).toEqual([]);
    }));

  test("stopped while it starts, it sends nothing", () =>
    withCollector(async (collector) => {
      const telemetry = telemetryOf();
      await Promise.all([telemetry.start(), telemetry.stop()]);
      await runClockTask(telemetry);
      expect(collector.requests).toEqual([]);
    }));

  test("stopped before it is started, it stays stopped", () =>
    withCollector(async (collector) => {
      const telemetry = telemetryOf();
      await telemetry.stop();
      await telemetry.start();
      await runClockTask(telemetry);
      expect(collector.requests).toEqual([]);
    }));

  test.each([
    [{}, []],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" }, []],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "user:SENTINEL@host" },
      [
        "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL (such as http://127.0.0.1:4318). The run goes on without spans.",
        "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https URL (such as http://127.0.0.1:4318). The run goes on without metrics.",
      ],
    ],
  ])("off: %j", async (variables, expected) => {
    setVariables(variables);
    const telemetry = telemetryOf();
    await telemetry.start();
    expect(telemetry.startTask({ origin: {}, action: "a", taskId: "t" })).toBeUndefined();
    expect(await runClockTask(telemetry)).toMatchObject({ outcome: "success" });
    await telemetry.flush();
    await telemetry.stop();
    expect(notices).toEqual(expected);
  });

  test("nothing is registered with the OpenTelemetry API", () =>
    withCollector(async (collector) => {
      await collected(collector, runClockTask);
      const span = trace.getTracer("host").startSpan("host");
      expect(span.isRecording()).toBe(false);
      expect(context.active()).toBe(context.with(context.active(), () => context.active()));
      expect(propagation.fields()).toEqual([]);
      expect(metrics.getMeterProvider().constructor.name).toBe("NoopMeterProvider");
    }));

  test.each(someOf(BROKEN_COLLECTORS.flatMap((broken) => [{ ...broken, detail: "cap" } as const, { ...broken, detail: "flow" } as const])))(
    "a collector that $what changes no task at detail $detail, and stop ends and reports the loss",
    async ({ accepts, start, detail }) => {
      const collector = await start();
      setVariables({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        BORUNA_OTEL_SHUTDOWN_MS: accepts ? "3600000" : "50",
        BORUNA_TRACE_DETAIL: detail,
      });
      const telemetry = telemetryOf();
      const plain = await recorded(telemetry);
      await telemetry.start();
      expect(await recorded(telemetry)).toEqual(plain);
      await telemetry.flush();
      await telemetry.stop();
      const spans = detail === "flow" ? 4 : 3;
      const lost = [expect.stringContaining(`${spans} of ${spans} spans lost: `), expect.stringMatching(/^the last metrics were lost: /)];
      expect(notices).toEqual(accepts ? [] : lost);
      expect(notices.join("")).not.toContain("SENTINEL");
      await collector.close();
    },
  );
});
