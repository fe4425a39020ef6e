/**
 * Resumes a run from its log: the event sink and the answers of a run that continues after the last event of its log. Up to there, a
 * `Replayer` compares each event and gives the recorded answers. From there, events go to the recorder, and calls to their handlers.
 *
 * Between the two is at most one open call: a `CapCall` without an answer, perhaps with the decision about it. Its process ended before
 * the answer was recorded, so it is unknown whether the call was carried out. It is made again if its declaration or the policy allows
 * that. A call that waits for an approval, that was approved and not begun, or whose handler answers later is not in doubt.
 */
import { callHash } from "../gateway/call-hash.ts";
import type { Decision } from "../gateway/approval.ts";
import { CapabilityFailure, type Handler, type Handlers, LATER, MachineHandler, machineHandler, type Recall } from "../gateway/handlers.ts";
import type { LoggedPrefix, LoggedReply } from "../gateway/logged-prefix.ts";
import type { EventSink } from "../gateway/run-events.ts";
import type { Policy } from "../policy/policy.ts";
import { type CapabilityRegistry, signatureFor, withDefaults } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import type { Value } from "../vm/value/value.ts";
import { removeOpenMark } from "./log/open-mark.ts";
import type { RunLog } from "./log/log-reader.ts";
import type { Recorder } from "./log/recorder.ts";
import type { ComparisonContext } from "./report/divergence.ts";
import { Replayer } from "./replayer.ts";

type CapCall = RunEvent & { readonly type: "CapCall" };

/** A call whose answer was lost. */
export interface OpenCall {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** `sha256:hex` of the canonical JSON `{"args":[…],"capability":"…"}`: the call's `CapCall`, with no value in a blob. */
  readonly hash: string;
}

/** What happens to an open call that may not be repeated: the run stops before it, the call is made again, or it fails. */
export type InDoubt = "stop" | "retry" | "fail";

interface ResumerOptions {
  readonly context: ComparisonContext;
  readonly policy: Policy;
  /** The handlers of the run. Handlers that count usage receive each recorded call through `recall`. */
  readonly handlers: Handlers;
  readonly recorder: Recorder;
  /** Whether the call may be made again without a decision of the run's owner. */
  readonly mayRepeat: (call: CapCall) => boolean;
  readonly inDoubt: InDoubt;
  /** The answer of the open call. */
  readonly answer: CallAnswer | undefined;
}

/** The answer of a call whose handler answers later: plain data of the declared result type, or why the call failed. */
export type CallAnswer = { readonly call: number } & ({ readonly value: unknown } | { readonly failure: string });

/** Call `close` at the end. */
export class Resumer implements EventSink, LoggedPrefix {
  readonly events: number;
  readonly replayer: Replayer;
  readonly #log: RunLog;
  readonly #options: ResumerOptions;
  /** Number of events before the open call, if there is one; otherwise the number of all events of the log. */
  readonly #answered: number;
  readonly #recordedAnswer: MachineHandler;
  /** The recorded call whose answer is the next event. */
  #lastCall: CapCall | undefined;
  #openCall: CapCall | undefined;
  /** Whether the open call was approved in this process. */
  #isUnbegun = false;
  #doubt: OpenCall | undefined;

  constructor(log: RunLog, options: ResumerOptions) {
    this.#log = log;
    this.#options = options;
    this.replayer = new Replayer(log, undefined, options.context);
    this.events = log.eventCount;
    this.#answered = log.openCall === undefined ? log.eventCount : log.openCall.n - 1;
    this.#recordedAnswer = machineHandler(() => this.replayer.takeAnswer());
  }

  get isAhead(): boolean {
    return this.replayer.compared < this.#answered;
  }

  /** Whether the run has repeated every event of the log. */
  get isPastLog(): boolean {
    return this.replayer.compared === this.events;
  }

  /** The call at which the run stopped, because it may not be repeated. */
  get doubt(): OpenCall | undefined {
    return this.#doubt;
  }

  append(event: RunEvent): HostStop | undefined {
    if (this.isPastLog) {
      if (event.type === "Approval") this.#approvedNow();
      return this.#options.recorder.append(event);
    }
    if (!this.isAhead && event.type === "CapCall") this.#openCall = event;
    const stop = this.replayer.append(event);
    if (stop === undefined) this.#recall(event);
    return stop;
  }

  /** Notes that this process got the decision about the open call, so no process has begun it. */
  #approvedNow(): void {
    removeOpenMark(this.#log.file);
    this.#isUnbegun = true;
  }

  approval(): Decision | undefined {
    const recorded = this.replayer.approval();
    const { answer } = this.#options;
    if (recorded === undefined && this.#openCall !== undefined && answer !== undefined) {
      throw new BorunaError("log.not_waiting", "the open call waits for an approval, not for an answer", { hint: "Leave out the answer." });
    }
    return recorded;
  }

  /** Passes a recorded answer to the handler of its call, which may count usage. */
  #recall(event: RunEvent): void {
    if (event.type === "CapCall") this.#lastCall = event;
    if (this.#lastCall === undefined) return;
    if (event.type === "CapResult") this.#recallCall(this.#lastCall, { value: event.result });
    if (event.type === "CapError") this.#recallCall(this.#lastCall, { failure: event.message });
  }

  #recallCall(call: Parameters<typeof argumentsOf>[0], answer: Parameters<Recall>[1]): void {
    const handler = this.#options.handlers.get(call.capability);
    if (handler instanceof MachineHandler)
      handler.recall?.(argumentsOf(call, this.#options.context.registry), answer, this.#options.policy);
  }

  reply(call: number): LoggedReply | undefined {
    const openCall = this.#openCall;
    if (!this.isPastLog) return this.replayer.reply() ?? { handler: this.#recordedAnswer };
    if (openCall === undefined) return undefined;
    this.#openCall = undefined;
    const { answer, inDoubt, mayRepeat } = this.#options;
    const mark = this.#log.openCall?.mark;
    // A call that may have begun counts as failed for the handler's own records.
    if (!this.#isUnbegun && mark === undefined) this.#recallCall(openCall, { failure: "the process ended during the call" });
    const handler = answer === undefined ? undefined : givenAnswer(answer, call);
    if (handler === undefined && mark === "later" && inDoubt !== "retry" && !mayRepeat(openCall)) return { handler: () => LATER };
    // From here on the handler may begin, so that a later resume cannot know how far it got.
    removeOpenMark(this.#log.file);
    if (handler !== undefined) return { handler };
    if (this.#isUnbegun || mark === "approved" || inDoubt === "retry" || mayRepeat(openCall)) return undefined;
    if (inDoubt === "fail") return { handler: failInDoubt };
    this.#doubt = { call, capability: openCall.capability, hash: callHash(openCall.capability, openCall.args) };
    return { stop: { trap: "in_doubt", message: doubtText(this.#doubt) } };
  }

  close(): void {
    this.replayer.close();
  }
}

/** Returns the arguments with the defaults of those that the program left out. */
function argumentsOf({ capability, args }: CapCall, registry: CapabilityRegistry): readonly Value[] {
  const declaration = registry.byName.get(capability);
  const signature = declaration === undefined ? undefined : signatureFor(declaration, args.length);
  return signature === undefined ? args : withDefaults(signature, args);
}

/** Returns a handler that gives the answer. Throws `log.other_call` if the open call has another number. */
function givenAnswer(answer: CallAnswer, call: number): Handler {
  if (answer.call !== call) {
    throw new BorunaError("log.other_call", `the answer is for call ${answer.call}, and the log waits at call ${call}`, {
      hint: "Nothing was changed.",
    });
  }
  return () => {
    if ("failure" in answer) throw new CapabilityFailure(answer.failure);
    return answer.value;
  };
}

const failInDoubt = machineHandler(() => {
  throw new CapabilityFailure("its answer was lost, and nobody knows whether it was carried out", "in_doubt");
});

function doubtText({ call, capability, hash }: OpenCall): string {
  return `call ${call} of ${capability} (${hash}) has no answer in the log: nobody knows whether it was carried out`;
}
