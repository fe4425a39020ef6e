import { plural } from "../../replay/report/replay-report.ts";
import { duration } from "../../telemetry/span-tree.ts";
import type { RunDetail, RunSummary, SpanRow } from "../../viewer/api.ts";
import { type Ask, askFile, askRun, askRuns, askSpans, askViewer } from "../../viewer/client.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { replaceUnsafe } from "../../vm/terminal-text.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

/** The options of `boruna trace`, which `command-table.ts` explains. */
export interface TraceFlags {
  readonly store?: string;
  readonly viewer?: string;
  readonly count?: string;
}

/** Maximum number of runs or spans in one request. */
const PAGE_SIZE = 1_000;
/** Maximum number of spans that are printed. */
const MAX_SPANS = 10_000;
const MAX_INDENT = 32;

function sourceOf({ store, viewer }: TraceFlags): Ask {
  if (store !== undefined) return askFile(store);
  if (viewer !== undefined) return askViewer(viewer);
  throw new BorunaError("usage", "where are the spans?", { hint: "Name a file with --store, or a running viewer with --viewer." });
}

export async function traceListCommand({ terminal, json }: CommandSession, flags: TraceFlags): Promise<number> {
  const count = flags.count ?? "100";
  if (!/^[1-9]\d{0,3}$/.test(count) || Number(count) > PAGE_SIZE)
    throw new BorunaError("usage", `--count ${count}: expected a number from 1 to ${PAGE_SIZE}`);
  const { runs, total } = await askRuns(sourceOf(flags), `count=${count}`);
  if (json) {
    printJson(terminal, { runs, total });
    return EXIT.done;
  }
  for (const run of runs) terminal.out(replaceUnsafe(runLine(run)));
  if (total > runs.length) terminal.out(`… ${total - runs.length} more`);
  return EXIT.done;
}

function runLine({ id, timeMs, program, outcome, mode, calls, denials, durationMs }: RunSummary): string {
  const time = new Date(Math.min(timeMs, 8.64e15)).toISOString();
  const took = durationMs === undefined ? "" : duration(BigInt(Math.round(durationMs * 1e6)));
  const refused = denials === 0 ? "" : `${denials} refused`;
  const cells = [time, outcome, mode ?? "", program, plural(calls, "call"), refused, took, id];
  return cells.filter((cell) => cell !== "").join("  ");
}

export async function traceShowCommand({ terminal, json }: CommandSession, id: string, flags: TraceFlags): Promise<number> {
  const ask = sourceOf(flags);
  const detail = await askRun(ask, id);
  const { spans, total } = await allSpans(ask, detail);
  if (json) {
    printJson(terminal, { ...detail, spans, spans_total: total });
    return EXIT.done;
  }
  for (const line of detailLines(detail)) terminal.out(replaceUnsafe(line));
  for (const span of spans) terminal.out(replaceUnsafe(spanLine(span)));
  if (total > spans.length) terminal.out(`… ${total - spans.length} more spans`);
  return EXIT.done;
}

async function allSpans(
  ask: Ask,
  { run: { id }, timeline }: RunDetail,
): Promise<{ readonly spans: readonly SpanRow[]; readonly total: number }> {
  const spans: SpanRow[] = [];
  const total = timeline?.spans ?? 0;
  while (spans.length < Math.min(total, MAX_SPANS)) {
    const page = await askSpans(ask, id, spans.length, PAGE_SIZE);
    if (page.spans.length === 0) break;
    spans.push(...page.spans);
  }
  return { spans, total };
}

function detailLines({ run, failure, waiting, log }: RunDetail): readonly string[] {
  const lines = [runLine(run)];
  if (run.runId !== undefined) lines.push(`run id ${run.runId}`);
  if (failure !== undefined) lines.push(`${failure.kind}${failure.rule === undefined ? "" : ` by ${failure.rule}`}: ${failure.message}`);
  if (waiting !== undefined)
    lines.push(`call ${waiting.call}, ${waiting.capability}, waits for an ${waiting.for}: ${waiting.commands.join("  or  ")}`);
  if (log !== undefined) lines.push(`log ${log.file}: ${log.events} events, ${log.state}`);
  return lines;
}

function spanLine({ depth, name, label, service, durationNs, status, error, call, budgetLeft }: SpanRow): string {
  const cells = [
    name,
    label,
    duration(BigInt(Math.round(durationNs))),
    status === "error" ? `ERROR ${error ?? ""}` : (error ?? ""),
    call === undefined ? "" : `call ${call}`,
    budgetLeft === undefined ? "" : `budget_left=${budgetLeft}`,
    service,
  ];
  return "  ".repeat(Math.min(depth, MAX_INDENT)) + cells.filter((cell) => cell !== "").join("  ");
}
