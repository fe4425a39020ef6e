/** The path of an event from a run to its log and its observers. */
import type { RunEvent, RunEventType } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { LOG_NOT_CHARGED } from "../vm/limits.ts";
import { recordBytes } from "./logged-bytes.ts";
import type { LoggedPrefix } from "./logged-prefix.ts";
import type { RunObservers } from "./observers.ts";

/** Receives the events of a run in order, each before the machine continues. */
export interface EventSink {
  /** Receives an event. Returns why the run must stop, or undefined if it may continue. May throw `BorunaError` `log.*`. */
  append(event: RunEvent): HostStop | undefined;
}

/** The events that came from outside: answers of calls, and decisions about them. */
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

  /**
   * Appends an event. Returns why the run must stop, or undefined if it may continue. An event that exceeds
   * `max_log_bytes` is dropped, unless it came from outside, because a replay needs it to get this far.
   * Throws what the sink throws.
   */
  append(event: RunEvent): HostStop | undefined {
    const overLimit = this.#charge(event);
    if (overLimit !== undefined && !KEPT_EVENTS.has(event.type)) return overLimit;
    const isRepeated = this.#prefix?.isAhead === true;
    const stop = this.#sink?.append(event);
    if (stop !== undefined) return stop;
    this.#count += 1;
    if (!isRepeated) this.#observers.notify("eventAppended", event);
    return overLimit;
  }

  #charge(event: RunEvent): HostStop | undefined {
    if (this.#maxLogBytes === LOG_NOT_CHARGED) return undefined;
    this.#logBytes += recordBytes(event, this.#count + 1);
    if (this.#logBytes <= this.#maxLogBytes) return undefined;
    return { trap: "log_limit", message: `log limit exceeded: the events take more than ${this.#maxLogBytes} bytes of a log` };
  }
}
