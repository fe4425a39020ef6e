/**
 * Names of temporary files. A file is written under a temporary name and renamed when it is complete. The name contains the
 * process id, so that files left by a killed process can be recognized and removed.
 */
import { randomBytes } from "node:crypto";
import { opendirSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { lazily } from "../vm/lazy.ts";
import { sha256Hex } from "./digest.ts";

const FORM = /^\.boruna-([0-9a-f]{8})-([1-9][0-9]{0,9})-[0-9a-f]{24}\.tmp$/;

/** Names this computer: computers that share a folder do not see each other's processes. */
const computer = lazily(() => ({ digest: sha256Hex(hostname()).slice(0, 8) }));

/** Returns a new, unguessable name. */
export function temporaryName(): string {
  return `.boruna-${computer().digest}-${process.pid}-${randomBytes(12).toString("hex")}.tmp`;
}

export function isTemporary(name: string): boolean {
  return FORM.test(name);
}

/** Entries of a folder to look at; temporary files beyond them stay. */
const MAX_ENTRIES = 100_000;

/** Removes the temporary files in `folder` whose process no longer exists. Throws errors of `node:fs` about the folder itself. */
export function removeAbandoned(folder: string): void {
  const entries = opendirSync(folder);
  const abandoned: string[] = [];
  try {
    for (let seen = 0; seen < MAX_ENTRIES; seen++) {
      const entry = entries.readSync();
      if (entry === null) break;
      if (entry.isFile() && isAbandoned(entry.name)) abandoned.push(entry.name);
    }
  } finally {
    entries.closeSync();
  }
  for (const name of abandoned) removeIfPermitted(join(folder, name));
}

function isAbandoned(name: string): boolean {
  const [, digest, pid] = FORM.exec(name) ?? [];
  return digest === computer().digest && pid !== undefined && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Any other error means that the process exists and belongs to another user.
    return codeOf(error) !== "ESRCH";
  }
}

/** Ignores a file that belongs to another user, or that another process has just removed: neither stops a write. */
function removeIfPermitted(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!["ENOENT", "EACCES", "EPERM", "EROFS", "EBUSY"].includes(codeOf(error))) throw error;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
