/**
 * Marks the only open call of a log, that is, the only call without an answer. The mark `LOG.open` is a symbolic link whose target is not a
 * file but a text. The text says that no process has begun the call, or that the call's handler answers later. In both cases the call is not
 * in doubt. If the mark is lost, for example because the log was copied without it, the call counts as started, as in the log of a killed
 * process. The log itself does not say this, because its bytes must not depend on how often the run was stopped.
 *
 * The mark is a link because creating a link also writes its text, in one step, and no capability of a program can create a link.
 */
import { lstatSync, readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { isMissing, isNotAFolder, isNotALink, linksRefused, toIoError } from "./files.ts";

/**
 * - `approved`: the call is approved, and no process has begun it. `hash`: hash of the record of its `CapCall`.
 * - `later`: the call's handler has begun, and answers later. `hash`: hash of the record of the log's last event.
 */
export interface OpenMark {
  readonly kind: "approved" | "later";
  readonly hash: string;
}

const MARK = /^boruna-(?<kind>approved|later)-(?<hash>[0-9a-f]{64})$/;

/** Returns the mark, or undefined if there is none. Throws `log.io_error`. */
export function readOpenMark(logPath: string): OpenMark | undefined {
  const path = openStatePath(logPath);
  try {
    const { kind, hash = "" } = MARK.exec(readlinkSync(path))?.groups ?? {};
    return kind === "approved" || kind === "later" ? { kind, hash } : undefined;
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error) || isNotALink(error)) return undefined;
    throw toIoError(error, "read", path);
  }
}

/** Writes the mark. Does nothing on a file system without symbolic links. Throws `log.io_error`. */
export function writeOpenMark(logPath: string, { kind, hash }: OpenMark): void {
  removeOpenMark(logPath);
  const path = openStatePath(logPath);
  try {
    symlinkSync(`boruna-${kind}-${hash}`, path);
  } catch (error) {
    if (!linksRefused(error)) throw toIoError(error, "write", path);
  }
}

/** Removes the mark, if there is one. Call this before the handler of the open call begins. Throws `log.io_error`. */
export function removeOpenMark(logPath: string): void {
  const path = openStatePath(logPath);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw toIoError(error, "write", path);
  }
}

/** The path of the mark, and of the journal (`open-journal.ts`): a log has at most one of them. */
export const openStatePath = (logPath: string): string => `${logPath}.open`;
