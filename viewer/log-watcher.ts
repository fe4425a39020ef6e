/** Finds logs in files and folders, and reads what is appended to them, until the watcher is closed. */
import { readdirSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { sha256Hex } from "../gateway/digest.ts";
import { isLog } from "../replay/log/log-file.ts";
import { BorunaError, errorCode } from "../vm/error.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";
import { LogIndex } from "./log-index.ts";

const POLL_MS = 300;
const MAX_LOGS = 10_000;
/** Maximum number of files and folders that one search for logs examines. */
const MAX_ENTRIES = 200_000;
/** Maximum number of events in the indexes of all logs together. */
const MAX_EVENTS = 20_000_000;
const MAX_DEPTH = 64;
/** How long indexing may run before it yields to other work, in milliseconds. */
const TURN_MS = 15;

export interface LogWatcherOptions {
  readonly paths: readonly string[];
  /** Called when a log is new or has changed, or, with `isGone`, when its file no longer exists. */
  readonly onChange: (log: WatchedLog, isGone: boolean) => void;
}

/** A log and its index. */
export interface WatchedLog {
  /** Stays the same while the file keeps its path. */
  readonly id: string;
  readonly index: LogIndex;
}

export class LogWatcher {
  readonly #options: LogWatcherOptions;
  readonly #logs = new Map<string, WatchedLog>();
  /** Files that are not logs, by path, with the inode, size and time of change that they had when they were examined. */
  readonly #notLogs = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #turnStart = performance.now();

  constructor(options: LogWatcherOptions) {
    this.#options = options;
  }

  /** The logs by path. */
  get logs(): ReadonlyMap<string, WatchedLog> {
    return this.#logs;
  }

  /** Throws `usage` if one of the paths does not exist. */
  check(): void {
    for (const path of this.#options.paths) {
      if (statOf(path) === undefined) throw new BorunaError("usage", `there is no file or folder ${path}`, { place: { file: path } });
    }
  }

  /** Reads all logs once, then watches them. Resolves when every log has been read. */
  start(): Promise<void> {
    return this.#poll();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Finds the logs and reads what is new in them, and then does so again after a while. */
  async #poll(): Promise<void> {
    const found = this.#options.paths.length === 0 ? new Map<string, Stats>() : this.#find();
    for (const [path, stats] of found) {
      if (this.#isClosed) return;
      await this.#refresh(path, stats);
    }
    for (const [path, log] of this.#logs) {
      if (found.has(path)) continue;
      this.#logs.delete(path);
      this.#options.onChange(log, true);
    }
    if (!this.#isClosed && this.#options.paths.length > 0) this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }

  async #refresh(path: string, stats: Stats): Promise<void> {
    let log = this.#logs.get(path);
    if (log === undefined) {
      log = { id: `log-${sha256Hex(resolve(path)).slice(0, 16)}`, index: new LogIndex(path) };
      this.#logs.set(path, log);
      this.#options.onChange(log, false);
    }
    const room = MAX_EVENTS - this.#eventCount();
    if (await log.index.refresh(stats, room, () => this.#pause())) this.#options.onChange(log, false);
  }

  #eventCount(): number {
    let count = 0;
    for (const { index } of this.#logs.values()) count += index.summary.eventCount;
    return count;
  }

  async #pause(): Promise<void> {
    if (performance.now() - this.#turnStart < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnStart = performance.now();
  }

  /** Returns the logs that exist now, sorted by path. A file that the user has named counts as a log, whatever it contains. */
  #find(): ReadonlyMap<string, Stats> {
    const found: [string, Stats][] = [];
    let entries = 0;
    const unvisited: { readonly path: string; readonly depth: number }[] = [];
    for (const path of this.#options.paths) {
      const stats = statOf(path);
      if (stats?.isDirectory() === true) unvisited.push({ path, depth: 0 });
      else if (stats !== undefined) found.push([path, stats]);
    }
    for (let folder = unvisited.pop(); folder !== undefined; folder = unvisited.pop()) {
      for (const entry of entriesOf(folder.path)) {
        entries += 1;
        if (entries > MAX_ENTRIES || found.length >= MAX_LOGS) return new Map(found);
        const path = join(folder.path, entry.name);
        const isSkipped = entry.name.startsWith(".") || entry.name.endsWith(".blobs") || entry.name === "node_modules";
        if (entry.isDirectory() && !isSkipped && folder.depth < MAX_DEPTH) unvisited.push({ path, depth: folder.depth + 1 });
        const stats = entry.isFile() && /\.jsonl?$/.test(entry.name) ? statOf(path) : undefined;
        if (stats !== undefined && (this.#logs.has(path) || this.#isLog(path, stats))) found.push([path, stats]);
      }
    }
    return new Map(found.sort(([a], [b]) => compareUtf8(a, b)));
  }

  /** Whether a file begins like a log. If not, the file is not opened again until it changes. */
  #isLog(path: string, stats: Stats): boolean {
    const state = `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
    if (this.#notLogs.get(path) === state) return false;
    try {
      if (stats.size > 0 && isLog(path)) {
        this.#notLogs.delete(path);
        return true;
      }
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
    }
    this.#notLogs.set(path, state);
    return false;
  }
}

/** Returns undefined for a file that does not exist or cannot be accessed. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return undefined;
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return [];
  }
}
