/**
 * Provides the event sink and the handlers of a replay. The sink compares each event with the next one of the log and stops
 * the run at the first difference. The handlers return the recorded answers, so nothing reaches the outside world.
 */
import { isFailureKind, type Failure } from "../gateway/failure.ts";
import type { Decision } from "../gateway/approval.ts";
import type { LoggedCalls, LoggedReply } from "../gateway/logged-prefix.ts";
import type { EventSink } from "../gateway/run-events.ts";
import { CapabilityFailure, type Handlers, machineHandler } from "../gateway/handlers.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import type { Value } from "../vm/value/value.ts";
import { isInterruption, type RunEnd } from "./log/end-record.ts";
import { loadEvent, type LogEvent } from "./log/event-json.ts";
import { eventLogForm } from "./log/event-log.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import { noAnswer, beyondLog, compareEvents, type ComparisonContext, type LastAnswer, type Mismatch } from "./report/divergence.ts";
import { eventText } from "./report/format-values.ts";

/** Why the replay stopped before the program ended. `log_end`: the log ends here, because it was cut or its run was interrupted. */
type ReplayStop = { readonly reason: "divergence"; readonly mismatch: Mismatch } | { readonly reason: "log_end" };

/** A recorded call that the program has repeated. */
export interface RepeatedCall {
  /** Number of its `CapCall` event in the log. */
  readonly event: number;
  readonly place: CallPlace | undefined;
}

/** Receives each repeated call. If it returns a promise, the program gets the answer when the promise resolves. */
export type OnRepeatedCall = (call: RepeatedCall) => Promise<void> | undefined;

type RecordedAnswer = { readonly value: Value } | { readonly failure: Failure };

/** The sink and the handlers of one replay. Keeps one event of the log in memory at a time. Call `close` at the end. */
export class Replayer implements EventSink, LoggedCalls {
  readonly handlers: Handlers;
  readonly #log: ParsedLog;
  readonly #events: Iterator<LogEvent, unknown>;
  /** The event of the log that the program must repeat next. */
  #nextEvent: LogEvent | undefined;
  readonly #end: RunEnd | undefined;
  readonly #context: ComparisonContext;
  #compared = 0;
  #answers = 0;
  /** The answer that `takeAnswer` returns next. */
  #preparedAnswer: RecordedAnswer | undefined;
  /** Whether the event log lacks the answer of the call in progress. If so, the program's next event, which is the answer, is not compared. */
  #isUnanswered = false;
  #lastAnswer: { readonly event: number; readonly answer: RunEvent } | undefined;
  #stop: ReplayStop | undefined;
  readonly #onCall: OnRepeatedCall | undefined;
  /** What `#onCall` returned for the last repeated call. The program gets the answer when this promise resolves. */
  #callObserved: Promise<void> | undefined;
  /** The place of the call in progress. Set only if the replay has an `onCall`. */
  callPlace: CallPlace | undefined;

  /** `end` is the end record of the log, with its blobs loaded. */
  constructor(log: ParsedLog, end: RunEnd | undefined, context: ComparisonContext, onCall?: OnRepeatedCall) {
    this.#onCall = onCall;
    this.#log = log;
    this.#end = end;
    this.#context = context;
    this.#events = log.events[Symbol.iterator]();
    this.#nextEvent = this.#readNext();
    this.handlers = answeringHandlers(context.registry, log.format === "log" ? log.header.unserved : [], () => this.#giveAnswer());
  }

  /** Number of events that the program has repeated. */
  get compared(): number {
    return this.#compared;
  }
  /** Number of repeated events that are answers. */
  get answers(): number {
    return this.#answers;
  }
  get lastAnswer(): LastAnswer | undefined {
    const last = this.#lastAnswer;
    return last === undefined ? undefined : { event: last.event, text: eventText(last.answer, this.#context.types) };
  }
  get stop(): ReplayStop | undefined {
    return this.#stop;
  }

  /** Returns the first event of the log that the program has not repeated. Undefined if the program has repeated all events. */
  firstUnrepeated(): RunEvent | undefined {
    return this.#nextEvent === undefined ? undefined : loadEvent(this.#nextEvent.event, this.#log.blobs, this.#nextEvent.n);
  }

  /** Closes the log. */
  close(): void {
    this.#events.return?.();
  }

  /** Compares an event of the program with the next event of the log. Throws `log.*` if a blob of the log cannot be read. */
  append(event: RunEvent): HostStop | undefined {
    if (this.#stop !== undefined) return hostStop(this.#stop);
    if (this.#isUnanswered) {
      this.#isUnanswered = false;
      return undefined;
    }
    const recorded = this.#nextEvent;
    if (recorded === undefined) return this.#stopAfterLog(event);
    const expected = loadEvent(recorded.event, this.#log.blobs, recorded.n);
    const actual = this.#log.format === "eventlog" ? eventLogForm(event) : event;
    const mismatch = compareEvents(recorded.n, expected, actual, this.#context);
    if (mismatch !== undefined) return this.#stopWith({ reason: "divergence", mismatch });
    this.#compared += 1;
    this.#nextEvent = this.#readNext();
    if (event.type === "CapResult" || event.type === "CapError") {
      this.#answers += 1;
      this.#lastAnswer = { event: recorded.n, answer: event };
    }
    if (event.type === "CapCall") this.#callObserved = this.#onCall?.({ event: recorded.n, place: this.callPlace });
    return undefined;
  }

  #readNext(): LogEvent | undefined {
    const next = this.#events.next();
    return next.done === true ? undefined : next.value;
  }

  /** Stops the program at an event after the last one of the log. */
  #stopAfterLog(event: RunEvent): HostStop {
    const hasEnded = this.#log.format === "eventlog" || (this.#end !== undefined && !isInterruption(this.#end));
    if (!hasEnded) return this.#stopWith({ reason: "log_end" });
    return this.#stopWith({ reason: "divergence", mismatch: beyondLog(this.#compared + 1, event, this.#end, this.#context) });
  }

  /** Always true: if the log has no answer for the call, the replay stops at the call. */
  answersCall(): boolean {
    return true;
  }

  approval(): Decision | undefined {
    const event = this.firstUnrepeated();
    return event?.type === "Approval" ? event : undefined;
  }

  /**
   * Prepares the answer of the earliest open call. Runs before the call's handler, so that an error in the log does not look like a failure
   * of the handler. Stops the run if the next event of the log is not an answer.
   */
  reply(): LoggedReply | undefined {
    const event = this.firstUnrepeated();
    if (event?.type === "CapResult") this.#preparedAnswer = { value: event.result };
    else if (event?.type === "CapError") {
      this.#preparedAnswer = { failure: { kind: isFailureKind(event.kind) ? event.kind : "runtime_error", message: event.message } };
    } else if (this.#log.format === "eventlog") {
      // The Rust machine logs no answer to a call that failed.
      this.#preparedAnswer = { failure: { kind: "runtime_error", message: "the recorded call failed" } };
      this.#isUnanswered = true;
    } else if (event === undefined) return { stop: this.#stopWith({ reason: "log_end" }) };
    else return { stop: this.#stopWith({ reason: "divergence", mismatch: noAnswer(this.#compared + 1, event, this.#context) }) };
    return undefined;
  }

  #giveAnswer(): Value | Promise<Value> {
    return this.#callObserved === undefined ? this.takeAnswer() : this.#callObserved.then(() => this.takeAnswer());
  }

  /** Returns the recorded answer of the call in progress, or throws the recorded failure. */
  takeAnswer(): Value {
    const answer = this.#preparedAnswer;
    this.#preparedAnswer = undefined;
    if (answer === undefined) throw new BorunaError("internal", "a handler was asked before its call was logged");
    if ("failure" in answer) throw new CapabilityFailure(answer.failure.message, answer.failure.kind);
    return answer.value;
  }

  #stopWith(stop: ReplayStop): HostStop {
    this.#stop = stop;
    return hostStop(stop);
  }
}

function hostStop(stop: ReplayStop): HostStop {
  if (stop.reason === "log_end") return { trap: "log_end", message: "the log ends here" };
  return { trap: "divergence", message: `event ${stop.mismatch.event}: ${stop.mismatch.message}` };
}

/** Returns a handler for each capability that had one in the recorded run. */
function answeringHandlers(registry: CapabilityRegistry, unserved: readonly string[], giveAnswer: () => Value | Promise<Value>): Handlers {
  const served = registry.all.filter((c) => c.internal !== true && !unserved.includes(c.name));
  const handler = machineHandler(giveAnswer);
  return new Map(served.map((c) => [c.name, handler]));
}
