/** `--watch`: runs a command again when a file that it has read changes. */
import { statSync } from "node:fs";
import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { reportFailure } from "./failure.ts";
import type { CommandSession } from "./session.ts";
import { STOP_SIGNALS } from "./telemetry.ts";
import { withoutControlCharacters } from "./terminal.ts";

/** Time between two comparisons of the files, in milliseconds. Some file systems report no changes, and editors save files in different ways. */
const POLL_MS = 200;

/** For each file, a text that differs after each change. */
type Signatures = ReadonlyMap<string, string>;

/**
 * Runs `body` again and again, until a signal stops it. After each run, waits until one of `files()` changes, appears or disappears. An error
 * of a run is reported and ends only that run. Returns the exit code of the signal.
 */
export async function watchFiles(session: CommandSession, files: () => Iterable<string>, body: () => Promise<number>): Promise<number> {
  const { terminal } = session;
  const stopCodes: readonly number[] = Object.values(STOP_SIGNALS);
  for (;;) {
    const before = signaturesOf(files());
    const code = await runOnce(session, body);
    if (stopCodes.includes(code)) return code;
    // If a file was there before the run, its earlier signature counts, so that a change during the run is noticed.
    const seen = new Map([...signaturesOf(files()), ...before]);
    const change = await nextChange(files, seen, () =>
      terminal.err(`watching ${seen.size} ${seen.size === 1 ? "file" : "files"}; Ctrl-C ends`),
    );
    if (typeof change === "number") return change;
    terminal.err(withoutControlCharacters(`\n${relative(process.cwd(), change)} has changed`));
  }
}

async function runOnce(session: CommandSession, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    return reportFailure(session.terminal, error, { json: session.json, sourceOf: (file) => session.sourceOf(file) });
  } finally {
    await Promise.all(session.closers.splice(0).map((close) => close()));
  }
}

/** Returns the name of a file that differs from `seen`, or the exit code of a signal. Calls `onReady` once signals are handled. */
async function nextChange(files: () => Iterable<string>, seen: Signatures, onReady: () => void): Promise<string | number> {
  let stoppedBy: number | undefined;
  let last = seen;
  const stops = Object.entries(STOP_SIGNALS).map(([name, code]) => [name, () => (stoppedBy ??= code)] as const);
  for (const [name, stop] of stops) process.on(name, stop);
  onReady();
  try {
    for (;;) {
      const now = signaturesOf(files());
      // Some editors empty a file before they write it. So a change counts only if no file has changed since the last comparison.
      const changed = changedFile(now, seen);
      if (changed !== undefined && changedFile(now, last) === undefined) return changed;
      last = now;
      await sleep(POLL_MS);
      if (stoppedBy !== undefined) return stoppedBy;
    }
  } finally {
    for (const [name, stop] of stops) process.off(name, stop);
  }
}

/** Returns the first file whose signatures differ, or undefined. */
function changedFile(a: Signatures, b: Signatures): string | undefined {
  return [...new Set([...a.keys(), ...b.keys()])].find((file) => a.get(file) !== b.get(file));
}

function signaturesOf(files: Iterable<string>): Signatures {
  return new Map([...files].map((file) => [file, signatureOf(file)]));
}

/** Returns a text that differs after each change of the file. */
function signatureOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "missing" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}
