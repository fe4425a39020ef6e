/**
 * Recording a run. A log is a text file with one record, a JSON object, on each line: a header, the events, and an end
 * record. Shortened, with line breaks added:
 *
 *     {"args":{},"boruna_log":1,"capability_set_hash":"sha256:5b…","flags":[],"hash":"3e…","limits":{"max_steps":10000000,…},
 *      "mode":"live","policy":{"default_allow":false,…},"policy_hash":"sha256:81…",
 *      "program":{"module_blob":"sha256:c4…","module_hash":"sha256:0d…","name":"app","source_hash":"sha256:7a…"},"run_id":"9c…"}
 *     {"event":{"CapCall":{"args":[{"String":"notes.txt"}],"capability":"fs.read"}},"hash":"b2…","n":1}
 *     {"event":{"CapResult":{"capability":"fs.read","result":{"Blob":{"bytes":70014,"sha256":"9f…"}}}},"hash":"61…","n":2}
 *     {"end":{"alloc_bytes":5120,"counters":{"budget_exceeded":0,…,"total":1},"events":2,"outcome":"success","steps":93,
 *      "value":{"Int":3}},"hash":"d8…"}
 *
 * - Every record is canonical JSON: members sorted by name, no white space. So equal runs have equal bytes.
 * - `hash` chains the records, see `hash-chain.ts`. The hash of the last record is the log's head; it covers all records.
 * - The module and values longer than `inlineBytes` are files in `FILE.blobs/`, see `blobs.ts`.
 * - A record is handed to the operating system in one write before the machine goes on, and nothing is ever rewritten. So a
 *   process that is killed loses at most the record that it was writing.
 */
import type { EventSink } from "../../gateway/run-events.ts";
import { ProtectedFiles } from "../../gateway/protected-files.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEventType } from "../../vm/events.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { jsonText, type PutBlob } from "./blob-values.ts";
import { folderBlobWriter, memoryBlobs, type BlobWriter, type MemoryBlobs } from "./blobs.ts";
import { endToJson, type RunEnd } from "./end-record.ts";
import { EVENT_LOG_VERSION, eventLogForm } from "./event-log.ts";
import { eventTexts } from "./event-text.ts";
import { afterEvent, CHAIN_START, EVENT_MEMBER, HASH_MEMBER, hashOfText, UNIT_BYTES } from "./hash-chain.ts";
import { headerToJson } from "./header.ts";
import type { JsonObject } from "./json-fields.ts";
import { createLogFile, type LogWriter } from "./log-file.ts";
import { LOG_LIMITS, type LogLimits } from "./log-limits.ts";
import type { RunDescription } from "./run-description.ts";

export type LogFormat = "log" | "eventlog";

export interface RecorderOptions {
  /** Syncs to disk each call before its handler starts, and each answer before the program sees it. */
  readonly durable?: boolean;
  /** `eventlog` is the older format: one JSON object with the events only. */
  readonly format?: LogFormat;
  /** Replaces an existing log. Any other existing file is still refused. */
  readonly force?: boolean;
  readonly limits?: Partial<LogLimits>;
}

export interface FinishedLog {
  readonly path: string;
  /** Hash of the end record, which covers all records before it; absent in an event log. */
  readonly head?: string;
}

export interface Recorder extends EventSink {
  /** Writes the end record and closes the log. Throws `log.io_error`, `log.replaced`, `log.too_large`. */
  finish(end: RunEnd): FinishedLog;
  /** Closes the log of a run that failed by a fault: without an end record, or removed if it has no events. Does nothing after `finish`. */
  abandon(): void;
  /** The files of a log on disk, which the run's own fs calls must not touch. */
  readonly ownFiles?: ProtectedFiles;
}

/** Creates the file and its blobs and writes the header. Throws `log.exists`, `log.io_error`, `log.too_large`. */
export function openRecorder(path: string, run: RunDescription, options: RecorderOptions = {}): Recorder {
  const durable = options.durable === true;
  const ownFiles = new ProtectedFiles();
  const writer = createLogFile(path, { durable, force: options.force === true, ownFiles });
  const recorder = startRecorder(writer, writtenChain(writer), folderBlobWriter(path, durable, ownFiles), run, options);
  return { ...recorder, ownFiles };
}

export interface MemoryRecorder extends Recorder {
  bytes(): Uint8Array;
  readonly blobs: MemoryBlobs;
}

/** Records the same log in memory. Hashes are computed when they are asked for, since no crash could leave a part of it. */
export function memoryRecorder(run: RunDescription, options: Omit<RecorderOptions, "durable" | "force"> = {}): MemoryRecorder {
  const texts: string[] = [];
  const blobs = memoryBlobs();
  const writer: LogWriter = {
    name: "memory",
    write: (text) => void texts.push(text),
    close: () => undefined,
    checkNotReplaced: () => undefined,
    discard: () => undefined,
  };
  const chain = lazyChain(writer);
  const bytes = (): Uint8Array => {
    chain.lastHash();
    return new TextEncoder().encode(texts.join(""));
  };
  return { ...startRecorder(writer, chain, blobs, run, options), blobs, bytes };
}

function startRecorder(writer: LogWriter, chain: Chain, blobs: BlobWriter, run: RunDescription, options: RecorderOptions): Recorder {
  const limits = { ...LOG_LIMITS, ...options.limits };
  try {
    return options.format === "eventlog" ? eventLogRecorder(writer, limits) : chainRecorder(writer, chain, blobs, run, limits);
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** Events that a durable log has on disk before the run goes on. */
const IMPORTANT: ReadonlySet<string> = new Set<RunEventType>(["CapCall", "CapResult", "CapError"]);

/** UTF-16 code units of the hash in a record. */
const HASH_UNITS = HASH_MEMBER.length + CHAIN_START.length + 1;
/** Maximum bytes of a record around its event. */
const AROUND_BYTES = 128;

function chainRecorder(writer: LogWriter, chain: Chain, blobs: BlobWriter, run: RunDescription, limits: LogLimits): Recorder {
  const put: PutBlob = (text, bytes) => {
    if (bytes > limits.blobBytes)
      throw new BorunaError("log.too_large", `a value of ${bytes} bytes is too long for the log (${limits.blobBytes})`);
    return blobs.put(new TextEncoder().encode(text));
  };
  /** `text` is the record without its hash; of the event `n`, the event alone. */
  const checkLength = (text: string, n?: number): void => {
    if (text.length * UNIT_BYTES + AROUND_BYTES <= limits.lineBytes) return;
    const around = HASH_UNITS + (n === undefined ? 0 : EVENT_MEMBER.length + afterEvent(n).length);
    if (Buffer.byteLength(text) + around > limits.lineBytes) {
      throw new BorunaError("log.too_large", `a record is longer than ${limits.lineBytes} bytes`, { place: { file: writer.name } });
    }
  };
  const add = (beforeHash: string, afterHash: string): void => {
    checkLength(beforeHash + afterHash);
    chain.add(beforeHash, afterHash);
  };
  add(...aroundHash(headerToJson(run.header)));
  // The folder of blobs belongs to this run only once the file has its name.
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
        chain.addEvent(text, IMPORTANT.has(event.type));
      } catch (error) {
        throw withKeptEvents(error, events);
      }
      events = n;
      return undefined;
    },
    finish: (end) => {
      if (end.events !== events) throw new BorunaError("internal", `the run counts ${end.events} events, its log has ${events}`);
      add(`{"end":${jsonText(endToJson(end, limits.inlineBytes, put))}`, "}");
      writer.checkNotReplaced();
      writer.close();
      return {
        path: writer.name,
        get head() {
          return chain.lastHash();
        },
      };
    },
    abandon: () => (events === 0 ? writer.discard() : writer.close()),
  };
}

/** The header's canonical JSON in two parts, between which its hash belongs. */
function aroundHash(header: JsonObject): readonly [beforeHash: string, afterHash: string] {
  const part = (names: readonly string[]): string => jsonText(new Map(names.map((name) => [name, header.get(name) ?? null])));
  const names = [...header.keys()].toSorted(compareUtf8);
  const at = names.findIndex((name) => name > "hash");
  return [part(names.slice(0, at)).slice(0, -1), `,${part(names.slice(at)).slice(1)}`];
}

/** A failure to write the log, with a hint at the events that it has. */
function withKeptEvents(error: unknown, events: number): unknown {
  if (!(error instanceof BorunaError) || error.kind !== "log.io_error") return error;
  const kept = `The run was stopped here. The log keeps the ${events} ${events === 1 ? "event" : "events"} before it, and boruna replay reads them.`;
  return new BorunaError(error.kind, error.message, { place: error.place, hint: kept, cause: error });
}

/** Writes records in order, each with its hash. */
interface Chain {
  /** Writes the header or the end, given as the parts of its text before and after the hash. */
  add(beforeHash: string, afterHash: string): void;
  /** Writes the next event, given as canonical JSON; `important` as in `LogWriter`. */
  addEvent(text: string, important: boolean): void;
  /** The hash of the last record. */
  lastHash(): string;
}

/** Hashes each record and hands it to the operating system before the call returns. */
function writtenChain(writer: LogWriter): Chain {
  let previous = CHAIN_START;
  let events = 0;
  const add = (beforeHash: string, afterHash: string, important: boolean): void => {
    const hash = hashOfText(previous, beforeHash + afterHash);
    writer.write(`${beforeHash}${HASH_MEMBER}${hash}"${afterHash}\n`, important);
    previous = hash;
  };
  return {
    add: (beforeHash, afterHash) => add(beforeHash, afterHash, true),
    addEvent: (text, important) => {
      events += 1;
      add(EVENT_MEMBER + text, afterEvent(events), important);
    },
    lastHash: () => previous,
  };
}

/** Keeps events and the end until a hash is asked for. */
function lazyChain(writer: LogWriter): Chain {
  const written = writtenChain(writer);
  let texts: string[] = [];
  let end: readonly [beforeHash: string, afterHash: string] | undefined;
  return {
    add: (beforeHash, afterHash) => {
      // The header is the first record, and the end follows all events.
      if (texts.length === 0) written.add(beforeHash, afterHash);
      else end = [beforeHash, afterHash];
    },
    addEvent: (text) => {
      texts.push(text);
    },
    lastHash: () => {
      for (const text of texts) written.addEvent(text, false);
      texts = [];
      if (end !== undefined) written.add(...end);
      end = undefined;
      return written.lastHash();
    },
  };
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
      write(`${events === 1 ? "" : ","}${textOf(eventLogForm(event))}`, IMPORTANT.has(event.type));
      return undefined;
    },
    finish: () => {
      write(`],"version":${EVENT_LOG_VERSION}}\n`, true);
      writer.checkNotReplaced();
      writer.close();
      return { path: writer.name };
    },
    abandon: () => (events === 0 ? writer.discard() : writer.close()),
  };
}
