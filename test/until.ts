import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two checks. A loop without a pause would take a core from the process that it waits for. */
const POLL_MS = 10;

/** Waits for a state that no event announces. If it never comes, the test hangs. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(POLL_MS);
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
