/** Declares handlers. A handler is a function that carries out the calls of one capability. */
import type { Policy } from "../policy/policy.ts";
import type { PlainValue } from "../vm/json/js-interop.ts";
import type { Value } from "../vm/value/value.ts";
import { isProxy } from "./platform.ts";

/** What the gateway tells a handler about its call. */
export interface HandlerContext {
  /** Aborted when the run is canceled, reaches its time limit, or ends in another way while the handler still runs. */
  readonly signal: AbortSignal;
  /** Milliseconds left of the run's wall-clock limit. Undefined without a limit. */
  readonly remainingMs?: number | undefined;
  /** Number of calls of this capability that are still allowed after this one. Undefined without a budget. */
  readonly budgetRemaining?: number | undefined;
  /** Number of the call in the run, from 1. */
  readonly callNumber: number;
  /** 64 hex digits derived from the run id and the call number. A run with the same id, such as a resumed one, has the same keys. */
  readonly idempotencyKey: string;
  /** W3C header that identifies the call's span. Undefined without tracing. */
  readonly traceparent?: string | undefined;
  /** W3C headers from the caller of the run. Undefined without tracing, and if the caller gave none. */
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
  /** Records on the call's span the model that the handler asks, and the provider whose API it uses, such as `anthropic`. Undefined without tracing. */
  readonly onModel?: ((model: string, provider?: string) => void) | undefined;
  /**
   * Passes a part of the answer to the observer `callProgress` while the call goes on, such as the next words of a model. Undefined if
   * nothing observes it. The program sees only the answer.
   */
  readonly onProgress?: ((text: string) => void) | undefined;
  /** The effective policy of the run. */
  readonly policy: Policy;
  /** Makes a `CapabilityFailure` for the handler to throw. A handler needs no import for it. */
  failure(message: string): CapabilityFailure;
  /** Makes the value that a handler returns if its answer comes later. The run then ends as `suspended`, and `resume` gets the answer. */
  later(): Later;
}

/** Marks the value `LATER`. It is a registered symbol, because a handler may load this file from another copy of the package than the gateway. */
const LATER_MARK = Symbol.for("boruna.later");

/** The value that a handler returns if its answer comes later. */
export interface Later {
  readonly [LATER_MARK]: true;
}

export const LATER: Later = Object.freeze<Later>({ [LATER_MARK]: true });

/** Whether a handler returned `LATER`. Runs no code of the handler. */
export function isLater(answer: unknown): answer is Later {
  if (typeof answer !== "object" || answer === null || isProxy(answer)) return false;
  return Object.getOwnPropertyDescriptor(answer, LATER_MARK)?.value === true;
}

/**
 * Carries out one call with plain JavaScript data. `args` include the default arguments and have the declared types. Return the answer, or a
 * promise of it: plain data of the declared result type, or `context.later()`. Throw `CapabilityFailure` if the capability fails. Any other
 * error, and a wrong answer, is a mistake of the host: the run ends with `host_fault`. Of such an error, the log contains only the name.
 */
export type Handler = (args: readonly PlainValue[], context: HandlerContext) => unknown;

/** Carries out one call with the machine's own values. */
export type MachineFunction = (args: readonly Value[], context: HandlerContext) => Value | Later | Promise<Value | Later>;

/** How a call was answered: its value, or why it failed. */
export type RecordedAnswer = { readonly value: Value } | { readonly failure: string };

/** Methods of a handler that counts what its run has used, such as tokens. Calls may overlap, so `call` is the number of the call. */
export interface UsageHooks {
  /** Counts the most that the call can use against the limits. Called when the call has been logged, in the order of the log. */
  reserve(args: readonly Value[], call: number, policy: Policy): void;
  /** Replaces what `reserve` counted by what the call has used. Called when the answer has been logged, even if an earlier process made the call. */
  settle(call: number, answer: RecordedAnswer): void;
  /** Counts what an earlier process may have used for the call. Called before this process makes it again or fails it. */
  mayHaveBeenMade(call: number): void;
}

/** A handler that takes and returns the machine's own values instead of plain data. */
export class MachineHandler {
  readonly run: MachineFunction;
  /** Defined if the handler counts what its run has used. */
  readonly usage: UsageHooks | undefined;
  constructor(run: MachineFunction, usage?: UsageHooks) {
    this.run = run;
    this.usage = usage;
  }
}

/** Marks a function as a handler that takes and returns the machine's own values instead of plain data. */
export function machineHandler(run: MachineFunction): MachineHandler {
  return new MachineHandler(run);
}

/** Handlers by capability name. */
export type Handlers = ReadonlyMap<string, Handler | MachineHandler>;

/** Maps each kind of failure of a handler to the trap that the program gets. `try` catches only `capability_failed`. */
export const FAILURE_TRAPS = {
  runtime_error: "capability_failed",
  denied: "capability_denied",
  unknown: "unknown_capability",
  host_fault: "host_fault",
  /** Nobody knows whether the call was carried out. */
  in_doubt: "capability_failed",
} as const;
/** The kind of a handler's failure. */
export type FailureKind = keyof typeof FAILURE_TRAPS;

/** Marks failures. It is a registered symbol, because a handler may load this class from another copy of the package than the gateway. */
const FAILURE_MARK = Symbol.for("boruna.CapabilityFailure");

/** A failure of a call, whose message goes into the log. `try` catches it if `FAILURE_TRAPS` maps its kind to `capability_failed`. */
export class CapabilityFailure extends Error {
  override readonly name: string = "CapabilityFailure";
  readonly kind: FailureKind;
  constructor(message: string, kind: FailureKind = "runtime_error") {
    super(message);
    this.kind = kind;
    Object.defineProperty(this, FAILURE_MARK, { value: true });
  }

  /** Whether this class or a subclass constructed `error`. Unlike `instanceof`, this check never runs code of the handler. */
  static isFailure(error: unknown): error is CapabilityFailure {
    if (typeof error !== "object" || error === null || isProxy(error)) return false;
    return Object.getOwnPropertyDescriptor(error, FAILURE_MARK)?.value === true;
  }
}

/** Thrown if the policy forbids something that only the handler can see, such as the target of a redirect. Ends the run: `try` does not catch it. */
export class CapabilityDenied extends CapabilityFailure {
  constructor(message: string) {
    super(message, "denied");
  }
}
