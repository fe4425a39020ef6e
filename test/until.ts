import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two checks. A loop without a pause would take a core from the process that it waits for. */
const POLL_MS = 10;

/** At least ten minutes, so that only a state that never comes fails a test. */
const MAX_POLLS = 60_000;

/** Waits for a state that no event announces. Throws if it does not come. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let polls = 0; !(await holds()); polls++) {
    if (polls >= MAX_POLLS) throw new Error(`waited too long for ${holds.toString()}`);
    await sleep(POLL_MS);
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
