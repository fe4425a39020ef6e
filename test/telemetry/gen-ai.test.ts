import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityDenied, CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { replayRun } from "../../replay/replay.ts";
import { execute, type Execution, type RunOptions } from "../../runtime/execute.ts";
import { runTask } from "../../runtime/task.ts";
import { CHAT_ATTRIBUTES } from "../../telemetry/gen-ai.ts";
import { createRunnerTelemetry } from "../../telemetry/runner-telemetry.ts";
import { readTelemetrySettings } from "../../telemetry/settings.ts";
import { startCollector } from "./collector.ts";

const askProgram = (model: string): string =>
  `fn main() -> String !{llm.call} { match try llm.call("SENTINEL prompt", "${model}") { Ok(answer) => json.stringify(answer), Err(why) => why } }`;

const ANSWER = {
  status: "ok",
  text: "SENTINEL answer",
  model: "small-2026",
  usage: { input_tokens: 7, output_tokens: 2 },
};
const answeringHandler: Handler = () => ANSWER;

const exporter = new InMemorySpanExporter();

beforeEach(() => new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register());
afterEach(() => {
  trace.disable();
  context.disable();
  propagation.disable();
  exporter.reset();
});

function runAsk(handler: Handler, options: RunOptions = {}, model = "vendor/small"): Promise<Execution> {
  return execute(compile({ name: "ask.ax", text: askProgram(model) }), {
    policy: "allow-all",
    genAiSpans: true,
    handlers: { "llm.call": handler },
    ...options,
  });
}

/** Returns the span that is neither the run's nor the call's. */
function onlyChatSpan(): ReadableSpan {
  const [span, ...more] = exporter.getFinishedSpans().filter(({ name }) => !name.startsWith("boruna."));
  if (span === undefined || more.length > 0) throw new Error("not exactly one chat span");
  return span;
}

const callSpan = (): ReadableSpan | undefined => exporter.getFinishedSpans().find(({ name }) => name === "boruna.cap");

describe("the span of the GenAI conventions", () => {
  test("is a CLIENT child of the call, with the names of the conventions; they are on no other span", async () => {
    await runAsk(answeringHandler);
    expect(onlyChatSpan()).toMatchObject({
      name: "chat vendor/small",
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
      events: [],
    });
    expect(onlyChatSpan().parentSpanContext?.spanId).toBe(callSpan()?.spanContext().spanId);
    expect(onlyChatSpan().attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "unknown",
      "gen_ai.request.model": "vendor/small",
      "gen_ai.response.model": "small-2026",
      "gen_ai.usage.input_tokens": 7,
      "gen_ai.usage.output_tokens": 2,
      "cap.mode": "mock",
    });
    expect(callSpan()).toMatchObject({ kind: SpanKind.INTERNAL, attributes: { "cap.name": "llm.call", bytes_out: expect.any(Number) } });
    expect(Object.keys(callSpan()?.attributes ?? {}).filter((name) => name.startsWith("gen_ai"))).toEqual([]);
  });

  test("without the option the call itself has the attributes, and there is no other span", async () => {
    await runAsk(answeringHandler, { genAiSpans: false });
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(["boruna.cap", "boruna.run"]);
    expect(callSpan()?.attributes).toMatchObject({ "gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 2 });
    expect(callSpan()?.attributes).not.toHaveProperty("gen_ai.response.model");
  });

  test("counts of 0 mean that the endpoint reported none", async () => {
    await runAsk(() => ({ ...ANSWER, usage: { input_tokens: 0, output_tokens: 0 } }));
    expect(onlyChatSpan().attributes).toMatchObject({ "gen_ai.response.model": "small-2026" });
    expect(Object.keys(onlyChatSpan().attributes).filter((name) => name.startsWith("gen_ai.usage"))).toEqual([]);
  });

  test("only an llm.call has one", async () => {
    const text = "fn main() -> Int !{time.now} { time.now() }";
    await execute(compile({ name: "now.ax", text }), { policy: "allow-all", genAiSpans: true });
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(["boruna.cap", "boruna.run"]);
  });

  test("a call that the policy refuses asks no model and has none", async () => {
    expect((await runAsk(answeringHandler, { policy: "deny-all" })).outcome).toBe("denied");
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(["boruna.cap", "boruna.run"]);
  });

  test.each([
    [new CapabilityFailure("SENTINEL"), "runtime_error", SpanStatusCode.ERROR],
    [new Error("SENTINEL"), "runtime_error", SpanStatusCode.ERROR],
    [new CapabilityDenied("SENTINEL"), "denied", SpanStatusCode.UNSET],
  ] as const)("a handler that throws %s", async (error, errorType, code) => {
    const throwing: Handler = () => {
      throw error;
    };
    await runAsk(throwing);
    expect(onlyChatSpan()).toMatchObject({ status: { code }, attributes: { "error.type": errorType } });
    expect(onlyChatSpan().status.message).toBeUndefined();
    expect(onlyChatSpan().attributes).not.toHaveProperty("gen_ai.usage.input_tokens");
  });

  test("a handler names its model and provider; the name of the span stays", async () => {
    const handler: Handler = (_, { onModel }) => {
      onModel?.("claude-5", "anthropic");
      return ANSWER;
    };
    await runAsk(handler, {}, "");
    expect(onlyChatSpan().name).toBe("chat");
    expect(onlyChatSpan().attributes).toMatchObject({ "gen_ai.request.model": "claude-5", "gen_ai.provider.name": "anthropic" });
  });

  test("texts that do not look like names are not recorded", async () => {
    const handler: Handler = (_, { onModel }) => {
      onModel?.("the SENTINEL prompt", "a SENTINEL provider");
      return { model: "the SENTINEL model", text: "SENTINEL", usage: { input_tokens: "SENTINEL", output_tokens: 1.5 } };
    };
    await runAsk(handler, {}, "the SENTINEL model\\n");
    expect(onlyChatSpan().name).toBe("chat");
    expect(JSON.stringify(exporter.getFinishedSpans().map((s) => [s.name, s.attributes, s.events, s.status]))).not.toContain("SENTINEL");
  });

  test("the handler's own spans are below it", async () => {
    const handler: Handler = async () => {
      await Promise.resolve();
      trace.getTracer("client").startSpan("POST").end();
      return ANSWER;
    };
    await runAsk(handler);
    const post = exporter.getFinishedSpans().find(({ name }) => name === "POST");
    const chatSpan = exporter.getFinishedSpans().find(({ name }) => name === "chat vendor/small");
    expect(post?.parentSpanContext?.spanId).toBe(chatSpan?.spanContext().spanId);
  });

  test("a replay has the spans of its run, and nothing of them is in the log", async () => {
    const record = async (genAiSpans: boolean): Promise<MemoryRecorder | undefined> => {
      let recorder: MemoryRecorder | undefined;
      await runAsk(answeringHandler, {
        genAiSpans,
        record: (description) => {
          recorder = memoryRecorder(description);
          return recorder;
        },
      });
      return recorder;
    };
    const tree = (): readonly unknown[] => {
      const spans = exporter.getFinishedSpans();
      const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
      return spans.map((span) => [span.name, span.kind, names.get(span.parentSpanContext?.spanId ?? "")]);
    };
    const plain = await record(false);
    exporter.reset();
    const recorder = await record(true);
    expect(recorder?.bytes()).toEqual(plain?.bytes());
    const recorded = tree();
    exporter.reset();
    const report = await replayRun(parseLog(memorySource(recorder?.bytes() ?? new Uint8Array(), recorder?.blobs)), { genAiSpans: true });
    expect(report.status).toBe("identical");
    expect(tree()).toEqual(recorded);
    expect(recorded).toHaveLength(3);
    expect(onlyChatSpan().attributes["cap.mode"]).toBe("replay");
  });

  test("its attributes are those of the table, with their types", async () => {
    const failing: Handler = (_, { onModel }) => {
      onModel?.("m", "p");
      throw new CapabilityFailure("no");
    };
    await runAsk(answeringHandler);
    await runAsk(failing);
    const seen = new Map(
      exporter.getFinishedSpans().flatMap((span) => (span.name.startsWith("boruna.") ? [] : Object.entries(span.attributes))),
    );
    expect([...seen.keys()].toSorted()).toEqual(Object.keys(CHAT_ATTRIBUTES).toSorted());
    for (const [name, row] of Object.entries(CHAT_ATTRIBUTES))
      expect([name, typeof seen.get(name)]).toEqual([name, row.type === "int" ? "number" : "string"]);
  });
});

describe("OTEL_SEMCONV_STABILITY_OPT_IN", () => {
  test.each([
    ["", false],
    ["http,database/dup", false],
    ["gen_ai_latest_experimental", true],
    ["http, gen_ai_latest_experimental ,db", true],
    ["not_gen_ai_latest_experimental", false],
  ])("%j: %s", (value, genAiSpans) => {
    expect(
      readTelemetrySettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_SEMCONV_STABILITY_OPT_IN: value }),
    ).toMatchObject({
      genAiSpans,
    });
  });

  test("a runner reads it; the span belongs to boruna", async () => {
    const collector = await startCollector();
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
    vi.stubEnv("BORUNA_OTEL_SHUTDOWN_MS", "600000");
    vi.stubEnv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental");
    const telemetry = createRunnerTelemetry({ onNotice: (line) => expect.fail(line) });
    await telemetry.start();
    const program = compile({ name: "ask.ax", text: askProgram("small") });
    const found = { program, policy: "allow-all", handlers: { "llm.call": answeringHandler } } as const;
    await runTask({ id: "t", action: "ask" }, { telemetry, find: () => found });
    await telemetry.stop();
    vi.unstubAllEnvs();
    const [span] = collector.spans().filter(({ name }) => name === "chat small");
    expect(span).toMatchObject({ kind: 3, resource: { "service.name": "boruna" }, attributes: { "gen_ai.usage.input_tokens": 7 } });
    expect(collector.sent("SENTINEL")).toBe(false);
    await collector.close();
  });
});
