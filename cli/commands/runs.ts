import { BorunaError } from "../../vm/error.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import type { ListOptions, ShownRun } from "../../worker/api.ts";
import type { ListedRun, RunState, RunWorker } from "../../worker/listed-run.ts";
import { approvalRequestLines } from "../approval.ts";
import { type DatabaseFlags, withClient } from "../database-flag.ts";
import { readKey } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import type { CommandSession } from "../session.ts";
import { printJson, type Terminal, withoutControlCharacters } from "../terminal.ts";
import { suspendedJson } from "../../runtime/execution-json.ts";
import { signingKeyOf } from "../../gateway/signing.ts";

export interface ListFlags extends DatabaseFlags {
  readonly queue?: string;
  readonly tenant?: string;
  readonly state?: RunState;
  readonly count?: string;
  readonly after?: string;
}

export async function runsListCommand({ terminal, json }: CommandSession, flags: ListFlags): Promise<number> {
  const { queue, tenant, state } = flags;
  // `list` refuses the limit 0 that a wrong `--count` becomes.
  const limit = /^\d{1,4}$/.test(flags.count ?? "100") ? Number(flags.count ?? "100") : 0;
  const options = omitUndefined<ListOptions>({ queue, tenant, state, limit, after: positionOf(flags.after) });
  const runs = await withClient(flags, (client) => client.list(options));
  const last = runs.at(-1);
  const next = last !== undefined && runs.length === limit ? `${last.submittedAt},${last.id}` : undefined;
  if (json) printJson(terminal, { runs: runs.map(listedJson), next: next ?? null });
  else {
    for (const run of runs) terminal.out(withoutControlCharacters(listedLine(run)));
    if (next !== undefined) terminal.err(`more: --after ${next}`);
  }
  return EXIT.done;
}

/** Parses `--after`: the submit time and the id of the last run of the previous page. Throws `usage`. */
function positionOf(text: string | undefined): Pick<ListedRun, "id" | "submittedAt"> | undefined {
  if (text === undefined) return undefined;
  const [submittedAt = "", id = ""] = text.split(",", 2);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(submittedAt) && id !== "") return { submittedAt, id };
  throw new BorunaError("usage", `--after ${text}: expected what the page before has printed`);
}

function listedLine({ id, state, outcome, queue, tenant, program, submittedAt }: ListedRun): string {
  const status = outcome === undefined || outcome === state ? state : outcome;
  return `${submittedAt.slice(0, 19)}Z  ${id}  ${status.padEnd(14)}  ${queue}/${tenant}  ${program}`;
}

function listedJson({ id, queue, tenant, program, state, outcome, attempts, submittedAt, startedAt, endedAt }: ListedRun): object {
  return {
    run_id: id,
    queue,
    tenant,
    program,
    state,
    outcome: outcome ?? null,
    attempts,
    submitted_at: submittedAt,
    started_at: startedAt ?? null,
    ended_at: endedAt ?? null,
  };
}

export async function runsShowCommand({ terminal, json }: CommandSession, id: string, flags: DatabaseFlags): Promise<number> {
  const run = await withClient(flags, (client) => client.show(id));
  printRun(terminal, json, run);
  return EXIT.done;
}

function printRun(terminal: Terminal, json: boolean, run: ShownRun): void {
  if (json) printJson(terminal, shownJson(run));
  else for (const line of shownLines(run)) terminal.out(withoutControlCharacters(line));
}

function shownJson(run: ShownRun): Readonly<Record<string, unknown>> {
  const { result, waiting, inDoubt, isCanceled, worker } = run;
  return {
    ...listedJson(run),
    worker:
      worker === undefined
        ? null
        : { id: worker.id, host: worker.host ?? null, lease_until: worker.leaseUntil ?? null, alive: worker.isAlive },
    cancel_requested: isCanceled,
    waiting: waiting.map(suspendedJson),
    in_doubt: inDoubt ?? null,
    result: result ?? null,
  };
}

function shownLines(run: ShownRun): readonly string[] {
  const { id, queue, tenant, program, attempts, waiting, inDoubt, isCanceled, result, submittedAt, startedAt, endedAt } = run;
  const times = [["submitted", submittedAt] as const, ["started", startedAt] as const, ["ended", endedAt] as const];
  return [
    listedLine(run),
    `  program: ${program}, queue: ${queue}, tenant: ${tenant}, attempts: ${attempts}${isCanceled ? ", cancel requested" : ""}`,
    ...(run.worker === undefined ? [] : [workerLine(run.worker)]),
    ...times.flatMap(([name, time]) => (time === undefined ? [] : [`  ${name}: ${time}`])),
    ...resultLines(result),
    ...waiting.flatMap((call) => {
      const lines = approvalRequestLines(call).map((line) => `  ${line}`);
      return call.waitsFor === "approval"
        ? [...lines, `  help: boruna approve ${id} --call ${call.call}, with --deny it is refused`]
        : lines;
    }),
    ...(inDoubt === undefined
      ? []
      : [
          `  help: find out whether call ${inDoubt.call} was carried out; boruna runs log ${id} and boruna log show ${id}.jsonl --call ${inDoubt.call} show all of it`,
          `  then boruna runs resume ${id} --in-doubt retry makes it again, --in-doubt fail gives the program an error`,
        ]),
  ];
}

function workerLine({ id, host, leaseUntil, isAlive }: RunWorker): string {
  if (host === undefined) return `  worker: ${id} is gone, and another one will go on with the run`;
  const lease = isAlive
    ? `in contact; it has its lease until ${leaseUntil ?? "?"}`
    : `silent since its lease ended at ${leaseUntil ?? "?"}`;
  return `  worker: ${id} on ${host}, ${lease}`;
}

function resultLines(result: unknown): readonly string[] {
  if (typeof result !== "object" || result === null) return [];
  const lines: string[] = [];
  if ("text" in result && typeof result.text === "string") lines.push(`  value: ${result.text}`);
  const error = "error" in result ? result.error : undefined;
  if (typeof error === "object" && error !== null && "message" in error) lines.push(`  error: ${String(error.message)}${placeOf(error)}`);
  return lines;
}

/** Returns where an error of a result came from, as ` at FILE:LINE:COLUMN`. */
function placeOf(error: object): string {
  const location = "location" in error ? error.location : undefined;
  if (typeof location !== "object" || location === null || !("file" in location) || !("line" in location)) return "";
  const column = "column" in location ? `:${String(location.column)}` : "";
  return ` at ${String(location.file)}:${String(location.line)}${column}`;
}

export async function runsWatchCommand({ terminal, json }: CommandSession, id: string, flags: DatabaseFlags): Promise<number> {
  const onChange = ({ state, attempts }: ShownRun): void => {
    if (!json) terminal.err(attempts > 1 ? `${state} (attempt ${attempts})` : state);
  };
  const run = await withClient(flags, (client) => client.watch(id, { onChange }));
  printRun(terminal, json, run);
  return exitCodeOf(run);
}

function exitCodeOf({ outcome }: ShownRun): number {
  return Object.entries(OUTCOMES).find(([name]) => name === outcome)?.[1].exitCode ?? EXIT.done;
}

export async function runsCancelCommand({ terminal, json }: CommandSession, id: string, flags: DatabaseFlags): Promise<number> {
  const run = await withClient(flags, (client) => client.cancel(id));
  printRun(terminal, json, run);
  return EXIT.done;
}

export interface ResumeRunFlags extends DatabaseFlags {
  readonly inDoubt?: "retry" | "fail";
}

export async function runsResumeCommand({ terminal, json }: CommandSession, id: string, flags: ResumeRunFlags): Promise<number> {
  const { inDoubt } = flags;
  if (inDoubt === undefined)
    throw new BorunaError("usage", "what about the call in doubt? Give --in-doubt retry, or --in-doubt fail", {
      hint: `boruna runs show ${id} shows it`,
    });
  const run = await withClient(flags, async (client) => {
    await client.resume(id, inDoubt);
    return client.show(id);
  });
  printRun(terminal, json, run);
  return EXIT.done;
}

export interface RunLogFlags extends DatabaseFlags {
  readonly output?: string;
  readonly force?: boolean;
  readonly sign?: string;
}

export async function runsLogCommand({ terminal, json }: CommandSession, id: string, flags: RunLogFlags): Promise<number> {
  const path = flags.output ?? `${id}.jsonl`;
  const key = flags.sign === undefined ? undefined : signingKeyOf(readKey(flags.sign));
  if (flags.sign !== undefined && key === undefined) throw new BorunaError("usage", `--sign ${flags.sign}: no Ed25519 private key (PEM)`);
  const options = { force: flags.force === true, ...(key === undefined ? {} : { key }) };
  const log = await withClient(flags, (client) => client.log(id, path, options));
  if (json) printJson(terminal, { log: path, is_complete: log !== undefined, head: log?.head ?? null });
  else terminal.err(log === undefined ? `recorded so far: ${path} (no end record)` : `recorded: ${path} (head ${log.head ?? "?"})`);
  return EXIT.done;
}
