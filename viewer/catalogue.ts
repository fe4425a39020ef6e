/**
 * The list of runs, which joins logs and traces by `boruna.run.id`. A row is a log with all executions of its run id, an execution without a
 * log, or a trace without a `boruna.run` span. An execution is a `boruna.run` span.
 */
import { lstatSync } from "node:fs";
import type { RunSummary } from "./api.ts";
import type { LogIndex } from "./log-index.ts";
import type { LogWatcher } from "./log-watcher.ts";
import type { SpanStore, Trace } from "./span-store.ts";
import type { ExecutionFacts, StoredSpan } from "./stored-span.ts";
import { waitingCall } from "./waiting.ts";

/** An execution: its `boruna.run` span, the trace of the span, and the run's data in the span. */
export interface ExecutionRef {
  readonly trace: Trace;
  readonly span: StoredSpan;
  readonly facts: ExecutionFacts;
}

/** A row of the list, with its log, its executions or its trace. */
export interface Run {
  readonly id: string;
  readonly log: LogIndex | undefined;
  /** Oldest first. */
  readonly executions: readonly ExecutionRef[];
  /** A trace without a `boruna.run` span. */
  readonly trace: Trace | undefined;
  readonly summary: RunSummary;
}

const MAX_CAPABILITIES = 32;
const MODES = ["mock", "live", "audit", "replay"] as const;

export const executionId = ({ traceId, spanId }: StoredSpan): string => `${traceId}-${spanId}`;

export class Catalogue {
  readonly #store: SpanStore;
  readonly #logs: Pick<LogWatcher, "logs">;
  #runs: ReadonlyMap<string, Run> | undefined;
  /** The rows by their other ids: run ids, trace ids, and ids of executions. */
  #aliases: ReadonlyMap<string, Run> = new Map();

  constructor(store: SpanStore, logs: Pick<LogWatcher, "logs">) {
    this.#store = store;
    this.#logs = logs;
  }

  /** Discards the list. Must be called when a log or a trace has changed. */
  invalidate(): void {
    this.#runs = undefined;
  }

  /** The rows by id. */
  get runs(): ReadonlyMap<string, Run> {
    this.#runs ??= this.#join();
    return this.#runs;
  }

  /** Returns the row with this id. `id` may also be a run id, or the id of an execution or trace that is part of the row. */
  find(id: string): Run | undefined {
    return this.runs.get(id) ?? this.#aliases.get(id);
  }

  /** Makes the rows from the logs and traces. */
  #join(): ReadonlyMap<string, Run> {
    const runs = new Map<string, Run>();
    const aliases = new Map<string, Run>();
    const executionsOf = this.#executions();
    const joined = new Set<string>();
    for (const { id, index } of this.#logs.logs.values()) {
      const runId = index.summary.header?.runId;
      const isFirst = runId !== undefined && !joined.has(runId);
      const executions = isFirst ? (executionsOf.get(runId) ?? []) : [];
      const run: Run = { id, log: index, executions, trace: undefined, summary: logRow(id, index, executions) };
      runs.set(id, run);
      if (runId === undefined || !isFirst) continue;
      joined.add(runId);
      aliases.set(runId, run);
      for (const { span } of executions) aliases.set(executionId(span), run).set(span.traceId, run);
    }
    for (const [runId, executions] of executionsOf) {
      if (joined.has(runId)) continue;
      for (const execution of executions) {
        const id = executionId(execution.span);
        const run: Run = { id, log: undefined, executions: [execution], trace: undefined, summary: executionRow(id, execution) };
        runs.set(id, run);
        aliases.set(runId, run).set(execution.span.traceId, run);
      }
    }
    for (const trace of this.#store.traces.values()) {
      if (trace.executions.length > 0 || trace.root === undefined) continue;
      const run: Run = { id: trace.traceId, log: undefined, executions: [], trace, summary: traceRow(trace, trace.root) };
      runs.set(trace.traceId, run);
    }
    this.#aliases = aliases;
    return runs;
  }

  /** Returns the executions by run id, oldest first. */
  #executions(): ReadonlyMap<string, ExecutionRef[]> {
    const byRunId = new Map<string, ExecutionRef[]>();
    for (const trace of this.#store.traces.values()) {
      for (const span of trace.executions) {
        const facts = span.execution;
        if (facts === undefined) continue;
        const list = byRunId.get(facts.runId);
        if (list === undefined) byRunId.set(facts.runId, [{ trace, span, facts }]);
        else list.push({ trace, span, facts });
      }
    }
    for (const list of byRunId.values())
      list.sort((a, b) => (a.span.startNs < b.span.startNs ? -1 : a.span.startNs > b.span.startNs ? 1 : 0));
    return byRunId;
  }
}

/** Returns the execution to show by default: the latest that is not a replay, or, if all are replays, the latest. */
export function mainExecution(executions: readonly ExecutionRef[]): ExecutionRef | undefined {
  return executions.findLast(({ facts }) => facts.mode !== "replay") ?? executions.at(-1);
}

function logRow(id: string, index: LogIndex, executions: readonly ExecutionRef[]): RunSummary {
  const { header, end, eventCount } = index.summary;
  const execution = mainExecution(executions);
  const counters = end?.counters;
  return {
    id,
    runId: header?.runId,
    traceId: execution?.span.traceId,
    program: header?.program.name ?? index.file,
    service: execution?.span.service,
    outcome: outcomeOf(index),
    mode: header?.mode,
    timeMs: execution === undefined ? index.changedMs : msOf(execution.span.startNs),
    timeFrom: execution === undefined ? "file" : "span",
    durationMs: execution === undefined ? undefined : durationMs(execution.span.startNs, execution.span.endNs),
    calls: counters?.total ?? index.callCount,
    denials: counters === undefined ? 0 : counters.denied + counters.budget_exceeded,
    capabilities: [...index.capabilities.keys()].slice(0, MAX_CAPABILITIES),
    spans: execution?.trace.spans.length ?? 0,
    executions: executions.length,
    log: { file: index.file, events: eventCount, state: index.state, problem: index.problem },
  };
}

function outcomeOf(index: LogIndex): string {
  const { end } = index.summary;
  if (end !== undefined) return end.outcome;
  if (index.state === "broken") return "unknown";
  if (index.state === "reading" || isLocked(index.file)) return "running";
  return waitingCall(index) === undefined ? "incomplete" : "suspended";
}

/** Whether a process seems to write the log. Its lock is a dangling symbolic link, which remains if the process is killed. */
function isLocked(file: string): boolean {
  return lstatSync(`${file}.lock`, { throwIfNoEntry: false }) !== undefined;
}

function executionRow(id: string, { trace, span, facts }: ExecutionRef): RunSummary {
  return {
    id,
    runId: facts.runId,
    traceId: span.traceId,
    program: facts.program,
    service: span.service,
    outcome: facts.outcome,
    mode: MODES.find((mode) => mode === facts.mode),
    timeMs: msOf(span.startNs),
    timeFrom: "span",
    durationMs: durationMs(span.startNs, span.endNs),
    calls: facts.calls,
    denials: facts.denials,
    capabilities: trace.capabilities,
    spans: trace.spans.length,
    executions: 1,
  };
}

/** Returns the row of a trace without a `boruna.run` span. If it has spans of calls, a run is in progress: its `boruna.run` span comes at the end. */
function traceRow(trace: Trace, root: StoredSpan): RunSummary {
  return {
    id: trace.traceId,
    traceId: trace.traceId,
    program: root.label === "" ? root.name : `${root.name} ${root.label}`,
    service: root.service,
    outcome: trace.calls > 0 ? "running" : root.status,
    timeMs: msOf(trace.startNs),
    timeFrom: "span",
    durationMs: durationMs(trace.startNs, trace.endNs),
    calls: trace.calls,
    denials: trace.denials,
    capabilities: trace.capabilities,
    spans: trace.spans.length,
    executions: 0,
  };
}

/** Converts nanoseconds since 1970 to milliseconds. */
export const msOf = (ns: bigint): number => Number(ns / 1_000n) / 1_000;
export const durationMs = (startNs: bigint, endNs: bigint): number => Number(endNs - startNs) / 1e6;
