/**
 * The journal of open calls: the file `LOG.open` beside a log. A call is open until its answer is in the log. Answers get into the log in the
 * order of the calls, so some arrive earlier. The journal says which handlers have started and which answers have arrived. It begins when two
 * calls are open at the same time, and is emptied or deleted when no call is open. If the process is killed, `resume` reads it, so a call that was
 * answered or never made is not in doubt. The journal is not covered by the hash chain and is no evidence. It is removed at the end of the
 * run. In its lines, `n` is the number of the call's `CapCall` event:
 *
 *     boruna-open 1 RUN_ID
 *     started n
 *     answered n {"CapResult":…}        or {"CapError":…}
 *     later n                           the handler answers later
 *
 * If there are several open calls and no complete journal, every handler counts as started.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, lstatSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import type { ProtectedFiles } from "../../gateway/protected-files.ts";
import { BorunaError } from "../../vm/error.ts";
import type { AnswerEvent } from "../../vm/events.ts";
import { parseJson } from "../../vm/json/json.ts";
import type { BlobReader } from "./memory-blobs.ts";
import { jsonText } from "./blob-values.ts";
import { eventFromJson, eventToJson, loadEvent } from "./event-json.ts";
import { isMissing, isNotAFolder, toIoError, writeAll } from "./files.ts";
import { RECORD_JSON_DEPTH } from "./log-limits.ts";
import type { RunLog } from "./log-reader.ts";
import { openStatePath } from "./open-mark.ts";

/** Whether the handler of an open call has started, answers later, or has answered with this event. Undefined: it has not started. */
export type OpenState = "started" | "later" | AnswerEvent | undefined;

const FIRST_LINE = "boruna-open 1 ";

/** Writes the journal of one run. Also keeps the state of every open call in memory, because the file may begin at any later call. */
export class OpenJournal {
  readonly #path: string;
  readonly #runId: string;
  readonly #durable: boolean;
  readonly #ownFiles: ProtectedFiles;
  /** The open calls by the numbers of their events, oldest first. */
  readonly #open = new Map<number, OpenState>();
  #descriptor: number | undefined;
  /** Whether the file describes every open call. */
  #fileDescribesOpenCalls = false;
  /** Whether an earlier process left a journal. It must not outlive the state that it describes, so the next change replaces it. */
  #earlierFile = false;

  constructor(logPath: string, runId: string, durable: boolean, ownFiles: ProtectedFiles) {
    this.#path = openStatePath(logPath);
    this.#runId = runId;
    this.#durable = durable;
    this.#ownFiles = ownFiles;
  }

  /** Adds an open call that an earlier process logged. Does not write the file: until the next change, that process's file describes the call. */
  adopt(n: number, state: OpenState): void {
    this.#open.set(n, state);
    this.#io(() => (this.#earlierFile ||= isJournal(this.#path)));
  }

  /** Call this when the log has the event `n`, a `CapCall`. */
  callLogged(n: number): void {
    this.#open.set(n, undefined);
    if (!this.#fileDescribesOpenCalls) this.#begin();
  }

  /** Call this when the state of an open call has changed. Ignores a call that is not open. */
  stateChanged(n: number, state: OpenState): void {
    if (!this.#open.has(n)) return;
    this.#open.set(n, state);
    if (this.#fileDescribesOpenCalls) this.#append(lineOf(n, state));
    else this.#begin();
  }

  #begin(): void {
    if (this.#open.size < 2 && !this.#earlierFile) return;
    this.#write(`${FIRST_LINE}${this.#runId}\n${[...this.#open].map(([event, state]) => lineOf(event, state)).join("")}`);
    this.#fileDescribesOpenCalls = true;
    this.#earlierFile = false;
  }

  /** Call this when the log has the answer of the oldest open call. */
  answerLogged(): void {
    for (const n of this.#open.keys()) {
      this.#open.delete(n);
      break;
    }
    if (this.#open.size > 0) return;
    if (this.#fileDescribesOpenCalls) this.#io(() => this.#descriptor !== undefined && ftruncateSync(this.#descriptor));
    if (this.#earlierFile) this.#io(() => rmSync(this.#path, { force: true }));
    this.#fileDescribesOpenCalls = false;
    this.#earlierFile = false;
  }

  /**
   * Closes the file and deletes it, even if an earlier process made it. With `keep`, a file stays if it describes open calls. Returns whether
   * one stays.
   */
  close(keep: boolean): boolean {
    const isOpen = this.#descriptor !== undefined;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (keep ? isOpen && !this.#fileDescribesOpenCalls : isOpen || isJournal(this.#path))
      this.#io(() => rmSync(this.#path, { force: true }));
    return keep && (this.#fileDescribesOpenCalls || this.#earlierFile);
  }

  /** Replaces the file in one step, so a killed process leaves either the old content or the new content. */
  #write(text: string): void {
    this.#io(() => {
      const temporary = `${this.#path}.${process.pid}`;
      if (this.#descriptor !== undefined) closeSync(this.#descriptor);
      rmSync(temporary, { force: true });
      this.#descriptor = openSync(temporary, "wx", 0o600);
      this.#ownFiles.add(fstatSync(this.#descriptor, { bigint: true }));
      writeAll(this.#descriptor, Buffer.from(text));
      if (this.#durable) fsyncSync(this.#descriptor);
      renameSync(temporary, this.#path);
    });
  }

  #append(text: string): void {
    this.#io(() => {
      if (this.#descriptor === undefined) return;
      writeAll(this.#descriptor, Buffer.from(text));
      if (this.#durable) fsyncSync(this.#descriptor);
    });
  }

  #io(body: () => unknown): void {
    try {
      body();
    } catch (error) {
      throw toIoError(error, "write", this.#path);
    }
  }
}

/** Removes a journal that an earlier log of this name left. Throws `log.io_error`. */
export function removeOpenJournal(logPath: string): void {
  const path = openStatePath(logPath);
  try {
    if (isJournal(path)) rmSync(path, { force: true });
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}

/** Whether the file is a journal. An empty file is one, because a journal is emptied when no call is open. */
function isJournal(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const text = readFileSync(path, "utf8");
  return text === "" || text.startsWith(FIRST_LINE);
}

function lineOf(n: number, state: OpenState): string {
  if (state === undefined) return "";
  return typeof state === "string" ? `${state} ${n}\n` : `answered ${n} ${jsonText(eventToJson(state, Number.POSITIVE_INFINITY))}\n`;
}

/** Reads the journal of a log, by event number. Returns undefined if the journal is missing, incomplete, or of another run. Throws `log.io_error`. */
export function readOpenJournal({ file, header, eventCount, blobs }: JournaledLog): ReadonlyMap<number, OpenState> | undefined {
  const path = openStatePath(file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // `LOG.open` may also be an open mark, which is a link to nowhere.
    if (isMissing(error) || isNotAFolder(error)) return undefined;
    throw toIoError(error, "read", path);
  }
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.shift() !== FIRST_LINE + header.runId) return undefined;
  const states = new Map<number, OpenState>();
  for (const line of lines) {
    const { kind, n, json } = LINE.exec(line)?.groups ?? {};
    const state = kind === "started" || kind === "later" ? kind : answerOf(json, blobs);
    // The log gets a call before its journal does. So a journal with a later call belongs to another log.
    if (state === undefined || Number(n) > eventCount) return undefined;
    states.set(Number(n), state);
  }
  return states;
}

type JournaledLog = Pick<RunLog, "file" | "header" | "eventCount" | "blobs">;

const LINE = /^(?<kind>started|later|answered) (?<n>\d{1,15})(?: (?<json>\{.*\}))?$/;

function answerOf(json: string | undefined, blobs: BlobReader): OpenState {
  if (json === undefined) return undefined;
  try {
    const event = loadEvent(eventFromJson(parseJson(json, { maxDepth: RECORD_JSON_DEPTH })), blobs);
    return event.type === "CapResult" || event.type === "CapError" ? event : undefined;
  } catch (error) {
    if (error instanceof BorunaError && error.kind !== "internal") return undefined;
    throw error;
  }
}
