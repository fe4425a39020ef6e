/** Measures in processor time, so that other processes do not affect the figures. */
import { readFileSync } from "node:fs";

/**
 * Returns the milliseconds of processor time that this thread has used, if Linux reports that. On other systems, returns the
 * current time, so that other processes affect the figures.
 */
export function threadMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** Returns the milliseconds of processor time of this process, with those of the garbage collector and of V8's compiler. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
