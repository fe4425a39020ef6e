/**
 * Keeps the runs of all workers going. Every worker tries to do this work; an advisory lock lets only one do it at a time.
 *
 * - A beat extends the lease of a worker. Each worker beats at least three times in the time of a lease. A worker that is gone, or stopped
 *   for longer than its lease, loses the lease.
 * - Reaping puts the runs of workers without a lease back into their queues. A worker that ended normally has removed its row, so its runs
 *   are put back at once.
 * - The sweep rewinds ended workflows whose runs should continue (`EngineClient`): a client wrote a decision and died, or the engine failed.
 * - Runs whose deadline passed while nobody executes them end, and ended runs are deleted when they are old enough.
 *
 * A worker that is stopped within its round, such as on a paused machine, would keep the lock as long as it is stopped. So the server ends the
 * session of a round that is silent for as long as the lease.
 *
 * While the database is gone, no worker can extend its lease. So a worker counts others as gone only after it has been in contact for long
 * enough (`contact.ts`).
 */
import type { Pool, PoolClient } from "pg";
import type { Engine, EngineClient } from "./engine.ts";
import {
  allWorkers,
  begunRuns,
  deadWorkers,
  deleteRuns,
  endLateRuns,
  expiredRuns,
  queuesOf,
  removeWorkers,
  runsToContinue,
} from "./store.ts";

/** The key of the advisory lock of the keeper. */
const KEEPER_LOCK = 0x0b0122;
/** Limit on the runs that one round deletes, and on those of each kind that it examines for a rewind. */
const BATCH = 500;

export interface KeeperOptions {
  readonly pool: Pool;
  readonly engine: Engine;
  readonly client: EngineClient;
  readonly leaseMs: number;
  readonly retainDays: number;
  /** Whether this worker has been in contact with the database for long enough to judge that workers without a lease are gone. */
  readonly mayJudge: boolean;
}

/** The counts of one round. */
export interface KeeperRound {
  readonly reaped: number;
  readonly deleted: number;
}

/** Does one round. Returns undefined if another worker has the lock. Throws errors of the database; the next round then does the rest. */
export async function keepRuns(options: KeeperOptions): Promise<KeeperRound | undefined> {
  const transaction = await options.pool.connect();
  try {
    await transaction.query("BEGIN");
    const { rows } = await transaction.query<{ locked: boolean }>(
      "SELECT pg_try_advisory_xact_lock($1) AS locked, set_config('idle_in_transaction_session_timeout', $2, true)",
      [KEEPER_LOCK, String(Math.ceil(options.leaseMs))],
    );
    const round = rows[0]?.locked === true ? await doRound(options, transaction) : undefined;
    await transaction.query("COMMIT");
    return round;
  } catch (error) {
    await transaction.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    transaction.release();
  }
}

/** Does the work of one round, in one transaction. */
async function doRound(options: KeeperOptions, transaction: PoolClient): Promise<KeeperRound> {
  const reaped = await reap(options, transaction);
  await rewindEnded(options, transaction);
  await endLateRuns(transaction);
  const expired = await expiredRuns(transaction, options.retainDays, BATCH);
  await options.engine.remove(expired);
  if (expired.length > 0) await deleteRuns(transaction, expired);
  return { reaped, deleted: expired.length };
}

/** Requeues the runs of every executor (a worker, as the engine calls it) that has no lease. Returns how many. */
async function reap({ engine, mayJudge }: KeeperOptions, transaction: PoolClient): Promise<number> {
  const dead = mayJudge ? await deadWorkers(transaction) : [];
  if (dead.length > 0) await removeWorkers(transaction, dead);
  // The order matters: a worker that starts between the two queries has no run in `pending`.
  const pending = await engine.pending();
  const living = new Set(await allWorkers(transaction));
  const stranded = pending.filter(({ executor }) => !living.has(executor)).map(({ id }) => id);
  await requeueRuns(engine, transaction, stranded);
  return stranded.length;
}

/** Puts runs back into their queues. */
export async function requeueRuns(engine: Engine, client: Pick<PoolClient, "query">, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const queues = await queuesOf(client, ids);
  for (const queue of new Set(queues.values()))
    await engine.requeue(
      ids.filter((id) => queues.get(id) === queue),
      queue,
    );
}

/** Rewinds the ended workflows of runs that should continue. */
async function rewindEnded({ client, leaseMs }: KeeperOptions, transaction: PoolClient): Promise<void> {
  const begun = await begunRuns(transaction, leaseMs, BATCH);
  const ended = new Set(await client.ended(begun.map(({ id }) => id)));
  const ready = begun.filter(({ id }) => ended.has(id));
  // An execution may have failed before its row said that it had begun.
  const failed = (await runsToContinue(transaction, await client.failed(BATCH))).filter(({ id }) => !ended.has(id));
  for (const run of [...ready, ...failed]) await client.rewind(run);
}
