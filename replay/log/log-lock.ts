/**
 * Locks a log for the process that writes it. The lock is the symbolic link `LOG.lock`. The link's target is not a file but a text that
 * names the process. Creating a link is atomic and fails if the name exists, so at most one process has the lock. A process may remove the
 * lock of a process that no longer runs. On a file system without symbolic links, the lock is a file with the same text.
 *
 * Systems reuse process ids, so on Linux the text also has the start time of the process and the id of the computer's boot.
 */
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { randomHex } from "../../gateway/digest.ts";
import { identityText, type FileIdentity } from "../../gateway/protected-files.ts";
import { bootId, isRunning, processStartTime } from "../../gateway/processes.ts";
import { computerDigest } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { lazily } from "../../vm/lazy.ts";
import { alreadyExists, isMissing, isNotALink, linksRefused, toIoError, writeAll } from "./files.ts";

export interface LogLock {
  /** The identity of the link or file. The fs calls of the run must not touch it. */
  readonly identity: FileIdentity;
  /** Throws `log.locked` if the lock is no longer ours. */
  check(): void;
  release(): void;
}

/** Maximum number of attempts to get the lock. An attempt that removes a stale lock is followed by another; so is one that another process disturbs. */
const MAX_ATTEMPTS = 100;

/**
 * Locks the log at `logPath`. With `replaces`, removes the lock even of a running process: the caller replaces the log by a new file, so the
 * two processes do not write the same file. Throws `log.locked`, `log.io_error`.
 */
export function lockLog(logPath: string, { replaces = false }: { readonly replaces?: boolean } = {}): LogLock {
  const path = `${logPath}.lock`;
  const text = holderText();
  try {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (create(path, text)) return lockOf(logPath, path, text);
      const current = textOf(path);
      if (current === undefined) continue;
      if (!replaces && mayRun(current)) throw lockedError(logPath, path, current);
      removeStale(path, current, text);
    }
  } catch (error) {
    throw toIoError(error, "write", path);
  }
  throw lockedError(logPath, path, "");
}

/**
 * Removes a lock that an ended thread of this process left at `logPath`. Call it only if nothing else in this process writes the log. Throws
 * `log.io_error`.
 */
export function releaseLeftLock(logPath: string): void {
  const path = `${logPath}.lock`;
  try {
    if (textOf(path)?.startsWith(`${thisProcess().text}-`) === true) removeIfPresent(path);
  } catch (error) {
    throw toIoError(error, "write", path);
  }
}

function lockOf(logPath: string, path: string, text: string): LogLock {
  const identity = lstatSync(path, { bigint: true });
  const isOurs = (): boolean => textOf(path) === text;
  return {
    identity,
    check: () => {
      if (!isOurs()) throw lockedError(logPath, path, textOf(path) ?? "");
    },
    release: () => {
      const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (stats !== undefined && identityText(stats) === identityText(identity) && isOurs()) removeIfPresent(path);
    },
  };
}

/**
 * Removes the lock at `path`, whose text is `staleText`. First creates the marker `LOG.lock.TOKEN`, with the token of the stale lock, so that
 * only one process at a time removes it. Otherwise, after the first process has taken the lock, a second one could remove that new lock.
 * `text` names this process.
 */
function removeStale(path: string, staleText: string, text: string): void {
  const marker = `${path}.${HOLDER_TEXT.exec(staleText)?.groups?.["token"] ?? "unreadable"}`;
  if (!create(marker, text)) {
    const remover = textOf(marker);
    // A process was killed between creating the marker and removing it.
    if (remover !== undefined && !mayRun(remover)) removeIfPresent(marker);
    return;
  }
  try {
    if (textOf(path) === staleText) removeIfPresent(path);
  } finally {
    removeIfPresent(marker);
  }
}

const HOLDER_TEXT =
  /^boruna-(?<computer>[0-9a-f]{8})-(?<boot>[0-9a-f]{8})-(?<pid>[1-9][0-9]{0,9})-(?<start>[0-9]{1,20})-(?<token>[0-9a-f]{16})$/;
/** The boot id and start time in the text of a lock if the system does not tell them. */
const UNKNOWN_BOOT = "0".repeat(8);
const UNKNOWN_START = "0";

/** The text that names this process in a lock, without the token of the lock. */
const thisProcess = lazily(() => ({
  text: `boruna-${computerDigest()}-${bootId() ?? UNKNOWN_BOOT}-${process.pid}-${processStartTime(process.pid) ?? UNKNOWN_START}`,
}));

/** Returns the text of a new lock: this process, and a token that makes the text unique. */
function holderText(): string {
  return `${thisProcess().text}-${randomHex(8)}`;
}

/** Whether the process that the text of a lock names may still run. True for a process of another computer, and for any unknown text. */
function mayRun(text: string): boolean {
  const { computer, boot, pid = "", start } = HOLDER_TEXT.exec(text)?.groups ?? {};
  if (computer !== computerDigest()) return true;
  if (boot !== (bootId() ?? UNKNOWN_BOOT) || !isRunning(Number(pid))) return false;
  const runningStart = processStartTime(Number(pid));
  return start === UNKNOWN_START || runningStart === undefined || start === runningStart;
}

/** Creates a lock or a marker. Returns false if the name exists. Throws errors of `node:fs`. */
function create(path: string, text: string): boolean {
  try {
    symlinkSync(text, path);
    return true;
  } catch (error) {
    if (alreadyExists(error)) return false;
    if (!linksRefused(error)) throw error;
    return createFile(path, text);
  }
}

function createFile(path: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, "wx", 0o600);
  } catch (error) {
    if (alreadyExists(error)) return false;
    throw error;
  }
  try {
    writeAll(descriptor, Buffer.from(text));
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/** A lock file with more bytes is not read: Boruna has not written it. */
const MAX_LOCK_BYTES = 256;

/** Returns the text of a lock or a marker, or undefined if there is none. Throws errors of `node:fs`. */
function textOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!isNotALink(error)) throw error;
    return textOfFile(path);
  }
}

function textOfFile(path: string): string | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size <= MAX_LOCK_BYTES ? readFileSync(path, "latin1") : "";
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function lockedError(logPath: string, path: string, holder: string): BorunaError {
  const { computer, pid } = HOLDER_TEXT.exec(holder)?.groups ?? {};
  const process_ =
    pid === undefined ? "another process" : computer === computerDigest() ? `process ${pid}` : `process ${pid} of another computer`;
  return new BorunaError("log.locked", `${process_} is writing ${logPath}`, {
    place: { file: logPath },
    hint: `Wait until it has ended. If no such process writes this log, remove ${path}.`,
  });
}
