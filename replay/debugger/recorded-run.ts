/**
 * A recorded run that can be paused at any step, saved and restored. The program runs behind the same gateway as any run, but recorded
 * answers replace the handlers. So nothing reaches the outside world, and the log is only read.
 */
import type { GatewayState } from "../../gateway/call.ts";
import { Gateway } from "../../gateway/gateway.ts";
import { RunObservers } from "../../gateway/observers.ts";
import { OutputMeter } from "../../gateway/output-meter.ts";
import { RunClock } from "../../gateway/run-clock.ts";
import { type EventCounts, RunEvents } from "../../gateway/run-events.ts";
import { bindArguments } from "../../gateway/run.ts";
import type { Policy } from "../../policy/policy.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, HostStop, OpenCall } from "../../vm/host.ts";
import type { Limits } from "../../vm/limits.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { type ImmediateHost, PausableRun, prepare } from "../../vm/scheduler/pausable.ts";
import type { SavedCall } from "../../vm/snapshot/state-writer.ts";
import type { LoggedCall } from "../entries.ts";
import { loadValue } from "../log/blob-values.ts";
import { isInterruption, loadEnd, type RunEnd } from "../log/end-record.ts";
import type { RunLog } from "../log/log-reader.ts";
import type { LogSource } from "../log/log-source.ts";
import { type Answer, RecordedCalls, type WhatIfStop } from "../recorded-calls.ts";
import { recordedPolicy, recordedProgram } from "../replay.ts";
import { replayBounds, type ReplayLimits } from "../replay-limits.ts";
import { CallPages } from "./call-pages.ts";

/** A log with everything that its run needs. */
export interface Recording {
  readonly log: RunLog;
  readonly program: Program;
  readonly policy: Policy;
  readonly limits: Limits;
  readonly pages: CallPages;
  /** The end record; undefined if the log has none. */
  readonly end: RunEnd | undefined;
}

/** Answers that replace recorded ones, by the number of their call in the log. */
export type Edits = ReadonlyMap<number, Answer>;

/**
 * Reads a log. Throws `log.*` and `module.*` if it cannot be trusted, `log.replay_limit` if its run used more than `limits` allow, and
 * `usage` for an event log.
 */
export async function openRecording(source: LogSource, limits: ReplayLimits = {}): Promise<Recording> {
  const pages = new CallPages(source);
  const { log } = pages;
  const program = recordedProgram(log);
  await prepare(program);
  const end = log.end === undefined ? undefined : loadEnd(log.end, log.blobs);
  // Only to throw if the recorded run used more than the caller allows. The limits below leave out `end`, because with edits a run may use more.
  replayBounds(log.header.limits, end, limits);
  return { log, program, policy: recordedPolicy(log), limits: replayBounds(log.header.limits, undefined, limits).limits, pages, end };
}

/** The step at which something outside of the program ended the recorded run; undefined if nothing did. */
export function interruptedAt({ end }: Recording): number | undefined {
  return end !== undefined && isInterruption(end) ? end.steps : undefined;
}

/** The part of a run's state that is outside of the machine. */
interface HostState {
  readonly gateway: GatewayState;
  readonly events: EventCounts;
  readonly outputBytes: number;
  /** The number of the next call in the log. */
  readonly nextCall: number;
  /** The open calls, oldest first. */
  readonly open: readonly OpenNumbers[];
}

/** The two numbers of an open call: `number` among all calls of the run, including spawns and sends, and `loggedNumber` in the log. */
interface OpenNumbers {
  readonly number: number;
  readonly loggedNumber: number;
}

export interface Snapshot {
  readonly step: number;
  readonly machine: Uint8Array;
  readonly host: HostState;
  /** The estimated memory of the snapshot, in bytes. */
  readonly bytes: number;
}

/** Estimated memory of a `HostState`, plus that of each open call in it. */
const HOST_STATE_BYTES = 1_024;
const OPEN_CALL_BYTES = 64;

export class RecordedRun {
  readonly machine: PausableRun;
  readonly #host: RecordedHost;

  private constructor(host: RecordedHost, machine: PausableRun) {
    this.#host = host;
    this.machine = machine;
  }

  /** Pauses before the first instruction. Throws `usage` and `value.*` if the recorded arguments do not fit the program. */
  static start(recording: Recording, edits: Edits): RecordedRun {
    const { program, limits, log } = recording;
    const host = new RecordedHost(recording, edits);
    return new RecordedRun(host, PausableRun.start(program, host, { limits, args: bindArguments(program, log.header.args) }));
  }

  static restore(recording: Recording, edits: Edits, { machine, host: state }: Snapshot): RecordedRun {
    const host = new RecordedHost(recording, edits, state);
    const run = PausableRun.restore(recording.program, host, machine, (held) => host.reopenNext(held));
    host.isRestored = true;
    return new RecordedRun(host, run);
  }

  /** The first recorded call that the program has not made yet. */
  get nextCall(): LoggedCall | undefined {
    return this.#host.calls.next;
  }
  /** Number of events so far. */
  get events(): number {
    return this.#host.events.count;
  }
  /** Why the run could not continue with the recorded and replaced answers. Undefined if it could. */
  get stop(): WhatIfStop | undefined {
    return this.#host.calls.stop;
  }

  /** Returns the answer that the program gets to a call. */
  answerTo(call: LoggedCall): Answer | undefined {
    return this.#host.calls.answerTo(call);
  }

  /** Saves the state of the run. Throws `state.too_large`. */
  snapshot(): Snapshot {
    const machine = this.machine.state();
    const host = this.#host.state();
    const bytes = machine.length + HOST_STATE_BYTES + OPEN_CALL_BYTES * host.open.length;
    return { step: this.machine.step, machine, host, bytes };
  }
}

/** The machine's host: the gateway with the recorded answers. */
class RecordedHost implements ImmediateHost {
  readonly calls: RecordedCalls;
  readonly events: RunEvents;
  /** Whether the open calls of the snapshot have been reopened. Until then, `callStart` is ignored, because these calls are not new. */
  isRestored: boolean;
  readonly #recording: Recording;
  readonly #gateway: Gateway;
  readonly #output: OutputMeter;
  /** The open calls, oldest first. */
  #open: readonly OpenNumbers[] = [];
  /** Number of open calls that have been reopened. */
  #reopened = 0;

  constructor(recording: Recording, edits: Edits, state?: HostState) {
    const { log, program, policy, limits, pages } = recording;
    this.#recording = recording;
    const first = state?.nextCall ?? 1;
    this.calls = new RecordedCalls(log, program, edits, pages.from(first), first);
    const { calls } = this;
    this.isRestored = state === undefined;
    const observers = new RunObservers({
      callStart: (call) => (this.isRestored ? calls.start(call) : undefined),
      callEnd: (call) => calls.end(call),
    });
    this.events = new RunEvents(limits.max_log_bytes, calls, observers);
    this.#output = new OutputMeter(limits.max_output_bytes);
    this.#gateway = new Gateway({
      policy,
      audited: undefined,
      handlers: calls.handlers,
      mode: "replay",
      runId: () => log.header.runId,
      types: program.module.types,
      tracing: undefined,
      clock: new RunClock(0),
      observers,
      events: this.events,
      prefix: undefined,
      logged: undefined,
      durable: undefined,
      approve: (request) => calls.approval(request),
      maxParallelCalls: 1,
    });
    if (state === undefined) return;
    this.#gateway.restore(state.gateway);
    this.events.restore(state.events);
    this.#output.bytes = state.outputBytes;
    this.#open = state.open;
  }

  state(): HostState {
    return {
      gateway: this.#gateway.state(),
      events: this.events.state(),
      outputBytes: this.#output.bytes,
      nextCall: this.calls.position,
      open: this.#open,
    };
  }

  call(request: CapabilityRequest): CapabilityAnswer {
    return immediate(this.#gateway.call(request));
  }

  open(request: CapabilityRequest): CapabilityAnswer | OpenCall {
    const loggedNumber = this.calls.position;
    const opened = this.#gateway.open(request);
    if ("ok" in opened) return opened;
    this.#open = [...this.#open, { number: this.#gateway.counters().total, loggedNumber }];
    return this.#tracked(opened);
  }

  /** Reopens the next open call of the snapshot. */
  reopenNext({ task, step }: SavedCall): OpenCall {
    const { pages, program, log } = this.#recording;
    const entry = this.#open[this.#reopened++];
    const recorded = entry === undefined ? undefined : pages.call(entry.loggedNumber);
    const capability = program.registry.byName.get(recorded?.capability ?? "");
    if (entry === undefined || recorded === undefined || capability === undefined)
      throw new BorunaError("internal", "an open call that the log does not have");
    this.calls.reopen(entry.number, recorded);
    const args = recorded.args.map((arg) => loadValue(arg, log.blobs));
    const place = { function: "?", pc: 0 };
    const request = { capability, args, declared: true, caught: false, actorId: task, step, span: undefined, place: () => place };
    return this.#tracked(this.#gateway.reopen(request, entry.number));
  }

  /** Returns a call that leaves `#open` when it is answered. Answers are taken in the order of the calls, so it is the oldest then. */
  #tracked(call: OpenCall): OpenCall {
    return {
      answer: () => {
        const answer = call.answer();
        this.#open = this.#open.slice(1);
        return answer;
      },
    };
  }

  event(event: RunEvent): HostStop | undefined {
    const overLimit = event.type === "UiEmit" ? this.#output.emit(event) : undefined;
    return overLimit ?? this.events.append(event);
  }

  debug(text: string): HostStop | undefined {
    return this.#output.print(text);
  }

  interrupted(): undefined {
    return undefined;
  }
}

function immediate(answer: CapabilityAnswer | Promise<CapabilityAnswer>): CapabilityAnswer {
  if (answer instanceof Promise) throw new BorunaError("internal", "a recorded answer came later");
  return answer;
}
