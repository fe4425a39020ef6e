/**
 * The embedded PostgreSQL (PGlite), in a folder or in memory. A statement blocks its thread and can be stopped only by ending the
 * thread, so the database runs in a thread of its own. `pg` speaks to it as to a server, through a stream of messages.
 *
 * All runs of a process share the database of a folder. One statement runs at a time.
 */
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Client, ClientBase } from "pg";
import { CapabilityFailure } from "../handlers.ts";
import { importOptional, installText } from "../optional-package.ts";
import { runStoppable, rejectOnAbort, type Database } from "./db-database.ts";
import { lockFolder } from "./db-lock.ts";
import { resetSession } from "./db-statement.ts";
import { errorCode } from "../../vm/error.ts";

export const PACKAGE = "@electric-sql/pglite";

/** The code of the thread, which Node starts from this text. It opens the database, then answers each message with the database's bytes. */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
let last = import(workerData.url).then(({ PGlite }) => PGlite.create(workerData.folder));
last.then(() => parentPort.postMessage("open"), (error) => { throw error; });
parentPort.on("message", (bytes) => {
  last = last.then(async (database) => {
    await database.execProtocolRawStream(bytes, { onRawData: (data) => parentPort.postMessage(data.slice()) });
    return database;
  });
});`;

const DATABASES = new Map<string, Database>();

/** Returns the database in `folder`, an absolute path, or in memory if `folder` is undefined. `name` is the folder as messages show it. */
export function embeddedDatabase(folder: string | undefined, name: string): Database {
  const key = folder ?? "";
  const database = DATABASES.get(key) ?? new EmbeddedDatabase(folder, name);
  DATABASES.set(key, database);
  return database;
}

class EmbeddedDatabase implements Database {
  readonly #folder: string | undefined;
  readonly #name: string;
  #thread: Promise<DatabaseThread> | undefined;
  /** Resolves when the last thread has ended and its folder is free. */
  #closed: Promise<void> = Promise.resolve();
  /** Resolves when the last call that asked for the connection is done. */
  #lastCall: Promise<void> = Promise.resolve();

  constructor(folder: string | undefined, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  async use<T>(work: (client: ClientBase) => Promise<T>, signal: AbortSignal, timeoutMs: number): Promise<T> {
    const previousCall = this.#lastCall;
    const { promise: thisCall, resolve: endCall } = promiseWithResolver();
    this.#lastCall = thisCall;
    try {
      await rejectOnAbort(previousCall, signal);
      // Opening is not stopped, because the next call needs it too.
      const thread = await rejectOnAbort((this.#thread ??= this.#open()), signal);
      return await this.#useThread(thread, work, signal, timeoutMs);
    } finally {
      // A call that stopped waiting keeps its place in the queue, so the next call still waits for the previous one.
      void previousCall.then(endCall);
    }
  }

  async #useThread<T>(
    thread: DatabaseThread,
    work: (client: ClientBase) => Promise<T>,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<T> {
    const close = (): void => {
      this.#thread = undefined;
      this.#closed = thread.close();
    };
    let isReset = false;
    const session = async (): Promise<T> => {
      try {
        return await work(thread.client);
      } finally {
        isReset = await resetSession(thread.client);
      }
    };
    thread.worker.ref();
    try {
      return await runStoppable(session, close, signal, timeoutMs);
    } catch (error) {
      const isLost = this.#folder === undefined && this.#thread === undefined && error instanceof CapabilityFailure;
      throw isLost ? new CapabilityFailure(`${error.message}; what was in the database in memory is lost`) : error;
    } finally {
      if (this.#thread !== undefined && !isReset) close();
      thread.worker.unref();
    }
  }

  async #open(): Promise<DatabaseThread> {
    try {
      await this.#closed;
      return await openThread(this.#folder, this.#name);
    } catch (error) {
      this.#thread = undefined;
      throw error;
    }
  }
}

function promiseWithResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

interface DatabaseThread {
  readonly worker: Worker;
  readonly client: Client;
  /** Ends the thread at once, then releases the folder. Committed changes stay. */
  close(): Promise<void>;
}

async function openThread(folder: string | undefined, name: string): Promise<DatabaseThread> {
  const url = packageUrl();
  const unlock = folder === undefined ? () => undefined : createLockedFolder(folder, name);
  const endNotice = startNotice(name);
  const worker = new Worker(THREAD, {
    eval: true,
    workerData: { url, folder: folder === undefined ? "memory://" : join(folder, "data") },
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  const close = async (): Promise<void> => {
    await worker.terminate();
    unlock();
  };
  try {
    await untilOpen(worker);
    const { default: pg } = await importOptional(
      "db.query",
      () => import("pg"),
      (text) => new CapabilityFailure(text),
    );
    const stream = new ThreadStream(worker);
    const client = new pg.Client({ stream: () => stream, user: "postgres", database: "postgres", password: "", ssl: false });
    // If the connection is lost, the call in progress fails on its own. Without a listener, the process would end.
    client.on("error", () => undefined);
    await client.connect();
    return { worker, client, close };
  } catch (error) {
    await close();
    throw error instanceof CapabilityFailure ? error : new CapabilityFailure(`the database ${name} cannot be opened`);
  } finally {
    endNotice();
  }
}

function packageUrl(): string {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(PACKAGE)).href;
  } catch {
    throw new CapabilityFailure(`${installText("db.query", PACKAGE)}. Or set DATABASE_URL to a PostgreSQL server`);
  }
}

/** Creates and locks the folder. Returns the function that releases it. */
function createLockedFolder(folder: string, name: string): () => void {
  let lock: ReturnType<typeof lockFolder>;
  try {
    mkdirSync(folder, { recursive: true });
    lock = lockFolder(folder);
  } catch (error) {
    const code = errorCode(error);
    throw new CapabilityFailure(`the folder ${name} of the database cannot be opened (${code})`);
  }
  if (typeof lock === "function") return lock;
  throw new CapabilityFailure(
    `the database ${name} is in use by process ${lock.holder}. Wait for it, set BORUNA_DB to another folder, or DATABASE_URL to a PostgreSQL server, which many can use`,
  );
}

/** On a terminal, says that the database is being opened, which takes seconds. Returns the function that completes the line. */
function startNotice(name: string): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  const start = process.hrtime.bigint();
  process.stderr.write(`opening the database ${name} … `);
  return () => process.stderr.write(`${(Number(process.hrtime.bigint() - start) / 1e9).toFixed(1)} s\n`);
}

function untilOpen(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread ended")));
  });
}

/** The stream that `pg` uses like a socket. Each write is one or more complete messages. */
class ThreadStream extends Duplex {
  readonly #worker: Worker;

  constructor(worker: Worker) {
    super();
    this.#worker = worker;
    worker.on("message", (bytes: Uint8Array) => this.push(bytes));
    worker.on("error", () => this.destroy());
    worker.on("exit", () => this.destroy());
  }

  connect(): this {
    process.nextTick(() => this.emit("connect"));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    // The thread sends data without being asked. At most one portion of rows waits here.
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, done: () => void): void {
    this.#worker.postMessage(bytes);
    done();
  }

  override _writev(chunks: { readonly chunk: Uint8Array }[], done: () => void): void {
    this.#worker.postMessage(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    void this.#worker.terminate();
    done(error);
  }
}
