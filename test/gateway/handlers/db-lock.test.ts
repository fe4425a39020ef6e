/** The lock on the folder of the embedded database. */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "../../../gateway/handlers/db-lock.ts";
import { childScript } from "../../child-script.ts";

const CHILD = await childScript(new URL("db-lock-child.ts", import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const holder = (): number | undefined => {
  const lock = lockFolder(folder);
  if (typeof lock !== "function") return lock.holder;
  lock();
  return undefined;
};

test("one holder at a time; a released lock can be taken again", () => {
  for (let round = 0; round < 3; round++) {
    const unlock = lockFolder(folder);
    expect(typeof unlock).toBe("function");
    expect(holder()).toBe(process.pid);
    if (typeof unlock === "function") unlock();
  }
  expect(holder()).toBeUndefined();
  expect(readdirSync(folder)).toEqual(["lock.4"]);
});

test("the lock of a process that has ended is taken over", () => {
  const child = spawnSync(process.execPath, [CHILD, folder, "end"], { encoding: "utf8" });
  expect(child.stdout).toBe("locked\n");
  expect(readFileSync(join(folder, "lock.1"), "utf8")).toMatch(new RegExp(`^${child.pid} `));
  expect(holder()).toBeUndefined();
});

test("the lock of a running process is not taken over until the process is killed", async () => {
  const child = spawn(process.execPath, [CHILD, folder, "wait"]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  expect(holder()).toBe(child.pid);
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  expect(holder()).toBeUndefined();
});

test.runIf(process.platform === "linux")("a process with the reused id of an ended one does not hold its lock", () => {
  writeFileSync(join(folder, "lock.7"), `${process.pid} 1 x`);
  expect(holder()).toBeUndefined();
});

test.each(["", "free", "x", "-1 2 3", "0", "99999999999999999999"])("a lock file with %j is free", (content) => {
  writeFileSync(join(folder, "lock.3"), content);
  expect(holder()).toBeUndefined();
});

test("files that are not lock files are ignored", () => {
  mkdirSync(join(folder, "data"));
  for (const name of ["lock.0", "lock.01", "lock.x", "lock.9.tmp", "unlock.9"]) writeFileSync(join(folder, name), `${process.pid}`);
  expect(holder()).toBeUndefined();
});

test("of many processes that try to take a free lock at the same time, one gets it", async () => {
  writeFileSync(join(folder, "lock.1"), "free");
  const children = Array.from({ length: 6 }, () => spawn(process.execPath, [CHILD, folder, "wait"]));
  const answers = await Promise.all(
    children.map(
      (child) => new Promise<string>((resolve) => child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()))),
    ),
  );
  for (const child of children) child.kill("SIGKILL");
  expect(answers.filter((answer) => answer === "locked")).toHaveLength(1);
  expect(answers.filter((answer) => answer === "busy")).toHaveLength(5);
});
