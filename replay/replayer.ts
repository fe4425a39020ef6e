/**
 * The log as the only source of answers: a sink that compares each event when it happens, and handlers that
 * give what the log says. Nothing here reaches the world.
 */
import type { EventSink } from "../gateway/run-events.ts";
import { CapabilityFailure, type FailureKind, type Handlers } from "../gateway/handlers.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import type { Value } from "../vm/value/value.ts";
import { beyondLog, compareEvents, type Mismatch, type ShownWith } from "./report/divergence.ts";
import { isInterruption, type RunEnd } from "./log/end-record.ts";
import { loadEvent, type LogEvent } from "./log/event-json.ts";
import { olderEvent } from "./log/event-log.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import { eventText } from "./report/format-values.ts";

export interface LastAnswer {
  readonly event: number;
  readonly text: string;
}

/** Why the replay stopped before the program did. */
export type Stop = { readonly reason: "divergence"; readonly mismatch: Mismatch } | { readonly reason: "log_end" };

type Answer = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly kind: FailureKind; readonly message: string };

const isFailureKind = (text: string): text is FailureKind => ["runtime_error", "denied", "unknown"].includes(text);

/** Holds one event of the log at a time, so that its memory does not grow with the log. `close` must be called at the end. */
export class Replayer implements EventSink {
  readonly handlers: Handlers;
  readonly #log: ParsedLog;
  readonly #events: Iterator<LogEvent, unknown>;
  /** The event that the program has to repeat next. */
  #next: LogEvent | undefined;
  readonly #end: RunEnd | undefined;
  readonly #shown: ShownWith;
  #compared = 0;
  #answers = 0;
  #answer: Answer | undefined;
  /** The call in progress has no answer in the log, so that its failure is not looked for there. */
  #unanswered = false;
  #lastAnswer: LastAnswer | undefined;
  #stop: Stop | undefined;

  /** `end` is the log's end record with its values loaded. */
  constructor(log: ParsedLog, end: RunEnd | undefined, shown: ShownWith) {
    this.#log = log;
    this.#end = end;
    this.#shown = shown;
    this.#events = log.events[Symbol.iterator]();
    this.#next = this.#read();
    this.handlers = answeringHandlers(shown.registry, log.format === "log" ? log.header.unserved : [], () => this.#give());
  }

  /** Events of the log that the program has repeated. */
  get compared(): number {
    return this.#compared;
  }
  get answers(): number {
    return this.#answers;
  }
  get lastAnswer(): LastAnswer | undefined {
    return this.#lastAnswer;
  }
  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** The first event of the log that the program did not repeat. */
  leftOver(): RunEvent | undefined {
    return this.#next === undefined ? undefined : loadEvent(this.#next.event, this.#log.blobs);
  }

  /** Closes the log. */
  close(): void {
    this.#events.return?.();
  }

  /** Throws `log.*` when a blob of the log cannot be read. */
  append(event: RunEvent): HostStop | undefined {
    if (this.#stop !== undefined) return hostStop(this.#stop);
    if (this.#unanswered) {
      this.#unanswered = false;
      return undefined;
    }
    const recorded = this.#next;
    if (recorded === undefined) return this.#beyond(event);
    const expected = loadEvent(recorded.event, this.#log.blobs);
    const mismatch = compareEvents(recorded.n, expected, this.#asLogged(event), this.#shown);
    if (mismatch !== undefined) return this.#stopWith({ reason: "divergence", mismatch });
    this.#compared += 1;
    this.#next = this.#read();
    if (event.type === "CapResult" || event.type === "CapError") {
      this.#answers += 1;
      this.#lastAnswer = { event: recorded.n, text: eventText(event, this.#shown.types) };
    }
    return event.type === "CapCall" ? this.#prepareAnswer() : undefined;
  }

  #read(): LogEvent | undefined {
    const next = this.#events.next();
    return next.done === true ? undefined : next.value;
  }

  #asLogged(event: RunEvent): RunEvent {
    return this.#log.format === "eventlog" ? olderEvent(event) : event;
  }

  #beyond(event: RunEvent): HostStop {
    const ended = this.#log.format === "eventlog" || (this.#end !== undefined && !isInterruption(this.#end));
    if (!ended) return this.#stopWith({ reason: "log_end" });
    return this.#stopWith({ reason: "divergence", mismatch: beyondLog(this.#compared + 1, event, this.#end, this.#shown) });
  }

  /** Reads the answer now, so that a log that cannot be read is no failure of a capability. */
  #prepareAnswer(): HostStop | undefined {
    const event = this.leftOver();
    if (event?.type === "CapResult") this.#answer = { ok: true, value: event.result };
    else if (event?.type === "CapError")
      this.#answer = { ok: false, kind: isFailureKind(event.kind) ? event.kind : "runtime_error", message: event.message };
    else if (this.#log.format === "log") return this.#stopWith({ reason: "log_end" });
    else {
      // The older machine wrote no answer of a call that failed.
      this.#answer = { ok: false, kind: "runtime_error", message: "the recorded call failed" };
      this.#unanswered = true;
    }
    return undefined;
  }

  #give(): Value {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer === undefined) throw new BorunaError("internal", "a handler was asked before its call was logged");
    if (!answer.ok) throw new CapabilityFailure(answer.message, answer.kind);
    return answer.value;
  }

  #stopWith(stop: Stop): HostStop {
    this.#stop = stop;
    return hostStop(stop);
  }
}

function hostStop(stop: Stop): HostStop {
  if (stop.reason === "log_end") return { trap: "log_end", message: "the log ends here" };
  return { trap: "divergence", message: `event ${stop.mismatch.event}: ${stop.mismatch.message}` };
}

function answeringHandlers(registry: CapabilityRegistry, unserved: readonly string[], give: () => Value): Handlers {
  const served = registry.all.filter((c) => c.internal !== true && !unserved.includes(c.name));
  return new Map(served.map((c) => [c.name, give]));
}
