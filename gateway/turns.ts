/**
 * All runs of a process share its event loop. Together they may use the thread for one turn. Then the event loop runs once,
 * so that timers, sockets and signals are served, and the run that has waited longest continues (ADR 021).
 */

/** Milliseconds of a turn. */
const TURN_MS = 15;
/** If two requests for a pause are closer than this many milliseconds, not every one reads the clock. */
const FREQUENT_MS = 1;
const MAX_SKIPPED = 3;

/** Milliseconds that runs have used in this turn. */
let usedMs = 0;
/** Runs that wait for a turn, in order. */
const waiting: (() => void)[] = [];
let isNextTurnScheduled = false;

/** The part of one run in the turns. The turn is shared, so the time of every run counts. */
export class RunTurns {
  readonly #now: () => number;
  /** When the run last got the thread or read the clock; undefined while it waits. */
  #since: number | undefined;
  /** Requests for a pause since the clock was last read, and how many may pass without reading it. */
  #skipped = 0;
  #maySkip = 1;

  /** `now`: milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** Undefined while the turn lasts; then a promise that resolves when the run may continue. */
  pause(): Promise<undefined> | undefined {
    if (this.#since !== undefined && this.#skipped < this.#maySkip) this.#skipped += 1;
    else {
      this.#skipped = 0;
      this.#maySkip = this.#count() < FREQUENT_MS ? Math.min(this.#maySkip + 1, MAX_SKIPPED) : this.#maySkip >> 1;
    }
    if (usedMs < TURN_MS) return undefined;
    return new Promise((resolve) => {
      waiting.push(() => {
        this.#since = this.#now();
        resolve(undefined);
      });
      scheduleNextTurn();
    });
  }

  /** Gives the rest of the turn to the next run: this one has ended, or waits for an answer. */
  leave(): void {
    this.#count();
    this.#since = undefined;
    if (usedMs < TURN_MS) waiting.shift()?.();
  }

  /** Counts the time since the run last read the clock, and returns it in milliseconds. */
  #count(): number {
    const now = this.#now();
    const ms = now - (this.#since ?? now);
    this.#since = now;
    usedMs += ms;
    return ms;
  }
}

/** An immediate that is set inside an immediate runs after timers and sockets; a `MessageChannel` message may run before them. */
function scheduleNextTurn(): void {
  if (isNextTurnScheduled || waiting.length === 0) return;
  isNextTurnScheduled = true;
  setImmediate(() => {
    isNextTurnScheduled = false;
    usedMs = 0;
    waiting.shift()?.();
    scheduleNextTurn();
  });
}
