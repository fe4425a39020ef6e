/** The types of listed runs. They have a file of their own, because public types must not depend on the types of the database driver. */

export const RUN_STATES = ["queued", "running", "suspended", "in_doubt", "ended"] as const;
export type RunState = (typeof RUN_STATES)[number];

/** The worker that executes a run. */
export interface RunWorker {
  readonly id: string;
  /** The name of its machine. Undefined if the worker is gone: then another one will continue the run. */
  readonly host: string | undefined;
  /** When its lease ends or ended, in the same form as the times of a run. A worker in contact extends its lease. Undefined if it is gone. */
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
