import { type ParsedLog, readLog } from "../../replay/log.ts";
import { replayRun } from "../../replay/replay.ts";
import { replayJson, replayLines } from "../../replay/report.ts";
import { loadPolicy } from "../../policy/load.ts";
import type { EngineChoice } from "../../vm/compiled/engine.ts";
import { BorunaError } from "../../vm/error.ts";
import { parseArguments } from "../arguments.ts";
import { loadProgram } from "../load.ts";
import type { Session } from "../session.ts";
import { withTelemetry } from "../telemetry.ts";
import { clean, members, printJson } from "../terminal.ts";

export interface ReplayFlags {
  readonly policy?: string;
  readonly arg?: readonly string[];
  readonly engine?: EngineChoice;
}

export async function replayCommand(session: Session, file: string, programFile: string | undefined, flags: ReplayFlags): Promise<number> {
  const { terminal, json } = session;
  const log = readLog(file);
  const program =
    programFile === undefined
      ? undefined
      : loadProgram(programFile, (textOf) => {
          session.textOf = textOf;
        }).program;
  const args = program === undefined ? undefined : parseArguments(flags.arg ?? [], program.module);
  const report = await withTelemetry(terminal, {}, ({ tracing, signal, context }) =>
    replayRun(log, {
      ...(program === undefined ? {} : { program }),
      ...(flags.policy === undefined ? {} : { policy: loadPolicy(flags.policy) }),
      ...(args === undefined || args.size === 0 ? {} : { args }),
      ...(flags.engine === undefined ? {} : { engine: flags.engine }),
      tracing: tracing ?? false,
      signal,
      ...context,
    }).catch((error: unknown) => {
      throw programFile === undefined ? error : explained(error, log, programFile);
    }),
  );
  if (json) printJson(terminal, members(replayJson(report)));
  else for (const line of replayLines(report)) terminal.out(clean(line));
  return report.exitCode;
}

/** The arguments stand in the log: one that does not fit tells that this is another program. */
function explained(error: unknown, log: ParsedLog, programFile: string): unknown {
  if (!(error instanceof BorunaError) || error.kind !== "usage" || log.format !== "log") return error;
  return new BorunaError("usage", `the recorded arguments do not fit ${programFile}: ${error.message}`, {
    place: { file: programFile },
    hint: `The log is one of the program "${log.header.program.name}"; without a program its own module is replayed.`,
    cause: error,
  });
}
