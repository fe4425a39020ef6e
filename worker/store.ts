/**
 * Reads and writes the workers' rows (`schema.ts`), with one function for each change. Conditions in the statements make concurrent changes
 * safe: of the executions of a run, only the one that began last, which has the highest number, writes the run's row.
 *
 * The statements that every run or call needs have names, so the server parses and plans them only once for each connection.
 */
import type { ClientBase, Pool } from "pg";
import type { Outcome } from "../vm/outcome.ts";
import type { QueuedRun } from "./engine.ts";
import type { SuspendedCall } from "../gateway/call.ts";
import type { InDoubt, OpenCall } from "../replay/resumer.ts";

/** What `submit` stores beside program and policy. Texts of JSON are canonical. */
export interface RunOptionsRow {
  /** Typed JSON by parameter name. */
  readonly args: string;
  /** Limits that override those of the policy. */
  readonly limits: Readonly<Record<string, number>>;
  /** Answers of `step.input`. */
  readonly inputs: string;
  readonly outputSchema: string | null;
  readonly inDoubt: InDoubt;
  readonly maxAttempts: number;
  readonly maxParallelCalls: number;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

/** A run that an execution has begun. */
export interface BegunRun {
  readonly queue: string;
  readonly tenant: string;
  /** The hash of the program, which names its row. */
  readonly program: string;
  readonly options: RunOptionsRow;
  /** Number of the execution, from 1. */
  readonly execution: number;
  /** Number of executions since the run last waited or a draining worker handed it over, including this one. */
  readonly attempts: number;
  /** Whether somebody canceled the run before this execution. */
  readonly isCanceled: boolean;
  /** Milliseconds until the deadline, at most 0 if it has passed. Undefined without one. */
  readonly remainingMs: number | undefined;
  readonly decisions: readonly DecisionRow[];
}

export interface DecisionRow {
  readonly call: number;
  readonly kind: "approval" | "answer";
  /** JSON: a `Decision`, or `{"value": …}` or `{"failure": "…"}`. */
  readonly body: string;
}

export interface ProgramRow {
  readonly module: Uint8Array;
  /** The policy as canonical JSON. */
  readonly policy: string;
  /** The declarations of own capabilities, as canonical JSON. */
  readonly capabilities: string;
}

/** Says that an execution has begun a call that may not be repeated. */
export interface Intent {
  /** The token of the execution that began the call. */
  readonly token: string | null;
  /** What the run's owner has decided about the call, if it was in doubt. */
  readonly decision: "retry" | "fail" | null;
}

/** How an execution ended. */
export interface ExecutionEnd {
  /** `queued`: another worker will continue the run. */
  readonly state: "queued" | "suspended" | "in_doubt" | "ended";
  /** Undefined if and only if the state is `queued`. */
  readonly outcome: Outcome | undefined;
  /** JSON, as `boruna run --json` prints it. Undefined if and only if the state is `queued`. */
  readonly result: string | undefined;
  readonly waiting: Waiting | undefined;
}

/** What a run waits for. */
export interface Waiting {
  readonly suspended: readonly SuspendedCall[];
  /** The call in doubt. */
  readonly doubt: OpenCall | undefined;
}

/**
 * Begins executions of runs: counts them, and writes into the rows that this worker executes the runs. Returns the runs to execute, by id.
 * The other runs have ended, wait, or were deleted.
 */
export async function beginExecutions(pool: Pool, ids: readonly string[], worker: string): Promise<ReadonlyMap<string, BegunRun>> {
  const { rows } = await pool.query<{
    id: string;
    queue: string;
    tenant: string;
    program: string;
    options: RunOptionsRow;
    executions: number;
    attempts: number;
    canceled: boolean;
    remaining: number | null;
    decisions: readonly DecisionRow[];
  }>({
    name: "boruna.begin",
    text: `UPDATE boruna.runs r
     SET state = 'running', worker = $2, executions = executions + 1, attempts = attempts + 1, started_at = coalesce(started_at, now()), changed_at = now()
     WHERE id = ANY($1) AND state IN ('queued', 'running')
     RETURNING id, queue, tenant, program, options, executions, attempts, cancel_at IS NOT NULL AS canceled,
       (extract(epoch FROM deadline - now()) * 1000)::float8 AS remaining,
       (SELECT coalesce(json_agg(json_build_object('call', d.call, 'kind', d.kind, 'body', d.body)), '[]')
        FROM boruna.decisions d WHERE d.run = r.id) AS decisions`,
    values: [ids, worker],
  });
  return new Map(
    rows.map(({ id, executions, canceled, remaining, ...begun }) => [
      id,
      { ...begun, execution: executions, isCanceled: canceled, remainingMs: remaining ?? undefined },
    ]),
  );
}

export async function programOf(pool: Pool, hash: string): Promise<ProgramRow | undefined> {
  const { rows } = await pool.query<ProgramRow>("SELECT module, policy, capabilities FROM boruna.programs WHERE hash = $1", [hash]);
  return rows[0];
}

/** An execution that has ended, and how. */
export interface EndedExecution {
  readonly id: string;
  readonly execution: number;
  readonly end: ExecutionEnd;
}

/**
 * Writes how executions ended, unless a later execution has begun or the run has ended. If the run did not end, its attempts are counted
 * from 0 again. Returns the ids of the written rows, as keys.
 */
export async function endExecutions(pool: Pool, ended: readonly EndedExecution[]): Promise<ReadonlyMap<string, true>> {
  const waitingOf = ({ waiting }: ExecutionEnd): string | null => (waiting === undefined ? null : JSON.stringify(waiting));
  const { rows } = await pool.query<{ id: string }>({
    name: "boruna.end",
    text: `UPDATE boruna.runs r
     SET state = e.state, outcome = e.outcome, result = e.result, waiting = e.waiting::json, changed_at = now(),
       attempts = CASE WHEN e.state = 'ended' THEN attempts ELSE 0 END,
       ended_at = CASE WHEN e.state = 'ended' THEN now() END
     FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[]) AS e (id, execution, state, outcome, result, waiting)
     WHERE r.id = e.id AND r.state = 'running' AND r.executions = e.execution RETURNING r.id`,
    values: [
      ended.map(({ id }) => id),
      ended.map(({ execution }) => execution),
      ended.map(({ end }) => end.state),
      ended.map(({ end }) => end.outcome),
      ended.map(({ end }) => end.result),
      ended.map(({ end }) => waitingOf(end)),
    ],
  });
  return new Map(rows.map(({ id }) => [id, true]));
}

/** A call that an execution is about to make. */
export interface NewIntent {
  readonly run: string;
  readonly call: number;
  readonly token: string;
}

export function intentKey({ run, call }: Pick<NewIntent, "run" | "call">): string {
  return `${run} ${call}`;
}

/** Writes the intents of calls that have none. Returns the intents of all these calls, by `intentKey`. */
export async function writeIntents(pool: Pool, intents: readonly NewIntent[]): Promise<ReadonlyMap<string, Intent>> {
  const { rows } = await pool.query<Intent & { run: string; call: number }>({
    name: "boruna.intent",
    text: `INSERT INTO boruna.intents (run, call, token) SELECT * FROM unnest($1::text[], $2::int[], $3::text[])
     ON CONFLICT (run, call) DO UPDATE SET token = boruna.intents.token RETURNING run, call, token, decision`,
    values: [intents.map(({ run }) => run), intents.map(({ call }) => call), intents.map(({ token }) => token)],
  });
  return new Map(rows.map(({ run, call, token, decision }) => [intentKey({ run, call }), { token, decision }]));
}

/** Writes into the intent of a call that the execution with this token makes it now. */
export async function takeOverIntent(pool: Pool, run: string, call: number, token: string): Promise<void> {
  await pool.query("UPDATE boruna.intents SET token = $3, decision = NULL WHERE run = $1 AND call = $2", [run, call, token]);
}

/** Returns which of these runs are to be canceled. */
export async function canceledOf(pool: Pool, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const { rows } = await pool.query<{ id: string }>("SELECT id FROM boruna.runs WHERE id = ANY($1) AND cancel_at IS NOT NULL", [ids]);
  return rows.map(({ id }) => id);
}

/** Extends the lease of a worker. Returns false if another worker has removed its row. */
export async function extendLease(pool: Pool, worker: string, leaseMs: number): Promise<boolean> {
  const { rowCount } = await pool.query("UPDATE boruna.workers SET expires_at = now() + $2 * interval '1 ms' WHERE id = $1", [
    worker,
    leaseMs,
  ]);
  return rowCount === 1;
}

export async function addWorker(pool: Pool, worker: string, host: string, leaseMs: number): Promise<void> {
  await pool.query("INSERT INTO boruna.workers (id, host, expires_at) VALUES ($1, $2, now() + $3 * interval '1 ms')", [
    worker,
    host,
    leaseMs,
  ]);
}

export async function removeWorkers(client: Pick<ClientBase, "query">, workers: readonly string[]): Promise<void> {
  await client.query("DELETE FROM boruna.workers WHERE id = ANY($1)", [workers]);
}

/** Returns the queues of these runs. A run that was deleted is left out. */
export async function queuesOf(client: Pick<ClientBase, "query">, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ id: string; queue: string }>("SELECT id, queue FROM boruna.runs WHERE id = ANY($1)", [ids]);
  return new Map(rows.map(({ id, queue }) => [id, queue]));
}

/** Returns the workers whose leases have ended. */
export async function deadWorkers(client: Pick<ClientBase, "query">): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>("SELECT id FROM boruna.workers WHERE expires_at < now()");
  return rows.map(({ id }) => id);
}

export async function allWorkers(client: Pick<ClientBase, "query">): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>("SELECT id FROM boruna.workers");
  return rows.map(({ id }) => id);
}

/** Returns at most `limit` runs that have begun, do not wait, and whose rows have not changed for `olderThanMs` milliseconds. */
export async function begunRuns(client: Pick<ClientBase, "query">, olderThanMs: number, limit: number): Promise<readonly QueuedRun[]> {
  const { rows } = await client.query<QueuedRun>(
    `SELECT id, queue, tenant FROM boruna.runs
     WHERE state IN ('queued', 'running') AND executions > 0 AND changed_at < now() - $1 * interval '1 ms' ORDER BY changed_at LIMIT $2`,
    [olderThanMs, limit],
  );
  return rows;
}

/** Returns those of the runs that should continue, because they neither wait nor have ended. */
export async function runsToContinue(client: Pick<ClientBase, "query">, ids: readonly string[]): Promise<readonly QueuedRun[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<QueuedRun>(
    "SELECT id, queue, tenant FROM boruna.runs WHERE id = ANY($1) AND state IN ('queued', 'running')",
    [ids],
  );
  return rows;
}

/** Ends the runs that nobody executes and whose deadline has passed. Returns how many. */
export async function endLateRuns(client: Pick<ClientBase, "query">): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE boruna.runs SET state = 'ended', outcome = 'timeout', changed_at = now(), ended_at = now(), waiting = NULL,
       result = json_build_object('outcome', 'timeout', 'value', NULL, 'run_id', id, 'error',
         json_build_object('kind', 'deadline', 'message', 'the deadline passed before the run ended'))::text
     WHERE deadline < now() AND state IN ('queued', 'suspended', 'in_doubt')`,
  );
  return rowCount ?? 0;
}

/** Returns ended runs that are older than `days`, at most `limit`. */
export async function expiredRuns(client: Pick<ClientBase, "query">, days: number, limit: number): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    "SELECT id FROM boruna.runs WHERE state = 'ended' AND ended_at < now() - $1 * interval '1 day' ORDER BY ended_at LIMIT $2",
    [days, limit],
  );
  return rows.map(({ id }) => id);
}

/** Deletes runs, and programs that no run refers to and nobody has submitted for a day. */
export async function deleteRuns(client: Pick<ClientBase, "query">, ids: readonly string[]): Promise<void> {
  await client.query("DELETE FROM boruna.runs WHERE id = ANY($1)", [ids]);
  await client.query(
    `DELETE FROM boruna.programs p WHERE used_at < now() - interval '1 day'
       AND NOT EXISTS (SELECT FROM boruna.runs r WHERE r.program = p.hash)`,
  );
}
