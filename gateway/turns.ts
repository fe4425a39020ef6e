/**
 * All runs of a process share its event loop. Together they may use the thread for one turn. Then the event loop runs once,
 * so that timers, sockets and signals are served, and the run that has waited longest continues (ADR 021).
 */

/** Length of a turn, in milliseconds. */
const TURN_MS = 15;
/** If requests for a pause are less than this many milliseconds apart, some of them do not read the clock. */
const FREQUENT_MS = 1;
/** Limit on the consecutive requests that do not read the clock. */
const MAX_SKIPPED = 3;

/** Milliseconds that runs have used in this turn. */
let usedMs = 0;
/** Functions that resume the runs waiting for a turn, in order. */
const waitingRuns: (() => void)[] = [];
let isNextTurnScheduled = false;

/** Lets one run take part in the turns. All runs share one turn, so the time of each of them counts. */
export class RunTurns {
  readonly #now: () => number;
  /** Time at which the run last got the thread or read the clock, in milliseconds. Undefined while the run waits. */
  #since: number | undefined;
  /** Number of requests for a pause since the clock was last read. */
  #skipped = 0;
  /** How many of these requests may skip reading the clock. It adapts to how frequent they are. */
  #maxSkipped = 1;

  /** `now` returns the milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** Returns undefined while the turn lasts. After that, returns a promise that resolves when the run may continue. */
  pause(): Promise<undefined> | undefined {
    if (this.#since !== undefined && this.#skipped < this.#maxSkipped) this.#skipped += 1;
    else {
      this.#skipped = 0;
      this.#maxSkipped = this.#countTime() < FREQUENT_MS ? Math.min(this.#maxSkipped + 1, MAX_SKIPPED) : this.#maxSkipped >> 1;
    }
    if (usedMs < TURN_MS) return undefined;
    return new Promise((resolve) => {
      waitingRuns.push(() => {
        this.#since = this.#now();
        resolve(undefined);
      });
      scheduleNextTurn();
    });
  }

  /** Gives the rest of the turn to the next run. Call it when this run has ended or waits for an answer. */
  leave(): void {
    this.#countTime();
    this.#since = undefined;
    if (usedMs < TURN_MS) waitingRuns.shift()?.();
  }

  /** Counts the time since the run last read the clock, and returns it in milliseconds. */
  #countTime(): number {
    const now = this.#now();
    const ms = now - (this.#since ?? now);
    this.#since = now;
    usedMs += ms;
    return ms;
  }
}

/**
 * Starts the next turn when the event loop has run once. Uses `setImmediate`, because an immediate that is set inside an immediate runs
 * after timers and sockets. A message of a `MessageChannel` may run before them.
 */
function scheduleNextTurn(): void {
  if (isNextTurnScheduled || waitingRuns.length === 0) return;
  isNextTurnScheduled = true;
  setImmediate(() => {
    isNextTurnScheduled = false;
    usedMs = 0;
    waitingRuns.shift()?.();
    scheduleNextTurn();
  });
}
