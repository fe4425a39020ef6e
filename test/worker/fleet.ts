/** Starts worker processes for tests, as a user does. A process that ends is replaced by another. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { environment, MAIN } from "../cli/boruna.ts";
import type { PostgresServer } from "../gateway/handlers/postgres.ts";

/** Time between two queries for a state, in milliseconds. */
const POLL_MS = 20;

export interface FleetOptions {
  readonly server: PostgresServer;
  readonly size: number;
  readonly leaseMs: number;
  /** Further arguments of `boruna worker`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Fleet {
  readonly #options: FleetOptions;
  /** The worker id of each process, empty until the process has printed it. */
  readonly #workers = new Map<ChildProcess, string>();
  #stderr = "";
  #isOver = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** What all workers have written to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.size }, () => this.#startOne()));
  }

  stop(): void {
    this.#isOver = true;
    for (const child of this.#workers.keys()) child.kill("SIGKILL");
  }

  async #startOne(): Promise<void> {
    const { server, leaseMs, args, env } = this.#options;
    const child = spawn(process.execPath, [MAIN, "worker", "--lease-ms", String(leaseMs), "--json", ...args], {
      env: environment({ DATABASE_URL: server.url("boss"), ...env }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#workers.set(child, "");
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    child.once("exit", () => {
      this.#workers.delete(child);
      if (!this.#isOver) void this.#startOne();
    });
    const [line]: unknown[] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    const id = /"worker":"([^"]*)"/.exec(String(line))?.[1];
    if (id !== undefined && this.#workers.has(child)) this.#workers.set(child, id);
  }

  /** Kills a worker. Returns the runs that it was executing. */
  async kill(child: ChildProcess): Promise<readonly string[]> {
    const rows = await this.#options.server.admin(
      `SELECT id FROM boruna.runs WHERE worker = '${this.#workers.get(child)}' AND state = 'running'`,
    );
    child.kill("SIGKILL");
    return rows.map(({ id }) => String(id));
  }

  /** Waits until all workers have started, and returns the process with this number. */
  async worker(n: number): Promise<ChildProcess> {
    for (;;) {
      const living = [...this.#workers].flatMap(([child, id]) => (child.exitCode === null && id !== "" ? [child] : []));
      const child = living[n % living.length];
      if (child !== undefined && living.length === this.#options.size) return child;
      await sleep(POLL_MS);
    }
  }

  /** Waits until a process executes the run, and returns the process. */
  async workerOf(run: string): Promise<ChildProcess> {
    for (;;) {
      const [row] = await this.#options.server.admin(`SELECT worker FROM boruna.runs WHERE id = '${run}' AND state = 'running'`);
      const found = [...this.#workers].find(([, id]) => id !== "" && id === row?.["worker"]);
      if (found !== undefined) return found[0];
      await sleep(POLL_MS);
    }
  }

  /**
   * Kills a worker, and restarts the database while another worker is reaping it (taking its runs away). Resolves to whether the restart
   * came during the reap. It may have come too late.
   */
  async restartDuringReap(child: ChildProcess): Promise<boolean> {
    const { server } = this.#options;
    const row = `SELECT 1 FROM boruna.workers WHERE id = '${this.#workers.get(child)}'`;
    const holder = server.admin(`BEGIN; ${row} FOR UPDATE; SELECT pg_sleep(600)`).catch(() => undefined);
    const sleeps = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'BEGIN;%pg_sleep(600)%' AND wait_event = 'PgSleep'";
    while ((await server.admin(sleeps)).length === 0) await sleep(POLL_MS);
    child.kill("SIGKILL");
    const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM boruna.workers%'";
    let isReaping = false;
    while (!isReaping && (await server.admin(row)).length > 0) {
      isReaping = (await server.admin(waits)).length > 0;
      await sleep(POLL_MS);
    }
    await server.restart("SIGQUIT");
    await holder;
    return isReaping;
  }
}

/** Returns what must not exist after all runs have ended: unfinished runs, and workflows whose executor has no lease. */
export async function strandedRuns(server: PostgresServer): Promise<readonly unknown[]> {
  return [
    ...(await server.admin("SELECT id, state FROM boruna.runs WHERE state IN ('queued', 'running')")),
    ...(await server.admin(
      `SELECT workflow_uuid, status FROM boruna_dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')
       AND (executor_id IS NULL OR executor_id NOT IN (SELECT id FROM boruna.workers WHERE expires_at > now()))`,
    )),
  ];
}
