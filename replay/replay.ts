/** Replaying a log: the recorded module, or another program, against the recorded answers. */
import { effectiveLimits, policyFromJson, policyHash, policyToJson, ALLOW_ALL, type Policy } from "../policy/policy.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../gateway/run.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { decodeModule } from "../vm/bytecode/codec.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import type { CodePlace } from "../vm/bytecode/module.ts";
import { EXIT, type Outcome, OUTCOMES } from "../vm/outcome.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { type Bounds, hostLimit, reachedBound, type ReplayLimits, replayBounds, wallLimit } from "./replay-limits.ts";
import { compareEnds, leftOver, passedEnd, type Divergence, type EndComparison, type Mismatch } from "./report/divergence.ts";
import { isInterruption, type RunEnd, type StoredEnd } from "./log/end-record.ts";
import type { BlobReader } from "./log/blobs.ts";
import type { EventLog, ParsedLog, RunLog } from "./log/log-reader.ts";
import { frameOf, returnPlace } from "./report/source-location.ts";
import { Replayer } from "./replayer.ts";
import { chosenTracing } from "../telemetry/default-tracing.ts";
import { deferredTracing } from "./deferred-tracing.ts";
import { loadStored, loadText } from "./log/blob-values.ts";

export interface ReplayOptions {
  /** Instead of the recorded module; an event log has none and needs one. */
  readonly program?: Program;
  readonly registry?: CapabilityRegistry;
  /** For an event log, which holds neither. */
  readonly policy?: Policy;
  readonly args?: ReadonlyMap<string, JsonData>;
  /** The most that this host allows, whatever the log asks for; `max_wall_ms` 0 is no limit. */
  readonly limits?: ReplayLimits;
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
  incomplete: OUTCOMES.incomplete.exitCode,
  interrupted: OUTCOMES.canceled.exitCode,
};

export interface ReplayReport {
  readonly status: ReplayStatus;
  /** See `OUTCOMES` and `EXIT`: 5 for a divergence, 6 for a log that cannot be compared to its end. */
  readonly exitCode: number;
  /** Of the replay; an interruption that the log tells of counts as repeated. */
  readonly outcome: Outcome;
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
 * `module.*` where the recorded module does not verify, `log.replay_limit` where the replay would take, or takes, more
 * than `limits` allow.
 */
export async function replayRun(log: ParsedLog, options: ReplayOptions = {}): Promise<ReplayReport> {
  const registry = options.program?.registry ?? options.registry ?? BUILTIN_REGISTRY;
  const program = options.program ?? recordedProgram(log, registry);
  const sameProgram = log.format === "log" && program.moduleHash === log.header.program.moduleHash;
  const end = log.format === "log" && log.end !== undefined ? loadEnd(log.end, log.blobs) : undefined;
  const shown = { types: program.module.types, registry, sameProgram };
  const setting = log.format === "log" ? recordedSetting(log) : looseSetting(log, options);
  const bounds = replayBounds(setting.limits, sameProgram ? end : undefined, allowedBy(log, setting.limits, options.limits));
  const chosen = await chosenTracing(options.tracing);
  const traced = chosen === undefined ? undefined : deferredTracing(chosen);
  const replayer = new Replayer(log, end, shown);
  let verdict: Verdict | undefined;
  try {
    const result = await executeProgram(program, {
      ...setting,
      ...passedOn(options),
      ...(traced === undefined ? {} : { tracing: traced.tracing }),
      limits: bounds.limits,
      mode: "replay",
      locatesEvents: true,
      handlers: replayer.handlers,
      sink: replayer,
    });
    verdict = judge(log, end, replayer, result, shown, bounds, setting.limits);
    return reportOn(log, end, program, replayer, result, shown, verdict);
  } finally {
    replayer.close();
    traced?.finish(verdict === undefined ? {} : { outcome: verdict.outcome });
  }
}

function reportOn(
  log: ParsedLog,
  end: RunEnd | undefined,
  program: Program,
  replayer: Replayer,
  result: RunResult,
  shown: EndComparison,
  verdict: Verdict,
): ReplayReport {
  const { sameProgram, registry } = shown;
  return {
    status: verdict.status,
    exitCode: EXIT_CODES[verdict.status],
    outcome: verdict.outcome,
    format: log.format,
    ...(log.format === "log" ? { runId: log.header.runId } : {}),
    program: {
      name: program.module.name,
      moduleHash: program.moduleHash,
      ...(log.format === "log" ? { recordedModuleHash: log.header.program.moduleHash } : {}),
    },
    sameProgram,
    events: { recorded: log.eventCount, compared: replayer.compared },
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

/** Throws `log.policy_hash`, `log.form` where it is not written out as the writer does, `policy.*`. */
export function recordedPolicy(log: RecordedRun): Policy {
  const policy = policyFromJson(log.header.policy);
  const hash = policyHash(policy);
  if (hash !== log.header.policyHash) {
    throw new BorunaError("log.policy_hash", `the recorded policy has the hash ${hash}, the header names ${log.header.policyHash}`, {
      place: { file: log.file, line: 1 },
    });
  }
  if (canonicalJson(policyToJson(policy)) !== canonicalJson(log.header.policy)) {
    throw new BorunaError("log.form", "policy: not the effective policy with every default filled in", {
      place: { file: log.file, line: 1 },
    });
  }
  return policy;
}

type Setting = Pick<ExecuteOptions, "policy" | "args" | "runId"> & { readonly limits: Limits; readonly replayOf?: string };

function recordedSetting(log: RunLog): Setting {
  const { header } = log;
  return { policy: recordedPolicy(log), args: header.args, limits: header.limits, runId: header.runId, replayOf: header.runId };
}

function looseSetting(log: ParsedLog, options: ReplayOptions): Setting {
  const policy = options.policy ?? ALLOW_ALL;
  return {
    policy,
    ...(options.args === undefined ? {} : { args: options.args }),
    limits: effectiveLimits(policy, {}),
    runId: `eventlog-${log.eventCount}`,
  };
}

/** An event log says nothing of limits: those in force are the caller's own, and need no second word of his. */
function allowedBy(log: ParsedLog, own: Limits, given: ReplayLimits = {}): ReplayLimits {
  return log.format === "log" ? given : { ...own, max_wall_ms: 0, ...given };
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
  readonly outcome: Outcome;
  readonly mismatch?: Mismatch;
}

/** Throws `log.replay_limit`. */
function judge(
  log: ParsedLog,
  end: RunEnd | undefined,
  replayer: Replayer,
  actual: RunEnd,
  shown: EndComparison,
  bounds: Bounds,
  own: Limits,
): Verdict {
  const { stop } = replayer;
  const { outcome } = actual;
  const identical = { status: "identical", outcome } as const;
  const diverged = (mismatch: Mismatch): Verdict => ({ status: "divergence", outcome: "divergence", mismatch });
  if (stop?.reason === "divergence") return diverged(stop.mismatch);
  if (outcome === "timeout") throw wallLimit(bounds.limits.max_wall_ms);
  if (outcome === "canceled") return { status: "interrupted", outcome };
  const left = replayer.leftOver();
  const reached = reachedBound(bounds, actual.error);
  const isEnded = log.format === "eventlog" || end !== undefined;
  if (reached?.by === "host" && (left !== undefined || isEnded)) throw hostLimit(reached, own);
  const interruption = end !== undefined && isInterruption(end) ? end : undefined;
  if (interruption === undefined && reached?.by === "end") return diverged(passedEnd(log.eventCount + 1, reached));
  if (left !== undefined) return diverged(leftOver(replayer.compared + 1, left, actual, shown));
  if (log.format === "eventlog") return identical;
  if (end === undefined) return { status: "incomplete", outcome: "incomplete" };
  // As far as the recorded run came; its own end came from outside.
  if (interruption !== undefined && (stop?.reason === "log_end" || reached !== undefined)) {
    return { status: "identical", outcome: interruption.outcome };
  }
  const mismatch = compareEnds(log.eventCount + 1, end, actual, shown);
  return mismatch === undefined ? identical : diverged(mismatch);
}

/** Where it happened: the stack of the stop; for a program that ended by itself, the place that it returned from. */
function locate(mismatch: Mismatch, program: Program, replayer: Replayer, result: RunResult): Divergence {
  const stack: readonly CodePlace[] = result.error?.stack ?? [];
  const place = stack[0] ?? (replayer.stop === undefined ? returnPlace(program) : undefined);
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
