/** Answers queries for one run and the spans of its trace. */
import { loadText } from "../replay/log/blob-values.ts";
import { recordedBudget } from "../replay/report/log-table.ts";
import { BorunaError } from "../vm/error.ts";
import type { Budget, Execution, LogDetail, RunDetail, RunFailure, SpanDetail, SpanRow, SpansAnswer, SpansQuery, Timeline } from "./api.ts";
import { callLinks } from "./call-links.ts";
import { durationMs, executionId, mainExecution, msOf, type ExecutionRef, type Run } from "./catalogue.ts";
import type { LogIndex } from "./log-index.ts";
import { pageOfAll } from "./paging.ts";
import { recordedRuleLine } from "./policy-text.ts";
import { recordedProgramOf } from "./recorded-program.ts";
import type { Trace } from "./span-store.ts";
import { type StoredDetail, type StoredSpan, valueText } from "./stored-span.ts";
import { type Rows, rowJson, rowsOf } from "./timeline.ts";
import { waitingCall } from "./waiting.ts";

const MAX_SERVICES = 100;
const MAX_MESSAGE_CHARS = 4_096;

export function runDetail(run: Run, execution: string | undefined): RunDetail {
  const { log } = run;
  const trace = traceOf(run, execution);
  return {
    run: run.summary,
    executions: run.executions.map(executionJson),
    timeline: trace === undefined ? undefined : timeline(trace, rootOf(run, execution)),
    log: log === undefined ? undefined : logDetail(log),
    failure: log === undefined ? undefined : failureOf(log),
    budgets: log === undefined ? [] : budgetsOf(log),
    waiting: log === undefined ? undefined : waitingCall(log),
  };
}

function executionJson({ span, facts }: ExecutionRef): Execution {
  return {
    id: executionId(span),
    traceId: span.traceId,
    spanId: span.spanId,
    mode: facts.mode,
    outcome: facts.outcome,
    startMs: msOf(span.startNs),
    durationMs: durationMs(span.startNs, span.endNs),
  };
}

/** Returns the chosen execution. Throws `usage` if the run does not have it. */
function chosenExecution(run: Run, id: string | undefined): ExecutionRef | undefined {
  if (id === undefined) return mainExecution(run.executions);
  const found = run.executions.find(({ span }) => executionId(span) === id);
  if (found === undefined) throw new BorunaError("usage", "the run has no such execution");
  return found;
}

/** Returns the trace of the chosen execution. For a trace of another program, which has no executions, returns that trace. */
export function traceOf(run: Run, execution: string | undefined): Trace | undefined {
  return chosenExecution(run, execution)?.trace ?? run.trace;
}

const rootOf = (run: Run, execution: string | undefined): StoredSpan | undefined =>
  chosenExecution(run, execution)?.span ?? run.trace?.root;

function timeline(trace: Trace, root: StoredSpan | undefined): Timeline {
  const rows = rowsOf(trace);
  const services = new Set<string>();
  for (const { service } of rows.spans) if (services.size < MAX_SERVICES) services.add(service);
  return {
    traceId: trace.traceId,
    startMs: msOf(rows.startNs),
    durationNs: Number(rows.endNs - rows.startNs),
    spans: rows.spans.length,
    rootRow: (root === undefined ? undefined : rows.rowOf.get(root)) ?? 0,
    dropped: trace.dropped,
    services: [...services],
  };
}

function logDetail(index: LogIndex): LogDetail | undefined {
  const { header, end, eventCount } = index.summary;
  const head = index.toRunLog()?.head;
  if (header === undefined || head === undefined) return undefined;
  return {
    file: index.file,
    events: eventCount,
    state: index.state,
    problem: index.problem,
    runId: header.runId,
    mode: header.mode,
    moduleHash: header.program.moduleHash,
    policyHash: header.policyHash,
    head,
    bytes: index.bytes,
    calls: index.callCount,
    types: [...index.typeCounts].map(([value, count]) => ({ value, count })),
    capabilities: [...index.capabilities].slice(0, 100).map(([value, { calls }]) => ({ value, count: calls })),
    steps: end?.steps,
    allocBytes: end?.allocBytes,
    sources: sourcesOf(index),
    args: [...header.args.keys()],
  };
}

/** Returns the names of the source files in the log. Empty if the program cannot be read. */
function sourcesOf(index: LogIndex): readonly string[] {
  try {
    return (recordedProgramOf(index).module.debug?.files ?? []).flatMap(({ name, text }) => (text === undefined ? [] : [name]));
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return [];
  }
}

function failureOf(index: LogIndex): RunFailure | undefined {
  const error = index.summary.end?.error;
  const log = index.toRunLog();
  if (error === undefined || log === undefined) return undefined;
  const message = textOrReason(() => loadText(error.message, log.blobs));
  return {
    kind: error.kind,
    message: valueText(message, MAX_MESSAGE_CHARS).text,
    capability: error.capability,
    rule: error.rule,
    ruleLine: error.rule === undefined ? undefined : recordedRuleLine(index, error.rule),
    limit: error.limit,
    step: error.step,
  };
}

/** Returns the text that `read` returns. If its blob cannot be read, returns the reason in parentheses. */
function textOrReason(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return `(${error.message})`;
  }
}

function budgetsOf(index: LogIndex): readonly Budget[] {
  const log = index.toRunLog();
  if (log === undefined) return [];
  return [...index.capabilities].flatMap(([capability, { calls }]) => {
    const budget = recordedBudget(log, capability);
    return budget === undefined ? [] : [{ capability, budget, used: calls }];
  });
}

// ---- spans ----

export function listSpans(run: Run, query: SpansQuery): SpansAnswer {
  const trace = traceOf(run, query.execution);
  if (trace === undefined) return { spans: [], total: 0 };
  const rows = rowsOf(trace);
  const { page, total } = pageOfAll(matchingRows(rows, query), query);
  return { spans: page.flatMap((row) => rowOf(run, query.execution, rows, row) ?? []), total };
}

function* matchingRows({ spans }: Rows, { text, errors }: SpansQuery): Generator<number, void> {
  const wanted = text?.toLowerCase();
  for (const [row, span] of spans.entries()) {
    if (errors !== undefined && span.status !== "error" && span.error === undefined && !span.refused) continue;
    if (wanted !== undefined && ![span.name, span.label, span.service].some((part) => part.toLowerCase().includes(wanted))) continue;
    yield row;
  }
}

/**
 * Returns the row with this number, with a link from its call to the call's event in the log. A span that does not belong to the chosen
 * execution has no link: a trace may have spans of several runs.
 */
function rowOf(run: Run, execution: string | undefined, rows: Rows, row: number): SpanRow | undefined {
  const chosen = chosenExecution(run, execution);
  const links = chosen === undefined || run.log === undefined ? undefined : callLinks(chosen, run.log);
  return rowJson(rows, row, (span) => links?.eventOf.get(span));
}

export function spanDetail(run: Run, spanId: string, execution: string | undefined): SpanDetail | undefined {
  const trace = traceOf(run, execution);
  const span = trace?.byId.get(spanId);
  if (trace === undefined || span === undefined) return undefined;
  const rows = rowsOf(trace);
  const row = rowOf(run, execution, rows, rows.rowOf.get(span) ?? -1);
  if (row === undefined) return undefined;
  const detail: StoredDetail = storedDetail(span);
  const events = detail.events.map((event) => ({ ...event, timeNs: Number(BigInt(event.timeNs) - rows.startNs) }));
  return { ...detail, span: row, traceId: span.traceId, events };
}

function storedDetail(span: StoredSpan): StoredDetail {
  const detail: unknown = JSON.parse(span.detail);
  if (!isStoredDetail(detail)) throw new BorunaError("internal", "a stored span has no details");
  return detail;
}

/** Whether the data looks like details. Checks only some members, because `storedSpan` made the text. */
export function isStoredDetail(data: unknown): data is StoredDetail {
  return typeof data === "object" && data !== null && "attributes" in data && "events" in data && Array.isArray(data.events);
}
