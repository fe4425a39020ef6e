/** Reads and writes the folder `FILE.blobs/` of a log. It has the module and long values as files (blobs), named by the SHA-256 of their bytes. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { sha256Hex } from "../../gateway/digest.ts";
import type { FileIdentity, ProtectedFiles } from "../../gateway/protected-files.ts";
import { isTemporary, removeAbandonedOnce, temporaryName } from "../../gateway/temporaries.ts";
import { BorunaError } from "../../vm/error.ts";
import { type BlobReader, type BlobWriter, checkBlob, missingBlobError } from "./memory-blobs.ts";
import { toIoError, isMissing, isNotAFolder, isNotEmpty, readBounded, syncFolder, writeAll } from "./files.ts";

function blobFolder(logPath: string): string {
  return `${logPath}.blobs`;
}

export function folderBlobReader(logPath: string, maxBytes: number): BlobReader {
  return {
    read: (name) => {
      const path = join(blobFolder(logPath), name.sha256);
      try {
        return checkBlob(name, readBounded(path, maxBytes), path);
      } catch (error) {
        throw isMissing(error) ? missingBlobError(path) : toIoError(error, "read", path);
      }
    },
    findUnknown: (known) => {
      const path = blobFolder(logPath);
      try {
        const folder = opendirSync(path);
        try {
          for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
            // A link is never a known blob, even if its target is one.
            if (!known.has(entry.name) || !entry.isFile()) return join(path, entry.name);
          }
          return undefined;
        } finally {
          folder.closeSync();
        }
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw toIoError(error, "read", path);
      }
    },
  };
}

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0);

/**
 * Writes blobs. Each is written under a temporary name and then renamed, so a blob with its final name is complete. The rename also replaces
 * an incomplete blob that a crash left. If `durable`, the blob is on disk when `put` returns. `ownFiles` receives the identities of the
 * folder and of each blob.
 */
export function folderBlobWriter(logPath: string, durable: boolean, ownFiles: ProtectedFiles): BlobWriter {
  const folder = blobFolder(logPath);
  const written = new Set<string>();
  return {
    put: (bytes) => {
      const name = sha256Hex(bytes);
      if (written.has(name)) return name;
      const path = join(folder, name);
      try {
        const isFirst = written.size === 0;
        const isNewFolder = isFirst && mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
        withinFolder(folder, (folderPath, identity) => {
          if (isFirst) {
            ownFiles.add(identity);
            if (!isNewFolder) removeAbandonedOnce(folderPath);
          } else if (!ownFiles.has(identity)) throw replacedFolderError(folder);
          putBlob(folderPath, name, bytes, durable, ownFiles);
        });
        if (durable) syncFolder(folder);
      } catch (error) {
        throw toIoError(error, "write", path);
      }
      written.add(name);
      return name;
    },
  };
}

function putBlob(folderPath: string, name: string, bytes: Uint8Array, durable: boolean, ownFiles: ProtectedFiles): void {
  const temporary = join(folderPath, temporaryName());
  const descriptor = openSync(temporary, NEW_FILE, 0o600);
  try {
    ownFiles.add(fstatSync(descriptor, { bigint: true }));
    writeAll(descriptor, bytes);
    if (durable) fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, join(folderPath, name));
}

const replacedFolderError = (folder: string): BorunaError =>
  new BorunaError("log.replaced", `${folder} was replaced while the run was recorded`, {
    place: { file: folder },
    hint: "Give each run a log of its own name.",
  });

/**
 * Runs `body` with a path to the folder. On Linux, the path leads to this folder even if another one is given its name meanwhile. On other
 * systems, it is the ordinary path. Throws `log.io_error` if the folder is a link.
 */
function withinFolder(folder: string, body: (folderPath: string, identity: FileIdentity) => void): void {
  if (lstatSync(folder).isSymbolicLink()) {
    throw new BorunaError("log.io_error", `${folder} is a link; the blobs of a log go into a folder beside it`, {
      place: { file: folder },
      hint: "Remove the link, or choose another name for the log.",
    });
  }
  if (process.platform !== "linux") return body(folder, lstatSync(folder, { bigint: true }));
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    body(`/proc/self/fd/${descriptor}`, fstatSync(descriptor, { bigint: true }));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Prepares the folder of a log that is continued. Removes the blobs that no record names, which a killed process left, and adds the others
 * to `ownFiles`. `named` yields the SHA-256 of each blob that a record names. Throws `log.io_error`.
 */
export function adoptBlobs(logPath: string, named: Iterable<string>, ownFiles: ProtectedFiles): void {
  const folder = blobFolder(logPath);
  try {
    withinFolder(folder, (folderPath, identity) => {
      ownFiles.add(identity);
      // The set holds existing files, not the names in the log, because a forged log could name too many blobs for memory.
      const unnamedFiles = new Set(readdirSync(folderPath));
      for (const name of named) {
        unnamedFiles.delete(name);
        if (unnamedFiles.size === 0) break;
      }
      for (const name of unnamedFiles) if (isBlobName(name)) unlinkSync(join(folderPath, name));
      for (const name of readdirSync(folderPath)) ownFiles.add(lstatSync(join(folderPath, name), { bigint: true }));
    });
  } catch (error) {
    throw toIoError(error, "write", folder);
  }
}

const isBlobName = (name: string): boolean => /^[0-9a-f]{64}(\.tmp)?$/.test(name) || isTemporary(name);

/** Removes the blobs of a log that is about to be replaced or discarded. Leaves other files in the folder. Throws `log.io_error`. */
export function removeBlobs(logPath: string): void {
  const folder = blobFolder(logPath);
  try {
    withinFolder(folder, (folderPath) => {
      for (const name of readdirSync(folderPath)) {
        if (isBlobName(name)) unlinkSync(join(folderPath, name));
      }
    });
    rmdirSync(folder);
  } catch (error) {
    if (!isMissing(error) && !isNotAFolder(error) && !isNotEmpty(error)) throw toIoError(error, "empty", folder);
  }
}
