/** `replay` and `verify` as a user sees them: their limits, flags without effect, the exit code on the span. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { linesOf, withNewHashes } from "../replay/mend.ts";
import { startCollector } from "../telemetry/collector.ts";
import { boruna, type Ended, type RunOptions } from "./boruna.ts";

const folder = temporaryFolder();
const runHere = (args: readonly string[], options: RunOptions = {}): Promise<Ended> => boruna(args, { cwd: folder, ...options });
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

beforeAll(async () => {
  write("read.ax", 'fn main() -> String !{fs.read} { fs.read("a.txt") }\n');
  write("spin.ax", "fn main(n: Int) -> Int {\n    let mut i = 0\n    while i < n { i = i + 1 }\n    i\n}\n");
  write(
    "grow.ax",
    'fn main(n: Int) -> Int {\n    let mut all: List<String> = []\n    let mut i = 0\n    while i < n {\n        all = list.push(all, "x" ++ int.to_string(i))\n        i = i + 1\n    }\n    list.len(all)\n}\n',
  );
  write("policy.json", '{ "schema_version": 1, "default_allow": false, "rules": {} }\n');
  await runHere(["run", "read.ax", "--policy", "allow-all", "--record", "run.jsonl"]);
  await runHere(["run", "read.ax", "--record", "denied.jsonl"]);
  await runHere(["run", "read.ax", "--policy", "allow-all", "--record", "old.json", "--format", "eventlog"]);
  await runHere(["run", "spin.ax", "--arg", "n=1000", "--record", "spin.jsonl"]);
  await runHere(["run", "grow.ax", "--arg", "n=9007199254740991", "--max-steps", "1000", "--record", "grow.jsonl"]);
  const lines = linesOf(read("run.jsonl"));
  write(
    "full-disk.cjs",
    `const fs = require("node:fs");
    const { writeSync } = fs;
    fs.writeSync = (descriptor, bytes, ...rest) => {
      if (Buffer.from(bytes).includes("CapResult")) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      return writeSync(descriptor, bytes, ...rest);
    };`,
  );
  for (const name of ["cut", "wrong"]) cpSync(join(folder, "run.jsonl.blobs"), join(folder, `${name}.jsonl.blobs`), { recursive: true });
  write("cut.jsonl", `${lines.slice(0, 2).join("\n")}\n`);
  write("wrong.jsonl", withNewHashes(lines.map((line) => (line.startsWith('{"event"') ? line.replace('"a.txt"', '"b.txt"') : line))));
  // Forged logs: the limits in the header are as high as possible, and no end record says how many steps the run took.
  for (const name of ["spin", "grow"]) {
    const [header = ""] = linesOf(read(`${name}.jsonl`));
    const most = (text: string): string => text.replace(/"(max_steps|max_alloc_bytes|n)":\d+/g, '"$1":9007199254740991');
    const asks = header.replace(/"limits":\{[^}]*\},"mode"|"args":\{[^}]*\}/g, most);
    cpSync(join(folder, `${name}.jsonl.blobs`), join(folder, `${name}-forged.jsonl.blobs`), { recursive: true });
    write(`${name}-forged.jsonl`, withNewHashes([asks, '{"event":{"UiEmit":{"tree":{"Int":1}}},"n":1}']));
  }
});

describe("a replay has limits of its own", () => {
  test.each(
    someOf([
      ["replay", "spin-forged.jsonl", [], "stopped at 10000000 steps"],
      ["replay", "spin-forged.jsonl", ["--max-steps", "500"], "stopped at 500 steps"],
      ["replay", "spin-forged.jsonl", ["--max-steps", "9007199254740991", "--max-wall-ms", "50"], "stopped after 50 ms"],
      ["replay", "grow-forged.jsonl", ["--max-alloc-bytes", "5000"], "stopped at 5000 bytes allocated"],
      ["replay", "grow-forged.jsonl", ["--max-steps", "9007199254740991"], "stopped at 1073741824 bytes allocated"],
      ["verify", "spin.jsonl", ["--replay", "--max-steps", "10"], "this replay may take 10"],
    ]),
  )("%s %s %j", async (command, log, flags, says) => {
    const ended = await runHere([command, log, ...flags]);
    expect(ended).toMatchObject({ code: 4, stdout: "" });
    expect(ended.stderr).toContain(says);
    expect(ended.stderr).toContain("help: ");
  });

  test.runIf(DEEP)("and a flag raises them for a run that is meant to take longer", async () => {
    await runHere(["run", "spin.ax", "--arg", "n=2000000", "--max-steps", "100000000", "--record", "long.jsonl"]);
    const refused = await runHere(["replay", "long.jsonl", "--json"]);
    expect(refused).toMatchObject({ code: 4, stderr: "" });
    const { error } = JSON.parse(refused.stdout);
    expect(error.kind).toBe("log.replay_limit");
    const [, flag = "", steps = ""] = /(--max-steps) to (\d+)\.$/.exec(error.hint) ?? [];
    expect(await runHere(["replay", "long.jsonl", flag, steps])).toMatchObject({ code: 0 });
    expect(await runHere(["verify", "long.jsonl", "--replay", flag, steps])).toMatchObject({ code: 0 });
  });
});

describe("no flag and no argument is ignored", () => {
  test.each(
    someOf<[readonly string[], string, string]>([
      [["replay", "run.jsonl", "read.ax", "--arg", "n=1"], "--arg has no effect here", "leave out --arg"],
      [
        ["replay", "old.json", "--policy", "allow-all"],
        "--policy has no effect without a program",
        "boruna replay old.json app.ax --policy",
      ],
      [
        ["replay", "read.ax", "run.jsonl"],
        "read.ax is not a log, and run.jsonl is one: the log comes first",
        "boruna replay run.jsonl read.ax",
      ],
      [["replay", "read.ax", "old.json"], "the log comes first", "boruna replay old.json read.ax"],
      [["verify", "run.jsonl", "--max-steps", "5"], "--max-steps has no effect without --replay", "add --replay"],
      [["replay", "old.json", "read.ax", "--policy", "deny-all", "--policy", "allow-all"], "--policy is given twice", "boruna COMMAND -h"],
      [["replay", "old.json", "read.ax", "--policy=deny-all", "--policy", "allow-all"], "--policy is given twice", "boruna COMMAND -h"],
      [["replay", "run.jsonl", "--engine", "auto", "--engine", "compiled"], "--engine is given twice", "boruna COMMAND -h"],
      [["run", "read.ax", "--policy", "allow-all", "--policy", "policy.json"], "--policy is given twice", "boruna COMMAND -h"],
      [["run", "read.ax", "--durable"], "--durable has no effect without --record", "add --record"],
      [["run", "read.ax", "--force"], "--force has no effect without --record", "add --record"],
      [["run", "read.ax", "--format", "eventlog"], "--format has no effect without --record", "add --record"],
      [["run", "read.ax", "--trace", "--engine", "compiled"], "--engine has no effect beside --trace", "leave out one"],
    ]),
  )("%j", async (args, message, hint) => {
    const ended = await runHere(args);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).toContain(hint);
  });

  test("a program in place of the log is not a log", async () => {
    expect(await runHere(["replay", "read.ax", "spin.ax"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("read.ax is not a run log"),
    });
  });
});

describe("process.exit.code is the process's own", () => {
  test.each(
    someOf<[string, readonly string[], number, string, boolean]>([
      ["a replay of a denied run", ["replay", "denied.jsonl"], 0, "denied", false],
      ["a replay of a log without an end", ["replay", "cut.jsonl"], 6, "incomplete", false],
      ["a divergence", ["replay", "wrong.jsonl"], 5, "divergence", true],
      ["a replay that reaches its limit", ["replay", "spin-forged.jsonl", "--max-steps", "500"], 4, "limit_exceeded", true],
      ["a log that cannot be written", ["run", "read.ax", "--policy", "allow-all", "--record", "full.jsonl"], 2, "fatal", true],
      ["a denied run", ["run", "read.ax"], 3, "denied", false],
    ]),
  )("%s", async (_name, args, code, outcome, isError) => {
    const collector = await startCollector();
    const nodeFlags = args.includes("full.jsonl") ? ["--require", join(folder, "full-disk.cjs")] : [];
    const ended = await runHere(args, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, nodeFlags });
    await collector.close();
    expect(ended.code).toBe(code);
    const run = collector.spans().find(({ name }) => name === "boruna.run");
    expect(run?.attributes).toMatchObject({ "process.exit.code": code, "boruna.run.outcome": outcome });
    expect(run?.attributes["error.type"]).toBe(isError ? outcome : undefined);
  });
});
