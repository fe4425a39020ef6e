/** Functions for the file system. They throw typed errors, write all bytes, and limit how much they read. */
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { BorunaError, errorCode } from "../../vm/error.ts";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "the disk is full"],
  ["EFBIG", "it would be longer than this process or the file system allows"],
  ["EDQUOT", "the disk quota is used up"],
  ["EIO", "the disk reports an error"],
  ["EMFILE", "too many open files"],
  ["ELOOP", "its symbolic links form a loop"],
  ["ENAMETOOLONG", "a name in the path is too long"],
  ["ENXIO", "it is not a file"],
  ["EEXIST", "something else has this name"],
  ["ERR_INVALID_ARG_VALUE", "a path cannot hold a NUL character"],
]);

/** Returns the reason for a system error in words, or its code if `REASONS` lacks it. `attemptedVerb` is what failed: `read` or `write`. */
export function systemErrorText(error: unknown, attemptedVerb: string): string {
  const code = errorCode(error);
  // Writing creates a missing file, so what is missing is the folder.
  if (code === "ENOENT" && attemptedVerb === "write") return "there is no such folder";
  return REASONS.get(code) ?? (code === "" ? "it failed" : code);
}

/** Converts a system error to `log.io_error`. Returns a `BorunaError` unchanged. Rethrows any other error. */
export function toIoError(error: unknown, verb: string, file: string): BorunaError {
  if (error instanceof BorunaError) return error;
  if (errorCode(error) === "") throw error;
  return new BorunaError("log.io_error", `cannot ${verb} ${file}: ${systemErrorText(error, verb)}`, { place: { file }, cause: error });
}

export function isMissing(error: unknown): boolean {
  return errorCode(error) === "ENOENT";
}

/** Whether `readlink` failed because the path is not a link. */
export function isNotALink(error: unknown): boolean {
  return errorCode(error) === "EINVAL";
}

export function isNameTooLong(error: unknown): boolean {
  return errorCode(error) === "ENAMETOOLONG";
}

export function isNotAFolder(error: unknown): boolean {
  return errorCode(error) === "ENOTDIR";
}

export function isNotEmpty(error: unknown): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(errorCode(error));
}

export function alreadyExists(error: unknown): boolean {
  return errorCode(error) === "EEXIST";
}

/** Whether the file system has no links of this kind, or does not let this user create them. */
export function linksRefused(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(errorCode(error));
}

/** Writes all of `bytes`, with several system calls if necessary. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(descriptor, bytes, offset, bytes.length - offset);
}

/** Removes an incomplete regular file. Ignores errors, because the caller already has a more important error to report. */
export function removeIncompleteFile(path: string): void {
  try {
    if (lstatSync(path).isFile()) unlinkSync(path);
  } catch {
    // Ignored, as the docstring says.
  }
}

/** Opens a regular file for reading. Rejects a pipe without waiting for its writer. Throws `log.io_error`. */
export function openRegular(path: string, displayName = path): number {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = fstatSync(descriptor);
  if (stats.isFile()) return descriptor;
  closeSync(descriptor);
  const hint = stats.isDirectory()
    ? "A folder may be a bundle of evidence: `boruna evidence verify FOLDER`, or name a log in it."
    : undefined;
  throw new BorunaError("log.io_error", `cannot read ${displayName}: it is not a file`, { place: { file: displayName }, hint });
}

/** Reads a regular file of at most `maxBytes`. Error messages call the file `displayName`. Throws `log.too_large`, `log.io_error`. */
export function readBounded(path: string, maxBytes: number, displayName = path): Uint8Array {
  const descriptor = openRegular(path, displayName);
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxBytes) {
      throw new BorunaError("log.too_large", `${displayName} has ${size} bytes; at most ${maxBytes} are read`, {
        place: { file: displayName },
      });
    }
    const bytes = new Uint8Array(size);
    let offset = 0;
    while (offset < bytes.length) {
      const readCount = readSync(descriptor, bytes, offset, bytes.length - offset, null);
      if (readCount === 0) break;
      offset += readCount;
    }
    return bytes.subarray(0, offset);
  } finally {
    closeSync(descriptor);
  }
}

/** Syncs the names in a folder to disk. Ignores the errors of file systems that do not support this. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes(errorCode(error))) throw error;
  } finally {
    closeSync(descriptor);
  }
}
