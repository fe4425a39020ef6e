/**
 * Builds the native add-on in a copy of the package, as its users do, and reads a process that has loaded it with a Python
 * program that knows nothing of Boruna.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const READER = fileURLToPath(new URL("../telemetry/thread-context/read-memory.py", import.meta.url));
/** The folder with `include/node`. node-gyp would download it otherwise. */
const NODE_FOLDER = dirname(dirname(process.execPath));
/** Exit code of the reader if this system does not let it read. */
const NOT_ALLOWED = 77;

const reason = whyNot();
if (reason !== undefined) process.stdout.write(`skipped: the native add-on cannot be tested here: ${reason}\n`);

function whyNot(): string | undefined {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return "it is for Linux on x86-64 and arm64";
  if (!existsSync(join(NODE_FOLDER, "include", "node", "node_api.h"))) return "the headers of Node are not installed";
  const missing = ["cc", "make", "python3"].find((program) => spawnSync(program, ["--version"]).status !== 0);
  if (missing !== undefined) return `there is no ${missing}`;
  const { status, stdout } = spawnSync("python3", [READER, String(process.pid)], { encoding: "utf8" });
  return status === NOT_ALLOWED ? stdout.trim() : undefined;
}

interface Memory {
  readonly process: { readonly version: number; readonly payload: string } | null;
  readonly thread: Readonly<Record<string, unknown>> | null;
}

function readMemory(pid: number): Memory {
  const read: Memory = JSON.parse(execFileSync("python3", [READER, String(pid)], { encoding: "utf8" }));
  return read;
}

interface Stage {
  readonly name: string;
  readonly ids: readonly string[];
  readonly child?: number;
}

/** A copy of the package, with a link to its dependencies. */
function copyPackage(): string {
  const copy = temporaryFolder();
  for (const name of ["dist", "package.json"]) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  mkdirSync(join(copy, "native"));
  for (const name of ["binding.gyp", "thread_context.c"]) copyFileSync(join(ROOT, "native", name), join(copy, "native", name));
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  copyFileSync(fileURLToPath(new URL("stages.mjs", import.meta.url)), join(copy, "stages.mjs"));
  return copy;
}

/** Starts `stages.mjs`. `next` lets it continue and returns its next stage. */
function start(copy: string): { readonly pid: number; next(): Promise<Stage>; end(): Promise<void>; readonly stderr: () => string } {
  const child = spawn(process.execPath, ["stages.mjs", pathToFileURL(join(copy, "dist", "index.js")).href], {
    cwd: copy,
    env: {
      PATH: process.env["PATH"] ?? "",
      XDG_RUNTIME_DIR: copy,
      BORUNA_THREAD_CONTEXT: "1",
      BORUNA_DEBUG: "1",
      OTEL_SERVICE_NAME: "shop",
      SECRET: "SENTINEL",
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let isFirst = true;
  const next = async (): Promise<Stage> => {
    if (!isFirst) child.stdin.write("\n");
    isFirst = false;
    const line = await lines.next();
    if (line.done === true) throw new Error(`the process ended early: ${stderr}`);
    const stage: Stage = JSON.parse(line.value);
    return stage;
  };
  const end = async (): Promise<void> => {
    const closed = once(child, "close");
    child.stdin.write("\n");
    await closed;
  };
  return { pid: child.pid ?? 0, next, end, stderr: () => stderr };
}

describe.runIf(DEEP && reason === undefined)("the native add-on", () => {
  const copy = DEEP && reason === undefined ? copyPackage() : "";

  test("without it, there is the file slot alone, and one line with BORUNA_DEBUG=1", async () => {
    const run = start(copy);
    await run.next();
    expect((await run.next()).name).toBe("running");
    expect(readMemory(run.pid)).toEqual({ process: null, thread: null });
    while ((await run.next()).name !== "after");
    await run.end();
    expect(run.stderr().match(/thread context.*/g)).toEqual([
      "thread context: the file slot alone, because the native add-on is not built",
    ]);
  });

  test("shows the span in the memory of the process while the machine runs", async () => {
    execFileSync("npm", ["run", "build:native", "--", `--nodedir=${NODE_FOLDER}`], { cwd: copy, stdio: "pipe" });
    const run = start(copy);
    const invalid = { attached: true, valid: 0 };

    expect((await run.next()).name).toBe("before");
    const before = readMemory(run.pid);
    expect(before.thread).toMatchObject(invalid);
    expect(before.process?.version).toBe(2);
    const payload = Buffer.from(before.process?.payload ?? "", "hex").toString("latin1");
    expect(payload.match(/[a-z][a-z_.]+[a-z0-9_]*/g)).toEqual([
      "service.name",
      "shop",
      "threadlocal.schema_version",
      "tlsdesc_v1_dev",
      "threadlocal.attribute_key_map",
    ]);

    const running = await run.next();
    const [trace_id, span_id] = running.ids;
    const valid = { attached: true, valid: 1, trace_id, span_id, flags: 1, size: 0 };
    expect(running.name).toBe("running");
    expect(readMemory(run.pid).thread).toEqual(valid);

    const waiting = await run.next();
    expect(waiting.name).toBe("waiting");
    expect(readMemory(run.pid).thread).toMatchObject(invalid);
    // A process that a handler starts has neither the process context nor a thread context.
    expect(readMemory(waiting.child ?? 0)).toEqual({ process: null, thread: null });

    expect((await run.next()).name).toBe("resumed");
    expect(readMemory(run.pid).thread).toEqual(valid);
    expect((await run.next()).name).toBe("after");
    expect(readMemory(run.pid).thread).toMatchObject(invalid);
    await run.end();
    expect(run.stderr()).toBe("");
  });
});
