/** Keeps the spans of a run in memory, for a page that shows them without a collector. */
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanStatusCode, TraceFlags, type Tracer, trace } from "@opentelemetry/api";
import { otelTracing } from "./otel.ts";
import type { Tracing } from "./tracing.ts";

/** A span. Times are milliseconds of `performance.now`. */
export interface MemorySpan {
  readonly id: string;
  /** Undefined for the first span of a trace. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly startMs: number;
  /** Undefined until the span has ended. */
  endMs: number | undefined;
  readonly attributes: Attributes;
  isError: boolean;
}

export interface MemoryTracing {
  readonly tracing: Tracing;
  /** The spans in the order of their starts. */
  readonly spans: readonly MemorySpan[];
}

const TRACE_ID = "1".padStart(32, "0");
const SPAN_ID_DIGITS = 16;

/** Creates a tracing that keeps the first `maxSpans` spans and drops the others. */
export function memoryTracing(maxSpans: number): MemoryTracing {
  const spans: MemorySpan[] = [];
  const startSpan: Tracer["startSpan"] = (name, { attributes = {} } = {}, parent = ROOT_CONTEXT) => {
    if (spans.length >= maxSpans) return trace.wrapSpanContext(contextOf(parentIdOf(parent) ?? ""));
    const span: MemorySpan = {
      id: (spans.length + 1).toString(16).padStart(SPAN_ID_DIGITS, "0"),
      parentId: parentIdOf(parent),
      name,
      startMs: performance.now(),
      endMs: undefined,
      attributes: { ...attributes },
      isError: false,
    };
    spans.push(span);
    return recordingSpan(span);
  };
  const tracer: Tracer = {
    startSpan,
    startActiveSpan: () => {
      throw new TypeError("a run starts no active spans");
    },
  };
  return { tracing: otelTracing({ tracer, parent: ROOT_CONTEXT }), spans };
}

const parentIdOf = (parent: Context): string | undefined => trace.getSpanContext(parent)?.spanId;

const contextOf = (spanId: string) => ({ traceId: TRACE_ID, spanId, traceFlags: TraceFlags.SAMPLED });

function recordingSpan(data: MemorySpan): Span {
  const span: Span = {
    spanContext: () => contextOf(data.id),
    isRecording: () => data.endMs === undefined,
    setAttribute: (name, value) => span.setAttributes({ [name]: value }),
    setAttributes: (attributes) => {
      Object.assign(data.attributes, attributes);
      return span;
    },
    setStatus: ({ code }) => {
      data.isError = code === SpanStatusCode.ERROR;
      return span;
    },
    end: (endMs) => {
      data.endMs ??= typeof endMs === "number" ? endMs : performance.now();
    },
    // A run uses none of these.
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    updateName: () => span,
    recordException: () => undefined,
  };
  return span;
}
