/** What a recording run does to the disk, and when. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "./boruna.ts";

const TRACE_FS = fileURLToPath(new URL("trace-fs.mjs", import.meta.url));

function folderWithProgram(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "input.txt"), "text");
  writeFileSync(
    join(folder, "app.ax"),
    'fn main() -> Int !{fs.read} { let text = fs.read("input.txt")\n debug("the program sees it")\n string.len(text) }\n',
  );
  return folder;
}

const RUN = ["run", "app.ax", "--policy", "allow-all", "--live", "--record", "run.jsonl"];

async function callsOf(more: readonly string[]): Promise<readonly string[]> {
  const folder = folderWithProgram();
  const trace = join(folder, "trace.json");
  const ran = await boruna([...RUN, ...more], { cwd: folder, env: { TRACE: trace }, nodeFlags: ["--import", TRACE_FS] });
  expect(ran).toMatchObject({ code: 0, stdout: "4\n" });
  const calls: unknown = JSON.parse(readFileSync(trace, "utf8"));
  if (!Array.isArray(calls)) throw new Error("no calls");
  return calls.map(String);
}

test("--durable syncs the header before the log has its name, a call before its handler, an answer before the program sees it", async () => {
  const calls = await callsOf(["--durable"]);
  expect(calls.slice(0, 4)).toEqual(["write header", "sync file", "link run.jsonl", "sync folder"]);
  expect(calls.slice(calls.indexOf("write CapCall"))).toEqual([
    "write CapCall",
    "sync file",
    "open input.txt",
    "write CapResult",
    "sync file",
    "print stderr",
    // The end record is synced before the command prints where the log is.
    "sync file",
    "print stderr",
  ]);
});

test("without --durable nothing waits for the disk, and the order is the same", async () => {
  const calls = await callsOf([]);
  expect(calls.slice(0, 2)).toEqual(["write header", "link run.jsonl"]);
  expect(calls.slice(2)).toEqual(["write CapCall", "open input.txt", "write CapResult", "print stderr", "print stderr"]);
});

test.each(["write", "link"])("a process killed before it makes its first %s leaves no log, and the next one cleans up", async (name) => {
  const folder = folderWithProgram();
  const env = { TRACE: join(folder, "trace.json"), KILL_AT: name };
  expect((await boruna(RUN, { cwd: folder, env, nodeFlags: ["--import", TRACE_FS] })).code).toBe(null);
  // The log is locked before it gets its name by `link`. So a process that is killed at the link leaves the lock.
  const lock = name === "link" ? ["run.jsonl.lock"] : [];
  expect(readdirSync(folder).filter((entry) => !/^\.boruna-.*\.tmp$/.test(entry))).toEqual(["app.ax", "input.txt", ...lock]);
  expect(readdirSync(folder)).toHaveLength(3 + lock.length);
  expect((await boruna(RUN, { cwd: folder })).code).toBe(0);
  expect(readdirSync(folder)).toEqual(["app.ax", "input.txt", "run.jsonl", "run.jsonl.blobs"]);
});
