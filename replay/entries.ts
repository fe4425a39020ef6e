/**
 * Reads a log as a person does: each call together with its answer, and each other event by itself. Only one entry is in
 * memory at a time, because a log may be larger than memory. Long values stay references to their blobs.
 */
import { type CapabilityRegistry, signatureFor } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { CallPlace, SourceLocation, TypeDef } from "../vm/bytecode/module.ts";
import type { Approval } from "../gateway/approval.ts";
import type { Type } from "../vm/value/type.ts";
import { TASKS_FLAG } from "./log/behavior-flags.ts";
import { BlobRef, readPresent, type TextOrBlob, type ValueOrBlob } from "./log/blob-values.ts";
import { valuesOfEnd } from "./log/end-record.ts";
import type { LogEvent, RecordedEvent } from "./log/event-json.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import { recordedProgram, type ReplayOptions, replayRun, type ReplayReport } from "./replay.ts";
import type { RepeatedCall } from "./replayer.ts";

/** The recorded answer to a call. */
export type LoggedAnswer =
  | { readonly outcome: "ok"; readonly result: ValueOrBlob }
  | { readonly outcome: "failed"; readonly kind: string; readonly message: TextOrBlob };

export interface LoggedCall {
  readonly type: "call";
  /** Number of the call in the log, from 1. */
  readonly call: number;
  /** Number of the call's `CapCall` event. The events of the decision and of the answer come later in the log. */
  readonly event: number;
  readonly capability: string;
  readonly args: readonly ValueOrBlob[];
  /** A person's decision about the call. Undefined if the policy required no approval, or nobody has decided. */
  readonly approval: Approval | undefined;
  /** Undefined if the log has no answer, because the run waits or was stopped during the call. */
  readonly answer: LoggedAnswer | undefined;
}

/** Any other event: of an actor or a contract, or an emitted value. */
export interface LoggedEvent {
  readonly type: "event";
  readonly event: number;
  readonly content: Exclude<RecordedEvent, { readonly type: "CapCall" | "Approval" | "CapResult" | "CapError" }>;
}

export type LogEntry = LoggedCall | LoggedEvent;

/**
 * Yields the entries of a log in the order of their first events. While a call has no answer, holds back the entries after it. There are
 * few of them, because the recorded run soon had to wait for the same answer. Throws `log.changed` if the file changed since it
 * was first read.
 */
export function* logEntries(log: ParsedLog): Generator<LogEntry, void> {
  const overlaps = log.format === "log" && log.header.flags.includes(TASKS_FLAG);
  /** The earliest open call, and the entries held back after it. */
  let waiting: LogEntry[] = [];
  let calls = 0;
  for (const { n, event } of log.events) {
    const [first] = waiting;
    const open = first?.type === "call" ? first : undefined;
    if (event.type === "Approval") {
      if (open !== undefined) waiting[0] = { ...open, approval: event };
      continue;
    }
    if (event.type === "CapResult" || event.type === "CapError") {
      if (open !== undefined) waiting = yield* yieldClosed([{ ...open, answer: answerOf(event) }, ...waiting.slice(1)]);
      continue;
    }
    // In an event log, a call that failed has no answer.
    if (!overlaps && waiting.length > 0) {
      yield* waiting;
      waiting = [];
    }
    if (event.type === "CapCall") {
      calls += 1;
      waiting.push({
        type: "call",
        call: calls,
        event: n,
        capability: event.capability,
        args: event.args,
        approval: undefined,
        answer: undefined,
      });
    } else if (waiting.length > 0) waiting.push({ type: "event", event: n, content: event });
    else yield { type: "event", event: n, content: event };
  }
  yield* waiting;
}

/** Yields the first entry, a call that now has its answer, and the events before the next call. Returns the entries from that call on. */
function* yieldClosed(entries: LogEntry[]): Generator<LogEntry, LogEntry[]> {
  const next = entries.findIndex((entry, i) => i > 0 && entry.type === "call");
  const end = next < 0 ? entries.length : next;
  yield* entries.slice(0, end);
  return entries.slice(end);
}

/** Converts the event of an answer. */
export function answerOf(event: RecordedEvent & { readonly type: "CapResult" | "CapError" }): LoggedAnswer {
  if (event.type === "CapResult") return { outcome: "ok", result: event.result };
  return { outcome: "failed", kind: event.kind, message: event.message };
}

/** Returns the types of the recorded program, whose names appear in value texts. Empty if the module cannot be read. */
export function recordedTypes(log: ParsedLog): readonly TypeDef[] {
  try {
    return recordedProgram(log).module.types;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return [];
  }
}

/** Returns the names of a call's parameters and the type of its answer. Undefined if the registry has no such call. */
export function signatureOf(
  { capability, args }: Pick<LoggedCall, "capability" | "args">,
  registry: CapabilityRegistry,
): { readonly params: readonly { readonly name: string }[]; readonly result: Type } | undefined {
  const declared = registry.byName.get(capability);
  return declared === undefined ? undefined : signatureFor(declared, args.length);
}

/** An entry. A call has its place: where in the program it was made. */
export type LocatedEntry = (LoggedCall & { readonly place: CallPlace | undefined }) | LoggedEvent;

export type LocateOptions = Pick<ReplayOptions, "program" | "limits" | "signal" | "engine">;

/**
 * Yields the entries of a log, each call with its place. A log holds no places, so a replay that runs alongside finds them. If the log
 * cannot be replayed, its calls have no places. If the replay diverges, the later calls have none. `onUnlocated` receives the reason
 * in one sentence. Throws `log.changed`.
 */
export async function* locatedEntries(
  log: ParsedLog,
  options: LocateOptions & { readonly onUnlocated?: (reason: string) => void } = {},
): AsyncGenerator<LocatedEntry, void> {
  const { onUnlocated, ...replayOptions } = options;
  const places = new Places(withReadableEnd(log), replayOptions);
  try {
    for (const entry of logEntries(log)) {
      if (entry.type === "event") yield entry;
      else yield { ...entry, place: await places.placeOf(entry.event, onUnlocated) };
    }
  } finally {
    await places.close();
  }
}

/** Returns the log without its end record if a value in that record is redacted or lost. A replay would fail at it, and finds the places without it. */
function withReadableEnd(log: ParsedLog): ParsedLog {
  if (log.format !== "log" || log.end === undefined) return log;
  const isMissing = valuesOfEnd(log.end).some(
    (value) => value instanceof BlobRef && readPresent(value, log.blobs, Number.POSITIVE_INFINITY) instanceof BlobRef,
  );
  return isMissing ? { ...log, end: undefined } : log;
}

/** The replay pauses when it has found this many places that are not read yet. */
const MAX_AHEAD = 256;

/** Finds the places of a log's calls by a replay that runs at most `MAX_AHEAD` calls ahead of `placeOf`. */
class Places {
  readonly #foundCalls: RepeatedCall[] = [];
  readonly #abort = new AbortController();
  readonly #replay: Promise<void>;
  #unlocatedReason: string | undefined;
  #hasEnded = false;
  #wakeReader: (() => void) | undefined;
  #wakeReplay: (() => void) | undefined;

  constructor(log: ParsedLog, { signal, ...options }: LocateOptions) {
    const signals = signal === undefined ? [this.#abort.signal] : [this.#abort.signal, signal];
    const onCall = (call: RepeatedCall): Promise<void> | undefined => this.#receive(call);
    this.#replay = replayRun(log, { ...options, signal: AbortSignal.any(signals), tracing: false, onCall })
      .then(unlocatedReason, (error: unknown) => {
        if (!(error instanceof BorunaError) || ["internal", "log.changed"].includes(error.kind)) throw error;
        return error.message;
      })
      .then((reason) => void (this.#unlocatedReason = reason))
      .finally(() => {
        this.#hasEnded = true;
        this.#wakeReader?.();
      });
    // The error is thrown again by `placeOf` or `close`.
    this.#replay.catch(() => undefined);
  }

  /** Called by the replay for each call. Returns a promise if the replay is far ahead of the reader and must wait. */
  #receive(call: RepeatedCall): Promise<void> | undefined {
    this.#foundCalls.push(call);
    if (this.#foundCalls.length < MAX_AHEAD) return undefined;
    this.#wakeReader?.();
    return new Promise((resolve) => {
      this.#wakeReplay = resolve;
    });
  }

  async placeOf(event: number, onUnlocated: ((reason: string) => void) | undefined): Promise<CallPlace | undefined> {
    if (this.#foundCalls.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
        this.#wakeReplay?.();
      });
      this.#wakeReader = undefined;
    }
    if (this.#hasEnded) await this.#replay;
    const next = this.#foundCalls.shift();
    if (next !== undefined) return next.place;
    if (this.#unlocatedReason !== undefined) onUnlocated?.(`from event ${event} on, calls have no place: ${this.#unlocatedReason}`);
    this.#unlocatedReason = undefined;
    return undefined;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#wakeReplay?.();
    await this.#replay;
  }
}

function unlocatedReason({ divergence, status }: ReplayReport): string {
  return divergence === undefined ? `the replay ended as ${status}` : divergence.message;
}

export interface LocatedEvent {
  /** The call stack at which the event happened, innermost call first. Empty if unknown. */
  readonly stack: readonly SourceLocation[];
  /** Why the stack is unknown. */
  readonly reason: string | undefined;
}

/** Finds where in the program an event of the log happened, by replaying the log up to that event. */
export async function locateEvent(log: ParsedLog, event: number, options: LocateOptions = {}): Promise<LocatedEvent> {
  const before = { ...log, events: firstEvents(log, event - 1), eventCount: event - 1 };
  const cutLog: ParsedLog = before.format === "log" ? { ...before, end: undefined } : { ...before, events: [...before.events] };
  try {
    const { result, divergence } = await replayRun(cutLog, { ...options, tracing: false });
    // If the replay diverges at an earlier event, it does not reach this one.
    const isReached = divergence === undefined || divergence.event === event;
    return isReached ? { stack: result.error?.stack ?? [], reason: undefined } : { stack: [], reason: divergence.message };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return { stack: [], reason: error.message };
  }
}

function firstEvents(log: ParsedLog, count: number): Iterable<LogEvent> {
  return {
    *[Symbol.iterator]() {
      for (const event of log.events) {
        if (event.n > count) return;
        yield event;
      }
    },
  };
}
