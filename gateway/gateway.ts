/**
 * The gateway: every side effect of a program is one `Gateway.call`.
 *
 * It takes a `CapabilityRequest` of the machine and returns a `CapabilityAnswer`, or a promise of one if the handler is
 * asynchronous. The steps, in order:
 *
 * 1. Check the arguments against the capability's signature. A mismatch is a `type_error` and is not counted as a call.
 * 2. Number the call, fill in the default arguments, open its span, notify `callStart`.
 * 3. Authorize it: check that the function declares the capability, the policy allows the call, and the budget is not used up.
 * 4. Append `CapCall` to the log.
 * 5. If the policy asks for an approval, get the decision from the log or from the option `approve`, and append `Approval`. Without a
 *    decision, suspend the run. A refusal is a `CapError` of the kind `denied`.
 * 6. Run the handler inside the span. If it answers later, suspend the run.
 * 7. Check the answer against the result type and append `CapResult`, or append `CapError`.
 * 8. Close the span, notify `callEnd`, answer the machine.
 *
 * For example, `time.now()` under a budget of 1: the first call logs `CapCall {args: []}` and `CapResult
 * {result: 1700000000}`. The second call stops at step 3 with `capability_budget_exceeded`. It logs nothing, because a
 * replay reaches the same decision.
 *
 * Invariants: no handler runs before its `CapCall`, and the decision about it, are logged; the program sees no answer before that answer is logged;
 * every span that was opened is closed.
 */
import { isPromise } from "node:util/types";
import { budgetRule, Decisions, type RequiredApproval } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { CallCounters, CallSpanEnd, CallTracing, RunMode, RunTracing } from "../telemetry/tracing.ts";
import type { TraceHeaders } from "../telemetry/context.ts";
import { type CapabilityDecl, type CapabilitySignature, signatureFor, withDefaults } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, HostStop } from "../vm/host.ts";
import { typedText } from "../vm/value/display.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import { MapValue } from "../vm/value/map.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import { type Approval, type Approver, type Decision, decisionProblem, isDecision, type WaitingCall } from "./approval.ts";
import { checkAnswer } from "./answer.ts";
import { sha256Hex } from "./digest.ts";
import { cleanMessage, failureOf } from "./failure.ts";
import { flowSpanOf } from "./flow.ts";
import {
  CapabilityFailure,
  FAILURE_TRAPS,
  type FailureKind,
  type HandlerContext,
  type Handlers,
  isLater,
  LATER,
  type Later,
} from "./handlers.ts";
import { callHash } from "./call-hash.ts";
import type { CallEnd, RunObservers } from "./observers.ts";
import type { LoggedCalls, LoggedPrefix } from "./logged-prefix.ts";
import { plainAnswer, plainFromValue } from "./plain-values.ts";
import type { RunClock } from "./run-clock.ts";
import type { RunEvents } from "./run-events.ts";
import { utf8BytesOfStrings } from "./utf8-bytes.ts";

interface GatewayOptions {
  readonly policy: Policy;
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
  /** Defined if the run is resumed. */
  readonly prefix: LoggedPrefix | undefined;
  /** Defined if the run is resumed or replayed. */
  readonly logged: LoggedCalls | undefined;
  /** Decides about calls that need an approval. Undefined: such a call suspends the run. */
  readonly approve: Approver | undefined;
}

/** The call at which a run was suspended. Its `CapCall` is the last call of the log. */
export interface SuspendedCall extends WaitingCall {
  readonly waitsFor: "approval" | "answer";
  /** The public keys of those who may approve it. Empty: no signature is needed. */
  readonly keys: readonly string[];
}

/** A call in progress. */
interface Call {
  readonly number: number;
  readonly capability: CapabilityDecl;
  readonly request: CapabilityRequest;
  /** The arguments with their defaults filled in. */
  readonly args: readonly Value[];
  readonly resultType: Type;
  /** Whether the handler takes and returns plain data. Set when the handler is called. */
  isPlain: boolean;
  readonly span: CallTracing | undefined;
  /** Whether an earlier process made the call, so that this one only repeats it. */
  readonly isRepeated: boolean;
  /** Path of the policy rule that decided the call, and the reason of that decision. Undefined until the policy is asked. */
  rule: string | undefined;
  reason: string | undefined;
  /** Number of calls still allowed after this one. Undefined without a budget, and before the budget is checked. */
  budgetRemaining: number | undefined;
  hasEnded: boolean;
}

/** Answers all capability calls of one run. It is a class, so that V8 reuses the optimized methods across runs. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #clock: RunClock;
  readonly #counters = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
  /** Number of allowed calls so far, by capability name. */
  readonly #budgetSpent = new Map<string, number>();
  readonly #decisions: Decisions;
  readonly #observesStart: boolean;
  readonly #observesEnd: boolean;
  /** Whether calls wait for a slow collector. With a wall-clock limit they do not, because waiting could change the run's outcome. */
  readonly #waitsForCollector: boolean;
  #suspended: SuspendedCall | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#decisions = new Decisions(options.policy, options.types);
    this.#observesStart = options.observers.has("callStart");
    this.#observesEnd = options.observers.has("callEnd");
    this.#waitsForCollector = !options.clock.isLimited;
  }

  counters(): CallCounters {
    return { ...this.#counters };
  }

  /** The call at which the run was suspended. */
  get suspended(): SuspendedCall | undefined {
    return this.#suspended;
  }

  /** Answers one call. A failure of the program or the handler is an answer, not a rejection. Throws what the log throws. */
  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const collectorReady = this.#waitsForCollector && !this.#isRepeating() ? this.#options.tracing?.backpressure() : undefined;
    return collectorReady === undefined ? this.#start(request) : this.#startAfter(collectorReady, request);
  }

  /** Whether the run's next action is already in the log. */
  #isRepeating(): boolean {
    return this.#options.prefix?.isAhead === true;
  }

  /** Starts the call when the collector has room for another span. Makes no call if the run is stopped in the meantime. */
  async #startAfter(collectorReady: Promise<void>, request: CapabilityRequest): Promise<CapabilityAnswer> {
    await this.#unlessAborted(collectorReady);
    return this.#clock.signal.aborted ? { ok: false, ...this.#interruption() } : this.#start(request);
  }

  #start(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const { types, tracing, mode, observers } = this.#options;
    const { capability, args } = request;
    const signature = signatureFor(capability, args.length);
    const mismatch = capability.internal === true || !request.declared ? undefined : argumentMismatch(capability, signature, args, types);
    if (mismatch !== undefined) return { ok: false, trap: "type_error", message: mismatch };
    this.#counters.total += 1;
    const number = this.#counters.total;
    const filledArgs = signature === undefined ? args : withDefaults(signature, args);
    const isRepeated = this.#isRepeating();
    const flow = flowSpanOf(request.span);
    const span = (isRepeated ? undefined : tracing)?.startCall(
      {
        capability: capability.name,
        call: number,
        mode,
        known: this.#isKnown(capability),
        argumentCount: args.length,
        bytesIn: utf8BytesOfStrings(args),
        place: () => request.place(),
        model: capability.name === "llm.call" && typeof filledArgs[1] === "string" ? filledArgs[1] : undefined,
      },
      flow?.tracing,
    );
    if (this.#observesStart && !isRepeated)
      observers.notify("callStart", {
        call: number,
        capability: capability.name,
        args,
        parentId: flow?.id,
        place: () => request.place(),
      });
    return this.#authorize({
      number,
      capability,
      request,
      args: filledArgs,
      // If there is no signature, the call is undeclared, `#authorize` denies it, and this type is not used.
      resultType: signature?.result ?? UNIT_TYPE,
      isPlain: false,
      span,
      isRepeated,
      rule: undefined,
      reason: undefined,
      budgetRemaining: undefined,
      hasEnded: false,
    });
  }

  #authorize(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    const { request, capability, args } = call;
    if (!request.declared) return this.#deny(call, `the function does not declare the capability ${capability.name}`);
    const decision = this.#decisions.decide(capability, args);
    call.rule = decision.rule;
    call.reason = decision.reason;
    if (!decision.allowed) return this.#deny(call, decision.reason);
    const budget = decision.budget ?? 0;
    const count = (this.#budgetSpent.get(capability.name) ?? 0) + 1;
    if (budget > 0) call.budgetRemaining = Math.max(0, budget - count);
    if (budget > 0 && count > budget) return this.#exceedBudget(call, budget);
    this.#budgetSpent.set(capability.name, count);
    if (capability.internal === true) return this.#answerInternal(call);
    const stop = this.#append(call, { type: "CapCall", capability: capability.name, args: request.args });
    if (stop !== undefined) return this.#stop(call, stop);
    return decision.approval === undefined ? this.#dispatch(call) : this.#awaitApproval(call, decision.approval);
  }

  /** Gets the decision about a call whose `CapCall` is logged. Suspends the run if there is none. */
  #awaitApproval(call: Call, required: RequiredApproval): CapabilityAnswer | Promise<CapabilityAnswer> {
    const { logged, approve, runId } = this.#options;
    const { rule, keys } = required;
    const recorded = logged?.approval(call.number);
    if (recorded !== undefined) return this.#applyRecorded(call, required, recorded);
    if (approve === undefined) return this.#suspend(call, "approval", keys);
    const { request } = call;
    let given: unknown;
    try {
      given = approve({
        ...this.#waiting(call),
        runId: runId(),
        rule,
        keys,
        signal: this.#clock.signal,
        place: () => request.place(),
      });
    } catch (error) {
      return this.#fail(call, "host_fault", "the option approve failed", error);
    }
    return isPromise(given) ? this.#settleApproval(call, required, given) : this.#applyGiven(call, required, given);
  }

  async #settleApproval(call: Call, required: RequiredApproval, promise: Promise<unknown>): Promise<CapabilityAnswer> {
    const outcome = await this.#unlessAborted(outcomeOf(promise));
    if (outcome === undefined) return this.#stop(call, this.#interruption());
    return outcome.ok
      ? this.#applyGiven(call, required, outcome.value)
      : this.#fail(call, "host_fault", "the option approve failed", outcome.error);
  }

  /** Applies what the option `approve` returned. */
  #applyGiven(call: Call, required: RequiredApproval, given: unknown): CapabilityAnswer | Promise<CapabilityAnswer> {
    if (given === undefined) return this.#suspend(call, "approval", required.keys);
    if (!isDecision(given)) return this.#fail(call, "host_fault", "the option approve returned something else than a decision");
    const event = this.#approvalEvent(call, given);
    const problem = decisionProblem(required.keys, { ...event, runId: this.#options.runId() }, event.signature);
    if (problem !== undefined) return this.#fail(call, "host_fault", `the decision of the option approve ${problem}`);
    return this.#applyApproval(call, required, event);
  }

  /** Applies a decision of the log. Throws `log.approval` if it does not count. */
  #applyRecorded(call: Call, required: RequiredApproval, recorded: Decision): CapabilityAnswer | Promise<CapabilityAnswer> {
    const event = this.#approvalEvent(call, recorded);
    const problem = decisionProblem(required.keys, { ...event, runId: this.#options.runId() }, event.signature);
    if (problem === undefined) return this.#applyApproval(call, required, event);
    call.span?.end({ errorKind: "runtime_error" });
    throw new BorunaError("log.approval", `the decision about call ${call.number} of ${call.capability.name} in the log ${problem}`, {
      hint: "It was made for another call or run, or by somebody else. Nothing was done.",
    });
  }

  #approvalEvent({ number, request }: Call, { decision, by, signature = "" }: Decision): Approval {
    return { type: "Approval", call: number, hash: callHash(request.capability.name, request.args), decision, by, signature };
  }

  #applyApproval(call: Call, { rule }: RequiredApproval, event: Approval): CapabilityAnswer | Promise<CapabilityAnswer> {
    const stop = this.#append(call, event);
    if (stop !== undefined) return this.#stop(call, stop);
    return event.decision === "approved" ? this.#dispatch(call) : this.#refuseApproval(call, rule, `${event.by} refused the call`);
  }

  #refuseApproval(call: Call, rule: string, message: string): CapabilityAnswer {
    call.rule = rule;
    call.reason = message;
    const stop = this.#append(call, { type: "CapError", capability: call.capability.name, kind: "denied", message });
    return stop === undefined ? this.#refuse(call, "denied", message) : this.#stop(call, stop);
  }

  #deny(call: Call, message: string): CapabilityAnswer {
    if (!this.#isKnown(call.capability)) this.#counters.unknown += 1;
    return this.#refuse(call, "denied", message);
  }

  /** Whether the machine or a handler serves the capability. */
  #isKnown({ name, internal }: CapabilityDecl): boolean {
    return internal === true || this.#options.handlers.has(name);
  }

  #exceedBudget(call: Call, budget: number): CapabilityAnswer {
    const { name } = call.capability;
    call.rule = budgetRule(name);
    return this.#refuse(call, "budget_exceeded", `${name} is over its budget of ${budget} ${budget === 1 ? "call" : "calls"}`);
  }

  #refuse(call: Call, outcome: "denied" | "budget_exceeded", message: string): CapabilityAnswer {
    const { rule } = call;
    const trap = `capability_${outcome}` as const;
    this.#counters[outcome] += 1;
    this.#end(call, outcome, undefined, message);
    return rule === undefined ? { ok: false, trap, message } : { ok: false, trap, message, rule };
  }

  /**
   * Answers a call of `emit`, `spawn` or `send`. They have no handler, because the machine carries them out and logs their events.
   * In every mode, their answer comes from the mock in the capability table.
   */
  #answerInternal(call: Call): CapabilityAnswer {
    this.#counters.dispatched += 1;
    const value = call.capability.mock?.(call.args) ?? UNIT;
    this.#end(call, "ok", value, undefined);
    return { ok: true, value };
  }

  #dispatch(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    const ownHandler = this.#options.handlers.get(call.capability.name);
    if (ownHandler === undefined) return this.#fail(call, "unknown", `nothing serves the capability ${call.capability.name} here`);
    this.#counters.dispatched += 1;
    // Undefined: the handler answers the call.
    const reply = this.#options.logged?.reply(call.number);
    if (reply !== undefined && "stop" in reply) return this.#stop(call, reply.stop);
    const handler = reply?.handler ?? ownHandler;
    const { args } = call;
    const context = new CallContext(this.#options, call);
    call.isPlain = typeof handler === "function";
    let answer: unknown;
    try {
      // The handler may change its list of arguments; the event keeps the original list.
      const run = (): unknown =>
        typeof handler === "function" ? handler(args.map(plainFromValue), context) : handler.run([...args], context);
      answer = call.span === undefined ? run() : call.span.run(run);
    } catch (error) {
      return this.#failWith(call, error);
    }
    return isPromise(answer) ? this.#settle(call, answer) : this.#succeed(call, answer);
  }

  async #settle(call: Call, promise: Promise<unknown>): Promise<CapabilityAnswer> {
    const outcome = await this.#unlessAborted(outcomeOf(promise));
    if (outcome === undefined) return this.#stop(call, this.#interruption());
    return outcome.ok ? this.#succeed(call, outcome.value) : this.#failWith(call, outcome.error);
  }

  #succeed(call: Call, answer: unknown): CapabilityAnswer {
    const { capability, resultType, isPlain } = call;
    if (isLater(answer)) return this.#suspend(call, "answer", []);
    const checked = (isPlain ? plainAnswer : checkAnswer)(answer, resultType, this.#options.types);
    if ("problem" in checked)
      return this.#fail(call, "host_fault", `the handler of ${capability.name} answered ${checked.problem}`, checked.cause);
    const { value } = checked;
    const stop = this.#append(call, { type: "CapResult", capability: capability.name, result: value });
    if (stop !== undefined) return this.#stop(call, stop);
    this.#end(call, "ok", value, undefined);
    return { ok: true, value };
  }

  /** Ends a call whose handler threw `error`. */
  #failWith(call: Call, error: unknown): CapabilityAnswer {
    // The handlers of a replay read the log, so they may throw an error of the log. From any other handler it is a plain failure.
    if (this.#options.mode === "replay" && isLogError(error)) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
    if (this.#clock.signal.aborted) return this.#stop(call, this.#interruption());
    const { kind, message } = failureOf(call.capability.name, error);
    return this.#fail(call, kind, message, error);
  }

  /** Ends a call that failed. `cause` is what the handler threw, or what is wrong with its answer. */
  #fail(call: Call, kind: FailureKind, text: string, cause?: unknown): CapabilityAnswer {
    const message = cleanMessage(text);
    const stop = this.#append(call, { type: "CapError", capability: call.capability.name, kind, message });
    if (stop !== undefined) return this.#stop(call, stop);
    const outcome = kind === "host_fault" || kind === "in_doubt" ? "runtime_error" : kind;
    this.#counters[outcome === "runtime_error" ? "failed" : outcome] += 1;
    this.#end(call, outcome, undefined, message, cause);
    return { ok: false, trap: FAILURE_TRAPS[kind], message, cause };
  }

  /** Ends the run at a call that has no answer yet. This is no failure, so the call's span is no error. */
  #suspend(call: Call, waitsFor: SuspendedCall["waitsFor"], keys: readonly string[]): CapabilityAnswer {
    const waiting = this.#waiting(call);
    this.#suspended = { ...waiting, waitsFor, keys };
    const message = `call ${waiting.call} of ${waiting.capability} (${waiting.hash}) waits for ${WAITS_FOR[waitsFor]}`;
    this.#end(call, "suspended", undefined, message);
    return { ok: false, trap: "suspended", message };
  }

  #waiting({ number, capability, request, args }: Call): WaitingCall {
    const { types } = this.#options;
    const params = signatureFor(capability, request.args.length)?.params ?? [];
    const texts = params.map(({ name, type }, i) => ({ name, text: typedText(args[i] ?? UNIT, type, types) }));
    return { call: number, capability: capability.name, args: texts, hash: callHash(capability.name, request.args) };
  }

  /** Ends a call because the run must stop. If the call was dispatched, the log contains the call without an answer. */
  #stop(call: Call, { trap, message }: HostStop): CapabilityAnswer {
    this.#counters.failed += 1;
    this.#end(call, "runtime_error", undefined, message);
    return { ok: false, trap, message };
  }

  /**
   * Appends an event of the call. Returns why the run must stop (for example, the log is full), or undefined. If the log throws, closes
   * the call's span and throws the same error, because the run ends.
   */
  #append(call: Call, event: RunEvent): HostStop | undefined {
    try {
      return this.#options.events.append(event);
    } catch (error) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
  }

  /** Closes the span and notifies the observers. At most one of `result` and `message` is defined. */
  #end(call: Call, outcome: CallEnd["outcome"], result: Value | undefined, message: string | undefined, cause?: unknown): void {
    const { number, capability, span, rule, reason } = call;
    call.hasEnded = true;
    const budgetRemaining = outcome === "denied" ? undefined : call.budgetRemaining;
    span?.end({
      errorKind: outcome === "ok" || outcome === "suspended" ? undefined : outcome,
      isSuspended: outcome === "suspended" ? true : undefined,
      bytesOut: result === undefined ? undefined : utf8BytesOfStrings([result]),
      ...modelFacts(capability, result),
      budgetRemaining,
    });
    if (!this.#observesEnd || call.isRepeated) return;
    const end: CallEnd = { call: number, capability: capability.name, outcome, result, message, rule, reason, budgetRemaining };
    this.#options.observers.notify("callEnd", cause === undefined ? end : Object.defineProperty(end, "cause", { value: cause }));
  }

  #interruption(): HostStop {
    return this.#clock.signal.reason === "timeout"
      ? { trap: "timeout", message: "wall-clock execution limit exceeded" }
      : { trap: "canceled", message: "the run was canceled" };
  }

  /** Resolves to the result of `work`, or to undefined as soon as the run must stop. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T | undefined> {
    let abort = (): void => undefined;
    const aborted = new Promise<undefined>((resolve) => {
      abort = () => resolve(undefined);
    });
    const { signal } = this.#clock;
    // One signal serves all calls of the run, so each call removes its own listener.
    signal.addEventListener("abort", abort, { once: true });
    const outcome = signal.aborted ? undefined : await Promise.race([work, aborted]);
    signal.removeEventListener("abort", abort);
    return outcome;
  }
}

/** The context of one call. It is a class, so that the idempotency key and the trace headers are computed only when a handler reads them. */
class CallContext implements HandlerContext {
  readonly signal: AbortSignal;
  readonly remainingMs: number | undefined;
  readonly budgetRemaining: number | undefined;
  readonly callNumber: number;
  readonly onModel: HandlerContext["onModel"];
  readonly onProgress: HandlerContext["onProgress"];
  readonly policy: Policy;
  readonly #options: GatewayOptions;
  readonly #span: CallTracing | undefined;
  #traceHeaders: TraceHeaders | undefined;

  constructor(options: GatewayOptions, call: Call) {
    const { number, budgetRemaining, span } = call;
    this.signal = options.clock.signal;
    this.remainingMs = options.clock.remainingMs();
    this.budgetRemaining = budgetRemaining;
    this.callNumber = number;
    this.policy = options.policy;
    this.#options = options;
    this.#span = span;
    if (options.observers.has("callProgress")) this.onProgress = (text) => notifyProgress(options.observers, call, text);
    if (span !== undefined) this.onModel = (model, provider) => span.setModel(model, provider);
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
    this.#traceHeaders ??= this.#span?.headers() ?? {};
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

/** Completes the sentence "the call waits for …". */
const WAITS_FOR: Readonly<Record<SuspendedCall["waitsFor"], string>> = {
  approval: "an approval",
  answer: "its answer",
};

const UNIT_TYPE: Type = { kind: "primitive", name: "Unit" };

type PromiseOutcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** Waits for the promise. Never rejects or throws: `await` also catches what the promise's own `then` or `constructor` throws. */
async function outcomeOf(promise: Promise<unknown>): Promise<PromiseOutcome> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Whether the error means that the log could not be read or written, or that Boruna has a bug. */
function isLogError(error: unknown): boolean {
  return error instanceof BorunaError && (error.kind.startsWith("log.") || error.kind === "internal");
}

function argumentMismatch(
  capability: CapabilityDecl,
  signature: CapabilitySignature | undefined,
  args: readonly Value[],
  types: readonly TypeDef[],
): string | undefined {
  if (signature === undefined) return `${capability.name} does not take ${args.length} arguments: ${capability.call}`;
  for (const [i, arg] of args.entries()) {
    const param = signature.params[i];
    if (param !== undefined && !matchesType(arg, param.type, types))
      return `${capability.name}: the argument ${param.name} must be ${typeToString(param.type)}`;
  }
  return undefined;
}

/**
 * Returns what the answer of an `llm.call` says about model and tokens, for its span. Empty for other capabilities. If both
 * counts in the answer are 0, the endpoint did not report them; they are returned as undefined.
 */
function modelFacts(
  capability: CapabilityDecl,
  result: Value | undefined,
): Pick<CallSpanEnd, "inputTokens" | "outputTokens" | "responseModel"> {
  if (capability.name !== "llm.call" || !(result instanceof MapValue)) return {};
  const model = result.get("model");
  const usage = result.get("usage");
  const count = (name: string): number | undefined => {
    const tokens = usage instanceof MapValue ? usage.get(name) : undefined;
    return typeof tokens === "number" ? tokens : undefined;
  };
  const inputTokens = count("input_tokens");
  const outputTokens = count("output_tokens");
  const isReported = inputTokens !== 0 || outputTokens !== 0;
  return {
    inputTokens: isReported ? inputTokens : undefined,
    outputTokens: isReported ? outputTokens : undefined,
    responseModel: typeof model === "string" ? model : undefined,
  };
}
