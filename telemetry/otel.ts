/**
 * Implements `Tracing` with `@opentelemetry/api`. Spans go to the TracerProvider that the process has registered. If there
 * is none, spans are dropped. If a tracer throws, the error goes to OpenTelemetry's diagnostics and never to the run.
 */
import type { Context, Span, Tracer } from "@opentelemetry/api";
import {
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { CallPlace } from "../vm/bytecode/module.ts";
import { lazily } from "../vm/lazy.ts";
import { OUTCOMES } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { FlowSpanEnd, FlowSpanStart } from "../vm/host.ts";
import type { SpanAttributes, SpanName } from "./attributes.ts";
import { filePath, shorten } from "./code-attributes.ts";
import { type BaggageEntry, formatBaggage, formatTraceparent, parseTracestate, type TraceHeaders } from "./context.ts";
import { ChatCall } from "./chat-span.ts";
import { flowEndAttributes, flowSpanName, flowStartAttributes } from "./flow-attributes.ts";
import { GEN_AI_OPERATION, isModelName } from "./gen-ai.ts";
import { reportError, reportingErrors, runInContext, spanContextOf } from "./tracer-errors.ts";
import { parentContext, SCOPE } from "./parent-context.ts";
import { CALL_OUTCOME } from "./tracing.ts";
import type { CallSpanEnd, CallSpanStart, CallTracing, FlowTracing, RunSpanEnd, RunSpanStart, RunTracing, Tracing } from "./tracing.ts";
import { encodeRecord } from "./thread-context/slot.ts";
import type { ThreadContext } from "./thread-context/slot.ts";

export interface OtelTracingOptions {
  /** The function `backpressure` of every `RunTracing`. By default, runs never wait. */
  readonly backpressure?: (() => Promise<void> | undefined) | undefined;
  /** Default: the tracer of the registered TracerProvider, looked up at the start of each run. */
  readonly tracer?: Tracer | undefined;
  /** The context of runs whose caller gives no trace context. Default: the active context. */
  readonly parent?: Context | undefined;
  /** Whether each `llm.call` also has a span of the GenAI conventions. Default: false. */
  readonly genAiSpans?: boolean | undefined;
  /** Where the ids of the run span are published while the machine runs under it. By default, nowhere. */
  readonly threadContext?: ThreadContext | undefined;
}

export function otelTracing(options: OtelTracingOptions = {}): Tracing {
  return {
    startRun: (info) => {
      try {
        return isUntraced(info, options)
          ? idleRun(info, options)
          : startRun(options.tracer ?? trace.getTracer(SCOPE, VERSION), info, options);
      } catch (error) {
        reportError(error);
        return UNTRACED;
      }
    },
  };
}

const UNTRACED_CALL: CallTracing = { run: (body) => body(), headers: () => ({}), setModel: () => undefined, end: () => undefined };

/** A run of which nothing is recorded. */
const UNTRACED: RunTracing = {
  isIdle: () => true,
  startCall: () => UNTRACED_CALL,
  startFlow: () => ({ end: () => undefined }),
  backpressure: () => undefined,
  end: () => undefined,
};

/** The provider to which the API delegates if the process has registered none. */
const NO_PROVIDER = new ProxyTracerProvider().getDelegate();

function hasNoProvider(): boolean {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider && provider.getDelegate() === NO_PROVIDER;
}

/** Whether the run has no spans, and no trace context or baggage that it must pass on. */
function isUntraced({ traceparent, baggage }: RunSpanStart, { tracer, parent, backpressure }: OtelTracingOptions): boolean {
  return (
    traceparent === undefined &&
    baggage === undefined &&
    tracer === undefined &&
    parent === undefined &&
    backpressure === undefined &&
    hasNoProvider() &&
    context.active() === ROOT_CONTEXT
  );
}

/** Returns a run that makes no objects for spans. If a provider is registered while the run goes on, its later calls have spans. */
function idleRun(info: RunSpanStart, options: OtelTracingOptions): RunTracing {
  const unrecorded = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  const late = lazily(() => tracedRun(trace.getTracer(SCOPE, VERSION), info, options, { span: unrecorded, parent: ROOT_CONTEXT }));
  const current = (): RunTracing => (hasNoProvider() ? UNTRACED : late());
  return {
    isIdle: hasNoProvider,
    startCall: (call, parent) => current().startCall(call, parent),
    startFlow: (flow, parent) => current().startFlow(flow, parent),
    backpressure: () => undefined,
    end: () => undefined,
  };
}

function startRun(tracer: Tracer, info: RunSpanStart, options: OtelTracingOptions): RunTracing {
  const parent = parentContext(info, options.parent);
  const span = startSpan(tracer, "boruna.run", runStartAttributes(info), parent);
  if (span.isRecording()) reportingErrors(() => setRunId(span, info.runId()));
  return tracedRun(tracer, info, options, { span, parent });
}

/** Returns a run whose calls and control flow become spans below `span`, the span of the run. `parent` is the context around it. */
function tracedRun(
  tracer: Tracer,
  info: RunSpanStart,
  options: OtelTracingOptions,
  { span, parent }: { readonly span: Span; readonly parent: Context },
): RunTracing {
  const runContext = trace.setSpan(parent, span);
  const contextOf = (flow: FlowTracing | undefined): Context => (flow instanceof FlowSpan ? flow.context : runContext);
  return {
    get traceId() {
      const spanContext = spanContextOf(span);
      return isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
    },
    startFlow: (flow, around) => new FlowSpan(tracer, contextOf(around), flow),
    startCall: (call, flow) => {
      const isChat = options.genAiSpans === true && call.capability === "llm.call";
      const span = new CallSpan(tracer, contextOf(flow), call, isChat);
      return isChat ? new ChatCall(span, tracer, call) : span;
    },
    ...machineContext(span, info, options.threadContext),
    backpressure: options.backpressure ?? (() => undefined),
    end: (end) => reportingErrors(() => endRun(span, end)),
  };
}

/** Returns functions that publish the ids of the run span as thread context. A replay has none, because it only repeats another run. */
function machineContext(
  span: Span,
  { mode }: RunSpanStart,
  threadContext: ThreadContext | undefined,
): Pick<RunTracing, "enterMachine" | "leaveMachine"> {
  const ids = spanContextOf(span);
  if (threadContext === undefined || mode === "replay" || !isSpanContextValid(ids)) return {};
  const record = encodeRecord(ids);
  return { enterMachine: () => threadContext.enter(record), leaveMachine: () => threadContext.leave() };
}

function baggageOf(otelContext: Context): readonly BaggageEntry[] {
  const entries = propagation.getBaggage(otelContext)?.getAllEntries() ?? [];
  return entries.map(([key, { value, metadata }]) => ({ key, value, metadata: metadata?.toString() }));
}

function runStartAttributes(info: RunSpanStart): SpanAttributes<"boruna.run"> {
  const attributes: SpanAttributes<"boruna.run"> = {
    "boruna.version": VERSION,
    "boruna.program.name": shorten(info.programName),
    "boruna.module.hash": info.moduleHash,
    "boruna.policy.hash": info.policyHash,
    "boruna.run.mode": info.mode,
  };
  if (info.replayOf !== undefined) attributes["boruna.run.replay_of"] = info.replayOf;
  if (info.resumedFrom !== undefined) attributes["boruna.run.resumed_from"] = info.resumedFrom;
  return attributes;
}

function setRunId(span: Span, id: string): void {
  const attributes: SpanAttributes<"boruna.run"> = { "boruna.run.id": id };
  span.setAttributes({ ...attributes });
}

function endRun(span: Span, end: RunSpanEnd): void {
  if (span.isRecording()) {
    const outcomeInfo = OUTCOMES[end.outcome];
    const attributes: SpanAttributes<"boruna.run"> = {
      "boruna.run.outcome": end.outcome,
      "boruna.run.steps": end.steps,
      "boruna.run.alloc_bytes": end.allocBytes,
      "boruna.run.calls.total": end.counters.total,
      "boruna.run.calls.dispatched": end.counters.dispatched,
      "boruna.run.calls.denied": end.counters.denied,
      "boruna.run.calls.unknown": end.counters.unknown,
      "boruna.run.calls.budget_exceeded": end.counters.budget_exceeded,
      "boruna.run.calls.failed": end.counters.failed,
    };
    if (end.limit !== undefined) attributes["boruna.run.limit"] = end.limit;
    if (end.spansDropped > 0) attributes["boruna.run.spans_dropped"] = end.spansDropped;
    if (end.exitCode !== undefined) attributes["process.exit.code"] = end.exitCode;
    if (outcomeInfo.spanError) {
      attributes["error.type"] = end.outcome;
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.setAttributes({ ...attributes });
  }
  span.end();
}

class FlowSpan implements FlowTracing {
  readonly #span: Span;
  /** The parent context of the spans inside this one. */
  readonly context: Context;

  constructor(tracer: Tracer, parent: Context, info: FlowSpanStart) {
    this.#span = startSpan(tracer, flowSpanName(info), flowStartAttributes(info), parent);
    this.context = trace.setSpan(parent, this.#span);
  }

  end(info: FlowSpanEnd, endMs?: number): void {
    try {
      const attributes = flowEndAttributes(info);
      if (attributes !== undefined) this.#span.setAttributes(attributes);
      if (info.outcome !== undefined && OUTCOMES[info.outcome].spanError) this.#span.setStatus({ code: SpanStatusCode.ERROR });
      this.#span.end(endMs);
    } catch (error) {
      reportError(error);
    }
  }
}

class CallSpan implements CallTracing {
  readonly #span: Span;
  /** The attributes of the call's source location. Undefined if the span is not recorded. */
  readonly #place: SpanAttributes<"boruna.cap"> | undefined;
  /** The context of the call's handler. */
  readonly context: Context;

  /** `isChat`: a chat span below this one (`chat-span.ts`) has the `gen_ai.*` attributes. */
  constructor(tracer: Tracer, parent: Context, info: CallSpanStart, isChat: boolean) {
    const attributes: SpanAttributes<"boruna.cap"> = {
      "cap.name": info.capability,
      "cap.call": info.call,
      "cap.mode": info.mode,
      "cap.known": info.known,
      "cap.argument_count": info.argumentCount,
      bytes_in: info.bytesIn,
    };
    if (info.capability === "llm.call" && !isChat) {
      attributes["gen_ai.operation.name"] = GEN_AI_OPERATION;
      if (isModelName(info.model)) attributes["gen_ai.request.model"] = info.model;
    }
    this.#span = startSpan(tracer, "boruna.cap", attributes, parent);
    this.context = trace.setSpan(parent, this.#span);
    this.#place = this.#isRecording() ? placeAttributes(info.place()) : undefined;
  }

  #isRecording(): boolean {
    try {
      return this.#span.isRecording();
    } catch (error) {
      reportError(error);
      return false;
    }
  }

  run<T>(body: () => T): T {
    return runInContext(this.context, body);
  }

  headers(): TraceHeaders {
    const spanContext = spanContextOf(this.#span);
    const { traceId, spanId, traceFlags, traceState } = spanContext;
    const baggage = formatBaggage(baggageOf(this.context));
    if (!isSpanContextValid(spanContext)) return { baggage };
    const sampled = (traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED;
    const tracestate = traceState === undefined ? undefined : parseTracestate(traceState.serialize());
    return { traceparent: formatTraceparent({ traceId, spanId, sampled }), tracestate, baggage };
  }

  setModel(model: string): void {
    if (isModelName(model))
      reportingErrors(() => this.#span.setAttributes({ "gen_ai.request.model": model } satisfies SpanAttributes<"boruna.cap">));
  }

  end(info: CallSpanEnd): void {
    try {
      endCall(this.#span, info, this.#place);
    } catch (error) {
      reportError(error);
    }
  }
}

/** Returns the attributes of the source location of a call. For speed, they are set together with those of the call's end. */
function placeAttributes(place: CallPlace): SpanAttributes<"boruna.cap"> {
  const { caller } = place;
  const attributes: SpanAttributes<"boruna.cap"> = { "code.function.name": shorten(place.function) };
  const path = place.file === undefined ? undefined : filePath(place.file);
  if (path !== undefined) attributes["code.file.path"] = path;
  if (path !== undefined && place.line !== undefined) attributes["code.line.number"] = place.line;
  const callerPath = caller?.file === undefined ? undefined : filePath(caller.file);
  if (caller !== undefined && callerPath !== undefined) {
    attributes["code.caller.file.path"] = callerPath;
    attributes["code.caller.function.name"] = shorten(caller.function);
    if (caller.line !== undefined) attributes["code.caller.line.number"] = caller.line;
  }
  return attributes;
}

/** Ends the span of a call. `attributes` are those of its source location; undefined if the span is not recorded. */
function endCall(span: Span, info: CallSpanEnd, attributes: SpanAttributes<"boruna.cap"> | undefined): void {
  if (attributes !== undefined) {
    attributes["cap.allowed"] = info.errorKind !== "denied" && info.errorKind !== "budget_exceeded";
    if (info.bytesOut !== undefined) attributes.bytes_out = info.bytesOut;
    if (info.budgetRemaining !== undefined) attributes["cap.budget_remaining"] = info.budgetRemaining;
    if (info.inputTokens !== undefined) attributes["gen_ai.usage.input_tokens"] = info.inputTokens;
    if (info.outputTokens !== undefined) attributes["gen_ai.usage.output_tokens"] = info.outputTokens;
    if (info.errorKind !== undefined) {
      attributes["error.kind"] = info.errorKind;
      attributes["error.type"] = info.errorKind;
      if (OUTCOMES[CALL_OUTCOME[info.errorKind]].spanError) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.setAttributes(attributes);
  }
  span.end();
}

/** Starts a span. If the tracer throws, returns a span that is not recorded, with the ids of the parent. */
export function startSpan<S extends SpanName>(tracer: Tracer, name: S, attributes: SpanAttributes<S>, parent: Context): Span {
  try {
    return tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
  } catch (error) {
    reportError(error);
    return trace.wrapSpanContext(spanContextOf(trace.getSpan(parent)));
  }
}
