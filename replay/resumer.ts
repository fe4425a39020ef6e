/**
 * Resumes a run from its log: provides the event sink and the answers. Up to the last event of the log, a `Replayer` compares each event
 * and returns the recorded answers. From there on, events go to the recorder, and calls to their handlers.
 *
 * At that point, calls may be open: their process ended before their answers were logged. Nobody knows whether an open call was carried
 * out. It is made again if its declaration or the policy allows that. Otherwise it is in doubt, unless one of these is true:
 *
 * - The journal beside the log (`log/open-journal.ts`) has its answer.
 * - The journal or the mark (`log/open-mark.ts`) says that its handler was not begun, or that its handler answers later.
 * - The call waits for an approval.
 */
import { callHash } from "../gateway/call-hash.ts";
import type { Decision } from "../gateway/approval.ts";
import { isFailureKind } from "../gateway/failure.ts";
import {
  CapabilityFailure,
  type Handler,
  type Handlers,
  LATER,
  MachineHandler,
  machineHandler,
  type UsageHooks,
} from "../gateway/handlers.ts";
import type { LoggedPrefix, LoggedReply } from "../gateway/logged-prefix.ts";
import type { EventSink } from "../gateway/run-events.ts";
import { BorunaError } from "../vm/error.ts";
import type { AnswerEvent, RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { type OpenState, readOpenJournal } from "./log/open-journal.ts";
import { removeOpenMark } from "./log/open-mark.ts";
import type { RunLog } from "./log/log-reader.ts";
import type { Recorder } from "./log/recorder.ts";
import type { ComparisonContext } from "./report/divergence.ts";
import { Replayer } from "./replayer.ts";

type CapCall = RunEvent & { readonly type: "CapCall" };

/** A call in doubt: its process ended before the answer was recorded. */
export interface OpenCall {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** `sha256:hex` of the canonical JSON `{"args":[…],"capability":"…"}` of the call, with the values of blobs filled in. */
  readonly hash: string;
}

/** What happens to an open call that may not be repeated: the run stops before it, the call is made again, or the call fails. */
export type InDoubt = "stop" | "retry" | "fail";

interface ResumerOptions {
  readonly context: ComparisonContext;
  /** The handlers of the run. */
  readonly handlers: Handlers;
  readonly recorder: Recorder;
  /** Whether the call may be made again although it may already have been carried out. */
  readonly mayRepeat: (call: CapCall) => boolean;
  readonly inDoubt: InDoubt;
  /** Answers that the caller of `resume` gives for open calls, at most one for each call. */
  readonly answers: readonly CallAnswer[];
  /** Whether the policy requires an approval of the call. */
  readonly needsApproval: (call: CapCall) => boolean;
}

/** The answer of a call whose handler answers later: plain data of the declared result type, or why the call failed. */
export type CallAnswer = { readonly call: number } & ({ readonly value: unknown } | { readonly failure: string });

/** A call of the log that has no answer so far. */
interface Pending {
  readonly event: CapCall;
  /** The number of its event in the log. */
  readonly n: number;
  /** The decision about it in the log. */
  decision: Decision["decision"] | undefined;
}

/**
 * How an open call continues. If the call is in doubt, the run stops. Otherwise `reply` answers it, or, if that is undefined, its own
 * handler.
 */
type Plan = { readonly reply: LoggedReply | undefined; readonly isInDoubt: boolean };

/** The sink of one resumed run. Call `close` at the end. */
export class Resumer implements EventSink, LoggedPrefix {
  readonly events: number;
  readonly replayer: Replayer;
  readonly #log: RunLog;
  readonly #options: ResumerOptions;
  /** Number of events before the earliest open call. If no call is open, the number of all events of the log. */
  readonly #eventsBeforeOpenCall: number;
  /** Answers a repeated call with the answer in the log. */
  readonly #recordedAnswer: MachineHandler;
  /** The calls that have no answer so far, by their numbers in the run. */
  readonly #pending = new Map<number, Pending>();
  /** The numbers of repeated calls whose answers come later in the log. */
  readonly #answeredCalls = new Set<number>();
  /** Number of calls that the run has begun in this process, repeated ones included. */
  #callsBegun = 0;
  /** The state of each open call according to the journal, by event number. Undefined if there is no valid journal. */
  readonly #journal: ReadonlyMap<number, OpenState> | undefined;
  /** Numbers of the open calls that were approved or denied in this process. */
  readonly #decidedHere = new Set<number>();
  #callInDoubt: OpenCall | undefined;

  constructor(log: RunLog, options: ResumerOptions) {
    this.#log = log;
    this.#options = options;
    this.replayer = new Replayer(log, undefined, options.context);
    this.events = log.eventCount;
    this.#eventsBeforeOpenCall = log.openCall === undefined ? log.eventCount : log.openCall.n - 1;
    this.#recordedAnswer = machineHandler(() => this.replayer.takeAnswer());
    this.#journal = readOpenJournal(log);
  }

  get isRepeating(): boolean {
    return this.replayer.compared < this.#eventsBeforeOpenCall;
  }

  /** Whether the run has repeated every event of the log. */
  get isPastLog(): boolean {
    return this.replayer.compared === this.events;
  }

  /** The call in doubt at which the run stopped. */
  get callInDoubt(): OpenCall | undefined {
    return this.#callInDoubt;
  }

  append(event: RunEvent, call = 0): HostStop | undefined {
    if (this.isPastLog) {
      if (event.type === "Approval") this.#noteApproval(call);
      if (event.type === "CapResult" || event.type === "CapError") this.#pending.delete(call);
      return this.#options.recorder.append(event, call);
    }
    const stop = this.replayer.append(event);
    if (stop !== undefined) return stop;
    if (event.type === "CapCall") this.#noteCall(call, event);
    else if (event.type === "Approval") this.#noteDecision(call, event.decision);
    else if (event.type === "CapResult" || event.type === "CapError") {
      this.#pending.delete(call);
      this.#answeredCalls.delete(call);
    }
    return this.isPastLog ? this.#endRepetition() : undefined;
  }

  started(call: number): void {
    this.#options.recorder.started?.(call);
  }

  arrived(call: number, answer: AnswerEvent | "later"): void {
    this.#options.recorder.arrived?.(call, answer);
  }

  #noteCall(call: number, event: CapCall): void {
    this.#callsBegun += 1;
    this.#pending.set(call, { event, n: this.replayer.compared, decision: undefined });
    if (this.#callsBegun <= this.#log.calls.answered) this.#answeredCalls.add(call);
  }

  #noteDecision(call: number, decision: Decision["decision"]): void {
    const pending = this.#pending.get(call);
    if (pending !== undefined) pending.decision = decision;
  }

  /** Remembers that this process received the decision about an open call. No earlier process can have begun such a call. */
  #noteApproval(call: number): void {
    removeOpenMark(this.#log.file);
    this.#decidedHere.add(call);
  }

  /** Called when the run has repeated the last event of the log. Stops the run if an open call is in doubt, before anything is written. */
  #endRepetition(): HostStop | undefined {
    const { answers, recorder } = this.#options;
    const unknownAnswer = answers.find(({ call }) => !this.#pending.has(call));
    if (unknownAnswer !== undefined) throw otherCallError(unknownAnswer, [...this.#pending.keys()]);
    const plans = [...this.#pending].map(([call, pending]) => ({ call, pending, plan: this.#planFor(call, pending) }));
    const doubt = plans.find(({ plan }) => plan.isInDoubt);
    if (doubt !== undefined) {
      const { call, pending } = doubt;
      const { capability, args } = pending.event;
      this.#callInDoubt = { call, capability, hash: callHash(capability, args) };
      return { trap: "in_doubt", message: doubtText(this.#callInDoubt), capability };
    }
    for (const { call, pending } of plans) recorder.adopt?.(call, pending.n, this.#stateOf(pending));
    return undefined;
  }

  /**
   * Returns the state of an open call, from the journal or the mark; undefined if its handler has not started. Without journal and mark,
   * returns `started`, because the handler may have started.
   */
  #stateOf(pending: Pending): OpenState {
    const { mark } = this.#log.openCall ?? {};
    if (this.#waitsForApproval(pending) || pending.decision === "denied") return undefined;
    if (this.#journal !== undefined) return this.#journal.get(pending.n);
    if (this.#log.calls.open > 1 || mark === undefined) return "started";
    return mark === "approved" ? undefined : "later";
  }

  #waitsForApproval(pending: Pending): boolean {
    return pending.decision === undefined && this.#options.needsApproval(pending.event);
  }

  /** Decides how an open call continues. */
  #planFor(call: number, pending: Pending): Plan {
    const { answers, inDoubt, mayRepeat } = this.#options;
    const plan = (handler?: Handler | MachineHandler): Plan => ({
      reply: handler === undefined ? undefined : { handler },
      isInDoubt: false,
    });
    const answer = answers.find((given) => given.call === call);
    const state = this.#stateOf(pending);
    if (answer !== undefined) return plan(handlerOf(answer));
    if (state !== undefined && typeof state === "object") return plan(recordedHandler(state));
    const mayCallHandler = this.#decidedHere.has(call) || state === undefined || inDoubt === "retry" || mayRepeat(pending.event);
    if (mayCallHandler) return plan();
    if (state === "later") return plan(() => LATER);
    return inDoubt === "fail" ? plan(failInDoubt(call, pending.event.capability)) : { reply: undefined, isInDoubt: true };
  }

  answersCall(call: number): boolean {
    return this.#answeredCalls.has(call);
  }

  approval(call: number): Decision | undefined {
    const recorded = this.isPastLog ? undefined : this.replayer.approval();
    if (recorded === undefined && this.#options.answers.some((answer) => answer.call === call)) {
      throw new BorunaError("log.not_waiting", "the open call waits for an approval, not for an answer", { hint: "Leave out the answer." });
    }
    return recorded;
  }

  reply(call: number): LoggedReply | undefined {
    if (!this.isPastLog) return this.replayer.reply() ?? { handler: this.#recordedAnswer };
    const pending = this.#pending.get(call);
    if (pending === undefined) return undefined;
    const { reply } = this.#planFor(call, pending);
    const state = this.#stateOf(pending);
    // An earlier process may have made the call, so count the most that it can have used.
    if (state === "started" && !this.#decidedHere.has(call)) this.#usageOf(pending.event)?.mayHaveBeenMade(call);
    // The handler may begin now. Without the mark, a later resume takes the call for one that was started.
    if (reply === undefined || state !== "later") removeOpenMark(this.#log.file);
    return reply;
  }

  #usageOf({ capability }: CapCall): UsageHooks | undefined {
    const handler = this.#options.handlers.get(capability);
    return handler instanceof MachineHandler ? handler.usage : undefined;
  }

  close(): void {
    this.replayer.close();
  }
}

/** Returns a handler that returns the answer. */
function handlerOf(answer: CallAnswer): Handler {
  return () => {
    if ("failure" in answer) throw new CapabilityFailure(answer.failure);
    return answer.value;
  };
}

/** Returns a handler that returns the answer from the journal. */
function recordedHandler(answer: AnswerEvent): MachineHandler {
  return machineHandler(() => {
    if (answer.type === "CapResult") return answer.result;
    throw new CapabilityFailure(answer.message, isFailureKind(answer.kind) ? answer.kind : "runtime_error");
  });
}

function otherCallError(answer: CallAnswer, open: readonly number[]): BorunaError {
  const waiting = open.length === 1 ? `call ${open[0]}` : `one of the calls ${open.join(", ")}`;
  return new BorunaError("log.other_call", `the answer is for call ${answer.call}, and the log waits at ${waiting}`, {
    hint: "Nothing was changed.",
  });
}

function failInDoubt(call: number, capability: string): MachineHandler {
  return machineHandler(() => {
    throw new CapabilityFailure(lostAnswerText(call, capability), "in_doubt");
  });
}

/** Returns the message of the failure that a program gets for a call in doubt, if such calls fail. */
export function lostAnswerText(call: number, capability: string): string {
  return `the answer to call ${call} of ${capability} was lost, and nobody knows whether it was carried out`;
}

function doubtText({ call, capability, hash }: OpenCall): string {
  return `call ${call} of ${capability} (${hash}) has no answer in the log: nobody knows whether it was carried out`;
}
