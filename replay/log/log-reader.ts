/**
 * Reading a log. The file is hostile input: the length of lines, the number of events and the nesting of JSON are limited,
 * and everything wrong is a typed error with its line. Of a file that was cut, every complete record is read.
 *
 * A record is accepted if its hash continues the chain, its fields have the right form, its event number follows the one
 * before, an answer follows its call directly, and its bytes are exactly what the recorder would write.
 */
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson } from "../../vm/json/json.ts";
import type { BlobReader } from "./blobs.ts";
import { afterEvent, CHAIN_START, hashOfRecord, hashOfText, EVENT_MEMBER, HASH_MEMBER } from "./hash-chain.ts";
import { endFromJson, endToJson, type RecordedEnd } from "./end-record.ts";
import { eventFromJson, type LogEvent, type RecordedEvent } from "./event-json.ts";
import { eventTexts } from "./event-text.ts";
import { eventLogEvents } from "./event-log.ts";
import { countOf, digestOf, objectOf, onlyFields, type JsonObject } from "./json-fields.ts";
import { decodeUtf8 } from "./files.ts";
import { headerFromJson, type LogHeader } from "./header.ts";
import { LOG_LIMITS, RECORD_JSON_DEPTH, type LogLimits } from "./log-limits.ts";
import { fileSource, LINE_FEED, linesOf, type LogSource } from "./log-source.ts";

export type LogRecord = { readonly line: number; readonly hash: string } & (
  | { readonly kind: "header"; readonly header: LogHeader }
  | ({ readonly kind: "event" } & LogEvent)
  | { readonly kind: "end"; readonly end: RecordedEnd }
);

/** How the file ends. */
export interface LogTail {
  /** Bytes of all complete records. */
  readonly validBytes: number;
  /** The incomplete record that the file ends with, if it does. */
  readonly cut: { readonly line: number; readonly bytes: number } | undefined;
}

/** A log that was read once, from beginning to end. Events are not kept: a log may be larger than memory. */
export interface RunLog extends LogTail {
  readonly format: "log";
  readonly file: string;
  readonly header: LogHeader;
  /** Reads the source again for each iteration. Throws `log.changed` if it was changed meanwhile. */
  readonly events: Iterable<LogEvent>;
  readonly eventCount: number;
  /** Undefined if the process was killed or the file cut. */
  readonly end: RecordedEnd | undefined;
  /** Hash of the last record, which covers all records before it. */
  readonly head: string;
  readonly blobs: BlobReader;
}

/** An event log. Its events are all in memory, since a JSON object can only be read at once. */
export interface EventLog {
  readonly format: "eventlog";
  readonly file: string;
  readonly events: readonly LogEvent[];
  readonly eventCount: number;
  readonly blobs: BlobReader;
}

export type ParsedLog = RunLog | EventLog;

/** Reads a log of either format. Throws `log.*` with file and line. */
export function readLog(path: string, limits: Partial<LogLimits> = {}): ParsedLog {
  const all = { ...LOG_LIMITS, ...limits };
  return parseLog(fileSource(path, all), all);
}

export function parseLog(source: LogSource, limits: LogLimits = LOG_LIMITS): ParsedLog {
  if (isRunLog(source, limits)) return parseRunLog(source, limits);
  if (isCutHeader(source)) {
    throw new BorunaError("log.cut", `${source.name} is cut inside its first line, so that nothing says what ran`, {
      place: { file: source.name, line: 1 },
    });
  }
  const events = eventLogEvents(source, limits);
  return { format: "eventlog", file: source.name, events, eventCount: events.length, blobs: source.blobs };
}

/** Reads a run log. `visit` receives each record once it is accepted, including those before one that is refused. Throws `log.*`. */
export function parseRunLog(source: LogSource, limits: LogLimits, visit: (record: LogRecord) => void = () => undefined): RunLog {
  const records = logRecords(source, limits);
  let header: LogHeader | undefined;
  let end: RecordedEnd | undefined;
  let head = CHAIN_START;
  let eventCount = 0;
  let lastEvent = CHAIN_START;
  let next = records.next();
  while (next.done !== true) {
    const record = next.value;
    visit(record);
    head = record.hash;
    if (record.kind === "header") header = record.header;
    else if (record.kind === "end") end = record.end;
    else {
      eventCount = record.n;
      lastEvent = record.hash;
    }
    next = records.next();
  }
  if (header === undefined) throw new BorunaError("internal", "a log without header was read");
  return {
    format: "log",
    file: source.name,
    header,
    events: { [Symbol.iterator]: () => eventsOf(source, limits, eventCount, lastEvent) },
    eventCount,
    head,
    blobs: source.blobs,
    end,
    ...next.value,
  };
}

/** Reads the first `count` events again. `last` is the hash of the last of them, which covers all before it. */
function* eventsOf(source: LogSource, limits: LogLimits, count: number, last: string): Generator<LogEvent, void> {
  if (count === 0) return;
  // Only hashes are checked: records with the same hashes have the same bytes, and those were accepted before.
  for (const record of logRecords(source, limits, false)) {
    if (record.kind !== "event") continue;
    const isLast = record.n === count;
    if (isLast && record.hash !== last) break;
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

/** Reads and checks each record. Without `checksBytes` its bytes may differ from what the recorder would write. Throws `log.*`. */
export function* logRecords(source: LogSource, limits: LogLimits = LOG_LIMITS, checksBytes = true): Generator<LogRecord, LogTail> {
  const reader = new RecordReader(limits.events, checksBytes);
  let validBytes = 0;
  for (const line of linesOf(source, limits.lineBytes)) {
    // A record is written together with its line feed: without one it is cut, even if it happens to be valid JSON.
    if (!line.terminated && line.number > 1 && !reader.ended) {
      return { validBytes, cut: { line: line.number, bytes: line.bytes.length } };
    }
    yield withLine(source.name, line.number, () => reader.read(decodeUtf8(line.bytes, `line ${line.number}`), line.number));
    validBytes = line.end;
  }
  return { validBytes, cut: undefined };
}

/** Runs `body`; a `BorunaError` that it throws becomes a `log.*` error with the line. */
function withLine<T>(file: string, line: number, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const column = error.kind.startsWith("json.") ? error.place?.column : undefined;
    const kind = error.kind === "json.syntax" ? "log.syntax" : error.kind.startsWith("log.") ? error.kind : "log.form";
    throw new BorunaError(kind, error.message, { place: { file, line, column }, cause: error, hint: error.hint });
  }
}

/** The text that the recorder writes for this record. */
function writtenText(read: LogRecord, record: JsonObject, textOf: (event: RecordedEvent) => string): string {
  const hashed = `${HASH_MEMBER}${read.hash}"`;
  switch (read.kind) {
    case "header":
      return canonicalJson(record);
    case "event":
      return `${EVENT_MEMBER}${textOf(read.event)}${hashed}${afterEvent(read.n)}`;
    case "end":
      return `{"end":${canonicalJson(endToJson(read.end))}${hashed}}`;
  }
}

const notAsWritten = (): BorunaError =>
  new BorunaError(
    "log.form",
    "the record is not written as boruna writes it: white space, the order of members, a number or an escape differs",
    { hint: "Keep logs byte for byte: an editor or a formatter may have rewritten this one." },
  );

/** Checks each record against those before it. */
class RecordReader {
  ended = false;
  readonly #textOf = eventTexts(Number.POSITIVE_INFINITY);
  readonly #maxEvents: number;
  /** Whether the bytes of each record must be what the recorder writes. */
  readonly #checksBytes: boolean;
  #previous = CHAIN_START;
  #events = 0;
  /** The capability of a call whose answer must come next. */
  #pending: string | undefined;

  constructor(maxEvents: number, checksBytes: boolean) {
    this.#maxEvents = maxEvents;
    this.#checksBytes = checksBytes;
  }

  read(text: string, line: number): LogRecord {
    const data = parseJson(text, { maxDepth: RECORD_JSON_DEPTH });
    if (this.ended) throw new BorunaError("log.trailing", "something follows the end record");
    const record = objectOf(data, "record");
    const hash = this.#checkHash(record, text);
    const read = this.#decode(record, line, hash);
    if (this.#checksBytes && writtenText(read, record, this.#textOf) !== text) throw notAsWritten();
    return read;
  }

  #decode(record: JsonObject, line: number, hash: string): LogRecord {
    if (line === 1) return { kind: "header", header: headerFromJson(record), line, hash };
    if (record.has("end")) return { kind: "end", end: this.#end(record), line, hash };
    const { n, event } = this.#event(record);
    return { kind: "event", n, event, line, hash };
  }

  /** Hashes the bytes as they are; whether they are canonical JSON is checked after the record is decoded. */
  #checkHash(record: JsonObject, text: string): string {
    const hash = digestOf(record.get("hash"), "hash");
    const member = `${HASH_MEMBER}${hash}"`;
    const at = text.lastIndexOf(member);
    const actual = at === -1 ? undefined : hashOfText(this.#previous, text.slice(0, at) + text.slice(at + member.length));
    if (hash !== actual) {
      const expected = hashOfRecord(this.#previous, record);
      if (hash === expected) throw notAsWritten();
      throw new BorunaError("log.hash", `the record's hash is ${hash}, the chain requires ${expected}`, {
        hint: "This record, or the order of the records, was changed after it was written.",
      });
    }
    this.#previous = hash;
    return hash;
  }

  #event(record: JsonObject): LogEvent {
    onlyFields(record, ["n", "event", "hash"], "record");
    const n = countOf(record.get("n"), "n");
    if (n !== this.#events + 1) throw new BorunaError("log.sequence", `expected event ${this.#events + 1}, found event ${n}`);
    if (n > this.#maxEvents) throw new BorunaError("log.too_large", `more than ${this.#maxEvents} events`);
    this.#events = n;
    const event = eventFromJson(record.get("event"));
    const answers = event.type === "CapResult" || event.type === "CapError";
    if (this.#pending !== (answers ? event.capability : undefined)) {
      throw new BorunaError(
        "log.sequence",
        this.#pending === undefined ? `event ${n} answers no call` : `event ${n} is between a call of ${this.#pending} and its answer`,
      );
    }
    this.#pending = event.type === "CapCall" ? event.capability : undefined;
    return { n, event };
  }

  #end(record: JsonObject): RecordedEnd {
    onlyFields(record, ["end", "hash"], "record");
    const end = endFromJson(record.get("end"));
    if (end.events !== this.#events)
      throw new BorunaError("log.count", `the end record counts ${end.events} events; there are ${this.#events}`);
    this.ended = true;
    return end;
  }
}
