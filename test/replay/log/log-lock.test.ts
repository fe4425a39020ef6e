import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LogLock, lockLog } from "../../../replay/log/log-lock.ts";
import { BorunaError } from "../../../vm/error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const logPath = (): string => join(folder, "run.jsonl");

function refusal(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof BorunaError) return `${error.kind}: ${error.message}`;
    throw error;
  }
  return "nothing was thrown";
}

/** Takes and releases a lock, then plants one with changed parts. The text of a lock is `boruna-COMPUTER-BOOT-PID-START-TOKEN`. */
function plant(change: (parts: string[]) => string[]): void {
  const lock = lockLog(logPath());
  const parts = readlinkSync(`${logPath()}.lock`).split("-");
  lock.release();
  symlinkSync(change(parts).join("-"), `${logPath()}.lock`);
}

/** Returns the id of a process that has ended. */
const deadPid = (): string => String(spawnSync(process.execPath, ["-e", ""]).pid);

test("one holder at a time", () => {
  const lock = lockLog(logPath());
  expect(refusal(() => lockLog(logPath()))).toBe(`log.locked: process ${process.pid} is writing ${logPath()}`);
  lock.check();
  lock.release();
  expect(readdirSync(folder)).toEqual([]);
  lock.release();
  lockLog(logPath()).release();
});

test("a run that replaces the log takes the lock; the earlier holder notices, and leaves the lock alone", () => {
  const earlier = lockLog(logPath());
  const later = lockLog(logPath(), { replaces: true });
  expect(refusal(() => earlier.check())).toMatch(/^log.locked: process \d+ is writing/);
  earlier.release();
  later.check();
  later.release();
  expect(readdirSync(folder)).toEqual([]);
});

describe("a lock is taken over", () => {
  const isTaken = (): boolean => {
    const lock: LogLock = lockLog(logPath());
    lock.check();
    lock.release();
    return readdirSync(folder).length === 0;
  };

  test("if its process has ended", () => {
    plant((parts) => parts.with(3, deadPid()));
    expect(isTaken()).toBe(true);
  });

  test.runIf(process.platform === "linux")("if another process has got its id since, or the computer was started again", () => {
    plant((parts) => parts.with(4, "1"));
    expect(isTaken()).toBe(true);
    plant((parts) => parts.with(2, "00000001"));
    expect(isTaken()).toBe(true);
  });

  test("also if a process was killed while it took the lock over", () => {
    plant((parts) => parts.with(3, deadPid()));
    const stale = readlinkSync(`${logPath()}.lock`);
    symlinkSync(stale, `${logPath()}.lock.${stale.split("-").at(-1)}`);
    expect(isTaken()).toBe(true);
  });

  test("but not by two processes at the same time", () => {
    plant((parts) => parts.with(3, deadPid()));
    const token = readlinkSync(`${logPath()}.lock`).split("-").at(-1);
    // Another process has found the lock stale and is about to take it.
    symlinkSync(
      readlinkSync(`${logPath()}.lock`).replace(/-\d+-\d+-\w+$/, `-${process.pid}-0-${"a".repeat(16)}`),
      `${logPath()}.lock.${token}`,
    );
    expect(refusal(() => lockLog(logPath()))).toMatch(/^log.locked: /);
  });
});

describe("it is unknown whether the holder runs, so the lock is kept:", () => {
  test("a lock of another computer", () => {
    plant((parts) => parts.with(1, "00000000").with(3, "4711"));
    expect(refusal(() => lockLog(logPath()))).toBe(`log.locked: process 4711 of another computer is writing ${logPath()}`);
  });

  test.each(["", "boruna", "x".repeat(1_000)])("a lock that is a file with the text %j", (text) => {
    writeFileSync(`${logPath()}.lock`, text);
    expect(refusal(() => lockLog(logPath()))).toBe(`log.locked: another process is writing ${logPath()}`);
  });
});

test("a folder that does not exist is a clear error", () => {
  expect(refusal(() => lockLog(join(folder, "none", "run.jsonl")))).toMatch(/^log.io_error: cannot write .*: there is no such folder$/);
});
