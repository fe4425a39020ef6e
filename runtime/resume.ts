/**
 * Resumes a run whose process has ended: repeats what its log has, continues from there, and appends to the same log. Result and log are
 * those of an uninterrupted run, unless the run stops at a call in doubt. Its owner must then decide about the call.
 */
import type { Handlers } from "../gateway/handlers.ts";
import { maxParallelCallsOption, policyOption, traceDetailOption } from "../gateway/options.ts";
import { outputError } from "../gateway/output.ts";
import { executeProgram, type RunResult } from "../gateway/run.ts";
import { mayRepeat } from "../policy/may-repeat.ts";
import { policyHash, type Policy } from "../policy/policy.ts";
import { needsApproval } from "../replay/approvals.ts";
import { isInterruption } from "../replay/log/end-record.ts";
import { fileStamp } from "../replay/log/log-file.ts";
import { type ParsedLog, readLog, type RunLog } from "../replay/log/log-reader.ts";
import type { OnRead } from "../replay/log/log-source.ts";
import { continueRecorder } from "../replay/log/file-recorder.ts";
import type { FinishedLog, Recorder } from "../replay/log/recorder.ts";
import { unservedBy } from "../replay/log/run-description.ts";
import { recordedPolicy, recordedProgram, recordedRegistry, replayRun, writtenPolicy } from "../replay/replay.ts";
import { type EndContext, leftOver } from "../replay/report/divergence.ts";
import { type CallAnswer, type InDoubt, type OpenCall, Resumer } from "../replay/resumer.ts";
import { deferredTracing } from "../telemetry/deferred-tracing.ts";
import { chosenTracing } from "../telemetry/default-tracing.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { CapabilityDecl, CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { declarationToJson } from "../vm/own-capabilities.ts";
import {
  closeLog,
  type Execution,
  executionOf,
  handlersFor,
  handlersOption,
  type RunOptions,
  schemaOption,
  signOption,
} from "./execute.ts";

/** Options of `resume`. All are optional. Those with the same names as in `RunOptions` have the same meanings. */
export interface ResumeRunOptions
  extends Pick<
    RunOptions,
    | "handlers"
    | "approve"
    | "inputs"
    | "env"
    | "registry"
    | "maxParallelCalls"
    | "outputSchema"
    | "signal"
    | "traceparent"
    | "tracestate"
    | "baggage"
    | "tracing"
    | "genAiSpans"
    | "traceDetail"
    | "on"
    | "onDebug"
    | "engine"
  > {
  /** The policy that the run must have. Default: the recorded one, whatever it allows. */
  readonly policy?: RunOptions["policy"] | undefined;
  /**
   * What happens to a call that was open when the process ended and that may not be repeated. `stop`: the run stops with the outcome
   * `in_doubt`. `retry`: the call is made again. `fail`: the program gets a failure of the kind `in_doubt`, which `try` catches.
   * Default: `stop`.
   */
  readonly inDoubt?: InDoubt | undefined;
  /** The answers, in any order, of calls whose handlers answer later. These handlers are not called again. */
  readonly answer?: CallAnswer | readonly CallAnswer[] | undefined;
  /** Whether to sync each call to disk before its handler starts, and each answer before the program receives it. */
  readonly durable?: boolean | undefined;
  /** As `sign` in `RecordOptions`. Give it again for a log that was to be signed, because the log does not contain the key. */
  readonly sign?: string | undefined;
  /** Called while the log is read. The log is read several times. */
  readonly onRead?: OnRead | undefined;
}

/** What `resume` returns. */
export interface Resumption extends Execution {
  /** Whether the run had ended before, so that it was only replayed. */
  readonly hadEnded: boolean;
  /** Number of events that the log had. */
  readonly resumedFrom: number;
  /** The call that must be decided. Defined if and only if the outcome is `in_doubt`. */
  readonly inDoubt: OpenCall | undefined;
}

/**
 * Resumes the run whose log is at `path`. Replays the run if it had ended. Throws `log.*` if the log cannot be read, locked, or resumed
 * with these options, `log.divergence` if the run does not do what its log says, and what `execute` throws.
 */
export async function resume(path: string, options: ResumeRunOptions = {}): Promise<Resumption> {
  // The stamp changes when the file does, so a change after this line is noticed.
  const stamp = fileStamp(path);
  const log = runLog(readLog(path, {}, options.onRead));
  const registry = options.registry ?? recordedRegistry(log);
  checkCapabilities(log, registry);
  const program = recordedProgram(log, registry);
  const policy = recordedPolicy(log);
  if (options.policy !== undefined) checkPolicy(log, policyOption(options.policy, registry));
  if (!isInDoubt(options.inDoubt)) throw new BorunaError("usage", "inDoubt: expected stop, retry or fail");
  if (answersOf(options.answer).length > 0 && log.openCall === undefined) throw notWaitingError(log);
  const hasEnded = log.end !== undefined && !isInterruption(log.end);
  return hasEnded ? replayEnded(log, program, options) : continueRun({ log, program, policy, options }, stamp);
}

function answersOf(answer: ResumeRunOptions["answer"] = []): readonly CallAnswer[] {
  return "call" in answer ? [answer] : answer;
}

function notWaitingError({ file }: RunLog): BorunaError {
  return new BorunaError("log.not_waiting", `no call in ${file} waits for an answer`, { place: { file }, hint: "Leave out the answer." });
}

const isInDoubt = (given: unknown = "stop"): given is InDoubt => given === "stop" || given === "retry" || given === "fail";

function runLog(log: ParsedLog): RunLog {
  if (log.format === "log") return log;
  throw new BorunaError("log.not_resumable", `${log.file} is an event log, which has no policy, arguments and run id`, {
    place: { file: log.file },
    hint: "Only a log of the other format, the default, can be resumed.",
  });
}

/** Throws `log.other_capabilities` if the log has another capability set, or other declarations of the host's own capabilities. */
function checkCapabilities({ file, header }: RunLog, { own, setHash }: CapabilityRegistry): void {
  const textOf = (capabilities: readonly CapabilityDecl[]): string => canonicalJson(capabilities.map(declarationToJson));
  if (header.capabilitySetHash === setHash && textOf(header.capabilities) === textOf(own)) return;
  throw new BorunaError("log.other_capabilities", `${file} was recorded with another set of capabilities`, {
    place: { file, line: 1 },
    hint: "Resume it with the version of Boruna, and with the capabilities of your own, that recorded it.",
  });
}

function checkPolicy({ file, header }: RunLog, given: Policy): void {
  const hash = policyHash(given);
  if (hash === header.policyHash) return;
  throw new BorunaError("log.other_policy", `the policy has the hash ${hash}; the run began under ${header.policyHash}`, {
    place: { file, line: 1 },
    hint: "A run ends under the policy that it began with. Without a policy here, the recorded one is used.",
  });
}

/** Throws `log.other_handlers` unless the same capabilities have handlers as in the recorded run. */
function checkHandlers({ file, header }: RunLog, program: Program, handlers: Handlers): void {
  const unserved = unservedBy(program, new Set(handlers.keys()));
  const missing = unserved.find((name) => !header.unserved.includes(name));
  const added = header.unserved.find((name) => !unserved.includes(name));
  if (missing === undefined && added === undefined) return;
  const problem = missing === undefined ? `${added} had no handler when the run began` : `${missing} had a handler when the run began`;
  throw new BorunaError("log.other_handlers", problem, {
    place: { file, line: 1 },
    hint: "Resume the run with handlers for the same capabilities.",
  });
}

/** Replays a run that has ended. Its outcome is the recorded one. */
async function replayEnded(log: RunLog, program: Program, options: ResumeRunOptions): Promise<Resumption> {
  const { signal, traceparent, tracestate, tracing, genAiSpans, traceDetail, engine } = options;
  const { max_steps, max_alloc_bytes } = log.header.limits;
  const caller = { signal, traceparent, tracestate, tracing, genAiSpans, traceDetail, engine };
  const given = Object.fromEntries(Object.entries(caller).filter(([, value]) => value !== undefined));
  const report = await replayRun(log, { ...given, program, limits: { max_steps, max_alloc_bytes } });
  if (report.status === "divergence") throw divergenceError(log, report.divergence?.message ?? "the replay diverges");
  const outputSchema = schemaOption(options.outputSchema);
  const failure = outputSchema === undefined ? undefined : outputError(report.result, outputSchema, program.module.types);
  const result = failure === undefined ? report.result : { ...report.result, outputError: failure };
  return resumption(log, program, result, { path: log.file, head: log.head }, { hadEnded: true });
}

/** A run that continues after the end of its log. */
interface ResumedRun {
  readonly log: RunLog;
  readonly program: Program;
  readonly policy: Policy;
  readonly options: ResumeRunOptions;
}

async function continueRun(run: ResumedRun, stamp: string | undefined): Promise<Resumption> {
  const { log, program, options } = run;
  // The log is opened later, when `checkHandlers` has passed. `ownFiles` are the log's files, which fs calls must not touch.
  const handlers = await handlersFor(program, { ...options, live: log.header.mode !== "mock" }, () => recorder.ownFiles);
  checkHandlers(log, program, handlers);
  const key = signOption(options.sign);
  const durable = options.durable === true;
  const recorder = continueRecorder(log, stamp, key === undefined ? { durable } : { durable, key });
  try {
    return await runWith(run, handlers, recorder);
  } finally {
    // `abandon` does nothing after `finish`.
    recorder.abandon();
  }
}

async function runWith({ log, program, policy, options }: ResumedRun, handlers: Handlers, recorder: Recorder): Promise<Resumption> {
  const { mode, runId, args, limits } = log.header;
  const { approve, signal, traceparent, tracestate, baggage, on, onDebug, engine } = options;
  const maxParallelCalls = maxParallelCallsOption(options.maxParallelCalls);
  const outputSchema = schemaOption(options.outputSchema);
  const ownHandlers = handlersOption(options.handlers);
  const tracing = await chosenTracing(options.tracing, options.genAiSpans);
  const deferred = tracing === undefined ? undefined : deferredTracing(tracing);
  const context = { types: program.module.types, registry: program.registry, sameProgram: true };
  const resumer = new Resumer(log, {
    context,
    handlers,
    recorder,
    inDoubt: options.inDoubt ?? "stop",
    answers: answersOf(options.answer),
    needsApproval: (call) => needsApproval(call, program, policy),
    mayRepeat: ({ capability, args: callArgs }) => {
      const declaration = program.registry.byName.get(capability);
      // A mock has no outside effect, so its call may be repeated.
      const isMocked = mode === "mock" && !ownHandlers.has(capability);
      return declaration !== undefined && (isMocked || mayRepeat(declaration, callArgs, policy));
    },
  });
  let hasDiverged = false;
  try {
    const result = await executeProgram(program, {
      policy,
      audited: mode === "audit" ? writtenPolicy(log) : undefined,
      handlers,
      mode: mode === "audit" ? "live" : mode,
      args,
      limits,
      sink: resumer,
      // Repeats the part of the run that is in the log.
      prefix: resumer,
      approve,
      maxParallelCalls,
      outputSchema,
      signal,
      traceparent,
      tracestate,
      baggage,
      tracing: deferred?.tracing,
      traceDetail: traceDetailOption(options.traceDetail),
      on,
      runId,
      onDebug,
      engine,
    });
    const divergence = divergenceOf(resumer, result, context);
    hasDiverged = divergence !== undefined;
    if (divergence !== undefined) throw divergenceError(log, divergence);
    // A run that was interrupted while it repeated its log adds nothing to the log.
    const isOver = resumer.isPastLog && resumer.callInDoubt === undefined;
    const finished = isOver ? closeLog(recorder, result) : { path: log.file };
    return resumption(log, program, result, finished, { inDoubt: resumer.callInDoubt });
  } finally {
    resumer.close();
    deferred?.finish(hasDiverged ? { outcome: "divergence" } : {});
  }
}

/** Returns how the run differs from its log, or undefined. `leftOver` describes an event of the log that the run did not repeat. */
function divergenceOf({ replayer, isPastLog }: Resumer, result: RunResult, context: EndContext): string | undefined {
  const { stop } = replayer;
  if (stop?.reason === "divergence") return `event ${stop.mismatch.event}: ${stop.mismatch.message}`;
  if (isPastLog || result.outcome === "timeout" || result.outcome === "canceled") return undefined;
  const event = replayer.firstUnrepeated();
  return event === undefined
    ? undefined
    : `event ${replayer.compared + 1}: ${leftOver(replayer.compared + 1, event, result, context).message}`;
}

function divergenceError({ file }: RunLog, message: string): BorunaError {
  return new BorunaError("log.divergence", `the run does not do what its log says: ${message}`, {
    place: { file },
    hint: `Nothing was changed. boruna replay ${file} shows the difference.`,
  });
}

function resumption(
  log: RunLog,
  program: Program,
  result: RunResult,
  finished: FinishedLog,
  { hadEnded = false, inDoubt }: { readonly hadEnded?: boolean; readonly inDoubt?: OpenCall | undefined },
): Resumption {
  return { ...executionOf(program, result, finished), hadEnded, resumedFrom: log.eventCount, inDoubt };
}
