/**
 * Reading a log. Hostile input: every line, count and nesting is bounded, and each fault is one typed error
 * with its line. A file cut at any byte gives its longest valid prefix.
 */
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, parseJson, type JsonData } from "../vm/json.ts";
import type { BlobReader } from "./blobs.ts";
import { CHAIN_START, chainHash } from "./chain.ts";
import { endFromJson, type StoredEnd } from "./end.ts";
import { eventFromJson, type LogEvent } from "./event-json.ts";
import { eventLogEvents } from "./eventlog.ts";
import { countOf, digestOf, objectOf, onlyFields, type JsonObject } from "./fields.ts";
import { decodeUtf8 } from "./files.ts";
import { headerFromJson, type LogHeader } from "./header.ts";
import { LOG_LIMITS, RECORD_JSON_DEPTH, type LogLimits } from "./limits.ts";
import { fileSource, linesOf, type Line, type LogSource } from "./source.ts";

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

export interface RunLog extends LogTail {
  readonly format: "log";
  readonly file: string;
  readonly header: LogHeader;
  readonly events: readonly LogEvent[];
  /** Absent when the run was killed, or the file cut. */
  readonly end?: StoredEnd;
  /** Hash of the last record. */
  readonly head: string;
  readonly blobs: BlobReader;
}

/** The older whole-file form: events alone. */
export interface EventLog {
  readonly format: "eventlog";
  readonly file: string;
  readonly events: readonly LogEvent[];
  readonly blobs: BlobReader;
}

export type ParsedLog = RunLog | EventLog;

/** Reads the file at `path`, of either form. Throws `log.*` with file and line. */
export function readLog(path: string, limits: Partial<LogLimits> = {}): ParsedLog {
  const all = { ...LOG_LIMITS, ...limits };
  return parseLog(fileSource(path, all), all);
}

export function parseLog(source: LogSource, limits: LogLimits = LOG_LIMITS): ParsedLog {
  if (!isRunLog(source, limits)) {
    return { format: "eventlog", file: source.name, events: eventLogEvents(source, limits), blobs: source.blobs };
  }
  const events: LogEvent[] = [];
  const records = logRecords(source, limits);
  let header: LogHeader | undefined;
  let end: StoredEnd | undefined;
  let head = CHAIN_START;
  let next = records.next();
  while (next.done !== true) {
    const record = next.value;
    head = record.hash;
    if (record.kind === "header") header = record.header;
    else if (record.kind === "event") events.push({ n: record.n, event: record.event });
    else end = record.end;
    next = records.next();
  }
  if (header === undefined) throw new BorunaError("internal", "a log without header was read");
  return {
    format: "log",
    file: source.name,
    header,
    events,
    head,
    blobs: source.blobs,
    ...next.value,
    ...(end === undefined ? {} : { end }),
  };
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

/** Every record in turn, each checked: its form, its place in the chain, its place in the sequence. */
export function* logRecords(source: LogSource, limits: LogLimits = LOG_LIMITS): Generator<LogRecord, LogTail> {
  const reader = new RecordReader(limits.events);
  let validBytes = 0;
  for (const line of linesOf(source, limits.lineBytes)) {
    const data = parseLine(line, source.name, reader.ended);
    if (data === undefined) return { validBytes, cut: { line: line.number, bytes: line.bytes.length } };
    yield located(source.name, line.number, () => reader.read(data, line.number));
    validBytes = line.end;
  }
  return { validBytes };
}

/** Undefined for a record that the end of the file cuts. */
function parseLine(line: Line, file: string, ended: boolean): JsonData | undefined {
  try {
    return located(file, line.number, () => parseJson(decodeUtf8(line.bytes, `line ${line.number}`), { maxDepth: RECORD_JSON_DEPTH }));
  } catch (error) {
    const broken = error instanceof BorunaError && (error.kind === "log.syntax" || error.kind === "log.utf8");
    if (broken && !line.terminated && !ended && line.number > 1) return undefined;
    throw error;
  }
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

/** The state that a record is checked against. */
class RecordReader {
  ended = false;
  readonly #maxEvents: number;
  #previous = CHAIN_START;
  #events = 0;
  /** The capability whose call stands unanswered. */
  #pending: string | undefined;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
  }

  read(data: JsonData, line: number): LogRecord {
    if (this.ended) throw new BorunaError("log.trailing", "something follows the end record");
    const record = objectOf(data, "record");
    const hash = this.#checkHash(record);
    if (line === 1) return { kind: "header", header: headerFromJson(record), line, hash };
    if (record.has("end")) return { kind: "end", end: this.#end(record), line, hash };
    return { kind: "event", ...this.#event(record), line, hash };
  }

  #checkHash(record: JsonObject): string {
    const hash = digestOf(record.get("hash"), "hash");
    const expected = chainHash(this.#previous, record);
    if (hash !== expected) {
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
