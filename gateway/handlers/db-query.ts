/**
 * `db.query`: one SQL statement with bound parameters. The database is the embedded PostgreSQL in `.boruna/db`, unless the operator sets
 * `BORUNA_DB` (another folder, or memory) or `DATABASE_URL` (a server).
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ListValue } from "../../vm/value/list.ts";
import { CapabilityDenied, CapabilityFailure, type MachineFunction } from "../handlers.ts";
import type { Database } from "./db-database.ts";
import { queryRow, runStatement } from "./db-statement.ts";
import type { Environment } from "./secrets.ts";

interface DbQueryOptions {
  /** `BORUNA_DB` and `DATABASE_URL` choose the database. */
  readonly env: Environment;
  /** The directory to which the database's folder is relative. Default: that of the process. */
  readonly workingDirectory?: string | undefined;
}

/** Where the embedded database is if no variable is set, relative to the working directory. */
export const DEFAULT_DB_FOLDER = ".boruna/db";
const IN_MEMORY = "memory";
/** The protocol's limit on the parameters of a statement. */
const MAX_PARAMS = 65_535;

export function dbQueryHandler(options: DbQueryOptions): MachineFunction {
  return async ([sql, params], { policy, signal }) => {
    if (typeof sql !== "string" || !(params instanceof ListValue)) throw new CapabilityFailure("db.query takes a statement and a list");
    const { db_policy } = policy;
    if (db_policy.statements.length === 0) throw new CapabilityDenied("the policy allows no kind of statement (db_policy.statements)");
    if (sql.includes("\0")) throw new CapabilityFailure("the statement holds a NUL character");
    if (params.length > MAX_PARAMS) throw new CapabilityFailure(`a statement takes at most ${MAX_PARAMS} parameters`);
    const statement = { sql, params: params.toArray(), policy: db_policy };
    const database = await chooseDatabase(options);
    return database.use((client) => runStatement(client, statement), signal, db_policy.timeout_ms);
  };
}

/**
 * Connects to the database and returns the version of PostgreSQL; undefined if the embedded database does not exist yet. Throws
 * `CapabilityFailure`.
 */
export async function databaseVersion(options: DbQueryOptions, signal: AbortSignal): Promise<string | undefined> {
  const folder = databaseFolder(options);
  if (folder !== undefined && !existsSync(folder)) return undefined;
  const database = await chooseDatabase(options);
  const row = await database.use((client) => queryRow(client, "SHOW server_version"), signal, 0);
  return String(row["server_version"]);
}

/** Loads and returns the database. */
async function chooseDatabase(options: DbQueryOptions): Promise<Database> {
  const choice = choiceOf(options);
  if (choice.kind === "server") return (await import("./db-server.ts")).serverDatabase(choice.url);
  if (/^[a-z]+:\/\//i.test(choice.name))
    throw new CapabilityFailure('BORUNA_DB is a folder, or "memory". The address of a server goes into DATABASE_URL');
  const { embeddedDatabase } = await import("./db-embedded.ts");
  return embeddedDatabase(choice.folder, choice.name);
}

/** Which database to use. An embedded database is in memory if `folder` is undefined. Messages show its `name`. */
type Choice =
  | { readonly kind: "server"; readonly url: string }
  | { readonly kind: "embedded"; readonly folder: string | undefined; readonly name: string };

/** Chooses the database. `BORUNA_DB` wins over `DATABASE_URL`, which may be set for other programs. */
function choiceOf({ env, workingDirectory = process.cwd() }: DbQueryOptions): Choice {
  const name = env["BORUNA_DB"]?.trim() ?? "";
  const url = env["DATABASE_URL"]?.trim() ?? "";
  if (name === "" && url !== "") return { kind: "server", url };
  if (name === IN_MEMORY) return { kind: "embedded", folder: undefined, name: "in memory" };
  return { kind: "embedded", folder: resolve(workingDirectory, name || DEFAULT_DB_FOLDER), name: name || DEFAULT_DB_FOLDER };
}

/** Returns the absolute path of the embedded database's folder, or undefined for a database elsewhere. */
export function databaseFolder(options: DbQueryOptions): string | undefined {
  const choice = choiceOf(options);
  return choice.kind === "embedded" ? choice.folder : undefined;
}
