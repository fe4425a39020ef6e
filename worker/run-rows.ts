/** Reads and writes the rows of runs for clients. The queries of workers are in `store.ts`, the tables in `schema.ts`. */
import type { ClientBase, Pool } from "pg";
import { type ListedRun, RUN_STATES, type RunState, type RunWorker } from "./listed-run.ts";
import type { DecisionRow, ProgramRow, RunOptionsRow, Waiting } from "./store.ts";

type Queries = Pick<ClientBase, "query">;

export interface NewRun {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string;
  readonly program: string;
  readonly options: RunOptionsRow;
  readonly deadlineMs: number | undefined;
}

/** Stores the program, or updates the time of its last use. */
export async function storeProgram(client: Queries, hash: string, name: string, row: ProgramRow): Promise<void> {
  await client.query(
    `INSERT INTO boruna.programs (hash, module, policy, capabilities, name) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (hash) DO UPDATE SET used_at = now()`,
    [hash, row.module, row.policy, row.capabilities, name],
  );
}

/** Inserts the row of a run. Returns false if there is one with this id. */
export async function insertRun(client: Queries, run: NewRun): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO boruna.runs (id, queue, tenant, program, options, deadline)
     VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 ms') ON CONFLICT (id) DO NOTHING`,
    [run.id, run.queue, run.tenant, run.program, JSON.stringify(run.options), run.deadlineMs ?? null],
  );
  return rowCount === 1;
}

const timeText = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const LISTED = `r.id, r.queue, r.tenant, p.name AS program, r.state, r.outcome, r.attempts, ${timeText("r.submitted_at")} AS submitted,
  ${timeText("r.started_at")} AS started, ${timeText("r.ended_at")} AS ended`;

interface ListedRow {
  readonly id: string;
  readonly queue: string;
  readonly tenant: string;
  readonly program: string;
  readonly state: RunState;
  readonly outcome: string | null;
  readonly attempts: number;
  readonly submitted: string;
  readonly started: string | null;
  readonly ended: string | null;
}

function listed({ id, queue, tenant, program, state, outcome, attempts, submitted, started, ended }: ListedRow): ListedRun {
  const times = { submittedAt: submitted, startedAt: started ?? undefined, endedAt: ended ?? undefined };
  return { id, queue, tenant, program, state, outcome: outcome ?? undefined, attempts, ...times };
}

/** Which runs to list. At most one of `queue` and `tenant` is given, because one index cannot serve both. */
export interface ListFilter {
  readonly queue: string | undefined;
  readonly tenant: string | undefined;
  readonly state: RunState | undefined;
  /** The last run of the previous page. */
  readonly after: Pick<ListedRun, "id" | "submittedAt"> | undefined;
  readonly limit: number;
}

/** Returns runs, newest first. Reads each state through an index, so that a filter reads hardly more rows than it returns. */
export async function listRuns(pool: Pool, { queue, tenant, state, after, limit }: ListFilter): Promise<readonly ListedRun[]> {
  const column = queue !== undefined ? "queue" : tenant !== undefined ? "tenant" : undefined;
  const { rows } = await pool.query<ListedRow>(
    `SELECT ${LISTED} FROM unnest($1::text[]) AS s (state),
       LATERAL (SELECT * FROM boruna.runs o WHERE o.state = s.state ${column === undefined ? "AND $2::text IS NULL" : `AND o.${column} = $2`}
         AND ($3::timestamptz IS NULL OR (o.submitted_at, o.id) < ($3, $4)) ORDER BY o.submitted_at DESC, o.id DESC LIMIT $5) r
       JOIN boruna.programs p ON p.hash = r.program
     ORDER BY r.submitted_at DESC, r.id DESC LIMIT $5`,
    [state === undefined ? RUN_STATES : [state], queue ?? tenant ?? null, after?.submittedAt ?? null, after?.id ?? null, limit],
  );
  return rows.map(listed);
}

/** A run with all columns of its row. */
export interface RunRow {
  readonly run: ListedRun;
  readonly programHash: string;
  readonly options: RunOptionsRow;
  /** The JSON that `boruna run --json` would print. Undefined until the run has ended or waits. */
  readonly result: string | undefined;
  readonly waiting: Waiting | undefined;
  /** Whether somebody has canceled the run, even if a worker still executes it. */
  readonly isCanceled: boolean;
  readonly worker: RunWorker | undefined;
}

interface FoundRow extends ListedRow {
  readonly hash: string;
  readonly options: RunOptionsRow;
  readonly result: string | null;
  readonly waiting: Waiting | null;
  readonly canceled: boolean;
  readonly worker: string | null;
  readonly host: string | null;
  readonly lease: string | null;
  readonly alive: boolean;
}

/** Returns the row, locked until the transaction ends if `lock` is true. */
export async function findRun(client: Queries, id: string, lock = false): Promise<RunRow | undefined> {
  const { rows } = await client.query<FoundRow>(
    `SELECT ${LISTED}, r.program AS hash, r.options, r.result, r.waiting, r.cancel_at IS NOT NULL AS canceled,
       r.worker, w.host, ${timeText("w.expires_at")} AS lease, coalesce(w.expires_at >= now(), false) AS alive
     FROM boruna.runs r JOIN boruna.programs p ON p.hash = r.program LEFT JOIN boruna.workers w ON w.id = r.worker WHERE r.id = $1 ${lock ? "FOR UPDATE OF r" : ""}`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { hash, options, result, waiting, canceled } = row;
  const more = { programHash: hash, options, result: result ?? undefined, waiting: waiting ?? undefined, isCanceled: canceled };
  return { run: listed(row), ...more, worker: workerOf(row) };
}

function workerOf({ state, worker, host, lease, alive }: FoundRow): RunWorker | undefined {
  if (state !== "running" || worker === null) return undefined;
  return { id: worker, host: host ?? undefined, leaseUntil: lease ?? undefined, isAlive: alive };
}

export async function decisionsOf(client: Queries, run: string): Promise<readonly DecisionRow[]> {
  const { rows } = await client.query<DecisionRow>("SELECT call, kind, body FROM boruna.decisions WHERE run = $1", [run]);
  return rows;
}

export async function insertDecision(client: Queries, run: string, { call, kind, body }: DecisionRow): Promise<void> {
  await client.query("INSERT INTO boruna.decisions (run, call, kind, body) VALUES ($1, $2, $3, $4)", [run, call, kind, body]);
}

export async function decideCallInDoubt(client: Queries, run: string, call: number, decision: "retry" | "fail"): Promise<void> {
  await client.query("UPDATE boruna.intents SET decision = $3 WHERE run = $1 AND call = $2", [run, call, decision]);
}

/** Puts a run that waited back into its queue. */
export async function continueRun(client: Queries, run: string): Promise<void> {
  await client.query("UPDATE boruna.runs SET state = 'queued', outcome = NULL, waiting = NULL, changed_at = now() WHERE id = $1", [run]);
}

/**
 * Requests the cancellation of a run. A run that no worker executes ends at once; any other ends when its worker notices the request.
 * Returns false, and changes nothing, if the run has ended or there is no such run.
 */
export async function cancelRun(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE boruna.runs SET cancel_at = coalesce(cancel_at, now()), changed_at = now(),
       state = CASE state WHEN 'running' THEN 'running' ELSE 'ended' END,
       outcome = CASE state WHEN 'running' THEN outcome ELSE 'canceled' END,
       result = CASE state WHEN 'running' THEN result ELSE json_build_object('outcome', 'canceled', 'value', NULL, 'run_id', id,
         'error', json_build_object('kind', 'canceled', 'message', 'the run was canceled'))::text END,
       waiting = CASE state WHEN 'running' THEN waiting END,
       ended_at = CASE state WHEN 'running' THEN NULL ELSE now() END
     WHERE id = $1 AND state <> 'ended'`,
    [id],
  );
  return rowCount === 1;
}
