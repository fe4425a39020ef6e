/**
 * Files that are written under a temporary name and renamed when they are whole. The name says which process writes it, so
 * that what a killed process left can be told from a write in progress and cleaned up.
 */
import { randomBytes } from "node:crypto";
import { opendirSync, unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { lazily } from "../vm/lazy.ts";
import { sha256Hex } from "./digest.ts";

const FORM = /^\.boruna-([0-9a-f]{8})-([1-9][0-9]{0,9})-[0-9a-f]{24}\.tmp$/;

/** Hosts that share a folder do not see each other's processes. */
const host = lazily(() => ({ digest: sha256Hex(hostname()).slice(0, 8) }));

/** A new name that nobody can guess. */
export function temporaryName(): string {
  return `.boruna-${host().digest}-${process.pid}-${randomBytes(12).toString("hex")}.tmp`;
}

export function isTemporary(name: string): boolean {
  return FORM.test(name);
}

/** Entries looked at; temporaries beyond these stay. */
const MAX_ENTRIES = 100_000;

/** Removes the temporaries in a folder whose process no longer exists. Throws what `node:fs` throws for the folder itself. */
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
  const [, of, pid] = FORM.exec(name) ?? [];
  return of === host().digest && pid !== undefined && !isRunning(Number(pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Any other error says that there is such a process, of another user.
    return codeOf(error) !== "ESRCH";
  }
}

/** Another user's file may be kept from us, and another process may clean up at the same time: neither stops a write. */
function removeIfPermitted(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!["ENOENT", "EACCES", "EPERM", "EROFS", "EBUSY"].includes(codeOf(error))) throw error;
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");
