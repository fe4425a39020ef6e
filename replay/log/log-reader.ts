/**
 * Reads logs. The file may be hostile, so the length of lines, the number of events and the nesting of JSON are limited. Every fault of the
 * file becomes a typed error with its line. If the file was cut, its complete records are read.
 *
 * A record is accepted if its hash continues the chain, its fields have the right form, its event number is the next one, and its bytes are
 * exactly what the recorder would write. The k-th answer of a log belongs to the k-th call. Unless calls may overlap, an answer directly
 * follows its call, or the decision about the call is between them.
 */
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson } from "../../vm/json/json.ts";
import { TASKS_FLAG } from "./behavior-flags.ts";
import type { BlobReader } from "./memory-blobs.ts";
import { afterEvent, CHAIN_START, EVENT_MEMBER, HASH_MEMBER, hashOfBytes, hashOfRecord, hashOfText } from "./hash-chain.ts";
import { endFromJson, endToJson, type RecordedEnd } from "./end-record.ts";
import { eventFromJson, type LogEvent, type RecordedEvent } from "./event-json.ts";
import { eventTexts } from "./event-text.ts";
import { ScalarRecords } from "./scalar-record.ts";
import { eventLogEvents } from "./event-log.ts";
import { type HeadSignature, memberText, SIGNATURE, signatureFromJson } from "./head-signature.ts";
import { countOf, digestOf, objectOf, onlyFields, type JsonObject } from "./json-fields.ts";
import { decodeUtf8 } from "./utf8-text.ts";
import { headerFromJson, type LogHeader } from "./header.ts";
import { KeptEvents, type LogPlace } from "./kept-events.ts";
import { LOG_LIMITS, RECORD_JSON_DEPTH, type LogLimits } from "./log-limits.ts";
import type { OpenMark } from "./open-mark.ts";
import { fileSource, type Line, LINE_FEED, linesOf, type LogSource, type OnRead } from "./log-source.ts";

/** A decoded line of a log. `bytes` is the number of bytes of the log up to and including this record. */
export type LogRecord = { readonly line: number; readonly hash: string; readonly bytes: number } & (
  | { readonly kind: "header"; readonly header: LogHeader }
  | ({ readonly kind: "event" } & LogEvent)
  | { readonly kind: "end"; readonly end: RecordedEnd; readonly signature: HeadSignature | undefined }
);

/** Describes the end of the file: whether its last record is complete. */
export interface LogTail {
  /** Total bytes of the complete records. */
  readonly validBytes: number;
  /** The incomplete record at the end of the file; undefined if the last record is complete. */
  readonly cut: { readonly line: number; readonly bytes: number } | undefined;
}

/** A call that has no answer in the log. */
export interface OpenCallRecord {
  /** Number of the call's event. */
  readonly n: number;
  readonly capability: string;
  /** Hash of the record of that event. */
  readonly hash: string;
  /** The decision about the call. Undefined if the log has none. */
  readonly decision: "approved" | "denied" | undefined;
  /** What the mark beside the log says about the call, see `open-mark.ts`. */
  readonly mark: OpenMark["kind"] | undefined;
}

/** A log that has been read once, from beginning to end. Only the first events are kept in memory, because a log may be larger than memory. */
export interface RunLog extends LogTail {
  readonly format: "log";
  readonly file: string;
  readonly header: LogHeader;
  /** Each iteration reads the events that are not in memory again. It throws `log.changed` if the file was changed there since it was first read. */
  readonly events: Iterable<LogEvent>;
  readonly eventCount: number;
  /** Undefined if the run is suspended or still goes on, if its process was killed, or if the file was cut. */
  readonly end: RecordedEnd | undefined;
  /** Hash of the last record, which covers all earlier records. */
  readonly head: string;
  /** The total bytes of all records except the end record, and the hash of the last of them. */
  readonly body: { readonly bytes: number; readonly head: string };
  /** The earliest call without an answer in the log. */
  readonly openCall: OpenCallRecord | undefined;
  /** How many calls of the log have an answer, and how many have none. */
  readonly calls: { readonly answered: number; readonly open: number };
  readonly blobs: BlobReader;
}

/** An event log. All of its events are in memory, because it is a single JSON object, which must be parsed at once. */
export interface EventLog {
  readonly format: "eventlog";
  readonly file: string;
  readonly events: readonly LogEvent[];
  readonly eventCount: number;
  readonly blobs: BlobReader;
}

export type ParsedLog = RunLog | EventLog;

/** Reads a log of either format. `onRead` is called during this reading, and during every later iteration of `events`. Throws `log.*` with file and line. */
export function readLog(path: string, limits: Partial<LogLimits> = {}, onRead?: OnRead): ParsedLog {
  const allLimits = { ...LOG_LIMITS, ...limits };
  return parseLog(fileSource(path, allLimits, onRead), allLimits);
}

export function parseLog(source: LogSource, limits: LogLimits = LOG_LIMITS): ParsedLog {
  if (isRunLog(source, limits)) {
    const kept = new KeptEvents();
    return parseRunLog(source, limits, (record) => kept.add(record), kept);
  }
  if (isCutHeader(source)) {
    throw new BorunaError("log.cut", `${source.name} is cut inside its first line, so that nothing says what ran`, {
      place: { file: source.name, line: 1 },
    });
  }
  const events = eventLogEvents(source, limits);
  return { format: "eventlog", file: source.name, events, eventCount: events.length, blobs: source.blobs };
}

/**
 * Reads a run log. Calls `visit` with each record as soon as it is accepted, before later records are read. Iterations of `events` begin with
 * the events in `kept`. Throws `log.*`.
 */
export function parseRunLog(
  source: LogSource,
  limits: LogLimits,
  visit: (record: LogRecord) => void = () => undefined,
  kept?: KeptEvents,
): RunLog {
  const records = logRecords(source, limits);
  const summary = new LogSummary();
  let next = records.next();
  while (next.done !== true) {
    visit(next.value);
    summary.add(next.value);
    next = records.next();
  }
  return summary.toLog(source, limits, next.value, kept);
}

/** Builds a `RunLog` from the records of a log. Add the records in order. */
export class LogSummary {
  header: LogHeader | undefined;
  end: RecordedEnd | undefined;
  eventCount = 0;
  /** The hash of the last record. */
  #head = CHAIN_START;
  /** The end of the log without its end record. */
  #body = { bytes: 0, head: CHAIN_START };
  readonly #openCalls = new OpenCallQueue<Omit<OpenCallRecord, "mark">>();
  /** Number of calls with an answer. */
  #answered = 0;

  add(record: LogRecord): void {
    this.#head = record.hash;
    if (record.kind === "end") this.end = record.end;
    else this.#body = { bytes: record.bytes, head: record.hash };
    if (record.kind === "header") this.header = record.header;
    if (record.kind !== "event") return;
    this.eventCount = record.n;
    const { n, hash, event } = record;
    if (event.type === "CapCall") this.#openCalls.push({ n, hash, capability: event.capability, decision: undefined });
    else if (event.type === "Approval") this.#openCalls.replaceFirst((call) => ({ ...call, decision: event.decision }));
    else if (event.type === "CapResult" || event.type === "CapError") {
      this.#openCalls.shift();
      this.#answered += 1;
    }
  }

  /** Returns the log with the records added so far, of which `kept` keeps the first ones. At least the header must have been added. */
  toLog(source: LogSource, limits: LogLimits, tail: LogTail, kept = new KeptEvents()): RunLog {
    const { header, end, eventCount } = this;
    const body = this.#body;
    if (header === undefined) throw new BorunaError("internal", "a log without header was read");
    const openCall = this.#openCalls.first;
    return {
      format: "log",
      file: source.name,
      header,
      events: { [Symbol.iterator]: () => eventsOf(source, limits, kept, eventCount, body.head) },
      eventCount,
      head: this.#head,
      body,
      openCall: openCall === undefined ? undefined : { ...openCall, mark: markOf(openCall.hash, body.head, source) },
      calls: { answered: this.#answered, open: this.#openCalls.size },
      blobs: source.blobs,
      end,
      ...tail,
    };
  }
}

/** Returns the kind of the mark, if it belongs to the open call (`open-mark.ts`). `head` is the hash of the last event's record. */
function markOf(openCallHash: string, head: string, source: LogSource): OpenMark["kind"] | undefined {
  const mark = source.openMark();
  return mark?.hash === (mark?.kind === "approved" ? openCallHash : head) ? mark?.kind : undefined;
}

/**
 * Yields the first `count` events: those that were kept, then the others, which it reads again. `lastHash` is the hash of event `count`, which
 * covers the earlier records. Throws `log.changed`.
 */
function* eventsOf(source: LogSource, limits: LogLimits, kept: KeptEvents, count: number, lastHash: string): Generator<LogEvent, void> {
  for (const event of kept.events) yield event;
  if (kept.events.length === count) return;
  // The first reading checked the bytes. Equal hashes mean equal bytes, so this reading only checks hashes.
  for (const record of logRecords(source, limits, { checksBytes: false, start: kept.end })) {
    if (record.kind !== "event") continue;
    const isLast = record.n === count;
    if (isLast && record.hash !== lastHash) break;
    yield { n: record.n, event: record.event };
    if (isLast) return;
  }
  throw new BorunaError("log.changed", `${source.name} was changed while it was replayed`, { place: { file: source.name } });
}

const HEADER_START = '{"args":{';

/** Whether the file ends inside a header. */
function isCutHeader(source: LogSource): boolean {
  let start = "";
  for (const chunk of source.chunks()) {
    if (start.length < HEADER_START.length) start += Buffer.from(chunk.subarray(0, HEADER_START.length)).toString("latin1");
    if (!start.startsWith(HEADER_START.slice(0, start.length)) && !start.startsWith(HEADER_START)) return false;
    if (chunk.includes(LINE_FEED)) return false;
  }
  return true;
}

/** Whether the first line is the header of a run log. Throws `log.empty`, `log.io_error`. */
export function isRunLog(source: LogSource, limits: LogLimits): boolean {
  try {
    for (const line of linesOf(source, limits.lineBytes)) {
      const data = parseJson(decodeUtf8(line.bytes, "the first line"), { maxDepth: RECORD_JSON_DEPTH });
      return isJsonObject(data) && data.has("boruna_log");
    }
  } catch (error) {
    const notALine =
      error instanceof BorunaError && (error.kind.startsWith("json.") || ["log.utf8", "log.line_too_long"].includes(error.kind));
    if (!notALine) throw error;
    return false;
  }
  throw new BorunaError("log.empty", `${source.name} is empty`, { place: { file: source.name } });
}

interface ReadingOptions {
  /** Whether the bytes must be exactly what the recorder would write. Default: true. */
  readonly checksBytes?: boolean;
  /** Where the reading begins. Default: the beginning of the log. */
  readonly start?: LogPlace | undefined;
}

/** Reads and checks each record. `bytes` of records and `validBytes` are counted from the start of the reading. Throws `log.*`. */
export function* logRecords(
  source: LogSource,
  limits: LogLimits = LOG_LIMITS,
  { checksBytes = true, start }: ReadingOptions = {},
): Generator<LogRecord, LogTail> {
  const reader = new RecordReader(limits.events, checksBytes, start);
  let validBytes = 0;
  for (const line of linesOf(source, limits.lineBytes, start)) {
    // The recorder writes a record together with its line feed. So a line without a line feed was cut off, even if it happens to be valid
    // JSON.
    if (!line.terminated && line.number > 1 && !reader.hasEnded) {
      return { validBytes, cut: { line: line.number, bytes: line.bytes.length } };
    }
    yield readAt(source.name, reader, line);
    validBytes = line.end;
  }
  return { validBytes, cut: undefined };
}

/** Reads a line of a file. Throws `log.*` errors with the line. */
function readAt(file: string, reader: RecordReader, line: Line): LogRecord {
  try {
    return reader.read(line);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const column = error.kind.startsWith("json.") ? error.place?.column : undefined;
    const kind = error.kind === "json.syntax" ? "log.syntax" : error.kind.startsWith("log.") ? error.kind : "log.form";
    throw new BorunaError(kind, error.message, { place: { file, line: line.number, column }, cause: error, hint: error.hint });
  }
}

/** Returns the text that the recorder would write for this record. */
function writtenText(logRecord: LogRecord, record: JsonObject, textOf: (event: RecordedEvent) => string): string {
  const hashed = `${HASH_MEMBER}${logRecord.hash}"`;
  switch (logRecord.kind) {
    case "header":
      return canonicalJson(record);
    case "event":
      return `${EVENT_MEMBER}${textOf(logRecord.event)}${hashed}${afterEvent(logRecord.n)}`;
    case "end":
      return `{"end":${canonicalJson(endToJson(logRecord.end))}${hashed}${logRecord.signature === undefined ? "" : memberText(logRecord.signature)}}`;
  }
}

const notAsWrittenError = (): BorunaError =>
  new BorunaError(
    "log.form",
    "the record is not written as boruna writes it: white space, the order of members, a number or an escape differs",
    { hint: "Keep logs byte for byte: an editor or a formatter may have rewritten this one." },
  );

/** The calls without an answer, oldest first. */
class OpenCallQueue<Call> {
  #calls: Call[] = [];
  /** How many calls at the start of `#calls` have an answer. They are removed from time to time, because that copies the others. */
  #answered = 0;

  get size(): number {
    return this.#calls.length - this.#answered;
  }
  get first(): Call | undefined {
    return this.#calls[this.#answered];
  }
  push(call: Call): void {
    this.#calls.push(call);
  }
  replaceFirst(change: (call: Call) => Call): void {
    const { first } = this;
    if (first !== undefined) this.#calls[this.#answered] = change(first);
  }
  shift(): void {
    this.#answered += 1;
    if (this.#answered < 64 || this.#answered * 2 < this.#calls.length) return;
    this.#calls = this.#calls.slice(this.#answered);
    this.#answered = 0;
  }
}

/** Decodes records one by one and checks each against the earlier records. */
export class RecordReader {
  hasEnded = false;
  readonly #textOf = eventTexts(Number.POSITIVE_INFINITY);
  readonly #scalarRecords = new ScalarRecords();
  readonly #maxEvents: number;
  /** Whether the bytes of each record must be exactly what the recorder would write. */
  readonly #checksBytes: boolean;
  #previousHash = CHAIN_START;
  #events = 0;
  /** The calls without an answer. */
  readonly #open = new OpenCallQueue<{ readonly capability: string; readonly isDecided: boolean }>();
  /** Whether calls may overlap, according to the header. If so, any event may be between a call and its answer. */
  #overlaps = false;

  /** Whether the reader starts inside the log. If so, it does not know the open calls and cannot check the order of events. */
  readonly #startsInside: boolean;

  /** `startPoint` is for a reader that starts inside the log: the hash of the record before the start, and the number of events up to it. */
  constructor(maxEvents: number, checksBytes: boolean, startPoint?: { readonly previous: string; readonly events: number }) {
    this.#maxEvents = maxEvents;
    this.#checksBytes = checksBytes;
    this.#startsInside = startPoint !== undefined;
    if (startPoint === undefined) return;
    this.#previousHash = startPoint.previous;
    this.#events = startPoint.events;
  }

  read(line: Line): LogRecord {
    return this.#readScalars(line) ?? this.#readAny(line);
  }

  /**
   * Reads the record of a call or answer with scalars directly from its bytes. Returns undefined for any other record and for a record with
   * a fault. `#readAny` then reads the record, or throws the error.
   */
  #readScalars({ number: line, bytes: record, end: bytes }: Line): LogRecord | undefined {
    const n = this.#events + 1;
    if (this.hasEnded || line === 1 || n > this.#maxEvents) return undefined;
    const event = this.#scalarRecords.read(record, n);
    if (event === undefined) return undefined;
    const { hashMemberOffset: hashMemberAt } = this.#scalarRecords;
    const hash = hashOfBytes(this.#previousHash, record, hashMemberAt, hashMemberAt + HASH_MEMBER.length + CHAIN_START.length + 1);
    if (!this.#scalarRecords.hasHash(hash)) return undefined;
    this.#previousHash = hash;
    this.#events = n;
    this.#checkOrder(n, event);
    return { kind: "event", n, event, line, hash, bytes };
  }

  #readAny(line: Line): LogRecord {
    const text = decodeUtf8(line.bytes, `line ${line.number}`);
    const data = parseJson(text, { maxDepth: RECORD_JSON_DEPTH });
    if (this.hasEnded) throw new BorunaError("log.trailing", "something follows the end record");
    const record = objectOf(data, "record");
    const hash = this.#checkHash(record, text);
    const logRecord = this.#decode(record, line, hash);
    if (this.#checksBytes && writtenText(logRecord, record, this.#textOf) !== text) throw notAsWrittenError();
    return logRecord;
  }

  #decode(record: JsonObject, { number: line, end: bytes }: Line, hash: string): LogRecord {
    if (line === 1) {
      const header = headerFromJson(record);
      this.#overlaps = header.flags.includes(TASKS_FLAG);
      return { kind: "header", header, line, hash, bytes };
    }
    if (record.has("end")) return { kind: "end", end: this.#end(record), signature: signatureFromJson(record), line, hash, bytes };
    const { n, event } = this.#event(record);
    return { kind: "event", n, event, line, hash, bytes };
  }

  /** Checks the hash against the bytes of the record. Does not check that the bytes are canonical JSON. */
  #checkHash(record: JsonObject, text: string): string {
    const hash = digestOf(record.get("hash"), "hash");
    const member = `${HASH_MEMBER}${hash}"`;
    const memberIndex = text.lastIndexOf(member);
    const signature = record.has("end") ? signatureFromJson(record) : undefined;
    // The signature follows the hash, which does not cover it. `writtenText` checks the signature's bytes.
    const after = signature === undefined ? text.slice(memberIndex + member.length) : "}";
    const actual = memberIndex === -1 ? undefined : hashOfText(this.#previousHash, text.slice(0, memberIndex) + after);
    if (hash !== actual) {
      const expected = hashOfRecord(this.#previousHash, record);
      if (hash === expected) throw notAsWrittenError();
      throw new BorunaError("log.hash", `the record's hash is ${hash}, the chain requires ${expected}`, {
        hint: "This record, or the order of the records, was changed after it was written.",
      });
    }
    this.#previousHash = hash;
    return hash;
  }

  #event(record: JsonObject): LogEvent {
    onlyFields(record, ["n", "event", "hash"], "record");
    const n = countOf(record.get("n"), "n");
    if (n !== this.#events + 1) throw new BorunaError("log.sequence", `expected event ${this.#events + 1}, found event ${n}`);
    if (n > this.#maxEvents) throw new BorunaError("log.too_large", `more than ${this.#maxEvents} events`);
    this.#events = n;
    const event = eventFromJson(record.get("event"));
    this.#checkOrder(n, event);
    return { n, event };
  }

  /** Throws `log.sequence` if the event may not follow the earlier ones. */
  #checkOrder(n: number, event: RecordedEvent): void {
    if (this.#startsInside) return;
    const { first } = this.#open;
    if (event.type === "Approval") {
      if (first === undefined || first.isDecided)
        throw new BorunaError("log.sequence", `event ${n} is a decision about no call, or a second one`);
      this.#open.replaceFirst((call) => ({ ...call, isDecided: true }));
      return;
    }
    const isAnswer = event.type === "CapResult" || event.type === "CapError";
    if (isAnswer && first === undefined) throw new BorunaError("log.sequence", `event ${n} answers no call`);
    if (isAnswer ? first?.capability !== event.capability : first !== undefined && !this.#overlaps)
      throw new BorunaError("log.sequence", `event ${n} is between a call of ${first?.capability ?? "?"} and its answer`);
    if (isAnswer) this.#open.shift();
    if (event.type === "CapCall") this.#open.push({ capability: event.capability, isDecided: false });
  }

  #end(record: JsonObject): RecordedEnd {
    onlyFields(record, ["end", "hash", SIGNATURE], "record");
    const end = endFromJson(record.get("end"));
    if (end.events !== this.#events)
      throw new BorunaError("log.count", `the end record counts ${end.events} events; there are ${this.#events}`);
    this.hasEnded = true;
    return end;
  }
}
