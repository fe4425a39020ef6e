import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ATTRIBUTES, attributesOf, type SpanName } from "../../telemetry/attributes.ts";
import { otelTracing } from "../../telemetry/otel.ts";
import type { CallErrorKind, CallSpanEnd, CallSpanStart, RunSpanEnd, RunSpanStart } from "../../telemetry/tracing.ts";
import { OUTCOMES, type Outcome } from "../../vm/outcome.ts";
import { VERSION } from "../../vm/version.ts";

const RUN: RunSpanStart = { runId: () => "order-1", programName: "p", moduleHash: "sha256:aa", policyHash: "sha256:bb", mode: "live" };
const CALL: CallSpanStart = {
  capability: "net.fetch",
  call: 4,
  mode: "live",
  known: true,
  argumentCount: 2,
  bytesIn: 12,
  place: () => ({ function: "main", pc: 3, file: "src/a.ax", line: 7, column: 2 }),
};
const END: RunSpanEnd = {
  outcome: "success",
  steps: 100,
  allocBytes: 200,
  counters: { total: 6, dispatched: 3, denied: 1, unknown: 1, budget_exceeded: 1, failed: 1 },
  spansDropped: 0,
};

const SPAN_NAMES = ["boruna.run", "boruna.cap", "boruna.call", "boruna.flow"] as const;
const TYPES = { string: "string", int: "number", bool: "boolean" } as const;

const exporter = new InMemorySpanExporter();

function register(processor: SpanProcessor): void {
  new NodeTracerProvider({ spanProcessors: [processor] }).register();
}

function unregister(): void {
  trace.disable();
  context.disable();
  propagation.disable();
  exporter.reset();
}

function spanNamed(name: SpanName): ReadableSpan {
  const [span, ...more] = exporter.getFinishedSpans().filter((s) => s.name === name);
  if (span === undefined || more.length > 0) throw new Error(`not exactly one ${name}`);
  return span;
}

/** Records the spans of one run with one call. */
function traced(options: {
  run?: Partial<RunSpanStart>;
  call?: Partial<CallSpanStart>;
  callEnd?: CallSpanEnd;
  end?: Partial<RunSpanEnd>;
}): void {
  const run = otelTracing().startRun({ ...RUN, ...options.run });
  run.startCall({ ...CALL, ...options.call }).end(options.callEnd ?? { bytesOut: 34 });
  run.end({ ...END, ...options.end });
}

describe("with a provider", () => {
  beforeEach(() => register(new SimpleSpanProcessor(exporter)));
  afterEach(unregister);

  test("a run and its call", () => {
    traced({ callEnd: { bytesOut: 34, budgetRemaining: 0 } });
    const run = spanNamed("boruna.run");
    const call = spanNamed("boruna.cap");
    expect(run.kind).toBe(SpanKind.INTERNAL);
    expect(run.instrumentationScope).toMatchObject({ name: "boruna", version: VERSION });
    expect(run.attributes).toEqual({
      "boruna.run.id": "order-1",
      "boruna.version": VERSION,
      "boruna.program.name": "p",
      "boruna.module.hash": "sha256:aa",
      "boruna.policy.hash": "sha256:bb",
      "boruna.run.mode": "live",
      "boruna.run.outcome": "success",
      "boruna.run.steps": 100,
      "boruna.run.alloc_bytes": 200,
      "boruna.run.calls.total": 6,
      "boruna.run.calls.dispatched": 3,
      "boruna.run.calls.denied": 1,
      "boruna.run.calls.unknown": 1,
      "boruna.run.calls.budget_exceeded": 1,
      "boruna.run.calls.failed": 1,
    });
    expect(run.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(call.kind).toBe(SpanKind.INTERNAL);
    expect(call.parentSpanContext?.spanId).toBe(run.spanContext().spanId);
    expect(call.attributes).toEqual({
      "cap.name": "net.fetch",
      "cap.call": 4,
      "cap.mode": "live",
      "cap.known": true,
      "cap.allowed": true,
      "cap.argument_count": 2,
      bytes_in: 12,
      bytes_out: 34,
      "cap.budget_remaining": 0,
      "code.function.name": "main",
      "code.file.path": "src/a.ax",
      "code.line.number": 7,
    });
    expect([...run.events, ...call.events]).toEqual([]);
  });

  test.each(Object.entries(OUTCOMES).map(([outcome, row]) => [outcome, row] as const))("outcome %s", (name, row) => {
    const outcome = Object.keys(OUTCOMES).find((key): key is Outcome => key === name);
    traced({
      end:
        outcome === undefined
          ? {}
          : { outcome, exitCode: row.exitCode, ...(outcome === "limit_exceeded" ? { limit: "steps" as const } : {}) },
    });
    const { attributes, status } = spanNamed("boruna.run");
    expect(attributes["boruna.run.outcome"]).toBe(outcome);
    expect(attributes["process.exit.code"]).toBe(row.exitCode);
    expect(attributes["boruna.run.limit"]).toBe(outcome === "limit_exceeded" ? "steps" : undefined);
    expect(status).toEqual({ code: row.spanError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET });
    expect(attributes["error.type"]).toBe(row.spanError ? outcome : undefined);
  });

  test.each([
    ["denied", false],
    ["budget_exceeded", false],
    ["runtime_error", true],
    ["unknown", true],
  ] as const)("a call that ends as %s", (errorKind: CallErrorKind, isError) => {
    traced({ callEnd: errorKind === "budget_exceeded" ? { errorKind, budgetRemaining: 0 } : { errorKind } });
    const { attributes, status } = spanNamed("boruna.cap");
    expect(attributes).toMatchObject({ "error.kind": errorKind, "error.type": errorKind });
    expect(attributes).not.toHaveProperty("bytes_out");
    expect(attributes["cap.budget_remaining"]).toBe(errorKind === "budget_exceeded" ? 0 : undefined);
    expect(status).toEqual({ code: isError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET });
  });

  test("the exit code is that of the process, not of the outcome", () => {
    traced({ end: { outcome: "canceled", exitCode: 143 } });
    expect(spanNamed("boruna.run").attributes["process.exit.code"]).toBe(143);
  });

  test("llm.call", () => {
    traced({ call: { capability: "llm.call", model: "vendor/model-4.1" }, callEnd: { bytesOut: 1, inputTokens: 5, outputTokens: 6 } });
    expect(spanNamed("boruna.cap").attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "vendor/model-4.1",
      "gen_ai.usage.input_tokens": 5,
      "gen_ai.usage.output_tokens": 6,
    });
  });

  test("llm.call whose model the handler chose", () => {
    const run = otelTracing().startRun(RUN);
    const call = run.startCall({ ...CALL, capability: "llm.call", model: "" });
    call.setModel("the SENTINEL prompt");
    call.setModel("operators/model-1");
    call.end({ bytesOut: 1 });
    run.end(END);
    expect(spanNamed("boruna.cap").attributes["gen_ai.request.model"]).toBe("operators/model-1");
  });

  test("a model that does not look like a model's name is not recorded", () => {
    for (const model of ["", "the SENTINEL prompt", "SENTINEL\n", "x".repeat(129)]) {
      traced({ call: { capability: "llm.call", model } });
      expect(spanNamed("boruna.cap").attributes).not.toHaveProperty("gen_ai.request.model");
      exporter.reset();
    }
    traced({ call: { model: "SENTINEL" } });
    expect(Object.keys(spanNamed("boruna.cap").attributes).filter((name) => name.startsWith("gen_ai"))).toEqual([]);
  });

  test("a call in a library also records where the program called the library", () => {
    const caller = { function: "ask", pc: 0, file: "a.ax", line: 2, column: 3 };
    traced({ call: { place: () => ({ function: "fetch", pc: 0, file: "std/x/src/core.ax", line: 7, caller }) } });
    expect(spanNamed("boruna.cap").attributes).toMatchObject({
      "code.file.path": "std/x/src/core.ax",
      "code.line.number": 7,
      "code.function.name": "fetch",
      "code.caller.file.path": "a.ax",
      "code.caller.line.number": 2,
      "code.caller.function.name": "ask",
    });
    exporter.reset();
    traced({ call: { place: () => ({ function: "fetch", pc: 0, caller: { ...caller, file: "/home/user/a.ax" } }) } });
    expect(Object.keys(spanNamed("boruna.cap").attributes).filter((name) => name.startsWith("code.caller"))).toEqual([]);
  });

  test("absolute paths are not recorded, and a module's text is shortened", () => {
    for (const file of ["/home/user/a.ax", "C:\\a.ax", "\\\\host\\a.ax", "~/a.ax", "file:///a.ax"]) {
      traced({ call: { place: () => ({ function: "f", pc: 0, file, line: 1 }) } });
      expect(spanNamed("boruna.cap").attributes).not.toHaveProperty("code.file.path");
      exporter.reset();
    }
    traced({ run: { programName: "n".repeat(5000) }, call: { place: () => ({ function: "f".repeat(5000), pc: 0 }) } });
    expect(spanNamed("boruna.run").attributes["boruna.program.name"]).toHaveLength(1024);
    expect(spanNamed("boruna.cap").attributes["code.function.name"]).toHaveLength(1024);
  });

  test("every attribute set is in the table with its type, and every attribute of the table can be set", () => {
    const place = () => ({
      function: "f",
      pc: 0,
      file: "std/x/src/core.ax",
      line: 1,
      caller: { function: "main", pc: 0, file: "a.ax", line: 2 },
    });
    traced({
      call: { capability: "llm.call", model: "m", place },
      callEnd: { bytesOut: 1, budgetRemaining: 1, inputTokens: 1, outputTokens: 1 },
    });
    traced({
      run: { replayOf: "abc", resumedFrom: 1, mode: "replay" },
      callEnd: { errorKind: "unknown" },
      end: { outcome: "limit_exceeded", limit: "depth", exitCode: 4, spansDropped: 1 },
    });
    const run = otelTracing().startRun(RUN);
    const around = { actorId: 0, parent: undefined, function: "f", file: "a.ax", line: 1 } as const;
    const flows = [
      [{ construct: "call", argumentCount: 1 }, {}],
      [{ construct: "if", branchCount: 1 }, { branchTaken: 0 }],
      [{ construct: "match", armCount: 1 }, { armTaken: 0 }],
      [
        { construct: "for", variableName: "x" },
        { iterationCount: 1, brokeEarly: false },
      ],
      [{ construct: "for.iteration", index: 0 }, {}],
    ] as const;
    for (const [start, end] of flows) run.startFlow({ ...around, ...start }, undefined).end({ outcome: "program_error", ...end });
    for (const name of SPAN_NAMES) {
      const seen = new Map<string, unknown>(
        exporter.getFinishedSpans().flatMap((span) => (span.name === name ? Object.entries(span.attributes) : [])),
      );
      expect([...seen.keys()].sort()).toEqual(
        attributesOf(name)
          .map(([key]) => key)
          .sort(),
      );
      for (const [key, row] of attributesOf(name)) expect(typeof seen.get(key)).toBe(TYPES[row.type]);
    }
    expect(Object.keys(ATTRIBUTES).length).toBeGreaterThan(0);
  });

  test("spans of control flow have their parents, and are errors only if the outcome is an error", () => {
    const run = otelTracing().startRun(RUN);
    const start = {
      construct: "call",
      actorId: 0,
      parent: undefined,
      function: "f".repeat(2000),
      file: "/home/user/a.ax",
      line: 1,
    } as const;
    const outer = run.startFlow(start, undefined);
    const inner = run.startFlow({ ...start, construct: "while" }, outer);
    run.startCall(CALL, inner).end({});
    inner.end({ outcome: "denied", iterationCount: 2, brokeEarly: true });
    outer.end({ outcome: "timeout" });
    run.end(END);
    const [call, flow, cap] = [spanNamed("boruna.call"), spanNamed("boruna.flow"), spanNamed("boruna.cap")];
    expect(call.parentSpanContext?.spanId).toBe(spanNamed("boruna.run").spanContext().spanId);
    expect(flow.parentSpanContext?.spanId).toBe(call.spanContext().spanId);
    expect(cap.parentSpanContext?.spanId).toBe(flow.spanContext().spanId);
    // An absolute path is not recorded, and neither is its line.
    expect(call.attributes).toEqual({ "code.function.name": "f".repeat(1024), "error.type": "timeout" });
    expect(flow.attributes).toEqual({ "flow.construct": "while", iteration_count: 2, broke_early: true, "error.type": "denied" });
    expect([call.status.code, flow.status.code]).toEqual([SpanStatusCode.ERROR, SpanStatusCode.UNSET]);
  });

  test.each([
    ["denied", false],
    ["budget_exceeded", false],
    ["runtime_error", true],
    ["unknown", true],
  ] as const)("cap.allowed after %s is %s, whether or not the capability is known", (errorKind, allowed) => {
    traced({ call: { known: false }, callEnd: { errorKind } });
    expect(spanNamed("boruna.cap").attributes).toMatchObject({ "cap.allowed": allowed, "cap.known": false });
  });

  test("a remote parent", () => {
    traced({ run: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "v=1" } });
    const run = spanNamed("boruna.run");
    expect(run.spanContext().traceId).toBe("a".repeat(32));
    expect(run.parentSpanContext).toMatchObject({ spanId: "b".repeat(16), isRemote: true });
    expect(run.spanContext().traceState?.serialize()).toBe("v=1");
  });

  test("a handler gets the caller's tracestate and baggage", () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const baggage = "user=a%20b;secret=no,k=%C3%A9";
    const run = otelTracing().startRun({ ...RUN, traceparent, tracestate: "v=1,w=2", baggage });
    const call = run.startCall(CALL);
    expect(call.headers()).toEqual({
      traceparent: expect.stringMatching(`^00-${"a".repeat(32)}-[0-9a-f]{16}-01$`),
      tracestate: "v=1,w=2",
      baggage,
    });
    call.end({ bytesOut: 1 });
    run.end(END);
  });

  test("a malformed traceparent is ignored: the active span is the parent", () => {
    trace.getTracer("host").startActiveSpan("host", (host) => {
      traced({ run: { traceparent: "00-nonsense", tracestate: "v=1" } });
      host.end();
      expect(spanNamed("boruna.run").parentSpanContext?.spanId).toBe(host.spanContext().spanId);
    });
  });

  test("an unsampled parent records no spans, and its decision is propagated", () => {
    const run = otelTracing().startRun({ ...RUN, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-00` });
    const call = run.startCall({ ...CALL, place: () => expect.fail("place() called for a span that is not recorded") });
    expect(call.headers().traceparent).toMatch(new RegExp(`^00-${"a".repeat(32)}-[0-9a-f]{16}-00$`));
    call.end({ bytesOut: 1 });
    run.end(END);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  test("a handler runs inside its call's span, across awaits, with the run's baggage", async () => {
    const run = otelTracing().startRun({ ...RUN, baggage: "k=v" });
    const call = run.startCall(CALL);
    const answer = await call.run(async () => {
      await Promise.resolve();
      trace.getTracer("handler").startSpan("inner").end();
      return propagation.getActiveBaggage()?.getEntry("k")?.value;
    });
    expect(answer).toBe("v");
    const traceparent = call.headers().traceparent;
    call.end({ bytesOut: 1 });
    run.end(END);
    const inner = exporter.getFinishedSpans().find((span) => span.name === "inner");
    const { traceId, spanId } = spanNamed("boruna.cap").spanContext();
    expect(inner?.parentSpanContext?.spanId).toBe(spanId);
    expect(traceparent).toBe(`00-${traceId}-${spanId}-01`);
    expect(call.run(() => 7)).toBe(7);
    expect(() => call.run(() => expect.fail("the body's own"))).toThrow("the body's own");
  });

  test("the span of a replay names the run that is replayed", () => {
    traced({ run: { mode: "replay", replayOf: "0123" } });
    expect(spanNamed("boruna.run").attributes).toMatchObject({ "boruna.run.mode": "replay", "boruna.run.replay_of": "0123" });
  });
});

test("a processor that throws does not affect the run", () => {
  const broken = (): never => {
    throw new Error("broken");
  };
  register({ onStart: broken, onEnd: broken, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() });
  expect(() => traced({})).not.toThrow();
  unregister();
});

test("without a provider no span is created, no callback is called, and a remote context passes through", () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const run = otelTracing().startRun({ ...RUN, traceparent });
  const call = run.startCall({ ...CALL, place: () => expect.fail("place() called for a span that is not recorded") });
  expect(call.run(() => 1)).toBe(1);
  expect(call.headers().traceparent).toBe(traceparent);
  expect(otelTracing().startRun(RUN).startCall(CALL).headers()).toEqual({});
  call.end({ bytesOut: 1 });
  expect(run.backpressure()).toBeUndefined();
  run.end(END);
});

test("a run that starts without a provider has spans for its calls once one is registered", () => {
  const hashes = { moduleHash: 0 };
  const run = otelTracing().startRun({
    ...RUN,
    get moduleHash() {
      hashes.moduleHash += 1;
      return "sha256:aa";
    },
  });
  expect(run.isIdle?.()).toBe(true);
  run.startCall({ ...CALL, call: 1 }).end({ bytesOut: 1 });
  expect(hashes.moduleHash).toBe(0);
  register(new SimpleSpanProcessor(exporter));
  expect(run.isIdle?.()).toBe(false);
  run.startCall({ ...CALL, call: 2 }).end({ bytesOut: 1 });
  run.end(END);
  expect(
    exporter.getFinishedSpans().map(({ name, attributes, parentSpanContext }) => [name, attributes["cap.call"], parentSpanContext]),
  ).toEqual([["boruna.cap", 2, undefined]]);
  unregister();
});

test("without a provider, the caller's context still reaches the handlers of a run", () => {
  expect(
    otelTracing()
      .startRun({ ...RUN, baggage: "a=1" })
      .startCall(CALL)
      .headers(),
  ).toEqual({ baggage: "a=1" });
});
