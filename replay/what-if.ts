/**
 * Replays a run with another policy or other answers. The program gets the recorded answers as long as it makes the recorded calls in
 * their order. The replay ends at the first call that the policy refuses, or that is not the next recorded call. No call reaches the
 * outside world.
 *
 * Only calls must match. Events of actors and contracts, and emitted values, may differ, because another answer can change them.
 */
import { executeProgram, type RunResult } from "../gateway/run.ts";
import { effectiveLimits, type Policy } from "../policy/policy.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { JsonData } from "../vm/json/json.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import type { SourceLocation } from "../vm/bytecode/module.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { type LoggedCall, logEntries } from "./entries.ts";
import { isInterruption, loadEnd, type RunEnd } from "./log/end-record.ts";
import type { RunLog } from "./log/log-reader.ts";
import { type Answer, type EditedAnswer, readAnswer, RecordedCalls, type WhatIfStop } from "./recorded-calls.ts";
import { recordedPolicy, recordedProgram, type ReplayOptions } from "./replay.ts";
import { callerLimitError, reachedBound, replayBounds, wallLimitError } from "./replay-limits.ts";
import { compareEnds } from "./report/divergence.ts";
import { endText } from "./report/format-values.ts";
import { sourceFrame, type SourceFrame } from "./report/source-frame.ts";

export interface WhatIfOptions extends Pick<ReplayOptions, "program" | "limits" | "signal" | "engine" | "onDebug"> {
  /** The policy to apply instead of the recorded one. Its limits apply too. */
  readonly policy?: Policy | undefined;
  /**
   * Answers by the number of their call in the log, from 1: typed JSON of the capability's result type, or
   * `{"CapError": {"kind": "runtime_error", "message": "…"}}` for a failure, as a log writes it.
   */
  readonly edits?: ReadonlyMap<number, JsonData> | undefined;
}

/**
 * - `same`: the program makes the recorded calls and ends as recorded;
 * - `changed`: one of its calls is refused, it makes another call, or it ends in another way;
 * - `incomplete`: it makes the recorded calls, and the log has no end to compare with;
 * - `interrupted`: the replay was canceled.
 */
export type WhatIfStatus = "same" | "changed" | "incomplete" | "interrupted";

export interface WhatIfReport {
  readonly status: WhatIfStatus;
  /** 0 for `same`, 5 for `changed`, 6 for `incomplete`; for `interrupted`, the exit code of `canceled`. */
  readonly exitCode: number;
  readonly runId: string;
  readonly sameProgram: boolean;
  /** `recorded`: the number of calls in the log. `answered`: the number of these that the program made and got an answer to. */
  readonly calls: { readonly recorded: number; readonly answered: number };
  readonly edits: readonly EditedAnswer[];
  readonly stop: WhatIfStop | undefined;
  /** Where the replay stopped, innermost call first. Empty if the program ended by itself. */
  readonly stack: readonly SourceLocation[];
  readonly frame: SourceFrame | undefined;
  /** How the recorded run ended, as a short text; undefined if the log does not say. */
  readonly recordedEnd: string | undefined;
  /** How the program ended, as a short text; undefined if the replay stopped at a call that is not the next recorded one or has no answer. */
  readonly end: string | undefined;
  readonly result: RunResult;
}

/** Replays the run and compares it with the log. Throws `usage` for an edit that does not fit the log, and the errors of `replayRun`. */
export async function whatIf(log: RunLog, options: WhatIfOptions = {}): Promise<WhatIfReport> {
  const { program: chosenProgram, policy: otherPolicy, edits = new Map(), limits, ...executeOptions } = options;
  const program = chosenProgram ?? recordedProgram(log);
  const { registry } = program;
  const policy = otherPolicy ?? recordedPolicy(log);
  const runLimits = otherPolicy === undefined ? log.header.limits : effectiveLimits(otherPolicy, {});
  const bounds = replayBounds(runLimits, undefined, limits ?? {});
  const end = log.end === undefined ? undefined : loadEnd(log.end, log.blobs);
  const recordedCalls = new RecordedCalls(log, program, readEdits(log, edits, program, registry), callsOf(log));
  try {
    const result = await executeProgram(program, {
      ...executeOptions,
      policy,
      args: log.header.args,
      runId: log.header.runId,
      replayOf: log.header.runId,
      limits: bounds.limits,
      mode: "replay",
      handlers: recordedCalls.handlers,
      sink: recordedCalls,
      approve: (request) => recordedCalls.approval(request),
      on: { callStart: (call) => recordedCalls.start(call), callEnd: (call) => recordedCalls.end(call) },
    });
    const stopped = recordedCalls.stop !== undefined;
    if (!stopped && result.outcome === "timeout") throw wallLimitError(bounds.limits.max_wall_ms);
    const bound = stopped ? undefined : reachedBound(bounds, result.error);
    if (bound?.source === "caller") throw callerLimitError(bound, runLimits);
    return reportOn({ log, end, program, registry, calls: recordedCalls, result });
  } finally {
    recordedCalls.close();
  }
}

interface Finished {
  readonly log: RunLog;
  readonly end: RunEnd | undefined;
  readonly program: Program;
  readonly registry: CapabilityRegistry;
  readonly calls: RecordedCalls;
  readonly result: RunResult;
}

const EXIT_CODES: Readonly<Record<WhatIfStatus, number>> = {
  same: EXIT.done,
  changed: OUTCOMES.divergence.exitCode,
  incomplete: OUTCOMES.incomplete.exitCode,
  interrupted: OUTCOMES.canceled.exitCode,
};

function reportOn(finished: Finished): WhatIfReport {
  const { log, end, program, calls, result } = finished;
  const { types } = program.module;
  const status = statusOf(finished);
  const hasEnded = calls.stop === undefined || calls.stop.reason === "refused";
  const stack = result.error?.stack ?? [];
  return {
    status,
    exitCode: EXIT_CODES[status],
    runId: log.header.runId,
    sameProgram: isSameProgram(finished),
    calls: { recorded: log.calls.answered + log.calls.open, answered: calls.answered },
    edits: calls.edited(),
    stop: calls.stop,
    stack,
    frame: sourceFrame(program.module, stack[0]),
    recordedEnd: end === undefined ? undefined : endText(end, types),
    end: hasEnded ? endText(result, types) : undefined,
    result,
  };
}

const isSameProgram = ({ log, program }: Finished): boolean => log.header.program.moduleHash === program.moduleHash;

function statusOf(finished: Finished): WhatIfStatus {
  const { log, end, program, registry, calls, result } = finished;
  if (calls.stop === undefined && result.outcome === "canceled") return "interrupted";
  const logEndsEarly = end === undefined || isInterruption(end);
  // The program made a call for which the log has no answer, because the recorded run was cut off there.
  if (calls.stop?.reason === "no_answer" && logEndsEarly) return "incomplete";
  if (calls.stop !== undefined && calls.stop.reason !== "refused") return "changed";
  if (end === undefined) return calls.stop === undefined && calls.isDone() ? "incomplete" : "changed";
  const context = { types: program.module.types, registry, sameProgram: isSameProgram(finished) };
  return calls.isDone() && compareEnds(log.eventCount + 1, end, result, context) === undefined ? "same" : "changed";
}

/** Reads the edits. Throws `usage` for a call that the log does not have, or an answer that does not have the capability's result type. */
function readEdits(
  log: RunLog,
  edits: ReadonlyMap<number, JsonData>,
  program: Program,
  registry: CapabilityRegistry,
): ReadonlyMap<number, Answer> {
  const answers = new Map<number, Answer>();
  if (edits.size === 0) return answers;
  let count = 0;
  for (const entry of logEntries(log)) {
    if (entry.type !== "call") continue;
    count = entry.call;
    const data = edits.get(count);
    if (data !== undefined) answers.set(count, readAnswer(entry, data, program.module.types, registry));
  }
  const missing = [...edits.keys()].find((call) => !answers.has(call));
  if (missing === undefined) return answers;
  throw new BorunaError("usage", `the log has no call ${missing}; it has ${count}`, {
    place: { file: log.file },
    hint: `boruna log show ${log.file} lists the calls with their numbers`,
  });
}

function* callsOf(log: RunLog): Generator<LoggedCall, void> {
  for (const entry of logEntries(log)) if (entry.type === "call") yield entry;
}
