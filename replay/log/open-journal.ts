/**
 * The journal of open calls: the file `LOG.open` beside a log. While two or more calls are open, it says of each whether its handler has
 * started and what has arrived for it, since the log only says so when it is the call's turn. If the process is killed, `resume` reads
 * it, so that a call that was answered, or was never made, is not in doubt. The journal is outside of the hash chain, no part of the
 * evidence, and removed at the end of the run. Its lines, in which `n` is the number of the call's `CapCall` event:
 *
 *     boruna-open 1 RUN_ID
 *     started n
 *     answered n {"CapResult":…}        or {"CapError":…}
 *     later n                           the handler answers later
 *
 * A journal that is missing or torn puts every open call in doubt.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, lstatSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import type { ProtectedFiles } from "../../gateway/protected-files.ts";
import { BorunaError } from "../../vm/error.ts";
import type { AnswerEvent } from "../../vm/events.ts";
import { parseJson } from "../../vm/json/json.ts";
import type { BlobReader } from "./memory-blobs.ts";
import { jsonText } from "./blob-values.ts";
import { eventFromJson, eventToJson, loadEvent } from "./event-json.ts";
import { isMissing, isNotAFolder, toIoError } from "./files.ts";
import { RECORD_JSON_DEPTH } from "./log-limits.ts";
import type { RunLog } from "./log-reader.ts";
import { openPath } from "./open-mark.ts";

/** What is known of an open call: its handler has started, will answer later, or has answered with this event. Undefined: it has not started. */
export type OpenState = "started" | "later" | AnswerEvent | undefined;

const FIRST_LINE = "boruna-open 1 ";

/** Writes the journal of one run. Holds the state of every open call, so that the file can begin at any time. */
export class OpenJournal {
  readonly #path: string;
  readonly #runId: string;
  readonly #durable: boolean;
  readonly #ownFiles: ProtectedFiles;
  /** The open calls by the numbers of their events, oldest first. */
  readonly #open = new Map<number, OpenState>();
  #descriptor: number | undefined;
  /** Whether the file describes every open call. */
  #isCurrent = false;

  constructor(logPath: string, runId: string, durable: boolean, ownFiles: ProtectedFiles) {
    this.#path = openPath(logPath);
    this.#runId = runId;
    this.#durable = durable;
    this.#ownFiles = ownFiles;
  }

  /** An earlier process has logged a call. The file is as that process left it until the next change. */
  adopt(n: number, state: OpenState): void {
    this.#open.set(n, state);
  }

  /** A call was logged. */
  called(n: number): void {
    this.#open.set(n, undefined);
    if (!this.#isCurrent) this.#begin();
  }

  /** The state of an open call has changed. */
  changed(n: number, state: OpenState): void {
    if (!this.#open.has(n)) return;
    this.#open.set(n, state);
    if (this.#isCurrent) this.#append(lineOf(n, state));
    else this.#begin();
  }

  #begin(): void {
    if (this.#open.size < 2) return;
    this.#write(`${FIRST_LINE}${this.#runId}\n${[...this.#open].map(([event, state]) => lineOf(event, state)).join("")}`);
    this.#isCurrent = true;
  }

  /** The log has the answer of the oldest open call. */
  answered(): void {
    for (const n of this.#open.keys()) {
      this.#open.delete(n);
      break;
    }
    if (this.#open.size > 0 || !this.#isCurrent) return;
    this.#isCurrent = false;
    this.#io(() => this.#descriptor !== undefined && ftruncateSync(this.#descriptor));
  }

  /** Closes the file. With `keep`, the file stays if it describes more than one open call. Otherwise it is deleted, even if an earlier process made it. */
  close(keep: boolean): void {
    const isOpen = this.#descriptor !== undefined;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    if (keep ? isOpen && !this.#isCurrent : isOpen || isJournal(this.#path)) this.#io(() => rmSync(this.#path, { force: true }));
  }

  /** Replaces the content at once, so that a killed process leaves the old one or the new one. */
  #write(text: string): void {
    this.#io(() => {
      const temporary = `${this.#path}.${process.pid}`;
      if (this.#descriptor !== undefined) closeSync(this.#descriptor);
      rmSync(temporary, { force: true });
      this.#descriptor = openSync(temporary, "wx", 0o600);
      this.#ownFiles.add(fstatSync(this.#descriptor, { bigint: true }));
      writeSync(this.#descriptor, text);
      if (this.#durable) fsyncSync(this.#descriptor);
      renameSync(temporary, this.#path);
    });
  }

  #append(text: string): void {
    this.#io(() => {
      if (this.#descriptor === undefined) return;
      writeSync(this.#descriptor, text);
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

/** Removes a journal that an earlier log of this name has left. Throws `log.io_error`. */
export function removeOpenJournal(logPath: string): void {
  const path = openPath(logPath);
  try {
    if (isJournal(path)) rmSync(path, { force: true });
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}

/** Whether the file is a journal, or one that is empty because no call is open. */
function isJournal(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const text = readFileSync(path, "utf8");
  return text === "" || text.startsWith(FIRST_LINE);
}

function lineOf(n: number, state: OpenState): string {
  if (state === undefined) return "";
  return typeof state === "string" ? `${state} ${n}\n` : `answered ${n} ${jsonText(eventToJson(state, Number.POSITIVE_INFINITY))}\n`;
}

/** Reads the journal of a log. Returns undefined if there is none, or if it is torn or of another log. Throws `log.io_error`. */
export function readOpenJournal({ file, header, eventCount, blobs }: JournaledLog): ReadonlyMap<number, OpenState> | undefined {
  const path = openPath(file);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // A link to nowhere is an open mark.
    if (isMissing(error) || isNotAFolder(error)) return undefined;
    throw toIoError(error, "read", path);
  }
  const lines = text.split("\n");
  if (lines.pop() !== "" || lines.shift() !== FIRST_LINE + header.runId) return undefined;
  const states = new Map<number, OpenState>();
  for (const line of lines) {
    const { kind, n, json } = LINE.exec(line)?.groups ?? {};
    const state = kind === "started" || kind === "later" ? kind : answerOf(json, blobs);
    // The journal never knows more calls than its log.
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
