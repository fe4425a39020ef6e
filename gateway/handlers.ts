/** Declares handlers. A handler is a function that carries out the calls of one capability. */
import type { Policy } from "../policy/policy.ts";
import type { Value } from "../vm/value/value.ts";

/** What the gateway tells a handler about its call. */
export interface HandlerContext {
  /** Aborted when the run is canceled or reaches its time limit. */
  readonly signal: AbortSignal;
  /** Milliseconds left of the run's wall-clock limit. Undefined without a limit. */
  readonly remainingMs?: number | undefined;
  /** Number of calls of this capability that are still allowed after this one. Undefined without a budget. */
  readonly budgetRemaining?: number | undefined;
  /** Number of the call in the run, from 1. */
  readonly callNumber: number;
  /** 64 hex digits derived from the run id and the call number. Runs with the same id have the same keys; other runs have other keys. */
  readonly idempotencyKey: string;
  /** W3C header that identifies the call's span. Undefined without tracing. */
  readonly traceparent?: string | undefined;
  /** W3C headers from the caller of the run. Undefined without tracing, and if the caller gave none. */
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
  /**
   * Records on the call's span which model the handler asks, and whose API it speaks, such as `anthropic`. Undefined without
   * tracing.
   */
  readonly onModel?: ((model: string, provider?: string) => void) | undefined;
  /** The effective policy of the run. */
  readonly policy: Policy;
}

/**
 * Carries out one call. `args` include the default arguments and have the declared types. The answer must have the
 * declared result type. Throw `CapabilityFailure` if the capability fails. Any other error counts as a bug of the
 * handler, so the program and the log see only the error's name.
 */
export type Handler = (args: readonly Value[], context: HandlerContext) => Value | Promise<Value>;
/** Handlers by capability name. */
export type Handlers = ReadonlyMap<string, Handler>;

/** Each way in which a handler can fail, with the trap that ends a run whose call is not under `try`. */
export const FAILURE_TRAPS = { runtime_error: "capability_failed", denied: "capability_denied", unknown: "unknown_capability" } as const;
/** The kind of a handler's failure. */
export type FailureKind = keyof typeof FAILURE_TRAPS;

const FAILURES = new WeakSet<object>();

/** A failure that the program may see and catch with `try`. The message goes into the log. */
export class CapabilityFailure extends Error {
  override readonly name: string = "CapabilityFailure";
  readonly kind: FailureKind;
  constructor(message: string, kind: FailureKind = "runtime_error") {
    super(message);
    this.kind = kind;
    FAILURES.add(this);
  }

  /** Whether this class or a subclass constructed `error`. Unlike `instanceof`, this check never runs code of the handler. */
  static isFailure(error: unknown): error is CapabilityFailure {
    return typeof error === "object" && error !== null && FAILURES.has(error);
  }
}

/** Thrown if the policy forbids something that only the handler can see, such as a redirect's target. Ends the run, even under `try`. */
export class CapabilityDenied extends CapabilityFailure {
  constructor(message: string) {
    super(message, "denied");
  }
}
