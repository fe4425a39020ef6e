/** The connections of a worker or client to its PostgreSQL, and what happens while the server is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import pg, { type Pool, type PoolClient } from "pg";
import { BorunaError, errorCode } from "../vm/error.ts";

/** How long it may take to get a connection, in milliseconds. */
const CONNECT_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** A statement gets a name when it has run this often. */
const FREQUENT = 50;
/** Maximum number of statements with names. For each connection, the server keeps a plan of each. */
const MAX_NAMES = 32;
/** Maximum number of statements whose runs are counted. */
const MAX_TEXTS = 1_000;

/**
 * Returns a pool that opens at most `max` connections, when they are needed. If the server is gone, a statement fails; while `waits` returns
 * true, it waits for the server instead. Throws `usage` for an address of another form. No message contains the address.
 */
export function openPool(databaseUrl: string, max: number, waits: () => boolean = () => false): Pool {
  if (!/^postgres(?:ql)?:\/\//.test(databaseUrl) || !URL.canParse(databaseUrl))
    throw new BorunaError("usage", "the address of the database has another form than postgres://user:password@host/database", {
      hint: "give it in the option `databaseUrl`",
    });
  const pool = new pg.Pool({ connectionString: databaseUrl, max, connectionTimeoutMillis: CONNECT_MS, application_name: "boruna" });
  // The pool removes an idle connection that fails, and the next query opens another. Without a listener, the process would end.
  pool.on("error", () => undefined);
  const statements = new FrequentStatements();
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
    statements.nameIn(client);
  });
  waitInConnect(pool, waits);
  return pool;
}

type Connected = (error: unknown, client?: PoolClient, release?: PoolClient["release"]) => void;

/** Replaces the method `connect` of a pool, which its `query` calls too. The new method tries again while `waits` returns true. */
function waitInConnect(pool: Pool, waits: () => boolean): void {
  const connect = pool.connect.bind(pool);
  const connectLater = async (): Promise<PoolClient> => {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await connect();
      } catch (error) {
        if (!isTransient(error) || !waits()) throw error;
      }
      await sleep(pause);
    }
  };
  const replaced = (onConnected?: Connected): Promise<PoolClient> | undefined => {
    const connecting = connectLater();
    if (onConnected === undefined) return connecting;
    connecting.then(
      (client) => onConnected(undefined, client, client.release.bind(client)),
      (error: unknown) => onConnected(error),
    );
    return undefined;
  };
  Object.defineProperty(pool, "connect", { value: replaced });
}

/**
 * Gives names to the statements that run most often, including those of the engine. The server then parses and plans them once for each
 * connection. A step has seven statements, and most of their time in the server is parsing and planning.
 */
class FrequentStatements {
  /** By the text of each statement: how often it has run, or its name, if it has one. */
  readonly #texts = new Map<string, number | string>();
  #names = 0;

  /** Replaces the method `query` of a connection. The new method names statements. */
  nameIn(client: PoolClient): void {
    const query: unknown = Reflect.get(client, "query");
    if (typeof query !== "function") throw new BorunaError("internal", "a connection has no query");
    const named = (...given: readonly unknown[]): unknown => Reflect.apply(query, client, this.#named(given));
    Object.defineProperty(client, "query", { value: named });
  }

  #named(given: readonly unknown[]): readonly unknown[] {
    const [text, values, ...more] = given;
    // `SELECT *` gets no name: the columns of a prepared statement must not change, and an upgrade may add some to a table.
    if (typeof text !== "string" || !Array.isArray(values) || text.includes("SELECT *")) return given;
    const name = this.#nameOf(text);
    return name === undefined ? given : [{ name, text, values }, ...more];
  }

  #nameOf(text: string): string | undefined {
    const found = this.#texts.get(text) ?? 0;
    if (typeof found === "string") return found;
    if (this.#names === MAX_NAMES || (found === 0 && this.#texts.size === MAX_TEXTS)) return undefined;
    const isFrequent = found === FREQUENT;
    if (isFrequent) this.#names += 1;
    this.#texts.set(text, isFrequent ? `boruna.${this.#names}` : found + 1);
    return undefined;
  }
}

/** The SQLSTATE classes of temporary errors: no connection, conflict, no resources, server shutdown. */
const TRANSIENT = /^(08|40|53|57)/;

/** Whether the statement may succeed later, because the server is gone or busy. */
export function isTransient(error: unknown): boolean {
  const code = errorCode(error);
  // No SQLSTATE begins with E. Codes of the system do, and `EPIPE` has five letters too.
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? TRANSIENT.test(code) : error instanceof Error && !(error instanceof BorunaError);
}

/** Repeats `work` while it fails with a temporary error. Throws any other error, and the last error when `signal` is aborted. */
export async function untilAnswered<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || signal?.aborted === true) throw error;
    }
    await sleep(pause);
  }
}

/** Returns an error that contains only the code of `error`, because the message of `error` may contain the address. */
export function connectError(error: unknown): BorunaError {
  if (error instanceof BorunaError) return error;
  const code = errorCode(error);
  const reason = /^[A-Z0-9_]{1,40}$/.test(code) ? code : "no connection";
  return new BorunaError("worker.database", `the database cannot be used (${reason})`, {
    hint: "its address is that of the option `databaseUrl`; its role must be able to create schemas and tables",
    cause: error,
  });
}
