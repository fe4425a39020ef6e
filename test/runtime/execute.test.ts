import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parsePolicy } from "../../policy/parse.ts";
import { execute } from "../../runtime/execute.ts";
import { parseLog, readLog } from "../../replay/log/log-reader.ts";
import { fileSource, memorySource } from "../../replay/log/log-source.ts";
import { editLine } from "../replay/mend.ts";
import { memoryRecorder } from "../../replay/log/recorder.ts";
import { replayRun } from "../../replay/replay.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Tracing } from "../../telemetry/tracing.ts";
import { assemble } from "../replay/assemble.ts";
import { LOOPS, READS_TWICE } from "../replay/programs.ts";
import { recorded, replayed } from "../replay/recorded.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-run-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const kindOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing was thrown",
    (error: unknown) => (error instanceof BorunaError ? error.kind : error),
  );

describe("execute", () => {
  test("runs a module with mocks and returns its value as JavaScript", async () => {
    const run = await execute(READS_TWICE.module, { policy: "allow-all", tracing: false });
    expect(run).toMatchObject({ outcome: "success", ui: [] });
    expect(String(run.value)).toContain("mock file content");
    expect(run).not.toHaveProperty("log");
    expect(run.counters).toMatchObject({ total: 2, dispatched: 2 });
  });

  test("denies everything by default", async () => {
    expect(await execute(READS_TWICE, { tracing: false })).toMatchObject({
      outcome: "denied",
      error: { kind: "capability_denied", capability: "fs.read" },
    });
  });

  test("the same run has the same id and the same bytes; other arguments another id", async () => {
    const run = (n: number): ReturnType<typeof execute> =>
      execute(LOOPS, { policy: "allow-all", tracing: false, args: { n }, record: { path: join(folder, "run.jsonl"), force: true } });
    const first = await run(3);
    const bytes = readFileSync(join(folder, "run.jsonl"));
    const second = await run(3);
    expect(first.runId).toMatch(/^[0-9a-f]{32}$/);
    expect(second.runId).toBe(first.runId);
    expect(second.log?.head).toBe(first.log?.head);
    expect(readFileSync(join(folder, "run.jsonl")).equals(bytes)).toBe(true);
    expect((await run(4)).runId).not.toBe(first.runId);
  });

  test("the log has the caller's run id", async () => {
    const path = join(folder, "run.jsonl");
    await execute(READS_TWICE, { policy: "allow-all", tracing: false, runId: "mine-1", record: path });
    expect(readLog(path)).toMatchObject({ header: { runId: "mine-1" } });
    expect(await kindOf(execute(READS_TWICE, { tracing: false, runId: "has space" }))).toBe("usage");
  });

  test("wrong arguments prevent the run, and no log is left", async () => {
    const path = join(folder, "run.jsonl");
    for (const args of [{}, { n: "x" }, { n: 1, m: 2 }]) {
      expect(await kindOf(execute(LOOPS, { policy: "allow-all", tracing: false, args, record: path }))).toMatch(/^(value|usage)/);
      expect(existsSync(path)).toBe(false);
    }
  });

  test.each(["synchronous", "asynchronous"])("a log that cannot be written ends the run with its error: %s handler", async (way) => {
    const failing = execute(READS_TWICE, {
      policy: "allow-all",
      tracing: false,
      handlers: { "fs.read": () => (way === "synchronous" ? "x" : Promise.resolve("x")) },
      record: (run) => ({
        ...memoryRecorder(run),
        append: (event) => {
          if (event.type === "CapCall") return undefined;
          throw new BorunaError("log.io_error", "the disk is full");
        },
      }),
    });
    expect(await kindOf(failing)).toBe("log.io_error");
  });

  test("an embedder's capability is recorded and replayed like the built-in ones", async () => {
    const registry = createRegistry([
      { name: "own.double", version: "1", params: [{ name: "n", type: "Int" }], result: "Int", mayRepeat: true },
    ]);
    const program = assemble({
      registry,
      functions: [{ name: "main", capabilities: ["own.double"], code: [["PushConst", 21], ["CapCall", "own.double", 1], ["Ret"]] }],
    });
    const recording = await recorded(program, { handlers: { "own.double": ([n]) => Number(n) * 2 } });
    expect(recording.run.value).toBe(42);
    expect(await replayed(recording)).toMatchObject({ status: "identical", notes: [] });
    expect(await kindOf(execute(READS_TWICE, { tracing: false, handlers: { "own.other": () => 1 } }))).toBe("capability.unknown");
  });

  test("a live run replays after the files it read are gone", async () => {
    writeFileSync(join(folder, "index.txt"), join(folder, "a.txt"));
    writeFileSync(join(folder, "a.txt"), "hello");
    const text = { schema_version: 1, default_allow: false, rules: { "fs.read": { allow: true } }, fs_policy: { read: [folder] } };
    const policy = parsePolicy(JSON.stringify(text), { file: "policy.json", jsonc: false });
    const program = assemble({
      functions: [
        {
          name: "main",
          capabilities: ["fs.read"],
          code: [["PushConst", join(folder, "index.txt")], ["CapCall", "fs.read", 1], ["CapCall", "fs.read", 1], ["Ret"]],
        },
      ],
    });
    const path = join(folder, "run.jsonl");
    const run = await execute(program, { policy, live: true, tracing: false, record: path });
    expect(run).toMatchObject({ outcome: "success", value: "hello" });
    expect(readLog(path)).toMatchObject({ header: { mode: "live", unserved: [] } });
    rmSync(join(folder, "index.txt"));
    rmSync(join(folder, "a.txt"));
    const report = await replayRun(readLog(path), { tracing: false });
    expect(report).toMatchObject({ status: "identical", result: { value: "hello" } });
    expect((await execute(program, { policy, live: true, tracing: false })).outcome).toBe("runtime_error");
  });

  test("spans of a replay are marked as such, and tracing changes nothing", async () => {
    const seen: unknown[] = [];
    const tracing: Tracing = {
      startRun: (info) => {
        seen.push([info.mode, info.replayOf]);
        return {
          startCall: ({ capability, call }) => {
            seen.push([capability, call]);
            return { run: (body) => body(), headers: () => ({}), setModel: () => undefined, end: () => undefined };
          },
          startFlow: () => ({ end: () => undefined }),
          backpressure: () => undefined,
          end: ({ outcome }) => void seen.push(outcome),
        };
      },
    };
    const path = join(folder, "run.jsonl");
    const run = await execute(READS_TWICE, { policy: "allow-all", tracing, record: path });
    expect(seen.splice(0)).toEqual([["mock", undefined], ["fs.read", 1], ["fs.read", 2], "success"]);
    await replayRun(readLog(path), { tracing });
    expect(seen.splice(0)).toEqual([["replay", run.runId], ["fs.read", 1], ["fs.read", 2], "success"]);
    const wrong = editLine(readFileSync(path), 6, /"steps":\d+/, '"steps":1');
    await replayRun(parseLog(memorySource(wrong, fileSource(path).blobs)), { tracing });
    expect(seen.splice(0).at(-1)).toBe("divergence");
    const bytes = readFileSync(path);
    await execute(READS_TWICE, { policy: "allow-all", tracing: false, record: { path, force: true } });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});
