import { once } from "node:events";
import { importOptional } from "../../gateway/optional-package.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { createWorkerTelemetry } from "../../telemetry/runner-telemetry.ts";
import type { DevDatabase } from "../../worker/dev-database.ts";
import type { QueueLimits } from "../../worker/engine.ts";
import type { Health, HealthServer } from "../../worker/health.ts";
import type { Drained, WorkerOptions } from "../../worker/worker.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { type DatabaseFlags, requiredDatabaseUrl } from "../database-flag.ts";
import type { CommandSession } from "../session.ts";
import { STOP_SIGNALS } from "../telemetry.ts";
import { printJson, withoutControlCharacters } from "../terminal.ts";

export interface WorkerFlags extends CapabilityFlags, DatabaseFlags {
  readonly queue?: readonly string[];
  readonly leaseMs?: string;
  readonly drainMs?: string;
  readonly retainDays?: string;
  readonly connections?: string;
  readonly health?: string;
}

/** Executes runs until SIGTERM or SIGINT. At the first signal the worker drains: its runs end at their next call. The second ends it at once. */
export async function workerCommand(session: CommandSession, flags: WorkerFlags): Promise<number> {
  const { terminal } = session;
  const notice = (line: string): void => terminal.err(withoutControlCharacters(line));
  const queues = (flags.queue ?? ["default"]).map(queueOf);
  const drainMs = numberOf("--drain-ms", flags.drainMs ?? "30000", 0, 86_400_000);
  const registry = await loadRegistry(flags, session);
  const telemetry = createWorkerTelemetry({ serviceName: "boruna-worker", onNotice: (line) => notice(`telemetry: ${line}`) });
  const settings = {
    queues,
    registry,
    leaseMs: numberOf("--lease-ms", flags.leaseMs ?? "10000", 500, 600_000),
    retainDays: numberOf("--retain-days", flags.retainDays ?? "30", 1, 36_500),
    connections: numberOf("--connections", flags.connections ?? "10", 3, 1_000),
    telemetry,
    onNotice: notice,
  };
  const healthAt = flags.health === undefined ? undefined : addressOf(flags.health);
  const stop = stopSignals();
  const dev = flags.dev === true ? await startDev() : undefined;
  if (dev !== undefined) notice(devLine(dev));
  try {
    const databaseUrl = dev?.url ?? (await requiredDatabaseUrl(flags));
    const options = { ...settings, databaseUrl, env: handlerEnvironment(databaseUrl), protectedFiles: dev?.protectedFiles };
    return await runWorker(session, options, { drainMs, healthAt, stop });
  } finally {
    await telemetry.stop();
    await dev?.stop();
  }
}

/** Says where the database is, and, if DATABASE_URL is set, that it is not used. */
function devLine({ folder }: DevDatabase): string {
  const isSet = (process.env["DATABASE_URL"]?.trim() ?? "") !== "";
  return `--dev: runs are kept in ${folder}${isSet ? ", not in the database of DATABASE_URL; commands need --dev, too" : ""}`;
}

async function startDev(): Promise<DevDatabase> {
  return (await importOptional("boruna worker", () => import("../../worker/dev-database.ts"))).startDevDatabase();
}

interface RunSettings {
  /** How long running runs may go on after the signal, in milliseconds. */
  readonly drainMs: number;
  /** The address at which to serve the worker's health. */
  readonly healthAt: ReturnType<typeof addressOf> | undefined;
  readonly stop: ReturnType<typeof stopSignals>;
}

/** Runs a worker until a signal, or until it loses its lease. */
async function runWorker(
  { terminal, json }: CommandSession,
  options: WorkerOptions,
  { drainMs, healthAt, stop }: RunSettings,
): Promise<number> {
  const { queues, telemetry, onNotice: notice } = options;
  const [{ Worker }] = await Promise.all([importOptional("boruna worker", () => import("../../worker/worker.ts")), telemetry?.start()]);
  const worker = await Worker.start(options);
  let isAlive = true;
  const { id } = worker;
  const health = healthAt === undefined ? undefined : await serveHealth(healthAt, () => ({ worker: id, isAlive, ...worker.health }));
  const names = queues.map(({ name }) => name);
  if (json) printJson(terminal, { worker: id, queues: names, health: health?.url ?? null });
  else terminal.out(`worker ${id} takes runs from ${names.join(", ")}${health === undefined ? "" : `; its health: ${health.url}/readyz`}`);
  const first = await Promise.race([once(stop.signal, "abort"), worker.lost.then(() => "lost" as const)]);
  if (first === "lost") {
    // Other workers now execute the runs. This process ends at once, so that no run executes twice.
    isAlive = false;
    notice("lost the lease: this process was stopped, or had no database, for too long. Start the worker again");
    return EXIT.failed;
  }
  notice(drainsLine(worker.activeRuns, drainMs));
  const end = await Promise.race([worker.stop(drainMs), stop.secondSignal]);
  await health?.close();
  if (typeof end === "number") return end;
  notice(drainedLine(end));
  return EXIT.done;
}

function drainsLine(count: number, drainMs: number): string {
  const what = count === 1 ? "1 run ends at its next call" : `${count} runs end at their next call`;
  return `drains: ${what}; calls in flight have up to ${drainMs / 1_000} s`;
}

function drainedLine({ handedOver, cutOff }: Drained): string {
  const parts = [
    ...(handedOver === 0
      ? []
      : [handedOver === 1 ? "1 run handed over at its next call" : `${handedOver} runs handed over at their next call`]),
    ...(cutOff === 0 ? [] : [`${cutOff} ${cutOff === 1 ? "run" : "runs"} cut off; a call in flight that may not be repeated is in doubt`]),
  ];
  return `drained: ${parts.length === 0 ? "no run is left" : parts.join(", ")}`;
}

/** Parses `--health`: a port of 127.0.0.1, or a host and a port. Throws `usage`. */
function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, host = "127.0.0.1", digits = ""] = /^(?:([A-Za-z0-9.:[\]-]{1,255}):)?(\d{1,5})$/.exec(text) ?? [];
  const port = digits === "" ? 65_536 : Number(digits);
  if (port <= 65_535) return { host: host.replace(/^\[(.*)\]$/, "$1"), port };
  throw new BorunaError("usage", `--health ${text}: expected a port, or HOST:PORT`);
}

async function serveHealth(at: { readonly host: string; readonly port: number }, health: () => Health): Promise<HealthServer> {
  return (await import("../../worker/health.ts")).serveHealth(at.host, at.port, health);
}

/** The first signal aborts `signal`; the second resolves `secondSignal` to its exit code. */
function stopSignals(): { readonly signal: AbortSignal; readonly secondSignal: Promise<number> } {
  const abort = new AbortController();
  let end: (exitCode: number) => void = () => undefined;
  const secondSignal = new Promise<number>((resolve) => {
    end = resolve;
  });
  for (const name of ["SIGTERM", "SIGINT"] as const)
    process.on(name, () => (abort.signal.aborted ? end(STOP_SIGNALS[name]) : abort.abort()));
  return { signal: abort.signal, secondSignal };
}

/** Returns the environment for handlers. It lacks the database of the workers: otherwise a program could read the rows of all runs with `db.query`. */
function handlerEnvironment(databaseUrl: string): NodeJS.ProcessEnv {
  const { DATABASE_URL: url, ...rest } = process.env;
  return url === undefined || url.trim() === databaseUrl ? rest : { ...rest, DATABASE_URL: url };
}

const QUEUE_FORM = "NAME, then any of worker=N, tenant=N and rate=N/SECONDS, separated by commas";

/** Parses `--queue`: `orders,worker=20,tenant=2,rate=100/60`. Throws `usage`. */
function queueOf(text: string): QueueLimits {
  const [name = "", ...settings] = text.split(",");
  const wrong = (problem: string): BorunaError =>
    new BorunaError("usage", `--queue ${text}: ${problem}`, {
      hint: `expected ${QUEUE_FORM}; for example: orders,worker=20,tenant=2,rate=100/60`,
    });
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) throw wrong("the name is not 1 to 64 letters, digits and _ . -");
  const values = new Map<string, string>();
  for (const setting of settings) {
    const [key = "", value = ""] = setting.split("=", 2);
    if (!["worker", "tenant", "rate"].includes(key) || values.has(key)) throw wrong(`${setting} is no setting, or is given twice`);
    values.set(key, value);
  }
  const count = (key: string): number | undefined => {
    const value = values.get(key);
    if (value === undefined) return undefined;
    if (!/^[1-9]\d{0,5}$/.test(value)) throw wrong(`${key}=${value} is no whole number from 1`);
    return Number(value);
  };
  const rate = values.get("rate");
  const [, starts, seconds] = /^([1-9]\d{0,8})\/([1-9]\d{0,6})$/.exec(rate ?? "") ?? [];
  if (rate !== undefined && starts === undefined) throw wrong(`rate=${rate} is not of the form N/SECONDS`);
  return {
    name,
    perWorker: count("worker") ?? DEFAULT_PER_WORKER,
    perTenant: count("tenant"),
    tenantRate: rate === undefined ? undefined : { count: Number(starts), seconds: Number(seconds) },
  };
}

/** Number of runs that one worker executes at once for a queue without `worker=`. */
const DEFAULT_PER_WORKER = 20;

function numberOf(flag: string, text: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new BorunaError("usage", `${flag} ${text}: expected a whole number from ${least} to ${most}`);
}
