/** A call in progress: its state in the gateway, and the context that its handler gets. */
import type { AuditDecision } from "../policy/audit.ts";
import type { RequiredApproval } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { TraceHeaders } from "../telemetry/context.ts";
import type { CallCounters, CallTracing, RunMode, RunTracing } from "../telemetry/tracing.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import type { CapabilityDecl } from "../vm/capabilities.ts";
import type { CapabilityRequest } from "../vm/host.ts";
import type { Type } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import type { Approver, WaitingCall } from "./approval.ts";
import { sha256Hex } from "./digest.ts";
import type { DurableCalls } from "./durable-calls.ts";
import { CapabilityFailure, type Handler, type HandlerContext, type Handlers, LATER, type Later, type MachineHandler } from "./handlers.ts";
import type { LoggedCalls, LoggedPrefix } from "./logged-prefix.ts";
import type { CheckedValue } from "./open-calls.ts";
import type { RunObservers } from "./observers.ts";
import type { RunClock } from "./run-clock.ts";
import type { RunEvents } from "./run-events.ts";

export interface GatewayOptions {
  readonly policy: Policy;
  /** In an audit run, the policy that the caller gave. Its decisions are only reported. The run obeys `policy`, which `auditPolicy` made from it. */
  readonly audited: Policy | undefined;
  readonly handlers: Handlers;
  readonly mode: RunMode;
  /** Called only when a handler asks for its idempotency key. */
  readonly runId: () => string;
  /** The types of the program's module. */
  readonly types: readonly TypeDef[];
  readonly tracing: RunTracing | undefined;
  readonly clock: RunClock;
  readonly observers: RunObservers;
  readonly events: RunEvents;
  /** The part of the run that its log already has. Undefined unless the run is resumed. */
  readonly prefix: LoggedPrefix | undefined;
  /** What the log says about the run's calls. Undefined unless the run is resumed or replayed. */
  readonly logged: LoggedCalls | undefined;
  /** Decides about calls that need an approval. Undefined: such a call suspends the run. */
  readonly approve: Approver | undefined;
  /** Stores the answers of calls outside the process. Undefined: only the log has them. */
  readonly durable: DurableCalls | undefined;
  /** How many handlers may run at once. */
  readonly maxParallelCalls: number;
}

/** The call at which a run was suspended. Its `CapCall` is the last call of the log. */
export interface SuspendedCall extends WaitingCall {
  readonly waitsFor: "approval" | "answer";
  /** The public keys of those who may approve it. Empty: no signature is needed. */
  readonly keys: readonly string[];
}

/** The fields of a call that are known when it begins. */
type CallFacts = Pick<Call, "number" | "capability" | "request" | "args" | "resultType" | "span" | "isRepeated" | "handler">;

/**
 * A call in progress. It is a class, because V8 may allocate object literals of a hot code location directly in its old generation. What
 * such a call refers to would then stay in memory until a full garbage collection, and a traced run would take twice as long.
 */
export class Call {
  readonly number: number;
  readonly capability: CapabilityDecl;
  /** What the machine asked for: the capability, and the arguments that the program passed. */
  readonly request: CapabilityRequest;
  /** The arguments with their defaults filled in. */
  readonly args: readonly Value[];
  readonly resultType: Type;
  /** Whether the handler takes and returns plain data. Set when the handler is called. */
  isPlain = false;
  /** An answer that another process has already checked, see `CallContext.answer`. It replaces what the handler returns. */
  checked: CheckedValue | undefined = undefined;
  readonly span: CallTracing | undefined;
  /** Whether an earlier process made the call. This process then repeats it from the log, and reports no span and nothing to observers. */
  readonly isRepeated: boolean;
  /** Path of the policy rule that decided the call, and the reason of that decision. Undefined until the policy is asked. */
  rule: string | undefined = undefined;
  reason: string | undefined = undefined;
  /** What the audited policy would have decided. Undefined if this is no audit run, and until the policy is asked. */
  audit: AuditDecision | undefined = undefined;
  /** Number of calls still allowed after this one. Undefined without a budget, and before the budget is checked. */
  budgetRemaining: number | undefined = undefined;
  /** What the policy's rule says about an approval, if the call needs one. */
  approval: RequiredApproval | undefined = undefined;
  hasEnded = false;
  /** The capability's handler in this run. Undefined: the capability has none. */
  readonly handler: Handler | MachineHandler | undefined;
  /** Whether the call was made with `Gateway.open`, so that it may overlap with others. */
  isOpen = false;
  /** Whether the span has ended. The span of an open call ends when the answer arrives, even if the machine takes the answer later. */
  spanHasEnded = false;

  constructor({ number, capability, request, args, resultType, span, isRepeated, handler }: CallFacts) {
    this.number = number;
    this.capability = capability;
    this.request = request;
    this.args = args;
    this.resultType = resultType;
    this.span = span;
    this.isRepeated = isRepeated;
    this.handler = handler;
  }
}

/** The counters of a gateway. A debugger saves and restores them with a snapshot of the run. */
export interface GatewayState {
  readonly counters: CallCounters;
  /** How many calls of each capability its budget has paid for. */
  readonly budgetSpent: readonly (readonly [capability: string, calls: number])[];
}

/** The context of one call. It is a class, so that the idempotency key and the trace headers are computed only when a handler reads them. */
export class CallContext implements HandlerContext {
  readonly signal: AbortSignal;
  readonly remainingMs: number | undefined;
  readonly budgetRemaining: number | undefined;
  readonly callNumber: number;
  readonly onModel: HandlerContext["onModel"];
  readonly onProgress: HandlerContext["onProgress"];
  readonly policy: Policy;
  readonly #options: GatewayOptions;
  readonly #call: Call;
  #traceHeaders: TraceHeaders | undefined;

  constructor(options: GatewayOptions, call: Call) {
    const { number, budgetRemaining, span } = call;
    this.signal = options.clock.callSignal;
    this.remainingMs = options.clock.remainingMs();
    this.budgetRemaining = budgetRemaining;
    this.callNumber = number;
    this.policy = options.policy;
    this.#options = options;
    this.#call = call;
    if (options.observers.has("callProgress")) this.onProgress = (text) => notifyProgress(options.observers, call, text);
    if (span !== undefined) this.onModel = (model, provider) => span.setModel(model, provider);
  }

  /** Answers the call with a value that another process has checked. What the handler then returns is ignored. */
  static answer(context: HandlerContext, value: CheckedValue): void {
    if (context instanceof CallContext) context.#call.checked = value;
  }

  get traceparent(): string | undefined {
    return this.#headers().traceparent;
  }

  get tracestate(): string | undefined {
    return this.#headers().tracestate;
  }

  get baggage(): string | undefined {
    return this.#headers().baggage;
  }

  #headers(): TraceHeaders {
    this.#traceHeaders ??= this.#call.span?.headers() ?? {};
    return this.#traceHeaders;
  }

  failure(message: string): CapabilityFailure {
    return new CapabilityFailure(message);
  }

  later(): Later {
    return LATER;
  }

  get idempotencyKey(): string {
    return sha256Hex(`${this.#options.runId()}\n${this.callNumber}`);
  }
}

/** Notifies the observer unless the call has ended. A handler may be plain JavaScript, so `text` may be anything. */
function notifyProgress(observers: RunObservers, { number, capability, hasEnded }: Call, text: unknown): void {
  if (!hasEnded && typeof text === "string") observers.notify("callProgress", { call: number, capability: capability.name, text });
}
