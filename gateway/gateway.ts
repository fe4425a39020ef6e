/**
 * The gateway: every side effect of a program is one `Gateway.call`, or one `Gateway.open` if it may overlap with others.
 *
 * `call` takes a `CapabilityRequest` of the machine and returns a `CapabilityAnswer`, or a promise of one if the handler is
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
 * For example, `time.now()` under a budget of 1: the first call logs `CapCall {args: []}` and `CapResult {result: 1700000000}`. The second
 * call stops at step 3 with `capability_budget_exceeded`. It logs nothing, because a replay reaches the same decision.
 *
 * `open` does steps 1 to 4 and returns an `OpenCall`. The handler then runs beside others (`OpenCalls`), and its answer is held back. The
 * machine takes the answers in the order of the calls: `OpenCall.answer` does steps 7 and 8. If an approval is needed, `OpenCall.answer`
 * does steps 5 and 6 too, because the position of the decision in the log must not depend on time.
 *
 * Invariants:
 * - The log has a call, and the decision about it, before the handler runs.
 * - The log has an answer before the program sees it.
 * - Every span that was opened is closed.
 */
import { AuditDecisions } from "../policy/audit.ts";
import { budgetRule, Decisions, type RequiredApproval } from "../policy/decide.ts";
import type { CallCounters } from "../telemetry/tracing.ts";
import { type CapabilityDecl, type CapabilitySignature, signatureFor, withDefaults } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, HostStop, OpenCall } from "../vm/host.ts";
import { typedText } from "../vm/value/display.ts";
import type { Type } from "../vm/value/type.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import { type Approval, type Decision, decisionProblem, isDecision, type WaitingCall } from "./approval.ts";
import { checkAnswer } from "./answer.ts";
import { Call, CallContext, type GatewayOptions, type GatewayState, type SuspendedCall } from "./call.ts";
import { argumentMismatch, modelFacts } from "./call-facts.ts";
import { callHash } from "./call-hash.ts";
import { cleanMessage, failureOf, isLogError, outcomeOf, outcomeOfFailure } from "./failure.ts";
import { flowSpanOf } from "./flow.ts";
import { FAILURE_TRAPS, type FailureKind, type Handler, isLater, MachineHandler, type UsageHooks } from "./handlers.ts";
import type { CallEnd } from "./observers.ts";
import { type Arrival, OpenCalls } from "./open-calls.ts";
import { plainAnswer, plainFromValue } from "./plain-values.ts";
import { isPromise } from "./platform.ts";
import type { RunClock } from "./run-clock.ts";
import { utf8BytesOfStrings } from "./utf8-bytes.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Answers all capability calls of one run. It is a class, so that V8 reuses the optimized methods across runs. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #clock: RunClock;
  readonly #counters = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
  /** Number of allowed calls so far, by capability name. */
  readonly #budgetSpent = new Map<string, number>();
  readonly #decisions: Decisions;
  /** Decides as the audited policy would. Undefined unless this is an audit run. */
  readonly #audit: AuditDecisions | undefined;
  readonly #observesStart: boolean;
  readonly #observesEnd: boolean;
  /** Whether calls wait for a slow collector. With a wall-clock limit they do not, because waiting could change the run's outcome. */
  readonly #waitsForCollector: boolean;
  /** The calls whose handlers may run side by side. */
  readonly #openCalls: OpenCalls<Call>;
  #suspended: readonly SuspendedCall[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#decisions = new Decisions(options.policy, options.types);
    this.#audit = options.audited === undefined ? undefined : new AuditDecisions(options.audited, options.types);
    this.#observesStart = options.observers.has("callStart");
    this.#observesEnd = options.observers.has("callEnd");
    this.#waitsForCollector = !options.clock.isLimited;
    this.#openCalls = new OpenCalls<Call>(options.maxParallelCalls, {
      run: (call) => this.#handle(call),
      mayStart: () => options.prefix?.isPastLog !== false,
    });
  }

  counters(): CallCounters {
    return { ...this.#counters };
  }

  /** Returns what `restore` needs. Open calls are not in it. */
  state(): GatewayState {
    return { counters: this.counters(), budgetSpent: [...this.#budgetSpent] };
  }

  /** Sets the gateway back to an earlier `state` of the same run. Then call `reopen` for each call that was open at that time, oldest first. */
  restore({ counters, budgetSpent }: GatewayState): void {
    Object.assign(this.#counters, counters);
    for (const [capability, count] of budgetSpent) this.#budgetSpent.set(capability, count);
  }

  /** Makes a call open again, after `restore`. Neither counts it against the budget nor logs it again. */
  reopen(request: CapabilityRequest, number: number): OpenCall {
    const call = this.#newCall(request, signatureFor(request.capability, request.args.length), number);
    const decision = this.#decisions.decide(call.capability, call.args);
    call.rule = decision.rule;
    call.reason = decision.reason;
    call.approval = decision.approval;
    return this.#addOpen(call);
  }

  /** The call at which the run was suspended, then the other open calls whose handlers answer later. Empty if the run was not suspended. */
  get suspended(): readonly SuspendedCall[] {
    return this.#suspended;
  }

  /** Answers one call. A failure of the program or the handler is an answer, not a rejection. Throws only errors of the log. */
  call(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const collectorReady = this.#collectorReady();
    return collectorReady === undefined ? this.#callNow(request) : this.#callAfter(collectorReady, request);
  }

  #callNow(request: CapabilityRequest): CapabilityAnswer | Promise<CapabilityAnswer> {
    const begun = this.#begin(request);
    return "ok" in begun ? begun : this.#answer(begun);
  }

  /** Makes the call when the collector has room for another span. Makes no call if the run is stopped in the meantime. */
  async #callAfter(collectorReady: Promise<void>, request: CapabilityRequest): Promise<CapabilityAnswer> {
    await unlessAborted(collectorReady, this.#clock.signal);
    return this.#clock.signal.aborted ? { ok: false, ...this.#interruption() } : this.#callNow(request);
  }

  /** Begins a call that may overlap with others. Returns a `CapabilityAnswer` only if the call ends here, for example if the policy refuses it. */
  open(request: CapabilityRequest): CapabilityAnswer | OpenCall {
    const begun = this.#begin(request);
    return "ok" in begun ? begun : this.#addOpen(begun);
  }

  #addOpen(call: Call): OpenCall {
    call.isOpen = true;
    this.#openCalls.add(call, this.#startsWhenTaken(call));
    return { answer: () => this.#take(call) };
  }

  /** Returns the answer of the earliest open call to the machine, and logs it. */
  #take(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    const collectorReady = this.#collectorReady();
    return collectorReady === undefined ? this.#takeNow(call) : this.#takeAfter(collectorReady, call);
  }

  async #takeAfter(collectorReady: Promise<void>, call: Call): Promise<CapabilityAnswer> {
    await unlessAborted(collectorReady, this.#clock.signal);
    return this.#takeNow(call);
  }

  #takeNow(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    if (this.#startsWhenTaken(call)) return this.#startAndTake(call);
    const arrival = this.#openCalls.arrival(call);
    if (arrival instanceof Promise)
      return unlessAborted(arrival, this.#clock.signal).then((arrived) =>
        this.#takeArrived(call, arrived ?? { stop: this.#interruption() }),
      );
    return this.#takeArrived(call, arrival);
  }

  #takeArrived(call: Call, arrival: Arrival): CapabilityAnswer | Promise<CapabilityAnswer> {
    const answer = this.#conclude(call, arrival);
    // Remove the call only now, when the log has its answer.
    this.#openCalls.remove(call);
    return answer;
  }

  /** Does steps 5 to 8 for the earliest open call, whose handler has not started (see `#startsWhenTaken`). */
  #startAndTake(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    const answer = this.#answer(call);
    if (!(answer instanceof Promise)) {
      this.#openCalls.remove(call);
      return answer;
    }
    return answer.then((later) => {
      this.#openCalls.remove(call);
      return later;
    });
  }

  /** Whether the handler starts only when the machine takes the answer: the log has the answer, or a person must decide first. */
  #startsWhenTaken(call: Call): boolean {
    return call.approval !== undefined || this.#options.logged?.answersCall(call.number) === true;
  }

  /** Must be called when the run has ended. Aborts the running handlers, waits a bounded time for them, and ends every open call. */
  end(isSuspended: boolean): Promise<unknown> | undefined {
    const { open, running } = this.#openCalls.end();
    for (const call of open) {
      if (!isSuspended) this.#counters.failed += 1;
      this.#end(call, isSuspended ? "suspended" : "runtime_error", undefined, isSuspended ? undefined : "the run ended before the answer");
    }
    this.#clock.end();
    return running;
  }

  /** Whether the run's next action is already in the log. */
  #isRepeating(): boolean {
    return this.#options.prefix?.isRepeating === true;
  }

  /** Settles when the collector has room for another span. Undefined if it has room, or if calls do not wait for it. */
  #collectorReady(): Promise<void> | undefined {
    return this.#waitsForCollector && !this.#isRepeating() ? this.#options.tracing?.backpressure() : undefined;
  }

  /** Does steps 1 to 4 of a call (see the top of this file). Returns the answer instead of the call if the call ends here. */
  #begin(request: CapabilityRequest): CapabilityAnswer | Call {
    const { capability, args } = request;
    const signature = signatureFor(capability, args.length);
    const isChecked = capability.internal !== true && request.declared;
    const mismatch = isChecked ? argumentMismatch(capability, signature, args, this.#options.types) : undefined;
    if (mismatch !== undefined) return { ok: false, trap: "type_error", message: mismatch };
    this.#counters.total += 1;
    const call = this.#newCall(request, signature, this.#counters.total);
    return this.#authorize(call) ?? call;
  }

  /** Opens the span of a call and tells the observers. */
  #newCall(request: CapabilityRequest, signature: CapabilitySignature | undefined, number: number): Call {
    const { tracing, mode, observers, durable } = this.#options;
    const { capability, args } = request;
    const filledArgs = signature === undefined ? args : withDefaults(signature, args);
    const isRepeated = this.#isRepeating() || durable?.isKept(number) === true;
    const flow = flowSpanOf(request.span);
    const span = (isRepeated || tracing?.isIdle?.() === true ? undefined : tracing)?.startCall(
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
    // If there is no signature, the call is undeclared, `#authorize` denies it, and this type is not used.
    const resultType = signature?.result ?? UNIT_TYPE;
    const handler = this.#options.handlers.get(capability.name);
    return new Call({ number, capability, request, args: filledArgs, resultType, span, isRepeated, handler });
  }

  /** Asks the policy, counts the budget, and logs `CapCall`. Returns the answer if the call ends here, otherwise undefined. */
  #authorize(call: Call): CapabilityAnswer | undefined {
    const { request, capability, args } = call;
    call.audit = this.#audit?.decide(capability, args);
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
    call.approval = decision.approval;
    this.#usageOf(call)?.reserve(args, call.number, this.#options.policy);
    // A call that needs an approval counts as dispatched only when it is approved.
    if (call.approval === undefined) this.#countDispatch(call);
    return undefined;
  }

  #countDispatch({ handler }: Call): void {
    if (handler !== undefined) this.#counters.dispatched += 1;
  }

  #usageOf({ handler }: Call): UsageHooks | undefined {
    return handler instanceof MachineHandler ? handler.usage : undefined;
  }

  /** Answers a call whose `CapCall` is logged. */
  #answer(call: Call): CapabilityAnswer | Promise<CapabilityAnswer> {
    return call.approval === undefined ? this.#dispatch(call) : this.#awaitApproval(call, call.approval);
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
    const outcome = await unlessAborted(outcomeOf(promise), this.#clock.signal);
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

  /** Applies the log's decision. Throws `log.approval` if the decision does not count for this call. */
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
    if (event.decision !== "approved") return this.#refuseApproval(call, rule, `${event.by} refused the call`);
    this.#countDispatch(call);
    return this.#dispatch(call);
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
    const arrival = this.#handle(call);
    return arrival instanceof Promise ? this.#concludeLater(call, arrival) : this.#conclude(call, arrival);
  }

  async #concludeLater(call: Call, promise: Promise<Arrival>): Promise<CapabilityAnswer> {
    const arrival = await unlessAborted(promise, this.#clock.signal);
    if (arrival !== undefined) return this.#conclude(call, arrival);
    this.#openCalls.abandon(promise);
    return this.#stop(call, this.#interruption());
  }

  /** Runs the handler of a call. The promise never rejects, unless the log cannot be read. */
  #handle(call: Call): Arrival | Promise<Arrival> {
    const ownHandler = call.handler;
    if (ownHandler === undefined)
      return { failure: "unknown", message: `nothing serves the capability ${call.capability.name} here`, cause: undefined };
    // Undefined: the log has no answer, so the handler is called.
    const reply = this.#options.logged?.reply(call.number);
    if (reply !== undefined && "stop" in reply) return reply;
    const handler = reply?.handler ?? ownHandler;
    const { durable } = this.#options;
    return durable === undefined ? this.#run(call, handler) : durable.carryOut(call, () => this.#run(call, handler));
  }

  /** Calls the handler inside the call's span. */
  #run(call: Call, handler: Handler | MachineHandler): Arrival | Promise<Arrival> {
    const { isOpen, args } = call;
    if (isOpen) this.#options.events.started(call.number);
    const context = new CallContext(this.#options, call);
    call.isPlain = typeof handler === "function";
    let answer: unknown;
    try {
      // The handler may change its list of arguments; the event keeps the original list.
      const run = (): unknown =>
        typeof handler === "function" ? handler(args.map(plainFromValue), context) : handler.run([...args], context);
      answer = call.span === undefined ? run() : call.span.run(run);
    } catch (error) {
      const arrival = this.#arrivalOfError(call, error);
      return isOpen ? this.#addToJournal(call, arrival) : arrival;
    }
    if (isPromise(answer)) return this.#awaitHandler(call, answer, isOpen);
    const arrival = this.#arrivalOfAnswer(call, answer);
    return isOpen ? this.#addToJournal(call, arrival) : arrival;
  }

  async #awaitHandler(call: Call, promise: Promise<unknown>, isOpen: boolean): Promise<Arrival> {
    const outcome = await outcomeOf(promise);
    const arrival = outcome.ok ? this.#arrivalOfAnswer(call, outcome.value) : this.#arrivalOfError(call, outcome.error);
    return isOpen ? this.#addToJournal(call, arrival) : arrival;
  }

  /** Ends the span of an open call, and writes its answer to the journal. If the process is then killed, `resume` need not make the call again. */
  #addToJournal(call: Call, arrival: Arrival): Arrival {
    const { events } = this.#options;
    const { name } = call.capability;
    if ("value" in arrival) this.#endSpan(call, "ok", arrival.value);
    else if ("failure" in arrival) this.#endSpan(call, outcomeOfFailure(arrival.failure), undefined);
    if ("value" in arrival) events.arrived(call.number, { type: "CapResult", capability: name, result: arrival.value });
    else if ("failure" in arrival)
      events.arrived(call.number, { type: "CapError", capability: name, kind: arrival.failure, message: cleanMessage(arrival.message) });
    else if ("later" in arrival) events.arrived(call.number, "later");
    return arrival;
  }

  /** Copies and checks `answer`, which a handler returned. If it is wrong, returns a failure. */
  #arrivalOfAnswer({ capability, resultType, isPlain, checked: checkedElsewhere }: Call, answer: unknown): Arrival {
    if (isLater(answer)) return { later: true };
    const checked = checkedElsewhere ?? (isPlain ? plainAnswer : checkAnswer)(answer, resultType, this.#options.types);
    if (!("problem" in checked)) return checked;
    return { failure: "host_fault", message: `the handler of ${capability.name} answered ${checked.problem}`, cause: checked.cause };
  }

  /** Returns the failure for what a handler threw, or a stop if the run was aborted. */
  #arrivalOfError(call: Call, error: unknown): Arrival {
    // The handlers of a replay read the log, so they may throw `log.*`. From any other handler, such an error is a plain failure.
    if (this.#options.mode === "replay" && isLogError(error)) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
    if (this.#clock.signal.aborted) return { stop: this.#interruption() };
    const { kind, message } = failureOf(call.capability.name, error);
    return { failure: kind, message, cause: error };
  }

  /** Logs what has arrived for a call, and answers it. */
  #conclude(call: Call, arrival: Arrival): CapabilityAnswer | Promise<CapabilityAnswer> {
    if ("later" in arrival) return this.#suspend(call, "answer", []);
    if ("stop" in arrival) return this.#stop(call, arrival.stop);
    if ("failure" in arrival) return this.#fail(call, arrival.failure, arrival.message, arrival.cause);
    const { value, bytes } = arrival;
    const { capability } = call;
    const stop = this.#append(call, { type: "CapResult", capability: capability.name, result: value }, bytes);
    if (stop !== undefined) return this.#stop(call, stop);
    this.#usageOf(call)?.settle(call.number, { value });
    this.#end(call, "ok", value, undefined);
    return { ok: true, value };
  }

  /** Ends a call that failed. `cause` is what the handler threw, or what is wrong with its answer. */
  #fail(call: Call, kind: FailureKind, text: string, cause?: unknown): CapabilityAnswer {
    const message = cleanMessage(text);
    const stop = this.#append(call, { type: "CapError", capability: call.capability.name, kind, message });
    if (stop !== undefined) return this.#stop(call, stop);
    this.#usageOf(call)?.settle(call.number, { failure: message });
    const outcome = outcomeOfFailure(kind);
    this.#counters[outcome === "runtime_error" ? "failed" : outcome] += 1;
    this.#end(call, outcome, undefined, message, cause);
    return { ok: false, trap: FAILURE_TRAPS[kind], message, cause };
  }

  /**
   * Ends the run at a call that has no answer yet. This is no failure, so the call's span is no error. First waits for the running handlers
   * of other calls, so that their answers reach the journal.
   */
  #suspend(call: Call, waitsFor: SuspendedCall["waitsFor"], keys: readonly string[]): CapabilityAnswer | Promise<CapabilityAnswer> {
    const running = this.#openCalls.stop();
    if (running === undefined) return this.#suspendNow(call, waitsFor, keys);
    return unlessAborted(running, this.#clock.signal).then(() => this.#suspendNow(call, waitsFor, keys));
  }

  #suspendNow(call: Call, waitsFor: SuspendedCall["waitsFor"], keys: readonly string[]): CapabilityAnswer {
    const waiting = this.#waiting(call);
    const others = this.#openCalls.answeredLater().filter((other) => other !== call);
    this.#suspended = [
      { ...waiting, waitsFor, keys },
      ...others.map((other) => ({ ...this.#waiting(other), waitsFor: "answer" as const, keys: [] })),
    ];
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

  /** Ends a call because the run must stop. The log gets no answer for it. */
  #stop(call: Call, stop: HostStop): CapabilityAnswer {
    // No further handler starts.
    void this.#openCalls.stop();
    this.#counters.failed += 1;
    this.#end(call, "runtime_error", undefined, stop.message);
    return { ok: false, ...stop };
  }

  /**
   * Appends an event of the call. Returns why the run must stop (for example, the log is full), or undefined. If the log throws, closes
   * the call's span and throws the same error, because the run ends.
   */
  #append(call: Call, event: RunEvent, resultBytes?: number): HostStop | undefined {
    try {
      return this.#options.events.append(event, call.number, resultBytes);
    } catch (error) {
      call.span?.end({ errorKind: "runtime_error" });
      throw error;
    }
  }

  /** Closes the span and notifies the observers. At most one of `result` and `message` is defined. */
  #end(call: Call, outcome: CallEnd["outcome"], result: Value | undefined, message: string | undefined, cause?: unknown): void {
    const { number, capability, rule, reason, audit } = call;
    call.hasEnded = true;
    const budgetRemaining = outcome === "denied" ? undefined : call.budgetRemaining;
    this.#endSpan(call, outcome, result);
    if (!this.#observesEnd || call.isRepeated) return;
    const end: CallEnd = { call: number, capability: capability.name, outcome, result, message, rule, reason, audit, budgetRemaining };
    this.#options.observers.notify("callEnd", cause === undefined ? end : Object.defineProperty(end, "cause", { value: cause }));
  }

  #endSpan(call: Call, outcome: CallEnd["outcome"], result: Value | undefined): void {
    const { span, capability } = call;
    if (span === undefined || call.spanHasEnded) return;
    call.spanHasEnded = true;
    span.end({
      errorKind: outcome === "ok" || outcome === "suspended" ? undefined : outcome,
      isSuspended: outcome === "suspended" ? true : undefined,
      bytesOut: result === undefined ? undefined : utf8BytesOfStrings([result]),
      ...modelFacts(capability, result),
      budgetRemaining: outcome === "denied" ? undefined : call.budgetRemaining,
    });
  }

  #interruption(): HostStop {
    return this.#clock.signal.reason === "timeout"
      ? { trap: "timeout", message: "wall-clock execution limit exceeded" }
      : { trap: "canceled", message: "the run was canceled" };
  }
}

/** Completes the sentence "the call waits for …". */
const WAITS_FOR: Readonly<Record<SuspendedCall["waitsFor"], string>> = { approval: "an approval", answer: "its answer" };

const UNIT_TYPE: Type = { kind: "primitive", name: "Unit" };
