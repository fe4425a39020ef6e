/** Helpers for the file system: typed errors, complete writes, bounded reads. */
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { BorunaError } from "../../vm/error.ts";

function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["EACCES", "permission denied"],
  ["EPERM", "operation not permitted"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["EIO", "the disk reports an error"],
  ["EMFILE", "too many open files"],
  ["ELOOP", "its symbolic links form a loop"],
  ["ENAMETOOLONG", "a name in the path is too long"],
  ["ENXIO", "it is not a file"],
  ["EEXIST", "something else has this name"],
  ["ERR_INVALID_ARG_VALUE", "a path cannot hold a NUL character"],
]);

/** Why the file system refused, in words, or the error's code if it has none here. `doing` is the verb of the message: `read`, `write`. */
export function systemErrorText(error: unknown, doing: string): string {
  const code = systemCode(error);
  // A file that is about to be created cannot be missing, so its folder is.
  if (code === "ENOENT" && doing === "write") return "there is no such folder";
  return REASONS.get(code) ?? (code === "" ? "it failed" : code);
}

/** A failure of the file system as `log.io_error`. Returns a `BorunaError` unchanged and rethrows anything else. */
export function toIoError(error: unknown, doing: string, file: string): BorunaError {
  if (error instanceof BorunaError) return error;
  if (systemCode(error) === "") throw error;
  return new BorunaError("log.io_error", `cannot ${doing} ${file}: ${systemErrorText(error, doing)}`, { place: { file }, cause: error });
}

export function isMissing(error: unknown): boolean {
  return systemCode(error) === "ENOENT";
}

export function isNameTooLong(error: unknown): boolean {
  return systemCode(error) === "ENAMETOOLONG";
}

export function isNotAFolder(error: unknown): boolean {
  return systemCode(error) === "ENOTDIR";
}

export function isNotEmpty(error: unknown): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(systemCode(error));
}

export function alreadyExists(error: unknown): boolean {
  return systemCode(error) === "EEXIST";
}

/** Whether the file system has no hard links, or does not let this user create them. */
export function hardLinksRefused(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"].includes(systemCode(error));
}

/** Writes all of `bytes`; a short write is continued. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) at += writeSync(descriptor, bytes, at, bytes.length - at);
}

/** Removes an incomplete regular file. A failure is not reported, since the error that led here says more. */
export function removeIncompleteFile(path: string): void {
  try {
    if (lstatSync(path).isFile()) unlinkSync(path);
  } catch {
    // See above.
  }
}

/** Opens a regular file for reading. Never waits: a pipe is refused. Throws `log.io_error`. */
export function openRegular(path: string, displayName = path): number {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw new BorunaError("log.io_error", `cannot read ${displayName}: it is not a file`, { place: { file: displayName } });
}

/** Reads a regular file of at most `maxBytes`; messages call it `displayName`. Throws `log.too_large`, `log.io_error`. */
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
    let at = 0;
    while (at < bytes.length) {
      const got = readSync(descriptor, bytes, at, bytes.length - at, null);
      if (got === 0) break;
      at += got;
    }
    return bytes.subarray(0, at);
  } finally {
    closeSync(descriptor);
  }
}

/** Syncs the names in a folder to disk. A file system that refuses to sync folders does not need it. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes(systemCode(error))) throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** `what` names the bytes in the message. Throws `log.utf8`. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError)
      throw new BorunaError("log.utf8", `${what} is not UTF-8 text`, { cause: error });
    throw error;
  }
}
