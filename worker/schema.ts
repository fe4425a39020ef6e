/**
 * The tables of the worker, in the schema `boruna`, beside those of the engine (`engine.ts`):
 *
 *     programs    modules with their policies and own capabilities, once for each hash
 *     runs        one row for each run: what was submitted, its state, how it ended
 *     intents     calls that may not be repeated: which execution began each of them, and what the run's owner decided if it is in doubt
 *     decisions   what people and hosts decided about calls: approvals, answers
 *     workers     one row for each living worker, with the end of its lease
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { BorunaError, errorCode } from "../vm/error.ts";

/** The version of the tables. A worker brings older tables up to date. */
const VERSION = 1;

/** For each version of the tables: the statements that make the next version. Existing statements never change. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE boruna.programs (
     hash text PRIMARY KEY,
     module bytea NOT NULL,
     policy text NOT NULL,
     capabilities text NOT NULL,
     name text NOT NULL,
     used_at timestamptz NOT NULL DEFAULT now()
   );
   CREATE TABLE boruna.runs (
     id text PRIMARY KEY,
     queue text NOT NULL,
     tenant text NOT NULL,
     program text NOT NULL REFERENCES boruna.programs (hash),
     options json NOT NULL,
     state text NOT NULL DEFAULT 'queued',
     outcome text,
     result text,
     waiting json,
     worker text,
     executions integer NOT NULL DEFAULT 0,
     attempts integer NOT NULL DEFAULT 0,
     deadline timestamptz,
     cancel_at timestamptz,
     submitted_at timestamptz NOT NULL DEFAULT now(),
     started_at timestamptz,
     changed_at timestamptz NOT NULL DEFAULT now(),
     ended_at timestamptz
   );
   CREATE INDEX runs_by_state ON boruna.runs (state, submitted_at DESC, id DESC);
   CREATE INDEX runs_by_queue ON boruna.runs (queue, state, submitted_at DESC, id DESC);
   CREATE INDEX runs_by_tenant ON boruna.runs (tenant, state, submitted_at DESC, id DESC);
   CREATE INDEX runs_ended ON boruna.runs (ended_at) WHERE state = 'ended';
   CREATE INDEX runs_decided ON boruna.runs (changed_at) WHERE state IN ('queued', 'running') AND executions > 0;
   CREATE INDEX runs_deadline ON boruna.runs (deadline) WHERE state <> 'ended' AND deadline IS NOT NULL;
   CREATE INDEX runs_program ON boruna.runs (program);
   CREATE TABLE boruna.intents (
     run text NOT NULL REFERENCES boruna.runs (id) ON DELETE CASCADE,
     call integer NOT NULL,
     token text,
     decision text,
     PRIMARY KEY (run, call)
   );
   CREATE TABLE boruna.decisions (
     run text NOT NULL REFERENCES boruna.runs (id) ON DELETE CASCADE,
     call integer NOT NULL,
     kind text NOT NULL,
     body text NOT NULL,
     PRIMARY KEY (run, call, kind)
   );
   CREATE TABLE boruna.workers (
     id text PRIMARY KEY,
     host text NOT NULL,
     started_at timestamptz NOT NULL DEFAULT now(),
     expires_at timestamptz NOT NULL
   );`,
];

/** The keys of the advisory locks that are held while our tables, and those of the engine, are created. */
const SCHEMA_LOCK = 0x0b0121;
const ENGINE_LOCK = 0x0b0123;
/** How often a worker asks for `ENGINE_LOCK`, in milliseconds. */
const LOCK_POLL_MS = 100;

/** Runs `work` in one worker of this database at a time. Used for the start of the engine, which may create its tables. */
export async function oneAtATime<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    // Asks repeatedly. A statement that waits in the server would block the engine, whose concurrent index creation waits for all statements.
    for (;;) {
      const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [ENGINE_LOCK]);
      if (rows[0]?.locked === true) return await work();
      await sleep(LOCK_POLL_MS);
    }
  } finally {
    // Ends the connection, and with it the lock.
    client.release(true);
  }
}

/** The oldest major version of PostgreSQL that workers can use. */
const OLDEST_SERVER = 14;

/** Throws `worker.server` if the server is too old. `version` is its `server_version_num`, such as 150018 for 15.18. */
export function checkServer(version: number): void {
  const major = Math.floor(version / 10_000);
  if (major >= OLDEST_SERVER) return;
  throw new BorunaError("worker.server", `the database is PostgreSQL ${major}; workers need ${OLDEST_SERVER} or later`, {
    hint: "upgrade the server, or use another one",
  });
}

/** Makes the tables, or brings them up to date. Throws `worker.server`, and `worker.newer` if a newer Boruna made them. */
export async function prepareTables(pool: Pool): Promise<void> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");
    checkServer(rows[0]?.version ?? 0);
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [SCHEMA_LOCK]);
    await client.query("CREATE SCHEMA IF NOT EXISTS boruna");
    await client.query("CREATE TABLE IF NOT EXISTS boruna.version (version integer NOT NULL)");
    const version = await versionIn(client);
    checkVersion(version);
    for (const statements of MIGRATIONS.slice(version)) await client.query(statements);
    if (version !== VERSION) {
      await client.query("DELETE FROM boruna.version");
      await client.query("INSERT INTO boruna.version VALUES ($1)", [VERSION]);
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Throws `worker.no_tables` if no worker has used this database, `worker.newer` if a newer one has. */
export async function checkTables(pool: Pool): Promise<void> {
  try {
    checkVersion(await versionIn(pool));
  } catch (error) {
    // The table or its schema does not exist.
    if (!["42P01", "3F000"].includes(errorCode(error))) throw error;
    throw new BorunaError("worker.no_tables", "no worker has used this database yet", {
      hint: "`boruna worker` with the same address makes the tables that runs are kept in",
      cause: error,
    });
  }
}

async function versionIn(client: Pick<Pool, "query">): Promise<number> {
  const { rows } = await client.query<{ version: number }>("SELECT version FROM boruna.version");
  return rows[0]?.version ?? 0;
}

function checkVersion(version: number): void {
  if (version <= VERSION) return;
  throw new BorunaError("worker.newer", `a newer Boruna made the tables of this database: version ${version}, this one knows ${VERSION}`, {
    hint: "Use the newer version. Workers of the older one can end their runs.",
  });
}
