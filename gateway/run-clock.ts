/** The wall-clock limit of a run, and the signal that aborts its calls. */
import type { StopReason } from "../vm/host.ts";
import { allowManyListeners, monotonicMs } from "./platform.ts";

/** The longest delay that a timer accepts, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Determines when one run must stop: at its wall-clock limit, or when its caller cancels the run. Time counts from construction. */
export class RunClock {
  /** Returns the milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly #maxMs: number;
  readonly #deadline: number;
  /** The controllers of `signal` and `callSignal`. Made when the signal is first read, because few runs need it. */
  #runController: AbortController | undefined;
  #callController: AbortController | undefined;
  #stopReason: StopReason | undefined;
  #hasEnded = false;

  /** `maxMs` is the limit in milliseconds; 0 means no limit. */
  constructor(maxMs: number, now: () => number = monotonicMs) {
    this.now = now;
    this.#maxMs = maxMs;
    this.#deadline = now() + maxMs;
  }

  get isLimited(): boolean {
    return this.#maxMs > 0;
  }

  /** Aborted when the run must stop; its reason is the `StopReason`. */
  get signal(): AbortSignal {
    if (this.#runController === undefined) {
      this.#runController = new AbortController();
      // Each call that waits has a listener, and Node warns about more than ten.
      allowManyListeners(this.#runController.signal);
      if (this.#stopReason !== undefined) this.#runController.abort(this.#stopReason);
    }
    return this.#runController.signal;
  }

  /** For handlers: aborted when the run must stop or has ended. */
  get callSignal(): AbortSignal {
    if (this.#callController === undefined) {
      this.#callController = new AbortController();
      // Each open call has a listener, and Node warns about more than ten.
      allowManyListeners(this.#callController.signal);
      const reason = this.#stopReason ?? (this.#hasEnded ? "ended" : undefined);
      if (reason !== undefined) this.#callController.abort(reason);
    }
    return this.#callController.signal;
  }

  /** Returns the milliseconds left of the limit, or undefined if there is no limit. */
  remainingMs(): number | undefined {
    return this.#maxMs === 0 ? undefined : Math.max(0, this.#deadline - this.now());
  }

  stopReason(): StopReason | undefined {
    if (this.#stopReason !== undefined) return this.#stopReason;
    return this.#maxMs > 0 && this.now() >= this.#deadline ? "timeout" : undefined;
  }

  /** Stops the run and aborts its calls. Only the first reason counts. */
  stop(reason: StopReason): void {
    this.#stopReason ??= reason;
    this.#runController?.abort(this.#stopReason);
    this.#callController?.abort(this.#stopReason);
  }

  /** Aborts what still runs, because the run has ended. */
  end(): void {
    this.#hasEnded = true;
    this.#callController?.abort("ended");
  }

  /** Runs `body`. Until `body` ends, `caller` can cancel the run, and a timer stops the run at its limit. */
  async watch<T>(caller: AbortSignal | undefined, body: () => T | Promise<T>): Promise<T> {
    const cancel = (): void => this.stop("canceled");
    if (caller?.aborted === true) cancel();
    caller?.addEventListener("abort", cancel, { once: true });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watchDeadline = (): void => {
      if (this.stopReason() !== undefined) return this.stop("timeout");
      timer = setTimeout(watchDeadline, Math.min(this.remainingMs() ?? 0, MAX_TIMER_MS));
    };
    if (this.#maxMs > 0) watchDeadline();
    try {
      return await body();
    } finally {
      clearTimeout(timer);
      caller?.removeEventListener("abort", cancel);
    }
  }
}
