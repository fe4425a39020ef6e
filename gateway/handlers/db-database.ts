/** What `db.query` needs of a database. `db-embedded.ts` and `db-server.ts` provide it. */
import type { ClientBase } from "pg";
import { startDeadline } from "../deadline.ts";
import { CapabilityFailure } from "../handlers.ts";

export interface Database {
  /**
   * Calls `work` with a connection that no other call uses at the same time. Stops the statement when `signal` is aborted, or `timeoutMs`
   * milliseconds after the connection was obtained; 0 means no limit. Throws `CapabilityFailure` if it gets no connection, or if it stops the
   * statement.
   */
  use<T>(work: (client: ClientBase) => Promise<T>, signal: AbortSignal, timeoutMs: number): Promise<T>;
}

/** Runs `work` with a time limit. If it does not end in time, or `signal` is aborted, calls `stop` and throws. */
export async function runStoppable<T>(work: () => Promise<T>, stop: () => void, signal: AbortSignal, timeoutMs: number): Promise<T> {
  const deadline = startDeadline(signal, timeoutMs);
  try {
    return await rejectOnAbort(work(), deadline.signal);
  } catch (error) {
    if (deadline.signal.aborted) stop();
    if (deadline.isOver()) throw new CapabilityFailure(`no answer within ${timeoutMs} ms`);
    throw error;
  } finally {
    deadline.end();
  }
}

/** Settles as `work` does, or rejects as soon as the signal is aborted. A later result of `work` is ignored. */
export async function rejectOnAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new CapabilityFailure("the call was stopped"));
  });
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
