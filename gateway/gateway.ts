/**
 * The one door: every side effect of a program is a call of `Gateway.call`, which asks the policy, counts the
 * budget, writes the log and runs the handler, in that order, inside the call's span.
 */
import { isPromise } from "node:util/types";
import { budgetRule, type Decision, Decisions } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { CallCounters, CallErrorKind, CallSpanEnd, CallTracing, RunMode, RunTracing } from "../telemetry/tracing.ts";
import { type CapabilityDecl, type CapabilitySignature, signatureFor } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, HostStop } from "../vm/host.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import type { CallPlace, TypeDef } from "../vm/bytecode/module.ts";
import type { TrapKind } from "../vm/outcome.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import { MapValue } from "../vm/value/map.ts";
import type { Value } from "../vm/value/value.ts";
import { checkAnswer } from "./answer.ts";
import { stringBytes } from "./string-bytes.ts";
import { sha256Hex } from "./digest.ts";
import { cleanMessage, failureOf } from "./failure.ts";
import { FAILURE_TRAPS, type FailureKind, type HandlerContext, type Handlers } from "./handlers.ts";

/** Takes the events of a run, in order, each before the machine goes on. May throw `BorunaError` `log.*`. */
export interface EventSink {
  append(event: RunEvent): HostStop | undefined;
}

export interface CallStart {
  readonly call: number;
  readonly capability: string;
  readonly args: readonly Value[];
  /** Where in the program, computed when asked for; with its `caller` only while the observer runs. */
  place(): CallPlace;
}
export interface CallEnd {
  readonly call: number;
  readonly capability: string;
  readonly outcome: "ok" | CallErrorKind;
  readonly result?: Value;
  readonly message?: string;
  /** The policy's rule and its reason, when it was asked. */
  readonly rule?: string;
  readonly reason?: string;
  readonly budgetRemaining?: number;
  /** What the handler threw. Not enumerable, so that JSON made of this does not have it. */
  readonly cause?: unknown;
}

export interface ObserverEvents {
  readonly runStart: { readonly runId: string; readonly program: string };
  readonly runEnd: { readonly runId: string; readonly outcome: string; readonly steps: number };
  readonly callStart: CallStart;
  readonly callEnd: CallEnd;
  readonly eventAppended: RunEvent;
}
/** All are optional; values are read-only. One that throws is reported once and never changes the run. */
export type Observers = { readonly [K in keyof ObserverEvents]?: (info: ObserverEvents[K]) => void };

export interface GatewayOptions {
  readonly policy: Policy;
  readonly handlers: Handlers;
  readonly mode: RunMode;
  readonly runId: string;
  readonly types: readonly TypeDef[];
  readonly tracing: RunTracing | undefined;
  /** Aborted when the run is to stop; its reason is the trap. */
  readonly signal: AbortSignal;
  /** Waiting for room in the queue of spans is allowed: the run has no wall-clock limit, whose outcome that could change. */
  readonly mayWait: boolean;
  readonly run: SurroundingRun;
}

/** What a gateway asks of the run that it belongs to. */
export interface SurroundingRun {
  /** Appends to the log and tells the observers. */
  append(event: RunEvent): HostStop | undefined;
  /** Of the wall-clock limit; undefined without one. */
  remainingMs(): number | undefined;
  observes(name: keyof ObserverEvents): boolean;
  notify<K extends keyof ObserverEvents>(name: K, info: ObserverEvents[K]): void;
}

/** A call under way: what its end needs. */
interface Call {
  readonly number: number;
  readonly capability: CapabilityDecl;
  readonly span: CallTracing | undefined;
  /** Known once the budget has been counted. */
  budgetRemaining: number | undefined;
  /** Known once the policy has been asked. */
  decision: Decision | undefined;
  readonly resultType: Type;
}

/** A class, since its key is computed only for the handlers that ask for it. */
class CallContext implements HandlerContext {
  readonly signal: AbortSignal;
  readonly remainingMs?: number;
  readonly budgetRemaining?: number;
  readonly callNumber: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
  readonly onModel?: (model: string) => void;
  readonly policy: Policy;
  readonly #options: GatewayOptions;

  constructor(options: GatewayOptions, call: Call, remainingMs: number | undefined) {
    this.signal = options.signal;
    this.callNumber = call.number;
    this.policy = options.policy;
    this.#options = options;
    if (remainingMs !== undefined) this.remainingMs = remainingMs;
    if (call.budgetRemaining !== undefined) this.budgetRemaining = call.budgetRemaining;
    const { span } = call;
    if (span === undefined) return;
    const { traceparent, tracestate, baggage } = span.headers();
    if (traceparent !== undefined) this.traceparent = traceparent;
    if (tracestate !== undefined) this.tracestate = tracestate;
    if (baggage !== undefined) this.baggage = baggage;
    this.onModel = (model) => span.setModel(model);
  }

  get idempotencyKey(): string {
    return sha256Hex(`${this.#options.runId}\n${this.callNumber}`);
  }
}

/** A class: what the host's compiler has learned of its methods serves the next run too; of functions made anew for each run it does not. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #run: SurroundingRun;
  readonly #counters = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
  /** Calls counted against the budgets. */
  readonly #used = new Map<string, number>();
  readonly #decisions: Decisions;
  readonly #startObserved: boolean;
  readonly #endObserved: boolean;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#run = options.run;
    this.#decisions = new Decisions(options.policy);
    this.#startObserved = options.run.observes("callStart");
    this.#endObserved = options.run.observes("callEnd");
  }

  counters(): CallCounters {
    return { ...this.#counters };
  }

  /** Closes the call's span and tells the observers. */
  #end(call: Call, outcome: "ok" | CallErrorKind, { cause, ...more }: Omit<CallEnd, "call" | "capability" | "outcome">): void {
    if (call.span !== undefined) {
      const span: CallSpanEnd = {
        ...(outcome === "ok" ? {} : { errorKind: outcome }),
        ...(more.result === undefined ? {} : { bytesOut: stringBytes([more.result]), ...tokensOf(call.capability, more.result) }),
        ...(more.budgetRemaining === undefined ? {} : { budgetRemaining: more.budgetRemaining }),
      };
      call.span.end(span);
    }
    if (!this.#endObserved) return;
    const { decision } = call;
    const why = decision === undefined ? undefined : { rule: decision.rule, reason: decision.reason };
    const end: CallEnd = { call: call.number, capability: call.capability.name, outcome, ...why, ...more };
    this.#run.notify("callEnd", cause === undefined ? end : Object.defineProperty(end, "cause", { value: cause }));
  }

  #refuse(
    call: Call,
    outcome: "denied" | "budget_exceeded",
    message: string,
    rule: string | undefined,
    reason: string | undefined,
  ): CapabilityAnswer {
    this.#counters[outcome] += 1;
    const trap: TrapKind = outcome === "denied" ? "capability_denied" : "capability_budget_exceeded";
    const named = { ...(rule === undefined ? {} : { rule }), ...(reason === undefined ? {} : { reason }) };
    this.#end(call, outcome, { message, ...named, ...(outcome === "budget_exceeded" ? { budgetRemaining: 0 } : {}) });
    return { ok: false, trap, message, ...(rule === undefined ? {} : { rule }) };
  }

  #stopped(call: Call, stop: HostStop): CapabilityAnswer {
    this.#counters.failed += 1;
    this.#end(call, "runtime_error", { message: stop.message, ...remaining(call) });
    return { ok: false, trap: stop.trap, message: stop.message };
  }

  /** The log may throw: then the run is over, and the call with it. */
  #append(call: Call, event: RunEvent): HostStop | undefined {
    try {
      return this.#run.append(event);
    } catch (error) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
  }

  /** `cause` is what the handler threw. */
  #fail(call: Call, kind: FailureKind, text: string, cause?: unknown): CapabilityAnswer {
    const message = cleanMessage(text);
    const stop = this.#append(call, { type: "CapError", capability: call.capability.name, kind, message });
    if (stop !== undefined) return this.#stopped(call, stop);
    this.#counters[kind === "runtime_error" ? "failed" : kind] += 1;
    this.#end(call, kind, { message, cause, ...(kind === "denied" ? {} : remaining(call)) });
    return { ok: false, trap: FAILURE_TRAPS[kind], message, ...(cause === undefined ? {} : { cause }) };
  }

  #succeed(call: Call, given: unknown): CapabilityAnswer {
    const { capability, resultType } = call;
    const answer = checkAnswer(given, resultType, this.#options.types);
    if ("problem" in answer) return this.#fail(call, "runtime_error", `the handler of ${capability.name} answered ${answer.problem}`);
    const { value } = answer;
    const stop = this.#append(call, { type: "CapResult", capability: capability.name, result: value });
    if (stop !== undefined) return this.#stopped(call, stop);
    this.#end(call, "ok", { result: value, ...remaining(call) });
    return { ok: true, value };
  }

  #failedWith(call: Call, error: unknown): CapabilityAnswer {
    // A replay's handlers read the log; any other handler is not believed when it throws such an error.
    if (this.#options.mode === "replay" && isLogError(error)) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
    if (this.#options.signal.aborted) return this.#interrupted(call);
    const { kind, message } = failureOf(call.capability.name, error);
    return this.#fail(call, kind, message, error);
  }

  /** The answer never came: the log keeps the call without a result. */
  #interrupted(call: Call): CapabilityAnswer {
    return this.#stopped(call, this.#interruption());
  }

  #interruption(): HostStop {
    return this.#options.signal.reason === "timeout"
      ? { trap: "timeout", message: "wall-clock execution limit exceeded" }
      : { trap: "canceled", message: "the run was canceled" };
  }

  /** What the work gives, or undefined as soon as the run is to stop. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T | undefined> {
    let abort = (): void => undefined;
    const aborted = new Promise<undefined>((resolve) => {
      abort = () => resolve(undefined);
    });
    const { signal } = this.#options;
    // One signal serves the whole run, so what a call adds to it is taken away again.
    signal.addEventListener("abort", abort, { once: true });
    const outcome = signal.aborted ? undefined : await Promise.race([work, aborted]);
    signal.removeEventListener("abort", abort);
    return outcome;
  }

  async #settle(call: Call, pending: Promise<unknown>): Promise<CapabilityAnswer> {
    const outcome = await this.#unlessAborted(settledOf(pending));
    if (outcome === undefined) return this.#interrupted(call);
    return outcome.ok ? this.#succeed(call, outcome.value) : this.#failedWith(call, outcome.error);
  }

  #dispatch(call: Call, args: readonly Value[]): CapabilityAnswer | Promise<CapabilityAnswer> {
    const handler = this.#options.handlers.get(call.capability.name);
    if (handler === undefined) return this.#fail(call, "unknown", `nothing serves the capability ${call.capability.name} here`);
    this.#counters.dispatched += 1;
    const remainingMs = this.#run.remainingMs();
    const context = new CallContext(this.#options, call, remainingMs);
    let result: unknown;
    try {
      // A copy: the event has the other.
      const run = (): unknown => handler([...args], context);
      result = call.span === undefined ? run() : call.span.run(run);
    } catch (error) {
      return this.#failedWith(call, error);
    }
    return isPromise(result) ? this.#settle(call, result) : this.#succeed(call, result);
  }

  #decided(request: CapabilityRequest, call: Call, full: readonly Value[]): CapabilityAnswer | Promise<CapabilityAnswer> {
    const { capability } = request;
    const known = capability.internal === true || this.#options.handlers.has(capability.name);
    if (!request.declared) {
      if (!known) this.#counters.unknown += 1;
      return this.#refuse(call, "denied", `the function does not declare the capability ${capability.name}`, undefined, undefined);
    }
    const decision = this.#decisions.of(capability, full);
    call.decision = decision;
    if (!decision.allowed) {
      if (!known) this.#counters.unknown += 1;
      return this.#refuse(call, "denied", decision.reason, decision.rule, decision.reason);
    }
    const budget = decision.budget ?? 0;
    const count = (this.#used.get(capability.name) ?? 0) + 1;
    if (budget > 0) call.budgetRemaining = Math.max(0, budget - count);
    if (budget > 0 && count > budget) {
      return this.#refuse(
        call,
        "budget_exceeded",
        `${capability.name} is over its budget of ${budget} ${budget === 1 ? "call" : "calls"}`,
        budgetRule(capability.name),
        decision.reason,
      );
    }
    this.#used.set(capability.name, count);
    if (capability.internal === true) {
      this.#counters.dispatched += 1;
      const value = capability.mock(full);
      this.#end(call, "ok", { result: value, ...remaining(call) });
      return { ok: true, value };
    }
    const stop = this.#append(call, { type: "CapCall", capability: capability.name, args: request.args });
    return stop === undefined ? this.#dispatch(call, full) : this.#stopped(call, stop);
  }

  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const room = this.#options.mayWait ? this.#options.tracing?.backpressure() : undefined;
    return room === undefined ? this.#perform(request) : this.#performAfter(room, request);
  }

  /** A run that is stopped meanwhile does not make the call. */
  async #performAfter(room: Promise<void>, request: CapabilityRequest): Promise<CapabilityAnswer> {
    await this.#unlessAborted(room);
    return this.#options.signal.aborted ? { ok: false, ...this.#interruption() } : this.#perform(request);
  }

  #perform(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const { types, tracing, mode } = this.#options;
    const { capability, args } = request;
    const signature = signatureFor(capability, args.length);
    const wrong = capability.internal === true || !request.declared ? undefined : argumentProblem(capability, signature, args, types);
    if (wrong !== undefined) return { ok: false, trap: "type_error", message: wrong };
    this.#counters.total += 1;
    const number = this.#counters.total;
    const full =
      signature === undefined || signature.params.length === args.length
        ? args
        : signature.params.map((p, i) => args[i] ?? p.default ?? false);
    const model = capability.name === "llm.call" && typeof full[1] === "string" ? full[1] : undefined;
    const span = tracing?.startCall({
      capability: capability.name,
      call: number,
      mode,
      bytesIn: stringBytes(args),
      place: () => request.place(),
      ...(model === undefined ? {} : { model }),
    });
    if (this.#startObserved)
      this.#run.notify("callStart", { call: number, capability: capability.name, args, place: () => request.place() });
    return this.#decided(
      request,
      {
        number,
        capability,
        span,
        budgetRemaining: undefined,
        decision: undefined,
        // One without a signature is refused before anything answers.
        resultType: signature?.result ?? UNIT_TYPE,
      },
      full,
    );
  }
}

const UNIT_TYPE: Type = { kind: "primitive", name: "Unit" };

type Settled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** `await` alone takes a promise whose own `then` or `constructor` throws without throwing itself. Never rejects. */
async function settledOf(pending: Promise<unknown>): Promise<Settled> {
  try {
    return { ok: true, value: await pending };
  } catch (error) {
    return { ok: false, error };
  }
}

function remaining(call: Call): { budgetRemaining?: number } {
  return call.budgetRemaining === undefined ? {} : { budgetRemaining: call.budgetRemaining };
}

/** A log that cannot be read or written, and faults of ours, are no failures of a capability. */
function isLogError(error: unknown): boolean {
  return error instanceof BorunaError && (error.kind.startsWith("log.") || error.kind === "internal");
}

function argumentProblem(
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

/** Token counts of a model's answer, for the span. */
function tokensOf(capability: CapabilityDecl, result: Value): { inputTokens?: number; outputTokens?: number } {
  if (capability.name !== "llm.call" || !(result instanceof MapValue)) return {};
  const usage = result.get("usage");
  if (!(usage instanceof MapValue)) return {};
  const input = usage.get("input_tokens");
  const output = usage.get("output_tokens");
  return { ...(typeof input === "number" ? { inputTokens: input } : {}), ...(typeof output === "number" ? { outputTokens: output } : {}) };
}
