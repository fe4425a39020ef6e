/** Answers queries for the list of runs. */
import type { Facet, RunsAnswer, RunsQuery, RunSort, RunSummary } from "./api.ts";
import { pageOf } from "./paging.ts";

const MAX_FACETS = 100;

/** Returns a page of the sorted runs that meet all conditions of the query. */
export function listRuns(runs: readonly RunSummary[], query: RunsQuery): RunsAnswer {
  const matches = runs.filter((run) => meets(run, query));
  const sort = SORTS[query.sort ?? "time"];
  const direction = query.order === "asc" ? 1 : -1;
  // Rows with equal keys are sorted by id, so that pages do not overlap.
  matches.sort((a, b) => direction * sort(a, b) || compare(a.id, b.id));
  return {
    runs: pageOf(matches, query),
    total: matches.length,
    all: runs.length,
    facets: {
      programs: facets(runs.map((run) => run.program)),
      outcomes: facets(runs.map((run) => run.outcome)),
      capabilities: facets(runs.flatMap((run) => run.capabilities)),
    },
  };
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

const SORTS: Readonly<Record<RunSort, (a: RunSummary, b: RunSummary) => number>> = {
  time: (a, b) => a.timeMs - b.timeMs,
  program: (a, b) => compare(a.program, b.program),
  outcome: (a, b) => compare(a.outcome, b.outcome),
  calls: (a, b) => a.calls - b.calls,
  denials: (a, b) => a.denials - b.denials,
  duration: (a, b) => (a.durationMs ?? -1) - (b.durationMs ?? -1),
};

export const isRunSort = (text: string): text is RunSort => Object.hasOwn(SORTS, text);

function meets(run: RunSummary, query: RunsQuery): boolean {
  const { program, outcome, capability, text, sinceMs, untilMs, minCalls = 0, minDenials = 0, minDurationMs } = query;
  return (
    (program === undefined || run.program === program) &&
    (outcome === undefined || run.outcome === outcome) &&
    (capability === undefined || run.capabilities.includes(capability)) &&
    (sinceMs === undefined || run.timeMs >= sinceMs) &&
    (untilMs === undefined || run.timeMs <= untilMs) &&
    run.calls >= minCalls &&
    run.denials >= minDenials &&
    (minDurationMs === undefined || (run.durationMs ?? -1) >= minDurationMs) &&
    (text === undefined || hasText(run, text.toLowerCase()))
  );
}

function hasText(run: RunSummary, text: string): boolean {
  const { runId = "", traceId = "", program, service = "", log, capabilities } = run;
  return [run.id, runId, traceId, program, service, log?.file ?? "", ...capabilities].some((part) => part.toLowerCase().includes(text));
}

/** Counts equal values. Returns the most frequent first. */
export function facets(values: readonly string[]): readonly Facet[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || compare(a.value, b.value))
    .slice(0, MAX_FACETS);
}
