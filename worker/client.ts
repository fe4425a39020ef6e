/** The client of the workers' database: submits runs, shows them, and decides about those that wait. It executes nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { isDeciderName, signedBytes } from "../gateway/approval.ts";
import type { SuspendedCall } from "../gateway/call.ts";
import { sha256Hex } from "../gateway/digest.ts";
import { limitsOption, maxParallelCallsOption, policyOption } from "../gateway/options.ts";
import { bindArguments, MAX_PARALLEL_CALLS } from "../gateway/run.ts";
import { signingKeyOf } from "../gateway/signing.ts";
import { checkRunId, freshRunId } from "../replay/log/run-description.ts";
import { openRecorder } from "../replay/log/file-recorder.ts";
import type { FinishedLog, RecorderOptions } from "../replay/log/recorder.ts";
import type { CallAnswer } from "../replay/resumer.ts";
import { type RunOptions, schemaOption } from "../runtime/execute.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import type { ApproveRunOptions, Client, ListOptions, ShownRun, SubmitOptions, SubmittedRun } from "./api.ts";
import { connectError, isTransient, openPool } from "./database.ts";
import { deriveLog } from "./derived-log.ts";
import { type EngineClient, openEngineClient } from "./engine.ts";
import { declaredRegistry, programFromRow, programRow } from "./programs.ts";
import {
  cancelRun,
  continueRun,
  decideCallInDoubt,
  decisionsOf,
  findRun,
  insertDecision,
  insertRun,
  listRuns,
  type RunRow,
  storeProgram,
} from "./run-rows.ts";
import { checkTables } from "./schema.ts";
import { type ListedRun, RUN_STATES } from "./listed-run.ts";
import { programOf, type RunOptionsRow } from "./store.ts";

/** Maximum number of database connections of a client. */
const CONNECTIONS = 4;
/** Matches the name of a queue or a tenant. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** Limit on the option `key`, in UTF-16 code units. */
const MAX_KEY_UNITS = 1_024;
const DEFAULT_ATTEMPTS = 5;
/** A client does not store a program again within this time, in milliseconds. Workers delete programs that no run has used for a day. */
const STORED_MS = 3_600_000;
/** How often a watched run is read, in milliseconds. */
const WATCH_MS = 200;
/**
 * How long `#decide` waits for the run's workflow in the engine to end, in milliseconds. If it ends later, a worker (`keeper.ts`) continues
 * the run.
 */
const REWIND_MS = 2_000;

/** Opens a client. See `createClient`. */
export async function openClient(databaseUrl: string): Promise<Client> {
  const pool = openPool(databaseUrl, CONNECTIONS);
  try {
    await checkTables(pool);
    return new DatabaseClient(pool, await openEngineClient(databaseUrl, pool));
  } catch (error) {
    await pool.end();
    throw connectError(error);
  }
}

class DatabaseClient implements Client {
  readonly #pool: Pool;
  readonly #engine: EngineClient;
  /** When this client last stored a program, by hash, in milliseconds since 1970. */
  readonly #storedAt = new Map<string, number>();

  constructor(pool: Pool, engine: EngineClient) {
    this.#pool = pool;
    this.#engine = engine;
  }

  async close(): Promise<void> {
    await this.#engine.close();
    await this.#pool.end();
  }

  async submit(program: Program, options: SubmitOptions = {}): Promise<SubmittedRun> {
    const { queue = "default", tenant = "default", key: runKey, deadlineMs } = options;
    for (const [name, value] of [["queue", queue] as const, ["tenant", tenant] as const]) checkName(name, value);
    const row = programRow({ program, policy: policyOption(options.policy, program.registry) });
    const settings = settingsOf(program, options);
    if (deadlineMs !== undefined) checkCount("deadlineMs", deadlineMs);
    const id = runKey === undefined ? freshRunId() : runIdOf(queue, tenant, runKey);
    const isNew = await this.#transaction(async (transaction) => {
      const storedAt = this.#storedAt.get(row.hash) ?? 0;
      if (Date.now() - storedAt > STORED_MS) await storeProgram(transaction, row.hash, program.module.name, row);
      if (!(await insertRun(transaction, { id, queue, tenant, program: row.hash, options: settings, deadlineMs }))) return false;
      await this.#engine.enqueue(transaction, { id, queue, tenant });
      return true;
    });
    this.#storedAt.set(row.hash, Date.now());
    if (!isNew) await this.#checkSame(id, row.hash, settings);
    return { runId: id, isNew };
  }

  /** Checks the run that was submitted before with the same `key`. Throws `worker.other_run` if it has another program or other options. */
  async #checkSame(id: string, program: string, settings: RunOptionsRow): Promise<void> {
    const found = await this.#rowOf(id);
    const textOf = (options: RunOptionsRow): string => canonicalJson(jsonFromJs({ ...options, traceparent: null, tracestate: null }));
    if (found.programHash === program && textOf(found.options) === textOf(settings)) return;
    throw new BorunaError("worker.other_run", `the key names run ${id}, which has another program, policy or other arguments`, {
      hint: "give each run a key of its own",
    });
  }

  async show(runId: string): Promise<ShownRun> {
    return shownRun(await this.#rowOf(runId));
  }

  async #rowOf(runId: string, client: Pool | PoolClient = this.#pool, lock = false): Promise<RunRow> {
    checkRunId(runId);
    const found = await findRun(client, runId, lock);
    if (found !== undefined) return found;
    throw new BorunaError("worker.no_run", `there is no run ${runId}`, { hint: "`boruna runs list` shows the runs that are retained" });
  }

  async list(options: ListOptions = {}): Promise<readonly ListedRun[]> {
    const { queue, tenant, state, after, limit = 100 } = options;
    if (queue !== undefined && tenant !== undefined) throw new BorunaError("usage", "list: give a queue or a tenant, not both");
    if (state !== undefined && !RUN_STATES.includes(state)) throw new BorunaError("usage", `state: expected ${RUN_STATES.join(", ")}`);
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
      throw new BorunaError("usage", "limit: expected a whole number from 1 to 1000");
    return listRuns(this.#pool, { queue, tenant, state, after, limit });
  }

  async watch(
    runId: string,
    options: { readonly signal?: AbortSignal; readonly onChange?: (run: ShownRun) => void } = {},
  ): Promise<ShownRun> {
    let last = "";
    for (;;) {
      const run = await this.show(runId).catch((error: unknown) => {
        if (isTransient(error)) return undefined;
        throw error;
      });
      const text = run === undefined ? last : JSON.stringify([run.state, run.attempts, run.isCanceled]);
      if (run !== undefined && text !== last) options.onChange?.(run);
      last = text;
      if (run !== undefined && run.state !== "queued" && run.state !== "running") return run;
      await sleep(WATCH_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }

  async cancel(runId: string): Promise<ShownRun> {
    checkRunId(runId);
    const isRequested = await cancelRun(this.#pool, runId);
    const run = await this.show(runId);
    if (isRequested || run.outcome === "canceled") return run;
    throw new BorunaError("worker.ended", `run ${runId} had ended (${run.outcome ?? run.state}) before it could be canceled`, {
      hint: `Nothing was changed; boruna runs show ${runId} shows it.`,
    });
  }

  async resume(runId: string, inDoubt: "retry" | "fail"): Promise<void> {
    await this.#decide(runId, async (transaction, run) => {
      const { inDoubt: call } = shownRun(run);
      if (call === undefined) throw notWaiting(run, "no call of it is in doubt");
      await decideCallInDoubt(transaction, runId, call.call, inDoubt);
    });
  }

  async approve(runId: string, options: ApproveRunOptions): Promise<void> {
    const { call: number, by, decision, hash, key } = options;
    if (!isDeciderName(by)) throw new BorunaError("usage", "by: expected 1 to 128 printable characters");
    if (decision !== "approved" && decision !== "denied") throw new BorunaError("usage", "decision: expected approved or denied");
    await this.#decide(runId, async (transaction, run) => {
      const call = waitingCall(run, number, "approval");
      if (hash !== undefined && hash !== call.hash)
        throw new BorunaError("log.other_call", `call ${number} of run ${runId} has the hash ${call.hash}: its arguments differ`);
      const signature = signatureOf(call.keys, key, signedBytes({ runId, call: number, hash: call.hash, decision, by }));
      const body = JSON.stringify({ decision, by, ...(signature === undefined ? {} : { signature }) });
      await insertDecision(transaction, runId, { call: number, kind: "approval", body });
    });
  }

  async answer(runId: string, answer: CallAnswer): Promise<void> {
    const given = "failure" in answer ? { failure: answer.failure } : { value: answer.value };
    const body = canonicalJson(jsonFromJs(given));
    await this.#decide(runId, async (transaction, run) => {
      waitingCall(run, answer.call, "answer");
      await insertDecision(transaction, runId, { call: answer.call, kind: "answer", body });
    });
  }

  /** Writes a decision about a run that waits, and continues the run. Throws what `write` throws. */
  async #decide(runId: string, write: (transaction: PoolClient, run: RunRow) => Promise<void>): Promise<void> {
    const { queue, tenant } = await this.#transaction(async (transaction) => {
      const found = await this.#rowOf(runId, transaction, true);
      await write(transaction, found);
      await continueRun(transaction, runId);
      return found.run;
    });
    // Queue the workflow again (`rewind`), which is possible once it has ended. A worker (`keeper.ts`) does what is not done here, because the row
    // already says that the run continues.
    for (let waited = 0; waited < REWIND_MS; waited += 50) {
      const [ended] = await this.#engine.ended([runId]);
      if (ended !== undefined) return this.#engine.rewind({ id: runId, queue, tenant });
      await sleep(50);
    }
  }

  async log(runId: string, path: string, options: Pick<RecorderOptions, "force" | "key"> = {}): Promise<FinishedLog | undefined> {
    const found = await this.#rowOf(runId);
    const { run, programHash, options: settings } = found;
    const row = await programOf(this.#pool, programHash);
    if (row === undefined) throw new BorunaError("internal", "the program of the run is not in the database");
    const stored = programFromRow(row, declaredRegistry(row));
    const decisions = await decisionsOf(this.#pool, runId);
    const steps = await this.#engine.steps(runId);
    const { result } = shownRun(found);
    const history = { id: runId, options: settings, outcome: run.outcome, result, hasBegun: run.startedAt !== undefined, decisions, steps };
    return deriveLog(stored, history, (description) => openRecorder(path, description, options));
  }

  async #transaction<T>(work: (transaction: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query("BEGIN");
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client?.query("ROLLBACK").catch(() => undefined);
      throw connectError(error);
    } finally {
      client?.release();
    }
  }
}

/** Returns the id of a run with the option `key`: a hash of queue, tenant and key. */
function runIdOf(queue: string, tenant: string, runKey: string): string {
  if (typeof runKey !== "string" || runKey.length === 0 || runKey.length > MAX_KEY_UNITS)
    throw new BorunaError("usage", `key: expected 1 to ${MAX_KEY_UNITS} characters`);
  return sha256Hex(canonicalJson([queue, tenant, runKey])).slice(0, 32);
}

function settingsOf(program: Program, options: SubmitOptions): RunOptionsRow {
  const args = jsonObjectOption("args", options.args);
  // Throws now for a mistake that a worker would find later.
  bindArguments(program, args);
  schemaOption(options.outputSchema);
  const { inDoubt = "stop", attempts = DEFAULT_ATTEMPTS, traceparent, tracestate } = options;
  if (!["stop", "retry", "fail"].includes(inDoubt)) throw new BorunaError("usage", "inDoubt: expected stop, retry or fail");
  checkCount("attempts", attempts);
  return {
    args: canonicalJson(args),
    limits: { ...limitsOption(options.limits) },
    inputs: canonicalJson(jsonObjectOption("inputs", options.inputs)),
    outputSchema: options.outputSchema === undefined ? null : canonicalJson(jsonFromJs(options.outputSchema)),
    inDoubt,
    maxAttempts: attempts,
    maxParallelCalls: maxParallelCallsOption(options.maxParallelCalls) ?? MAX_PARALLEL_CALLS,
    traceparent: traceparent ?? null,
    tracestate: tracestate ?? null,
  };
}

function jsonObjectOption(name: string, given: RunOptions["args"]): ReadonlyMap<string, JsonData> {
  const data = jsonFromJs(given ?? {});
  if (!isJsonObject(data)) throw new BorunaError("value.form", `${name}: expected an object`);
  return data;
}

function checkName(option: string, value: unknown): void {
  if (typeof value === "string" && NAME.test(value)) return;
  throw new BorunaError("usage", `${option}: expected 1 to 64 letters, digits and _ . -`);
}

function checkCount(option: string, value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return;
  throw new BorunaError("usage", `${option}: expected a whole number from 1`);
}

function shownRun({ run, result, waiting, isCanceled, worker }: RunRow): ShownRun {
  const parsed: unknown = result === undefined ? undefined : JSON.parse(result);
  return {
    ...run,
    isCanceled,
    worker,
    result: parsed,
    waiting: run.state === "suspended" ? (waiting?.suspended ?? []) : [],
    inDoubt: run.state === "in_doubt" ? waiting?.doubt : undefined,
  };
}

function waitingCall(run: RunRow, number: number, waitsFor: SuspendedCall["waitsFor"]): ShownRun["waiting"][number] {
  const { waiting } = shownRun(run);
  const call = waiting.find((candidate) => candidate.call === number);
  if (call !== undefined && call.waitsFor === waitsFor) return call;
  const [first] = waiting;
  throw notWaiting(run, first === undefined ? "it does not wait" : `call ${first.call} waits for an ${first.waitsFor}`);
}

function notWaiting({ run }: RunRow, reason: string): BorunaError {
  const state = run.outcome === undefined ? run.state : `${run.state}, ${run.outcome}`;
  return new BorunaError("worker.not_waiting", `run ${run.id} (${state}) is not to be decided: ${reason}`, {
    hint: "Nothing was changed.",
  });
}

/** Returns the signature if the rule names keys. Throws `log.approval_key`. */
function signatureOf(keys: readonly string[], pem: string | undefined, bytes: Uint8Array): string | undefined {
  const fail = (message: string): never => {
    throw new BorunaError("log.approval_key", message);
  };
  if (keys.length === 0) return pem === undefined ? undefined : fail("the policy's rule names no keys, so a signature would prove nothing");
  if (pem === undefined) return fail("the policy's rule names keys: the decision must be signed");
  const key = signingKeyOf(pem);
  if (key === undefined) return fail("the key is not an Ed25519 private key in PEM form, without a passphrase");
  if (!keys.includes(key.publicKey)) return fail(`the key ${key.publicKey} is not one of the policy's rule`);
  return key.sign(bytes);
}
