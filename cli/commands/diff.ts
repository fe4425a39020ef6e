import { type DiffSummary, diffLogs, type LogDifference } from "../../replay/diff.ts";
import { type LocatedEvent, locateEvent, type LocateOptions } from "../../replay/entries.ts";
import { type ParsedLog, readLog } from "../../replay/log/log-reader.ts";
import { recordedProgram } from "../../replay/replay.ts";
import { differenceReport, diffSummaryLine, logDifferenceJson } from "../../replay/report/diff-report.ts";
import { stackLines } from "../../replay/report/source-frame.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import { openOutput } from "../pager.ts";
import { type Progress, withProgress } from "../progress.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { jsonLine, PROTOCOL_VERSION, toPlainObject } from "../terminal.ts";

/** The options of `boruna diff`, which `command-table.ts` explains. */
export interface DiffFlags extends ReplayLimitFlags {
  readonly noPager?: boolean;
}

interface Logs {
  readonly a: ParsedLog;
  readonly b: ParsedLog;
  readonly options: LocateOptions;
}

export async function diffCommand(session: CommandSession, fileA: string, fileB: string, flags: DiffFlags): Promise<number> {
  const limits = replayLimits(flags);
  const summary = await withProgress(session, "diff", async (progress) => {
    const read = (file: string): ParsedLog => readLog(file, {}, progress.reading(file));
    const logs = { options: { limits }, a: read(fileA), b: read(fileB) };
    return session.json ? printDifferences(session, logs) : showDifferences(session, logs, flags, progress);
  });
  return summary.same ? EXIT.done : OUTCOMES.divergence.exitCode;
}

async function showDifferences({ terminal }: CommandSession, logs: Logs, flags: DiffFlags, progress: Progress): Promise<DiffSummary> {
  const output = await openOutput(terminal, flags);
  if (output.isPaged) progress.end();
  const differences = diffLogs(logs.a, logs.b);
  const locate = firstLocator(logs);
  try {
    let next = differences.next();
    for (; next.done !== true; next = differences.next()) {
      for (const line of differenceReport(next.value)) await output.line(line);
      const placed = await locate(next.value);
      if (placed === undefined) continue;
      for (const line of stackLines(recordedProgram(placed.log).module, placed.stack)) await output.line(line);
    }
    await output.line(diffSummaryLine(next.value));
    return next.value;
  } finally {
    await output.close();
  }
}

type LocatedDifference = LocatedEvent & { readonly log: ParsedLog };

/**
 * Returns a function to call with each difference in turn. For the first difference that is in an event, it returns the source location, in
 * the program of log `a`, or of `b` if only `b` has the event. For all others, and if there is no location, it returns undefined.
 */
function firstLocator({ a, b, options }: Logs): (found: LogDifference) => Promise<LocatedDifference | undefined> {
  let hasLocated = false;
  return async (found) => {
    const [log, position] = found.a === undefined ? [b, found.b] : [a, found.a];
    if (hasLocated || position === undefined || position.event > log.eventCount) return undefined;
    hasLocated = true;
    const located = await locateEvent(log, position.event, options);
    return located.stack.length === 0 ? undefined : { ...located, log };
  };
}

/** Prints one JSON object on many lines, a difference on each. */
async function printDifferences({ terminal }: CommandSession, logs: Logs): Promise<DiffSummary> {
  terminal.out(`{"protocol_version":${PROTOCOL_VERSION},"differences":[`);
  const differences = diffLogs(logs.a, logs.b);
  const locate = firstLocator(logs);
  let separator = "";
  let next = differences.next();
  for (; next.done !== true; next = differences.next()) {
    const json = logDifferenceJson(next.value, await locate(next.value));
    terminal.out(`${separator}${jsonLine(toPlainObject(json))}`);
    separator = ",";
  }
  terminal.out(`],${jsonLine(next.value).slice(1)}`);
  return next.value;
}
