/**
 * A pool of workers that run programs.
 *
 *   execute ──► queue, fair between tenants ──► worker: machine, gateway, policy, log
 *                                                 │  ▲
 *                                            call ▼  │ answer
 *                                               handlers, in the process of the pool
 *
 * A worker is a thread or a process. Its runs take turns (`gateway/turns.ts`), so one that only computes does not delay the others. A run starts
 * when a worker has a place for it and room for its `max_alloc_bytes`. The heap of a worker has room for the sum of its runs' `max_alloc_bytes`.
 * If a worker ends, each of its runs ends as `lost`, and another worker replaces it (ADR 055). Source text is compiled in a worker of its own
 * (`compiler.ts`) before it joins the queue.
 */
import { availableParallelism } from "node:os";
import { releaseLeftLock } from "../../replay/log/log-lock.ts";
import { defaultPoolMetrics } from "../../telemetry/default-tracing.ts";
import type { PoolMetrics } from "../../telemetry/pool-metrics.ts";
import type { SourceFile } from "../../compiler/source.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { lazily } from "../../vm/lazy.ts";
import type { Runnable } from "../execute.ts";
import { PoolCompiler } from "./compiler.ts";
import { FairQueue, type QueueLimits } from "./fair-queue.ts";
import type { FromWorker } from "./messages.ts";
import { canceledExecution, type PoolExecution, PoolRun, type PreparedRun } from "./pool-run.ts";
import { PoolWorker } from "./pool-worker.ts";
import { type PoolRunOptions, prepareRun } from "./prepare.ts";
import { checkSource, isSource, type PoolProgram, programOf } from "./programs.ts";
import { type Isolation, OUT_OF_MEMORY, startWorker } from "./worker-link.ts";

/** Options of `createPool`. All are optional. */
export interface PoolOptions {
  /** The number of workers. Default: one less than the processors, at least one. */
  readonly threads?: number | undefined;
  /**
   * Whether a worker is a thread or a process. In rare cases, V8 ends the complete process when the heap of one of its threads is full.
   * `max_alloc_bytes` should prevent that; with `process`, only the worker would end. A process takes three times the memory of a thread.
   * Default: thread.
   */
  readonly isolation?: Isolation | undefined;
  /** Maximum number of runs that one worker executes at the same time. Default: 64. */
  readonly maxRunsPerWorker?: number | undefined;
  /** Maximum bytes that the runs of one worker may allocate: the sum of their `max_alloc_bytes`. Default: 4 GiB. */
  readonly maxBytesPerWorker?: number | undefined;
  /** Maximum number of runs that wait for a worker. Default: 10,000. */
  readonly maxQueued?: number | undefined;
  /** Maximum number of runs of one tenant that wait for a worker. Default: 1,000. */
  readonly maxQueuedPerTenant?: number | undefined;
  /** Maximum time to compile one source text, in milliseconds. Default: 10,000. */
  readonly maxCompileMs?: number | undefined;
}

/** The state of a pool. */
export interface PoolStats {
  readonly queued: number;
  readonly running: number;
  /** Workers that are ready. */
  readonly workers: number;
  /** Number of ended runs, by outcome. Runs for which `execute` threw count as `rejected`. */
  readonly ended: Readonly<Record<string, number>>;
  /** Calls of `execute` that were refused because the queue was full. */
  readonly refused: number;
  /** Number of workers that ended unexpectedly: while they had runs, or before they were ready. */
  readonly workersLost: number;
}

/** Workers that run programs. */
export interface Pool {
  /**
   * Runs a program in a worker. A source text is compiled first, in a worker that only compiles. It may import the shipped libraries but no
   * files. It may call the capabilities of the option `registry`. Resolves and throws as the function `execute` does. Also resolves to the
   * outcome `lost` if the worker ends. Also throws `CompileError`, `pool.compile` if compiling takes too long or too much memory, `pool.full`
   * if the queue has no place, `pool.closed`, and `pool.unavailable` if no worker can start.
   */
  execute(program: Runnable | SourceFile, options?: PoolRunOptions): Promise<PoolExecution>;
  /** Resolves when the queue has a place for another run of the tenant. Await it before `execute` to go no faster than the workers. */
  room(tenant?: string): Promise<void>;
  stats(): PoolStats;
  /** Rejects waiting runs, cancels running ones, and ends the workers. */
  close(): Promise<void>;
}

/** Starts a pool of workers. Idle workers do not keep the process alive. Throws `usage`. */
export function createPool(options: PoolOptions = {}): Pool {
  const settings = settingsOf(options);
  const pool = new WorkerPool(settings);
  return {
    execute: (program, runOptions) => pool.execute(program, runOptions ?? {}),
    room: (tenant) => pool.room(tenant ?? DEFAULT_TENANT),
    stats: () => pool.stats(),
    close: () => pool.close(),
  };
}

const DEFAULT_TENANT = "";

interface Settings extends QueueLimits {
  readonly threads: number;
  readonly isolation: Isolation;
  readonly maxRunsPerWorker: number;
  readonly maxBytesPerWorker: number;
  readonly maxCompileMs: number;
}

function settingsOf(options: PoolOptions): Settings {
  const count = (name: Exclude<keyof PoolOptions, "isolation">, fallback: number): number => {
    const given: unknown = options[name];
    if (given === undefined) return fallback;
    if (typeof given === "number" && Number.isSafeInteger(given) && given >= 1) return given;
    throw new BorunaError("usage", `${name}: expected a whole number from 1`);
  };
  const { isolation = "thread" } = options;
  if (isolation !== "thread" && isolation !== "process") throw new BorunaError("usage", 'isolation: expected "thread" or "process"');
  return {
    isolation,
    threads: count("threads", Math.max(1, availableParallelism() - 1)),
    maxRunsPerWorker: count("maxRunsPerWorker", 64),
    maxBytesPerWorker: count("maxBytesPerWorker", 4 * 2 ** 30),
    maxQueued: count("maxQueued", 10_000),
    maxQueuedPerTenant: count("maxQueuedPerTenant", 1_000),
    maxCompileMs: count("maxCompileMs", 10_000),
  };
}

/** Bytes of a worker's heap for everything except the values of runs: Boruna, programs, compiled code, messages. */
const HEAP_BASE_BYTES = 512 * 2 ** 20;
/** The pool gives up after this number of workers in a row that ended before they were ready. */
const MAX_FAILED_STARTS = 3;
/** How long `close` waits for runs that it has canceled, in milliseconds. */
const CLOSE_MS = 1_500;
class WorkerPool {
  readonly #settings: Settings;
  readonly #queue: FairQueue<PoolRun>;
  readonly #compiler: PoolCompiler;
  readonly #workers = new Set<PoolWorker>();
  /** The callers that wait for a place in the queue, longest wait first. */
  readonly #waitingForRoom = new Set<{ readonly tenant: string; readonly resolve: () => void }>();
  /** Number of ended runs, by outcome. */
  readonly #ended = new Map<string, number>();
  /** Loaded by the first run whose option `tracing` is not false. */
  readonly #loadMetrics = lazily(async () => {
    this.#metrics = await defaultPoolMetrics();
  });
  #metrics: PoolMetrics | undefined;
  #failedStarts = 0;
  /** Whether runs may start: all workers have been ready, or one of them could not start. */
  #hasStarted = false;
  #refused = 0;
  #workersLost = 0;
  #unavailableBecause: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#queue = new FairQueue(settings);
    this.#compiler = new PoolCompiler(settings.isolation, settings.maxCompileMs);
    for (let n = 0; n < settings.threads; n++) this.#startWorker();
  }

  async execute(given: Runnable | SourceFile, options: PoolRunOptions): Promise<PoolExecution> {
    const tenant = tenantOption(options.tenant);
    this.#checkOpen();
    this.#checkRoom(tenant);
    this.#queue.reserve(tenant);
    this.#keepAlive();
    let prepared: PreparedRun | undefined;
    try {
      if (options.tracing !== false) await this.#loadMetrics();
      const program = await this.#programOf(given, tenant, options);
      prepared = program === undefined ? undefined : await prepareRun(program, tenant, options);
      this.#checkOpen();
      if (prepared !== undefined) this.#checkSize(prepared);
    } catch (error) {
      this.#giveBack(tenant, "rejected");
      throw error;
    }
    if (prepared !== undefined) return this.#enqueue(prepared);
    this.#giveBack(tenant, "canceled");
    return canceledExecution(options, undefined);
  }

  /** Returns the program of a run; undefined if the run was canceled while its text was compiled. Throws `module.*` and what compiling throws. */
  async #programOf(given: Runnable | SourceFile, tenant: string, options: PoolRunOptions): Promise<PoolProgram | undefined> {
    const { registry = BUILTIN_REGISTRY, signal } = options;
    if (!isSource(given)) return programOf(given, registry);
    checkSource(given);
    return this.#compiler.compile(given, registry, tenant, signal);
  }

  /** Gives back the reserved place of a run that does not join the queue. */
  #giveBack(tenant: string, outcome: string): void {
    this.#queue.giveBack(tenant);
    this.#countEnded(outcome);
    this.#dispatch();
  }

  async room(tenant: string): Promise<void> {
    this.#checkOpen();
    if (this.#queue.limitReached(tenant) === undefined) return;
    await new Promise<void>((resolve) => {
      this.#waitingForRoom.add({ tenant, resolve });
    });
  }

  /** The number of runs that the workers execute. */
  #running(): number {
    let sum = 0;
    for (const { runs } of this.#workers) sum += runs.size;
    return sum;
  }

  stats(): PoolStats {
    const workers = [...this.#workers];
    return {
      queued: this.#queue.length,
      running: this.#running(),
      workers: workers.filter(({ isReady }) => isReady).length,
      ended: Object.fromEntries(this.#ended),
      refused: this.#refused,
      workersLost: this.#workersLost,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#compiler.close(closedError());
    this.#rejectWaiting(closedError());
    for (const { runs } of this.#workers) for (const run of runs.values()) run.abort();
    await this.#waitUntil(() => [...this.#workers].every(({ runs }) => runs.size === 0), CLOSE_MS);
    this.#keepAlive();
    for (const { link } of this.#workers) link.stop();
    await this.#waitUntil(() => this.#workers.size === 0);
    this.#metrics?.setRuns(0, 0);
  }

  /** Called when a run or a worker has ended. Set only while the pool closes. */
  #onEnd: () => void = () => undefined;

  /** Waits until `isTrue` returns true, but not longer than `maxMs`. */
  async #waitUntil(isTrue: () => boolean, maxMs?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onEnd = () => {
        if (isTrue()) resolve();
      };
      this.#onEnd();
      if (maxMs !== undefined) timer = setTimeout(resolve, maxMs);
    });
    clearTimeout(timer);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closedError();
    if (this.#unavailableBecause !== undefined) throw unavailableError(this.#unavailableBecause);
  }

  /** Throws `pool.full` if too many runs wait already. */
  #checkRoom(tenant: string): void {
    const limit = this.#queue.limitReached(tenant);
    if (limit === undefined) return;
    this.#refused += 1;
    const whose = limit === "maxQueued" ? "runs" : `runs of the tenant ${JSON.stringify(tenant)}`;
    throw new BorunaError("pool.full", `${this.#settings[limit]} ${whose} wait already`, {
      hint: `Await room() of the pool before each execute, or raise ${limit}.`,
    });
  }

  /** Throws `usage` if no worker has enough memory for the run. */
  #checkSize({ allocBytes }: PreparedRun): void {
    const { maxBytesPerWorker } = this.#settings;
    if (allocBytes <= maxBytesPerWorker) return;
    throw new BorunaError("usage", `max_alloc_bytes of the run is ${allocBytes}, and a worker has ${maxBytesPerWorker} bytes`, {
      hint: "Lower max_alloc_bytes in the policy or in limits, or raise maxBytesPerWorker.",
    });
  }

  #enqueue(prepared: PreparedRun): Promise<PoolExecution> {
    return new Promise((resolve, reject) => {
      const settle = {
        resolve: (execution: PoolExecution) => {
          this.#countEnded(execution.outcome);
          resolve(execution);
        },
        reject: (error: unknown) => {
          this.#countEnded("rejected");
          reject(error);
        },
      };
      const run = new PoolRun(prepared, settle, (aborted) => this.#abort(aborted));
      this.#queue.add(prepared.tenant, run);
      if (prepared.signal?.aborted === true) this.#abort(run);
      this.#dispatch();
    });
  }

  /** Cancels a run, whether it waits or is running. */
  #abort(run: PoolRun): void {
    if (!this.#queue.remove(run.prepared.tenant, run)) return run.abort();
    run.cancelWaiting();
    this.#dispatch();
  }

  #countEnded(outcome: string): void {
    this.#ended.set(outcome, (this.#ended.get(outcome) ?? 0) + 1);
  }

  /** Starts runs as long as one fits into a worker. The first runs wait until all workers are ready, else the first worker would get them all. */
  #dispatch(): void {
    this.#hasStarted ||= this.#failedStarts > 0 || [...this.#workers].every(({ isReady }) => isReady);
    while (this.#hasStarted) {
      const run = this.#queue.start(({ prepared }) => this.#workerFor(prepared) !== undefined);
      if (run === undefined) break;
      this.#metrics?.waited(performance.now() - run.queuedAt);
      this.#workerFor(run.prepared)?.begin(run);
    }
    this.#wakeWaiting();
    this.#keepAlive();
    this.#metrics?.setRuns(this.#queue.length, this.#running());
  }

  /** Lets the workers keep this process alive as long as a run waits or is running. */
  #keepAlive(): void {
    const workers = [...this.#workers];
    const isNeeded = this.#closing !== undefined || this.#queue.length > 0 || workers.some(({ runs }) => runs.size > 0);
    for (const { link } of workers) link.keepAlive(isNeeded);
  }

  /** Returns the worker with the fewest runs among those that have room for this run and its program. */
  #workerFor({ allocBytes, program }: PreparedRun): PoolWorker | undefined {
    const { maxRunsPerWorker, maxBytesPerWorker } = this.#settings;
    let best: PoolWorker | undefined;
    for (const worker of this.#workers) {
      const { isReady, runs, bytes } = worker;
      if (!isReady || runs.size >= maxRunsPerWorker || bytes + allocBytes > maxBytesPerWorker || !worker.hasRoomFor(program)) continue;
      if (best === undefined || runs.size < best.runs.size) best = worker;
    }
    return best;
  }

  /** Wakes as many waiting callers as there are places in the queue. */
  #wakeWaiting(): void {
    let places = this.#settings.maxQueued - this.#queue.length;
    for (const waiting of this.#waitingForRoom) {
      if (places <= 0) return;
      if (this.#queue.limitReached(waiting.tenant) !== undefined) continue;
      places -= 1;
      this.#waitingForRoom.delete(waiting);
      waiting.resolve();
    }
  }

  /** Rejects all waiting runs, and wakes all callers of `room`. */
  #rejectWaiting(error: BorunaError): void {
    for (;;) {
      const run = this.#queue.start(() => true);
      if (run === undefined) break;
      this.#queue.ended(run.prepared.tenant);
      run.reject(error);
    }
    // When these callers then call `execute`, it throws the reason.
    for (const waiting of this.#waitingForRoom) waiting.resolve();
    this.#waitingForRoom.clear();
  }

  #startWorker(): void {
    const { isolation, maxBytesPerWorker } = this.#settings;
    const heapBytes = maxBytesPerWorker + HEAP_BASE_BYTES;
    const worker = new PoolWorker(isolation, (self) =>
      startWorker(isolation, heapBytes, {
        onMessage: (message) => this.#receive(self, message),
        onExit: (why) => this.#lose(self, why),
      }),
    );
    this.#workers.add(worker);
  }

  #receive(worker: PoolWorker, message: FromWorker): void {
    if (message.type === "ready") {
      worker.isReady = true;
      this.#failedStarts = 0;
      return this.#dispatch();
    }
    if (message.type === "compiled") return;
    if (message.type === "taken") return worker.answers.taken();
    const run = worker.receive(message);
    if (run === undefined) return;
    this.#forget(worker, run);
    this.#dispatch();
  }

  /** Counts a run of the worker as ended. */
  #forget(worker: PoolWorker, run: PoolRun): void {
    worker.end(run);
    this.#queue.ended(run.prepared.tenant);
    this.#onEnd();
  }

  /** Ends the runs of a worker that has ended. Starts another worker, unless the pool closes or its workers cannot start. */
  #lose(worker: PoolWorker, why: string): void {
    this.#workers.delete(worker);
    for (const run of worker.runs.values()) {
      this.#forget(worker, run);
      this.#releaseLog(run);
      run.lose(why === OUT_OF_MEMORY ? `${why}; lower max_alloc_bytes of the runs` : why);
    }
    this.#onEnd();
    if (this.#closing !== undefined) return;
    this.#workersLost += 1;
    this.#metrics?.workerLost();
    this.#failedStarts += worker.isReady ? 0 : 1;
    if (this.#failedStarts < MAX_FAILED_STARTS) this.#startWorker();
    else if (this.#workers.size === 0) {
      this.#unavailableBecause = why;
      this.#rejectWaiting(unavailableError(why));
    }
    this.#dispatch();
  }

  /** Removes the lock that a lost run's thread left on its log. The lock names this process, which still runs, so nobody could resume the run. */
  #releaseLog({ prepared }: PoolRun): void {
    const { record } = prepared.data;
    if (record === undefined || this.#settings.isolation === "process") return;
    releaseLeftLock(typeof record === "string" ? record : record.path);
  }
}

const closedError = (): BorunaError => new BorunaError("pool.closed", "the pool is closed");
const unavailableError = (why: string): BorunaError =>
  new BorunaError("pool.unavailable", `no worker of the pool can start: the last one ${why}`, {
    hint: "Check that the package is complete and that the machine has memory left.",
  });

function tenantOption(tenant: unknown = DEFAULT_TENANT): string {
  if (typeof tenant === "string") return tenant;
  throw new BorunaError("usage", "tenant: expected a text");
}
