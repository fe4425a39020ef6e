/**
 * All runs of a thread share its event loop. Together they may use the thread for one turn. Then the event loop runs once, so that
 * timers, sockets and signals are served. After that, the waiting run that has had the fewest turns continues (ADR 021).
 */
import { afterMicrotasks, afterOneLoop } from "./platform.ts";

/** Length of a turn, in milliseconds. */
const TURN_MS = 2;
/** The machine often asks whether to pause. If its requests are less than this many milliseconds apart, some of them do not read the clock. */
const FREQUENT_MS = 0.1;
/** At most this many requests in a row do not read the clock. */
const MAX_SKIPPED = 3;

/** If other runs share the thread, a pause is late after this many milliseconds of a turn. */
const LATE_MS = 4;
/** If the run is alone, a pause is late after this many milliseconds, or after this part of the time that the run has used if that is longer. */
const LATE_ALONE_MS = 500;
const LATE_ALONE_PART = 1 / 4;

interface WaitingRun {
  readonly resume: () => void;
  /** Number of runs that began to wait before this one. */
  readonly arrival: number;
}

/** Once in this number of choices, the run that has waited longest continues. */
const LONGEST_WAIT_EVERY = 8;

/**
 * The runs that wait for a turn. The run that has had the fewest turns continues, so a run that mostly waits for answers goes before runs
 * that compute. Numbers of turns with the same number of bits count as equal, and among equals the run that has waited longest continues. At
 * every eighth choice only the wait counts, so that a stream of short runs cannot stop a long one.
 */
export class WaitingRuns {
  /** One queue for each number of bits that the number of turns can have. */
  readonly #levels: WaitingRun[][] = [];
  #arrivals = 0;
  /** Number of choices so far. */
  #taken = 0;

  get isEmpty(): boolean {
    return this.#levels.every((level) => level.length === 0);
  }

  add(turns: number, resume: () => void): void {
    const level = 32 - Math.clz32(Math.min(turns, 2 ** 31));
    while (this.#levels.length <= level) this.#levels.push([]);
    this.#levels[level]?.push({ resume, arrival: this.#arrivals });
    this.#arrivals += 1;
  }

  /** Removes the run that continues next and returns the function that resumes it. */
  take(): (() => void) | undefined {
    const occupied = this.#levels.filter((level) => level.length > 0);
    this.#taken += 1;
    const next = this.#taken % LONGEST_WAIT_EVERY === 0 ? longestWait(occupied) : occupied[0];
    return next?.shift()?.resume;
  }
}

/** Returns the queue whose first run has waited longest. */
function longestWait(occupied: readonly WaitingRun[][]): WaitingRun[] | undefined {
  return occupied.reduce<WaitingRun[] | undefined>(
    (best, level) => (best === undefined || arrivalOf(level) < arrivalOf(best) ? level : best),
    undefined,
  );
}

const arrivalOf = ([first]: readonly WaitingRun[]): number => first?.arrival ?? Number.POSITIVE_INFINITY;

/** Milliseconds that runs have used in this turn. */
let usedMs = 0;
const waitingRuns = new WaitingRuns();
let isNextTurnScheduled = false;
/** Number of runs that have begun and not ended, and one more if the thread also has other work that must not wait. */
let sharers = 0;

/** Says that the thread also has other work that must not wait for a run, such as messages that start runs. */
export function keepThreadFree(): void {
  sharers += 1;
}

/** Lets one run take part in the turns. The time that any run of the thread uses counts towards the same turn. */
export class RunTurns {
  readonly #now: () => number;
  /** Time at which the run last got the thread or read the clock, in milliseconds. Undefined while the run waits. */
  #since: number | undefined;
  /** Milliseconds that this run has used. */
  #usedMs = 0;
  /** Number of requests for a pause since the clock was last read. */
  #skipped = 0;
  /** At most this many requests in a row skip reading the clock now. The number adapts to how frequent they are. */
  #maxSkipped = 1;

  /** `now` returns the milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** Call it when the run begins, and `end` when it has ended. */
  begin(): void {
    sharers += 1;
  }

  end(): void {
    sharers -= 1;
    this.leave();
  }

  /** Returns undefined while the turn lasts. After that, returns a promise that resolves when the run may continue. */
  pause(): Promise<undefined> | undefined {
    if (!this.isOver()) return undefined;
    return new Promise((resolve) => {
      waitingRuns.add(Math.floor(this.#usedMs / TURN_MS), () => {
        this.#since = this.#now();
        resolve(undefined);
      });
      scheduleNextTurn();
    });
  }

  /** Whether the turn is over. If it is, `pause` returns a promise. */
  isOver(): boolean {
    if (this.#since !== undefined && this.#skipped < this.#maxSkipped) this.#skipped += 1;
    else {
      this.#skipped = 0;
      this.#maxSkipped = this.#countTime() < FREQUENT_MS ? Math.min(this.#maxSkipped + 1, MAX_SKIPPED) : this.#maxSkipped >> 1;
    }
    return usedMs >= TURN_MS;
  }

  /**
   * Whether the turn has been over for so long that work is discarded so that the run can pause (ADR 021). A run that is alone on its thread
   * discards less.
   */
  isLate(): boolean {
    return usedMs >= (sharers > 1 ? LATE_MS : Math.max(LATE_ALONE_MS, this.#usedMs * LATE_ALONE_PART));
  }

  /**
   * Gives the rest of the turn to the next run. Call it when this run has ended or waits for an answer. The next run continues after the
   * microtasks, since they pass the result of this run on.
   */
  leave(): void {
    this.#countTime();
    this.#since = undefined;
    if (usedMs < TURN_MS && !waitingRuns.isEmpty) afterMicrotasks(useRestOfTurn);
  }

  /** Counts the time since the run last read the clock, and returns it in milliseconds. */
  #countTime(): number {
    const now = this.#now();
    const ms = now - (this.#since ?? now);
    this.#since = now;
    this.#usedMs += ms;
    usedMs += ms;
    return ms;
  }
}

function useRestOfTurn(): void {
  if (usedMs < TURN_MS) waitingRuns.take()?.();
}

/** Starts the next turn when the event loop has run once. */
function scheduleNextTurn(): void {
  if (isNextTurnScheduled || waitingRuns.isEmpty) return;
  isNextTurnScheduled = true;
  afterOneLoop(() => {
    isNextTurnScheduled = false;
    usedMs = 0;
    waitingRuns.take()?.();
    scheduleNextTurn();
  });
}
