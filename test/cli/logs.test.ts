/** `log show`, `diff`, `replay` with policies, edits and several logs, and `test --logs`: what they print and refuse, and exit codes. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { linesOf } from "../replay/mend.ts";
import { boruna, type Ended, environment, MAIN } from "./boruna.ts";

/** The calls of many.jsonl. */
const CALLS = 100;
const folder = temporaryFolder();
const runHere = (...args: readonly string[]): Promise<Ended> => boruna(args, { cwd: folder });
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

beforeAll(async () => {
  write("read.ax", 'fn main(path: String) -> String !{fs.read} {\n    fs.read(path) ++ fs.read("b.txt")\n}\n');
  write("other.ax", 'fn main(path: String) -> String !{fs.read} {\n    fs.read("b.txt") ++ fs.read(path)\n}\n');
  write("many.ax", `fn main() -> Int !{time.now} {\n    for _n in list.range(0, ${CALLS}) { let _now = time.now() }\n    0\n}\n`);
  write("tested.ax", 'test "adds" { let _n = 1 + 1 }\n');
  mkdirSync(join(folder, "logs"));
  for (const name of ["run", "logs/same"])
    await runHere("run", "read.ax", "--policy", "allow-all", "--arg", "path=a\u001b[2J\u202e.txt", "--record", `${name}.jsonl`);
  await runHere("run", "read.ax", "--policy", "allow-all", "--arg", "path=c.txt", "--record", "c.jsonl");
  await runHere("run", "many.ax", "--policy", "allow-all", "--record", "many.jsonl");
  await runHere("run", "read.ax", "--policy", "allow-all", "--arg", "path=c.txt", "--record", "old.json", "--format", "eventlog");
  write(
    "killed.jsonl",
    `${linesOf(readFileSync(join(folder, "run.jsonl"), "utf8"))
      .slice(0, 4)
      .join("\n")}\n{"event`,
  );
  cpSync(join(folder, "run.jsonl.blobs"), join(folder, "killed.jsonl.blobs"), { recursive: true });
});

describe("log show", () => {
  test("escapes control characters", async () => {
    const ended = await runHere("log", "show", "run.jsonl");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain('1\tfs.read("a\\u{1b}[2J\\u{202e}.txt")');
    expect((await runHere("log", "show", "run.jsonl", "--call", "1")).stdout).toContain('path = "a\\u{1b}[2J\\u{202e}.txt"');
  });

  test("a killed run", async () => {
    const { stdout, code } = await runHere("log", "show", "killed.jsonl");
    expect(code).toBe(0);
    expect(stdout).toContain('2\tfs.read("b.txt")\t\tread.ax:2\tno answer\n');
    expect(stdout).toContain("no end record");
    expect(stdout).toContain("the file is cut inside line 5");
    expect((await runHere("log", "show", "killed.jsonl", "--call", "2")).stdout).toContain(
      "no answer: the run waits, or was stopped during the call",
    );
  });

  test("prints JSON, in colors only if asked", async () => {
    const ended = await runHere("log", "show", "run.jsonl", "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({
      protocol_version: 1,
      outcome: "success",
      calls: [
        { call: 1, place: { line: 2 }, args: ["a\u001b[2J\u202e.txt"] },
        { call: 2, event: 3, outcome: "ok" },
      ],
      notes: [],
    });
    expect(JSON.parse((await runHere("log", "show", "run.jsonl", "--events", "--json")).stdout)).toMatchObject({
      entries: [{ call: 1 }, { call: 2 }],
    });
    expect(JSON.parse((await runHere("log", "show", "run.jsonl", "--call", "2", "--json")).stdout)).toMatchObject({
      call: 2,
      stack: [{ line: 2 }],
    });
    expect((await runHere("log", "show", "run.jsonl", "--color", "always")).stdout).toContain("\u001b[1m");
    // An event log has no program, so its calls have no places.
    expect((await runHere("log", "show", "old.json")).stdout).toMatch(/note: from event 1 on, calls have no place: .*holds no program/);
  });

  test.each(
    someOf<[readonly string[], number, string]>([
      [["log", "show", "run.jsonl", "--call", "3"], 2, "has no call 3; it has 2"],
      [["log", "show", "run.jsonl", "--call", "0"], 2, "expected the number of a call"],
      [["log", "show", "run.jsonl", "--call", "1", "--events"], 2, "--events has no effect beside --call"],
      [["log", "show", "run.jsonl", "--calls", "--events"], 2, "--events has no effect beside --calls"],
      [["log", "show", "read.ax"], 2, "read.ax is not a run log"],
      [["diff", "run.jsonl", "missing.jsonl"], 2, "missing.jsonl"],
      [["diff", "run.jsonl"], 2, "missing required argument"],
    ]),
  )("%j", async (args, code, message) => {
    const ended = await runHere(...args);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(message);
  });
});

/** Counts the writes to stdout after its reader has gone, and prints the count on stderr. */
const COUNT_LOST_WRITES = `
  import fs from "node:fs";
  import { syncBuiltinESMExports } from "node:module";
  const { writeSync } = fs;
  let lost;
  fs.writeSync = (descriptor, ...rest) => {
    if (descriptor === 1 && lost !== undefined) lost += 1;
    try {
      return writeSync(descriptor, ...rest);
    } catch (error) {
      if (error.code === "EPIPE") lost ??= 0;
      throw error;
    }
  };
  syncBuiltinESMExports();
  process.on("exit", () => writeSync(2, "lost " + lost));
`;

test.each([[[]], [["--json"]]])("log show %j stops when the reader of its output has gone", async (flags) => {
  const preload = `data:text/javascript,${encodeURIComponent(COUNT_LOST_WRITES)}`;
  const args = ["--import", preload, MAIN, "log", "show", "many.jsonl", ...flags];
  const child = spawn(process.execPath, args, { cwd: folder, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  expect(Number(/^lost (\d+)$/.exec(stderr)?.[1])).toBeLessThan(CALLS / 2);
});

describe.skipIf(!existsSync("/usr/bin/script"))("on a terminal", () => {
  const onTerminal = (command: string, env: Readonly<Record<string, string>>): string => {
    const { stdout } = spawnSync("/usr/bin/script", ["-qec", `stty cols 60; ${process.execPath} ${MAIN} ${command}`, "/dev/null"], {
      cwd: folder,
      encoding: "utf8",
      input: "",
      env: { PATH: process.env["PATH"] ?? "", BORUNA_TELEMETRY_DISABLED: "1", TERM: "xterm", NO_COLOR: "1", ...env },
    });
    return stdout.replaceAll("\r", "");
  };

  test("the pager gets the output, cut to the width of the terminal", () => {
    const shown = onTerminal("log show c.jsonl", { PAGER: "sed s/^/paged:/" });
    const rows = shown.split("\n").filter((line) => line.includes("read.ax:2"));
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toMatch(/^paged:.{1,60}$/u);
  });

  test.each(
    someOf([
      ["--no-pager", { PAGER: "sed s/^/paged:/" }],
      ["", { PAGER: "cat" }],
      ["", { PAGER: "" }],
    ]),
  )("no pager: %j %j", (flag, env) => {
    const shown = onTerminal(`log show c.jsonl ${flag}`, env);
    expect(shown).toContain("ended with success");
    expect(shown).not.toContain("paged:");
  });

  test("a pager that reads only the beginning ends the command", () => {
    expect(onTerminal("diff run.jsonl c.jsonl", { PAGER: "head -n 1" })).toBe("header args.path:\n");
  });
});

describe("diff", () => {
  test.each(
    someOf<[readonly string[], number, RegExp]>([
      [["diff", "run.jsonl", "logs/same.jsonl"], 0, /^diff: the same \(2 calls and events equal\)\n$/],
      [["diff", "run.jsonl", "c.jsonl"], 5, /^header args\.path:\n[^]*diff: \d+ differences/],
      [["diff", "run.jsonl", "killed.jsonl"], 5, /other answer\n {2}a: fs\.read → [^]*\n {2}b: \(no answer\)/],
    ]),
  )("%j", async (args, code, output) => {
    const ended = await runHere(...args);
    expect(ended).toMatchObject({ code, stderr: "" });
    expect(ended.stdout).toMatch(output);
    const json = JSON.parse((await runHere(...args, "--json")).stdout);
    expect(json).toMatchObject({ protocol_version: 1, same: code === 0, differences: code === 0 ? 0 : expect.any(Number) });
  });
});

describe("what-if", () => {
  test.each(
    someOf<[readonly string[], number, string]>([
      [["--policy", "allow-all"], 0, "what-if: same (2 of 2 recorded calls answered)"],
      [["--policy", "deny-all"], 5, "after 0 calls the policy refuses fs.read("],
      [["--edit", '1="x"'], 5, 'now:          success: "x'],
      [["--edit", '1="x"', "--edit", '2="y"'], 5, 'now:          success: "xy"'],
      [["--edit", '1="x"', "--program", "other.ax"], 5, "calls stop matching after 0 calls, at event 1"],
    ]),
  )("%j", async (flags, code, output) => {
    const ended = await runHere("replay", "run.jsonl", ...flags);
    expect(ended).toMatchObject({ code, stderr: "" });
    expect(ended.stdout).toContain(output);
    expect(JSON.parse((await runHere("replay", "run.jsonl", ...flags, "--json")).stdout)).toMatchObject({
      protocol_version: 1,
      calls: { recorded: 2 },
    });
  });

  test.each(
    someOf<[readonly string[], string]>([
      [["run.jsonl", "--edit", "x"], "--edit x: expected N=JSON"],
      [["run.jsonl", "--edit", "1=x"], "--edit 1: the answer is not JSON"],
      [["run.jsonl", "--edit", "1=1", "--edit", "1=2"], "--edit 1 is given twice"],
      [["run.jsonl", "--edit", "1=1"], "must have the type String"],
      [["run.jsonl", "--edit", "7=1"], "the log has no call 7; it has 2"],
      [["old.json", "read.ax", "--edit", "1=1"], "--edit has no effect here: old.json is an event log"],
      [["run.jsonl", "c.jsonl", "--edit", "1=1"], "--edit is for one log"],
      [["logs", "--policy", "deny-all"], "--policy is for one log"],
      [["run.jsonl", "read.ax", "--program", "other.ax"], "two programs are named"],
    ]),
  )("%j", async (args, message) => {
    const ended = await runHere("replay", ...args);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(message);
  });
});

describe("the upgrade check", () => {
  test("several logs, a folder, one log with another program", async () => {
    expect((await runHere("replay", "run.jsonl", "c.jsonl")).stdout).toBe(
      "run.jsonl: same (4 events)\nc.jsonl: same (4 events)\n2 runs the same, 0 diverging, 0 failing\n",
    );
    const folderCheck = await runHere("replay", "logs", "--program", "other.ax", "--json");
    expect(folderCheck.code).toBe(5);
    expect(JSON.parse(folderCheck.stdout)).toMatchObject({
      ok: false,
      diverging: 1,
      runs: [{ log: join("logs", "same.jsonl"), verdict: "diverges", divergence: { event: 1, location: { file: "other.ax", line: 2 } } }],
    });
    const [named, positional] = [
      await runHere("replay", "run.jsonl", "--program", "other.ax"),
      await runHere("replay", "run.jsonl", "other.ax"),
    ];
    expect(named).toEqual(positional);
    expect(named).toMatchObject({ code: 5, stdout: expect.stringMatching(/^replay: divergence at event 1/) });
  });

  test("a log that cannot be replayed", async () => {
    write("damaged.jsonl", '{"args":{},"boruna_log":1}\n');
    const ended = await runHere("replay", "run.jsonl", "damaged.jsonl");
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    expect(ended.stdout).toMatch(/^run\.jsonl: same \(4 events\)\ndamaged\.jsonl: fails\n {4}\S/);
  });

  test("in boruna test, on both engines", async () => {
    const ended = await runHere("test", "tested.ax", "--logs", "logs");
    expect(ended.stderr).toBe("");
    expect(ended.stdout).toMatch(
      /ok {4}adds[^]*same\.jsonl \(interpreter\): same[^]*\(compiled\): same[^]*1 passed, 0 failed[^]*2 runs the same/,
    );
    expect(ended.code).toBe(0);
    const changed = await runHere("test", "tested.ax", "--logs", "logs", "--program", "other.ax", "--json");
    expect(changed.code).toBe(5);
    expect(JSON.parse(changed.stdout)).toMatchObject({
      ok: false,
      passed: 1,
      logs: { diverging: 2, runs: [{ engine: "interpreter" }, { engine: "compiled" }] },
    });
    expect(await runHere("test", "--program", "other.ax")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--program has no effect without --logs"),
    });
  });
});
