import { type ParsedLog, readLog } from "../../replay/log/log-reader.ts";
import { recordedRegistry, type ReplayOptions, replayRun, type ReplayReport } from "../../replay/replay.ts";
import { replayJson, replayLines } from "../../replay/report/replay-report.ts";
import { loadPolicy } from "../../policy/load.ts";
import type { EngineChoice } from "../../vm/compiled/engine.ts";
import { BorunaError } from "../../vm/error.ts";
import { parseArguments, type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import { loadProgram } from "../load.ts";
import { omitUndefined } from "../omit-undefined.ts";
import type { Session } from "../session.ts";
import { exitCodeOfOutcome, withTelemetry } from "../telemetry.ts";
import { withoutControlCharacters, toPlainObject, printJson } from "../terminal.ts";

export interface ReplayFlags extends ReplayLimitFlags {
  readonly policy?: string;
  readonly arg?: readonly string[];
  readonly engine?: EngineChoice;
}

export async function replayCommand(session: Session, file: string, programFile: string | undefined, flags: ReplayFlags): Promise<number> {
  const { terminal, json } = session;
  const limits = replayLimits(flags);
  const log = readLogArgument(file, programFile);
  rejectUnusedFlags(log, programFile, flags);
  const program =
    programFile === undefined
      ? undefined
      : loadProgram(
          programFile,
          (sourceOf) => {
            session.sourceOf = sourceOf;
          },
          recordedRegistry(log),
        ).program;
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

/** Reads the log. If the log and the program are swapped, throws an error that shows the right order. */
function readLogArgument(file: string, programFile: string | undefined): ParsedLog {
  try {
    return readLog(file);
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

/** Throws `usage` if `--policy` or `--arg` would have no effect: with a log, which holds its own policy and arguments, or without a program. */
function rejectUnusedFlags(log: ParsedLog, programFile: string | undefined, flags: ReplayFlags): void {
  const flag = flags.policy !== undefined ? "--policy" : flags.arg !== undefined ? "--arg" : undefined;
  if (flag === undefined) return;
  if (log.format === "log") {
    throw new BorunaError("usage", `${flag} has no effect here: ${log.file} holds the policy and the arguments of its run`, {
      place: { file: log.file },
      hint: `leave out ${flag}; it is for an event log of the older form, which holds neither`,
    });
  }
  if (programFile === undefined) {
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
