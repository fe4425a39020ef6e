/**
 * What the gateway tells a tracer: one run, its capability calls, how they end. The gateway holds a `Tracing | undefined`,
 * so a run without telemetry pays one check a call. Nothing that comes back from here may reach a program, a log or a hash.
 */
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { IncomingContext } from "./context.ts";
import type { LimitName, Outcome } from "../vm/outcome.ts";

export type RunMode = "mock" | "live" | "replay";

/** Capability calls of one run, actors included. */
export interface CallCounters {
  readonly total: number;
  readonly dispatched: number;
  readonly denied: number;
  readonly unknown: number;
  readonly budget_exceeded: number;
  readonly failed: number;
}

/** How a failed call is named in `error.kind` and `error.type`. */
export type CallErrorKind = "denied" | "budget_exceeded" | "runtime_error" | "unknown";

export interface Tracing {
  startRun(info: RunSpanStart): RunTracing;
}

export interface RunSpanStart {
  /** Asked only when the span is recorded: the id of a mock run takes a hash of the whole module. */
  readonly runId: () => string;
  readonly programName: string;
  readonly moduleHash: string;
  readonly policyHash: string;
  readonly mode: RunMode;
  /** W3C header values of the caller's span; a malformed one is ignored. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** W3C baggage, for handlers' own instrumentation; no span of ours carries it. */
  readonly baggage?: string | undefined;
  /** Id of the recorded run that this one replays. */
  readonly replayOf?: string | undefined;
}

export interface RunTracing {
  startCall(info: CallSpanStart): CallTracing;
  /**
   * A promise when there is no room for another span until the collector has taken some. A run without a wall-clock limit
   * waits for it before each call; a run with one never does, since a slow collector must not change its outcome, and loses
   * spans instead. It never rejects, and settles in bounded time even if the collector never answers.
   */
  backpressure(): Promise<void> | undefined;
  end(info: RunSpanEnd): void;
}

export interface CallSpanStart {
  readonly capability: string;
  /** Number of the call in its run, as the log counts it. */
  readonly call: number;
  readonly mode: RunMode;
  /** UTF-8 bytes of every String in the arguments. */
  readonly bytesIn: number;
  /** Asked only when the span is recorded. */
  readonly place: () => CallPlace;
  /** The model that an llm.call asks for; empty is none. */
  readonly model?: string | undefined;
}

export interface CallTracing {
  /** Runs `body` inside the span's context, so that a handler's own instrumentation nests; awaits included. */
  run<T>(body: () => T): T;
  /** W3C header values of this span and of the run's caller, for a handler that may pass them on. */
  headers(): IncomingContext;
  /** The model that an llm.call asks for, where the program did not name it. */
  setModel(model: string): void;
  end(info: CallSpanEnd): void;
}

export interface CallSpanEnd {
  /** UTF-8 bytes of every String in the result; absent when the call failed. */
  readonly bytesOut?: number | undefined;
  /** Calls still allowed after this one; absent without a budget and on `denied`. */
  readonly budgetRemaining?: number | undefined;
  readonly errorKind?: CallErrorKind | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

export interface RunSpanEnd {
  readonly outcome: Outcome;
  readonly limit?: LimitName | undefined;
  readonly steps: number;
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** Of the process, where it ends with the run. */
  readonly exitCode?: number;
}
