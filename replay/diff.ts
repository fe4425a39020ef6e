/**
 * Compares two logs: headers, entries (calls with their answers, and other events), ends. It aligns the entries of both logs, so a call that
 * only one log has does not make all later calls differ. At most a window of entries of each log is in memory.
 */
import { sha256Hex } from "../gateway/digest.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";
import { type LogEntry, logEntries, recordedTypes } from "./entries.ts";
import { BlobRef } from "./log/blob-values.ts";
import { loadEnd, valuesOfEnd } from "./log/end-record.ts";
import { loadEvent, type RecordedEvent, valuesOfEvent } from "./log/event-json.ts";
import { eventTexts } from "./log/event-text.ts";
import { type LogHeader, headerToJson } from "./log/header.ts";
import { jsonObject } from "./log/json-fields.ts";
import { LOG_LIMITS } from "./log/log-limits.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import type { BlobReader } from "./log/memory-blobs.ts";
import { recordedRegistry } from "./replay.ts";
import { compareEnds, compareEvents, kindOf, type ComparisonContext, type Mismatch, type PathDifference } from "./report/divergence.ts";
import { endText, eventText, excerpt } from "./report/format-values.ts";

/** Where an entry is in its log. */
export interface EntryPosition {
  /** Number of the event. For the end record, the number of the last event plus 1. */
  readonly event: number;
  /** Number of the call; undefined for any other event. */
  readonly call: number | undefined;
}

/**
 * One difference between the logs `a` and `b`:
 * - `header`: a field of the header, with its path;
 * - `arguments`, `answer`, `content`: the same call or event with other arguments, another answer, other contents;
 * - `only_a`, `only_b`: a call or event that only one log has;
 * - `end`: how the runs ended.
 */
export interface LogDifference {
  readonly kind: "header" | "arguments" | "answer" | "content" | "only_a" | "only_b" | "end";
  /** Where the difference is in each log. Undefined for `header`, and in the log that does not have the entry. */
  readonly a: EntryPosition | undefined;
  readonly b: EntryPosition | undefined;
  /** Short texts of what is in each log. Undefined in the log that does not have it. */
  readonly aText: string | undefined;
  readonly bText: string | undefined;
  /** The first path at which the two differ, with both values: `expected` is the value in `a`, `actual` the value in `b`. */
  readonly difference: PathDifference | undefined;
  /** Number of events of a call or event that only one log has: the call, the decision about it and its answer. */
  readonly events?: number;
  /** If several arguments of a call differ: the differences of all but the first. */
  readonly moreDifferences?: readonly PathDifference[];
}

export interface DiffSummary {
  readonly same: boolean;
  readonly differences: number;
  /** Number of calls and other events that are equal in both logs. */
  readonly equal: number;
}

/**
 * Yields the differences from the first to the last, and returns a summary. Run ids are not compared. An event log
 * has no header and no end, so only its events are compared. A redacted value equals only itself. Throws `log.*` if a log file changed since
 * it was opened, or if a blob cannot be read.
 */
export function* diffLogs(a: ParsedLog, b: ParsedLog): Generator<LogDifference, DiffSummary> {
  const steps = diffSteps(a, b);
  let next = steps.next();
  for (; next.done !== true; next = steps.next()) if (next.value !== undefined) yield next.value;
  return next.value;
}

/** Like `diffLogs`, but also yields undefined after each entry, so that a caller can let other work run. */
export function* diffSteps(a: ParsedLog, b: ParsedLog): Generator<LogDifference | undefined, DiffSummary> {
  let differences = 0;
  function* counted(found: Iterable<LogDifference | undefined>): Generator<LogDifference | undefined, void> {
    for (const difference of found) {
      if (difference !== undefined) differences += 1;
      yield difference;
    }
  }
  if (a.format === "log" && b.format === "log") yield* counted(headerDifferences(a.header, b.header));
  const entries = new EntryDiff(a, b);
  yield* counted(entries.differences());
  yield* counted(entries.endDifferences());
  return { same: differences === 0, differences, equal: entries.equal };
}

/** Returns the header without the fields that are not compared: `run_id`, `redactable`, and the hashes of the policy and the module file. */
function comparedHeader(header: LogHeader): JsonData {
  const { name, moduleHash, sourceHash } = header.program;
  const program = jsonObject({ name, module_hash: moduleHash, source_hash: sourceHash });
  const fields = new Map(headerToJson(header)).set("program", program);
  for (const field of ["run_id", "policy_hash", "redactable"]) fields.delete(field);
  return fields;
}

function* headerDifferences(a: LogHeader, b: LogHeader): Generator<LogDifference, void> {
  const unvisited: { readonly path: string; readonly a: JsonData | undefined; readonly b: JsonData | undefined }[] = [
    { path: "", a: comparedHeader(a), b: comparedHeader(b) },
  ];
  for (let pair = unvisited.pop(); pair !== undefined; pair = unvisited.pop()) {
    const { path, a: left, b: right } = pair;
    if (left !== undefined && right !== undefined && isJsonObject(left) && isJsonObject(right)) {
      const names = [...new Set([...left.keys(), ...right.keys()])].sort(compareUtf8).reverse();
      for (const name of names) {
        const isPlain = /^\w+$/.test(name);
        const child = isPlain ? `${path === "" ? "" : `${path}.`}${name}` : `${path}[${JSON.stringify(name)}]`;
        unvisited.push({ path: child, a: left.get(name), b: right.get(name) });
      }
      continue;
    }
    const texts = { a: headerText(left), b: headerText(right) };
    if (left !== undefined && right !== undefined && canonicalJson(left) === canonicalJson(right)) continue;
    const difference = { path, parameter: undefined, expected: texts.a, actual: texts.b, agree: undefined };
    yield { kind: "header", a: undefined, b: undefined, aText: texts.a, bText: texts.b, difference };
  }
}

const headerText = (data: JsonData | undefined): string => (data === undefined ? "(nothing)" : excerpt(canonicalJson(data)));

/** Each log is searched this many entries ahead for the next entry that both logs have. */
const WINDOW = 256;
/** A window reads no further entry once its texts have this many UTF-16 code units. The first entry may be longer. */
const MAX_WINDOW_UNITS = 8 * 1024 * 1024;

/** An entry with its events and the texts that are compared. */
interface Item {
  readonly position: EntryPosition;
  /** For a call: the call, the decision about it and its answer, each undefined if it is not in the log. */
  readonly events: readonly (RecordedEvent | undefined)[];
  /** The capability, or the type of the event. Two entries with equal names may be paired, and then their contents are compared. */
  readonly name: string;
  /** The capability with the arguments, or the complete event. Two entries with equal keys are aligned. */
  readonly key: string;
  /** For a call: the decision about it and its answer. Empty for another event. */
  readonly answerText: string;
}

/** Returns the position of `events[i]`. If the log lacks that event, returns the position that it would have. */
function positionOf({ position, events }: Item, i: number): EntryPosition {
  return { ...position, event: position.event + events.slice(0, i).filter((event) => event !== undefined).length };
}

/** One of the two logs. */
interface Side {
  readonly log: ParsedLog;
  readonly blobs: ComparedBlobs;
  /** Whether equal values have different blobs, because each blob has a salt. */
  readonly isSealed: boolean;
}

function sideOf(log: ParsedLog, other: ParsedLog): Side {
  return { log, blobs: new ComparedBlobs(log.blobs, other.blobs), isSealed: log.format === "log" && log.header.redactable };
}

/**
 * Reads the values of one log. A value that is missing, because it is redacted or lost, is read from the other log if that has its hash.
 * Otherwise, a text that says so replaces it. A value may be equal to that text, so `missingIn` says which values are missing.
 */
class ComparedBlobs implements BlobReader {
  readonly #sources: readonly BlobReader[];
  /** The SHA-256 of each value that was missing in both logs. */
  readonly #missing = new Set<string>();

  constructor(own: BlobReader, other: BlobReader) {
    this.#sources = [own, other];
  }

  read(name: Parameters<BlobReader["read"]>[0]): Uint8Array {
    for (const source of this.#sources) {
      try {
        return source.read(name);
      } catch (error) {
        if (!(error instanceof BorunaError) || error.kind !== "log.blob_missing") throw error;
      }
    }
    this.#missing.add(name.sha256);
    return new TextEncoder().encode(`{"String":"(redacted or lost, sha256 ${name.sha256})"}`);
  }

  /** Returns the positions and hashes of the missing ones of these values, which must have been read. */
  missingIn(values: readonly unknown[]): string {
    return values
      .flatMap((value, i) => (value instanceof BlobRef && this.#missing.has(value.sha256) ? [`${i} ${value.sha256}`] : []))
      .join();
  }

  findUnknown(): undefined {
    return undefined;
  }
}

class EntryDiff {
  readonly #a: Side;
  readonly #b: Side;
  readonly #context: ComparisonContext;
  readonly #textOf = eventTexts(Number.POSITIVE_INFINITY);
  /** Returns the text of an event as a log that is not redactable has it. The event must contain all its values. */
  readonly #unsealedTextOf = eventTexts(LOG_LIMITS.inlineBytes, (text, bytes) => new BlobRef(sha256Hex(text), bytes));
  equal = 0;

  constructor(a: ParsedLog, b: ParsedLog) {
    this.#a = sideOf(a, b);
    this.#b = sideOf(b, a);
    this.#context = { types: recordedTypes(a), registry: recordedRegistry(a) };
  }

  /**
   * Yields the differences. Where a caller may pause, yields undefined: after each pair of equal entries, and after each gap with the
   * aligned pair that ends it.
   */
  *differences(): Generator<LogDifference | undefined, void> {
    const a = new Window(this.#items(this.#a));
    const b = new Window(this.#items(this.#b));
    try {
      while (a.fill(1) + b.fill(1) > 0) {
        const [itemA] = a.items;
        const [itemB] = b.items;
        if (itemA?.key !== undefined && itemA.key === itemB?.key && itemA.answerText === itemB.answerText) {
          this.equal += 1;
          a.drop(1);
          b.drop(1);
        } else {
          const [i, j] = nextCommon(a, b);
          yield* this.#gap(a.drop(i), b.drop(j));
          const [commonA] = a.drop(1);
          const [commonB] = b.drop(1);
          if (commonA !== undefined && commonB !== undefined) yield* this.#pairDifferences(commonA, commonB);
        }
        yield undefined;
      }
    } finally {
      a.close();
      b.close();
    }
  }

  *#items(side: Side): Generator<Item, void> {
    for (const entry of logEntries(side.log)) yield this.#itemOf(entry, side);
  }

  /** Returns a text that is equal for equal events. */
  #keyOf(event: RecordedEvent, { blobs, isSealed }: Side): string {
    if (!isSealed) return this.#textOf(event);
    const text = this.#unsealedTextOf(loadEvent(event, blobs));
    return text + blobs.missingIn(valuesOfEvent(event));
  }

  #itemOf(entry: LogEntry, side: Side): Item {
    if (entry.type === "event") {
      const { content, event } = entry;
      return {
        position: { event, call: undefined },
        events: [content],
        name: content.type,
        key: this.#keyOf(content, side),
        answerText: "",
      };
    }
    const { call, event, capability, args, approval, answer } = entry;
    const callEvent: RecordedEvent = { type: "CapCall", capability, args };
    const answerEvent: RecordedEvent | undefined =
      answer === undefined
        ? undefined
        : answer.outcome === "ok"
          ? { type: "CapResult", capability, result: answer.result }
          : { type: "CapError", capability, kind: answer.kind, message: answer.message };
    return {
      position: { event, call },
      events: [callEvent, approval, answerEvent],
      name: `call of ${capability}`,
      key: this.#keyOf(callEvent, side),
      answerText: [approval, answerEvent].map((part) => (part === undefined ? "" : this.#keyOf(part, side))).join("\n"),
    };
  }

  /** Compares the entries of a gap: those before the next aligned pair. Pairs entries with the same name, in order. */
  *#gap(a: readonly Item[], b: readonly Item[]): Generator<LogDifference, void> {
    let j = 0;
    for (const item of a) {
      const at = b.findIndex((other, index) => index >= j && other.name === item.name);
      if (at === -1) yield this.#onlyInOne("only_a", item);
      else {
        for (const skipped of b.slice(j, at)) yield this.#onlyInOne("only_b", skipped);
        const paired = b[at];
        if (paired !== undefined) yield* this.#pairDifferences(item, paired);
        j = at + 1;
      }
    }
    for (const rest of b.slice(j)) yield this.#onlyInOne("only_b", rest);
  }

  #onlyInOne(kind: "only_a" | "only_b", item: Item): LogDifference {
    const [text, approval, answer] = this.#texts(item, kind === "only_a" ? this.#a : this.#b);
    const decision = approval === undefined ? "" : ` (${approval})`;
    const fullText =
      answer === undefined ? `${text ?? ""}${decision}` : `${text ?? ""}${decision} ${answer.slice(answer.indexOf(" ") + 1)}`;
    const isA = kind === "only_a";
    const position = { a: isA ? item.position : undefined, b: isA ? undefined : item.position };
    const events = item.events.filter((event) => event !== undefined).length;
    return { kind, ...position, aText: isA ? fullText : undefined, bText: isA ? undefined : fullText, difference: undefined, events };
  }

  #texts(item: Item, { blobs }: Side): readonly (string | undefined)[] {
    return item.events.map((event) => (event === undefined ? undefined : eventText(loadEvent(event, blobs), this.#context.types)));
  }

  *#pairDifferences(a: Item, b: Item): Generator<LogDifference, void> {
    let isEqual = true;
    for (let i = 0; i < Math.max(a.events.length, b.events.length); i++) {
      const found = this.#eventDifference(a, b, i);
      if (found === undefined) continue;
      isEqual = false;
      yield found;
    }
    if (isEqual) this.equal += 1;
  }

  #eventDifference(a: Item, b: Item, i: number): LogDifference | undefined {
    const [eventA, eventB] = [a.events[i], b.events[i]];
    if (eventA === undefined && eventB === undefined) return undefined;
    if (eventA !== undefined && eventB !== undefined && this.#textOf(eventA) === this.#textOf(eventB)) return undefined;
    const left = eventA === undefined ? undefined : loadEvent(eventA, this.#a.blobs);
    const right = eventB === undefined ? undefined : loadEvent(eventB, this.#b.blobs);
    const positions = { a: positionOf(a, i), b: positionOf(b, i) };
    if (left === undefined || right === undefined) {
      const nothing = (left ?? right)?.type === "Approval" ? "(no decision)" : "(no answer)";
      const text = (event: RunEvent | undefined): string => (event === undefined ? nothing : eventText(event, this.#context.types));
      return { kind: "answer", ...positions, aText: text(left), bText: text(right), difference: undefined };
    }
    const mismatch = compareEvents(positions.a.event, left, right, this.#context);
    if (mismatch === undefined) {
      if (eventA === undefined || eventB === undefined || this.#missesSame(valuesOfEvent(eventA), valuesOfEvent(eventB))) return undefined;
      const { types } = this.#context;
      return { kind: kindOf(left), ...positions, aText: eventText(left, types), bText: eventText(right, types), difference: undefined };
    }
    const kind = mismatch.kind === "arguments" || mismatch.kind === "answer" ? mismatch.kind : "content";
    return { kind, ...positions, ...textsOf(mismatch) };
  }

  #missesSame(a: readonly unknown[], b: readonly unknown[]): boolean {
    return this.#a.blobs.missingIn(a) === this.#b.blobs.missingIn(b);
  }

  /** Compares how the runs ended. Yields at most one difference. */
  *endDifferences(): Generator<LogDifference, void> {
    const [a, b] = [this.#a.log, this.#b.log];
    if (a.format !== "log" || b.format !== "log") return;
    const endA = a.end === undefined ? undefined : loadEnd(a.end, this.#a.blobs);
    const endB = b.end === undefined ? undefined : loadEnd(b.end, this.#b.blobs);
    const positions = { a: { event: a.eventCount + 1, call: undefined }, b: { event: b.eventCount + 1, call: undefined } };
    if (endA === undefined && endB === undefined) return;
    if (endA === undefined || endB === undefined) {
      const text = (end: typeof endA): string => (end === undefined ? "(no end record)" : endText(end, this.#context.types));
      yield { kind: "end", ...positions, aText: text(endA), bText: text(endB), difference: undefined };
      return;
    }
    const sameProgram = a.header.program.moduleHash === b.header.program.moduleHash;
    const mismatch = compareEnds(positions.a.event, endA, endB, { ...this.#context, sameProgram });
    if (mismatch === undefined) {
      if (a.end === undefined || b.end === undefined || this.#missesSame(valuesOfEnd(a.end), valuesOfEnd(b.end))) return;
      const { types } = this.#context;
      yield { kind: "end", ...positions, aText: endText(endA, types), bText: endText(endB, types), difference: undefined };
      return;
    }
    const { expected, actual, kind } = mismatch;
    const isNumber = ["steps", "alloc_bytes", "counters"].includes(kind);
    const noun = kind === "counters" ? mismatch.message.replace(/^the (counter \w+).*/, "$1") : kind;
    const texts = isNumber ? { ...mismatch, expected: `${noun} ${expected}`, actual: `${noun} ${actual}` } : mismatch;
    yield { kind: "end", ...positions, ...textsOf(texts) };
  }
}

function textsOf({
  expected,
  actual,
  difference,
  moreDifferences = [],
}: Mismatch): Pick<LogDifference, "aText" | "bText" | "difference" | "moreDifferences"> {
  return { aText: expected, bText: actual, difference, moreDifferences };
}

/**
 * Returns how many entries of each window come before the first entry that both windows have. Without such an entry, returns the lengths of
 * the windows. All their entries then form one gap, so that no entry is searched twice.
 */
function nextCommon(a: Window, b: Window): readonly [number, number] {
  a.fill(WINDOW);
  b.fill(WINDOW);
  const firstInA = new Map<string, number>();
  for (const [i, { key }] of a.items.entries()) if (!firstInA.has(key)) firstInA.set(key, i);
  let best: readonly [number, number] = [a.items.length, b.items.length];
  let isFound = false;
  for (const [j, { key }] of b.items.entries()) {
    const i = firstInA.get(key);
    if (i === undefined || (isFound && i + j >= best[0] + best[1])) continue;
    best = [i, j];
    isFound = true;
  }
  return best;
}

const unitsOf = ({ key, answerText }: Item): number => key.length + answerText.length;

/** The entries of one log that were read but not yet compared. */
class Window {
  readonly #source: Iterator<Item, void>;
  items: Item[] = [];
  #units = 0;

  constructor(source: Iterator<Item, void>) {
    this.#source = source;
  }

  /** Reads ahead until the window has `count` entries or the log ends. Returns the number of entries. */
  fill(count: number): number {
    while (this.items.length < count && (this.items.length === 0 || this.#units < MAX_WINDOW_UNITS)) {
      const next = this.#source.next();
      if (next.done === true) break;
      this.items.push(next.value);
      this.#units += unitsOf(next.value);
    }
    return this.items.length;
  }

  drop(count: number): readonly Item[] {
    const dropped = this.items.splice(0, count);
    for (const item of dropped) this.#units -= unitsOf(item);
    return dropped;
  }

  close(): void {
    this.#source.return?.();
  }
}
