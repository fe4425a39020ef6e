/**
 * Indexes one log, so that any page of its events can be read without keeping the log in memory. The index takes about 11 bytes for each
 * event. `refresh` reads what was appended since the last time, in pieces, so that other work can run between them. It checks every record
 * as `readLog` does, but not that its bytes are exactly what the recorder would write.
 */
import { closeSync, fstatSync, readSync, type Stats } from "node:fs";
import { toIoError, openRegular } from "../replay/log/files.ts";
import { decodeUtf8 } from "../replay/log/utf8-text.ts";
import type { LogEvent } from "../replay/log/event-json.ts";
import { eventFromJson } from "../replay/log/event-json.ts";
import { isLog } from "../replay/log/log-file.ts";
import { LOG_LIMITS, RECORD_JSON_DEPTH } from "../replay/log/log-limits.ts";
import { isRunLog, type LogRecord, LogSummary, RecordReader, type RunLog } from "../replay/log/log-reader.ts";
import { fileSource, LINE_FEED } from "../replay/log/log-source.ts";
import { BorunaError } from "../vm/error.ts";
import { RUN_EVENT_TYPES, type RunEventType } from "../vm/events.ts";
import { isJsonObject, parseJson } from "../vm/json/json.ts";
import type { LogState } from "./api.ts";
import { ByteList, CountList } from "./growing-array.ts";

const CHUNK_BYTES = 256 * 1024;
/** Number of events in a block. The index holds the offset of each block, not of each event. */
const BLOCK_EVENTS = 16;
/** Maximum number of different capabilities in one log. */
const MAX_CAPABILITIES = 10_000;
/** Reading a page of events stops after this many bytes of the file. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/** An event record in the file. */
export interface IndexedEvent extends LogEvent {
  readonly hash: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

export class LogIndex {
  readonly file: string;
  state: LogState = "reading";
  problem: string | undefined;
  /** Grows whenever `refresh` reads something. */
  version = 0;
  /** When the file was last changed, in milliseconds since 1970. */
  changedMs = 0;
  #summary = new LogSummary();
  #reader = new RecordReader(LOG_LIMITS.events, false);
  /** Size of the complete records that were read. */
  #bytes = 0;
  /** Number of these records. Each is one line. */
  #lines = 0;
  /** Size of the file when it was last read; -1 before. */
  #size = -1;
  #inode = -1;
  /** For each event, the index of its type in `RUN_EVENT_TYPES`. */
  #types = new ByteList();
  /** The byte offset of each block in the file is `high * 2 ** 26 + low`, because one number of a `CountList` has only 32 bits. */
  #byteOffsetsHigh = new CountList();
  #byteOffsetsLow = new CountList();
  /** For each call, the number of its event. */
  #callEvents = new CountList();
  /** For each call, the number of the event with its answer. */
  #answerEvents = new CountList();
  /** For each call, the index of its capability in `#capabilityNames`. */
  #callCapability = new CountList();
  /** For each call, the number of earlier calls of the same capability. */
  #callOrdinal = new CountList();
  /** For each capability that was called: its index in `#capabilityNames`, and the number of its calls. */
  #capabilities = new Map<string, { readonly index: number; calls: number }>();
  #capabilityNames: string[] = [];
  #typeCounts = new Map<RunEventType, number>();

  constructor(file: string) {
    this.file = file;
  }

  get summary(): Readonly<Pick<LogSummary, "header" | "end" | "eventCount">> {
    return this.#summary;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get callCount(): number {
    return this.#callEvents.length;
  }
  get typeCounts(): ReadonlyMap<RunEventType, number> {
    return this.#typeCounts;
  }
  /** Number of calls of each capability. */
  get capabilities(): ReadonlyMap<string, { readonly calls: number }> {
    return this.#capabilities;
  }

  /**
   * Reads at most `maxEvents` events that were appended. If the file was replaced or is shorter than before, starts again at its beginning.
   * Calls `afterPiece` after each piece. Returns whether anything has changed. A malformed file gets the state `broken`.
   */
  async refresh(stats: Stats, maxEvents: number, afterPiece: () => Promise<void>): Promise<boolean> {
    if (stats.size === this.#size && stats.ino === this.#inode && stats.mtimeMs === this.changedMs) return false;
    // A log only grows, so any other change means that the file was rewritten. A file that had no valid line may be a log by now.
    const isRewritten = stats.ino !== this.#inode || stats.size < this.#bytes || stats.size === this.#size || this.#lines === 0;
    const isReplaced = this.#size >= 0 && isRewritten;
    if (isReplaced) this.#startAgain();
    this.changedMs = stats.mtimeMs;
    this.#inode = stats.ino;
    this.#size = stats.size;
    if (this.state === "broken") return true;
    try {
      await this.#readAppended(maxEvents, afterPiece);
      this.state = this.#summary.end === undefined ? (this.#lines === 0 ? "reading" : "open") : "ended";
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      this.state = "broken";
      this.problem = this.#problemOf(error);
    }
    this.version += 1;
    return true;
  }

  #problemOf({ message, place }: BorunaError): string {
    if (this.#lines === 0 && isEventLog(this.file)) return "an event log of the older form, which only `boruna log show` reads";
    return place?.line === undefined ? message : `line ${place.line}: ${message}`;
  }

  #startAgain(): void {
    this.state = "reading";
    this.problem = undefined;
    this.#summary = new LogSummary();
    this.#reader = new RecordReader(LOG_LIMITS.events, false);
    this.#bytes = 0;
    this.#lines = 0;
    this.#types = new ByteList();
    this.#byteOffsetsHigh = new CountList();
    this.#byteOffsetsLow = new CountList();
    this.#callEvents = new CountList();
    this.#answerEvents = new CountList();
    this.#callCapability = new CountList();
    this.#callOrdinal = new CountList();
    this.#capabilities = new Map();
    this.#capabilityNames = [];
    this.#typeCounts = new Map();
  }

  async #readAppended(maxEvents: number, afterPiece: () => Promise<void>): Promise<void> {
    const maxCount = this.#summary.eventCount + maxEvents;
    for (const lines of completeLines(this.file, this.#bytes)) {
      if (this.#summary.eventCount + lines.length > maxCount)
        throw new BorunaError("log.too_large", "the logs together have more events than the viewer reads; name fewer logs");
      for (const { bytes, end } of lines) this.#addLine(bytes, end);
      await afterPiece();
    }
  }

  #addLine(bytes: Uint8Array, end: number): void {
    const number = this.#lines + 1;
    const start = this.#bytes;
    let record: LogRecord;
    try {
      record = this.#reader.read({ number, bytes, end, terminated: true });
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      throw new BorunaError(error.kind, error.message, { place: { file: this.file, line: number }, cause: error });
    }
    this.#summary.add(record);
    this.#bytes = end;
    this.#lines = number;
    if (record.kind === "event") this.#addEvent(record, start);
  }

  #addEvent({ n, event }: LogEvent, start: number): void {
    if ((n - 1) % BLOCK_EVENTS === 0) {
      this.#byteOffsetsHigh.push(Math.floor(start / 2 ** 26));
      this.#byteOffsetsLow.push(start % 2 ** 26);
    }
    this.#types.push(RUN_EVENT_TYPES.indexOf(event.type));
    this.#typeCounts.set(event.type, (this.#typeCounts.get(event.type) ?? 0) + 1);
    if (event.type === "CapResult" || event.type === "CapError") this.#answerEvents.push(n);
    if (event.type !== "CapCall") return;
    let capability = this.#capabilities.get(event.capability);
    if (capability === undefined) {
      if (this.#capabilities.size === MAX_CAPABILITIES)
        throw new BorunaError("log.too_large", `more than ${MAX_CAPABILITIES} different capabilities`, { place: { line: n + 1 } });
      capability = { index: this.#capabilities.size, calls: 0 };
      this.#capabilities.set(event.capability, capability);
      this.#capabilityNames.push(event.capability);
    }
    this.#callEvents.push(n);
    this.#callCapability.push(capability.index);
    this.#callOrdinal.push(capability.calls);
    capability.calls += 1;
  }

  /** Returns the number of a call's event. Undefined if the log has no such call. Calls are numbered from 1. */
  eventOfCall(call: number): number | undefined {
    return this.#callEvents.at(call - 1);
  }
  /** Returns the number of the event with a call's answer. Undefined if the log has no answer. */
  eventOfAnswer(call: number): number | undefined {
    return this.#answerEvents.at(call - 1);
  }

  /** Returns the number of the call to which an event belongs: the event is the call, or its answer. */
  callOfEvent(n: number): number | undefined {
    const call = this.#callEvents.lastAtMost(n);
    if (this.#callEvents.at(call) === n) return call + 1;
    const answer = this.#answerEvents.lastAtMost(n);
    return this.#answerEvents.at(answer) === n ? answer + 1 : undefined;
  }

  /** Returns the capability of a call. Undefined if the log has no such call. */
  capabilityOfCall(call: number): string | undefined {
    const index = this.#callCapability.at(call - 1);
    return index === undefined ? undefined : this.#capabilityNames[index];
  }

  /** Returns the number of this call among the calls of its capability, from 1. */
  ordinalInCapability(call: number): number {
    return (this.#callOrdinal.at(call - 1) ?? 0) + 1;
  }

  /** Yields the numbers of the events of this type, or of calls of this capability and their answers, in order. */
  *matching({
    type,
    capability,
  }: {
    readonly type?: string | undefined;
    readonly capability?: string | undefined;
  }): Generator<number, void> {
    const typeIndex = type === undefined ? -1 : RUN_EVENT_TYPES.findIndex((name) => name === type);
    const capabilityIndex = capability === undefined ? -1 : this.#capabilities.get(capability)?.index;
    if (capabilityIndex === undefined || (type !== undefined && typeIndex < 0)) return;
    let [calls, answers] = [0, 0];
    for (let n = 1; n <= this.#summary.eventCount; n++) {
      let call = -1;
      if (this.#callEvents.at(calls) === n) call = calls++;
      else if (this.#answerEvents.at(answers) === n) call = answers++;
      if (typeIndex >= 0 && this.#types.at(n - 1) !== typeIndex) continue;
      if (capabilityIndex >= 0 && (call < 0 || this.#callCapability.at(call) !== capabilityIndex)) continue;
      yield n;
    }
  }

  /**
   * Reads the events with these numbers from the file. The numbers must be in order. Returns fewer events if they are long. Throws
   * `log.changed` if the file was changed.
   */
  readEvents(numbers: readonly number[]): readonly IndexedEvent[] {
    const events: IndexedEvent[] = [];
    let descriptor: number | undefined;
    try {
      descriptor = openRegular(this.file);
      let bytesLeft = MAX_PAGE_BYTES;
      for (let i = 0; i < numbers.length && bytesLeft > 0; ) {
        const block = Math.floor(((numbers[i] ?? 1) - 1) / BLOCK_EVENTS);
        const wanted: number[] = [];
        for (; Math.floor(((numbers[i] ?? 0) - 1) / BLOCK_EVENTS) === block; i++) wanted.push(numbers[i] ?? 0);
        bytesLeft -= this.#readBlock(descriptor, block, wanted, events);
      }
      return events;
    } catch (error) {
      throw toIoError(error, "read", this.file);
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  /** Reads the wanted events of one block. Returns the number of bytes read. */
  #readBlock(descriptor: number, block: number, wanted: readonly number[], events: IndexedEvent[]): number {
    const start = this.#offsetOf(block);
    const end = this.#offsetOf(block + 1);
    const first = block * BLOCK_EVENTS + 1;
    let position = start;
    let n = first;
    for (const lines of linesBetween(descriptor, start, end)) {
      for (const { bytes, end: lineEnd } of lines) {
        if (wanted.includes(n)) events.push(this.#parseEvent(bytes, n));
        n += 1;
        position = lineEnd;
        if (n > (wanted.at(-1) ?? 0)) return position - start;
      }
    }
    throw changedError(this.file);
  }

  #offsetOf(block: number): number {
    const high = this.#byteOffsetsHigh.at(block);
    const low = this.#byteOffsetsLow.at(block);
    return high === undefined || low === undefined ? this.#bytes : high * 2 ** 26 + low;
  }

  #parseEvent(bytes: Uint8Array, n: number): IndexedEvent {
    try {
      const record = parseJson(decodeUtf8(bytes, `event ${n}`), { maxDepth: RECORD_JSON_DEPTH });
      const hash = isJsonObject(record) ? record.get("hash") : undefined;
      if (isJsonObject(record) && record.get("n") === n && typeof hash === "string")
        return { n, event: eventFromJson(record.get("event")), hash, line: n + 1 };
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    }
    throw changedError(this.file);
  }

  /** Returns the log with the records that were read, for replays and comparisons. Undefined if the header could not be read. */
  toRunLog(): RunLog | undefined {
    if (this.#summary.header === undefined) return undefined;
    return this.#summary.toLog(fileSource(this.file), LOG_LIMITS, { validBytes: this.#bytes, cut: undefined });
  }
}

/** Whether a file begins like an event log. */
function isEventLog(file: string): boolean {
  try {
    return isLog(file) && !isRunLog(fileSource(file), LOG_LIMITS);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return false;
  }
}

const changedError = (file: string): BorunaError =>
  new BorunaError("log.changed", `${file} was changed while it was shown`, { place: { file }, hint: "Load the page again." });

interface LineBytes {
  readonly bytes: Uint8Array;
  /** Offset after the line feed. */
  readonly end: number;
}

/** Yields the complete lines from an offset to the end of the file, in pieces. Throws `log.io_error`, `log.line_too_long`. */
function* completeLines(file: string, from: number): Generator<readonly LineBytes[], void> {
  let descriptor: number | undefined;
  try {
    descriptor = openRegular(file);
    yield* linesBetween(descriptor, from, fstatSync(descriptor).size);
  } catch (error) {
    throw toIoError(error, "read", file);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Yields the complete lines between two offsets, in pieces. */
function* linesBetween(descriptor: number, from: number, to: number): Generator<readonly LineBytes[], void> {
  let pieces: Uint8Array[] = [];
  let pendingBytes = 0;
  for (let position = from; position < to; ) {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, to - position));
    const count = readSync(descriptor, buffer, 0, buffer.length, position);
    if (count === 0) return;
    const chunk = buffer.subarray(0, count);
    const lines: LineBytes[] = [];
    let start = 0;
    for (let feed = chunk.indexOf(LINE_FEED); feed >= 0; feed = chunk.indexOf(LINE_FEED, start)) {
      const piece = chunk.subarray(start, feed);
      lines.push({ bytes: pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]), end: position + feed + 1 });
      pieces = [];
      pendingBytes = 0;
      start = feed + 1;
    }
    if (start < count) {
      pieces.push(chunk.subarray(start));
      pendingBytes += count - start;
    }
    if (pendingBytes > LOG_LIMITS.lineBytes)
      throw new BorunaError("log.line_too_long", `a line is longer than ${LOG_LIMITS.lineBytes} bytes`);
    position += count;
    yield lines;
  }
}
