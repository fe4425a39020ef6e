/** The databases for the tests of `db.query`: the embedded one, and where PostgreSQL is installed, a server of the test file. */
import { dbQueryHandler } from "../../../gateway/handlers/db-query.ts";
import { valueToTypedJson } from "../../../vm/json/typed-json.ts";
import { jsonToJs } from "../../../vm/json/js-interop.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { parseType } from "../../../vm/value/type.ts";
import type { Value } from "../../../vm/value/value.ts";
import { POSTGRES_BIN, SKIPPED, startPostgres, type PostgresServer } from "./postgres.ts";
import { callHandler, contextOf, failureOf, policyOf } from "./support.ts";

/** Every kind of statement that a policy can allow. */
export const ALL_KINDS = ["select", "insert", "update", "delete", "ddl"];

interface TestDatabase {
  readonly name: "embedded" | "server";
  readonly isAvailable: boolean;
  /** Starts the database and returns the environment variables that select it. Their role may create tables. */
  start(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

let server: PostgresServer | undefined;

/** The server of the test file. Throws before `start`. */
export function postgres(): PostgresServer {
  if (server === undefined) throw new Error("the server is not started");
  return server;
}

/** Settings that would change the text forms of values, if `db.query` did not set its own. */
const ODD_SETTINGS = [
  ["timezone", "Asia/Kathmandu"],
  ["datestyle", "German"],
  ["intervalstyle", "sql_standard"],
  ["bytea_output", "escape"],
  ["extra_float_digits", "-2"],
];

/** The two databases that `db.query` supports. */
export const DATABASES: readonly TestDatabase[] = [
  { name: "embedded", isAvailable: true, start: () => Promise.resolve({ BORUNA_DB: "memory" }), stop: () => Promise.resolve() },
  {
    name: "server",
    isAvailable: POSTGRES_BIN !== undefined,
    start: async () => {
      server = await startPostgres(POSTGRES_BIN ?? "");
      const settings = ODD_SETTINGS.map(([name, value]) => `alter role app set ${name} = '${value}'`).join("; ");
      await server.admin(
        `create role app login password '${server.password}'; grant create on schema public to app; grant create on database postgres to app; ${settings}`,
      );
      return { DATABASE_URL: server.url("app") };
    },
    stop: async () => server?.stop(),
  },
];

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

/** Calls `db.query` under a policy. */
export interface Query {
  /** Returns the rows as JavaScript values. */
  rows(sql: string, params?: readonly Value[], dbPolicy?: object, signal?: AbortSignal): Promise<unknown>;
  /** Returns the rows as values of the machine. */
  values(sql: string, params: readonly Value[]): Promise<Value>;
  /** Returns `failed: …` or `denied: …`. */
  failure(sql: string, params?: readonly Value[], dbPolicy?: object, signal?: AbortSignal): Promise<string>;
  /** Runs statements of any kind. */
  setUp(...statements: readonly string[]): Promise<void>;
}

/** Returns a function that makes a `db.query` call. */
export function queryOn(env: Readonly<Record<string, string>>, workingDirectory?: string): Query {
  const handler = dbQueryHandler({ env, workingDirectory });
  const call = (sql: string, params: readonly Value[], dbPolicy: object, signal = new AbortController().signal): Promise<Value> =>
    callHandler("db.query", handler, [sql, ListValue.of([...params])], contextOf(policyOf({ db_policy: dbPolicy }), { signal }));
  return {
    rows: async (sql, params = [], dbPolicy = {}, signal) =>
      jsonToJs(valueToTypedJson(await call(sql, params, dbPolicy, signal), parseType("List<Json>"), [])),
    values: (sql, params) => call(sql, params, {}),
    failure: (sql, params = [], dbPolicy = {}, signal) => failureOf(call(sql, params, dbPolicy, signal)),
    setUp: async (...statements) => {
      for (const sql of statements) await call(sql, [], { statements: ALL_KINDS });
    },
  };
}
