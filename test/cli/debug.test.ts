/** `boruna debug` as a process: commands from a file and from a pipe, and the debug adapter. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { boruna, environment, MAIN } from "./boruna.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-debug-"));
const log = join(folder, "run.jsonl");
const PROGRAM = `fn main() -> Int !{time.now} {
    let mut total = 0
    for n in [1, 2, 3] {
        total = total + n + time.now() * 0
    }
    total
}
`;

beforeAll(async () => {
  writeFileSync(join(folder, "app.ax"), PROGRAM);
  const { code } = await boruna(["run", "app.ax", "--policy", "allow-all", "--record", log], { cwd: folder });
  expect(code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function commands(text: string, ...more: readonly string[]) {
  const file = join(folder, "commands.txt");
  writeFileSync(file, text);
  return boruna(["debug", log, "--commands", file, ...more]);
}

test("commands from a file go forward and back, and change nothing", async () => {
  const bytes = readFileSync(log);
  const { code, stdout, stderr } = await commands(`# to the last round of the loop
break 4 if n > 2
continue
locals
print total * 2
answer
set 5
end
reverse
back
tasks
`);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toContain("breakpoint 1: main, step");
  expect(stdout).toContain("total = 3\nn = 3\n6\n");
  expect(stdout).toContain("call 3: time.now() → 5 (replaced)\nfrom here on, the run is a what-if");
  expect(stdout).toMatch(/end: end of the run, step \d+: success: 6\n {2}recorded: success: 6/);
  expect(stdout).toContain("* 0  main  runnable");
  expect(readFileSync(log).equals(bytes)).toBe(true);
});

test("a line break in a value does not make a line of its own", async () => {
  const { stdout } = await commands('print "a\\nend of the run"\n');
  expect(stdout).toContain("a\\u{a}end of the run");
  expect(stdout).not.toMatch(/^end of the run/m);
});

test("with --json each command prints one object, and the first wrong one ends with exit code 2", async () => {
  const { code, stdout } = await commands("over\nstack\n", "--json");
  expect(code).toBe(2);
  const objects = stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(objects).toMatchObject([
    { protocol_version: 1, command: "where", step: 0, task: 0 },
    { command: "over", reason: "step", stack: [{ function: "main", file: "app.ax", line: 3 }] },
    { error: { kind: "usage" } },
  ]);
});

test.each([["debug"], ["debug", "/no/such.jsonl"], ["debug", join(folder, "app.ax")]])(
  "%j is refused with a typed error",
  async (...args) => {
    const { code, stderr } = await boruna(args);
    expect(code).not.toBe(0);
    expect(code).not.toBe(70);
    expect(stderr).toMatch(/^error/);
  },
);

test("commands from a pipe: a wrong one is reported, and the next one runs", async () => {
  const child = spawn(process.execPath, [MAIN, "debug", log], { env: environment(), stdio: ["pipe", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end("nonsense\nend\nquit\n");
  expect(await once(child, "close")).toEqual([0, null]);
  expect(err).toContain('unknown command "nonsense"');
  expect(out).toContain("end of the run");
});

test("--dap serves an editor until it disconnects", async () => {
  const child = spawn(process.execPath, [MAIN, "debug", log, "--dap"], { env: environment(), stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const send = (seq: number, command: string): void => {
    const text = JSON.stringify({ seq, type: "request", command, arguments: {} });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  };
  send(1, "initialize");
  send(2, "launch");
  send(3, "configurationDone");
  while (!output.includes('"event":"stopped"')) await once(child.stdout, "data");
  expect(output).toContain('"supportsStepBack":true');
  send(4, "disconnect");
  expect(await once(child, "exit")).toEqual([0, null]);
});
