/** What reaches the terminal, and what happens if it cannot be written. */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { boruna, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
writeFileSync(join(folder, "echo.ax"), "fn main(text: String) -> String { debug(text) }\n");
writeFileSync(join(folder, "tree.ax"), 'fn main(text: String) -> Unit !{ui.render} { emit { "text": text } }\n');

const HOSTILE = "a\u001b]0;x\u0007\u009b31m\u202ez\u061c";
// oxlint-disable-next-line no-control-regex
const DRIVES_A_TERMINAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe("text of programs", () => {
  test("reaches the terminal without control characters, and JSON keeps all of it", async () => {
    const plain = await boruna(["run", "echo.ax", "--arg", `text=${HOSTILE}`], { cwd: folder });
    expect(plain.stdout).toBe('"a]0;x31mz"\n');
    expect(plain.stderr).not.toMatch(DRIVES_A_TERMINAL);
    const json = await boruna(["run", "echo.ax", "--arg", `text=${HOSTILE}`, "--json"], { cwd: folder });
    expect(json.stdout).not.toMatch(DRIVES_A_TERMINAL);
    expect(JSON.parse(json.stdout)).toMatchObject({ value: HOSTILE });
    const ui = await boruna(["run", "tree.ax", "--allow", "ui.render", "--ui", "json", "--arg", `text=${HOSTILE}`], { cwd: folder });
    expect(ui.stdout).not.toMatch(DRIVES_A_TERMINAL);
    expect(JSON.parse(ui.stdout.split("\n")[0] ?? "")).toEqual({ text: HOSTILE });
  });
});

describe.skipIf(!existsSync("/dev/full"))("an output that cannot be written", () => {
  test.each(
    someOf([
      [["capability", "list"]],
      [["capability", "list", "--json"]],
      [["run", "echo.ax", "--arg", "text=x", "--json"]],
      [["run", "tree.ax", "--allow", "ui.render", "--arg", "text=x", "--ui", "json"]],
    ]),
  )("%j", (args) => {
    const full = openSync("/dev/full", "w");
    const ended = spawnSync(process.execPath, [MAIN, ...args], { cwd: folder, stdio: ["ignore", full, "pipe"], encoding: "utf8" });
    closeSync(full);
    expect(ended.stderr).toContain("error: cannot write to stdout: the disk is full");
    expect(ended.stderr).not.toMatch(/node:|\n\s+at /);
    expect(ended.status).toBe(2);
  });

  test("a message that cannot be written changes nothing", () => {
    const full = openSync("/dev/full", "w");
    const ended = spawnSync(process.execPath, [MAIN, "run", "echo.ax", "--arg", "text=x"], {
      cwd: folder,
      stdio: ["ignore", "pipe", full],
      encoding: "utf8",
    });
    closeSync(full);
    expect(ended).toMatchObject({ status: 0, stdout: '"x"\n' });
  });
});

describe("help", () => {
  test.each(
    someOf([
      [[]],
      [["run"]],
      [["check"]],
      [["compile"]],
      [["inspect"]],
      [["replay"]],
      [["verify"]],
      [["log"]],
      [["log", "show"]],
      [["diff"]],
      [["policy"]],
      [["policy", "validate"]],
      [["policy", "show"]],
      [["capability"]],
      [["capability", "list"]],
    ]),
  )("%j: examples stand first", async (command) => {
    const ended = await boruna([...command, "-h"], { cwd: folder });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^Examples:\n {2}boruna /);
  });

  test("no command: the help on stderr", async () => {
    const ended = await boruna([], { cwd: folder });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^Examples:/);
  });
});

test("a log replayed with a program that takes other arguments", async () => {
  writeFileSync(join(folder, "other.ax"), "fn main(n: Int) -> Int { n }\n");
  await boruna(["run", "echo.ax", "--arg", "text=x", "--record", "run.jsonl"], { cwd: folder });
  const ended = await boruna(["replay", "run.jsonl", "other.ax"], { cwd: folder });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain("the recorded arguments do not fit other.ax");
  expect(ended.stderr).toContain('recorded from the program "echo"');
});

test("--explain prints the rule of every decision", async () => {
  const ended = await boruna(["run", "tree.ax", "--allow", "ui.render=2", "--arg", "text=x", "--explain"], { cwd: folder });
  expect(ended.stderr).toBe(
    'call 1 ui.render: ok, 1 left: the policy\'s rule allows ui.render [rules["ui.render"].allow]\nnote: 1 emitted value; --ui json shows it\n',
  );
});

test("a second SIGINT does not wait for a collector that hangs", async () => {
  writeFileSync(
    join(folder, "spin.ax"),
    'fn main() -> Int {\n    debug("ready")\n    let mut n = 0\n    while true { n = 1 - n }\n    n\n}\n',
  );
  const hanging = createServer();
  await new Promise<void>((resolve) => hanging.listen(0, "127.0.0.1", resolve));
  const address = hanging.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const child = spawn(process.execPath, [MAIN, "run", "spin.ax", "--max-steps", "9007199254740991"], {
    cwd: folder,
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: "50000",
      BORUNA_OTEL_SHUTDOWN_MS: "50000",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (stderr === "") child.kill("SIGINT");
    stderr += text;
  });
  hanging.once("request", () => child.kill("SIGINT"));
  const code = await new Promise((resolve) => child.once("close", resolve));
  hanging.closeAllConnections();
  hanging.close();
  expect(code).toBe(130);
  expect(stderr).toContain("canceled");
});

test("a changed record is reported once, with its line", async () => {
  await boruna(["run", "tree.ax", "--allow", "ui.render", "--arg", "text=one", "--record", "edited.jsonl"], { cwd: folder });
  const log = join(folder, "edited.jsonl");
  const lines = readFileSync(log, "utf8").split("\n");
  writeFileSync(log, lines.map((line) => (line.includes('"UiEmit"') ? line.replace("one", "two") : line)).join("\n"));
  const verified = await boruna(["verify", "edited.jsonl"], { cwd: folder });
  expect(verified.stdout.split("\n")[0]).toMatch(/^verify: failed at line 2: the record's hash is /);
  const replayed = await boruna(["replay", "edited.jsonl"], { cwd: folder });
  expect(replayed.stderr).toMatch(/^error: the record's hash is .*\n {2}--> edited\.jsonl:2\n {2}help: /);
});
