/**
 * The durable engine under the worker: DBOS on PostgreSQL. Only this file imports DBOS. `test/worker/engine.test.ts` checks what the worker
 * relies on; run it with every new version of DBOS (ADR 056).
 *
 * A run is a workflow whose id is the run id, and each call is a step with the name `NUMBER CAPABILITY`. The output of a step is one text.
 * The engine stores it in a row before the run continues, and returns it when the workflow is executed again, on any worker.
 *
 * Steps get their ids in the order in which `step` is called. So this order must be the same in every execution of a run.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import type { ClientBase, Pool } from "pg";
import { BorunaError } from "../vm/error.ts";

/** The schema of the engine's tables. Ours are in `boruna`, see `schema.ts`. */
export const ENGINE_SCHEMA = "boruna_dbos";
const APPLICATION = "boruna";
/** The version of the protocol between a run and its steps. Workers with another version do not execute the run. */
const PROTOCOL = "1";
/** The engine's name for the workflow that executes a run. */
const WORKFLOW = "run";
/** How often a queue is asked for work, in milliseconds. */
const POLL_MS = 100;

/** Limits on the runs of a queue that execute at once. Undefined: no limit. */
export interface QueueLimits {
  readonly name: string;
  /** Maximum number in one worker. */
  readonly perWorker: number | undefined;
  /** Maximum number in all workers, for each tenant. */
  readonly perTenant: number | undefined;
  /** Maximum number of runs that start for each tenant: `count` in `seconds` seconds. */
  readonly tenantRate: { readonly count: number; readonly seconds: number } | undefined;
}

/**
 * Executes one step of the workflow that called `EngineOptions.run`, or returns what the step returned in an earlier execution. `make` must
 * not throw. Reports errors of the engine only as rejections.
 */
export type RunStep = (name: string, make: () => Promise<string>) => Promise<string>;

export interface EngineOptions {
  readonly pool: Pool;
  readonly databaseUrl: string;
  /** The name of this process in the rows of its runs. Never used by another process. */
  readonly executor: string;
  readonly queues: readonly QueueLimits[];
  /**
   * Executes a run from its beginning. If it throws, the workflow ends with the error. There is one exception: the error with which
   * `RunStep` rejects when another execution owns the run. Throw that error on, and the engine writes nothing more for this execution.
   */
  readonly run: (id: string, step: RunStep) => Promise<string>;
  /** Receives the messages of the engine. */
  readonly onNotice: (line: string) => void;
}

/** A run with its queue and tenant. */
export interface QueuedRun {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string;
}

/** A step whose output is kept. */
export interface KeptStep {
  readonly name: string;
  readonly text: string;
}

/** Operations that need no worker. */
export interface EngineClient {
  /** Adds a run to its queue, in the caller's transaction. */
  enqueue(transaction: ClientBase, run: QueuedRun): Promise<void>;
  /** Returns those of the workflows that have ended. */
  ended(ids: readonly string[]): Promise<readonly string[]>;
  /** Returns the newest workflows that have ended with an error, at most `limit`. */
  failed(limit: number): Promise<readonly string[]>;
  /** Queues an ended workflow again, under the same id. The outputs of its steps are kept, so the run continues after them. */
  rewind(run: QueuedRun): Promise<void>;
  /** Returns the steps of a run that have an output, by id. */
  steps(id: string): Promise<readonly KeptStep[]>;
  close(): Promise<void>;
}

export interface Engine {
  /** Returns the workflows that are marked as executing. Their executors may be gone. */
  pending(): Promise<readonly { readonly id: string; readonly executor: string }[]>;
  /** Puts workflows back into their queue, to be executed again. Does nothing to those that have ended. */
  requeue(ids: readonly string[], queue: string): Promise<void>;
  /** Deletes workflows and their steps. */
  remove(ids: readonly string[]): Promise<void>;
  /** Takes no further runs, and waits up to `ms` milliseconds for those in progress. */
  stop(ms: number): Promise<void>;
}

/** Starts the engine of this process, which can have only one. Throws what the database throws. */
export async function launchEngine(options: EngineOptions): Promise<Engine> {
  const { pool, databaseUrl, executor, queues, run } = options;
  DBOS.setConfig({
    name: APPLICATION,
    systemDatabaseUrl: databaseUrl,
    systemDatabasePool: pool,
    systemDatabaseSchemaName: ENGINE_SCHEMA,
    applicationVersion: PROTOCOL,
    executorID: executor,
    enableOTLP: false,
    useListenNotify: false,
    logger: loggerTo(options.onNotice),
    listenQueues: queues.map(({ name }) => name),
  });
  DBOS.registerWorkflow(() => run(workflowId(), stepRunner()), { name: WORKFLOW, maxRecoveryAttempts: 1_000_000 });
  try {
    await DBOS.launch();
  } catch (error) {
    // Without this, the engine could not be launched again.
    await DBOS.shutdown({ deregister: true });
    throw error;
  }
  for (const queue of queues) await DBOS.registerQueue(queue.name, queueParameters(queue));
  return {
    pending: async () => {
      const found = await DBOS.listWorkflows({ status: "PENDING", loadInput: false, loadOutput: false });
      return found.map(({ workflowID, executorId }) => ({ id: workflowID, executor: executorId ?? "" }));
    },
    requeue: async (ids, queue) => {
      if (ids.length > 0) await DBOS.resumeWorkflows([...ids], { queueName: queue });
    },
    remove: async (ids) => {
      if (ids.length > 0) await DBOS.deleteWorkflows([...ids]);
    },
    stop: (ms) => DBOS.shutdown({ workflowCompletionTimeoutMS: ms, deregister: true }),
  };
}

/** Opens the part of the engine that needs no worker. */
export async function openEngineClient(databaseUrl: string, pool: Pool): Promise<EngineClient> {
  const client = await DBOSClient.create({
    systemDatabaseUrl: databaseUrl,
    systemDatabasePool: pool,
    systemDatabaseSchemaName: ENGINE_SCHEMA,
    applicationName: APPLICATION,
    logger: loggerTo(() => undefined),
  });
  return {
    enqueue: async (transaction, { id, queue, tenant }) => {
      const options = { workflowName: WORKFLOW, queueName: queue, workflowID: id, queuePartitionKey: tenant, appVersion: PROTOCOL };
      await client.enqueueInTransaction(transaction, options);
    },
    ended: async (ids) => {
      if (ids.length === 0) return [];
      const found = await client.listWorkflows({
        workflowIDs: [...ids],
        status: ["SUCCESS", "ERROR"],
        loadInput: false,
        loadOutput: false,
      });
      return found.map(({ workflowID }) => workflowID);
    },
    failed: async (limit) => {
      const found = await client.listWorkflows({ status: "ERROR", limit, sortDesc: true, loadInput: false, loadOutput: false });
      return found.map(({ workflowID }) => workflowID);
    },
    rewind: async ({ id, queue, tenant }) => {
      const steps = (await client.listWorkflowSteps(id)) ?? [];
      const startStep = Math.max(-1, ...steps.map(({ functionID }) => functionID)) + 1;
      await client.rewindWorkflow(id, { startStep, queueName: queue, queuePartitionKey: tenant });
    },
    steps: async (id) => {
      const steps = (await client.listWorkflowSteps(id)) ?? [];
      return steps.flatMap(({ name, output }) => (typeof output === "string" ? [{ name, text: output }] : []));
    },
    close: () => client.destroy(),
  };
}

function workflowId(): string {
  const id = DBOS.workflowID;
  if (id === undefined) throw new BorunaError("internal", "the engine started a run without an id");
  return id;
}

/**
 * Returns the function that carries out steps of the current workflow. It enters the workflow's async context. Outside of that, the engine
 * would carry out a step without keeping its output, and nobody would notice.
 */
function stepRunner(): RunStep {
  const inWorkflow = AsyncLocalStorage.snapshot();
  return (name, make) =>
    inWorkflow(() => {
      if (DBOS.isInWorkflow()) return DBOS.runStep(make, { name });
      return Promise.reject(new BorunaError("internal", `the step ${name} is outside of its workflow`));
    });
}

function queueParameters({ perWorker, perTenant, tenantRate }: QueueLimits): NonNullable<Parameters<typeof DBOS.registerQueue>[1]> {
  return {
    onConflict: "always_update",
    minPollingIntervalMs: POLL_MS,
    ...(perWorker === undefined ? {} : { workerConcurrency: perWorker }),
    ...(perTenant === undefined ? {} : { partitionConcurrency: perTenant }),
    ...(tenantRate === undefined ? {} : { partitionRateLimit: { limitPerPeriod: tenantRate.count, periodSec: tenantRate.seconds } }),
  };
}

/** The engine's logger. It reports only errors, each as one line. */
function loggerTo(onNotice: (line: string) => void): { info: Log; debug: Log; warn: Log; error: Log } {
  const report: Log = (entry) => onNotice(`engine: ${(entry instanceof Error ? entry.message : String(entry)).split("\n", 1)[0] ?? ""}`);
  const ignore: Log = () => undefined;
  return { info: ignore, debug: ignore, warn: ignore, error: report };
}

type Log = (entry: unknown) => void;
