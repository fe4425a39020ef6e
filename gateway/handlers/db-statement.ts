/**
 * Runs one statement of a program on a connection, under a policy that the database itself enforces. Boruna does not parse the SQL.
 *
 *     BEGIN READ ONLY                     only if the policy allows nothing but select
 *     PREPARE boruna AS <the statement>   the database's grammar takes one SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE here
 *     bind, execute                       parameters as values; rows in portions
 *     count the changed rows              if the policy allows writes: fail if there was a change of a kind that it does not list
 *     COMMIT or ROLLBACK
 *
 * The program's text goes through the extended protocol, which takes one statement. ADR 028 explains each safeguard.
 */
import type { ClientBase, Connection, Submittable } from "pg";
import type { DbPolicy } from "../../policy/policy.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import type { Value } from "../../vm/value/value.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";
import { parameterText, readValue } from "./db-types.ts";
import { errorCode } from "../../vm/error.ts";

interface Statement {
  readonly sql: string;
  readonly params: readonly Value[];
  readonly policy: DbPolicy;
}

type StatementKind = DbPolicy["statements"][number];

/** Number of rows that the database sends at once, as one portion. */
const PORTION_ROWS = 256;
/** Limit on the bytes of a result, as the database sends it. */
export const MAX_RESULT_BYTES = 64 * 1024 * 1024;
/** Limit on one portion, in bytes. A larger portion ends the connection. */
const MAX_PORTION_BYTES = 4 * MAX_RESULT_BYTES;
/**
 * By how many milliseconds `statement_timeout` is longer than the policy's time limit. The server then ends a statement that Boruna could
 * not stop.
 */
const SERVER_GRACE_MS = 1_000;
/** The largest number that `statement_timeout` takes, in milliseconds. */
const MAX_SERVER_TIMEOUT_MS = 2 ** 31 - 1;
const PREPARE = "PREPARE boruna AS ";

/** SQLSTATE codes (PostgreSQL, appendix A) that need more than the database's message. */
const SYNTAX_ERROR = "42601";
const READ_ONLY = "25006";

/**
 * Runs the statement and returns its rows, one object each. Throws `CapabilityDenied` for a statement that the policy forbids, and
 * `CapabilityFailure` for one that fails. A failed statement has changed nothing, unless the connection was lost during the commit.
 */
export async function runStatement(client: ClientBase, statement: Statement): Promise<ListValue> {
  const { statements, timeout_ms } = statement.policy;
  const mayWrite = statements.some((kind) => kind !== "select");
  try {
    await client.query(beginText(mayWrite, timeout_ms));
    const rows = await (mayWrite ? runWrite(client, statement) : runRead(client, statement));
    // A read is rolled back, together with the settings that its functions changed.
    await client.query(mayWrite ? "COMMIT" : "ROLLBACK");
    return rows;
  } catch (error) {
    // If this fails, the connection is lost. `resetSession` will notice that.
    await client.query("ROLLBACK").catch(() => undefined);
    throw failureOfDatabase(error, statements);
  }
}

async function runRead(client: ClientBase, statement: Statement): Promise<ListValue> {
  return (await readRows(client, statement)).rows;
}

/** Runs a statement that may write. Then checks its kind and the kinds of its changes. */
async function runWrite(client: ClientBase, statement: Statement): Promise<ListValue> {
  const { statements } = statement.policy;
  const before = await countChanges(client);
  const { rows, tag, isPlain } = await readRows(client, statement);
  checkKind(statements, tag, isPlain);
  // Deferred triggers change rows too.
  await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  checkChanges(statements, difference(await countChanges(client), before));
  return rows;
}

/** Removes everything that a statement can leave in the session, such as settings and locks. Returns false if the connection is not usable. */
export function resetSession(client: ClientBase): Promise<boolean> {
  return client.query("DISCARD ALL").then(
    () => true,
    () => false,
  );
}

function beginText(mayWrite: boolean, timeoutMs: number): string {
  const serverTimeout = timeoutMs === 0 ? 0 : Math.min(timeoutMs + SERVER_GRACE_MS, MAX_SERVER_TIMEOUT_MS);
  return [
    `BEGIN ${mayWrite ? "READ WRITE" : "READ ONLY"}`,
    `SET LOCAL statement_timeout = ${serverTimeout}`,
    // The text forms that `db-types.ts` reads.
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
    // A transaction cannot become READ WRITE after its first query. This is a second safeguard: PREPARE already refuses SET.
    "SELECT 1",
  ].join("; ");
}

/** The rows that a transaction has changed, by kind. `ddl` counts rows of the system catalogs. */
type Changes = Readonly<Record<Exclude<StatementKind, "select">, number>>;

/**
 * The database counts the rows that each table gains and loses, whichever statement, CTE, function or trigger changes them. The sums may
 * still include earlier transactions, so a difference of two sums is used. Tables of the schema pg_toast, which store values that are too
 * long for a row, are left out, because they add no information. The search path is replaced, so that no object of the program can hide
 * one of the catalog.
 */
const COUNT_CHANGES = `SAVEPOINT boruna; SET LOCAL search_path = pg_catalog, pg_temp;
SELECT sum(n_tup_ins) FILTER (WHERE schemaname <> 'pg_catalog') AS insert, sum(n_tup_upd) FILTER (WHERE schemaname <> 'pg_catalog') AS update,
  sum(n_tup_del) FILTER (WHERE schemaname <> 'pg_catalog') AS delete, sum(n_tup_ins + n_tup_upd + n_tup_del) FILTER (WHERE schemaname = 'pg_catalog') AS ddl,
  current_setting('track_counts') AS counts
FROM pg_stat_xact_all_tables WHERE schemaname !~ '^pg_toast';
ROLLBACK TO SAVEPOINT boruna; RELEASE SAVEPOINT boruna`;

async function countChanges(client: ClientBase): Promise<Changes> {
  const row = await queryRow(client, COUNT_CHANGES);
  if (row["counts"] !== "on")
    throw new CapabilityFailure("the database does not count changes (track_counts is off), so the policy allows no more than select here");
  const count = (name: string): number => Number(row[name] ?? 0);
  return { insert: count("insert"), update: count("update"), delete: count("delete"), ddl: count("ddl") };
}

/** Runs our own SQL statements, separated by `;`, and returns the first row that any of them returns. */
export async function queryRow(client: ClientBase, text: string): Promise<Readonly<Record<string, unknown>>> {
  // The library returns an array if there are several statements, which its types do not show.
  const results: unknown = await client.query(text);
  const all: readonly unknown[] = Array.isArray(results) ? results : [results];
  for (const result of all) {
    const rows: unknown = typeof result === "object" && result !== null && "rows" in result ? result.rows : undefined;
    const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
    if (typeof row === "object" && row !== null) return Object.fromEntries(Object.entries(row));
  }
  return {};
}

const difference = (after: Changes, before: Changes): Changes => ({
  insert: after.insert - before.insert,
  update: after.update - before.update,
  delete: after.delete - before.delete,
  ddl: after.ddl - before.ddl,
});

const CHANGE_TEXTS: Readonly<Record<keyof Changes, string>> = {
  insert: "inserted rows",
  update: "updated rows",
  delete: "deleted rows",
  ddl: "changed the schema",
};

/**
 * Says which statements the policy allows. The key is the first word of the statement's tag (such as `INSERT 0 1`); the policy must list
 * one of the kinds.
 */
const KINDS_BY_VERB: ReadonlyMap<string, readonly StatementKind[]> = new Map([
  ["SELECT", ["select"]],
  ["INSERT", ["insert"]],
  ["UPDATE", ["update"]],
  ["DELETE", ["delete"]],
  ["MERGE", ["insert", "update", "delete"]],
]);
/** Like `KINDS_BY_VERB`, for statements that PREPARE does not accept. CREATE TABLE AS is one of them; its tag is SELECT. */
const PLAIN_KINDS_BY_VERB: ReadonlyMap<string, readonly StatementKind[]> = new Map(
  ["ALTER", "COMMENT", "CREATE", "DROP", "REFRESH", "REINDEX", "SELECT", "TRUNCATE"].map((verb) => [verb, ["ddl"]]),
);

/** Throws `CapabilityDenied` if the policy lists no kind that allows the statement. */
function checkKind(listed: readonly StatementKind[], tag: string, isPlain: boolean): void {
  const kinds = (isPlain ? PLAIN_KINDS_BY_VERB : KINDS_BY_VERB).get(tag.split(" ", 1)[0] ?? "") ?? [];
  if (!kinds.some((kind) => listed.includes(kind))) throw denied(`does not allow ${tag.replace(/[ 0-9]+$/, "")}`);
}

/** Throws `CapabilityDenied` if the statement made a change whose kind is not listed. */
function checkChanges(listed: readonly StatementKind[], changes: Changes): void {
  const forbidden = (["insert", "update", "delete", "ddl"] as const).find((kind) => changes[kind] > 0 && !listed.includes(kind));
  if (forbidden !== undefined) throw denied(`does not list ${forbidden}, and the statement ${CHANGE_TEXTS[forbidden]}`);
}

const denied = (what: string): CapabilityDenied =>
  new CapabilityDenied(`the policy ${what} (db_policy.statements); the database took the statement back`);

interface Result {
  readonly rows: ListValue;
  /** The tag that the database gives the completed statement, such as `INSERT 0 1`. */
  readonly tag: string;
  /** Whether the statement was run without PREPARE. Such statements are called plain here. */
  readonly isPlain: boolean;
}

/** Runs the program's statement. If PREPARE refuses the statement and the policy allows ddl, runs it without PREPARE. */
async function readRows(client: ClientBase, statement: Statement): Promise<Result> {
  const mayBePlain = statement.policy.statements.includes("ddl");
  if (mayBePlain) await client.query("SAVEPOINT boruna");
  try {
    return await new ProgramStatement(statement, PREPARE).run(client);
  } catch (error) {
    if (!mayBePlain || codeOf(error) !== SYNTAX_ERROR) throw error;
    await client.query("ROLLBACK TO SAVEPOINT boruna");
    return new ProgramStatement(statement, "").run(client);
  }
}

/** Exchanges one statement with the database by the extended protocol. `pg` calls the methods with the database's messages. */
class ProgramStatement implements Submittable {
  readonly #statement: Statement;
  readonly #prefix: string;
  readonly #rows: Value[] = [];
  #parameterOids: readonly number[] = [];
  #columns: readonly Column[] = [];
  /** UTF-16 code units of the values of all rows so far. */
  #resultBytes = 0;
  /** Bytes that the database has sent since it was asked for the current portion of rows. */
  #portionBytes = 0;
  /** Whether the program's statement has been prepared, so that its parameters can be bound. */
  #canBind: boolean;
  /** The tag of the completed statement. */
  #tag = "";
  /** The first failure. The rest of the answer is then read and ignored. */
  #failure: unknown;
  #connection: Connection | undefined;
  #settle: { readonly resolve: (result: Result) => void; readonly reject: (error: unknown) => void } | undefined;

  /** `prefix` is `PREPARE`, or empty to run the statement without PREPARE. */
  constructor(statement: Statement, prefix: string) {
    this.#statement = statement;
    this.#prefix = prefix;
    this.#canBind = prefix === "";
  }

  run(client: ClientBase): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      client.query(this);
    });
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.once("parameterDescription", this.#readParameterTypes);
    connection.once("noData", this.#execute);
    connection.stream.on("data", this.#countBytes);
    connection.stream.cork();
    connection.parse({ name: "", text: this.#prefix + this.#statement.sql, types: [] }, true);
    if (!this.#canBind) {
      connection.bind({ portal: "", statement: "", values: [] }, true);
      connection.execute({ portal: "", rows: "0" }, true);
    }
    connection.describe({ type: "S", name: this.#canBind ? "" : "boruna" }, true);
    connection.flush();
    connection.stream.uncork();
  }

  readonly #readParameterTypes = (message: unknown): void => {
    this.#parameterOids = oidsOf(message);
  };

  handleRowDescription(message: { readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[] }): void {
    this.#columns = message.fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID }));
    this.#execute();
  }

  /** Binds the parameters and asks for the first rows. The database has said which parameters and columns there are. */
  readonly #execute = (): void => {
    const connection = this.#connection;
    try {
      checkColumns(this.#columns);
      const values = parameterTexts(this.#statement.params, this.#parameterOids);
      connection?.bind({ portal: "", statement: this.#prefix === "" ? "" : "boruna", values }, true);
      this.#askForRows();
    } catch (error) {
      this.#failure = error;
      connection?.sync();
    }
  };

  #askForRows(): void {
    this.#portionBytes = 0;
    const rows = Math.min(PORTION_ROWS, this.#statement.policy.max_rows + 1 - this.#rows.length);
    this.#connection?.execute({ portal: "", rows: String(rows) }, true);
    this.#connection?.flush();
  }

  readonly #countBytes = (chunk: Buffer): void => {
    this.#portionBytes += chunk.length;
    if (this.#portionBytes > MAX_PORTION_BYTES) this.#connection?.stream.destroy(tooLarge());
  };

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#failure !== undefined) return;
    try {
      for (const text of fields) this.#resultBytes += text?.length ?? 0;
      if (this.#resultBytes > MAX_RESULT_BYTES) throw tooLarge();
      const { max_rows } = this.#statement.policy;
      if (this.#rows.length >= max_rows) throw new CapabilityFailure(`the result has more than ${max_rows} rows (db_policy.max_rows)`);
      this.#rows.push(MapValue.from(this.#columns.map(({ name, oid }, i) => [name, readValue(fields[i] ?? null, oid, name)] as const)));
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Called when all rows of a portion have arrived, and there may be more. */
  handlePortalSuspended(): void {
    if (this.#failure === undefined) this.#askForRows();
    else this.#connection?.sync();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    if (!this.#canBind) {
      // PREPARE is complete. The program's statement is still to be executed.
      this.#canBind = true;
      return;
    }
    this.#tag = text;
    this.#connection?.sync();
  }

  handleEmptyQuery(): void {
    this.#failure = new CapabilityFailure("the statement is empty");
    this.#connection?.sync();
  }

  /** COPY … FROM STDIN. The database answers with an error. */
  handleCopyInResponse(connection: { readonly sendCopyFail: (message: string) => void }): void {
    connection.sendCopyFail("db.query sends no data");
  }

  handleCopyData(): void {
    // COPY … TO STDOUT. `checkKind` refuses its tag, so the data can be dropped.
  }

  handleReadyForQuery(): void {
    this.#removeListeners();
    if (this.#failure !== undefined) this.#settle?.reject(this.#failure);
    else this.#settle?.resolve({ rows: ListValue.of(this.#rows), tag: this.#tag, isPlain: this.#prefix === "" });
  }

  /** Called for an error of the database or of the connection. No `handleReadyForQuery` follows. */
  handleError(error: unknown): void {
    this.#removeListeners();
    this.#connection?.sync();
    this.#settle?.reject(this.#failure ?? error);
  }

  #removeListeners(): void {
    this.#connection?.removeListener("parameterDescription", this.#readParameterTypes);
    this.#connection?.removeListener("noData", this.#execute);
    this.#connection?.stream.removeListener("data", this.#countBytes);
  }
}

interface Column {
  readonly name: string;
  readonly oid: number;
}

function checkColumns(columns: readonly Column[]): void {
  const names = columns.map((column) => column.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new CapabilityFailure(`the result has several columns ${JSON.stringify(twice)}. Give each its own name: … AS name`);
}

function oidsOf(message: unknown): readonly number[] {
  const oids: unknown = typeof message === "object" && message !== null && "dataTypeIDs" in message ? message.dataTypeIDs : undefined;
  return Array.isArray(oids) ? oids.filter((oid) => typeof oid === "number") : [];
}

function parameterTexts(params: readonly Value[], oids: readonly number[]): (string | null)[] {
  if (params.length !== oids.length)
    throw new CapabilityFailure(
      `the statement takes ${oids.length} ${oids.length === 1 ? "parameter" : "parameters"} ($1, …), and params has ${params.length}`,
    );
  return params.map((value, i) => parameterText(value, oids[i] ?? 0, i + 1));
}

const tooLarge = (): CapabilityFailure =>
  new CapabilityFailure(`the result is larger than ${MAX_RESULT_BYTES / 1024 / 1024} MiB. Select fewer rows or columns`);

/** Returns the SQLSTATE of an error of the database, or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = errorCode(error);
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Turns an error into the failure that the program may see: the database's one-line message and its SQLSTATE. Leaves out details, hints,
 * the text of the statement and everything about the connection.
 */
function failureOfDatabase(error: unknown, listed: readonly StatementKind[]): Error {
  if (error instanceof CapabilityFailure) return error;
  const code = codeOf(error);
  if (!(error instanceof Error) || code === undefined) return new CapabilityFailure("the connection to the database was lost");
  const message = `the database refused it: ${error.message} (SQLSTATE ${code})`;
  if (code === READ_ONLY && listed.every((kind) => kind === "select"))
    return new CapabilityDenied(`the policy allows no statement but select (db_policy.statements); ${message}`);
  return new CapabilityFailure(code === SYNTAX_ERROR && !listed.includes("ddl") ? `${message}. ${ONE_STATEMENT}` : message);
}

const ONE_STATEMENT =
  "db.query takes one SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE; statements that change the schema need ddl in db_policy.statements";
