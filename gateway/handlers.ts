/** What a handler is: the code that carries out one capability. */
import type { Policy } from "../policy/policy.ts";
import type { Value } from "../vm/value/value.ts";

export interface HandlerContext {
  /** Aborted when the run is canceled or out of time. */
  readonly signal: AbortSignal;
  /** What is left of the run's wall-clock limit, in milliseconds; absent without one. */
  readonly remainingMs?: number;
  /** Calls still allowed after this one; absent without a budget. */
  readonly budgetRemaining?: number;
  /** Number of the call in the run, from 1. */
  readonly callNumber: number;
  /** Follows from the run id and the call's number, so it is the same for the same call of the same run alone: 64 hex digits. */
  readonly idempotencyKey: string;
  /** W3C header value of the call's span; absent without tracing. */
  readonly traceparent?: string;
  /** Of the run's caller; absent without tracing, and where there is none. */
  readonly tracestate?: string;
  readonly baggage?: string;
  /** Tells the call's span which model is asked, where the program did not say. */
  readonly onModel?: (model: string) => void;
  readonly policy: Policy;
}

/**
 * `args` have their defaults filled in and are of the declared types. The result is checked against the declared
 * type. Throws `CapabilityFailure` when the capability fails; anything else thrown is a fault of the handler.
 */
export type Handler = (args: readonly Value[], context: HandlerContext) => Value | Promise<Value>;
export type Handlers = ReadonlyMap<string, Handler>;

/** How a call that reached its handler did not succeed, and the trap that a call without `try` ends in. */
export const FAILURE_TRAPS = { runtime_error: "capability_failed", denied: "capability_denied", unknown: "unknown_capability" } as const;
export type FailureKind = keyof typeof FAILURE_TRAPS;

const FAILURES = new WeakSet<object>();

/** The capability failed for a reason that the program may see (`try`). The message goes into the log. */
export class CapabilityFailure extends Error {
  override readonly name: string = "CapabilityFailure";
  readonly kind: FailureKind;
  constructor(message: string, kind: FailureKind = "runtime_error") {
    super(message);
    this.kind = kind;
    FAILURES.add(this);
  }

  /** Whether this class, or one derived from it, made what a handler threw. Runs no code of the handler's, as `instanceof` may. */
  static isFailure(error: unknown): error is CapabilityFailure {
    return typeof error === "object" && error !== null && FAILURES.has(error);
  }
}

/** The policy refuses what only the handler could see: a redirect's target, the default model. Ends the run. */
export class CapabilityDenied extends CapabilityFailure {
  constructor(message: string) {
    super(message, "denied");
  }
}
