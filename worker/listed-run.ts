/** Types of runs in lists. They have their own file, because public types must not depend on the types of the database driver. */

export const RUN_STATES = ["queued", "running", "suspended", "in_doubt", "ended"] as const;
export type RunState = (typeof RUN_STATES)[number];

/** The worker that executes a run. */
export interface RunWorker {
  readonly id: string;
  /** The host name of its computer. Undefined if the worker is gone; another worker will then continue the run. */
  readonly host: string | undefined;
  /** When its lease ends or ended, in the same form as the times of a run. Undefined if the worker is gone. */
  readonly leaseUntil: string | undefined;
  /** Whether it has a lease. */
  readonly isAlive: boolean;
}

/** A run as a list shows it. Times are RFC 3339 in UTC with microseconds. */
export interface ListedRun {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string;
  /** The name of the program. */
  readonly program: string;
  readonly state: RunState;
  /** Undefined while the run is queued or running. */
  readonly outcome: string | undefined;
  /** The executions since the run was submitted or last waited. */
  readonly attempts: number;
  readonly submittedAt: string;
  /** When the first execution began. */
  readonly startedAt: string | undefined;
  readonly endedAt: string | undefined;
}
