/**
 * The event sink and the handlers of a run that repeats recorded calls under another policy, or with other answers. Only calls must match
 * the log. Events of actors and contracts, and emitted values, may differ, because another answer can change them.
 */
import { type Approval, type ApprovalRequest, type Decision, decisionProblem } from "../gateway/approval.ts";
import { isFailureKind, type Failure } from "../gateway/failure.ts";
import { CapabilityFailure, FAILURE_TRAPS, type Handlers, machineHandler } from "../gateway/handlers.ts";
import type { CallEnd, CallStart } from "../gateway/observers.ts";
import type { EventSink } from "../gateway/run-events.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { HostStop } from "../vm/host.ts";
import { isJsonObject, type JsonData } from "../vm/json/json.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { typeToString } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";
import { type LoggedCall, signatureOf } from "./entries.ts";
import { loadText, loadValue, namingMissing } from "./log/blob-values.ts";
import { loadEvent } from "./log/event-json.ts";
import type { RunLog } from "./log/log-reader.ts";
import { compareEvents, type Mismatch } from "./report/divergence.ts";
import { eventText } from "./report/format-values.ts";

/** The answer that a program gets to a call. */
export type Answer = { readonly value: Value } | { readonly failure: Failure };

/** The parts of a log that are needed to repeat its calls. */
type ReplayedLog = Pick<RunLog, "header" | "blobs">;

/** Why the replay ended before the program did. */
export type WhatIfStop =
  /** The policy refuses the call, or requires an approval that the log does not have. `rule` is the path of the rule in the policy. */
  | { readonly reason: "refused"; readonly text: string; readonly rule: string | undefined; readonly message: string }
  /** The program made another call than the next recorded one. */
  | { readonly reason: "other_call"; readonly mismatch: Mismatch }
  /** The log does not have the program's call, because it has no further calls, or has the call without an answer. */
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

/** Compares the calls of the program with the recorded calls, in order, and answers them. */
export class RecordedCalls implements EventSink {
  readonly handlers: Handlers;
  readonly #log: ReplayedLog;
  readonly #program: Program;
  readonly #registry: CapabilityRegistry;
  readonly #edits: ReadonlyMap<number, Answer>;
  readonly #usedEdits: EditedAnswer[] = [];
  readonly #calls: Iterator<LoggedCall, unknown>;
  #next: LoggedCall | undefined;
  #position: number;
  /**
   * The calls that the program waits for, by their numbers in the run. An answer is undefined if the recorded run ended before the answer
   * came. Then the replay ends when the machine needs the answer, or earlier.
   */
  readonly #open = new Map<
    number,
    { readonly answer: Answer | undefined; readonly approval: Approval | undefined; readonly text: () => string }
  >();
  /** Number of calls so far for which the log or an edit has an answer. */
  answered = 0;
  /** Why the program could not continue with the recorded and replaced answers. Undefined if it could. */
  stop: WhatIfStop | undefined;
  /**
   * The call that the policy is deciding about. If it ends while it is still here, before its `CapCall` is appended, the policy refused it.
   */
  #callBeingDecided: CallStart | undefined;

  /**
   * `edits` are the answers that replace recorded ones, by the number of their call in the log. `calls` yields the recorded calls that the
   * program must make; `first` is the number of the first one in the log.
   */
  constructor(log: ReplayedLog, program: Program, edits: ReadonlyMap<number, Answer>, calls: Iterator<LoggedCall, unknown>, first = 1) {
    this.#position = first - 1;
    this.#log = log;
    this.#program = program;
    this.#registry = program.registry;
    this.#edits = edits;
    this.#calls = calls;
    const served = this.#registry.all.filter((c) => c.internal !== true && !log.header.unserved.includes(c.name));
    const handler = machineHandler((_, { callNumber }) => this.#takeAnswer(callNumber));
    this.handlers = new Map(served.map((c) => [c.name, handler]));
    this.#advance();
  }

  /** The next call of the log that the program must make. */
  get next(): LoggedCall | undefined {
    return this.#next;
  }

  /** The number in the log of the next call; one more than the last if there is none. */
  get position(): number {
    return this.#position;
  }

  /** Adds a call that was open when the run's snapshot was taken. `call` is its number in the run. */
  reopen(call: number, recorded: LoggedCall): void {
    this.#open.set(call, { answer: this.answerTo(recorded), approval: recorded.approval, text: () => recorded.capability });
  }

  #advance(): void {
    const next = this.#calls.next();
    this.#position = next.done === true ? this.#position + 1 : next.value.call;
    this.#next = next.done === true ? undefined : next.value;
  }

  /** Returns the recorded decision about the call. Without a decision that the policy accepts, sets `stop` and returns undefined. */
  approval({ runId, call, hash, rule, keys }: ApprovalRequest): Decision | undefined {
    const { approval: decision, answer, text = () => "" } = this.#open.get(call) ?? {};
    if (decision !== undefined && decisionProblem(keys, { ...decision, runId, call, hash }, decision.signature) === undefined)
      return decision;
    // If the log has no answer either, the recorded run also waited here.
    this.stop =
      answer === undefined
        ? { reason: "no_answer", text: text() }
        : { reason: "refused", text: text(), rule, message: "the call would wait for an approval" };
    return undefined;
  }

  /** Observes the start of a call. */
  start(call: CallStart): void {
    this.#callBeingDecided = call;
  }

  /** Observes the end of a call. Sets `stop` if the policy refused it. */
  end({ outcome, rule, message = "" }: CallEnd): void {
    if (this.#callBeingDecided === undefined || (outcome !== "denied" && outcome !== "budget_exceeded")) return;
    const { capability, args } = this.#callBeingDecided;
    this.stop = { reason: "refused", text: this.#text({ type: "CapCall", capability, args }), rule, message };
  }

  append(event: RunEvent, call = 0): HostStop | undefined {
    const open = event.type === "CapError" ? this.#open.get(call) : undefined;
    if (open !== undefined && open.answer === undefined) return this.#stopWith({ reason: "no_answer", text: open.text() });
    if (event.type !== "CapCall") return undefined;
    this.#callBeingDecided = undefined;
    const recorded = this.#next;
    if (recorded === undefined) return this.#stopWith({ reason: "no_answer", text: this.#text(event) });
    const { capability, args } = recorded;
    const expected = loadEvent({ type: "CapCall", capability, args }, this.#log.blobs, recorded.event);
    const context = { types: this.#program.module.types, registry: this.#registry };
    const mismatch = compareEvents(recorded.event, expected, event, context);
    if (mismatch !== undefined) return this.#stopWith({ reason: "other_call", mismatch });
    const answer = this.answerTo(recorded);
    if (this.#edits.has(recorded.call)) this.#usedEdits.push(this.#editOf(recorded, event));
    this.#open.set(call, { answer, approval: recorded.approval, text: () => this.#text(event) });
    if (answer !== undefined) this.answered += 1;
    this.#advance();
    return undefined;
  }

  /** Returns the answer that the program gets to a call; undefined if the log has none. */
  answerTo(call: LoggedCall): Answer | undefined {
    return this.#edits.get(call.call) ?? this.#recordedAnswer(call);
  }

  /** Describes the replaced answer of a call that the program makes. */
  #editOf(logged: LoggedCall, event: RunEvent): EditedAnswer {
    const { call, capability } = logged;
    const text = (given: Answer | undefined): string => (given === undefined ? "(no answer)" : this.#answerText(capability, given));
    return { call, text: this.#text(event), recorded: text(this.#recordedAnswer(logged)), edited: text(this.#edits.get(call)), used: true };
  }

  #recordedAnswer({ call, answer }: LoggedCall): Answer | undefined {
    const { blobs } = this.#log;
    const named = <T>(load: () => T): T => namingMissing(`the answer of call ${call}`, load);
    if (answer === undefined) return undefined;
    if (answer.outcome === "ok") return { value: named(() => loadValue(answer.result, blobs)) };
    const message = named(() => loadText(answer.message, blobs));
    return { failure: { kind: isFailureKind(answer.kind) ? answer.kind : "runtime_error", message } };
  }

  #answerText(capability: string, answer: Answer): string {
    if ("value" in answer) return this.#text({ type: "CapResult", capability, result: answer.value });
    return this.#text({ type: "CapError", capability, ...answer.failure });
  }

  /** Returns the answer of an open call to its handler, or throws its failure. */
  #takeAnswer(call: number): Value {
    const open = this.#open.get(call);
    if (open === undefined) throw new BorunaError("internal", "a handler was asked before its call was logged");
    const { answer } = open;
    // The failure becomes the event `CapError`, at which `append` ends the replay.
    if (answer === undefined) throw new CapabilityFailure("the log has no answer for this call");
    this.#open.delete(call);
    if ("failure" in answer) throw new CapabilityFailure(answer.failure.message, answer.failure.kind);
    return answer.value;
  }

  #stopWith(stop: WhatIfStop): HostStop {
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
    const used = new Set(this.#usedEdits.map(({ call }) => call));
    const unused = [...this.#edits].filter(([call]) => !used.has(call));
    const rest = unused.map(([call, answer]) => ({
      call,
      text: "",
      recorded: "",
      edited: this.#answerText("", answer).trim(),
      used: false,
    }));
    return [...this.#usedEdits, ...rest].sort((a, b) => a.call - b.call);
  }

  close(): void {
    this.#calls.return?.();
  }
}

/** Reads an answer that replaces a recorded one. Throws `usage` if the data does not have the capability's result type. */
export function readAnswer(call: LoggedCall, data: JsonData, types: readonly TypeDef[], registry: CapabilityRegistry): Answer {
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
