/**
 * Declares the interface through which the gateway reports runs and calls. A span passes through these parts:
 *
 *   gateway         `startRun`, then `startCall` and `end` for each call, then the run's `end`
 *   Tracing         this interface; `otelTracing` (otel.ts) implements it
 *   OpenTelemetry   `@opentelemetry/api`: the tracer of the provider that the process has registered, if any
 *   SDK             the SDK of the embedder, or for the command line the one that sdk.ts starts
 *   delivery        delivery.ts: queue, batches, retries, lost spans; otlp-sender.ts makes the requests
 *   collector       OTLP/HTTP, as configured by the variables that settings.ts reads
 *
 * context.ts parses the trace context of the caller. attributes.ts declares the attributes of spans.
 *
 * Invariants: a run without telemetry has no `Tracing`, so telemetry costs it one check per call. Nothing from telemetry may reach
 * a program, a log or a hash. A tracer that throws never affects a run.
 */
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { FlowSpanEnd, FlowSpanStart } from "../vm/host.ts";
import type { TraceHeaders } from "./context.ts";
import type { LimitWord, Outcome } from "../vm/outcome.ts";

export type RunMode = "mock" | "live" | "replay";

/** Counts of the capability calls of one run, actors included. */
export interface CallCounters {
  readonly total: number;
  /** Calls that reached a handler. */
  readonly dispatched: number;
  readonly denied: number;
  /** Calls of a capability without a handler. Such a call may also be denied. */
  readonly unknown: number;
  readonly budget_exceeded: number;
  /** Calls whose handler failed. */
  readonly failed: number;
}

/** Why a call failed: the value of the span attributes `error.kind` and `error.type`. */
export type CallErrorKind = "denied" | "budget_exceeded" | "runtime_error" | "unknown";

/** The outcome of a run that corresponds to the failure of a call. Its entry in `OUTCOMES` says whether the call's span is an error. */
export const CALL_OUTCOME: Readonly<Record<CallErrorKind, Outcome>> = {
  denied: "denied",
  budget_exceeded: "budget_exceeded",
  runtime_error: "runtime_error",
  unknown: "runtime_error",
};

export interface Tracing {
  startRun(info: RunSpanStart): RunTracing;
}

/** What is known at the start of a run, and the trace context of the caller. Malformed values of the trace context are ignored. */
export interface RunSpanStart extends TraceHeaders {
  /** Returns the run id. Called only if the span is recorded, because computing the id of a mock run needs a hash of the module. */
  readonly runId: () => string;
  readonly programName: string;
  readonly moduleHash: string;
  readonly policyHash: string;
  readonly mode: RunMode;
  /** Id of the recorded run that this one replays. */
  readonly replayOf?: string | undefined;
  /** Number of events that the log had. Undefined unless the run is resumed. */
  readonly resumedFrom?: number | undefined;
}

/**
 * How much of the control flow becomes spans. `cap`: none of it. `call`: the calls of functions that declare a capability. `flow`: also the
 * constructs in these functions, such as `if` and `for`.
 */
export const TRACE_DETAILS = ["cap", "call", "flow"] as const;
export type TraceDetail = (typeof TRACE_DETAILS)[number];

export interface RunTracing {
  /** The trace id of the run's span, 32 hex digits. Absent if the run has no span. */
  readonly traceId?: string | undefined;
  /** Whether a call that starts now need not be reported, because nothing would record it. Absent: every call is recorded. */
  isIdle?(): boolean;
  /** `parent` is the span of control flow that makes the call. Undefined if there is none: the run is then the parent. */
  startCall(info: CallSpanStart, parent?: FlowTracing): CallTracing;
  /** Starts a span of control flow. `parent` has the same meaning as in `startCall`. */
  startFlow(info: FlowSpanStart, parent: FlowTracing | undefined): FlowTracing;
  /** Called when the machine starts or resumes the run on this thread. */
  enterMachine?(): void;
  /** Called when the machine stops running on this thread: the run waits or has ended, or code of the host runs. */
  leaveMachine?(): void;
  /**
   * Returns a promise if the queue of spans is full. A run without a wall-clock limit waits for the promise before each call.
   * A run with a wall-clock limit never waits and loses spans instead, because a slow collector must not change its outcome.
   * The promise never rejects, and settles in bounded time even if the collector never answers.
   */
  backpressure(): Promise<void> | undefined;
  end(info: RunSpanEnd): void;
}

export interface CallSpanStart {
  readonly capability: string;
  /** Number of the call in its run, counted like in the log. */
  readonly call: number;
  readonly mode: RunMode;
  /** Whether the machine or a handler serves the capability, whether or not the policy allows the call. */
  readonly known: boolean;
  /** Number of arguments that the program passed. */
  readonly argumentCount: number;
  /** Total UTF-8 bytes of all Strings in the arguments. */
  readonly bytesIn: number;
  /** Returns the source location of the call. Called only if the span is recorded. */
  readonly place: () => CallPlace;
  /** The model that an `llm.call` names, or an empty text if it names none. Absent for other capabilities. */
  readonly model?: string | undefined;
}

export interface FlowTracing {
  /** `endMs` is the time at which the span ended, in milliseconds of `performance.now`. Without it, the span ends now. */
  end(info: FlowSpanEnd, endMs?: number): void;
}

export interface CallTracing {
  /** Runs `body` with this span active, even after an `await`. Spans that instrumentation makes in a handler then become its children. */
  run<T>(body: () => T): T;
  /** Returns the header values for a request of the handler: this span as the parent, and the tracestate and baggage of the caller. */
  headers(): TraceHeaders;
  /** Records which model an `llm.call` asks, and the provider whose API the handler speaks. */
  setModel(model: string, provider?: string): void;
  end(info: CallSpanEnd): void;
}

export interface CallSpanEnd {
  /** Total UTF-8 bytes of all Strings in the result. Absent if the call failed. */
  readonly bytesOut?: number | undefined;
  /** Number of calls still allowed after this one. Absent if there is no budget, or if the call was denied. */
  readonly budgetRemaining?: number | undefined;
  readonly errorKind?: CallErrorKind | undefined;
  /** Whether the run was suspended at this call. Metrics count the call when it is answered, in the process that resumes the run. */
  readonly isSuspended?: boolean | undefined;
  /** The tokens that an `llm.call` used, as its answer reports them. */
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  /** The model that answered an `llm.call`. */
  readonly responseModel?: string | undefined;
}

export interface RunSpanEnd {
  readonly outcome: Outcome;
  readonly limit?: LimitWord | undefined;
  readonly steps: number;
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** Number of spans of control flow that were dropped, because the run had too many. */
  readonly spansDropped: number;
  /** Exit code of the process. Absent if the process continues after the run. */
  readonly exitCode?: number | undefined;
}
