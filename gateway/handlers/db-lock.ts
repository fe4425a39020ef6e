/**
 * A lock on a folder: one process at a time may have the embedded database open. Its lock files are `lock.1`, `lock.2`, …. The file with
 * the highest number is the lock, and its content names the holder. The lock is free if the holder has ended or has released it. To take
 * it, a process creates the file with the next number, which only one process can do, and then checks that no higher number has appeared
 * in the meantime. The file with the highest number is never deleted. So a process that acts on an old listing can at most create a lower
 * number; it then sees the higher one, and removes its own file.
 */
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isRunning, processStartTime } from "../processes.ts";
import { errorCode } from "../../vm/error.ts";

/** The content of a lock that its holder has released. */
const FREE = "free";

/** Takes the lock of the folder and returns the function that releases it, or the process id of the holder. */
export function lockFolder(folder: string): (() => void) | { readonly holder: number } {
  const holderText = `${process.pid} ${processStartTime(process.pid) ?? ""}`;
  for (;;) {
    const latest = latestLock(folder);
    const holder = latest === 0 ? undefined : holderOf(lockFile(folder, latest));
    if (holder !== undefined) return { holder };
    const number = latest + 1;
    if (!createFile(lockFile(folder, number), holderText)) continue;
    if (latestLock(folder) === number) {
      removeLocksBelow(folder, number);
      return () => writeFileSync(lockFile(folder, number), FREE);
    }
    rmSync(lockFile(folder, number), { force: true });
  }
}

const LOCK_NAME = /^lock\.([1-9][0-9]{0,14})$/;
const lockFile = (folder: string, number: number): string => join(folder, `lock.${number}`);

const locksOf = (folder: string): readonly number[] =>
  readdirSync(folder).flatMap((name) => {
    const [, number] = LOCK_NAME.exec(name) ?? [];
    return number === undefined ? [] : [Number(number)];
  });

const latestLock = (folder: string): number => Math.max(0, ...locksOf(folder));

function removeLocksBelow(folder: string, number: number): void {
  for (const older of locksOf(folder)) if (older < number) rmSync(lockFile(folder, older), { force: true });
}

/** Creates the file with its whole content at once, so that no process reads a part of it. Returns false if the file exists. */
function createFile(path: string, content: string): boolean {
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, content, { flag: "wx" });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Returns the process id of the lock's holder, or undefined if the lock is free or its holder has ended. */
function holderOf(path: string): number | undefined {
  const [pid = "", start = ""] = readIfThere(path).split(" ");
  const holder = Number(pid);
  if (!Number.isSafeInteger(holder) || holder <= 0 || !isRunning(holder)) return undefined;
  // The system may have given the process id to another process since.
  const startNow = processStartTime(holder);
  return startNow !== undefined && start !== "" && startNow !== start ? undefined : holder;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return FREE;
    throw error;
  }
}
