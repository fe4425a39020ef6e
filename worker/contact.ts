/**
 * The contact of a worker with its database. The worker beats: it extends its lease. `Contact` knows whether the worker has its lease,
 * whether the database answers, and whether it has answered for long enough to judge that other workers are gone.
 */

/** How often a worker beats, in milliseconds. If a third of its lease is shorter, it beats after each third. */
const BEAT_MS = 1_000;
/** After its start, a worker gives the others at least this time to beat before it judges them, in milliseconds. (With a shorter lease: the lease.) */
const FIRST_JUDGMENT_MS = 1_000;
/** A worker that was stopped for longer than its lease gives the others this many rounds to beat: if the machine was paused, they were stopped too. */
const ROUNDS_AFTER_STOP = 2;
/** After this many rounds without an answer, the contact counts as lost. */
const MISSED_ROUNDS = 3;

export interface ContactOptions {
  /** How long the worker may be silent, in milliseconds. */
  readonly leaseMs: number;
  /** Extends the lease. Returns false if others have taken it. Rejects while the database is gone, or never settles. */
  readonly beat: () => Promise<boolean>;
  /** Called when others have taken the lease. */
  readonly onLost: () => void;
  /** Receives a line when the contact is lost, and one when it is regained. */
  readonly onNotice: (line: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

export class Contact {
  /** How often to call `round`, in milliseconds. */
  readonly everyMs: number;
  readonly #options: ContactOptions;
  readonly #now: () => number;
  /** When the last successful beat began, and when it was answered. */
  #lastBeat = 0;
  #lastAnswer = 0;
  /**
   * The time from which on this worker may judge that others are gone, because by then every living worker has had time to beat. If the
   * database was gone, that takes a full lease, because all of them must reach it again.
   */
  #judgesFrom = 0;
  #isBeating = false;
  #missed = 0;

  constructor(options: ContactOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.everyMs = Math.min(BEAT_MS, options.leaseMs / 3);
    this.begin();
  }

  /** Call this when the worker has just taken its lease. */
  begin(): void {
    this.#lastBeat = this.#now();
    this.#lastAnswer = this.#lastBeat;
    const { leaseMs } = this.#options;
    this.#judgesFrom = this.#lastBeat + Math.min(leaseMs, Math.max(FIRST_JUDGMENT_MS, leaseMs / 2));
  }

  /** Whether the worker surely has its lease. */
  get hasLease(): boolean {
    return this.#now() - this.#lastBeat < this.#options.leaseMs;
  }

  /** Whether the database answers. */
  get isInContact(): boolean {
    return this.#missed < MISSED_ROUNDS && this.hasLease;
  }

  /** Whether another worker without a lease counts as gone. If false, it may have lost its lease because the database was gone. */
  get mayJudge(): boolean {
    return this.isInContact && this.#now() >= this.#judgesFrom;
  }

  /** Beats, unless the last beat is still under way. Rejects with an error that is not transient. */
  async round(isTransient: (error: unknown) => boolean): Promise<void> {
    this.#miss();
    if (this.#isBeating) return;
    this.#isBeating = true;
    try {
      const begun = this.#now();
      const hasLease = await this.#options.beat();
      if (hasLease) this.#answered(begun);
      else this.#options.onLost();
    } catch (error) {
      if (!isTransient(error)) throw error;
    } finally {
      this.#isBeating = false;
    }
  }

  /** Counts this round as missed until the database answers. A process that was stopped for long counts one missed round, not many. */
  #miss(): void {
    this.#missed += 1;
    if (this.#missed !== MISSED_ROUNDS) return;
    const { leaseMs, onNotice } = this.#options;
    onNotice(
      `lost contact with the database: calls wait until it is back; after ${leaseMs / 1_000} s without contact, other workers may take the runs`,
    );
  }

  #answered(begun: number): void {
    const now = this.#now();
    const silentMs = now - this.#lastAnswer;
    if (this.#missed >= MISSED_ROUNDS) this.#options.onNotice(`in contact with the database again, after ${Math.ceil(silentMs / 1_000)} s`);
    if (this.#missed >= MISSED_ROUNDS) this.#judgesFrom = now + this.#options.leaseMs;
    // Few rounds were missed in this time, so it was this process that did not run.
    else if (silentMs > this.#options.leaseMs) this.#judgesFrom = Math.max(this.#judgesFrom, now + ROUNDS_AFTER_STOP * this.everyMs);
    this.#missed = 0;
    this.#lastBeat = begun;
    this.#lastAnswer = now;
  }
}
