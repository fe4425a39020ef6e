/**
 * Opens the span `action.run` of a task. A task is one request to a runner (`runtime/task.ts`). The span `action.run` has the
 * runner's resource, and the span `boruna.run` below it has the resource `boruna`. So the two spans come from two
 * TracerProviders. Without a runner's telemetry, both come from the provider that the process has registered.
 */
import { type Context, type Meter, ProxyTracerProvider, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import { OUTCOMES, type Outcome } from "../vm/outcome.ts";
import { VERSION } from "../vm/version.ts";
import type { SpanAttributes } from "./attributes.ts";
import { formatTraceparent, parseTraceparent, type TraceHeaders } from "./context.ts";
import { otelTracing, type OtelTracingOptions, startSpan } from "./otel.ts";
import { parentContext, SCOPE } from "./parent-context.ts";
import { reportError, reportingErrors } from "./tracer-errors.ts";
import { meteredTracing } from "./metrics.ts";
import type { TraceDetail, Tracing } from "./tracing.ts";

/** The caller's decision whether a trace is recorded: −1 and 0 drop it, 1 and 2 keep it. */
export type SamplingPriority = -1 | 0 | 1 | 2;

/** Who sent the task. `traceparent` and `tracestate` are ignored if they are malformed. */
export interface TaskOrigin extends Pick<TraceHeaders, "traceparent" | "tracestate"> {
  /** Overrides the sampler. */
  readonly samplingPriority?: SamplingPriority | undefined;
}

/** What is known about a task before it runs. */
export interface TaskSpanStart {
  readonly origin: TaskOrigin;
  /** The name of the action. Undefined if the envelope has no well-formed one. */
  readonly action: string | undefined;
  /** Undefined if the envelope has no well-formed id. */
  readonly taskId: string | undefined;
}

interface TaskSpanEnd {
  readonly outcome: Outcome | "rejected";
  /** Why the task was rejected. Absent if it was not. */
  readonly errorType?: string | undefined;
}

export interface TaskSpan {
  /** The trace detail for a run whose host gives none, from the runner's settings. Undefined without them. */
  readonly traceDetail: TraceDetail | undefined;
  /** Receives the task's run, as a child of this span, for spans and metrics. */
  readonly tracing: Tracing;
  end(info: TaskSpanEnd): void;
}

/** One tracer for each resource: for `action.run`, and for the spans of the program's run. */
export interface TaskTracers {
  readonly runner: Tracer;
  readonly boruna: Tracer;
}

/** Returns the tracer of the registered TracerProvider, for both resources. */
function registeredTracers(): TaskTracers {
  const tracer = trace.getTracer(SCOPE, VERSION);
  return { runner: tracer, boruna: tracer };
}

/** Tracers whose spans are not recorded. They pass on the trace context of the caller. */
const DROPPED: TaskTracers = (() => {
  const tracer = new ProxyTracerProvider().getTracer(SCOPE, VERSION);
  return { runner: tracer, boruna: tracer };
})();

export interface TaskSpanOptions extends Pick<OtelTracingOptions, "backpressure" | "genAiSpans" | "threadContext"> {
  /** Makes the instruments of the task's run. Default: the meter of the registered MeterProvider. */
  readonly meter?: Meter | undefined;
  readonly traceDetail?: TraceDetail | undefined;
}

/** Opens the span of a task. `tracers` defaults to those of the registered TracerProvider. Returns undefined if a tracer or the context manager throws. */
export function startTaskSpan(tracers: TaskTracers | undefined, start: TaskSpanStart, options: TaskSpanOptions = {}): TaskSpan | undefined {
  try {
    return openTaskSpan(tracers ?? registeredTracers(), start, options);
  } catch (error) {
    reportError(error);
    return undefined;
  }
}

function openTaskSpan(tracers: TaskTracers, start: TaskSpanStart, options: TaskSpanOptions): TaskSpan {
  const { samplingPriority } = start.origin;
  const { runner, boruna } = samplingPriority !== undefined && samplingPriority <= 0 ? DROPPED : tracers;
  const attributes: SpanAttributes<"action.run"> = {};
  if (start.action !== undefined) attributes["action.fqn"] = start.action;
  if (start.taskId !== undefined) attributes["task.id"] = start.taskId;
  const parent = originContext(start.origin);
  const span = startSpan(runner, "action.run", attributes, parent);
  return {
    traceDetail: options.traceDetail,
    tracing: meteredTracing(
      otelTracing({
        tracer: boruna,
        parent: trace.setSpan(parent, span),
        backpressure: options.backpressure,
        genAiSpans: options.genAiSpans,
        threadContext: options.threadContext,
      }),
      options.meter,
    ),
    end: ({ outcome, errorType }) =>
      reportingErrors(() => {
        const error = outcome === "rejected" ? errorType : OUTCOMES[outcome].spanError ? outcome : undefined;
        const endAttributes: SpanAttributes<"action.run"> = { "action.outcome": outcome };
        if (error !== undefined) {
          endAttributes["error.type"] = error;
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.setAttributes({ ...endAttributes });
        span.end();
      }),
  };
}

/** Returns the parent context of a task. The sampling priority replaces the caller's sampled flag, so a parent-based sampler obeys it. */
function originContext({ traceparent, tracestate, samplingPriority }: TaskOrigin): Context {
  const remote = traceparent === undefined ? undefined : parseTraceparent(traceparent);
  if (remote === undefined) return parentContext({});
  const sampled = samplingPriority === undefined ? remote.sampled : samplingPriority > 0;
  return parentContext({ traceparent: formatTraceparent({ ...remote, sampled }), tracestate });
}
