/** The connections of a worker or client to its PostgreSQL, and what happens while the server is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import pg, { type Pool } from "pg";
import { BorunaError, errorCode } from "../vm/error.ts";

/** How long it may take to get a connection, in milliseconds. */
const CONNECT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Opens connections when they are needed, at most `max`. Throws `usage` for an address of another form. No message contains the address. */
export function openPool(databaseUrl: string, max: number): Pool {
  if (!/^postgres(?:ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl))
    throw new BorunaError("usage", "the address of the database has another form than postgres://user:password@host/database", {
      hint: "give it with --database-url, or in DATABASE_URL",
    });
  const pool = new pg.Pool({ connectionString: databaseUrl, max, connectionTimeoutMillis: CONNECT_MS, application_name: "boruna" });
  // The pool removes an idle connection that fails, and the next query opens another. Without a listener, the process would end.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** The SQLSTATE classes of temporary errors: no connection, conflict, no resources, server shutdown. */
const PASSING = /^(08|40|53|57)/;

/** Whether the statement may succeed later, because the server is gone or busy. */
export function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  // Codes of the system begin with E, which no SQLSTATE does: EPIPE has five letters, too.
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? PASSING.test(code) : error instanceof Error && !(error instanceof BorunaError);
}

/** Repeats `work` while it fails with a temporary error. Throws any other error, and the last error when `signal` is aborted. */
export async function untilAnswered<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || signal?.aborted === true) throw error;
    }
    await sleep(pause);
  }
}

/** Says that the server cannot be reached, with the code of the reason only: the message of the error may contain the address. */
export function connectError(error: unknown): BorunaError {
  if (error instanceof BorunaError) return error;
  const code = errorCode(error);
  const reason = /^[A-Z0-9_]{1,40}$/.test(code) ? code : "no connection";
  return new BorunaError("worker.database", `the database cannot be used (${reason})`, {
    hint: "the address is that of --database-url, or DATABASE_URL; its role must be able to create schemas and tables",
    cause: error,
  });
}
