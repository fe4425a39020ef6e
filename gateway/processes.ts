/** Facts about the processes of this computer. Locks and temporary files use them to find out whether their process still runs. */
import { readFileSync } from "node:fs";
import { errorCode } from "../vm/error.ts";

/** Whether a process has this id. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Any other error means that the process exists and belongs to another user.
    return errorCode(error) !== "ESRCH";
  }
}

/** Returns when a process started, as text, or undefined if the system does not tell. Processes that reuse an id have different start times. */
export function processStartTime(pid: number): string | undefined {
  const stat = readSystemFile(`/proc/${pid}/stat`);
  // The name of the program, in parentheses, may contain spaces. The start time is the 20th field after it.
  const start = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return start !== undefined && /^[0-9]{1,20}$/.test(start) ? start : undefined;
}

/** Returns 8 hex digits that change with each boot of the computer. Undefined if the system does not report them. */
export function bootId(): string | undefined {
  const id = readSystemFile("/proc/sys/kernel/random/boot_id")?.slice(0, 8);
  return id !== undefined && /^[0-9a-f]{8}$/.test(id) ? id : undefined;
}

function readSystemFile(path: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    return readFileSync(path, "latin1");
  } catch {
    // The process has ended, or the system does not have the file.
    return undefined;
  }
}
