/**
 * The open calls of a run: the log has the call, and not yet its answer. Their handlers start in the order of the calls, as many at once as
 * the host allows. Their answers are held back until the machine takes them, in the same order. The handler of the earliest call may always
 * start, so that the machine never waits for a handler that cannot start.
 */
import type { HostStop } from "../vm/host.ts";
import type { Value } from "../vm/value/value.ts";
import type { FailureKind } from "./handlers.ts";
import { valueBytes } from "./logged-bytes.ts";

/** An answer that has been copied and checked. `bytes` is its length as JSON (`valueBytes`), if it was computed. */
export interface CheckedValue {
  readonly value: Value;
  readonly bytes?: number;
}

/** What has arrived for a call. */
export type Arrival =
  | CheckedValue
  | { readonly failure: FailureKind; readonly message: string; readonly cause: unknown }
  /** The handler returned `context.later()`: the run is suspended, and `resume` gets the answer. */
  | { readonly later: true }
  /** The run must stop. */
  | { readonly stop: HostStop };

/** No further handler starts while the answers that are held back take this many bytes as JSON. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** How long the end of a run waits for handlers that were aborted, in milliseconds. */
const END_WAIT_MS = 500;

interface OpenCallsOptions<Call> {
  /** Runs the handler. The promise never rejects, except in a replay whose log cannot be read. */
  readonly run: (call: Call) => Arrival | Promise<Arrival>;
  /** Whether handlers may start now. */
  readonly mayStart: () => boolean;
}

/** The state of an open call. */
interface Slot {
  /** Undefined before the handler starts. */
  arrival: Arrival | Promise<Arrival> | undefined;
  /** Bytes of the answer that is held back. */
  bytes: number;
}

export class OpenCalls<Call> {
  readonly #maxRunning: number;
  readonly #options: OpenCallsOptions<Call>;
  /** The open calls, oldest first. */
  readonly #slots = new Map<Call, Slot>();
  /** The calls whose handler has not started, oldest first. */
  readonly #queue = new Set<Call>();
  /** The promises of the running handlers. */
  readonly #running = new Set<Promise<unknown>>();
  /** Bytes of all answers that are held back. */
  #heldBytes = 0;
  #isStopped = false;

  constructor(maxRunning: number, options: OpenCallsOptions<Call>) {
    this.#maxRunning = maxRunning;
    this.#options = options;
  }

  /** Adds a call. With `startsWhenTaken`, its handler is not queued here: the gateway starts it when the machine asks for the answer. */
  add(call: Call, startsWhenTaken: boolean): void {
    this.#slots.set(call, { arrival: undefined, bytes: 0 });
    if (startsWhenTaken) return;
    this.#queue.add(call);
    this.#startNext();
  }

  /** Returns the open calls whose handler returned `context.later()`. */
  answeredLater(): readonly Call[] {
    return [...this.#slots].flatMap(([call, { arrival }]) => (arrival !== undefined && "later" in arrival ? [call] : []));
  }

  /**
   * Returns what has arrived for the earliest open call, `call`, or a promise of it. If its handler has not started, starts it whatever the
   * limits.
   */
  arrival(call: Call): Arrival | Promise<Arrival> {
    const slot = this.#slots.get(call);
    if (slot === undefined) return { stop: { trap: "internal", message: "a call that is not open" } };
    this.#startNext();
    return slot.arrival ?? this.#start(call, slot);
  }

  /** Removes a call whose answer is logged. */
  remove(call: Call): void {
    this.#heldBytes -= this.#slots.get(call)?.bytes ?? 0;
    this.#slots.delete(call);
    this.#queue.delete(call);
    this.#startNext();
  }

  /** Starts no further handler. Returns a promise that resolves when the running handlers have ended. */
  stop(): Promise<unknown> | undefined {
    this.#isStopped = true;
    return this.#running.size === 0 ? undefined : Promise.allSettled(this.#running);
  }

  /** Starts no further handler. Returns the open calls, and a promise that waits at most `END_WAIT_MS` for the running handlers. */
  end(): { readonly open: readonly Call[]; readonly running: Promise<unknown> | undefined } {
    const running = this.stop();
    const open = [...this.#slots.keys()];
    return { open, running: running === undefined ? undefined : atMost(running, END_WAIT_MS) };
  }

  /** Adds a handler that still runs when the run is aborted, and whose call is therefore over. `stop` and `end` then wait for it too. */
  abandon(handler: Promise<unknown>): void {
    this.#running.add(handler);
  }

  #startNext(): void {
    for (const call of this.#queue) {
      if (this.#isStopped || this.#running.size >= this.#maxRunning || this.#heldBytes >= MAX_HELD_BYTES) return;
      if (!this.#options.mayStart()) return;
      const slot = this.#slots.get(call);
      if (slot !== undefined) void this.#start(call, slot);
    }
  }

  #start(call: Call, slot: Slot): Arrival | Promise<Arrival> {
    this.#queue.delete(call);
    const arrival = this.#options.run(call);
    slot.arrival = arrival;
    if (arrival instanceof Promise) this.#awaitHandler(arrival, slot);
    else this.#holdAnswer(arrival, slot);
    return arrival;
  }

  /** Counts a handler as running until its promise settles. */
  #awaitHandler(promise: Promise<Arrival>, slot: Slot): void {
    this.#running.add(promise);
    const settle = (arrival: Arrival | undefined): void => {
      this.#running.delete(promise);
      if (arrival !== undefined) this.#holdAnswer(arrival, slot);
      this.#startNext();
    };
    promise.then(settle, () => settle(undefined));
  }

  #holdAnswer(arrival: Arrival, slot: Slot): void {
    slot.arrival = arrival;
    if (!("value" in arrival)) return;
    slot.bytes = arrival.bytes ?? valueBytes(arrival.value);
    this.#heldBytes += slot.bytes;
  }
}

/** Waits for `work`, but not longer than `ms`. */
function atMost(work: Promise<unknown>, ms: number): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
