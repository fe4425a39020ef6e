/** A PostgreSQL server, reached through a pool of connections. All runs of a process share the pool of an address. */
import type { ClientBase, PoolClient } from "pg";
import { CapabilityFailure } from "../handlers.ts";
import { importOptional } from "../optional-package.ts";
import { runStoppable, rejectOnAbort, type Database } from "./db-database.ts";
import { codeOf, queryRow, resetSession } from "./db-statement.ts";
import { errorCode } from "../../vm/error.ts";

/** Maximum connections of one process to one address. Further calls wait. */
const MAX_CONNECTIONS = 10;
/** Limit on the time to get a connection, in milliseconds. */
const CONNECT_MS = 10_000;
/** An unused connection is closed after this time, in milliseconds. */
const IDLE_MS = 10_000;

/** Makes the server end a statement about 1 s after the client is gone. Servers on some operating systems lack this setting. */
const WATCH_CLIENT = "SET client_connection_check_interval = 1000";

/** Asks whether the role can reach outside the database: read or write the server's files, or start programs. */
const CAN_LEAVE = `SELECT pg_catalog.count(*) > 0 AS leaves FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(session_user, r.oid, 'member')
  AND (r.rolsuper OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))`;

const ignore = (): void => undefined;

/** Connections whose role was checked. */
const CHECKED = new WeakSet<ClientBase>();

const DATABASES = new Map<string, Database>();

/** Returns the database at `url`, which is `DATABASE_URL`. No message contains it. */
export async function serverDatabase(url: string): Promise<Database> {
  const { default: pg } = await importOptional(
    "db.query",
    () => import("pg"),
    (text) => new CapabilityFailure(text),
  );
  const known = DATABASES.get(url);
  if (known !== undefined) return known;
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url))
    throw new CapabilityFailure("DATABASE_URL is no address of a PostgreSQL server: postgres://user:password@host/database");
  const connect = { connectionString: url, connectionTimeoutMillis: CONNECT_MS, application_name: "boruna" };
  const pool = new pg.Pool({ ...connect, max: MAX_CONNECTIONS, idleTimeoutMillis: IDLE_MS, allowExitOnIdle: true });
  // The pool removes an idle connection that fails. Without a listener, the process would end.
  pool.on("error", ignore);
  const cancel = (client: ClientBase): Promise<void> => cancelStatement(client, new pg.Client(connect));
  const database: Database = { use: (work, signal, timeoutMs) => useConnection(() => pool.connect(), cancel, work, signal, timeoutMs) };
  DATABASES.set(url, database);
  return database;
}

async function useConnection<T>(
  connect: () => Promise<PoolClient>,
  cancel: (client: ClientBase) => Promise<void>,
  work: (client: ClientBase) => Promise<T>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<T> {
  const connecting = connect();
  const client = await rejectOnAbort(connecting, signal).catch((error: unknown) => {
    void connecting.then(
      (late) => late.release(),
      () => undefined,
    );
    throw connectFailure(error);
  });
  // If the connection is lost, the call in progress fails on its own. Without a listener, the process would end.
  client.on("error", ignore);
  const release = (close: boolean): void => {
    client.removeListener("error", ignore);
    client.release(close);
  };
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    void cancel(client).finally(() => release(true));
  };
  let isReset = false;
  const session = async (): Promise<T> => {
    try {
      return await workInSession(client, work);
    } finally {
      isReset = await resetSession(client);
    }
  };
  try {
    return await runStoppable(session, stop, signal, timeoutMs);
  } finally {
    if (!isStopped) release(!isReset);
  }
}

async function workInSession<T>(client: ClientBase, work: (client: ClientBase) => Promise<T>): Promise<T> {
  // An error here means that the server has no such setting, or that the connection is lost, which the next query notices.
  await client.query(WATCH_CLIENT).catch(() => undefined);
  if (!CHECKED.has(client)) await checkRole(client);
  return work(client);
}

/** Throws `CapabilityFailure` if the role can reach outside the database. Called once for each connection. */
async function checkRole(client: ClientBase): Promise<void> {
  const role = await queryRow(client, CAN_LEAVE).catch((error: unknown) => {
    throw connectFailure(error);
  });
  if (role["leaves"] !== false)
    throw new CapabilityFailure(
      "the role of DATABASE_URL can reach the server's files and programs (a superuser, or a member of pg_execute_server_program, pg_read_server_files or pg_write_server_files). Use a role that cannot; docs/guide/db-query.md shows how to create one",
    );
  CHECKED.add(client);
}

/** Asks the server, on another connection, to stop the statement of `client`. Does not throw: `statement_timeout` ends the statement anyway. */
async function cancelStatement(client: ClientBase, canceler: ClientBase & { readonly end: () => Promise<void> }): Promise<void> {
  const processId: unknown = "processID" in client ? client.processID : undefined;
  canceler.on("error", ignore);
  try {
    await canceler.connect();
    await canceler.query("SELECT pg_catalog.pg_cancel_backend($1::int)", [processId]);
    await canceler.end();
  } catch {
    await canceler.end().catch(() => undefined);
  }
}

/** Returns the failure of a connection. It shows only the error's code: the error's message may contain the address or the user. */
function connectFailure(error: unknown): CapabilityFailure {
  if (error instanceof CapabilityFailure) return error;
  const systemCode = errorCode(error);
  const code = codeOf(error) ?? (/^E[A-Z_]{1,40}$/.test(systemCode) ? systemCode : undefined);
  const reason = code ?? `no connection within ${CONNECT_MS / 1_000} s`;
  return new CapabilityFailure(`the server at DATABASE_URL cannot be reached (${reason})`);
}
