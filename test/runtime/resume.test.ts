/** Runs that are resumed from their log, in this process. `test/cli/resume.test.ts` kills real ones. */
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Handler } from "../../gateway/handlers.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { verifyLog } from "../../replay/verify.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { resume, type ResumeRunOptions, type Resumption } from "../../runtime/resume.ts";
import { DEEP } from "../cases.ts";
import { BorunaError } from "../../vm/error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-resume-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** Reads, writes, spawns, emits and prints; a write is not repeatable, a long answer is a blob. */
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

/** Handlers whose answers depend on their arguments only. */
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

async function undisturbed(name = "whole.jsonl", options: RunOptions = {}) {
  const { handlers, calls } = world();
  const run = await execute(PROGRAM, { ...OPTIONS, handlers, record: at(name), ...options });
  return { run, calls, bytes: readFileSync(at(name)) };
}

/** Copies the log and keeps its first `bytes` bytes. */
function cutCopy(bytes: number, name = "cut.jsonl"): string {
  rmSync(at(`${name}.blobs`), { recursive: true, force: true });
  copyFileSync(at("whole.jsonl"), at(name));
  cpSync(at("whole.jsonl.blobs"), at(`${name}.blobs`), { recursive: true });
  truncateSync(at(name), bytes);
  return at(name);
}

async function kindOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    if (error instanceof BorunaError) return error.kind;
    throw error;
  }
  return "nothing was thrown";
}

const again = (path: string, options: ResumeRunOptions = {}): Promise<Resumption> => resume(path, { tracing: false, ...options });

describe("a log cut at any byte", () => {
  test("resumes to the result and the bytes of the undisturbed run, or stops at one call", async () => {
    const { run, calls, bytes } = await undisturbed();
    const headerEnd = bytes.indexOf(0x0a);
    const blobs = readdirSync(at("whole.jsonl.blobs")).sort();
    const doubts = new Set<string>();
    const isRecordEnd = (cut: number): boolean => [-1, 0, 1].some((offset) => bytes[cut - 1 + offset] === 0x0a);
    for (let cut = headerEnd; cut <= bytes.length; cut++) {
      // Inside a record, all cuts are alike.
      if (!DEEP && !isRecordEnd(cut) && cut % 50 !== 0) continue;
      const path = cutCopy(cut);
      const log = readLog(path);
      const { handlers, calls: made } = world();
      const resumed = await again(path, { handlers });
      if (resumed.outcome === "in_doubt") {
        // Nothing was written, and no call was made.
        expect(made).toEqual([]);
        expect(readFileSync(path).equals(bytes.subarray(0, cut))).toBe(true);
        expect(resumed.error).toMatchObject({ kind: "in_doubt", capability: "fs.write", stack: [{ function: "main", file: "batch.ax" }] });
        doubts.add(`${resumed.inDoubt?.call} ${resumed.inDoubt?.hash}`);
        const retried = await again(path, { handlers, inDoubt: "retry" });
        expect(retried.outcome).toBe("success");
      }
      expect(readFileSync(path).equals(bytes)).toBe(true);
      expect(readdirSync(`${path}.blobs`).sort()).toEqual(blobs);
      expect(readdirSync(folder)).not.toContain("cut.jsonl.lock");
      // No call whose answer was in the log was made.
      const answered = [...(log.format === "log" ? log.events : [])].filter(({ event }) => event.type === "CapResult").length;
      expect(made).toEqual(calls.slice(answered));
      expect(resumed.hadEnded).toBe(cut === bytes.length);
      if (resumed.outcome !== "in_doubt") expect(resumed).toMatchObject({ outcome: "success", value: run.value, steps: run.steps, runId: "batch-1" });
    }
    expect(doubts.size).toBe(2);
  });
});
