/** The process `stages.ts` publishes its span ids in a file, its slot. The tests read that slot as another process. */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FileSlot } from "../../../telemetry/thread-context/file-slot.ts";
import { readThreadContext } from "../../../telemetry/thread-context/reader.ts";
import { decodeSlot, encodeRecord } from "../../../telemetry/thread-context/slot.ts";
import { DEEP, someOf } from "../../cases.ts";
import { startStages, type StagedProcess } from "./staged-process.ts";

const root = mkdtempSync(join(tmpdir(), "boruna-context-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newFolder = (): string => mkdtempSync(join(root, "slots-"));

const startIn = (folder: string, ...args: readonly string[]): Promise<StagedProcess> =>
  startStages(args, { BORUNA_THREAD_CONTEXT: "1", XDG_RUNTIME_DIR: folder });

/** Returns what the only slot in the folder publishes: the trace id and span id, or the state of a slot without ids. */
function published(folder: string): readonly string[] {
  const [name = "", ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const slot = decodeSlot(readFileSync(join(folder, name)));
  return slot.state === "valid" ? [slot.ids.traceId, slot.ids.spanId] : [slot.state];
}

describe("the file slot of a run", () => {
  test("is valid only while the machine runs", async () => {
    const folder = newFolder();
    const run = await startIn(folder, "return");
    expect((await run.next()).name).toBe("before");
    expect(published(folder)).toEqual(["invalid"]);

    const running = await run.next();
    expect(running).toMatchObject({ name: "running", detail: [expect.stringMatching(/^[0-9a-f]{32}$/), expect.any(String)] });
    expect(published(folder)).toEqual(running.detail);

    const waiting = await run.next();
    expect(waiting.name).toBe("waiting");
    expect(published(folder)).toEqual(["invalid"]);

    expect(await run.next()).toEqual({ ...running, name: "resumed" });
    expect(published(folder)).toEqual(running.detail);
    // A handler is code of the host, also if it answers at once.
    expect((await run.next()).name).toBe("handling");
    expect(published(folder)).toEqual(["invalid"]);
    expect(await run.next()).toEqual({ ...running, name: "continued" });
    expect(published(folder)).toEqual(running.detail);

    expect(await run.next()).toEqual({ name: "after", detail: ["success"] });
    expect(published(folder)).toEqual(["invalid"]);
    expect((await run.next()).name).toBe("ending");
    expect(await run.end()).toEqual({ code: 0, signal: null, stderr: "" });
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each(
    someOf([
      ["exit", { code: 3, signal: null }],
      ["throw", { code: 1, signal: null }],
      ["signal", { code: null, signal: "SIGTERM" }],
      ["handled signal", { code: 9, signal: null }],
    ]),
  )("disappears when the process ends by %s, and the process ends as it would without it", async (how, end) => {
    const folder = newFolder();
    const run = await startIn(folder, how);
    for (let stage = await run.next(); stage.name !== "ending"; stage = await run.next()) expect(readdirSync(folder)).toHaveLength(1);
    expect(await run.end()).toMatchObject(end);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is not created by default, and never valid in a replay", async () => {
    const folder = newFolder();
    const off = await startStages(["return"], { XDG_RUNTIME_DIR: folder });
    await off.next();
    expect((await off.next()).name).toBe("running");
    expect(readdirSync(folder)).toEqual([]);
    off.child.kill("SIGKILL");

    const replay = await startIn(folder, "return", "replay");
    await replay.next();
    expect((await replay.next()).name).toBe("running");
    expect(published(folder)).toEqual(["invalid"]);
    replay.child.kill("SIGKILL");
  });

  test.runIf(DEEP)("is in the temporary folder if there is no XDG_RUNTIME_DIR, or if that is no absolute path", async () => {
    const folder = newFolder();
    const run = await startStages(["return"], { BORUNA_THREAD_CONTEXT: "1", TMPDIR: folder, XDG_RUNTIME_DIR: "relative" });
    await run.next();
    expect(readdirSync(folder).filter((name) => name.startsWith("boruna-ctx-"))).toEqual([`boruna-ctx-${run.pid}-${run.pid}`]);
    run.child.kill("SIGKILL");
  });

  test.skipIf(process.getuid?.() === 0)("is not created, and one line says so, if the folder cannot be written", async () => {
    const folder = newFolder();
    chmodSync(folder, 0o500);
    const run = await startIn(folder, "return");
    for (let stage = await run.next(); stage.name !== "ending"; stage = await run.next());
    const { code, stderr } = await run.end();
    expect(code).toBe(0);
    expect(stderr).toContain(`boruna: thread context is off: cannot create a slot in ${folder}: EACCES`);
  });

  test.runIf(DEEP)("is not created, and one line says so, if there is no such folder", async () => {
    const folder = join(root, "missing");
    const run = await startIn(folder, "return");
    for (let stage = await run.next(); stage.name !== "ending"; stage = await run.next());
    const { code, stderr } = await run.end();
    expect(code).toBe(0);
    expect(stderr).toContain(`boruna: thread context is off: cannot create a slot in ${folder}: ENOENT`);
  });
});

describe.runIf(process.platform === "linux")("another process", () => {
  test("reads the ids; a child that a handler started has no slot", async () => {
    const folder = newFolder();
    const run = await startIn(folder, "return");
    await run.next();
    expect(readThreadContext(run.pid, {})).toEqual([{ thread: run.pid, ids: undefined }]);
    const { detail } = await run.next();
    const [traceId, spanId] = detail;
    expect(readThreadContext(run.pid, {})).toEqual([{ thread: run.pid, ids: { traceId, spanId, traceFlags: 1 } }]);
    const waiting = await run.next();
    expect(readThreadContext(run.pid, {})).toEqual([{ thread: run.pid, ids: undefined }]);
    expect(() => readThreadContext(Number(waiting.detail[0]), {})).toThrow(expect.objectContaining({ kind: "telemetry.no_slot" }));
    run.child.kill("SIGKILL");
  });

  test("reads one slot for each thread, and none is left when the main thread exits", async () => {
    const folder = newFolder();
    const run = await startIn(folder, "exit", "worker");
    await run.next();
    const { name, detail } = await run.next();
    expect(name).toBe("running");
    const [traceId, spanId] = detail;
    const [main, worker, ...others] = readThreadContext(run.pid, {});
    expect(main).toEqual({ thread: run.pid, ids: undefined });
    expect(worker?.ids).toEqual({ traceId, spanId, traceFlags: 1 });
    expect(readdirSync(`/proc/${run.pid}/task`)).toContain(String(worker?.thread));
    expect(others).toEqual([]);
    for (let stage = await run.next(); stage.name !== "ending"; stage = await run.next());
    expect(readdirSync(folder)).toEqual([`boruna-ctx-${run.pid}-${run.pid}`]);
    await run.end();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(DEEP)("leaves no slot of a worker that was stopped by the exit of the process", async () => {
    const folder = newFolder();
    const run = await startIn(folder, "exit", "endless", "worker");
    expect((await run.next()).name).toBe("ending");
    expect(readdirSync(folder)).toHaveLength(2);
    await run.end();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.runIf(DEEP)("does not take the slot of a dead process for that of a process with the same id", async () => {
    const folder = newFolder();
    const record = encodeRecord({ traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceFlags: 1 });
    const run = await startStages(["return"], { XDG_RUNTIME_DIR: folder });
    await run.next();
    const stale = new FileSlot(folder, run.pid, run.pid);
    stale.enter(record);
    expect(() => readThreadContext(run.pid, { XDG_RUNTIME_DIR: folder })).toThrow(expect.objectContaining({ kind: "telemetry.no_slot" }));
    run.child.kill("SIGKILL");
  });
});

describe("creating a slot", () => {
  const record = encodeRecord({ traceId: "ab".repeat(16), spanId: "cd".repeat(8), traceFlags: 1 });

  test("gives it mode 0600, whatever the umask is", () => {
    const folder = newFolder();
    const umask = process.umask(0o777);
    try {
      new FileSlot(folder, 1, 2).enter(record);
    } finally {
      process.umask(umask);
    }
    const { mode, size } = lstatSync(join(folder, "boruna-ctx-1-2"));
    expect({ mode: mode & 0o777, size }).toEqual({ mode: 0o600, size: 64 });
  });

  test("replaces a link and a file of that name, and writes through neither", () => {
    const folder = newFolder();
    const victim = join(folder, "victim");
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(folder, "boruna-ctx-1-2"));
    const first = new FileSlot(folder, 1, 2);
    first.enter(record);
    const second = new FileSlot(folder, 1, 2);
    first.leave();
    second.enter(record);
    expect(readFileSync(victim, "utf8")).toBe("precious");
    expect(decodeSlot(readFileSync(join(folder, "boruna-ctx-1-2"))).state).toBe("valid");
    // The first slot is no longer in the folder, so it does not remove the second.
    first.remove();
    expect(readdirSync(folder)).toEqual(["boruna-ctx-1-2", "victim"]);
    second.remove();
    expect(readdirSync(folder)).toEqual(["victim"]);
  });
});
