/**
 * Marks the only open call of a log: `LOG.open` is a symbolic link to nowhere. The text of its target says that no process
 * has begun the call, or that its handler answers later, so the call is not in doubt. A log without the mark looks like that of a killed
 * process, so a mark that is lost, for example because the log was copied alone, can only put a call in doubt. The log cannot
 * record this, because its bytes must not depend on how often the run was stopped.
 *
 * It is a link because a link is created at once with its text, and no capability of a program can create one.
 */
import { lstatSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { isMissing, isNotAFolder, isNotALink, linksRefused, toIoError } from "./files.ts";

/**
 * - `approved`: the call is approved, and no process has begun it. `hash` is that of its `CapCall`.
 * - `later`: the handler of the call has begun it, and answers later. `hash` is that of the log's last event.
 */
export interface OpenMark {
  readonly kind: "approved" | "later";
  readonly hash: string;
}

const MARK = /^boruna-(?<kind>approved|later)-(?<hash>[0-9a-f]{64})$/;

/** Returns the mark, or undefined if there is none. Throws `log.io_error`. */
export function readOpenMark(logPath: string): OpenMark | undefined {
  const path = openPath(logPath);
  try {
    const { kind, hash = "" } = MARK.exec(readlinkSync(path))?.groups ?? {};
    return kind === "approved" || kind === "later" ? { kind, hash } : undefined;
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error) || isNotALink(error)) return undefined;
    throw toIoError(error, "read", path);
  }
}

/** Writes the mark. Without links in the file system, there is no mark. Throws `log.io_error`. */
export function writeOpenMark(logPath: string, { kind, hash }: OpenMark): void {
  removeOpenMark(logPath);
  const path = openPath(logPath);
  try {
    symlinkSync(`boruna-${kind}-${hash}`, path);
  } catch (error) {
    if (!linksRefused(error)) throw toIoError(error, "write", path);
  }
}

/** Removes the mark, if there is one. Call it before the handler of the open call begins. Throws `log.io_error`. */
export function removeOpenMark(logPath: string): void {
  const path = openPath(logPath);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw toIoError(error, "write", path);
  }
}

/** The path of the mark. If several calls are open, it is the journal (`open-journal.ts`) instead. */
export const openPath = (logPath: string): string => `${logPath}.open`;
