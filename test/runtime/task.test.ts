import { context, propagation, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { runTask, type TaskOptions, type TaskProgram, type TaskResult } from "../../runtime/task.ts";
import { BorunaError } from "../../vm/error.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";

const program = verifyModule(
  compile({ name: "add.ax", text: "fn main(a: Int, b: Int) -> Int !{time.now} { a / b + time.now() * 0 }" }).module,
);
const FOUND: TaskProgram = { program, policy: "allow-all" };
const ENVELOPE = { id: "order-4711", action: "math.add", args: { a: 4, b: 2 } };
const TRACE_ID = "a".repeat(32);
const PARENT_ID = "b".repeat(16);
const traceparent = (flags: string): string => `00-${TRACE_ID}-${PARENT_ID}-${flags}`;

const exporter = new InMemorySpanExporter();

function register(sampler: "parent" | "default" = "default"): void {
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  new NodeTracerProvider(
    sampler === "parent" ? { spanProcessors, sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) } : { spanProcessors },
  ).register();
}

function unregister(): void {
  trace.disable();
  context.disable();
  propagation.disable();
  exporter.reset();
}

const runEnvelope = (envelope: unknown, find: TaskOptions["find"] = () => FOUND): Promise<TaskResult> => runTask(envelope, { find });

function endedSpans(): readonly { name: string; attributes: unknown; parent: string | undefined; error: boolean }[] {
  const ended = exporter.getFinishedSpans();
  const names = new Map(ended.map((span) => [span.spanContext().spanId, span.name]));
  return ended.map((span) => ({
    name: span.name,
    attributes: span.attributes,
    parent: span.parentSpanContext === undefined ? undefined : (names.get(span.parentSpanContext.spanId) ?? "the caller"),
    error: span.status.code === SpanStatusCode.ERROR,
  }));
}

describe("with a registered provider", () => {
  beforeEach(() => register());
  afterEach(unregister);

  test("a task, its run and the run's call are one trace below the sender's span", async () => {
    const result = await runEnvelope({ ...ENVELOPE, trace: { traceparent: traceparent("01"), tracestate: "v=1" } });
    expect(result).toMatchObject({ outcome: "success", execution: { value: 2 } });
    expect(result.error).toBeUndefined();
    expect(endedSpans().map(({ name, parent, error }) => [name, parent, error])).toEqual([
      ["boruna.cap", "boruna.run", false],
      ["boruna.run", "action.run", false],
      ["action.run", "the caller", false],
    ]);
    expect(endedSpans()[2]?.attributes).toEqual({ "action.fqn": "math.add", "task.id": "order-4711", "action.outcome": "success" });
    const contexts = exporter.getFinishedSpans().map((span) => span.spanContext());
    expect(new Set(contexts.map((c) => c.traceId))).toEqual(new Set([TRACE_ID]));
    expect(contexts.map((c) => c.traceState?.serialize())).toEqual(["v=1", "v=1", "v=1"]);
  });

  test("a run that fails: the error's type alone", async () => {
    const result = await runEnvelope({ ...ENVELOPE, args: { a: 1, b: 0 } });
    expect(result).toMatchObject({ outcome: "program_error", execution: { error: { kind: "division_by_zero" } } });
    const span = endedSpans().find(({ name }) => name === "action.run");
    expect(span).toMatchObject({ error: true, attributes: { "action.outcome": "program_error", "error.type": "program_error" } });
    expect(
      exporter.getFinishedSpans().flatMap((s) => [...s.events, ...(s.status.message === undefined ? [] : [s.status.message])]),
    ).toEqual([]);
  });

  test("a run that the policy denies is no error", async () => {
    expect(await runEnvelope(ENVELOPE, () => ({ program }))).toMatchObject({ outcome: "denied" });
    const span = endedSpans().find(({ name }) => name === "action.run");
    expect(span).toMatchObject({ error: false, attributes: { "action.outcome": "denied" } });
    expect(span?.attributes).not.toHaveProperty("error.type");
  });

  const refuse = (): never => {
    throw new Error("SENTINEL in the host's error");
  };
  test.each<[string, unknown, TaskOptions["find"], string]>([
    ["no envelope", undefined, () => FOUND, "task.malformed"],
    ["a text", "SENTINEL", () => FOUND, "task.malformed"],
    ["a list", [ENVELOPE], () => FOUND, "task.malformed"],
    ["no id", { action: "math.add" }, () => FOUND, "task.malformed"],
    ["an id with a space", { ...ENVELOPE, id: "SENTINEL 1" }, () => FOUND, "task.malformed"],
    ["an id that is too long", { ...ENVELOPE, id: "SENTINEL".repeat(17) }, () => FOUND, "task.malformed"],
    ["an action that is no name", { ...ENVELOPE, action: "../SENTINEL?x" }, () => FOUND, "task.malformed"],
    ["an inherited id", Object.create(ENVELOPE), () => FOUND, "task.malformed"],
    ["args that are no object", { ...ENVELOPE, args: ["SENTINEL"] }, () => FOUND, "task.malformed"],
    ["args that are no JSON", { ...ENVELOPE, args: { a: () => "SENTINEL" } }, () => FOUND, "task.malformed"],
    ["an unknown action", ENVELOPE, () => undefined, "task.unknown_action"],
    ["a host that refuses", ENVELOPE, refuse, "task.refused"],
    ["a host that refuses later", ENVELOPE, () => Promise.reject(new BorunaError("usage", "SENTINEL")), "task.refused"],
    ["an argument that is missing", { ...ENVELOPE, args: { a: 1 } }, () => FOUND, "usage"],
    ["an argument of the wrong type", { ...ENVELOPE, args: { a: 1, b: "SENTINEL" } }, () => FOUND, "value.form"],
  ])("%s is rejected, with a span", async (_, envelope, find, kind) => {
    const result = await runEnvelope(envelope, find);
    expect(result).toMatchObject({ outcome: "rejected", error: { kind } });
    expect(result.execution).toBeUndefined();
    const [span, ...more] = endedSpans();
    expect(more).toEqual([]);
    expect(span).toMatchObject({ name: "action.run", error: true, attributes: { "action.outcome": "rejected", "error.type": kind } });
    expect(JSON.stringify(exporter.getFinishedSpans().map((s) => [s.attributes, s.events, s.status]))).not.toContain("SENTINEL");
  });

  test("a rejected task still belongs to its sender's trace, and its span has the valid fields of the envelope", async () => {
    await runEnvelope({ id: "order 1", action: "math.add", trace: { traceparent: traceparent("01") } });
    expect(exporter.getFinishedSpans()[0]?.spanContext().traceId).toBe(TRACE_ID);
    expect(endedSpans()[0]?.attributes).toEqual({ "action.fqn": "math.add", "action.outcome": "rejected", "error.type": "task.malformed" });
  });

  test("what the host threw is the cause of the error", async () => {
    const { error } = await runEnvelope(ENVELOPE, refuse);
    expect(error?.cause).toMatchObject({ message: "SENTINEL in the host's error" });
  });

  test("a run that cannot be recorded is the host's fault", async () => {
    const failing: TaskProgram = { ...FOUND, record: "/nowhere/at/all/run.jsonl" };
    const result = await runEnvelope(ENVELOPE, () => failing);
    expect(result).toMatchObject({ outcome: "fatal", error: { kind: expect.stringMatching(/^log\./) } });
    expect(endedSpans().at(-1)).toMatchObject({ error: true, attributes: { "action.outcome": "fatal", "error.type": "fatal" } });
  });

  test.each([
    undefined,
    null,
    "01",
    [],
    { traceparent: "00-nonsense", tracestate: "v=1" },
    { traceparent: 7, tracestate: {}, samplingPriority: "0" },
    { traceparent: traceparent("01").replace("00-", "ff-"), samplingPriority: 0.5 },
    { samplingPriority: 7 },
    { samplingPriority: -2 },
    {
      get samplingPriority(): number {
        return 0;
      },
    },
    new Proxy({}, { ownKeys: () => ["samplingPriority"], get: () => 0 }),
  ])("malformed trace context %# is ignored", async (malformed) => {
    expect(await runEnvelope({ ...ENVELOPE, trace: malformed })).toMatchObject({ outcome: "success" });
    const root = exporter.getFinishedSpans().find(({ name }) => name === "action.run");
    expect(root?.parentSpanContext).toBeUndefined();
    expect(endedSpans()).toHaveLength(3);
  });

  test.each([-1, 0])("the priority %d drops the trace", async (samplingPriority) => {
    let seen: string | undefined = "";
    const handlers: TaskProgram["handlers"] = {
      "time.now": (_, handlerContext) => {
        seen = handlerContext.traceparent;
        return 1;
      },
    };
    const find: TaskOptions["find"] = () => ({ ...FOUND, handlers });
    expect(await runEnvelope({ ...ENVELOPE, trace: { traceparent: traceparent("01"), samplingPriority } }, find)).toMatchObject({
      outcome: "success",
    });
    expect(seen).toBe(traceparent("00"));
    expect(await runEnvelope({ ...ENVELOPE, trace: { samplingPriority } }, find)).toMatchObject({ outcome: "success" });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  test("trace context changes neither the log nor the run id", async () => {
    const record = async (trace_: unknown): Promise<readonly string[]> => {
      let recorder: MemoryRecorder | undefined;
      const result = await runEnvelope({ ...ENVELOPE, trace: trace_ }, () => ({
        ...FOUND,
        record: (run) => {
          recorder = memoryRecorder(run);
          return recorder;
        },
      }));
      return [result.execution?.runId ?? "", Buffer.from(recorder?.bytes() ?? []).toString("utf8")];
    };
    const plain = await record(undefined);
    expect(plain[1]).toContain("CapCall");
    expect(await record({ traceparent: traceparent("01"), tracestate: "v=1", samplingPriority: 2 })).toEqual(plain);
    expect(await record({ traceparent: traceparent("00"), samplingPriority: -1 })).toEqual(plain);
  });

  test("concurrent tasks have traces of their own", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => runEnvelope({ ...ENVELOPE, id: `t${i}` })));
    const ended = exporter.getFinishedSpans();
    const traceIds = new Set(ended.map((span) => span.spanContext().traceId));
    expect(traceIds.size).toBe(20);
    for (const traceId of traceIds)
      expect(ended.flatMap((span) => (span.spanContext().traceId === traceId ? [span.name] : []))).toEqual([
        "boruna.cap",
        "boruna.run",
        "action.run",
      ]);
  });
});

test("with a registered provider of another sampler, the priority reaches it as the sampled flag of the sender's context", async () => {
  register("parent");
  await runEnvelope({ ...ENVELOPE, trace: { traceparent: traceparent("00"), samplingPriority: 1 } });
  expect(endedSpans().map(({ name }) => name)).toEqual(["boruna.cap", "boruna.run", "action.run"]);
  exporter.reset();
  await runEnvelope({ ...ENVELOPE, trace: { traceparent: traceparent("00") } });
  expect(endedSpans()).toEqual([]);
  unregister();
});

test("without a provider a task runs, and nothing throws", async () => {
  expect(await runEnvelope(ENVELOPE)).toMatchObject({ outcome: "success" });
  expect(await runEnvelope(undefined)).toMatchObject({ outcome: "rejected" });
});
