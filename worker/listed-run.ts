/** What lists show of a run. Apart from the code that reads it, because the public types must not need those of the driver of the database. */

export const RUN_STATES = ["queued", "running", "suspended", "in_doubt", "ended"] as const;
export type RunState = (typeof RUN_STATES)[number];

/** The worker that executes a run. */
export interface RunWorker {
  readonly id: string;
  /** The name of its machine. Undefined if the worker is gone: then another one will go on with the run. */
  readonly host: string | undefined;
  /** When its lease ends, or ended, in the form of the times of a run. The worker extends it while it is in contact. Undefined if it is gone. */
  readonly leaseUntil: string | undefined;
  /** Whether it has a lease. */
  readonly isAlive: boolean;
}

/** A run as a list shows it. Times are RFC 3339 in UTC with microseconds. */
export interface ListedRun {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string;
  readonly program: string;
  readonly state: RunState;
  /** Undefined until the run has ended, or waits. */
  readonly outcome: string | undefined;
  readonly attempts: number;
  readonly submittedAt: string;
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
}
