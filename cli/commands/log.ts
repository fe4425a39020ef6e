import {
  type CallDetails,
  callJson,
  callLines,
  endLines,
  entryJson,
  logTable,
  recordedBudget,
  runJson,
  runLines,
  withShortValues,
} from "../../replay/report/log-table.ts";
import { locatedEntries, type LocateOptions, locateEvent, type LoggedCall, logEntries, recordedTypes } from "../../replay/entries.ts";
import { type ParsedLog, readLog } from "../../replay/log/log-reader.ts";
import { paintAnsi, paintNothing } from "../../replay/report/columns.ts";
import { sourceFrame } from "../../replay/report/source-frame.ts";
import { recordedProgram, recordedRegistry } from "../../replay/replay.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { auditDecisions } from "../../replay/audit-decisions.ts";
import { AuditReport } from "../audit.ts";
import { openOutput, type Output } from "../pager.ts";
import { withProgress } from "../progress.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { jsonLine, printJson, PROTOCOL_VERSION, toPlainObject } from "../terminal.ts";

/** The options of `boruna log show`, which `command-table.ts` explains. */
export interface LogShowFlags extends ReplayLimitFlags {
  readonly calls?: boolean;
  readonly events?: boolean;
  readonly call?: string;
  readonly noPager?: boolean;
}

export async function logShowCommand(session: CommandSession, file: string, flags: LogShowFlags): Promise<number> {
  const limits = replayLimits(flags);
  const number = flags.call === undefined ? undefined : callNumber(flags.call, flags);
  return withProgress(session, "log show", async (progress) => {
    const log = readLog(file, {}, progress.reading(file));
    const open = async (): Promise<Output> => {
      const output = await openOutput(session.terminal, flags);
      if (output.isPaged) progress.end();
      return output;
    };
    if (number === undefined && session.json) await printEntries(session, log, { limits }, flags);
    else if (number === undefined) await showEntries(session, log, { limits }, flags, open);
    else await showCall(session, log, number, { limits }, open);
    return EXIT.done;
  });
}

function callNumber(text: string, { calls, events }: LogShowFlags): number {
  const other = calls === true ? "--calls" : events === true ? "--events" : undefined;
  if (other !== undefined) throw new BorunaError("usage", `${other} has no effect beside --call`, { hint: "leave out one of the two" });
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw new BorunaError("usage", `--call ${text}: expected the number of a call, from 1`, { hint: "without --call all calls are listed" });
}

async function showEntries(
  { terminal }: CommandSession,
  log: ParsedLog,
  options: LocateOptions,
  flags: LogShowFlags,
  open: () => Promise<Output>,
): Promise<void> {
  const output = await open();
  const types = recordedTypes(log);
  const paint = terminal.outColor ? paintAnsi : paintNothing;
  const table = logTable(log, { width: terminal.columns, paint, types, numbersEvents: flags.events === true });
  const notes: string[] = [];
  const audit = auditDecisions(log);
  const report = new AuditReport(undefined);
  try {
    await printLines(output, [...runLines(log), "", table.head]);
    for await (const entry of locatedEntries(log, { ...options, onUnlocated: (reason) => void notes.push(`note: ${reason}`) })) {
      if (output.isClosed) return;
      if (entry.type === "call") report.end({ call: entry.call, capability: entry.capability, audit: audit?.(entry) });
      if (entry.type === "call" || flags.events === true) await output.line(table.row(withShortValues(entry, log.blobs)));
    }
    await printLines(output, ["", ...endLines(log, types), ...notes, ...(audit === undefined ? [] : report.lines())]);
  } finally {
    await output.close();
  }
}

async function printLines(output: Output, lines: readonly string[]): Promise<void> {
  for (const line of lines) await output.line(line);
}

/** Prints one JSON object with one entry on each line, because all entries of a log may not fit in memory. */
async function printEntries({ terminal }: CommandSession, log: ParsedLog, options: LocateOptions, flags: LogShowFlags): Promise<void> {
  const types = recordedTypes(log);
  const head = jsonLine({ protocol_version: PROTOCOL_VERSION, ...toPlainObject(runJson(log, types)) });
  terminal.out(`${head.slice(0, -1)},"${flags.events === true ? "entries" : "calls"}":[`);
  const notes: string[] = [];
  const audit = auditDecisions(log);
  let separator = "";
  for await (const entry of locatedEntries(log, { ...options, onUnlocated: (reason) => void notes.push(reason) })) {
    if (terminal.isOutClosed) return;
    if (entry.type === "event" && flags.events !== true) continue;
    const decision = entry.type === "call" ? audit?.(entry) : undefined;
    terminal.out(`${separator}${jsonLine({ ...toPlainObject(entryJson(withShortValues(entry, log.blobs), types)), audit: decision })}`);
    separator = ",";
  }
  terminal.out(`],"notes":${jsonLine(notes)}}`);
}

async function showCall(
  { terminal, json }: CommandSession,
  log: ParsedLog,
  number: number,
  options: LocateOptions,
  open: () => Promise<Output>,
): Promise<void> {
  const { call, callsOfCapability } = findCall(log, number);
  const types = recordedTypes(log);
  const located = await locateEvent(log, call.event, options);
  const frame = located.stack.length === 0 ? undefined : sourceFrame(recordedProgram(log).module, located.stack[0]);
  const details: CallDetails = { call, callsOfCapability, budget: recordedBudget(log, call.capability), located, frame };
  if (json) {
    printJson(terminal, toPlainObject(callJson(details, log.blobs, types)));
    return;
  }
  const output = await open();
  try {
    await printLines(output, callLines(details, log.blobs, types, recordedRegistry(log)));
  } finally {
    await output.close();
  }
}

function findCall(log: ParsedLog, number: number): { readonly call: LoggedCall; readonly callsOfCapability: number } {
  const counts = new Map<string, number>();
  let last = 0;
  for (const entry of logEntries(log)) {
    if (entry.type === "event") continue;
    last = entry.call;
    const callsOfCapability = (counts.get(entry.capability) ?? 0) + 1;
    counts.set(entry.capability, callsOfCapability);
    if (entry.call === number) return { call: entry, callsOfCapability };
  }
  throw new BorunaError("usage", `${log.file} has no call ${number}; it has ${last}`, { place: { file: log.file } });
}
