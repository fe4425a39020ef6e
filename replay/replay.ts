/**
 * Replays logs. This is the life of a log:
 *
 * 1. Written. `describeRun` (log/run-description.ts) makes the header, and a recorder (log/recorder.ts, which shows the file
 *    format) writes the header, each event as it happens, and the end record. Long values and the module become blobs.
 * 2. Cut. A process may be killed at any byte. The log then ends with an incomplete line, or without an end record.
 * 3. Read. `readLog` (log/log-reader.ts) checks form, bytes, hash chain and order of every record. If the log is cut, it
 *    returns the complete records. Nothing in a log is trusted, because all of it may be forged.
 * 4. Replayed. `replayRun`, below, runs the recorded module with the recorded policy, arguments and limits through the same
 *    gateway as a live run. A `Replayer` replaces the handlers and the recorder. Each event must equal the next recorded one,
 *    and each call gets the recorded answer. When the program ends, the end records must also be equal.
 * 5. Verified. `verifyLog` (verify.ts) checks the whole log, its blobs and, if asked, a replay. It says what that proves.
 *
 * A replay compares outcome, value or error, steps, allocation, counters and every event. The result does not depend on
 * the engine, the computer or the time. Reports for people and programs are in report/.
 */
import { executeProgram, type ExecuteOptions, type RunResult } from "../gateway/run.ts";
import type { Observers } from "../gateway/observers.ts";
import { traceDetailOption } from "../gateway/options.ts";
import { auditPolicy } from "../policy/audit.ts";
import { ALLOW_ALL, asksForApprovals, effectiveLimits, policyFromJson, policyHash, policyToJson, type Policy } from "../policy/policy.ts";
import { chosenTracing } from "../telemetry/default-tracing.ts";
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import type { TraceDetail, Tracing } from "../telemetry/tracing.ts";
import { decodeModule } from "../vm/bytecode/codec.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry, registryOf } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, type JsonData } from "../vm/json/json.ts";
import type { Limits } from "../vm/limits.ts";
import { EXIT, type Outcome, OUTCOMES } from "../vm/outcome.ts";
import { flagsOf } from "./log/behavior-flags.ts";
import { isInterruption, loadEnd, type RunEnd } from "./log/end-record.ts";
import type { EventLog, ParsedLog, RunLog } from "./log/log-reader.ts";
import { type Bounds, callerLimitError, reachedBound, replayBounds, type ReplayLimits, wallLimitError } from "./replay-limits.ts";
import { type OnRepeatedCall, Replayer } from "./replayer.ts";
import { compareEnds, type Divergence, type EndContext, leftOver, type Mismatch, passedEnd } from "./report/divergence.ts";
import { returnLocation, sourceFrame } from "./report/source-frame.ts";

export interface ReplayOptions {
  /** The program to run instead of the recorded module. Required for an event log, which has no module. */
  readonly program?: Program | undefined;
  /** The policy for an event log, which has none. Default: allow-all. */
  readonly policy?: Policy | undefined;
  /** The arguments for an event log, which has none, as typed JSON by parameter name. */
  readonly args?: ReadonlyMap<string, JsonData> | undefined;
  /** Limits on the replay, even if the log asks for more. `max_wall_ms` 0 means no limit. */
  readonly limits?: ReplayLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: spans go to the OpenTelemetry API, see `chosenTracing`. */
  readonly tracing?: Tracing | false | undefined;
  /** Has the same meaning as in `RunOptions`, as does `traceDetail`. */
  readonly genAiSpans?: boolean | undefined;
  readonly traceDetail?: TraceDetail | undefined;
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** Callbacks that watch the replay. */
  readonly on?: Observers | undefined;
  /** Receives the texts that the program prints with `debug`. */
  readonly onDebug?: ((text: string) => void) | undefined;
  /** Which engines may run the program. It affects only the time that the replay takes. Default: auto. */
  readonly engine?: EngineChoice | undefined;
  /** Receives each recorded call that the program repeats, with its place. The replay waits for the promise that it returns. */
  readonly onCall?: OnRepeatedCall | undefined;
}

/**
 * - `identical`: every event is equal, and the end record too. An event log has no end record, and the end of an interrupted run is not
 *   compared.
 * - `incomplete`: every event of the log is equal, but the log has no end record.
 * - `suspended`: like `incomplete`, and the run waits for an approval or for the answer of its last call.
 * - `interrupted`: the replay itself was canceled.
 */
export type ReplayStatus = "identical" | "divergence" | "incomplete" | "suspended" | "interrupted";

const EXIT_CODES: Readonly<Record<ReplayStatus, number>> = {
  identical: EXIT.done,
  divergence: OUTCOMES.divergence.exitCode,
  incomplete: OUTCOMES.incomplete.exitCode,
  suspended: OUTCOMES.suspended.exitCode,
  interrupted: OUTCOMES.canceled.exitCode,
};

export interface ReplayReport {
  readonly status: ReplayStatus;
  /** 5 for `divergence`, 6 for `incomplete`, 7 for `suspended`. See `OUTCOMES` and `EXIT` for the others. */
  readonly exitCode: number;
  /** The outcome of the replay. If the replay reached the point at which the recorded run was interrupted, the recorded outcome. */
  readonly outcome: Outcome;
  readonly format: ParsedLog["format"];
  /** Undefined for an event log. */
  readonly runId: string | undefined;
  readonly program: { readonly name: string; readonly moduleHash: string; readonly recordedModuleHash: string | undefined };
  /** Whether the program is the recorded one. If not, steps and allocation are not compared. */
  readonly sameProgram: boolean;
  readonly events: { readonly recorded: number; readonly compared: number };
  /** Number of recorded answers that the program received. */
  readonly answers: number;
  readonly divergence: Divergence | undefined;
  /** Remarks, one sentence each. */
  readonly notes: readonly string[];
  readonly result: RunResult;
}

/**
 * Runs the program with the answers of the log. Throws `log.*` if the log or its blobs cannot be trusted, `module.*` if the
 * recorded module does not verify, `usage` if the arguments do not fit the program, and `log.replay_limit` if the recorded
 * run used, or the replay would use, more than `limits` allow.
 */
export async function replayRun(log: ParsedLog, options: ReplayOptions = {}): Promise<ReplayReport> {
  const { program: chosenProgram, policy, args, limits, tracing, genAiSpans, traceDetail, onCall, on, ...executeOptions } = options;
  const program = chosenProgram ?? recordedProgram(log);
  const { registry } = program;
  const sameProgram = log.format === "log" && program.moduleHash === log.header.program.moduleHash;
  const end = log.format === "log" && log.end !== undefined ? loadEnd(log.end, log.blobs) : undefined;
  const context = { types: program.module.types, registry, sameProgram };
  const settings = log.format === "log" ? recordedSettings(log) : eventLogSettings(log, policy, args);
  const bounds = replayBounds(settings.limits, sameProgram ? end : undefined, allowedLimits(log, settings.limits, limits));
  const baseTracing = await chosenTracing(tracing, genAiSpans);
  const deferred = baseTracing === undefined ? undefined : deferredTracing(baseTracing);
  const replayer = new Replayer(log, end, context, onCall);
  let verdict: Verdict | undefined;
  try {
    const run: ExecuteOptions = {
      ...executeOptions,
      ...settings,
      traceDetail: traceDetailOption(traceDetail),
      limits: bounds.limits,
      mode: "replay",
      locatesEvents: true,
      on: onCall === undefined ? on : notingPlaces(replayer, on),
      handlers: replayer.handlers,
      sink: replayer,
      logged: replayer,
    };
    const result = await executeProgram(program, deferred === undefined ? run : { ...run, tracing: deferred.tracing });
    const replay = { log, end, program, context, replayer, result };
    verdict = judge(replay, bounds, settings.limits);
    return reportOn(replay, verdict);
  } finally {
    replayer.close();
    deferred?.finish(verdict === undefined ? {} : { outcome: verdict.outcome });
  }
}

/** Returns observers that also tell the replayer the place of each call. */
function notingPlaces(replayer: Replayer, on: Observers = {}): Observers {
  return {
    ...on,
    callStart: (call) => {
      replayer.callPlace = call.place();
      on.callStart?.(call);
    },
  };
}

/** A replay after its program has stopped. */
interface StoppedReplay {
  readonly log: ParsedLog;
  readonly end: RunEnd | undefined;
  readonly program: Program;
  readonly context: EndContext;
  readonly replayer: Replayer;
  readonly result: RunResult;
}

interface Verdict {
  readonly status: ReplayStatus;
  readonly outcome: Outcome;
  readonly mismatch?: Mismatch;
}

const SUSPENDED: Verdict = { status: "suspended", outcome: "suspended" };

/** Compares how the replay stopped with the end of the log. Throws `log.replay_limit`. */
function judge({ log, end, context, replayer, result }: StoppedReplay, bounds: Bounds, runLimits: Limits): Verdict {
  const { stop } = replayer;
  const { outcome } = result;
  const identical = { status: "identical", outcome } as const;
  const diverged = (mismatch: Mismatch): Verdict => ({ status: "divergence", outcome: "divergence", mismatch });
  if (stop?.reason === "divergence") return diverged(stop.mismatch);
  if (outcome === "timeout") throw wallLimitError(bounds.limits.max_wall_ms);
  if (outcome === "canceled") return { status: "interrupted", outcome };
  const unrepeatedEvent = replayer.firstUnrepeated();
  const stoppingBound = reachedBound(bounds, result.error);
  const hasEnd = log.format === "eventlog" || end !== undefined;
  if (stoppingBound?.source === "caller" && (unrepeatedEvent !== undefined || hasEnd)) throw callerLimitError(stoppingBound, runLimits);
  const interruption = end !== undefined && isInterruption(end) ? end : undefined;
  if (interruption === undefined && stoppingBound?.source === "end") return diverged(passedEnd(log.eventCount + 1, stoppingBound));
  if (unrepeatedEvent !== undefined) return diverged(leftOver(replayer.compared + 1, unrepeatedEvent, result, context));
  if (log.format === "eventlog") return identical;
  if (end === undefined)
    return outcome === "suspended" || log.openCall?.mark === "later" ? SUSPENDED : { status: "incomplete", outcome: "incomplete" };
  // The replay reached the point at which something outside the program ended the recorded run.
  if (interruption !== undefined && (stop?.reason === "log_end" || stoppingBound !== undefined || outcome === "suspended")) {
    return { status: "identical", outcome: interruption.outcome };
  }
  const mismatch = compareEnds(log.eventCount + 1, end, result, context);
  return mismatch === undefined ? identical : diverged(mismatch);
}

function reportOn(replay: StoppedReplay, { status, outcome, mismatch }: Verdict): ReplayReport {
  const { log, program, context, replayer, result } = replay;
  const header = log.format === "log" ? log.header : undefined;
  return {
    status,
    exitCode: EXIT_CODES[status],
    outcome,
    format: log.format,
    runId: header?.runId,
    program: { name: program.module.name, moduleHash: program.moduleHash, recordedModuleHash: header?.program.moduleHash },
    sameProgram: context.sameProgram,
    events: { recorded: log.eventCount, compared: replayer.compared },
    answers: replayer.answers,
    divergence: mismatch === undefined ? undefined : locate(mismatch, replay),
    notes: notesOn(replay),
    result,
  };
}

/** Adds the location at which the run stopped. If the program ended by itself, this is the location of its return. */
function locate(mismatch: Mismatch, { program, replayer, result }: StoppedReplay): Divergence {
  const stack = result.error?.stack ?? [];
  const location = stack[0] ?? (replayer.stop === undefined ? returnLocation(program) : undefined);
  return {
    ...mismatch,
    location,
    frame: sourceFrame(program.module, location),
    stack,
    step: result.error?.step ?? result.steps,
    lastAnswer: replayer.lastAnswer,
  };
}

function notesOn({ log, end, context, result }: StoppedReplay): readonly string[] {
  if (log.format === "eventlog") return ["An event log holds no end: only events were compared."];
  const notes: string[] = [];
  if (!context.sameProgram) notes.push("The program is not the recorded one: steps and allocation were not compared.");
  if (log.header.capabilitySetHash !== context.registry.setHash) notes.push("The log was recorded with another set of capabilities.");
  if (log.cut !== undefined) notes.push(`The file is cut inside line ${log.cut.line}; the events before it were used.`);
  if (end === undefined && result.suspended !== undefined) notes.push(`The run is suspended: ${result.error?.message}.`);
  else if (log.openCall?.mark === "later") notes.push(`The last call, of ${log.openCall.capability}, waits for its answer.`);
  else if (log.openCall?.mark === "approved") notes.push(`The last call, of ${log.openCall.capability}, is approved; resume makes it.`);
  else if (end === undefined)
    notes.push("The log has no end record: the recorded run was killed, or the file cut. boruna resume goes on with it.");
  else if (isInterruption(end)) notes.push(`The recorded run ended with ${end.outcome} at step ${end.steps}; the replay went as far.`);
  return notes;
}

/** The parts of a log that describe its run, without events. */
type RecordedRun = Pick<RunLog, "format" | "file" | "header" | "eventCount" | "blobs">;

/** Returns a registry of the built-in capabilities and of those that the log declares. Throws `log.form`. */
export function recordedRegistry(log: RecordedRun | EventLog): CapabilityRegistry {
  if (log.format === "eventlog" || log.header.capabilities.length === 0) return BUILTIN_REGISTRY;
  try {
    return registryOf(log.header.capabilities);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("log.form", `capabilities: ${error.message}`, { place: { file: log.file, line: 1 }, cause: error });
  }
}

/** Returns the recorded module, verified. Throws `log.no_program`, `log.not_started`, `log.flag`, `log.module_hash`, `log.blob_*`, `module.*`. */
export function recordedProgram(log: RecordedRun | EventLog, registry: CapabilityRegistry = recordedRegistry(log)): Program {
  if (log.format === "eventlog") {
    throw new BorunaError("log.no_program", `${log.file} is an event log, which holds no program`, {
      place: { file: log.file },
      hint: "Name the program: boruna replay LOG app.ax",
    });
  }
  const { moduleBlob, moduleHash } = log.header.program;
  const program = verifyModule(decodeModule(moduleBytes(log, moduleBlob.slice("sha256:".length)), registry), registry);
  const flags = flagsOf(program.module);
  if (log.header.flags.join() !== flags.join()) {
    const message = `the header has the behavior flags [${log.header.flags.join(", ")}], its module needs [${flags.join(", ")}]`;
    throw new BorunaError("log.flag", message, { place: { file: log.file, line: 1 } });
  }
  if (program.moduleHash !== moduleHash) {
    const message = `the module beside the log has the hash ${program.moduleHash}, the header names ${moduleHash}`;
    throw new BorunaError("log.module_hash", message, { place: { file: log.file, line: 1 } });
  }
  return program;
}

/** Reads the module. The recorder stores it between the header and the first event, so a killed process may leave a log without it. */
function moduleBytes(log: RecordedRun, sha256: string): Uint8Array {
  try {
    return log.blobs.read({ sha256 });
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind !== "log.blob_missing" || log.eventCount > 0) throw error;
    throw new BorunaError("log.not_started", `${log.file} has no event, and its program is missing: the run was killed before it began`, {
      place: { file: log.file },
      hint: "It made no call. Start it again and replace this log: set `force` in the option `record`.",
      cause: error,
    });
  }
}

/** Returns the policy that the run obeyed. An audit run obeyed the `auditPolicy` of the written one. Throws the errors of `writtenPolicy`. */
export function recordedPolicy(log: RecordedRun): Policy {
  const policy = writtenPolicy(log);
  return log.header.mode === "audit" ? auditPolicy(policy) : policy;
}

/** Returns the policy in the header. Throws `log.policy_hash`, `policy.*`, and `log.form` if a default is not filled in. */
export function writtenPolicy(log: RecordedRun): Policy {
  const place = { file: log.file, line: 1 };
  const policy = policyFromJson(log.header.policy);
  const hash = policyHash(policy);
  if (hash !== log.header.policyHash) {
    throw new BorunaError("log.policy_hash", `the recorded policy has the hash ${hash}, the header names ${log.header.policyHash}`, {
      place,
    });
  }
  if (canonicalJson(policyToJson(policy)) !== canonicalJson(log.header.policy)) {
    throw new BorunaError("log.form", "policy: not the effective policy with every default filled in", { place });
  }
  return policy;
}

type RunSettings = Pick<ExecuteOptions, "policy" | "args" | "runId" | "replayOf"> & { readonly limits: Limits };

function recordedSettings(log: RunLog): RunSettings {
  const { args, limits, runId } = log.header;
  return { policy: recordedPolicy(log), args, limits, runId, replayOf: runId };
}

function eventLogSettings(log: EventLog, policy: Policy = ALLOW_ALL, args: ReadonlyMap<string, JsonData> = new Map()): RunSettings {
  if (asksForApprovals(policy)) {
    throw new BorunaError("usage", `${log.file} is an event log, which has no approvals, and the policy asks for some`, {
      hint: "Give a policy without approval.",
    });
  }
  return { policy, args, limits: effectiveLimits(policy, {}), runId: `eventlog-${log.eventCount}` };
}

/**
 * Returns the caller's limits on this replay. An event log has no limits of its own, so those of the caller's policy (`runLimits`) are
 * added.
 */
function allowedLimits(log: ParsedLog, runLimits: Limits, limits: ReplayLimits = {}): ReplayLimits {
  return log.format === "log" ? limits : { ...runLimits, max_wall_ms: 0, ...limits };
}
