/** A PostgreSQL server for tests. It has its own data folder in a temporary folder, and listens on a Unix socket. */
import { execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";

/** Where Debian's packages install the server. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
const PASSWORD = "s3cret-p4ssword";

/** The folder of the newest server's programs on this machine; undefined if none is installed. */
export const POSTGRES_BIN: string | undefined = existsSync(DEBIAN_FOLDER)
  ? readdirSync(DEBIAN_FOLDER)
      .toSorted((a, b) => Number(b) - Number(a))
      .map((version) => join(DEBIAN_FOLDER, version, "bin"))
      .find((folder) => existsSync(join(folder, "initdb")))
  : undefined;

export const SKIPPED = "no PostgreSQL server (Debian: apt-get install postgresql): its tests are skipped";

export interface PostgresServer {
  /** Returns the address for a role. */
  readonly url: (role: string, password?: string) => string;
  readonly password: string;
  /** Runs statements as a superuser. */
  readonly admin: (sql: string) => Promise<readonly Record<string, unknown>[]>;
  /** Ends the server with the signal and starts it again. SIGINT closes the connections first, SIGQUIT does not. */
  readonly restart: (signal: NodeJS.Signals) => Promise<void>;
  /** What the server has logged so far. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

/** Returns the user to run the server as, if this process is root: the server refuses to run as root. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const fields = ["postgres", "nobody"].map((name) => users.find((line) => line.startsWith(`${name}:`))?.split(":")).find(Boolean) ?? [];
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** The folder of new data folders. Each server gets a copy of one, because `initdb` takes a hundred times as long. */
const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/boruna/postgres/", import.meta.url));
const INIT_FLAGS = ["-U", "boss", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=1"];

/** Creates a data folder for a server inside `folder`. It copies one that was made with the same server and flags, if there is one. */
function createCluster(bin: string, folder: string, user: { readonly uid: number; readonly gid: number } | undefined): string {
  const data = join(folder, "data");
  const template = join(CACHE, [bin, ...INIT_FLAGS, PASSWORD].join(" ").replaceAll(/\W+/g, "_"));
  if (existsSync(template)) {
    execFileSync("cp", ["-r", template, data]);
    if (user !== undefined) execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, data]);
    return data;
  }
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, PASSWORD);
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  execFileSync(join(bin, "initdb"), ["-D", data, `--pwfile=${passwordFile}`, ...INIT_FLAGS], { cwd: folder, ...user, stdio: "pipe" });
  mkdirSync(CACHE, { recursive: true });
  const copy = mkdtempSync(join(CACHE, "new-"));
  execFileSync("cp", ["-r", data, join(copy, "data")]);
  try {
    renameSync(join(copy, "data"), template);
  } catch (error) {
    // Another process has made the template in the meantime.
    if (!existsSync(template)) throw error;
  }
  rmSync(copy, { recursive: true });
  return data;
}

/** Starts a server with up to `connections` connections. Its superuser is `boss`. */
export async function startPostgres(bin: string, connections = 40): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "boruna-pg-"));
  const user = serverUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const options = { cwd: folder, ...user };
  const data = createCluster(bin, folder, user);
  const settings = ["listen_addresses=", `unix_socket_directories=${folder}`, "fsync=off", `max_connections=${connections}`];
  let log = "";
  const launch = async (): Promise<(signal: NodeJS.Signals) => Promise<void>> => {
    const server = spawn(join(bin, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
    const start = log.length;
    const ready = new Promise<void>((resolve) => {
      server.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes("ready to accept connections", start)) resolve();
      });
    });
    await Promise.race([
      ready,
      ended.then(() => {
        throw new Error(`the server did not start: ${log}`);
      }),
    ]);
    return (signal) => {
      server.kill(signal);
      return ended;
    };
  };
  let end = await launch();
  const url = (role: string, password = PASSWORD): string =>
    `postgres://${role}:${password}@localhost/postgres?host=${encodeURIComponent(folder)}`;
  return {
    url,
    password: PASSWORD,
    log: () => log,
    restart: async (signal) => {
      await end(signal);
      end = await launch();
    },
    admin: async (sql) => {
      const client = new Client({ connectionString: url("boss") });
      // A connection that a restart ends fails its statement. Without a listener, the process would end, too.
      client.on("error", () => undefined);
      await client.connect();
      try {
        const results: unknown = await client.query(sql);
        const last: unknown = Array.isArray(results) ? results.at(-1) : results;
        return typeof last === "object" && last !== null && "rows" in last && Array.isArray(last.rows) ? last.rows : [];
      } finally {
        await client.end();
      }
    },
    stop: async () => {
      // SIGINT ends the connections and the server.
      await end("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
