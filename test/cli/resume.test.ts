/** `boruna resume` as a user sees it: real processes, disks that are full or read-only, several processes at once. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lockLog } from "../../replay/log/log-lock.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, type Ended, environment, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
const pathOf = (name: string): string => join(folder, name);
const POLICY = {
  schema_version: 1,
  default_allow: false,
  rules: { "fs.read": { allow: true, budget: 0 }, "fs.write": { allow: true, budget: 10 } },
  fs_policy: { read: ["in"], write: ["out"] },
};
const PROGRAM = `fn main() -> Int !{fs.read, fs.write} {
    let text = fs.read("in/a.txt")
    let _first = fs.write("out/first.txt", text)
    let long = fs.read("in/long.txt")
    match try fs.write("out/second.txt", long) {
        Ok(_) => string.len(long),
        Err(_) => 0
    }
}
`;
const RUN = ["run", "app.ax", "--policy", "policy.json", "--live", "--run-id", "r1"];
let wholeLog = Buffer.alloc(0);

beforeAll(async () => {
  for (const name of ["in", "out"]) mkdirSync(pathOf(name));
  writeFileSync(pathOf("app.ax"), PROGRAM);
  writeFileSync(pathOf("policy.json"), JSON.stringify(POLICY));
  writeFileSync(pathOf("other.json"), JSON.stringify({ ...POLICY, fs_policy: { read: [], write: [] } }));
  writeFileSync(pathOf("in/a.txt"), "hello");
  writeFileSync(pathOf("in/long.txt"), "x".repeat(3_000));
  expect(await runHere([...RUN, "--record", "whole.jsonl"])).toMatchObject({ code: 0, stdout: "3000\n" });
  wholeLog = readFileSync(pathOf("whole.jsonl"));
});

const runHere = (args: readonly string[], options: Parameters<typeof boruna>[1] = {}): Promise<Ended> =>
  boruna(args, { cwd: folder, ...options });

/** Returns the bytes of the log up to its line `count`. */
function bytesOfLines(count: number): number {
  return wholeLog.toString("latin1").split("\n").slice(0, count).join("\n").length + 1;
}

function cutCopy(lines: number, name = "cut.jsonl", parent = folder): string {
  for (const path of [name, `${name}.blobs`, `${name}.lock`]) rmSync(join(parent, path), { recursive: true, force: true });
  copyFileSync(pathOf("whole.jsonl"), join(parent, name));
  cpSync(pathOf("whole.jsonl.blobs"), join(parent, `${name}.blobs`), { recursive: true });
  truncateSync(join(parent, name), bytesOfLines(lines));
  return name;
}

/** A log cut after this line ends with an open call: its lines are the header, the call of fs.read, its answer, and the call of fs.write. */
const OPEN_WRITE = 4;

test("resumes a run and says so", async () => {
  const ended = await runHere(["resume", cutCopy(3)]);
  expect(ended.stdout).toBe("3000\n");
  expect(ended.stderr).toMatch(/^resumed: cut.jsonl after 2 events \(head [0-9a-f]{64}\)\n$/);
  expect(ended.code).toBe(0);
  expect(readFileSync(pathOf("cut.jsonl")).equals(wholeLog)).toBe(true);
  expect((await runHere(["verify", "cut.jsonl", "--replay"])).code).toBe(0);
});

test("a call in doubt is exit code 8, with what to do", async () => {
  const ended = await runHere(["resume", cutCopy(OPEN_WRITE)]);
  expect(ended).toMatchObject({ code: 8, stdout: "" });
  expect(ended.stderr.replace(/sha256:[0-9a-f]{64}/, "HASH")).toMatchInlineSnapshot(`
    "in doubt: call 2 of fs.write (HASH) has no answer in the log: nobody knows whether it was carried out
      --> app.ax:3:18
    2 |     let text = fs.read("in/a.txt")
    3 |     let _first = fs.write("out/first.txt", text)
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: find out whether it was carried out; then \`boruna resume LOG --in-doubt retry\` makes it again, \`--in-doubt fail\` gives the program an error that \`try\` catches
    not resumed: cut.jsonl keeps its 3 events, and nothing was changed
    "
  `);
  expect(await runHere(["resume", "cut.jsonl", "--in-doubt", "retry"])).toMatchObject({ code: 0 });
  expect(readFileSync(pathOf("cut.jsonl")).equals(wholeLog)).toBe(true);
  await runHere(["resume", cutCopy(OPEN_WRITE), "--in-doubt", "fail"]).then((failed) => {
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /^runtime error: the answer to call \d+ of [a-z.]+ was lost, and nobody knows whether it was carried out\n {2}--> app.ax:3:18/,
    );
  });
});

test("--json has the members of run, and the call in doubt", async () => {
  const inDoubt: unknown = JSON.parse((await runHere(["resume", cutCopy(OPEN_WRITE), "--json"])).stdout);
  expect(inDoubt).toMatchObject({
    protocol_version: 1,
    outcome: "in_doubt",
    value: null,
    run_id: "r1",
    log: "cut.jsonl",
    had_ended: false,
    resumed_from: 3,
    in_doubt: { call: 2, capability: "fs.write" },
    error: { kind: "in_doubt", capability: "fs.write", location: { file: "app.ax", line: 3 } },
  });
  const done: unknown = JSON.parse((await runHere(["resume", "cut.jsonl", "--in-doubt", "retry", "--json"])).stdout);
  expect(done).toMatchObject({ outcome: "success", value: 3000, in_doubt: null, error: null });
});

test("a run that has ended is replayed", async () => {
  const ended = await runHere(["resume", "whole.jsonl"]);
  expect(ended).toEqual({
    code: 0,
    stdout: "3000\n",
    stderr: "already ended: whole.jsonl has the end of the run; it was replayed, and nothing was changed\n",
  });
  expect(readFileSync(pathOf("whole.jsonl")).equals(wholeLog)).toBe(true);
});

test("a policy must be the recorded one", async () => {
  const refused = await runHere(["resume", cutCopy(3), "--policy", "other.json"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /^error: the policy has the hash sha256:\w+; the run began under sha256:\w+\n {2}--> cut.jsonl:1\n {2}help: /,
  );
  expect((await runHere(["resume", "cut.jsonl", "--policy", "policy.json"])).code).toBe(0);
});

test("a kill before the program was stored is distinguished from a lost module", async () => {
  cutCopy(1);
  rmSync(pathOf("cut.jsonl.blobs"), { recursive: true });
  for (const command of ["resume", "replay"]) {
    const ended = await runHere([command, "cut.jsonl"]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("cut.jsonl has no event, and its program is missing: the run was killed before it began");
  }
});

test.runIf(DEEP)("processes that resume the log of a killed one at the same time: one does, and each call is made once", async () => {
  cutCopy(3);
  const lock = lockLog(pathOf("cut.jsonl"));
  const holder = readlinkSync(pathOf("cut.jsonl.lock"));
  lock.release();
  symlinkSync(holder.replace(`-${process.pid}-`, `-${spawnSync("true").pid}-`), pathOf("cut.jsonl.lock"));
  const all = await Promise.all(Array.from({ length: 6 }, () => runHere(["resume", "cut.jsonl"])));
  // A process that comes late finds that the run has ended. The others find the log locked, or changed since they read it.
  expect(all.filter(({ stderr }) => stderr.startsWith("resumed: "))).toHaveLength(1);
  for (const { code, stderr } of all) {
    if (code !== 0) expect(stderr).toMatch(/^error: (process \d+ is writing cut.jsonl|cut.jsonl was changed while it was read)\n/);
  }
  expect(readFileSync(pathOf("cut.jsonl")).equals(wholeLog)).toBe(true);
  expect(readdirSync(folder).filter((name) => name.includes(".lock"))).toEqual([]);
});

describe.runIf(process.platform === "linux")("a file that may not grow", () => {
  test.runIf(DEEP)("is one clear error; nothing is lost, and the run goes on when there is room", async () => {
    cutCopy(3);
    rmSync(pathOf("out/first.txt"), { force: true });
    // The limit of `ulimit -f` is in units of 1,024 bytes. It leaves no room for the record of the long answer.
    const blocks = Math.ceil(bytesOfLines(5) / 1024);
    const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
    const ended = spawnSync("bash", ["-c", command, process.execPath, MAIN, "resume", "cut.jsonl"], {
      cwd: folder,
      env: environment(),
      encoding: "utf8",
    });
    expect(ended.status).toBe(2);
    expect(ended.stderr).toMatch(/^error: cannot write cut.jsonl: it would be longer than this process or the file system allows\n/);
    expect(ended.stderr).toContain("boruna resume goes on with the run");
    expect(existsSync(pathOf("out/first.txt"))).toBe(true);
    expect(
      readFileSync(pathOf("cut.jsonl"))
        .subarray(0, bytesOfLines(5))
        .equals(wholeLog.subarray(0, bytesOfLines(5))),
    ).toBe(true);
    expect(await runHere(["resume", "cut.jsonl"])).toMatchObject({ code: 0, stdout: "3000\n" });
    expect(readFileSync(pathOf("cut.jsonl")).equals(wholeLog)).toBe(true);
  });
});

const smallDisk = pathOf("small");
const mount = (...args: readonly string[]): boolean => spawnSync("mount", [...args]).status === 0;
mkdirSync(smallDisk);
const CAN_MOUNT = DEEP && process.getuid?.() === 0 && mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", smallDisk);

describe.runIf(CAN_MOUNT)("a file system of its own", () => {
  afterAll(() => {
    spawnSync("umount", [smallDisk]);
  });

  test("that is full", async () => {
    cutCopy(3, "cut.jsonl", smallDisk);
    // Fills the disk up to one page of 4 KiB. The records before the long answer fit into it.
    const filler = join(smallDisk, "filler");
    writeFileSync(filler, "");
    for (;;) {
      try {
        writeFileSync(filler, new Uint8Array(1), { flag: "a" });
        writeFileSync(filler, new Uint8Array(4_095), { flag: "a" });
      } catch {
        break;
      }
    }
    truncateSync(join(smallDisk, "cut.jsonl"), bytesOfLines(3));
    const full = await runHere(["resume", "small/cut.jsonl"]);
    expect(full.code).toBe(2);
    expect(full.stderr).toMatch(/^error: cannot write small\/cut.jsonl(\.lock)?: the disk is full\n/);
    rmSync(filler);
    expect((await runHere(["resume", "small/cut.jsonl", "--in-doubt", "retry"])).stdout).toBe("3000\n");
    expect(readFileSync(join(smallDisk, "cut.jsonl")).equals(wholeLog)).toBe(true);
  });

  test("that is read-only: a run that has ended is replayed, another one is refused", async () => {
    cutCopy(3, "cut.jsonl", smallDisk);
    cutCopy(100, "ended.jsonl", smallDisk);
    writeFileSync(join(smallDisk, "ended.jsonl"), wholeLog);
    expect(mount("-o", "remount,ro", smallDisk)).toBe(true);
    expect(await runHere(["resume", "small/ended.jsonl"])).toMatchObject({ code: 0, stdout: "3000\n" });
    const refused = await runHere(["resume", "small/cut.jsonl"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^error: cannot write small\/cut.jsonl.lock: the file system is read-only\n/);
    expect(mount("-o", "remount,rw", smallDisk)).toBe(true);
    expect((await runHere(["resume", "small/cut.jsonl"])).code).toBe(0);
  });
});
