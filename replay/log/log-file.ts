/**
 * Creates, continues and writes the file of a log. The file gets its final name only after its first record is written. So a file with the
 * final name is never empty, and an existing file is not overwritten by accident. At most one process writes a log, see `log-lock.ts`.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type FileIdentity, identityText, type ProtectedFiles } from "../../gateway/protected-files.ts";
import { removeAbandonedOnce, temporaryName } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { removeBlobs } from "./blobs.ts";
import { alreadyExists, linksRefused, toIoError, syncFolder, writeAll } from "./files.ts";
import { LOG_LIMITS } from "./log-limits.ts";
import { type LogLock, lockLog } from "./log-lock.ts";
import { isRunLog } from "./log-reader.ts";
import { MAX_UNIT_BYTES } from "./hash-chain.ts";
import { removeOpenJournal } from "./open-journal.ts";
import { type OpenMark, removeOpenMark, writeOpenMark } from "./open-mark.ts";
import { fileSource, LINE_FEED } from "./log-source.ts";

/** Receives the text of a recorder. It is a file, or memory. */
export interface LogWriter {
  readonly name: string;
  /** Writes text. If the log is durable and `mustSync` is true, the text is on disk when this method returns. */
  write(text: string, mustSync: boolean): void;
  close(): void;
  /** Throws `log.replaced` if the log was removed, or if another file now has its name. */
  checkNotReplaced(): void;
  /** Marks the open call of the log, see `open-mark.ts`. */
  markOpenCall(mark: OpenMark): void;
  /** Closes the log. A newly created log is removed with its blobs. Call this only for a log without events. */
  discard(): void;
}

/** Only the owner may read a log, because it holds arguments and answers. */
const LOG_MODE = 0o600;
const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

interface LogFileOptions {
  /** Whether `mustSync` in `LogWriter.write` has an effect. */
  readonly durable: boolean;
  /** Whether to replace an existing log. */
  readonly force: boolean;
  /** Receives the identity of the file. */
  readonly ownFiles: ProtectedFiles;
}

/**
 * Creates the file. The first `write` gives it its final name and locks it. Both this function and the first `write` may throw `log.exists`
 * or `log.io_error`.
 */
export function createLogFile(path: string, { durable, force, ownFiles }: LogFileOptions): LogWriter {
  const replacesLog = checkLogName(path, force);
  const folder = dirname(path);
  const temporary = join(folder, temporaryName());
  const descriptor = openTemporary(temporary, folder, path);
  const identity = fstatSync(descriptor, { bigint: true });
  ownFiles.add(identity);
  let lock: LogLock | undefined;
  let hasFinalName = false;
  return logWriter({ path, descriptor, identity, durable }, () => lock, {
    afterFirstWrite: () => {
      lock = lockLog(path, { replaces: replacesLog });
      ownFiles.add(lock.identity);
      // Remove the mark and the journal that an earlier log of this name left.
      removeOpenMark(path);
      removeOpenJournal(path);
      giveName(temporary, path, replacesLog);
      hasFinalName = true;
      if (durable) syncFolder(folder);
    },
    discard: () => {
      const name = hasFinalName ? path : temporary;
      if (!isNameOf(name, identity)) return;
      try {
        // Remove the blobs while this log still has its name. Afterwards another run could take the name and its blobs.
        if (hasFinalName) removeBlobs(path);
      } finally {
        unlinkSync(name);
      }
    },
  });
}

/** Returns a text that changes when the file is written or replaced. Undefined if the file does not exist. */
export function fileStamp(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : stampOf(stats);
}

const stampOf = (stats: BigIntStats): string => `${identityText(stats)}:${stats.size}:${stats.mtimeNs}`;

/** A log that is continued. */
export interface ContinuedLog {
  readonly path: string;
  /** The number of bytes to keep. `ReopenedLog.cut` cuts off the rest of the file. */
  readonly bytes: number;
  /** The `fileStamp` from before the log was read. */
  readonly stamp: string | undefined;
}

interface ReopenedLog {
  readonly writer: LogWriter;
  /** Cuts the file to the `bytes` to keep. Call it once, before the first write. Throws `log.locked` and errors of `node:fs`. */
  readonly cut: () => void;
}

/**
 * Opens and locks an existing log, to continue it. Does not change the file. Throws `log.locked`, `log.io_error`, and `log.changed` if the
 * file no longer has its `stamp`, because another process wrote it after it was read.
 */
export function reopenLogFile({ path, bytes, stamp }: ContinuedLog, { durable, ownFiles }: Omit<LogFileOptions, "force">): ReopenedLog {
  const lock = lockLog(path);
  try {
    const descriptor = openToAppend(path);
    const stats = fstatSync(descriptor, { bigint: true });
    if (stampOf(stats) !== stamp) {
      closeSync(descriptor);
      throw new BorunaError("log.changed", `${path} was changed while it was read`, { place: { file: path }, hint: "Try again." });
    }
    ownFiles.add(stats);
    ownFiles.add(lock.identity);
    const cut = (): void => {
      lock.check();
      ftruncateSync(descriptor, bytes);
      // The reader accepts a header without its line feed, so add the missing one.
      if (!endsWithLineFeed(descriptor, bytes)) writeAll(descriptor, Uint8Array.of(LINE_FEED));
    };
    return { writer: logWriter({ path, descriptor, identity: stats, durable }, () => lock, {}), cut };
  } catch (error) {
    lock.release();
    throw toIoError(error, "write", path);
  }
}

function openToAppend(path: string): number {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new BorunaError("log.io_error", `cannot write ${path}: it is not a file`, { place: { file: path } });
}

function endsWithLineFeed(descriptor: number, bytes: number): boolean {
  const last = new Uint8Array(1);
  readSync(descriptor, last, 0, 1, bytes - 1);
  return last[0] === LINE_FEED;
}

interface OpenLog {
  readonly path: string;
  readonly descriptor: number;
  readonly identity: FileIdentity;
  readonly durable: boolean;
}

/** Additional steps in the writer of a new log. The writer of a continued log has none. */
interface WriterSteps {
  /** Called when the first record is written. Gives the file, which is temporary until then, the name of the log. */
  readonly afterFirstWrite?: () => void;
  /** Called by `LogWriter.discard`. Removes the file and its blobs. */
  readonly discard?: () => void;
}

/** Holds the bytes of the record that is being written, if they fit. Reusing the buffer saves memory. */
const sharedBuffer = Buffer.allocUnsafe(16 * 1024);

/** Returns the text as UTF-8. The bytes are valid until the next call. */
function encoded(text: string): Uint8Array {
  return text.length * MAX_UNIT_BYTES <= sharedBuffer.length ? sharedBuffer.subarray(0, sharedBuffer.write(text)) : Buffer.from(text);
}

/** Creates the writer of an open file. `lock` returns the lock of the log, once there is one. Closing the writer releases the lock. */
function logWriter({ path, descriptor, identity, durable }: OpenLog, lock: () => LogLock | undefined, steps: WriterSteps): LogWriter {
  let isOpen = true;
  let isFirst = true;
  let failure: BorunaError | undefined;
  let isFinished = false;
  const release = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    name: path,
    write: (text, mustSync) => {
      if (failure !== undefined) throw failure;
      if (!isOpen) throw new BorunaError("log.closed", `${path} is closed`, { place: { file: path } });
      try {
        writeAll(descriptor, encoded(text));
        if (durable && (mustSync || isFirst)) fsyncSync(descriptor);
        if (isFirst) steps.afterFirstWrite?.();
        isFirst = false;
      } catch (error) {
        // The record may be incomplete, so no further record may follow.
        release();
        failure = toIoError(error, "write", path);
        throw failure;
      }
    },
    close: () => {
      isFinished = true;
      release();
      lock()?.release();
    },
    checkNotReplaced: () => {
      if (isNameOf(path, identity)) return;
      release();
      throw new BorunaError("log.replaced", `${path} was removed or replaced while the run was recorded`, {
        place: { file: path },
        hint: "This run has no log. Give each run a log of its own name.",
      });
    },
    markOpenCall: (mark) => writeOpenMark(path, mark),
    discard: () => {
      if (isFinished) return;
      release();
      try {
        steps.discard?.();
      } finally {
        lock()?.release();
      }
    },
  };
}

/** Whether the path names this very file, not another file or a symbolic link. */
function isNameOf(path: string, identity: FileIdentity): boolean {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats !== undefined && identityText(stats) === identityText(identity);
  } catch (error) {
    throw toIoError(error, "look at", path);
  }
}

function openTemporary(temporary: string, folder: string, path: string): number {
  try {
    removeAbandonedOnce(folder);
    return openSync(temporary, NEW_FILE, LOG_MODE);
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}

/** Returns whether the new log replaces an existing log. Throws `log.exists` if it may not replace the file, and `log.io_error`. */
export function checkLogName(path: string, force: boolean): boolean {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  } catch (error) {
    throw toIoError(error, "write", path);
  }
  if (!force) throw logExistsError(path);
  if (!isLog(path)) {
    throw new BorunaError("log.exists", `${path} is already there and is not a log`, {
      place: { file: path },
      hint: "Choose another name.",
    });
  }
  return true;
}

const logExistsError = (path: string): BorunaError =>
  new BorunaError("log.exists", `${path} is already there`, {
    place: { file: path },
    hint: "A log is evidence and is not overwritten: choose another name, or set `force` in the option `record`.",
  });

/** Gives the file its final name. Throws `log.exists` if another file has the name and may not be replaced. */
function giveName(temporary: string, path: string, replacesLog: boolean): void {
  if (replacesLog) {
    // Two runs may replace the same log at the same time. Each writes its own file, and the later rename wins. Remove the
    // old blobs before the rename, because afterwards the folder may have blobs of the new log.
    removeBlobs(path);
    renameSync(temporary, path);
    return;
  }
  try {
    // A hard link fails if the name exists. A rename would replace the file.
    linkSync(temporary, path);
  } catch (error) {
    if (alreadyExists(error)) throw logExistsError(path);
    if (!linksRefused(error)) throw error;
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw logExistsError(path);
    renameSync(temporary, path);
    return;
  }
  unlinkSync(temporary);
}

/** Whether the file is empty or begins like a log of either format. The log may be incomplete. */
export function isLog(path: string): boolean {
  const source = fileSource(path);
  for (const chunk of source.chunks()) {
    if (isRunLog(source, LOG_LIMITS)) return true;
    const start = Buffer.from(chunk.subarray(0, 4096)).toString("latin1");
    return /^\s*\{\s*"(?:events|version)"/.test(start) || /^\{"args":[^]*"boruna_log":/.test(start);
  }
  return true;
}
