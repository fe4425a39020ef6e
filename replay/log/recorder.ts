/**
 * Records runs. A log is a text file. Each line is one record, which is a JSON object. The records are a header, the events
 * and an end record. Shortened, and with line breaks added:
 *
 *     {"args":{},"boruna_log":1,"capability_set_hash":"sha256:5b…","flags":[],"hash":"3e…","limits":{"max_steps":10000000,…},
 *      "mode":"live","policy":{"default_allow":false,…},"policy_hash":"sha256:81…",
 *      "program":{"module_blob":"sha256:c4…","module_hash":"sha256:0d…","name":"app","source_hash":"sha256:7a…"},"run_id":"9c…"}
 *     {"event":{"CapCall":{"args":[{"String":"notes.txt"}],"capability":"fs.read"}},"hash":"b2…","n":1}
 *     {"event":{"CapResult":{"capability":"fs.read","result":{"Blob":{"bytes":70014,"sha256":"9f…"}}}},"hash":"61…","n":2}
 *     {"end":{"alloc_bytes":5120,"counters":{"budget_exceeded":0,…,"total":1},"events":2,"outcome":"success","steps":93,
 *      "value":{"Int":3}},"hash":"d8…"}
 *
 * - Every record is canonical JSON: members are sorted by name, and there is no white space. So equal runs have equal bytes.
 * - `hash` chains the records, see `hash-chain.ts`. The hash of the last record is the head of the log. It covers all records.
 * - The module and values longer than `inlineBytes` are files in `FILE.blobs/`, see `blobs.ts`.
 * - The recorder passes each record to the operating system before the machine continues, and never rewrites a record. So if the process is
 *   killed, at most the record that is being written is lost.
 *
 * This file makes the records, and has the recorder in memory. `file-recorder.ts` has the recorder of files.
 */
import type { EventSink } from "../../gateway/run-events.ts";
import type { ProtectedFiles } from "../../gateway/protected-files.ts";
import type { SigningKey } from "../../gateway/signing.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent, RunEventType } from "../../vm/events.ts";
import { compareUtf8, utf8Length } from "../../vm/value/utf8.ts";
import { BlobRef, jsonText, type PutBlob } from "./blob-values.ts";
import { endToJson, type RunEnd } from "./end-record.ts";
import { EVENT_LOG_VERSION, eventLogForm } from "./event-log.ts";
import { eventTexts } from "./event-text.ts";
import { afterEvent, CHAIN_START, EVENT_MEMBER, HASH_MEMBER, hashOfText, MAX_UNIT_BYTES } from "./hash-chain.ts";
import { MAX_SIGNATURE_BYTES, signatureMember } from "./head-signature.ts";
import { headerToJson } from "./header.ts";
import type { JsonObject } from "./json-fields.ts";
import type { LogWriter } from "./log-file.ts";
import { LOG_LIMITS, type LogLimits } from "./log-limits.ts";
import { type BlobWriter, type MemoryBlobs, memoryBlobs } from "./memory-blobs.ts";
import type { OpenJournal, OpenState } from "./open-journal.ts";
import type { RunDescription } from "./run-description.ts";
import { seal } from "./sealed-value.ts";

export type LogFormat = "log" | "eventlog";

export interface RecorderOptions {
  /** Whether to sync each call to disk before its handler starts, and each answer before the program receives it. */
  readonly durable?: boolean | undefined;
  /** `eventlog` is the older format: one JSON object with only the events. Default: `log`. */
  readonly format?: LogFormat | undefined;
  /** Whether to replace an existing log. A file that is not a log is never replaced. */
  readonly force?: boolean | undefined;
  readonly limits?: Partial<LogLimits> | undefined;
  /** The key that signs the log when the run ends (`head-signature.ts`). A log without an end record gets no signature. */
  readonly key?: SigningKey | undefined;
}

export interface FinishedLog {
  readonly path: string;
  /** Hash of the last record, which covers all earlier records. Absent for an event log, and if `resume` added nothing to the log. */
  readonly head?: string;
}

export interface Recorder extends EventSink {
  /** Writes the end record and closes the log. Throws `log.io_error`, `log.replaced`, `log.too_large`. */
  finish(end: RunEnd): FinishedLog;
  /**
   * Closes the log of a suspended run, without an end record. If `answersLater` and only one call is open, writes the mark that the call's
   * handler has begun and answers later. Throws `log.io_error`, `log.replaced`.
   */
  suspend(options?: { readonly answersLater?: boolean }): FinishedLog;
  /** Closes the log without an end record, because of a fault. Removes a new log that has no events. Does nothing after `finish`. */
  abandon(): void;
  /** The files of the log, which the fs calls of the run must not touch. Undefined for a log in memory. */
  readonly ownFiles?: ProtectedFiles;
  /** Only for a continued log: adds an open call with its state to the journal. `n` is the number of the call's event. */
  readonly adopt?: (call: number, n: number, state: OpenState) => void;
}

export interface MemoryRecorder extends Recorder {
  bytes(): Uint8Array;
  readonly blobs: MemoryBlobs;
}

/** Records a log in memory. Computes hashes only when the log is read, because nobody can read it after a crash. */
export function memoryRecorder(run: RunDescription, options: Omit<RecorderOptions, "durable" | "force"> = {}): MemoryRecorder {
  const texts: string[] = [];
  const blobs = memoryBlobs();
  const writer: LogWriter = {
    name: "memory",
    write: (text) => void texts.push(text),
    close: () => undefined,
    checkNotReplaced: () => undefined,
    markOpenCall: () => undefined,
    discard: () => undefined,
  };
  const chain = lazyChain(writer);
  const bytes = (): Uint8Array => {
    chain.lastHash();
    return new TextEncoder().encode(texts.join(""));
  };
  return { ...startRecorder(writer, chain, blobs, run, options), blobs, bytes };
}

/** Starts a log: writes the header and the module. Discards the log if that fails. */
export function startRecorder(
  writer: LogWriter,
  chain: Chain,
  blobs: BlobWriter,
  run: RunDescription,
  options: RecorderOptions & { readonly journal?: OpenJournal },
): Recorder {
  const limits = { ...LOG_LIMITS, ...options.limits };
  try {
    if (options.format === "eventlog") return eventLogRecorder(writer, limits);
    const sign = signerFor(options.key, run.header.runId);
    const { redactable } = run.header;
    const recorder = chainRecorder(writer, chain, blobs, limits, { events: 0, journal: options.journal, sign, redactable });
    recorder.begin(run);
    return recorder;
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** Types of the events that a durable log syncs to disk before the run goes on. */
const SYNCED_EVENTS: ReadonlySet<string> = new Set<RunEventType>(["CapCall", "Approval", "CapResult", "CapError"]);

/** Number of characters of the member `,"hash":"…"` of a record. */
const HASH_UNITS = HASH_MEMBER.length + CHAIN_START.length + 1;
/** Maximum bytes of a record, not counting its event. */
const MAX_ENVELOPE_BYTES = 128 + MAX_SIGNATURE_BYTES;

interface ChainRecorder extends Recorder {
  /** Writes the header and the module. */
  begin(run: RunDescription): void;
}

interface ChainStart {
  /** The number of events that the log already has. */
  readonly events: number;
  /** Undefined for a log in memory. */
  readonly journal: OpenJournal | undefined;
  /** Undefined if the log is not signed. */
  readonly sign: Signer | undefined;
  /** Whether every value is sealed, see `sealed-value.ts`. */
  readonly redactable: boolean;
}

/** Signs the hash of the end record. Returns the text of the signature's member. */
type Signer = (hash: string) => string;

/** Returns the signer of a run. Undefined without a key. */
export const signerFor = (key: SigningKey | undefined, runId: string): Signer | undefined =>
  key === undefined ? undefined : (hash) => signatureMember(key, runId, hash);

/** Creates the recorder of a run log. `chain` and `blobs` do the writing. */
export function chainRecorder(
  writer: LogWriter,
  chain: Chain,
  blobs: BlobWriter,
  limits: LogLimits,
  { events, journal, sign, redactable }: ChainStart,
): ChainRecorder {
  let eventCount = events;
  /** The event number of each open call, by the number of the call. */
  const eventOfCall = new Map<number, number>();
  /** Keeps `eventOfCall` and the journal up to date after an event was written. */
  const noteEvent = (event: RunEvent, call: number): void => {
    if (event.type === "CapCall") {
      eventOfCall.set(call, eventCount);
      journal?.callLogged(eventCount);
    } else if (event.type === "CapResult" || event.type === "CapError") {
      eventOfCall.delete(call);
      journal?.answerLogged();
    }
  };
  // At -1, every value is too long for its record and becomes a blob.
  const inlineBytes = redactable ? -1 : limits.inlineBytes;
  const put: PutBlob = (text, bytes) => {
    if (bytes > limits.blobBytes)
      throw new BorunaError("log.too_large", `a value of ${bytes} bytes is too long for the log (${limits.blobBytes})`);
    const blob = new TextEncoder().encode(redactable ? seal(text) : text);
    return new BlobRef(blobs.put(blob), blob.length);
  };
  /** Throws `log.too_large` if a record is too long. `text` is the record without its hash, or, if `n` is given, the JSON of event `n`. */
  const checkLength = (text: string, n?: number): void => {
    if (text.length * MAX_UNIT_BYTES + MAX_ENVELOPE_BYTES <= limits.lineBytes) return;
    const envelopeBytes =
      HASH_UNITS + (n === undefined ? (sign === undefined ? 0 : MAX_SIGNATURE_BYTES) : EVENT_MEMBER.length + afterEvent(n).length);
    if (utf8Length(text) + envelopeBytes > limits.lineBytes) {
      throw new BorunaError("log.too_large", `a record is longer than ${limits.lineBytes} bytes`, { place: { file: writer.name } });
    }
  };
  const add = (beforeHash: string, afterHash: string, signEnd?: Signer): void => {
    checkLength(beforeHash + afterHash);
    chain.add(beforeHash, afterHash, signEnd);
  };
  const textOf = eventTexts(inlineBytes, put);
  return {
    begin: (run) => {
      add(...aroundHash(headerToJson(run.header)));
      // The folder of blobs belongs to this run only after the header is written and the file has its final name. So write no blob before.
      blobs.put(run.module);
    },
    append: (event, call) => {
      const n = eventCount + 1;
      if (n > limits.events) throw new BorunaError("log.too_large", `more than ${limits.events} events`, { place: { file: writer.name } });
      try {
        const text = textOf(event);
        checkLength(text, n);
        chain.addEvent(text, SYNCED_EVENTS.has(event.type));
      } catch (error) {
        throw withEventCountHint(error, eventCount);
      }
      eventCount = n;
      if (call !== undefined) noteEvent(event, call);
      return undefined;
    },
    adopt: (call, n, state) => {
      eventOfCall.set(call, n);
      journal?.adopt(n, state);
    },
    started: (call) => journal?.stateChanged(eventOfCall.get(call) ?? 0, "started"),
    arrived: (call, answer) => {
      journal?.stateChanged(eventOfCall.get(call) ?? 0, answer);
    },
    finish: (end) => {
      if (end.events !== eventCount) throw new BorunaError("internal", `the run counts ${end.events} events, its log has ${eventCount}`);
      add(`{"end":${jsonText(endToJson(end, inlineBytes, put))}`, "}", sign);
      writer.checkNotReplaced();
      journal?.close(false);
      writer.close();
      return {
        path: writer.name,
        get head() {
          return chain.lastHash();
        },
      };
    },
    suspend: ({ answersLater = false } = {}) => {
      writer.checkNotReplaced();
      const journalStays = journal?.close(true) ?? false;
      // A journal says itself that the call's handler answers later.
      if (answersLater && !journalStays && eventOfCall.size < 2) writer.markOpenCall({ kind: "later", hash: chain.lastHash() });
      writer.close();
      return {
        path: writer.name,
        get head() {
          return chain.lastHash();
        },
      };
    },
    abandon: () => {
      journal?.close(true);
      if (eventCount === 0) writer.discard();
      else writer.close();
    },
  };
}

/** Returns the canonical JSON of the header in two parts: the text before its hash and the text after it. */
function aroundHash(header: JsonObject): readonly [beforeHash: string, afterHash: string] {
  const textOf = (names: readonly string[]): string => jsonText(new Map(names.map((name) => [name, header.get(name) ?? null])));
  const names = [...header.keys()].toSorted(compareUtf8);
  const index = names.findIndex((name) => name > "hash");
  return [textOf(names.slice(0, index)).slice(0, -1), `,${textOf(names.slice(index)).slice(1)}`];
}

/** Adds a hint to a `log.io_error`: how many events the log has, and what can be done with it. Returns other errors unchanged. */
function withEventCountHint(error: unknown, events: number): unknown {
  if (!(error instanceof BorunaError) || error.kind !== "log.io_error") return error;
  const hint = `The run was stopped here. The log keeps the ${events} ${events === 1 ? "event" : "events"} before it: boruna replay reads them, boruna resume goes on with the run.`;
  return new BorunaError(error.kind, error.message, { place: error.place, hint, cause: error });
}

/** Writes records in order, each with its hash. */
interface Chain {
  /** Writes the header or the end record, whose texts before and after the hash are given. `sign` adds a signature after the hash. */
  add(beforeHash: string, afterHash: string, sign?: Signer): void;
  /** Writes the next event. `text` is its canonical JSON. For `mustSync`, see `LogWriter`. */
  addEvent(text: string, mustSync: boolean): void;
  /** Returns the hash of the last record. */
  lastHash(): string;
}

/** Creates a chain that hashes and writes each record immediately. For a continued log, `start` has its last hash and its number of events. */
export function eagerChain(writer: LogWriter, start = { hash: CHAIN_START, events: 0 }): Chain {
  let { hash: previous, events } = start;
  const add = (beforeHash: string, afterHash: string, mustSync: boolean, sign?: Signer): void => {
    const hash = hashOfText(previous, beforeHash + afterHash);
    writer.write(`${beforeHash}${HASH_MEMBER}${hash}"${sign?.(hash) ?? ""}${afterHash}\n`, mustSync);
    previous = hash;
  };
  return {
    add: (beforeHash, afterHash, sign) => add(beforeHash, afterHash, true, sign),
    addEvent: (text, mustSync) => {
      events += 1;
      add(EVENT_MEMBER + text, afterEvent(events), mustSync);
    },
    lastHash: () => previous,
  };
}

/** Creates a chain that keeps the events and the end record in memory, and hashes them only when `lastHash` is called. */
function lazyChain(writer: LogWriter): Chain {
  const chain = eagerChain(writer);
  let texts: string[] = [];
  let end: Parameters<Chain["add"]> | undefined;
  return {
    add: (...record) => {
      // The header is written at once. The end record is written after the events that are still to be hashed.
      if (texts.length === 0) chain.add(...record);
      else end = record;
    },
    addEvent: (text) => {
      texts.push(text);
    },
    lastHash: () => {
      for (const text of texts) chain.addEvent(text, false);
      texts = [];
      if (end !== undefined) chain.add(...end);
      end = undefined;
      return chain.lastHash();
    },
  };
}

function eventLogRecorder(writer: LogWriter, limits: LogLimits): Recorder {
  let events = 0;
  let bytes = 0;
  const write = (text: string, mustSync: boolean): void => {
    bytes += utf8Length(text);
    if (bytes > limits.eventLogBytes) throw new BorunaError("log.too_large", `the event log is longer than ${limits.eventLogBytes} bytes`);
    if (events > limits.events) throw new BorunaError("log.too_large", `more than ${limits.events} events`);
    writer.write(text, mustSync);
  };
  const textOf = eventTexts(limits.inlineBytes);
  write('{"events":[', false);
  const end = (): FinishedLog => {
    write(`],"version":${EVENT_LOG_VERSION}}\n`, true);
    writer.checkNotReplaced();
    writer.close();
    return { path: writer.name };
  };
  return {
    append: (event) => {
      events += 1;
      write(`${events === 1 ? "" : ","}${textOf(eventLogForm(event))}`, SYNCED_EVENTS.has(event.type));
      return undefined;
    },
    finish: end,
    suspend: end,
    abandon: () => (events === 0 ? writer.discard() : writer.close()),
  };
}
