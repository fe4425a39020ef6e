/**
 * The file of a log: written under a temporary name until it has its first record, then given its own, so that a file of
 * that name is never empty and never another's.
 */
import { closeSync, constants, fstatSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FileIdentity, identityText, type ProtectedFiles } from "../../gateway/protected-files.ts";
import { removeAbandoned, temporaryName } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { removeBlobs } from "./blobs.ts";
import { alreadyExists, hasNoLinks, ioError, syncFolder, writeAll } from "./files.ts";
import { LOG_LIMITS } from "./log-limits.ts";
import { isRunLog } from "./log-reader.ts";
import { fileSource } from "./log-source.ts";

/** Where the text goes. `important` text is on disk when `write` returns, if the log is durable. */
export interface LogWriter {
  readonly name: string;
  write(text: string, important: boolean): void;
  close(): void;
  /** Throws `log.replaced` when another file stands under the name by now: what was written is in none. */
  checkInPlace(): void;
  /** Takes back a log that was only begun. */
  discard(): void;
}

/** A log holds arguments and answers: its owner alone may read it. */
const LOG_MODE = 0o600;
const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

export interface LogFileOptions {
  readonly durable: boolean;
  /** Replaces an older log. */
  readonly force: boolean;
  /** Gets the file. */
  readonly own: ProtectedFiles;
}

/** Throws `log.exists`, `log.io_error`. The first `write` gives the file its name, and may throw both too. */
export function logFile(path: string, { durable, force, own }: LogFileOptions): LogWriter {
  const replaces = checkName(path, force);
  const folder = dirname(path);
  const temporary = join(folder, temporaryName());
  let descriptor: number | undefined = openTemporary(temporary, folder, path);
  const identity = fstatSync(descriptor, { bigint: true });
  own.add(identity);
  let isPlaced = false;
  let failure: BorunaError | undefined;
  let finished = false;
  const release = (): void => {
    const open = descriptor;
    descriptor = undefined;
    if (open !== undefined) closeSync(open);
  };
  const encoder = new TextEncoder();
  return {
    name: path,
    write: (text, important) => {
      if (failure !== undefined) throw failure;
      if (descriptor === undefined) throw new BorunaError("log.closed", `${path} is closed`, { place: { file: path } });
      try {
        writeAll(descriptor, encoder.encode(text));
        if (durable && (important || !isPlaced)) fsyncSync(descriptor);
        if (isPlaced) return;
        place(temporary, path, replaces);
        isPlaced = true;
        if (durable) syncFolder(folder);
      } catch (error) {
        // What was written of the record is a cut tail: nothing may follow it.
        release();
        failure = ioError(error, "write", path);
        throw failure;
      }
    },
    close: () => {
      finished = true;
      release();
    },
    checkInPlace: () => {
      if (isAt(path, identity)) return;
      release();
      throw new BorunaError("log.replaced", `${path} was removed or replaced while the run was recorded`, {
        place: { file: path },
        hint: "This run has no log. Give each run a log of its own name.",
      });
    },
    discard: () => {
      if (finished) return;
      release();
      const name = isPlaced ? path : temporary;
      if (!isAt(name, identity)) return;
      try {
        // Before the name is free for another run, whose blobs these would be.
        if (isPlaced) removeBlobs(path);
      } finally {
        unlinkSync(name);
      }
    },
  };
}

/** Whether this file, and not a link to it, has the name. */
function isAt(path: string, identity: FileIdentity): boolean {
  try {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return found !== undefined && identityText(found) === identityText(identity);
  } catch (error) {
    throw ioError(error, "look at", path);
  }
}

function openTemporary(temporary: string, folder: string, path: string): number {
  try {
    removeAbandoned(folder);
    return openSync(temporary, NEW_FILE, LOG_MODE);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

/** Whether an older log is to be replaced. */
function checkName(path: string, force: boolean): boolean {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  } catch (error) {
    throw ioError(error, "write", path);
  }
  if (!force) throw logExists(path);
  if (!overwritable(path)) {
    throw new BorunaError("log.exists", `${path} is already there and is not a log`, {
      place: { file: path },
      hint: "Choose another name.",
    });
  }
  return true;
}

const logExists = (path: string): BorunaError =>
  new BorunaError("log.exists", `${path} is already there`, {
    place: { file: path },
    hint: "A log is evidence and is not overwritten: choose another name, or say --force.",
  });

/** Gives the file its name. Throws `log.exists` where another file has it. */
function place(temporary: string, path: string, replaces: boolean): void {
  if (replaces) {
    // Of two runs that replace a log at the same time, each has a file of its own, and the later one stays. The blobs go
    // before the old file, so that none of the file that stays is taken for an old one.
    removeBlobs(path);
    renameSync(temporary, path);
    return;
  }
  try {
    // Unlike a rename, a link does not replace what is there.
    linkSync(temporary, path);
  } catch (error) {
    if (alreadyExists(error)) throw logExists(path);
    if (!hasNoLinks(error)) throw error;
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw logExists(path);
    renameSync(temporary, path);
    return;
  }
  unlinkSync(temporary);
}

/** Empty, or the beginning of a log of either form, whole or not. */
function overwritable(path: string): boolean {
  const source = fileSource(path);
  for (const chunk of source.chunks()) {
    if (isRunLog(source, LOG_LIMITS)) return true;
    const start = Buffer.from(chunk.subarray(0, 4096)).toString("latin1");
    return /^\s*\{\s*"(?:events|version)"/.test(start) || /^\{"args":[^]*"boruna_log":/.test(start);
  }
  return true;
}
