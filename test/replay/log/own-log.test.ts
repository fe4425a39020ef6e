/** A run's fs calls cannot touch its own log and blobs, and links planted beside a log are not followed. */
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { sha256Hex } from "../../../gateway/digest.ts";
import { openRecorder } from "../../../replay/log/file-recorder.ts";
import { readLog } from "../../../replay/log/log-reader.ts";
import { replayRun } from "../../../replay/replay.ts";
import { execute, type Execution } from "../../../runtime/execute.ts";
import { policyOf } from "../../gateway/context.ts";
import { BorunaError } from "../../../vm/error.ts";
import { sampleDescription, successfulRunEnd } from "../sample.ts";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "boruna-own-")));
});
afterEach(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);
const logPath = (): string => pathOf("run.jsonl");

const LONG = "x".repeat(70_000);
/** Compiles a program whose `main` logs a value as a blob, runs `body` and returns its value. */
const program = (body: string) =>
  compile({
    name: "main.ax",
    text: `fn main() -> String !{fs.read, fs.write} { let _long = fs.write("long.txt", string.repeat("x", 70000))\n ${body} }`,
  });

/** Runs the program with its log in `folder`. `prepare` runs once the log exists. */
async function live(body: string, prepare: () => void = () => undefined): Promise<Execution> {
  const policy = policyOf({ default_allow: true, fs_policy: { read: [folder], write: [folder] } });
  let isPrepared = false;
  const eventAppended = (): void => {
    if (!isPrepared) prepare();
    isPrepared = true;
  };
  const run = await execute(program(body.replaceAll("DIR", folder).replace("long.txt", pathOf("long.txt"))), {
    policy,
    live: true,
    record: logPath(),
    tracing: false,
    on: { eventAppended },
  });
  expect((await replayRun(readLog(logPath()), { tracing: false })).status).toBe("identical");
  return run;
}
const blobName = (): string => sha256Hex(`{"String":"${LONG}"}`);

describe("calls of the run cannot touch its log", () => {
  const write = (path: string, how: string): string => `if fs.write("${path}", "forged", "${how}") { "wrote" } else { "no" }`;
  const links = (): void => {
    linkSync(logPath(), pathOf("hard.txt"));
    symlinkSync("run.jsonl", pathOf("soft.txt"));
    symlinkSync("run.jsonl.blobs", pathOf("folder"));
    linkSync(join(`${logPath()}.blobs`, blobName()), pathOf("blob.txt"));
  };

  test.each([
    ...["run.jsonl", "hard.txt", "soft.txt", "run.jsonl.blobs", "blob.txt", "run.jsonl.blobs/BLOB", "folder/BLOB"].flatMap((path) => [
      `fs.read("DIR/${path}")`,
      `fs.read("DIR/${path}", "base64")`,
      `fs.read("DIR/${path}", "stat")`,
    ]),
    'fs.read("DIR/run.jsonl.blobs", "list")',
    'fs.read("DIR/folder", "list")',
    ...["replace", "append", "delete", "create"].flatMap((how) => [
      write("DIR/run.jsonl", how),
      write("DIR/hard.txt", how),
      write("DIR/blob.txt", how),
      write("DIR/run.jsonl.blobs", how),
      write("DIR/run.jsonl.blobs/BLOB", how),
      write("DIR/run.jsonl.blobs/new", how),
      ...(how === "delete" ? [] : [write("DIR/run.jsonl.blobs/sub/new", how)]),
      write("DIR/folder/new", how),
    ]),
    ...["replace", "append"].map((how) => write("DIR/soft.txt", how)),
  ])("%s", async (body) => {
    const run = await live(body.replaceAll("BLOB", blobName()), links);
    expect(run.error?.message).toMatch(/leads to the log or the database of this run, which no fs call may touch$/);
    expect(run.outcome).toBe("denied");
  });

  test("a listing omits them", async () => {
    const run = await live('fs.read("DIR", "list")', links);
    expect(run.value).toBe('["folder","long.txt","soft.txt"]');
  });

  test("the log of another run is an ordinary file", async () => {
    writeFileSync(pathOf("other.jsonl"), "other");
    expect((await live('fs.read("DIR/other.jsonl")')).value).toBe("other");
  });
});

describe("links planted beside a log", () => {
  const kindOf = (body: () => unknown): string => {
    try {
      body();
    } catch (error) {
      if (error instanceof BorunaError) return error.kind;
      throw error;
    }
    return "nothing was thrown";
  };

  test("a link under a blob's name or temporary name is not followed", () => {
    writeFileSync(pathOf("victim"), "precious");
    mkdirSync(`${logPath()}.blobs`);
    const module = sha256Hex(sampleDescription().module);
    for (const name of [module, `${module}.tmp`]) symlinkSync(pathOf("victim"), join(`${logPath()}.blobs`, name));
    const recorder = openRecorder(logPath(), sampleDescription());
    recorder.finish(successfulRunEnd(0));
    expect(readFileSync(pathOf("victim"), "utf8")).toBe("precious");
    expect(readFileSync(join(`${logPath()}.blobs`, module), "utf8")).toBe("module");
  });

  test.each([false, true])("a link in place of the folder of blobs is refused (force: %s)", (force) => {
    mkdirSync(pathOf("elsewhere"));
    const kept = join(pathOf("elsewhere"), "a".repeat(64));
    writeFileSync(kept, "precious");
    if (force) {
      openRecorder(logPath(), sampleDescription()).finish(successfulRunEnd(0));
      rmSync(`${logPath()}.blobs`, { recursive: true });
    }
    symlinkSync(pathOf("elsewhere"), `${logPath()}.blobs`);
    expect(kindOf(() => openRecorder(logPath(), sampleDescription(), { force }))).toBe("log.io_error");
    expect(readdirSync(pathOf("elsewhere"))).toEqual(["a".repeat(64)]);
    expect(readdirSync(folder).sort()).toEqual(force ? ["elsewhere", "run.jsonl", "run.jsonl.blobs"] : ["elsewhere", "run.jsonl.blobs"]);
  });

  test("the folder of blobs is replaced while the run goes on", () => {
    mkdirSync(pathOf("elsewhere"));
    const recorder = openRecorder(logPath(), sampleDescription());
    renameSync(`${logPath()}.blobs`, pathOf("moved"));
    mkdirSync(`${logPath()}.blobs`);
    expect(kindOf(() => recorder.append({ type: "UiEmit", tree: LONG }))).toBe("log.replaced");
    rmSync(`${logPath()}.blobs`, { recursive: true });
    symlinkSync(pathOf("elsewhere"), `${logPath()}.blobs`);
    expect(kindOf(() => recorder.append({ type: "UiEmit", tree: LONG }))).toBe("log.io_error");
    expect(kindOf(() => recorder.abandon())).toBe("log.io_error");
    expect(readdirSync(pathOf("elsewhere"))).toEqual([]);
  });

  test("a link under the log's name is refused without force", () => {
    symlinkSync(pathOf("victim"), logPath());
    expect(kindOf(() => openRecorder(logPath(), sampleDescription()))).toBe("log.exists");
    expect(readdirSync(folder)).toEqual(["run.jsonl"]);
  });
});
