/** Runs that are resumed from their log. All are in this process; `test/cli/resume.test.ts` kills real processes. */
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { sha256Hex } from "../../gateway/digest.ts";
import type { Handler } from "../../gateway/handlers.ts";
import { type CapabilitySpec, createRegistry } from "../../gateway/own-capabilities.ts";
import { fileStamp } from "../../replay/log/log-file.ts";
import { lockLog } from "../../replay/log/log-lock.ts";
import { continueRecorder } from "../../replay/log/file-recorder.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { verifyLog } from "../../replay/verify.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { resume, type ResumeRunOptions, type Resumption } from "../../runtime/resume.ts";
import { recordingTracing } from "../gateway/tracing.ts";
import { editLine, rewriteLines } from "../replay/mend.ts";
import { SHARE } from "../cases.ts";
import { kindOf } from "../error-kind.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-resume-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);

/** A program that reads, writes, spawns, emits and prints. Its writes may not be repeated, and one answer is so long that it is a blob. */
const PROGRAM = compile({
  name: "batch.ax",
  text: `fn worker() -> Int !{fs.read} {
    string.len(fs.read("worker"))
}
fn main(count: Int) -> Int !{fs.read, fs.write, time.now, actor.spawn, ui.render} {
    let mut total = time.now()
    let _worker = spawn worker
    for i in list.range(0, count) {
        total = total + string.len(fs.read("item " ++ int.to_string(i)))
        let written = try fs.write("item " ++ int.to_string(i), "done")
        total = match written { Ok(_) => total + 1, Err(message) => total + 1000 * string.len(message) }
        debug("written " ++ int.to_string(i))
    }
    emit {"total": total}
    let _long = fs.read("long")
    total
}
`,
});

interface World {
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Every call that reached a handler. */
  readonly calls: string[];
}

/** Returns handlers whose answers depend only on their arguments, and the list of the calls that reached them. */
function world(): World {
  const calls: string[] = [];
  return {
    calls,
    handlers: {
      "fs.read": ([path]) => {
        calls.push(`read ${String(path)}`);
        return path === "long" ? "x".repeat(70_000) : `text of ${String(path)}`;
      },
      "fs.write": async ([path]) => {
        calls.push(`write ${String(path)}`);
        return true;
      },
      "time.now": () => {
        calls.push("now");
        return 1_700_000_000;
      },
    },
  };
}

const OPTIONS: RunOptions = { policy: "allow-all", args: { count: 2 }, runId: "batch-1", tracing: false };

/** Records the run without a stop, for comparison with resumed runs. */
async function undisturbed(name = "whole.jsonl", options: RunOptions = {}) {
  const { handlers, calls } = world();
  const run = await execute(PROGRAM, { ...OPTIONS, handlers, record: pathOf(name), ...options });
  return { run, calls, bytes: readFileSync(pathOf(name)) };
}

/** Copies the log and keeps its first `bytes` bytes. */
function cutCopy(bytes: number, name = "cut.jsonl"): string {
  rmSync(pathOf(`${name}.blobs`), { recursive: true, force: true });
  copyFileSync(pathOf("whole.jsonl"), pathOf(name));
  cpSync(pathOf("whole.jsonl.blobs"), pathOf(`${name}.blobs`), { recursive: true });
  truncateSync(pathOf(name), bytes);
  return pathOf(name);
}

const resumeUntraced = (path: string, options: ResumeRunOptions = {}): Promise<Resumption> => resume(path, { tracing: false, ...options });

describe("a log cut at any byte", () => {
  test("resumes to the result and the bytes of the undisturbed run, or stops at one call", async () => {
    const { run, calls, bytes } = await undisturbed();
    const headerEnd = bytes.indexOf(0x0a);
    const blobs = readdirSync(pathOf("whole.jsonl.blobs")).sort();
    const doubts = new Set<string>();
    const isRecordEnd = (cut: number): boolean => [-1, 0, 1].some((offset) => bytes[cut - 1 + offset] === 0x0a);
    for (let cut = headerEnd; cut <= bytes.length; cut++) {
      // All cuts inside a record give the same run, so only some are tried.
      if (!isRecordEnd(cut) && cut % Math.round(1 / SHARE) !== 0) continue;
      const path = cutCopy(cut);
      const log = readLog(path);
      const { handlers, calls: made } = world();
      const resumed = await resumeUntraced(path, { handlers });
      if (resumed.outcome === "in_doubt") {
        // Nothing was written, and no call was made.
        expect(made).toEqual([]);
        expect(readFileSync(path).equals(bytes.subarray(0, cut))).toBe(true);
        expect(resumed.error).toMatchObject({ kind: "in_doubt", capability: "fs.write" });
        doubts.add(`${resumed.inDoubt?.call} ${resumed.inDoubt?.hash}`);
        const retried = await resumeUntraced(path, { handlers, inDoubt: "retry" });
        expect(retried.outcome).toBe("success");
      }
      expect(readFileSync(path).equals(bytes)).toBe(true);
      expect(readdirSync(`${path}.blobs`).sort()).toEqual(blobs);
      expect(readdirSync(folder)).not.toContain("cut.jsonl.lock");
      // No call whose answer was in the log was made.
      const answered = [...(log.format === "log" ? log.events : [])].filter(({ event }) => event.type === "CapResult").length;
      expect(made).toEqual(calls.slice(answered));
      expect(resumed.hadEnded).toBe(cut === bytes.length);
      if (resumed.outcome !== "in_doubt")
        expect(resumed).toMatchObject({ outcome: "success", value: run.value, steps: run.steps, runId: "batch-1" });
    }
    expect(doubts.size).toBe(2);
  });
});

/** Returns the number of bytes up to the end of the `n`th line that contains `text`. */
function endOfLine(bytes: Buffer, text: string, n = 1): number {
  let end = 0;
  let found = 0;
  for (const line of bytes.toString("latin1").split("\n")) {
    end += line.length + 1;
    if (line.includes(text)) found += 1;
    if (found === n) return end;
  }
  throw new Error(`no line ${n} with ${text}`);
}

const OPEN_WRITE = '"capability":"fs.write"';

describe("a call that may have been carried out", () => {
  test("is named with its number, its place and its hash", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, OPEN_WRITE));
    const { handlers } = world();
    const resumed = await resumeUntraced(path, { handlers });
    expect(resumed).toMatchObject({
      outcome: "in_doubt",
      resumedFrom: 7,
      hadEnded: false,
      log: { path },
      inDoubt: { call: 5, capability: "fs.write", hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    });
    expect(resumed.error?.message).toBe(
      `call 5 of fs.write (${resumed.inDoubt?.hash}) has no answer in the log: nobody knows whether it was carried out`,
    );
    expect(resumed.error?.stack[0]).toMatchObject({ function: "main", file: "batch.ax", line: 9 });
    const hashed = '{"args":[{"String":"item 0"},{"String":"done"}],"capability":"fs.write"}';
    expect(resumed.inDoubt?.hash).toBe(`sha256:${sha256Hex(hashed)}`);
  });

  test("fails if its owner says so, and the program may catch that", async () => {
    const { run, bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, OPEN_WRITE));
    const { handlers, calls } = world();
    const resumed = await resumeUntraced(path, { handlers, inDoubt: "fail" });
    expect(resumed.outcome).toBe("success");
    expect(resumed.counters).toEqual({ ...run.counters, failed: 1 });
    expect(calls).not.toContain("write item 0");
    expect(readFileSync(path, "utf8")).toContain('{"CapError":{"capability":"fs.write","kind":"in_doubt","message":');
    expect(await verifyLog(path, { replay: true })).toMatchObject({ ok: true });
    expect(await replayRun(readLog(path), { tracing: false })).toMatchObject({ status: "identical" });
  });

  test("ends the run if it fails outside of a try", async () => {
    const program = compile({ name: "one.ax", text: 'fn main() -> Bool !{fs.write} { fs.write("a", "b") }' });
    const { handlers } = world();
    await execute(program, { policy: "allow-all", tracing: false, handlers, record: pathOf("one.jsonl") });
    truncateSync(pathOf("one.jsonl"), endOfLine(readFileSync(pathOf("one.jsonl")), "CapCall"));
    expect(await resumeUntraced(pathOf("one.jsonl"), { handlers, inDoubt: "fail" })).toMatchObject({
      outcome: "runtime_error",
      error: {
        kind: "capability_failed",
        message: expect.stringMatching(/^the answer to call \d+ of [a-z.]+ was lost, and nobody knows whether it was carried out$/),
      },
    });
    expect(await verifyLog(pathOf("one.jsonl"), { replay: true })).toMatchObject({ ok: true });
  });

  test("stops all actors of the run", async () => {
    const program = compile({
      name: "actor.ax",
      text: 'fn worker() -> Bool !{fs.write} { fs.write("a", "b") }\nfn main() -> Int !{actor.spawn, fs.write} { let _w = spawn worker\n let _failed: Result<Int, String> = receive\n 1 }',
    });
    const { handlers, calls } = world();
    await execute(program, { policy: "allow-all", tracing: false, handlers, record: pathOf("actor.jsonl") });
    truncateSync(pathOf("actor.jsonl"), endOfLine(readFileSync(pathOf("actor.jsonl")), "CapCall"));
    calls.length = 0;
    expect(await resumeUntraced(pathOf("actor.jsonl"), { handlers })).toMatchObject({
      outcome: "in_doubt",
      error: { stack: [{ function: "worker" }] },
    });
    expect(calls).toEqual([]);
  });

  test("is repeated without asking if the host's capability says that it may be", async () => {
    const spec = (mayRepeat: boolean): CapabilitySpec => ({
      name: "orders.pay",
      version: "1",
      params: [{ name: "order", type: "String" }],
      result: "Int",
      mayRepeat,
      handler: () => 7,
    });
    for (const [mayRepeat, outcome] of [
      [true, "success"],
      [false, "in_doubt"],
    ] as const) {
      const registry = createRegistry([spec(mayRepeat)]);
      const path = pathOf(`own-${mayRepeat}.jsonl`);
      const program = compile({ name: "own.ax", text: 'fn main() -> Int !{orders.pay} { orders.pay("a") }' }, { registry });
      await execute(program, { registry, policy: "allow-all", live: true, tracing: false, record: path });
      truncateSync(path, endOfLine(readFileSync(path), "CapCall"));
      expect(await resumeUntraced(path, { registry })).toMatchObject({ outcome });
      expect(await kindOf(() => resumeUntraced(path, { registry: createRegistry([spec(!mayRepeat)]) }))).toBe("log.other_capabilities");
      expect(await kindOf(() => resumeUntraced(path, { registry: createRegistry([]) }))).toBe("log.other_capabilities");
      if (mayRepeat) continue;
      // The log has the capability's declaration, but not its code. So without the registry there is no handler.
      expect(await kindOf(() => resumeUntraced(path))).toBe("log.other_handlers");
    }
  });

  test("is repeated if a mock answers it, because a mock reaches nothing", async () => {
    await execute(PROGRAM, { ...OPTIONS, record: pathOf("mock.jsonl") });
    const bytes = readFileSync(pathOf("mock.jsonl"));
    truncateSync(pathOf("mock.jsonl"), endOfLine(bytes, OPEN_WRITE));
    expect(await resumeUntraced(pathOf("mock.jsonl"))).toMatchObject({ outcome: "success" });
    expect(readFileSync(pathOf("mock.jsonl")).equals(bytes)).toBe(true);
  });
});

describe("what a resume refuses, before it changes anything", () => {
  async function refused(path: string, options: ResumeRunOptions): Promise<string> {
    const before = existsSync(path) ? readFileSync(path) : undefined;
    const { handlers, calls } = world();
    const kind = await kindOf(() => resumeUntraced(path, { handlers, ...options }));
    expect(calls).toEqual([]);
    if (before !== undefined) expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".lock"))).toEqual([]);
    return kind;
  }

  test("another policy, and handlers for other capabilities", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    expect(await refused(path, { policy: "deny-all" })).toBe("log.other_policy");
    expect(await kindOf(() => resumeUntraced(path, { policy: "allow-all", handlers: world().handlers }))).toBe("nothing was thrown");
    // The recorded run had no handler for this capability; the resumed one has.
    const declared = { name: "orders.pay", version: "1", params: [], result: "Int", mayRepeat: true } as const;
    const registry = createRegistry([declared]);
    const program = compile({ name: "own.ax", text: 'fn main() -> Int !{fs.read, orders.pay} { string.len(fs.read("a")) }' }, { registry });
    await execute(program, { ...OPTIONS, args: {}, registry, handlers: { "fs.read": () => "a" }, record: pathOf("own.jsonl") });
    truncateSync(pathOf("own.jsonl"), endOfLine(readFileSync(pathOf("own.jsonl")), "CapResult"));
    const handlers = { "fs.read": () => "a", "orders.pay": () => 1 };
    expect(await refused(pathOf("own.jsonl"), { registry, handlers })).toBe("log.other_handlers");
  });

  test("a file that holds no run that could be resumed", async () => {
    await undisturbed("whole.jsonl");
    expect(await refused(pathOf("none.jsonl"), {})).toBe("log.io_error");
    expect(await refused(cutCopy(0), {})).toBe("log.empty");
    expect(await refused(cutCopy(100), {})).toBe("log.cut");
    const headerEnd = readFileSync(pathOf("whole.jsonl")).indexOf(0x0a) + 1;
    const path = cutCopy(headerEnd);
    rmSync(`${path}.blobs`, { recursive: true });
    expect(await refused(path, {})).toBe("log.not_started");
    const withoutActors = compile({ name: "one.ax", text: "fn main() -> Int !{time.now} { time.now() }" });
    await execute(withoutActors, { policy: "allow-all", tracing: false, record: { path: pathOf("old.json"), format: "eventlog" } });
    expect(await refused(pathOf("old.json"), {})).toBe("log.not_resumable");
  });

  test("an option with an unknown value", async () => {
    await undisturbed();
    const options: object = { inDoubt: "perhaps" };
    expect(await refused(pathOf("whole.jsonl"), options)).toBe("usage");
  });

  test("a run that does not do what its log says", async () => {
    const { bytes } = await undisturbed();
    const end = endOfLine(bytes, "CapResult", 4);
    const path = cutCopy(end);
    writeFileSync(path, editLine(bytes.subarray(0, end), 4, "item 0", "item 9"));
    expect(await refused(path, {})).toBe("log.divergence");
    // The log has two more events than the program causes.
    const longer = rewriteLines(bytes, (lines) => [...lines.slice(0, -1), ...lines.slice(1, 3)]);
    writeFileSync(path, longer);
    await expect(resumeUntraced(path, { handlers: world().handlers })).rejects.toMatchObject({
      kind: "log.divergence",
      message: expect.stringMatching(
        /^the run does not do what its log says: event \d+: the program ended, the log goes on with a call of time.now$/,
      ),
    });
    expect(readFileSync(path).equals(longer)).toBe(true);
  });

  test("a log that another process writes", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    const lock = lockLog(path);
    const { handlers, calls } = world();
    await expect(resumeUntraced(path, { handlers })).rejects.toMatchObject({
      kind: "log.locked",
      message: `process ${process.pid} is writing ${path}`,
      hint: expect.stringContaining(`${path}.lock`),
    });
    expect(calls).toEqual([]);
    lock.release();
    expect(await resumeUntraced(path, { handlers })).toMatchObject({ outcome: "success" });
  });

  test("a log that another process has continued since it was read, even if it has as many bytes as before", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    const stamp = fileStamp(path);
    const log = readLog(path);
    utimesSync(path, new Date(0), new Date(0));
    expect(await kindOf(async () => log.format === "log" && continueRecorder(log, stamp))).toBe("log.changed");
    expect(readdirSync(folder)).not.toContain("cut.jsonl.lock");
  });

  test("a log whose run is still going on", async () => {
    const { handlers } = world();
    const kinds: string[] = [];
    const spying: Handler = async (args, context) => {
      kinds.push(await kindOf(() => resumeUntraced(pathOf("going.jsonl"), { handlers })));
      const write = handlers["fs.write"];
      return write?.(args, context);
    };
    const run = await execute(PROGRAM, { ...OPTIONS, handlers: { ...handlers, "fs.write": spying }, record: pathOf("going.jsonl") });
    expect(kinds).toEqual(["log.locked", "log.locked"]);
    expect(run.outcome).toBe("success");
  });
});

describe("a run that has ended", () => {
  test("is replayed, and its log stays as it is", async () => {
    const { run, bytes } = await undisturbed();
    const { calls, handlers } = world();
    const resumed = await resumeUntraced(pathOf("whole.jsonl"), { handlers });
    expect(resumed).toMatchObject({ hadEnded: true, outcome: "success", value: run.value, ui: run.ui, log: run.log });
    expect(calls).toEqual([]);
    expect(readFileSync(pathOf("whole.jsonl")).equals(bytes)).toBe(true);
  });

  test("by an interruption goes on: its end record is cut off", async () => {
    const { bytes } = await undisturbed();
    const abort = new AbortController();
    const { handlers, calls } = world();
    const waiting: Handler = (_, { signal }) => {
      abort.abort();
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(true), { once: true }));
    };
    const interrupted = await execute(PROGRAM, {
      ...OPTIONS,
      signal: abort.signal,
      handlers: { ...handlers, "fs.write": waiting },
      record: pathOf("stopped.jsonl"),
    });
    expect(interrupted.outcome).toBe("canceled");
    expect((await resumeUntraced(pathOf("stopped.jsonl"), { handlers })).outcome).toBe("in_doubt");
    expect(await verifyLog(pathOf("stopped.jsonl"))).toMatchObject({ ok: true, outcome: "canceled" });
    calls.length = 0;
    expect(await resumeUntraced(pathOf("stopped.jsonl"), { handlers, inDoubt: "retry" })).toMatchObject({
      outcome: "success",
      hadEnded: false,
    });
    expect(calls).toEqual(["write item 0", "read item 1", "write item 1", "read long"]);
    expect(await verifyLog(pathOf("stopped.jsonl"), { replay: true })).toMatchObject({ ok: true, outcome: "success" });
    expect(readFileSync(pathOf("stopped.jsonl")).equals(bytes)).toBe(true);
  });

  test("by an interruption of the resume, even during recorded events, is resumed again", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult", 4));
    const { handlers } = world();
    const before = readFileSync(path);
    expect(await resumeUntraced(path, { handlers, signal: AbortSignal.abort() })).toMatchObject({ outcome: "canceled" });
    expect(readFileSync(path).equals(before)).toBe(true);
    const abort = new AbortController();
    const cancelling: Handler = () => {
      abort.abort();
      return "never seen";
    };
    expect(await resumeUntraced(path, { handlers: { ...handlers, "fs.read": cancelling }, signal: abort.signal })).toMatchObject({
      outcome: "canceled",
    });
    expect((await resumeUntraced(path, { handlers, inDoubt: "retry" })).outcome).toBe("success");
  });
});

describe("what a killed process leaves beside the log", () => {
  test("blobs that no record names are removed; other files stay", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    const orphan = join(`${path}.blobs`, "0".repeat(64));
    writeFileSync(orphan, "left over");
    writeFileSync(join(`${path}.blobs`, "notes.txt"), "mine");
    const { handlers } = world();
    expect(await resumeUntraced(path, { handlers })).toMatchObject({ outcome: "success" });
    expect(existsSync(orphan)).toBe(false);
    expect(readFileSync(join(`${path}.blobs`, "notes.txt"), "utf8")).toBe("mine");
    rmSync(join(`${path}.blobs`, "notes.txt"));
    expect(await verifyLog(path)).toMatchObject({ ok: true });
  });

  test("zero bytes that a power cut left at the end are cut off", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    appendFileSync(path, new Uint8Array(5_000));
    expect(await resumeUntraced(path, { handlers: world().handlers })).toMatchObject({ outcome: "success" });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("a link that was planted under the lock's name counts as a lock, and its target is not written", async () => {
    const { bytes } = await undisturbed();
    const path = cutCopy(endOfLine(bytes, "CapResult"));
    writeFileSync(pathOf("victim"), "precious");
    symlinkSync("victim", `${path}.lock`);
    expect(await kindOf(() => resumeUntraced(path, { handlers: world().handlers }))).toBe("log.locked");
    expect(readFileSync(pathOf("victim"), "utf8")).toBe("precious");
  });
});

test("observers, debug output and spans see only what happens after the recorded events", async () => {
  const { bytes } = await undisturbed();
  const path = cutCopy(endOfLine(bytes, "CapResult", 4));
  const seen: string[] = [];
  const printed: string[] = [];
  const tracing = recordingTracing();
  const resumed = await resume(path, {
    tracing,
    handlers: world().handlers,
    on: {
      callStart: ({ call, capability }) => void seen.push(`start ${call} ${capability}`),
      callEnd: ({ call, outcome }) => void seen.push(`end ${call} ${outcome}`),
      eventAppended: ({ type }) => void seen.push(type),
    },
    onDebug: (text) => void printed.push(text),
  });
  expect(resumed.outcome).toBe("success");
  expect(seen.slice(0, 4)).toEqual(["start 6 fs.read", "CapCall", "CapResult", "end 6 ok"]);
  expect(printed).toEqual(['"written 0"', '"written 1"']);
  expect(tracing.runs).toMatchObject([{ start: { mode: "mock", resumedFrom: 9 }, end: [{ outcome: "success" }] }]);
  expect(tracing.calls.map(({ start }) => `${start.call} ${start.capability}`)).toEqual([
    "6 fs.read",
    "7 fs.write",
    "8 ui.render",
    "9 fs.read",
  ]);
});
