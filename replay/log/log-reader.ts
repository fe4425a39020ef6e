/**
 * Reading a log. Hostile input: every line, count and nesting is bounded, and each fault is one typed error
 * with its line. A file cut at any byte gives its longest valid prefix.
 */
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson } from "../../vm/json/json.ts";
import type { BlobReader } from "./blobs.ts";
import { afterEvent, CHAIN_START, chainHash, chainText, EVENT_MEMBER, HASH_MEMBER } from "./hash-chain.ts";
import { endFromJson, endToJson, type StoredEnd } from "./end-record.ts";
import { eventFromJson, type LogEvent, type StoredEvent } from "./event-json.ts";
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
  | { readonly kind: "end"; readonly end: StoredEnd }
);

/** What follows the last whole record. */
export interface LogTail {
  /** Bytes of the longest valid prefix. */
  readonly validBytes: number;
  /** The record that the file was cut in, if it was. */
  readonly cut?: { readonly line: number; readonly bytes: number };
}

/** A log that was read once from end to end. Its events stay where they are: a log may be longer than memory. */
export interface RunLog extends LogTail {
  readonly format: "log";
  readonly file: string;
  readonly header: LogHeader;
  /** Reads the source again each time. Throws `log.changed` where it is not what it was. */
  readonly events: Iterable<LogEvent>;
  readonly eventCount: number;
  /** Absent when the run was killed, or the file cut. */
  readonly end?: StoredEnd;
  /** Hash of the last record. */
  readonly head: string;
  readonly blobs: BlobReader;
}

/** The older whole-file form: events alone, all in memory, since it can only be read at once. */
export interface EventLog {
  readonly format: "eventlog";
  readonly file: string;
  readonly events: readonly LogEvent[];
  readonly eventCount: number;
  readonly blobs: BlobReader;
}

export type ParsedLog = RunLog | EventLog;

/** Reads the file at `path`, of either form. Throws `log.*` with file and line. */
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

/** `visit` gets each record once it is checked, also those before one that is refused. */
export function parseRunLog(source: LogSource, limits: LogLimits, visit: (record: LogRecord) => void = () => undefined): RunLog {
  const records = logRecords(source, limits);
  let header: LogHeader | undefined;
  let end: StoredEnd | undefined;
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
    ...next.value,
    ...(end === undefined ? {} : { end }),
  };
}

/** The first `count` events; the last of them has the hash `last`, which stands for all before it. */
function* eventsOf(source: LogSource, limits: LogLimits, count: number, last: string): Generator<LogEvent, void> {
  if (count === 0) return;
  // The chain alone: that each record is written as it should be is known, and stays so where the hashes are the same.
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

/** Whether the file is the beginning of a header and nothing more. */
function isCutHeader(source: LogSource): boolean {
  let start = "";
  for (const chunk of source.chunks()) {
    if (start.length < HEADER_START.length) start += Buffer.from(chunk.subarray(0, HEADER_START.length)).toString("latin1");
    if (!start.startsWith(HEADER_START.slice(0, start.length)) && !start.startsWith(HEADER_START)) return false;
    if (chunk.includes(LINE_FEED)) return false;
  }
  return true;
}

/** Whether the first line begins a log of ours, rather than an event log in one piece. */
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

/** Every record in turn, each checked: its form, its bytes, its place in the chain, its place in the sequence. */
export function* logRecords(source: LogSource, limits: LogLimits = LOG_LIMITS, checksBytes = true): Generator<LogRecord, LogTail> {
  const reader = new RecordReader(limits.events, checksBytes);
  let validBytes = 0;
  for (const line of linesOf(source, limits.lineBytes)) {
    // The writer hands over a record with its line feed: without one it is cut, whatever its bytes happen to be.
    if (!line.terminated && line.number > 1 && !reader.ended) {
      return { validBytes, cut: { line: line.number, bytes: line.bytes.length } };
    }
    yield located(source.name, line.number, () => reader.read(decodeUtf8(line.bytes, `line ${line.number}`), line.number));
    validBytes = line.end;
  }
  return { validBytes };
}

/** Runs `body`; what it refuses is told with the line of the log. */
function located<T>(file: string, line: number, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const column = error.kind.startsWith("json.") ? error.place?.column : undefined;
    const kind = error.kind === "json.syntax" ? "log.syntax" : error.kind.startsWith("log.") ? error.kind : "log.form";
    throw new BorunaError(kind, error.message, {
      place: { file, line, ...(column === undefined ? {} : { column }) },
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** What the writer makes of the record: any other text says the same in another way. */
function written(read: LogRecord, record: JsonObject, textOf: (event: StoredEvent) => string): string {
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
    {
      hint: "Keep logs byte for byte: an editor or a formatter may have rewritten this one.",
    },
  );

/** The state that a record is checked against. */
class RecordReader {
  ended = false;
  readonly #textOf = eventTexts(Number.POSITIVE_INFINITY);
  readonly #maxEvents: number;
  /** Whether each record must be written as boruna writes it. */
  readonly #checksBytes: boolean;
  #previous = CHAIN_START;
  #events = 0;
  /** The capability whose call stands unanswered. */
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
    if (this.#checksBytes && written(read, record, this.#textOf) !== text) throw notAsWritten();
    return read;
  }

  #decode(record: JsonObject, line: number, hash: string): LogRecord {
    if (line === 1) return { kind: "header", header: headerFromJson(record), line, hash };
    if (record.has("end")) return { kind: "end", end: this.#end(record), line, hash };
    const { n, event } = this.#event(record);
    return { kind: "event", n, event, line, hash };
  }

  /** Over the bytes as they are: that they are canonical JSON is checked once the record is read. */
  #checkHash(record: JsonObject, text: string): string {
    const hash = digestOf(record.get("hash"), "hash");
    const member = `${HASH_MEMBER}${hash}"`;
    const at = text.lastIndexOf(member);
    const actual = at === -1 ? undefined : chainText(this.#previous, text.slice(0, at) + text.slice(at + member.length));
    if (hash !== actual) {
      const expected = chainHash(this.#previous, record);
      if (hash === expected) throw notAsWritten();
      throw new BorunaError("log.hash", `the record's hash is ${hash}, the chain gives ${expected}`, {
        hint: "This record, or the order of the records, was changed after it was written.",
      });
    }
    this.#previous = hash;
    return hash;
  }

  #event(record: JsonObject): LogEvent {
    onlyFields(record, ["n", "event", "hash"], "record");
    const n = countOf(record.get("n"), "n");
    if (n !== this.#events + 1) throw new BorunaError("log.sequence", `event ${n} stands where event ${this.#events + 1} belongs`);
    if (n > this.#maxEvents) throw new BorunaError("log.too_large", `more than ${this.#maxEvents} events`);
    this.#events = n;
    const event = eventFromJson(record.get("event"));
    const answers = event.type === "CapResult" || event.type === "CapError";
    if (this.#pending !== (answers ? event.capability : undefined)) {
      throw new BorunaError(
        "log.sequence",
        this.#pending === undefined ? `event ${n} answers no call` : `event ${n} stands between a call of ${this.#pending} and its answer`,
      );
    }
    this.#pending = event.type === "CapCall" ? event.capability : undefined;
    return { n, event };
  }

  #end(record: JsonObject): StoredEnd {
    onlyFields(record, ["end", "hash"], "record");
    const end = endFromJson(record.get("end"));
    if (end.events !== this.#events)
      throw new BorunaError("log.count", `the end record counts ${end.events} events; there are ${this.#events}`);
    this.ended = true;
    return end;
  }
}
