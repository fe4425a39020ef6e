/** Suggests a policy from recorded runs. Replays each log to see its calls, then again under the suggested policy to prove that it suffices. */
import type { Effects } from "../analysis/effects.ts";
import { Observations, type Suggestion } from "../analysis/suggest.ts";
import type { CallEnd } from "../gateway/observers.ts";
import type { RunLog } from "../replay/log/log-reader.ts";
import { replayRun, writtenPolicy } from "../replay/replay.ts";
import { whatIf, type WhatIfReport } from "../replay/what-if.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { BorunaError } from "../vm/error.ts";

/** The replay of one log under the suggested policy. */
export interface Proof {
  readonly file: string;
  /** Whether the run makes the recorded calls and ends as recorded, if its log says how it ended. */
  readonly holds: boolean;
  readonly report: WhatIfReport;
}

export interface ProvenSuggestion extends Suggestion {
  readonly proofs: readonly Proof[];
}

/**
 * Suggests the least policy under which the recorded runs of the program succeed. Throws `usage` if a log does not replay with the program,
 * or if a call of its run was refused. Also throws what `replayRun` throws.
 */
export async function suggestPolicy(logs: readonly RunLog[], program: Program, effects: Effects): Promise<ProvenSuggestion> {
  const observations = new Observations(program.registry);
  for (const log of logs) await observe(log, program, observations);
  const suggestion = observations.suggest(effects);
  const proofs: Proof[] = [];
  for (const log of logs) {
    const report = await whatIf(log, { program, policy: suggestion.policy });
    proofs.push({ file: log.file, holds: report.status === "same" || report.status === "incomplete", report });
  }
  return { ...suggestion, proofs };
}

async function observe(log: RunLog, program: Program, observations: Observations): Promise<void> {
  observations.startRun({ policy: writtenPolicy(log), isAudit: log.header.mode === "audit", limits: log.header.limits });
  let refused: CallEnd | undefined;
  const report = await replayRun(log, {
    program,
    tracing: false,
    on: {
      callStart: ({ capability, args }) => observations.addCall(capability, args),
      callEnd: (end) => {
        if (end.outcome === "denied" || end.outcome === "budget_exceeded") refused ??= end;
      },
    },
  });
  const place = { file: log.file };
  if (report.status === "divergence") {
    throw new BorunaError("usage", `${log.file} is no run of this program: ${report.divergence?.message ?? "the replay diverges"}`, {
      place,
      hint: "Record a run of the program as it is now, or give the program that was recorded.",
    });
  }
  if (refused === undefined) return;
  throw new BorunaError(
    "usage",
    `${log.file}: call ${refused.call} of ${refused.capability} was refused, so the run does not show what the program needs`,
    {
      place,
      hint: "Record a run with `boruna run --audit --live`, in which no rule refuses a call.",
    },
  );
}
