/**
 * Names of temporary files. A file is written under a temporary name and renamed when it is complete. The name contains the
 * process id, so that the files of a killed process can be recognized and removed.
 */
import { opendirSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { lazily } from "../vm/lazy.ts";
import { randomHex, sha256Hex } from "./digest.ts";
import { errorCode } from "../vm/error.ts";
import { isRunning } from "./processes.ts";
import { identityText } from "./protected-files.ts";

const TEMPORARY_NAME = /^\.boruna-([0-9a-f]{8})-([1-9][0-9]{0,9})-[0-9a-f]{24}\.tmp$/;

/** Identifies this computer, because computers that share a folder cannot see each other's processes. */
const computer = lazily(() => ({ digest: sha256Hex(process.getBuiltinModule("node:os").hostname()).slice(0, 8) }));

/** Returns 8 hex digits that identify this computer by its host name. */
export function computerDigest(): string {
  return computer().digest;
}

/** Returns a new name that cannot be guessed. */
export function temporaryName(): string {
  return `.boruna-${computerDigest()}-${process.pid}-${randomHex(12)}.tmp`;
}

export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** At most this many entries of a folder are examined. Temporary files after them stay. */
const MAX_ENTRIES = 100_000;

/** Removes the temporary files in `folder` whose process no longer exists. Throws errors of `node:fs` about the folder itself. */
export function removeAbandoned(folder: string): void {
  const entries = opendirSync(folder);
  const abandoned: string[] = [];
  try {
    for (let entryCount = 0; entryCount < MAX_ENTRIES; entryCount++) {
      const entry = entries.readSync();
      if (entry === null) break;
      if (entry.isFile() && isAbandoned(entry.name)) abandoned.push(entry.name);
    }
  } finally {
    entries.closeSync();
  }
  for (const name of abandoned) removeIfPermitted(join(folder, name));
}

/** Limit on the folders that are remembered as cleaned. */
const MAX_CLEANED_FOLDERS = 10_000;
const cleanedFolders = new Set<string>();

/** Like `removeAbandoned`, but only once per folder in this process: a folder of many logs must not be read for each new log. */
export function removeAbandonedOnce(folder: string): void {
  const identity = identityText(statSync(folder, { bigint: true }));
  if (cleanedFolders.has(identity)) return;
  removeAbandoned(folder);
  if (cleanedFolders.size >= MAX_CLEANED_FOLDERS) cleanedFolders.clear();
  cleanedFolders.add(identity);
}

function isAbandoned(name: string): boolean {
  const [, digest, pid] = TEMPORARY_NAME.exec(name) ?? [];
  return digest === computerDigest() && pid !== undefined && !isRunning(Number(pid));
}

/** Removes a file. Ignores that it belongs to another user, or that another process has just removed it: neither may stop a write. */
function removeIfPermitted(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!["ENOENT", "EACCES", "EPERM", "EROFS", "EBUSY"].includes(errorCode(error))) throw error;
  }
}
