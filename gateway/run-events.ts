/** Passes the events of a run to its log and its observers. */
import type { AnswerEvent, RunEvent, RunEventType } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { LOG_NOT_CHARGED } from "../vm/limits.ts";
import { recordBytes } from "./logged-bytes.ts";
import type { LoggedPrefix } from "./logged-prefix.ts";
import type { RunObservers } from "./observers.ts";

/** Receives the events of a run in order, each before the machine continues. */
export interface EventSink {
  /**
   * Receives an event. `call` is the number of the call that it belongs to, if any. Returns why the run must stop, or undefined if it may
   * continue. May throw `BorunaError` `log.*`.
   */
  append(event: RunEvent, call?: number): HostStop | undefined;
  /** Called when the handler of an overlapping call starts, so that the journal of open calls can note it. May throw `log.*`. */
  started?(call: number): void;
  /**
   * Called when the answer of an overlapping call has arrived and is held back, so that the journal can keep it. `later`: the run will be
   * suspended for it. May throw `log.*`.
   */
  arrived?(call: number, answer: AnswerEvent | "later"): void;
}

/** How many events a run has made, and the bytes of their log records. */
export interface EventCounts {
  readonly count: number;
  /** The bytes that count against `max_log_bytes`. */
  readonly logBytes: number;
}

/**
 * Events whose contents come from outside the program. They are logged even above `max_log_bytes`, because a replay cannot make them again.
 */
const KEPT_EVENTS: ReadonlySet<string> = new Set<RunEventType>(["CapResult", "CapError", "Approval"]);

/** Counts the events of one run, charges them against `max_log_bytes`, and passes them to the sink and the observers. */
export class RunEvents {
  readonly #maxLogBytes: number;
  readonly #sink: EventSink | undefined;
  readonly #observers: RunObservers;
  readonly #prefix: LoggedPrefix | undefined;
  #count = 0;
  /** Bytes of the log records of all events so far, whether or not a log is written. */
  #logBytes = 0;

  constructor(maxLogBytes: number, sink: EventSink | undefined, observers: RunObservers, prefix?: LoggedPrefix) {
    this.#maxLogBytes = maxLogBytes;
    this.#sink = sink;
    this.#observers = observers;
    this.#prefix = prefix;
  }

  get count(): number {
    return this.#count;
  }

  /** Returns the counts, for `restore`. */
  state(): EventCounts {
    return { count: this.#count, logBytes: this.#logBytes };
  }

  /** Sets the counts back to what they were at an earlier time of the same run. */
  restore({ count, logBytes }: EventCounts): void {
    this.#count = count;
    this.#logBytes = logBytes;
  }

  /**
   * Appends an event. Returns why the run must stop, or undefined if it may continue. An event that exceeds `max_log_bytes` is
   * dropped, except answers and decisions from outside: a replay needs them to get this far.
   * `resultBytes` is `valueBytes` of the event's result, if it is known. Throws what the sink throws.
   */
  append(event: RunEvent, call?: number, resultBytes?: number): HostStop | undefined {
    const overLimit = this.#charge(event, resultBytes);
    if (overLimit !== undefined && !KEPT_EVENTS.has(event.type)) return overLimit;
    const isRepeated = this.#prefix?.isRepeating === true;
    const stop = this.#sink?.append(event, call);
    if (stop !== undefined) return stop;
    this.#count += 1;
    if (!isRepeated) this.#observers.notify("eventAppended", event);
    return overLimit;
  }

  started(call: number): void {
    this.#sink?.started?.(call);
  }

  arrived(call: number, answer: AnswerEvent | "later"): void {
    this.#sink?.arrived?.(call, answer);
  }

  /** Counts the bytes of the event's log record. Returns why the run must stop if they exceed the limit. */
  #charge(event: RunEvent, resultBytes: number | undefined): HostStop | undefined {
    if (this.#maxLogBytes === LOG_NOT_CHARGED) return undefined;
    this.#logBytes += recordBytes(event, this.#count + 1, resultBytes);
    if (this.#logBytes <= this.#maxLogBytes) return undefined;
    return { trap: "log_limit", message: `log limit exceeded: the events take more than ${this.#maxLogBytes} bytes of a log` };
  }
}
