/**
 * Replays a run under other conditions: another policy, or other answers. The program gets the recorded answers while it makes the
 * recorded calls, in their order. At the first call that is not the next recorded one, or is refused, the replay ends, because the log
 * has no further answer for this program. No call reaches the outside world.
 *
 * Only calls must match. Other events (of actors, contracts, emitted trees) may differ, because another answer changes them.
 */
import { type Approval, type ApprovalRequest, type Decision, decisionProblem } from "../gateway/approval.ts";
import { isFailureKind, type Failure } from "../gateway/failure.ts";
import { CapabilityFailure, FAILURE_TRAPS, type Handlers, machineHandler } from "../gateway/handlers.ts";
import type { CallEnd, CallStart } from "../gateway/observers.ts";
import { executeProgram, type RunResult } from "../gateway/run.ts";
import type { EventSink } from "../gateway/run-events.ts";
import { effectiveLimits, type Policy } from "../policy/policy.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import type { SourceLocation, TypeDef } from "../vm/bytecode/module.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { typeToString } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import { type LoggedCall, logEntries, signatureOf } from "./entries.ts";
import { loadText, loadValue } from "./log/blob-values.ts";
import { isInterruption, loadEnd, type RunEnd } from "./log/end-record.ts";
import type { RunLog } from "./log/log-reader.ts";
import { recordedPolicy, recordedProgram, type ReplayOptions } from "./replay.ts";
import { callerLimitError, reachedBound, replayBounds, wallLimitError } from "./replay-limits.ts";
import { compareEnds, compareEvents, type Mismatch } from "./report/divergence.ts";
import { endText, eventText } from "./report/format-values.ts";
import { sourceFrame, type SourceFrame } from "./report/source-frame.ts";

export interface WhatIfOptions extends Pick<ReplayOptions, "program" | "limits" | "signal" | "engine" | "onDebug"> {
  /** The policy to apply instead of the recorded one. Its limits apply too. */
  readonly policy?: Policy;
  /**
   * Answers by the number of their call in the log, from 1: typed JSON of the capability's result type, or
   * `{"CapError": {"kind": "runtime_error", "message": "…"}}` for a failure, as a log writes it.
   */
  readonly edits?: ReadonlyMap<number, JsonData>;
}

/**
 * - `same`: the program makes the recorded calls and ends as recorded;
 * - `changed`: one of its calls is refused, it makes another call, or it ends in another way;
 * - `incomplete`: it makes the recorded calls, and the log has no end to compare with;
 * - `interrupted`: the replay was canceled.
 */
export type WhatIfStatus = "same" | "changed" | "incomplete" | "interrupted";

/** Why the replay ended before the program did. */
export type WhatIfStop =
  /** The policy refuses the call, or lets it wait for an approval that the log does not have. `rule` is the path of the rule in the policy. */
  | { readonly reason: "refused"; readonly text: string; readonly rule: string | undefined; readonly message: string }
  /** The call is not the next recorded one. */
  | { readonly reason: "other_call"; readonly mismatch: Mismatch }
  /** The log has no further call, or no answer to this one. */
  | { readonly reason: "no_answer"; readonly text: string };

export interface EditedAnswer {
  readonly call: number;
  /** Short texts of the call, its recorded answer and the answer that replaces it. */
  readonly text: string;
  readonly recorded: string;
  readonly edited: string;
  /** Whether the program got to the call. */
  readonly used: boolean;
}

export interface WhatIfReport {
  readonly status: WhatIfStatus;
  /** 0 for `same`, 5 for `changed`, 6 for `incomplete`. */
  readonly exitCode: number;
  readonly runId: string;
  readonly sameProgram: boolean;
  /** Number of calls in the log, and number of these calls that the program made and that were answered. */
  readonly calls: { readonly recorded: number; readonly answered: number };
  readonly edits: readonly EditedAnswer[];
  readonly stop: WhatIfStop | undefined;
  /** Where the replay stopped, innermost call first. Empty if the program ended by itself. */
  readonly stack: readonly SourceLocation[];
  readonly frame: SourceFrame | undefined;
  /** How the recorded run ended, as a short text; undefined if the log does not say. */
  readonly recordedEnd: string | undefined;
  /** How the program ended; undefined if the log had no answer for it. */
  readonly end: string | undefined;
  readonly result: RunResult;
}

/** Throws `usage` for an edit that does not fit the log, and the errors of `replayRun`. */
export async function whatIf(log: RunLog, options: WhatIfOptions = {}): Promise<WhatIfReport> {
  const { program: chosenProgram, policy: otherPolicy, edits = new Map(), limits, ...executeOptions } = options;
  const program = chosenProgram ?? recordedProgram(log);
  const { registry } = program;
  const policy = otherPolicy ?? recordedPolicy(log);
  const runLimits = otherPolicy === undefined ? log.header.limits : effectiveLimits(otherPolicy, {});
  const bounds = replayBounds(runLimits, undefined, limits ?? {});
  const end = log.end === undefined ? undefined : loadEnd(log.end, log.blobs);
  const calls = new RecordedCalls(log, program, registry, readEdits(log, edits, program, registry));
  try {
    const result = await executeProgram(program, {
      ...executeOptions,
      policy,
      args: log.header.args,
      runId: log.header.runId,
      replayOf: log.header.runId,
      limits: bounds.limits,
      mode: "replay",
      handlers: calls.handlers(log.header.unserved),
      sink: calls,
      approve: (request) => calls.approval(request),
      on: { callStart: (call) => calls.start(call), callEnd: (call) => calls.end(call) },
    });
    const stopped = calls.stop !== undefined;
    if (!stopped && result.outcome === "timeout") throw wallLimitError(bounds.limits.max_wall_ms);
    const bound = stopped ? undefined : reachedBound(bounds, result.error);
    if (bound?.source === "caller") throw callerLimitError(bound, runLimits);
    return reportOn({ log, end, program, registry, calls, result });
  } finally {
    calls.close();
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
  // The recorded run was stopped during its last call, or before a call that the log does not have.
  if (calls.stop?.reason === "no_answer" && logEndsEarly) return "incomplete";
  if (calls.stop !== undefined && calls.stop.reason !== "refused") return "changed";
  if (end === undefined) return calls.stop === undefined && calls.isDone() ? "incomplete" : "changed";
  const context = { types: program.module.types, registry, sameProgram: isSameProgram(finished) };
  return calls.isDone() && compareEnds(log.eventCount + 1, end, result, context) === undefined ? "same" : "changed";
}

type Answer = { readonly value: Value } | { readonly failure: Failure };

/** Reads the edits. Throws `usage` for a call that the log does not have, or an answer that the capability cannot give. */
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

function readAnswer(call: LoggedCall, data: JsonData, types: readonly TypeDef[], registry: CapabilityRegistry): Answer {
  const what = `the answer of call ${call.call}, ${call.capability}`;
  const failure = isJsonObject(data) && data.size === 1 ? data.get("CapError") : undefined;
  if (failure !== undefined) return { failure: readFailure(failure, what) };
  const result = signatureOf(call, registry)?.result;
  if (result === undefined) throw new BorunaError("usage", `${what}: this version does not have the capability`);
  try {
    return { value: valueFromTypedJson(data, result, types, "answer") };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    throw new BorunaError("usage", `${what}, must have the type ${typeToString(result)}: ${error.message}`, {
      hint: 'for a failure: {"CapError": {"kind": "runtime_error", "message": "…"}}',
      cause: error,
    });
  }
}

function readFailure(data: JsonData, what: string): Failure {
  const kinds = Object.keys(FAILURE_TRAPS);
  if (isJsonObject(data) && [...data.keys()].every((name) => ["kind", "message"].includes(name))) {
    const [kind, message] = [data.get("kind"), data.get("message")];
    if (isFailureKind(kind) && typeof message === "string") return { kind, message };
  }
  throw new BorunaError("usage", `${what}: a failure has a kind (${kinds.join(", ")}) and a message`, {
    hint: 'for example: {"CapError": {"kind": "runtime_error", "message": "HTTP 500"}}',
  });
}

/** The recorded calls, which the program must repeat in order: the sink and the handlers of the run. */
class RecordedCalls implements EventSink {
  readonly #log: RunLog;
  readonly #program: Program;
  readonly #registry: CapabilityRegistry;
  readonly #edits: ReadonlyMap<number, Answer>;
  readonly #edited: EditedAnswer[] = [];
  readonly #calls: Iterator<LoggedCall, void>;
  #next: LoggedCall | undefined;
  /**
   * The calls that the program waits for, by their numbers in the run. The log may have no answer: the recorded run ended before it
   * came. This replay then ends at the latest when the machine takes the answer.
   */
  readonly #open = new Map<
    number,
    { readonly answer: Answer | undefined; readonly approval: Approval | undefined; readonly text: string }
  >();
  answered = 0;
  stop: WhatIfStop | undefined;
  /** The call that the gateway is deciding on. If it ends before it is logged, the policy refused it. */
  #undecided: CallStart | undefined;

  constructor(log: RunLog, program: Program, registry: CapabilityRegistry, edits: ReadonlyMap<number, Answer>) {
    this.#log = log;
    this.#program = program;
    this.#registry = registry;
    this.#edits = edits;
    this.#calls = callsOf(log);
    this.#advance();
  }

  #advance(): void {
    const next = this.#calls.next();
    this.#next = next.done === true ? undefined : next.value;
  }

  handlers(unserved: readonly string[]): Handlers {
    const served = this.#registry.all.filter((c) => c.internal !== true && !unserved.includes(c.name));
    const handler = machineHandler((_, { callNumber }) => this.#takeAnswer(callNumber));
    return new Map(served.map((c) => [c.name, handler]));
  }

  /** Returns the recorded decision about the call. If the policy does not accept it, stops the program, because it would wait. */
  approval({ runId, call, hash, rule, keys }: ApprovalRequest): Decision | undefined {
    const { approval: decision, answer, text = "" } = this.#open.get(call) ?? {};
    if (decision !== undefined && decisionProblem(keys, { ...decision, runId, call, hash }, decision.signature) === undefined)
      return decision;
    // Without an answer, the recorded run has waited here, too.
    this.stop =
      answer === undefined
        ? { reason: "no_answer", text }
        : { reason: "refused", text, rule, message: "the call would wait for an approval" };
    return undefined;
  }

  start(call: CallStart): void {
    this.#undecided = call;
  }

  end({ outcome, rule, message = "" }: CallEnd): void {
    if (this.#undecided === undefined || (outcome !== "denied" && outcome !== "budget_exceeded")) return;
    const { capability, args } = this.#undecided;
    this.stop = { reason: "refused", text: this.#text({ type: "CapCall", capability, args }), rule, message };
  }

  append(event: RunEvent, call = 0): HostStop | undefined {
    const open = event.type === "CapError" ? this.#open.get(call) : undefined;
    if (open !== undefined && open.answer === undefined) return this.#stop({ reason: "no_answer", text: open.text });
    if (event.type !== "CapCall") return undefined;
    this.#undecided = undefined;
    const recorded = this.#next;
    if (recorded === undefined) return this.#stop({ reason: "no_answer", text: this.#text(event) });
    const args = recorded.args.map((arg) => loadValue(arg, this.#log.blobs));
    const expected: RunEvent = { type: "CapCall", capability: recorded.capability, args };
    const context = { types: this.#program.module.types, registry: this.#registry };
    const mismatch = compareEvents(recorded.event, expected, event, context);
    if (mismatch !== undefined) return this.#stop({ reason: "other_call", mismatch });
    const answer = this.#answerTo(recorded, event);
    this.#open.set(call, { answer, approval: recorded.approval, text: this.#text(event) });
    if (answer !== undefined) this.answered += 1;
    this.#advance();
    return undefined;
  }

  #answerTo({ call, capability, answer }: LoggedCall, event: RunEvent): Answer | undefined {
    const recorded = answer === undefined ? undefined : this.#load(answer);
    const edit = this.#edits.get(call);
    if (edit === undefined) return recorded;
    const text = (given: Answer | undefined): string => (given === undefined ? "(no answer)" : this.#answerText(capability, given));
    this.#edited.push({ call, text: this.#text(event), recorded: text(recorded), edited: text(edit), used: true });
    return edit;
  }

  #load(answer: NonNullable<LoggedCall["answer"]>): Answer {
    const { blobs } = this.#log;
    if (answer.outcome === "ok") return { value: loadValue(answer.result, blobs) };
    return { failure: { kind: isFailureKind(answer.kind) ? answer.kind : "runtime_error", message: loadText(answer.message, blobs) } };
  }

  #answerText(capability: string, answer: Answer): string {
    if ("value" in answer) return this.#text({ type: "CapResult", capability, result: answer.value });
    return this.#text({ type: "CapError", capability, ...answer.failure });
  }

  #takeAnswer(call: number): Value {
    const open = this.#open.get(call);
    if (open === undefined) throw new BorunaError("internal", "a handler was asked before its call was logged");
    const { answer } = open;
    // `append` ends the replay when the machine takes this failure.
    if (answer === undefined) throw new CapabilityFailure("the log has no answer for this call");
    this.#open.delete(call);
    if ("failure" in answer) throw new CapabilityFailure(answer.failure.message, answer.failure.kind);
    return answer.value;
  }

  #stop(stop: WhatIfStop): HostStop {
    this.stop = stop;
    return { trap: "log_end", message: "the log has no answer for this call" };
  }

  #text(event: RunEvent): string {
    return eventText(event, this.#program.module.types);
  }

  /** Whether the program has made every recorded call. */
  isDone(): boolean {
    return this.#next === undefined;
  }

  /** Returns the edits in the order of their calls, also those that the program did not get to. */
  edited(): readonly EditedAnswer[] {
    const used = new Set(this.#edited.map(({ call }) => call));
    const unused = [...this.#edits].filter(([call]) => !used.has(call));
    const rest = unused.map(([call, answer]) => ({
      call,
      text: "",
      recorded: "",
      edited: this.#answerText("", answer).trim(),
      used: false,
    }));
    return [...this.#edited, ...rest].sort((a, b) => a.call - b.call);
  }

  close(): void {
    this.#calls.return?.();
  }
}

function* callsOf(log: RunLog): Generator<LoggedCall, void> {
  for (const entry of logEntries(log)) if (entry.type === "call") yield entry;
}
