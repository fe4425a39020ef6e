/**
 * Recording a run. Append-only: every record is handed to the system, in one write, before the machine goes on,
 * so that a process killed at any moment loses at most the record being written.
 */
import type { EventSink } from "../../gateway/run-events.ts";
import { ProtectedFiles } from "../../gateway/protected-files.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { folderBlobWriter, memoryBlobs, type BlobWriter, type MemoryBlobs } from "./blobs.ts";
import { afterEvent, CHAIN_START, chainText, EVENT_MEMBER, HASH_MEMBER } from "./hash-chain.ts";
import { endToJson, type RunEnd } from "./end-record.ts";
import { eventTexts } from "./event-text.ts";
import { EVENT_LOG_VERSION, olderEvent } from "./event-log.ts";
import type { JsonObject } from "./json-fields.ts";
import type { RunDescription } from "./run-description.ts";
import { headerToJson } from "./header.ts";
import { LOG_LIMITS, type LogLimits } from "./log-limits.ts";
import { logFile, type LogWriter } from "./log-file.ts";
import { jsonText, type PutBlob } from "./blob-values.ts";

export type LogFormat = "log" | "eventlog";

export interface RecorderOptions {
  /** Syncs to disk: a call before its handler starts, an answer before the program sees it. */
  readonly durable?: boolean;
  /** `eventlog` is the older whole-file form: events only. */
  readonly format?: LogFormat;
  /** Replaces an existing log. Any other file is refused even so. */
  readonly force?: boolean;
  readonly limits?: Partial<LogLimits>;
}

export interface FinishedLog {
  readonly path: string;
  /** Hash of the end record, which stands for the whole log; absent in an event log. */
  readonly head?: string;
}

export interface Recorder extends EventSink {
  /** Writes the end record and closes the log. */
  finish(end: RunEnd): FinishedLog;
  /** Closes a log without end record, and removes one without events: the run failed by a fault. Does nothing after `finish`. */
  abandon(): void;
  /** Files of the log, where it is on disk: the run's own fs calls may not touch them. */
  readonly own?: ProtectedFiles;
}

/** Makes the file, its blobs, and writes the header. Throws `log.exists`, `log.io_error`, `log.too_large`. */
export function openRecorder(path: string, run: RunDescription, options: RecorderOptions = {}): Recorder {
  const durable = options.durable === true;
  const own = new ProtectedFiles();
  const writer = logFile(path, { durable, force: options.force === true, own });
  const recorder = startRecorder(writer, writtenChain(writer), folderBlobWriter(path, durable, own), run, options);
  return { ...recorder, own };
}

export interface MemoryRecorder extends Recorder {
  bytes(): Uint8Array;
  readonly blobs: MemoryBlobs;
}

/** The same log, in memory. Its chain is hashed when it is asked for: until then there is nothing that a crash would leave. */
export function memoryRecorder(run: RunDescription, options: Omit<RecorderOptions, "durable" | "force"> = {}): MemoryRecorder {
  const texts: string[] = [];
  const blobs = memoryBlobs();
  const writer: LogWriter = {
    name: "memory",
    write: (text) => void texts.push(text),
    close: () => undefined,
    checkInPlace: () => undefined,
    discard: () => undefined,
  };
  const chain = keptChain(writer);
  const bytes = (): Uint8Array => {
    chain.head();
    return new TextEncoder().encode(texts.join(""));
  };
  return { ...startRecorder(writer, chain, blobs, run, options), blobs, bytes };
}

/** Records in their order. */
interface Chain {
  /** A record in two parts, between which its hash stands. */
  add(before: string, after: string): void;
  /** The next event's canonical JSON; `important` as in `LogWriter`. */
  event(text: string, important: boolean): void;
  /** Hash of the last record. */
  head(): string;
}

/** Each record is hashed and handed to the system before the call returns. */
function writtenChain(writer: LogWriter): Chain {
  let previous = CHAIN_START;
  let events = 0;
  const add = (before: string, after: string, important: boolean): void => {
    const hash = chainText(previous, before + after);
    writer.write(`${before}${HASH_MEMBER}${hash}"${after}\n`, important);
    previous = hash;
  };
  return {
    add: (before, after) => add(before, after, true),
    event: (text, important) => {
      events += 1;
      add(EVENT_MEMBER + text, afterEvent(events), important);
    },
    head: () => previous,
  };
}

function keptChain(writer: LogWriter): Chain {
  const written = writtenChain(writer);
  let texts: string[] = [];
  let end: readonly [before: string, after: string] | undefined;
  return {
    add: (before, after) => {
      // Of the two records that are no events, the header is the first of all, and nothing follows the end.
      if (texts.length === 0) written.add(before, after);
      else end = [before, after];
    },
    event: (text) => {
      texts.push(text);
    },
    head: () => {
      for (const text of texts) written.event(text, false);
      texts = [];
      if (end !== undefined) written.add(...end);
      end = undefined;
      return written.head();
    },
  };
}

/** UTF-16 units that the hash takes in a record. */
const HASH_UNITS = HASH_MEMBER.length + CHAIN_START.length + 1;
/** What stands around an event in its record takes less. */
const AROUND_BYTES = 128;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UNIT_BYTES = 3;

function startRecorder(writer: LogWriter, chain: Chain, blobs: BlobWriter, run: RunDescription, options: RecorderOptions): Recorder {
  const limits = { ...LOG_LIMITS, ...options.limits };
  try {
    return options.format === "eventlog" ? eventLogRecorder(writer, limits) : chainRecorder(writer, chain, blobs, run, limits);
  } catch (error) {
    writer.discard();
    throw error;
  }
}

const IMPORTANT: ReadonlySet<string> = new Set<RunEvent["type"]>(["CapCall", "CapResult", "CapError"]);

function chainRecorder(writer: LogWriter, chain: Chain, blobs: BlobWriter, run: RunDescription, limits: LogLimits): Recorder {
  const put: PutBlob = (text, bytes) => {
    if (bytes > limits.blobBytes)
      throw new BorunaError("log.too_large", `a value of ${bytes} bytes is too long for the log (${limits.blobBytes})`);
    return blobs.put(new TextEncoder().encode(text));
  };
  /** `text` is all of the record but its hash and, of an event, what stands around it. */
  const checkLength = (text: string, n?: number): void => {
    if (text.length * UNIT_BYTES + AROUND_BYTES <= limits.lineBytes) return;
    const around = HASH_UNITS + (n === undefined ? 0 : EVENT_MEMBER.length + afterEvent(n).length);
    if (Buffer.byteLength(text) + around > limits.lineBytes) {
      throw new BorunaError("log.too_large", `a record is longer than ${limits.lineBytes} bytes`, { place: { file: writer.name } });
    }
  };
  const add = (before: string, after: string): void => {
    checkLength(before + after);
    chain.add(before, after);
  };
  const [before, after] = aroundHash(headerToJson(run.header));
  add(before, after);
  // Only now the name is this run's, and with it the folder of blobs.
  blobs.put(run.module);
  const textOf = eventTexts(limits.inlineBytes, put);
  let events = 0;
  return {
    append: (event) => {
      const n = events + 1;
      if (n > limits.events) throw new BorunaError("log.too_large", `more than ${limits.events} events`, { place: { file: writer.name } });
      try {
        const text = textOf(event);
        checkLength(text, n);
        chain.event(text, IMPORTANT.has(event.type));
      } catch (error) {
        throw stoppedAt(error, events);
      }
      events = n;
      return undefined;
    },
    finish: (end) => {
      if (end.events !== events) throw new BorunaError("internal", `the run counts ${end.events} events, its log has ${events}`);
      add(`{"end":${jsonText(endToJson(end, limits.inlineBytes, put))}`, "}");
      writer.checkInPlace();
      writer.close();
      return {
        path: writer.name,
        get head() {
          return chain.head();
        },
      };
    },
    abandon: () => (events === 0 ? writer.discard() : writer.close()),
  };
}

/** The two parts of the header's canonical JSON, parted where the member `hash` has its place. */
function aroundHash(header: JsonObject): readonly [before: string, after: string] {
  const part = (names: readonly string[]): string => jsonText(new Map(names.map((name) => [name, header.get(name) ?? null])));
  const names = [...header.keys()].toSorted(compareUtf8);
  const at = names.findIndex((name) => name > "hash");
  return [part(names.slice(0, at)).slice(0, -1), `,${part(names.slice(at)).slice(1)}`];
}

/** The run ends where its log does; what came before is not lost. */
function stoppedAt(error: unknown, events: number): unknown {
  if (!(error instanceof BorunaError) || error.kind !== "log.io_error") return error;
  const kept = `The run was stopped here. The log keeps the ${events} ${events === 1 ? "event" : "events"} before it, and boruna replay reads them.`;
  return new BorunaError(error.kind, error.message, { place: error.place ?? {}, hint: kept, cause: error });
}

function eventLogRecorder(writer: LogWriter, limits: LogLimits): Recorder {
  let events = 0;
  let bytes = 0;
  const write = (text: string, important: boolean): void => {
    bytes += Buffer.byteLength(text);
    if (bytes > limits.eventLogBytes || events > limits.events)
      throw new BorunaError("log.too_large", `the event log is longer than ${limits.eventLogBytes} bytes`);
    writer.write(text, important);
  };
  const textOf = eventTexts(limits.inlineBytes);
  write('{"events":[', false);
  return {
    append: (event) => {
      events += 1;
      write(`${events === 1 ? "" : ","}${textOf(olderEvent(event))}`, IMPORTANT.has(event.type));
      return undefined;
    },
    finish: () => {
      write(`],"version":${EVENT_LOG_VERSION}}\n`, true);
      writer.checkInPlace();
      writer.close();
      return { path: writer.name };
    },
    abandon: () => (events === 0 ? writer.discard() : writer.close()),
  };
}
