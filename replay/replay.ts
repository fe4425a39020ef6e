/** Replaying a log: the recorded module, or another program, against the recorded answers. */
import { effectiveLimits, policyFromJson, policyJsonHash, ALLOW_ALL, type Policy } from "../policy/policy.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../gateway/execute.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { decodeModule } from "../vm/codec.ts";
import { BorunaError } from "../vm/error.ts";
import type { JsonData } from "../vm/json.ts";
import type { CodePlace } from "../vm/module.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import type { Program } from "../vm/program.ts";
import { verifyModule } from "../vm/verifier.ts";
import { compareEnds, leftOver, type Divergence, type EndComparison, type Mismatch } from "./divergence.ts";
import type { RunEnd, StoredEnd } from "./end.ts";
import type { BlobReader } from "./blobs.ts";
import type { EventLog, ParsedLog, RunLog } from "./log.ts";
import { frameOf, returnPlace } from "./place.ts";
import { isInterruption, Replayer } from "./replayer.ts";
import { runEnd } from "./run-end.ts";
import { chosenTracing } from "./default-tracing.ts";
import { deferredTracing } from "./deferred-tracing.ts";
import { loadStored, loadText } from "./stored.ts";

export interface ReplayOptions {
  /** Instead of the recorded module; an event log has none and needs one. */
  readonly program?: Program;
  readonly registry?: CapabilityRegistry;
  /** For an event log, which holds neither. */
  readonly policy?: Policy;
  readonly args?: ReadonlyMap<string, JsonData>;
  readonly signal?: AbortSignal;
  /** Default: the OpenTelemetry API's, see `defaultTracing`. */
  readonly tracing?: Tracing | false;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly onDebug?: (text: string) => void;
  /** Which engines may run the program, whichever ran it then. It changes nothing but the time. Default: auto. */
  readonly engine?: EngineChoice;
}

/**
 * `identical`: every event, and the end where the log has one. `incomplete`: all that the log holds was repeated,
 * but it has no end. `interrupted`: this replay was stopped from outside.
 */
export type ReplayStatus = "identical" | "divergence" | "incomplete" | "interrupted";

const EXIT_CODES: Readonly<Record<ReplayStatus, number>> = {
  identical: EXIT.done,
  divergence: OUTCOMES.divergence.exitCode,
  incomplete: EXIT.unverified,
  interrupted: OUTCOMES.canceled.exitCode,
};

export interface ReplayReport {
  readonly status: ReplayStatus;
  /** See `OUTCOMES` and `EXIT`: 5 for a divergence, 6 for a log that cannot be compared to its end. */
  readonly exitCode: number;
  readonly format: ParsedLog["format"];
  /** Absent for an event log. */
  readonly runId?: string;
  readonly program: { readonly name: string; readonly moduleHash: string; readonly recordedModuleHash?: string };
  /** Whether the program is the recorded one; only then are steps and allocation compared. */
  readonly sameProgram: boolean;
  readonly events: { readonly recorded: number; readonly compared: number };
  readonly answers: number;
  readonly divergence?: Divergence;
  /** What else to know, a sentence each. */
  readonly notes: readonly string[];
  /** What the replay itself did. */
  readonly result: RunResult;
}

/**
 * Runs the program with the log's answers. Throws `log.*` where the log or its blobs cannot be trusted,
 * `module.*` where the recorded module does not verify.
 */
export async function replayRun(log: ParsedLog, options: ReplayOptions = {}): Promise<ReplayReport> {
  const registry = options.program?.registry ?? options.registry ?? BUILTIN_REGISTRY;
  const program = options.program ?? recordedProgram(log, registry);
  const sameProgram = log.format === "log" && program.moduleHash === log.header.program.moduleHash;
  const end = log.format === "log" && log.end !== undefined ? loadEnd(log.end, log.blobs) : undefined;
  const shown = { types: program.module.types, registry, sameProgram };
  const replayer = new Replayer(log, end, shown);
  const chosen = await chosenTracing(options.tracing);
  const traced = chosen === undefined ? undefined : deferredTracing(chosen);
  const execution = executeProgram(program, {
    ...(log.format === "log" ? recordedSetting(log, end, sameProgram) : looseSetting(log, options)),
    ...passedOn(options),
    ...(traced === undefined ? {} : { tracing: traced.tracing }),
    mode: "replay",
    handlers: replayer.handlers,
    sink: replayer,
  });
  let diverged = false;
  try {
    const result = await execution;
    const report = reportOn(log, end, program, replayer, result, shown);
    diverged = report.status === "divergence";
    return report;
  } finally {
    traced?.finish(diverged);
  }
}

function reportOn(
  log: ParsedLog,
  end: RunEnd | undefined,
  program: Program,
  replayer: Replayer,
  result: RunResult,
  shown: EndComparison,
): ReplayReport {
  const { sameProgram, registry } = shown;
  const verdict = judge(log, end, replayer, runEnd(result), shown);
  return {
    status: verdict.status,
    exitCode: EXIT_CODES[verdict.status],
    format: log.format,
    ...(log.format === "log" ? { runId: log.header.runId } : {}),
    program: {
      name: program.module.name,
      moduleHash: program.moduleHash,
      ...(log.format === "log" ? { recordedModuleHash: log.header.program.moduleHash } : {}),
    },
    sameProgram,
    events: { recorded: log.events.length, compared: replayer.compared },
    answers: replayer.answers,
    ...(verdict.mismatch === undefined ? {} : { divergence: locate(verdict.mismatch, program, replayer, result) }),
    notes: notesOn(log, registry, sameProgram, end),
    result,
  };
}

/** What a log holds besides its events. */
export type RecordedRun = Pick<RunLog, "format" | "file" | "header" | "blobs">;

/** The module that stands beside the log. Throws `log.no_program`, `log.module_hash`, `log.blob_*`, `module.*`. */
export function recordedProgram(log: RecordedRun | EventLog, registry: CapabilityRegistry = BUILTIN_REGISTRY): Program {
  if (log.format === "eventlog") {
    throw new BorunaError("log.no_program", `${log.file} is an event log, which holds no program`, {
      place: { file: log.file },
      hint: "Name the program: boruna replay LOG app.ax",
    });
  }
  const { moduleBlob, moduleHash } = log.header.program;
  const program = verifyModule(decodeModule(log.blobs.read({ sha256: moduleBlob.slice("sha256:".length) }), registry), registry);
  if (program.moduleHash !== moduleHash) {
    throw new BorunaError(
      "log.module_hash",
      `the module beside the log has the hash ${program.moduleHash}, the header names ${moduleHash}`,
      {
        place: { file: log.file, line: 1 },
      },
    );
  }
  return program;
}

/** Throws `log.policy_hash`, `policy.*`. */
export function recordedPolicy(log: RecordedRun): Policy {
  // Over what was recorded: a field that a newer version has is not in the policy of an older log.
  const hash = policyJsonHash(log.header.policy);
  if (hash !== log.header.policyHash) {
    throw new BorunaError("log.policy_hash", `the recorded policy has the hash ${hash}, the header names ${log.header.policyHash}`, {
      place: { file: log.file, line: 1 },
    });
  }
  return policyFromJson(log.header.policy);
}

type Setting = Pick<ExecuteOptions, "policy" | "args" | "limits" | "runId"> & { readonly replayOf?: string };

function recordedSetting(log: RunLog, end: RunEnd | undefined, sameProgram: boolean): Setting {
  const { header } = log;
  // A run that was stopped from outside is stopped again at the same step.
  const max_steps = sameProgram && end !== undefined && isInterruption(end) ? end.steps : header.limits.max_steps;
  return {
    policy: recordedPolicy(log),
    args: header.args,
    limits: { ...header.limits, max_steps, max_wall_ms: 0 },
    runId: header.runId,
    replayOf: header.runId,
  };
}

function looseSetting(log: ParsedLog, options: ReplayOptions): Setting {
  const policy = options.policy ?? ALLOW_ALL;
  return {
    policy,
    ...(options.args === undefined ? {} : { args: options.args }),
    limits: { ...effectiveLimits(policy, {}), max_wall_ms: 0 },
    runId: `eventlog-${log.events.length}`,
  };
}

function passedOn(options: ReplayOptions): Partial<ExecuteOptions> {
  const { signal, traceparent, tracestate, onDebug, engine } = options;
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(onDebug === undefined ? {} : { onDebug }),
    ...(engine === undefined ? {} : { engine }),
  };
}

function loadEnd(end: StoredEnd, blobs: BlobReader): RunEnd {
  const { value, error, ...rest } = end;
  if (error === undefined) return value === undefined ? rest : { ...rest, value: loadStored(value, blobs) };
  const { counterexample, message, ...named } = error;
  return {
    ...rest,
    error: {
      ...named,
      message: loadText(message, blobs),
      ...(counterexample === undefined ? {} : { counterexample: counterexample.map((text) => loadText(text, blobs)) }),
    },
  };
}

interface Verdict {
  readonly status: ReplayStatus;
  readonly mismatch?: Mismatch;
}

function judge(log: ParsedLog, end: RunEnd | undefined, replayer: Replayer, actual: RunEnd, shown: EndComparison): Verdict {
  const { stop } = replayer;
  if (stop?.reason === "divergence") return { status: "divergence", mismatch: stop.mismatch };
  if (stop?.reason !== "log_end" && (actual.outcome === "canceled" || actual.outcome === "timeout")) return { status: "interrupted" };
  const left = replayer.leftOver();
  if (left !== undefined) return { status: "divergence", mismatch: leftOver(replayer.compared + 1, left, actual, shown) };
  if (log.format === "eventlog") return { status: "identical" };
  if (end === undefined) return { status: "incomplete" };
  // As far as the recorded run came; its own end came from outside.
  if (isInterruption(end) && (stop?.reason === "log_end" || actual.error?.kind === "step_limit")) return { status: "identical" };
  const mismatch = compareEnds(log.events.length + 1, end, actual, shown);
  return mismatch === undefined ? { status: "identical" } : { status: "divergence", mismatch };
}

/** Where it happened: the stack of the stop, else the place that the program returned from. */
function locate(mismatch: Mismatch, program: Program, replayer: Replayer, result: RunResult): Divergence {
  const stack: readonly CodePlace[] = result.error?.stack ?? [];
  const place = stack[0] ?? returnPlace(program);
  const frame = frameOf(program.module, place);
  return {
    ...mismatch,
    ...(place === undefined ? {} : { place }),
    ...(frame === undefined ? {} : { frame }),
    stack,
    step: result.error?.step ?? result.steps,
    ...(replayer.lastAnswer === undefined ? {} : { lastAnswer: replayer.lastAnswer }),
  };
}

function notesOn(log: ParsedLog, registry: CapabilityRegistry, sameProgram: boolean, end: RunEnd | undefined): readonly string[] {
  if (log.format === "eventlog") return ["An event log holds no end: only events were compared."];
  const notes: string[] = [];
  if (!sameProgram) notes.push("The program is not the recorded one: steps and allocation were not compared.");
  if (log.header.capabilitySetHash !== registry.setHash) notes.push("The log was recorded with another set of capabilities.");
  if (log.cut !== undefined) notes.push(`The file is cut inside line ${log.cut.line}; the events before it were used.`);
  if (end === undefined) notes.push("The log has no end record: the recorded run was killed, or the file cut.");
  else if (isInterruption(end)) notes.push(`The recorded run ended with ${end.outcome} at step ${end.steps}; the replay went as far.`);
  return notes;
}
