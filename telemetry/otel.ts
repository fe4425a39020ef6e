/**
 * Implements `Tracing` with `@opentelemetry/api`. Spans go to the TracerProvider that the process has registered. If there
 * is none, spans are dropped. If a tracer throws, the error goes to OpenTelemetry's diagnostics and never to the run.
 */
import type { Baggage, BaggageEntry as ApiBaggageEntry, Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import {
  baggageEntryMetadataFromString,
  context,
  createTraceState,
  diag,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { CallPlace, SourceLocation } from "../vm/bytecode/module.ts";
import { OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { SpanAttributes } from "./attributes.ts";
import {
  type BaggageEntry,
  formatBaggage,
  formatTraceparent,
  parseBaggage,
  parseTraceparent,
  parseTracestate,
  type TraceHeaders,
} from "./context.ts";
import type { CallErrorKind, CallSpanEnd, CallSpanStart, CallTracing, RunSpanEnd, RunSpanStart, RunTracing, Tracing } from "./tracing.ts";

interface OtelTracingOptions {
  /** The function `backpressure` of every `RunTracing`. By default, runs never wait. */
  readonly backpressure?: () => Promise<void> | undefined;
}

const SCOPE = "boruna";
/** In UTF-16 code units. Names are cut to this length, because a hostile module may choose names of any length. */
const MAX_TEXT_LENGTH = 1_024;
/** Matches plausible model names. Other texts that a program passes as a model are not recorded, because they may be private. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$/;
/** Matches absolute paths and file URLs. */
const ABSOLUTE_PATH = /^(?:[/\\~]|[A-Za-z]:|file:)/;

/** The outcome that corresponds to the failure of a call. Its entry in `OUTCOMES` decides whether the span is an error. */
const CALL_OUTCOME: Readonly<Record<CallErrorKind, Outcome>> = {
  denied: "denied",
  budget_exceeded: "budget_exceeded",
  runtime_error: "runtime_error",
  unknown: "runtime_error",
};

/** Returns a `Tracing` that looks up the registered TracerProvider at the start of each run. */
export function otelTracing(options: OtelTracingOptions = {}): Tracing {
  return { startRun: (info) => startRun(trace.getTracer(SCOPE, VERSION), info, options) };
}

function startRun(tracer: Tracer, info: RunSpanStart, options: OtelTracingOptions): RunTracing {
  const parent = parentContext(info);
  const span = startSpan(tracer, "boruna.run", runStartAttributes(info), parent);
  const runContext = trace.setSpan(parent, span);
  if (span.isRecording()) reportingErrors(() => setRunId(span, info.runId()));
  return {
    get traceId() {
      const spanContext = span.spanContext();
      return isSpanContextValid(spanContext) ? spanContext.traceId : undefined;
    },
    startCall: (call) => new CallSpan(tracer, runContext, call),
    backpressure: options.backpressure ?? (() => undefined),
    end: (end) => reportingErrors(() => endRun(span, end)),
  };
}

/** Returns a context with the remote span of the caller, if it is well-formed. Otherwise returns the active context. */
function parentContext(info: RunSpanStart): Context {
  const baggage = info.baggage === undefined ? undefined : parseBaggage(info.baggage);
  const base = baggage === undefined ? context.active() : propagation.setBaggage(context.active(), toApiBaggage(baggage));
  const remote = info.traceparent === undefined ? undefined : parseTraceparent(info.traceparent);
  if (remote === undefined) return base;
  const state = info.tracestate === undefined ? undefined : parseTracestate(info.tracestate);
  const spanContext: SpanContext = {
    traceId: remote.traceId,
    spanId: remote.spanId,
    traceFlags: remote.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  };
  return trace.setSpanContext(base, spanContext);
}

function toApiBaggage(entries: readonly BaggageEntry[]): Baggage {
  const entryOf = (value: string, metadata: string | undefined): ApiBaggageEntry =>
    metadata === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(metadata) };
  return entries.reduce(
    (baggage, { key, value, metadata }) => baggage.setEntry(key, entryOf(value, metadata)),
    propagation.createBaggage(),
  );
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
    if (end.exitCode !== undefined) attributes["process.exit.code"] = end.exitCode;
    if (outcomeInfo.spanError) {
      attributes["error.type"] = end.outcome;
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.setAttributes({ ...attributes });
  }
  span.end();
}

class CallSpan implements CallTracing {
  readonly #span: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, runContext: Context, info: CallSpanStart) {
    const attributes: SpanAttributes<"boruna.cap"> = {
      "cap.name": info.capability,
      "cap.call": info.call,
      "cap.mode": info.mode,
      bytes_in: info.bytesIn,
    };
    if (info.capability === "llm.call") {
      attributes["gen_ai.operation.name"] = "chat";
      if (info.model !== undefined && MODEL_NAME.test(info.model)) attributes["gen_ai.request.model"] = info.model;
    }
    this.#span = startSpan(tracer, "boruna.cap", attributes, runContext);
    this.#context = trace.setSpan(runContext, this.#span);
    if (this.#span.isRecording()) reportingErrors(() => setPlace(this.#span, info.place()));
  }

  run<T>(body: () => T): T {
    return context.with(this.#context, body);
  }

  headers(): TraceHeaders {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const baggage = formatBaggage(baggageOf(this.#context));
    if (!trace.isSpanContextValid(this.#span.spanContext())) return { baggage };
    const sampled = (traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED;
    const tracestate = traceState === undefined ? undefined : parseTracestate(traceState.serialize());
    return { traceparent: formatTraceparent({ traceId, spanId, sampled }), tracestate, baggage };
  }

  setModel(model: string): void {
    if (MODEL_NAME.test(model))
      reportingErrors(() => this.#span.setAttributes({ "gen_ai.request.model": model } satisfies SpanAttributes<"boruna.cap">));
  }

  end(info: CallSpanEnd): void {
    reportingErrors(() => endCall(this.#span, info));
  }
}

function setPlace(span: Span, { caller, ...place }: CallPlace): void {
  const attributes: SpanAttributes<"boruna.cap"> = { "code.function.name": shorten(place.function) };
  const callLocation = fileOf(place);
  if (callLocation.file !== undefined) attributes["code.file.path"] = callLocation.file;
  if (callLocation.line !== undefined) attributes["code.line.number"] = callLocation.line;
  const callerLocation = caller === undefined ? {} : fileOf(caller);
  if (caller !== undefined && callerLocation.file !== undefined) {
    attributes["code.caller.file.path"] = callerLocation.file;
    attributes["code.caller.function.name"] = shorten(caller.function);
    if (callerLocation.line !== undefined) attributes["code.caller.line.number"] = callerLocation.line;
  }
  span.setAttributes({ ...attributes });
}

/** Returns the file and line, or nothing if the file is an absolute path, which a module may choose as a name. */
function fileOf({ file, line }: SourceLocation): { readonly file?: string; readonly line?: number | undefined } {
  if (file === undefined || ABSOLUTE_PATH.test(file)) return {};
  return { file: shorten(file), line };
}

function endCall(span: Span, info: CallSpanEnd): void {
  if (span.isRecording()) {
    const attributes: SpanAttributes<"boruna.cap"> = {};
    if (info.bytesOut !== undefined) attributes.bytes_out = info.bytesOut;
    if (info.budgetRemaining !== undefined) attributes["cap.budget_remaining"] = info.budgetRemaining;
    if (info.inputTokens !== undefined) attributes["gen_ai.usage.input_tokens"] = info.inputTokens;
    if (info.outputTokens !== undefined) attributes["gen_ai.usage.output_tokens"] = info.outputTokens;
    if (info.errorKind !== undefined) {
      attributes["error.kind"] = info.errorKind;
      attributes["error.type"] = info.errorKind;
      if (OUTCOMES[CALL_OUTCOME[info.errorKind]].spanError) span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.setAttributes({ ...attributes });
  }
  span.end();
}

function startSpan<S extends "boruna.run" | "boruna.cap">(tracer: Tracer, name: S, attributes: SpanAttributes<S>, parent: Context): Span {
  try {
    return tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes: { ...attributes } }, parent);
  } catch (error) {
    reportError(error);
    return trace.wrapSpanContext(trace.getSpanContext(parent) ?? INVALID_SPAN_CONTEXT);
  }
}

/** Runs code that calls span processors. If one of them throws, reports the error. */
function reportingErrors(body: () => void): void {
  try {
    body();
  } catch (error) {
    reportError(error);
  }
}

function reportError(error: unknown): void {
  diag.error(`boruna: a tracer failed: ${error instanceof Error ? error.name : typeof error}`);
}

function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH ? text : text.slice(0, MAX_TEXT_LENGTH);
}
