/** Answers queries for the events of a log. A row has neither the values of its event nor its place in the source: other queries return these. */
import { locateEvent, signatureOf } from "../replay/entries.ts";
import { BlobRef, readPresent, type ValueOrBlob } from "../replay/log/blob-values.ts";
import type { BlobReader } from "../replay/log/memory-blobs.ts";
import type { RecordedEvent } from "../replay/log/event-json.ts";
import type { RunLog } from "../replay/log/log-reader.ts";
import { recordedRegistry } from "../replay/replay.ts";
import type { ReplayLimits } from "../replay/replay-limits.ts";
import { recordedBudget } from "../replay/report/log-table.ts";
import type { SourceLocation, TypeDef } from "../vm/bytecode/module.ts";
import { BorunaError } from "../vm/error.ts";
import { eventFields, isRunEventType, isValueList } from "../vm/events.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { typedText } from "../vm/value/display.ts";
import type { EventDetail, EventPlace, EventRow, EventsAnswer, EventsQuery, EventValues, SourceAnswer, ValueText } from "./api.ts";
import { spansOfCall } from "./call-links.ts";
import type { Run } from "./catalogue.ts";
import type { IndexedEvent, LogIndex } from "./log-index.ts";
import { pageOfAll, rangeOf } from "./paging.ts";
import { recordedProgramOf } from "./recorded-program.ts";
import { valueText } from "./stored-span.ts";
import { shellWord } from "./waiting.ts";

/** A value with more bytes of JSON than this is not loaded. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Maximum UTF-16 code units of the text of a value, and of a name. */
const MAX_TEXT_CHARS = 64 * 1024;
const MAX_NAME_CHARS = 256;
const MAX_STACK_FRAMES = 100;
/** Limits on a replay for the viewer. `max_alloc_bytes` has its default. */
export const REPLAY_LIMITS: ReplayLimits = { max_steps: 1_000_000_000, max_wall_ms: 60_000 };

export function listEvents(index: LogIndex, query: EventsQuery): EventsAnswer {
  const { type } = query;
  if (type !== undefined && !isRunEventType(type)) return { events: [], total: 0 };
  const { numbers, total } = wantedNumbers(index, query);
  const budgetOf = budgetReader(index);
  return { events: index.readEvents(numbers).map((event) => eventRow(index, event, budgetOf)), total };
}

/** Returns the numbers of the events on a page, and how many events meet the conditions. */
function wantedNumbers(index: LogIndex, query: EventsQuery): { readonly numbers: readonly number[]; readonly total: number } {
  const { eventCount } = index.summary;
  if (query.type !== undefined || query.capability !== undefined) {
    const { page, total } = pageOfAll(index.matching(query), query);
    return { numbers: page, total };
  }
  const { start, end } = rangeOf(query);
  const length = Math.max(0, Math.min(end, eventCount) - start);
  return { numbers: Array.from({ length }, (_, i) => start + i + 1), total: eventCount };
}

/** Returns a function that returns the recorded budget of a capability. It reads each budget from the log only once. */
function budgetReader(index: LogIndex): (capability: string) => number | undefined {
  const log = index.toRunLog();
  const cache = new Map<string, number | undefined>();
  return (capability) => {
    if (!cache.has(capability) && log !== undefined) cache.set(capability, recordedBudget(log, capability));
    return cache.get(capability);
  };
}

function eventRow(index: LogIndex, { n, event }: IndexedEvent, budgetOf: (capability: string) => number | undefined): EventRow {
  const isAnswer = event.type === "CapResult" || event.type === "CapError";
  const call = event.type === "Approval" ? event.call : index.callOfEvent(n);
  const budget = event.type === "CapCall" ? budgetOf(event.capability) : undefined;
  return {
    n,
    type: event.type,
    text: eventSentence(event),
    capability: event.type === "CapCall" || isAnswer ? short(event.capability) : undefined,
    call,
    partner:
      call === undefined
        ? undefined
        : isAnswer
          ? index.eventOfCall(call)
          : event.type === "CapCall"
            ? index.eventOfAnswer(call)
            : undefined,
    budgetLeft: budget === undefined || call === undefined ? undefined : Math.max(0, budget - index.ordinalInCapability(call)),
    failed: hasFailed(event),
  };
}

function hasFailed(event: RecordedEvent): boolean {
  if (event.type === "CapError") return true;
  if (event.type === "Approval") return event.decision === "denied";
  return (event.type === "ContractCheck" || event.type === "GuardCheck") && !event.passed;
}

/** Describes an event without its values. */
function eventSentence(event: RecordedEvent): string {
  switch (event.type) {
    case "CapCall":
      return short(event.capability);
    case "CapResult":
      return `${short(event.capability)} answered`;
    case "CapError":
      return `${short(event.capability)} failed (${short(event.kind)})`;
    case "Approval":
      return `call ${event.call} ${event.decision} by ${short(event.by)}`;
    case "ActorSpawn":
      return `actor ${event.actor_id} runs ${short(event.function)}`;
    case "MessageSend":
      return `message from actor ${event.from} to actor ${event.to}`;
    case "MessageReceive":
      return `actor ${event.actor_id} receives a message`;
    case "UiEmit":
      return "emits a tree";
    case "SchedulerTick":
      return `round ${event.round}, turn of actor ${event.active_actor}`;
    case "ContractCheck":
      return `${event.kind} ${event.index + 1} of ${short(event.function)} ${event.passed ? "holds" : "fails"}`;
    case "GuardCheck":
      return `guard in ${short(event.function)} ${event.passed ? "holds" : "fails"}`;
  }
}

const short = (text: string): string => (text.length <= MAX_NAME_CHARS ? text : `${text.slice(0, MAX_NAME_CHARS)}…`);

export function eventDetail(run: Run, index: LogIndex, n: number): EventDetail | undefined {
  const [event] = n < 1 || n > index.summary.eventCount ? [] : index.readEvents([n]);
  const log = index.toRunLog();
  if (event === undefined || log === undefined) return undefined;
  const row = eventRow(index, event, budgetReader(index));
  const contents: Readonly<Record<string, unknown>> = event.event;
  return {
    event: row,
    values: valuesOf(event.event, log).map(({ name, value }) => ({ name, bytes: jsonBytes(value) })),
    fields: eventFields(event.event.type).flatMap(([name, form]) =>
      ["value", "values", "long text"].includes(form) ? [] : [{ name, text: short(String(contents[name])) }],
    ),
    hash: event.hash,
    line: event.line,
    command: row.call === undefined ? undefined : `boruna log show ${shellWord(index.file)} --call ${row.call}`,
    spans: row.call === undefined ? [] : spansOfCall(run.executions, index, index.eventOfCall(row.call) ?? 0),
  };
}

type NamedValue = { readonly name: string; readonly value: ValueOrBlob };

/** Returns the values of an event, named by parameter or by field. */
function valuesOf(event: RecordedEvent, log: RunLog): readonly NamedValue[] {
  const contents: Readonly<Record<string, ValueOrBlob | readonly ValueOrBlob[]>> = event;
  return eventFields(event.type).flatMap(([name, form]): readonly NamedValue[] => {
    const field = contents[name];
    if (field === undefined || !["value", "values", "long text"].includes(form)) return [];
    if (!isValueList(field)) return [{ name, value: field }];
    const params = event.type === "CapCall" ? signatureOf(event, recordedRegistry(log))?.params : undefined;
    return field.map((value, i) => ({ name: params?.[i]?.name ?? `argument ${i + 1}`, value }));
  });
}

/**
 * Returns the values of event `n`. Event 0 has the arguments of `main`. The number after the last event has the value or error of the run.
 * Undefined if the log has no such event.
 */
export function eventValues(index: LogIndex, n: number): EventValues | undefined {
  const log = index.toRunLog();
  if (log === undefined) return undefined;
  const { eventCount, end } = index.summary;
  if (n === 0)
    return { values: [...log.header.args].map(([name, data]) => ({ name, value: valueText(canonicalJson(data), MAX_TEXT_CHARS) })) };
  if (n === eventCount + 1 && end !== undefined) {
    const { value, error } = end;
    const named = [
      value === undefined ? [] : [{ name: "value", value }],
      error === undefined ? [] : [{ name: "error", value: error.message }],
    ];
    return { values: textsOf(named.flat(), index, log.blobs) };
  }
  const [event] = n < 1 || n > eventCount ? [] : index.readEvents([n]);
  return event === undefined ? undefined : { values: textsOf(valuesOf(event.event, log), index, log.blobs) };
}

function textsOf(values: readonly NamedValue[], index: LogIndex, blobs: BlobReader): EventValues["values"] {
  const types = typesOf(index);
  return values.map(({ name, value }) => ({ name, value: textOfValue(value, blobs, types) }));
}

/** Returns the text of a value, or, in parentheses, why it is not shown. */
function textOfValue(value: ValueOrBlob, blobs: BlobReader, types: readonly TypeDef[]): ValueText {
  try {
    const loaded = readPresent(value, blobs, MAX_VALUE_BYTES);
    if (loaded instanceof BlobRef) {
      const why = loaded.bytes > MAX_VALUE_BYTES ? `${loaded.bytes} bytes` : "redacted or lost";
      return valueText(`(${why}, SHA-256 ${loaded.sha256})`);
    }
    return valueText(typeof loaded === "string" ? loaded : typedText(loaded, undefined, types), MAX_TEXT_CHARS);
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return valueText(`(${error.message})`);
  }
}

function jsonBytes(value: ValueOrBlob): number {
  if (value instanceof BlobRef) return value.bytes;
  return Buffer.byteLength(typeof value === "string" ? value : typedText(value, undefined, []));
}

/** Returns the types of the recorded program. Empty if the program cannot be read. */
function typesOf(index: LogIndex): readonly TypeDef[] {
  try {
    return recordedProgramOf(index).module.types;
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return [];
  }
}

/** Finds where in the program an event happened. Undefined if the log has no such event. */
export async function eventPlace(index: LogIndex, n: number, signal: AbortSignal): Promise<EventPlace | undefined> {
  const log = index.toRunLog();
  if (log === undefined || n < 1 || n > log.eventCount + 1) return undefined;
  const { stack, reason } = await locateEvent(log, n, { signal, limits: REPLAY_LIMITS });
  return { stack: stackJson(stack), problem: reason };
}

export function stackJson(stack: readonly SourceLocation[]): EventPlace["stack"] {
  return stack.slice(0, MAX_STACK_FRAMES).map(({ function: name, file, line, column }) => ({ function: short(name), file, line, column }));
}

/** Returns the text of a source file of the recorded program. Undefined if it is not in the log. */
export function sourceOf(index: LogIndex, file: string): SourceAnswer | undefined {
  const text = recordedProgramOf(index).module.debug?.files.find(({ name }) => name === file)?.text;
  return text === undefined ? undefined : { file, text };
}
