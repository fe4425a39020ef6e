/**
 * The file of a log. Its first record is written under a temporary name, and only then does the file get its own name.
 * So a file of that name is never empty, and an existing file is not overwritten by accident.
 */
import { closeSync, constants, fstatSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type FileIdentity, identityText, type ProtectedFiles } from "../../gateway/protected-files.ts";
import { removeAbandoned, temporaryName } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { removeBlobs } from "./blobs.ts";
import { alreadyExists, hardLinksRefused, toIoError, syncFolder, writeAll } from "./files.ts";
import { LOG_LIMITS } from "./log-limits.ts";
import { isRunLog } from "./log-reader.ts";
import { fileSource } from "./log-source.ts";

/** Where a recorder writes its text. */
export interface LogWriter {
  readonly name: string;
  /** If the log is durable, `important` text (a record that must survive a power failure) is on disk when this returns. */
  write(text: string, important: boolean): void;
  close(): void;
  /** Throws `log.replaced` if the log was removed, or another file has its name. */
  checkNotReplaced(): void;
  /** Removes a log without events, with its blobs. */
  discard(): void;
}

/** A log holds arguments and answers, so only its owner may read it. */
const LOG_MODE = 0o600;
const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

export interface LogFileOptions {
  readonly durable: boolean;
  /** Whether an existing log is replaced. */
  readonly force: boolean;
  /** Receives the identity of the file. */
  readonly ownFiles: ProtectedFiles;
}

/** Creates the file. Throws `log.exists`, `log.io_error`; so may the first `write`, which gives the file its name. */
export function createLogFile(path: string, { durable, force, ownFiles }: LogFileOptions): LogWriter {
  const replaces = checkName(path, force);
  const folder = dirname(path);
  const temporary = join(folder, temporaryName());
  let descriptor: number | undefined = openTemporary(temporary, folder, path);
  const identity = fstatSync(descriptor, { bigint: true });
  ownFiles.add(identity);
  let hasFinalName = false;
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
        if (durable && (important || !hasFinalName)) fsyncSync(descriptor);
        if (hasFinalName) return;
        giveName(temporary, path, replaces);
        hasFinalName = true;
        if (durable) syncFolder(folder);
      } catch (error) {
        // The record may be cut, so nothing may follow it.
        release();
        failure = toIoError(error, "write", path);
        throw failure;
      }
    },
    close: () => {
      finished = true;
      release();
    },
    checkNotReplaced: () => {
      if (isNameOf(path, identity)) return;
      release();
      throw new BorunaError("log.replaced", `${path} was removed or replaced while the run was recorded`, {
        place: { file: path },
        hint: "This run has no log. Give each run a log of its own name.",
      });
    },
    discard: () => {
      if (finished) return;
      release();
      const name = hasFinalName ? path : temporary;
      if (!isNameOf(name, identity)) return;
      try {
        // Before the name is free: afterwards the blobs could be those of another run.
        if (hasFinalName) removeBlobs(path);
      } finally {
        unlinkSync(name);
      }
    },
  };
}

/** Whether the path names this file itself and not a link to it. */
function isNameOf(path: string, identity: FileIdentity): boolean {
  try {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return found !== undefined && identityText(found) === identityText(identity);
  } catch (error) {
    throw toIoError(error, "look at", path);
  }
}

function openTemporary(temporary: string, folder: string, path: string): number {
  try {
    removeAbandoned(folder);
    return openSync(temporary, NEW_FILE, LOG_MODE);
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}

/** Whether the path names a log that is to be replaced. Throws `log.exists`, `log.io_error`. */
function checkName(path: string, force: boolean): boolean {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false;
  } catch (error) {
    throw toIoError(error, "write", path);
  }
  if (!force) throw logExists(path);
  if (!isLog(path)) {
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

/** Throws `log.exists` if another file has the name and is not to be replaced. */
function giveName(temporary: string, path: string, replaces: boolean): void {
  if (replaces) {
    // Two runs may replace the same log at the same time: each writes its own file, and the later rename wins. The old blobs
    // are removed before the rename, so that no blob of the new log is taken for an old one.
    removeBlobs(path);
    renameSync(temporary, path);
    return;
  }
  try {
    // Unlike a rename, a link fails if the name is taken.
    linkSync(temporary, path);
  } catch (error) {
    if (alreadyExists(error)) throw logExists(path);
    if (!hardLinksRefused(error)) throw error;
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw logExists(path);
    renameSync(temporary, path);
    return;
  }
  unlinkSync(temporary);
}

/** Whether the file is empty or begins like a log of either format, complete or not. */
function isLog(path: string): boolean {
  const source = fileSource(path);
  for (const chunk of source.chunks()) {
    if (isRunLog(source, LOG_LIMITS)) return true;
    const start = Buffer.from(chunk.subarray(0, 4096)).toString("latin1");
    return /^\s*\{\s*"(?:events|version)"/.test(start) || /^\{"args":[^]*"boruna_log":/.test(start);
  }
  return true;
}
