import { loadPolicy } from "../../policy/load.ts";
import { NAMED_POLICIES } from "../../policy/policy.ts";
import { resume, type Resumption, type ResumeRunOptions } from "../../runtime/resume.ts";
import type { EngineChoice } from "../../vm/compiled/engine.ts";
import { terminalApprover } from "../terminal-approver.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { printExecution } from "../execution-output.ts";
import { readKey } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type Progress, withProgress } from "../progress.ts";
import { maxParallelCallsFromFlag, readInputs, readOutputSchema } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { exitCodeOfOutcome, withTelemetry } from "../telemetry.ts";
import { withoutControlCharacters } from "../terminal.ts";

/** The options of `boruna resume`, which `command-table.ts` explains. */
export interface ResumeFlags extends CapabilityFlags {
  readonly policy?: string;
  readonly inputs?: string;
  readonly outputSchema?: string;
  readonly inDoubt?: "retry" | "fail";
  readonly durable?: boolean;
  readonly sign?: string;
  readonly maxParallelCalls?: string;
  readonly engine?: EngineChoice;
  readonly traceparent?: string;
}

export async function resumeCommand(session: CommandSession, file: string, flags: ResumeFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = flags.capabilities === undefined ? undefined : await loadRegistry(flags, session);
  const policy = flags.policy === undefined ? undefined : (NAMED_POLICIES.get(flags.policy) ?? loadPolicy(flags.policy, registry));
  const inputs = flags.inputs === undefined ? undefined : readInputs(flags.inputs);
  const exitCode = ({ outcome }: Resumption): number => exitCodeOfOutcome(outcome);
  const approver = terminalApprover(session);
  /** Resumes the run. The progress is shown while the log is repeated: it ends at the first new call, and before a question to the user. */
  const body = (progress: Progress): Promise<Resumption> =>
    withTelemetry(session, { ...flags, exitCode }, ({ tracing, traceDetail, signal, context }) =>
      resume(
        file,
        omitUndefined<ResumeRunOptions>({
          policy,
          approve: approver && ((request) => (progress.end(), approver(request))),
          on: { callStart: () => progress.end() },
          onRead: progress.reading(file),
          registry,
          inputs,
          outputSchema: readOutputSchema(flags.outputSchema),
          inDoubt: flags.inDoubt,
          durable: flags.durable,
          sign: flags.sign === undefined ? undefined : readKey(flags.sign),
          maxParallelCalls: maxParallelCallsFromFlag(flags.maxParallelCalls),
          signal,
          tracing: tracing ?? false,
          traceDetail,
          ...context,
          onDebug: (text) => terminal.err(withoutControlCharacters(text)),
          engine: flags.engine,
        }),
      ),
    );
  const resumption = await withProgress(session, "resume", body);
  session.endedAs = resumption.outcome;
  const { hadEnded, resumedFrom, inDoubt } = resumption;
  printExecution(session, resumption, { json: { had_ended: hadEnded, resumed_from: resumedFrom, in_doubt: inDoubt ?? null } });
  if (!json) terminal.err(withoutControlCharacters(summary(file, resumption)));
  return exitCode(resumption);
}

function summary(file: string, { hadEnded, inDoubt, resumedFrom, suspended, result, log }: Resumption): string {
  const events = `${resumedFrom} ${resumedFrom === 1 ? "event" : "events"}`;
  if (hadEnded) return `already ended: ${file} has the end of the run; it was replayed, and nothing was changed`;
  if (inDoubt !== undefined) return `not resumed: ${file} keeps its ${events}, and nothing was changed`;
  if (suspended !== undefined && result.events === resumedFrom) return `suspended: ${file} keeps its ${events}, and still waits`;
  return `${suspended === undefined ? "resumed" : "resumed and suspended"}: ${file} after ${events}${log?.head === undefined ? "" : ` (head ${log.head})`}`;
}
