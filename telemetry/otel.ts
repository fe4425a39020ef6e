/**
 * Spans over `@opentelemetry/api`: they go to whatever TracerProvider the process has registered, and nowhere when there is none.
 * A tracer that throws never reaches the run: it is reported to OpenTelemetry's own diagnostics and the span is given up.
 */
import type { Baggage, BaggageEntry as ApiBaggageEntry, Context, Span, SpanContext, Tracer } from "@opentelemetry/api";
import {
  baggageEntryMetadataFromString,
  context,
  createTraceState,
  diag,
  INVALID_SPAN_CONTEXT,
  propagation,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { CallPlace, CodePlace } from "../vm/bytecode/module.ts";
import { OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { SpanAttributes } from "./attributes.ts";
import {
  type BaggageEntry,
  formatBaggage,
  formatTraceparent,
  type IncomingContext,
  parseBaggage,
  parseTraceparent,
  parseTracestate,
} from "./context.ts";
import type { CallErrorKind, CallSpanEnd, CallSpanStart, CallTracing, RunSpanEnd, RunSpanStart, RunTracing, Tracing } from "./tracing.ts";

export interface OtelTracingOptions {
  /** See `RunTracing.backpressure`; the owner of the SDK knows its queue. */
  readonly backpressure?: () => Promise<void> | undefined;
}

const SCOPE = "boruna";
/** A module may be hostile and name things at any length. Characters. */
const MAX_TEXT = 1_024;
/** What a model's name looks like: anything else that a program passes as one is text of its own. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$/;
const HOST_PATH = /^(?:[/\\~]|[A-Za-z]:|file:)/;

/** The outcome that a failed call stands for, which decides whether its span is an error. */
const CALL_OUTCOME: Readonly<Record<CallErrorKind, Outcome>> = {
  denied: "denied",
  budget_exceeded: "budget_exceeded",
  runtime_error: "runtime_error",
  unknown: "runtime_error",
};

/** The tracer of `Tracing` over the globally registered provider, looked up at each run. */
export function otelTracing(options: OtelTracingOptions = {}): Tracing {
  return { startRun: (info) => startRun(trace.getTracer(SCOPE, VERSION), info, options) };
}

function startRun(tracer: Tracer, info: RunSpanStart, options: OtelTracingOptions): RunTracing {
  const parent = parentContext(info);
  const span = startSpan(tracer, "boruna.run", runStartAttributes(info), parent);
  const inRun = trace.setSpan(parent, span);
  if (span.isRecording()) contained(() => setRunId(span, info.runId()));
  return {
    startCall: (call) => new CallSpan(tracer, inRun, call),
    backpressure: options.backpressure ?? (() => undefined),
    end: (end) => contained(() => endRun(span, end)),
  };
}

/** The remote parent where there is a well-formed one, else the context that the host is in. */
function parentContext(info: RunSpanStart): Context {
  const baggage = info.baggage === undefined ? undefined : parseBaggage(info.baggage);
  const base = baggage === undefined ? context.active() : propagation.setBaggage(context.active(), createBaggage(baggage));
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

function createBaggage(entries: readonly BaggageEntry[]): Baggage {
  const entryOf = (value: string, metadata: string | undefined): ApiBaggageEntry =>
    metadata === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(metadata) };
  return entries.reduce((made, { key, value, metadata }) => made.setEntry(key, entryOf(value, metadata)), propagation.createBaggage());
}

function baggageOf(of: Context): readonly BaggageEntry[] {
  const entries = propagation.getBaggage(of)?.getAllEntries() ?? [];
  return entries.map(([key, { value, metadata }]) => ({
    key,
    value,
    ...(metadata === undefined ? {} : { metadata: metadata.toString() }),
  }));
}

function runStartAttributes(info: RunSpanStart): SpanAttributes<"boruna.run"> {
  const attributes: SpanAttributes<"boruna.run"> = {
    "boruna.version": VERSION,
    "boruna.program.name": shortened(info.programName),
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
    const row = OUTCOMES[end.outcome];
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
    if (row.spanError) {
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

  constructor(tracer: Tracer, inRun: Context, info: CallSpanStart) {
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
    this.#span = startSpan(tracer, "boruna.cap", attributes, inRun);
    this.#context = trace.setSpan(inRun, this.#span);
    if (this.#span.isRecording()) contained(() => setPlace(this.#span, info.place()));
  }

  run<T>(body: () => T): T {
    return context.with(this.#context, body);
  }

  headers(): IncomingContext {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    const baggage = formatBaggage(baggageOf(this.#context));
    const own = baggage === undefined ? {} : { baggage };
    if (!trace.isSpanContextValid(this.#span.spanContext())) return own;
    const sampled = (traceFlags & TraceFlags.SAMPLED) === TraceFlags.SAMPLED;
    const tracestate = traceState === undefined ? undefined : parseTracestate(traceState.serialize());
    return { traceparent: formatTraceparent({ traceId, spanId, sampled }), ...(tracestate === undefined ? {} : { tracestate }), ...own };
  }

  setModel(model: string): void {
    if (MODEL_NAME.test(model))
      contained(() => this.#span.setAttributes({ "gen_ai.request.model": model } satisfies SpanAttributes<"boruna.cap">));
  }

  end(info: CallSpanEnd): void {
    contained(() => endCall(this.#span, info));
  }
}

function setPlace(span: Span, { caller, ...place }: CallPlace): void {
  const attributes: SpanAttributes<"boruna.cap"> = { "code.function.name": shortened(place.function) };
  const at = fileOf(place);
  if (at.file !== undefined) attributes["code.file.path"] = at.file;
  if (at.line !== undefined) attributes["code.line.number"] = at.line;
  const from = caller === undefined ? {} : fileOf(caller);
  if (caller !== undefined && from.file !== undefined) {
    attributes["code.caller.file.path"] = from.file;
    attributes["code.caller.function.name"] = shortened(caller.function);
    if (from.line !== undefined) attributes["code.caller.line.number"] = from.line;
  }
  span.setAttributes({ ...attributes });
}

/** A module may name its files as it likes: a path of the host stays out. */
function fileOf({ file, line }: CodePlace): { readonly file?: string; readonly line?: number } {
  if (file === undefined || HOST_PATH.test(file)) return {};
  return { file: shortened(file), ...(line === undefined ? {} : { line }) };
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
    report(error);
    return trace.wrapSpanContext(trace.getSpanContext(parent) ?? INVALID_SPAN_CONTEXT);
  }
}

/** Runs what a foreign span processor may break. */
function contained(body: () => void): void {
  try {
    body();
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  diag.error(`boruna: a tracer failed: ${error instanceof Error ? error.name : typeof error}`);
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : text.slice(0, MAX_TEXT);
}
