/**
 * A worker: a process that takes runs from queues in PostgreSQL and executes them, so that any worker can continue a run of any other.
 *
 *     submit ──► boruna.runs ──► queue of the engine ──► worker: execution.ts ──► boruna.runs
 *                                       ▲                   │ each call: one row
 *                                       └── keeper.ts ◄─────┘ a worker that is gone
 *
 * The tables are in `schema.ts`, the engine behind them in `engine.ts`.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import type { ProtectedFiles } from "../gateway/protected-files.ts";
import { keepThreadFree } from "../gateway/turns.ts";
import type { WorkerTelemetry } from "../telemetry/runner-telemetry.ts";
import type { WorkerMetrics } from "../telemetry/worker-metrics.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { Batches } from "./batches.ts";
import { Contact } from "./contact.ts";
import { connectError, isTransient, openPool, untilAnswered } from "./database.ts";
import {
  type Engine,
  type EngineClient,
  launchEngine,
  openEngineClient,
  type QueuedRun,
  type QueueLimits,
  type RunStep,
} from "./engine.ts";
import { EngineFailure, endWithout, executeRun, MISSED_DEADLINE, type StopCause } from "./execution.ts";
import type { Health } from "./health.ts";
import { keepRuns, requeueRuns } from "./keeper.ts";
import { ProgramCache, programFromRow, servedRegistry, type StoredProgram } from "./programs.ts";
import { callOfStep, isAnswered } from "./recorded-calls.ts";
import { oneAtATime, prepareTables } from "./schema.ts";
import {
  addWorker,
  extendLease,
  beginExecutions,
  type BegunRun,
  canceledOf,
  type EndedExecution,
  endExecutions,
  type ExecutionEnd,
  type Intent,
  intentKey,
  type NewIntent,
  programOf,
  removeWorkers,
  takeOverIntent,
  writeIntents,
} from "./store.ts";

export interface WorkerOptions {
  readonly databaseUrl: string;
  /** The queues that this worker takes runs from. */
  readonly queues: readonly QueueLimits[];
  /** How long a worker may be silent before its runs go to others, in milliseconds. The same for all workers. */
  readonly leaseMs: number;
  /** How long ended runs are kept, in days. */
  readonly retainDays: number;
  /** Maximum number of connections to the database. */
  readonly connections: number;
  /** The capabilities of the host, with their handlers. */
  readonly registry: CapabilityRegistry;
  /** Settings and secrets of live handlers. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files that programs can neither read nor write. */
  readonly protectedFiles: ProtectedFiles | undefined;
  /** Must have been started. */
  readonly telemetry: WorkerTelemetry | undefined;
  /** Receives one line about each thing that an operator should know. */
  readonly onNotice: (line: string) => void;
}

/** How often a worker checks for requests to cancel its runs, in milliseconds. */
const CANCEL_POLL_MS = 500;
/**
 * How often a worker looks after the runs of all workers (`keeper.ts`), in milliseconds. A quarter of the lease if that is less, but at least
 * 250.
 */
const KEEP_MS = 1_000;
/** How often a call checks whether the worker has its lease again, in milliseconds. */
const LEASE_POLL_MS = 50;
/** How often a draining worker requeues the runs that have stopped at their next call, in milliseconds. */
const HAND_OVER_MS = 50;
/** When its time is up, a drain stops the runs that are left, and waits this long for them, in milliseconds. */
const CUT_OFF_MS = 2_000;
/** How long the start waits for the database, in milliseconds. */
const START_MS = 60_000;
/** Maximum number of programs in memory. */
const CACHED_PROGRAMS = 200;
const NO_CALLS: ReadonlySet<number> = new Set();

/** A run in this process. */
interface ActiveRun {
  readonly abort: AbortController;
}

/** How many runs a drain left to other workers. */
export interface Drained {
  /** Number of runs that stopped at their next call. */
  readonly handedOver: number;
  /** Number of runs that were stopped when the time was up. They had not reached a call, or waited for the answer of one. */
  readonly cutOff: number;
}

export class Worker {
  readonly id: string = randomUUID();
  /** Resolves if the worker has lost its lease. Then other workers have its runs, and the process should end at once. */
  readonly lost: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #pool: Pool;
  readonly #active = new Map<string, ActiveRun>();
  readonly #programs = new ProgramCache(CACHED_PROGRAMS);
  /** Each collects one kind of change to the rows of many runs, to write them with few statements. */
  readonly #beginBatches: Batches<string, BegunRun>;
  readonly #endBatches: Batches<EndedExecution, true>;
  readonly #intentBatches: Batches<NewIntent, Intent>;
  readonly #timers: NodeJS.Timeout[] = [];
  #metrics: WorkerMetrics | undefined;
  #engine: Engine | undefined;
  #client: EngineClient | undefined;
  #resolveLost = (): void => undefined;
  readonly #contact: Contact;
  /** Runs that this worker did not execute at the last round of `#keepRuns`, although the engine had assigned them to it. */
  #unexecuted: ReadonlySet<string> = new Set();
  #isDraining = false;
  /** Runs that other workers should continue, whose workflows may not have ended yet. */
  readonly #handedOver = new Map<string, QueuedRun>();
  #handingOver = Promise.resolve();
  readonly #drained = { handedOver: 0, cutOff: 0 };
  #isKeeping = false;

  private constructor(options: WorkerOptions) {
    this.#options = options;
    // Once the worker runs, a statement waits until a lost server is back. If it failed instead, the engine would retry only after up to a minute.
    const pool = openPool(options.databaseUrl, options.connections, () => this.#engine !== undefined);
    this.#pool = pool;
    this.#beginBatches = new Batches(
      (id) => id,
      (ids) => beginExecutions(pool, ids, this.id),
    );
    this.#endBatches = new Batches(
      ({ id }) => id,
      (ended) => endExecutions(pool, ended),
    );
    this.#intentBatches = new Batches<NewIntent, Intent>(intentKey, (intents) => writeIntents(pool, intents));
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    const { leaseMs, onNotice } = options;
    this.#contact = new Contact({ leaseMs, onNotice, onLost: () => this.#loseLease(), beat: () => extendLease(pool, this.id, leaseMs) });
  }

  /** Makes the tables if necessary and starts to take runs. Throws `worker.*`. */
  static async start(options: WorkerOptions): Promise<Worker> {
    // The lease must be extended in time.
    keepThreadFree();
    const worker = new Worker(options);
    try {
      await worker.#start();
      return worker;
    } catch (error) {
      for (const timer of worker.#timers) clearInterval(timer);
      await worker.#pool.end();
      throw connectError(error);
    }
  }

  async #start(): Promise<void> {
    const { databaseUrl, queues, leaseMs, telemetry, onNotice } = this.#options;
    this.#metrics = await telemetry?.workerMetrics();
    const pool = this.#pool;
    const tooLate = AbortSignal.timeout(START_MS);
    await untilAnswered(() => prepareTables(pool), tooLate);
    await untilAnswered(() => addWorker(pool, this.id, hostname(), leaseMs), tooLate);
    this.#contact.begin();
    const every = (ms: number, work: () => Promise<void>): void => {
      this.#timers.push(setInterval(() => void work(), ms));
    };
    // Beats begin before the engine starts, because its start may take longer than the lease.
    every(this.#contact.everyMs, () => this.#beat());
    this.#client = await openEngineClient(databaseUrl, pool);
    const run = (id: string, step: RunStep): Promise<string> => this.#run(id, step);
    // When it starts, the engine continues the pending workflows of its executor. This executor is new and has none.
    const launch = (): Promise<Engine> => launchEngine({ pool, databaseUrl, executor: this.id, queues, run, onNotice });
    this.#engine = await untilAnswered(() => oneAtATime(pool, launch), tooLate);
    every(Math.min(KEEP_MS, Math.max(250, leaseMs / 4)), () => this.#keepRuns());
    every(CANCEL_POLL_MS, () => this.#pollCancels());
  }

  /** Whether the worker takes runs, and the database answers. */
  get isReady(): boolean {
    return this.#engine !== undefined && this.#contact.isInContact;
  }

  /** The number of runs that are executed here. */
  get activeRuns(): number {
    return this.#active.size;
  }

  get health(): Pick<Health, "isReady" | "activeRuns"> {
    return { isReady: this.isReady, activeRuns: this.activeRuns };
  }

  /**
   * Drains: takes no further runs and begins no further call. Each run goes to other workers at its next call, and after `ms` milliseconds
   * in any case. Then the process should end.
   */
  async stop(ms: number): Promise<Drained> {
    const engine = this.#engine;
    this.#engine = undefined;
    this.#isDraining = true;
    this.#timers.push(setInterval(() => void this.#handOver(), HAND_OVER_MS));
    this.#timers.push(setTimeout(() => this.#cutOff(), ms));
    await engine?.stop(ms + CUT_OFF_MS);
    for (const timer of this.#timers) clearInterval(timer);
    await this.#handOver();
    // Gives up the lease, so that the keeper of another worker takes what is left at once.
    await removeWorkers(this.#pool, [this.id]).catch(() => undefined);
    await this.#client?.close();
    await this.#pool.end();
    return this.#drained;
  }

  /** Stops the runs that are left when the time of a drain is up. */
  #cutOff(): void {
    for (const id of this.#active.keys()) this.#stopRun(id, "drained");
  }

  /** Puts runs back into their queues, once their workflows have ended. Also waits for earlier calls of this method. */
  #handOver(): Promise<void> {
    this.#handingOver = this.#handingOver.then(() => this.#rewindHandedOver());
    return this.#handingOver;
  }

  /** Puts the handed-over runs whose workflows have ended into their queues. If that fails for a run, another worker (`keeper.ts`) does it. */
  async #rewindHandedOver(): Promise<void> {
    if (this.#handedOver.size === 0) return;
    try {
      for (const id of (await this.#client?.ended([...this.#handedOver.keys()])) ?? []) {
        const run = this.#handedOver.get(id);
        this.#handedOver.delete(id);
        if (run !== undefined) await this.#client?.rewind(run);
      }
    } catch (error) {
      if (!isTransient(error)) this.#options.onNotice(`handing over runs failed: ${connectError(error).message}`);
    }
  }

  #loseLease(): void {
    this.#metrics?.leaseLost();
    this.#resolveLost();
  }

  /** Resolves when the worker has its lease again. */
  async #waitForLease(): Promise<void> {
    while (!this.#contact.hasLease) await sleep(LEASE_POLL_MS);
  }

  async #beat(): Promise<void> {
    try {
      await this.#contact.round(isTransient);
    } catch (error) {
      this.#options.onNotice(`a beat failed: ${connectError(error).message}`);
    }
  }

  /** Requeues runs that this worker should execute but does not, and looks after the runs of all workers (`keeper.ts`). */
  async #keepRuns(): Promise<void> {
    const { leaseMs, retainDays, onNotice } = this.#options;
    const engine = this.#engine;
    const client = this.#client;
    const { isInContact, mayJudge } = this.#contact;
    if (engine === undefined || client === undefined || this.#isKeeping || !isInContact) return;
    this.#isKeeping = true;
    try {
      await this.#requeueUnexecuted(engine);
      const round = await keepRuns({ pool: this.#pool, engine, client, leaseMs, retainDays, mayJudge });
      if (round === undefined || round.reaped === 0) return;
      this.#metrics?.reaped(round.reaped);
      onNotice(`took back ${round.reaped} runs of workers that are gone`);
    } catch (error) {
      if (!isTransient(error)) onNotice(`keeping runs failed: ${connectError(error).message}`);
    } finally {
      this.#isKeeping = false;
    }
  }

  /**
   * Requeues the runs that the engine assigns to this worker although it does not execute them: the database was gone when the engine tried
   * to write how they ended. Waits for a second round, because in the first the engine may just be about to begin or end them.
   */
  async #requeueUnexecuted(engine: Engine): Promise<void> {
    const own = (await engine.pending()).filter(({ id, executor }) => executor === this.id && !this.#active.has(id)).map(({ id }) => id);
    const unexecuted = own.filter((id) => this.#unexecuted.has(id));
    this.#unexecuted = new Set(own);
    await requeueRuns(engine, this.#pool, unexecuted);
  }

  async #pollCancels(): Promise<void> {
    try {
      for (const id of await canceledOf(this.#pool, [...this.#active.keys()])) this.#stopRun(id, "canceled");
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }

  #stopRun(id: string, cause: StopCause): void {
    this.#active.get(id)?.abort.abort(cause);
  }

  /** Executes a run: the body of the engine's workflow. */
  async #run(id: string, step: RunStep): Promise<string> {
    const run = await untilAnswered(() => this.#beginBatches.add(id));
    // The run has ended or waits, but the engine's row does not say so yet.
    if (run === undefined) return "nothing to do";
    const abort = new AbortController();
    this.#active.set(id, { abort });
    this.#metrics?.claimed(run.queue, run.execution === 1);
    try {
      const end = await this.#executeIfDue(id, run, step, abort);
      await untilAnswered(() => this.#endBatches.add({ id, execution: run.execution, end }));
      if (end.state === "queued") this.#noteHandedOver({ id, queue: run.queue, tenant: run.tenant }, abort.signal.reason === "drained");
      this.#metrics?.ended(run.queue, end.outcome);
      return end.state;
    } catch (error) {
      this.#metrics?.ended(run.queue, undefined);
      throw error instanceof EngineFailure ? error.cause : error;
    } finally {
      this.#active.delete(id);
    }
  }

  /** Remembers that another worker should continue the run, and counts it. */
  #noteHandedOver(run: QueuedRun, isCutOff: boolean): void {
    this.#handedOver.set(run.id, run);
    this.#drained[isCutOff ? "cutOff" : "handedOver"] += 1;
  }

  /** Executes a run, unless it is canceled, has missed its deadline or has used up its attempts. */
  async #executeIfDue(id: string, run: BegunRun, step: RunStep, abort: AbortController): Promise<ExecutionEnd> {
    const { attempts, options, remainingMs } = run;
    if (run.isCanceled) return endWithout(id, "canceled", "canceled", "the run was canceled");
    if (remainingMs !== undefined && remainingMs <= 0) return endWithout(id, "timeout", MISSED_DEADLINE.kind, MISSED_DEADLINE.message);
    if (attempts > options.maxAttempts) {
      const message = `the worker of the run died ${options.maxAttempts} times`;
      return endWithout(id, "fatal", "worker_lost", message);
    }
    const timer = remainingMs === undefined ? undefined : setTimeout(() => abort.abort("deadline"), Math.min(remainingMs, 2 ** 31 - 1));
    try {
      return await this.#execute(id, run, step, abort);
    } catch (error) {
      if (error instanceof EngineFailure) throw error;
      const { kind, message } = error instanceof BorunaError ? error : { kind: "internal", message: "an unexpected error" };
      this.#options.onNotice(`run ${id}: ${kind}: ${message}`);
      return endWithout(id, "fatal", kind, message);
    } finally {
      clearTimeout(timer);
    }
  }

  async #execute(id: string, run: BegunRun, step: RunStep, abort: AbortController): Promise<ExecutionEnd> {
    const { options, program: hash } = run;
    const stored = await this.#programs.get(hash, () => this.#load(hash));
    const { env, protectedFiles, telemetry } = this.#options;
    const origin = { traceparent: options.traceparent ?? undefined, tracestate: options.tracestate ?? undefined };
    const span = telemetry?.startTask({ origin, action: stored.program.module.name, taskId: id });
    const kept = run.execution > 1 && span !== undefined ? await this.#keptCalls(id) : NO_CALLS;
    const waits = <T>(work: () => Promise<T>): Promise<T> => untilAnswered(work, abort.signal);
    const end = await executeRun(id, run, stored, {
      step,
      kept,
      signal: abort.signal,
      env,
      protectedFiles,
      tracing: span?.tracing,
      token: `${this.id} ${run.execution}`,
      intent: (call, token) => waits(() => this.#intentBatches.add({ run: id, call, token })),
      takeOver: (call, token) => waits(() => takeOverIntent(this.#pool, id, call, token)),
      untilLeased: () => (this.#contact.hasLease ? undefined : this.#waitForLease()),
      isDraining: () => this.#isDraining,
      onEngineFailure: () => abort.abort("canceled"),
    });
    span?.end({ outcome: end.outcome ?? "suspended" });
    return end;
  }

  /** Returns the calls that an earlier execution made and traced. This execution then makes no second span for them. */
  async #keptCalls(id: string): Promise<ReadonlySet<number>> {
    const steps = (await untilAnswered(async () => this.#client?.steps(id))) ?? [];
    return new Set(steps.flatMap(({ name, text }) => (isAnswered(text) ? [callOfStep(name)] : [])));
  }

  async #load(hash: string): Promise<StoredProgram> {
    const row = await untilAnswered(() => programOf(this.#pool, hash));
    if (row === undefined) throw new BorunaError("internal", "the program of the run is not in the database");
    return programFromRow(row, servedRegistry(row, this.#options.registry));
  }
}
