import { existsSync } from "node:fs";
import { isLog } from "../../replay/log/log-file.ts";
import { type ParsedLog, readLog, type RunLog } from "../../replay/log/log-reader.ts";
import { recordedRegistry, type ReplayOptions, replayRun, type ReplayReport } from "../../replay/replay.ts";
import { replayJson, replayLines } from "../../replay/report/replay-report.ts";
import { whatIfJson, whatIfLines } from "../../replay/report/what-if-report.ts";
import { isFolder } from "../../replay/upgrade.ts";
import { whatIf, type WhatIfOptions } from "../../replay/what-if.ts";
import { loadPolicy } from "../../policy/load.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import type { EngineChoice } from "../../vm/compiled/engine.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { type JsonData, parseJson } from "../../vm/json/json.ts";
import { checkLogs, reportLogCheck } from "../log-check.ts";
import { type Progress, withProgress } from "../progress.ts";
import { parseArguments, type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import { loadProgram } from "../load.ts";
import { omitUndefined } from "../omit-undefined.ts";
import type { CommandSession } from "../session.ts";
import { exitCodeOfOutcome, withTelemetry } from "../telemetry.ts";
import { withoutControlCharacters, toPlainObject, printJson } from "../terminal.ts";

/** The options of `boruna replay`, which `command-table.ts` explains. */
export interface ReplayFlags extends ReplayLimitFlags {
  readonly program?: string;
  readonly policy?: string;
  readonly edit?: readonly string[];
  readonly arg?: readonly string[];
  readonly engine?: EngineChoice;
}

/** Replays one log, or checks several. Two paths are a log and a program, unless both are logs or one is a folder. */
export async function replayCommand(session: CommandSession, paths: readonly string[], flags: ReplayFlags): Promise<number> {
  const limits = replayLimits(flags);
  const [first = "", second] = paths;
  const isCheck = paths.length > 2 || paths.some(isFolder) || (second !== undefined && isLogFile(second) && isLogFile(first));
  if (isCheck) {
    const wrongFlag =
      flags.policy !== undefined ? "--policy" : flags.edit !== undefined ? "--edit" : flags.arg !== undefined ? "--arg" : undefined;
    if (wrongFlag !== undefined)
      throw new BorunaError("usage", `${wrongFlag} is for one log`, { hint: `boruna replay LOG ${wrongFlag} …` });
    const engines = flags.engine === undefined ? undefined : [flags.engine];
    return reportLogCheck(session, await checkLogs(session, paths, { program: flags.program, limits, engines }));
  }
  if (second !== undefined && flags.program !== undefined)
    throw new BorunaError("usage", `two programs are named: ${second} and ${flags.program}`, { hint: "leave out one of the two" });
  const programFile = second ?? flags.program;
  return withProgress(session, "replay", (progress) => replayLog(session, first, programFile, { flags, limits, progress }));
}

async function replayLog(
  session: CommandSession,
  file: string,
  programFile: string | undefined,
  { flags, limits, progress }: Omit<ReplaySettings, "program"> & { readonly progress: Progress },
): Promise<number> {
  const log = readLogArgument(file, programFile, progress);
  rejectUnusedFlags(log, programFile, flags);
  const program = programFile === undefined ? undefined : loadProgramOf(session, programFile, recordedRegistry(log));
  // "log" is the format of a run log. The older format is "eventlog".
  const isWhatIf = flags.edit !== undefined || (flags.policy !== undefined && log.format === "log");
  if (isWhatIf && log.format === "log") return whatIfCommand(session, log, programFile, { flags, program, limits });
  return replayOne(session, log, programFile, { flags, program, limits });
}

interface ReplaySettings {
  readonly flags: ReplayFlags;
  readonly program: Program | undefined;
  readonly limits: ReturnType<typeof replayLimits>;
}

function loadProgramOf(session: CommandSession, file: string, registry: CapabilityRegistry): Program {
  const onSourcesOpened = (sourceOf: CommandSession["sourceOf"]): void => {
    session.sourceOf = sourceOf;
  };
  return loadProgram(file, onSourcesOpened, registry).program;
}

async function replayOne(
  session: CommandSession,
  log: ParsedLog,
  programFile: string | undefined,
  { flags, program, limits }: ReplaySettings,
): Promise<number> {
  const { terminal, json } = session;
  const args = program === undefined ? undefined : parseArguments(flags.arg ?? [], program.module);
  const exitCode = ({ status, exitCode: code }: ReplayReport): number => (status === "interrupted" ? exitCodeOfOutcome("canceled") : code);
  const report = await withTelemetry(session, { exitCode }, ({ tracing, traceDetail, signal, context }) =>
    replayRun(
      log,
      omitUndefined<ReplayOptions>({
        program,
        policy: flags.policy === undefined ? undefined : loadPolicy(flags.policy),
        args: args?.size === 0 ? undefined : args,
        engine: flags.engine,
        limits,
        tracing: tracing ?? false,
        traceDetail,
        signal,
        ...context,
      }),
    ).catch((error: unknown) => {
      throw programFile === undefined ? error : explainArgumentError(error, log, programFile);
    }),
  );
  session.endedAs = report.status === "interrupted" ? "canceled" : report.status;
  if (json) printJson(terminal, toPlainObject(replayJson(report)));
  else for (const line of replayLines(report)) terminal.out(withoutControlCharacters(line));
  return exitCode(report);
}

async function whatIfCommand(
  { terminal, json }: CommandSession,
  log: RunLog,
  programFile: string | undefined,
  { flags, program, limits }: ReplaySettings,
): Promise<number> {
  const policy = flags.policy === undefined ? undefined : loadPolicy(flags.policy);
  const options = omitUndefined<WhatIfOptions>({ program, policy, edits: parseEdits(flags.edit ?? []), engine: flags.engine, limits });
  const report = await whatIf(log, options).catch((error: unknown) => {
    throw programFile === undefined ? error : explainArgumentError(error, log, programFile);
  });
  if (json) printJson(terminal, toPlainObject(whatIfJson(report)));
  else for (const line of whatIfLines(report)) terminal.out(withoutControlCharacters(line));
  return report.exitCode;
}

/** Reads `--edit N=JSON`. Throws `usage`. */
function parseEdits(texts: readonly string[]): ReadonlyMap<number, JsonData> {
  const edits = new Map<number, JsonData>();
  for (const text of texts) {
    const [, number = "", json = ""] = /^([1-9]\d{0,15})=([^]*)$/.exec(text) ?? [];
    const call = Number(number);
    const hint = `for example: --edit '2="another answer"'`;
    if (number === "") throw new BorunaError("usage", `--edit ${text.slice(0, 80)}: expected N=JSON, with the number of a call`, { hint });
    if (edits.has(call)) throw new BorunaError("usage", `--edit ${call} is given twice`);
    try {
      edits.set(call, parseJson(json));
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      throw new BorunaError("usage", `--edit ${call}: the answer is not JSON: ${error.message}`, { hint, cause: error });
    }
  }
  return edits;
}

/** Whether the file looks like a log. An `.ax` or `.axbc` file never counts as a log, whatever it contains. */
function isLogFile(path: string): boolean {
  if (!existsSync(path) || /\.(ax|axbc)$/.test(path)) return false;
  return path.endsWith(".jsonl") ? isLog(path) : isReadableLog(path);
}

/** Reads the log. If the log and the program are swapped, throws an error that shows the right order. */
function readLogArgument(file: string, programFile: string | undefined, progress: Progress): ParsedLog {
  try {
    return readLog(file, {}, progress.reading(file));
  } catch (error) {
    if (programFile === undefined || !(error instanceof BorunaError) || !isReadableLog(programFile)) throw error;
    throw new BorunaError("usage", `${file} is not a log, and ${programFile} is one: the log comes first`, {
      hint: `boruna replay ${programFile} ${file}`,
      cause: error,
    });
  }
}

function isReadableLog(file: string): boolean {
  try {
    readLog(file);
    return true;
  } catch (error) {
    if (error instanceof BorunaError) return false;
    throw error;
  }
}

/**
 * Throws `usage` if a flag would have no effect: `--arg` for a run log; `--edit` for an event log; `--policy` or `--arg` for an event log
 * without a program.
 */
function rejectUnusedFlags(log: ParsedLog, programFile: string | undefined, flags: ReplayFlags): void {
  const place = { file: log.file };
  if (log.format === "log") {
    if (flags.arg === undefined) return;
    throw new BorunaError("usage", `--arg has no effect here: ${log.file} holds the arguments of its run`, {
      place,
      hint: "leave out --arg; it is for an event log of the older form, which holds none",
    });
  }
  if (flags.edit !== undefined) {
    throw new BorunaError("usage", `--edit has no effect here: ${log.file} is an event log of the older form`, {
      place,
      hint: "only answers of a run log can be edited",
    });
  }
  const flag = flags.policy !== undefined ? "--policy" : flags.arg !== undefined ? "--arg" : undefined;
  if (flag !== undefined && programFile === undefined) {
    throw new BorunaError("usage", `${flag} has no effect without a program`, { hint: `boruna replay ${log.file} app.ax ${flag} …` });
  }
}

/** Returns a clearer error if the recorded arguments do not fit the program. Returns other errors unchanged. */
function explainArgumentError(error: unknown, log: ParsedLog, programFile: string): unknown {
  if (!(error instanceof BorunaError) || error.kind !== "usage" || log.format !== "log") return error;
  return new BorunaError("usage", `the recorded arguments do not fit ${programFile}: ${error.message}`, {
    place: { file: programFile },
    hint: `The log was recorded from the program "${log.header.program.name}"; without a program argument, its own module is replayed.`,
    cause: error,
  });
}
