/** `boruna simulate` as a process: the guide's example, options, errors. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { codeBlocksOf } from "../repo/console-blocks.ts";
import { ROOT } from "../repo/imports.ts";
import { boruna, EXAMPLES } from "./boruna.ts";

const folder = temporaryFolder();
cpSync(join(EXAMPLES, "refund"), folder, { recursive: true });

/** The commands of the guide with the output below each. */
const examples = codeBlocksOf(readFileSync(join(ROOT, "docs/guide/simulate.md"), "utf8"))
  .filter(({ language }) => language === "console")
  .map(({ text }) => {
    const [command = "", ...output] = text
      .replace(/^\$ boruna /, "")
      .trimEnd()
      .split("\n");
    return { command, output };
  });

// The simulation that finds nothing makes all of its ten thousand runs.
test.each(examples.filter(({ command }) => DEEP || !command.startsWith("simulate refund.ax")))(
  "docs/guide/simulate.md: boruna $command",
  async ({ command, output }) => {
    const { stdout, code } = await boruna(command.split(" "), { cwd: folder });
    expect(code).toBe(command.includes("retry.ax") ? 1 : 0);
    // The guide may cut a line: it then ends with `…`.
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line, i) => (output[i]?.endsWith("…") === true ? `${line.slice(0, output[i].length - 1)}…` : line))).toEqual(output);
  },
);

test("the programs of the guide are those of the example", () => {
  const page = readFileSync(join(ROOT, "docs/guide/simulate.md"), "utf8");
  const text = (name: string): string => readFileSync(join(folder, name), "utf8").replaceAll(/^ {4}/gm, "");
  const [snippet = "", invariant = ""] = codeBlocksOf(page).flatMap(({ language, text: block }) => (language === "text" ? [block] : []));
  expect(text("retry.ax")).toContain(snippet);
  expect(readFileSync(join(folder, "once.ax"), "utf8")).toContain(invariant);
});

test("the log of the failing run replays, verifies and opens in the debugger; it is not overwritten", async () => {
  const args = ["simulate", "retry.ax", "--invariant", "once.ax", "--record", "again.jsonl"];
  expect((await boruna(args, { cwd: folder })).code).toBe(1);
  expect((await boruna(["replay", "again.jsonl"], { cwd: folder })).stdout).toContain("replay: identical");
  expect((await boruna(["verify", "again.jsonl", "--replay"], { cwd: folder })).stdout).toContain("verify: ok");
  writeFileSync(join(folder, "commands.txt"), "break net.fetch\ncontinue\ncontinue\nanswer\nend\nback-call\n");
  const debugged = await boruna(["debug", "again.jsonl", "--commands", "commands.txt"], { cwd: folder });
  expect(debugged).toMatchObject({ code: 0, stderr: "" });
  expect(debugged.stdout).toContain("failure (runtime_error): the connection was closed before the answer came");
  expect(debugged.stdout).toMatch(/end: end of the run, step \d+: success/);
  const refused = await boruna(args, { cwd: folder });
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain("again.jsonl is already there");
  expect((await boruna([...args, "--force"], { cwd: folder })).code).toBe(1);
});

test("--json prints one object, with everything about the failing run", async () => {
  const args = ["simulate", "retry.ax", "--policy", "policy.json", "--invariant", "once.ax", "--json"];
  const { stdout, stderr, code } = await boruna(args, { cwd: folder });
  expect({ stderr, code }).toEqual({ stderr: "", code: 1 });
  const result: unknown = JSON.parse(stdout);
  expect(result).toMatchObject({
    ok: false,
    canceled: false,
    seed: 1,
    runs: 74,
    discarded: 0,
    outcomes: { success: 74 },
    failure: {
      run: 74,
      kind: "invariant",
      error: null,
      args: { id: 0 },
      calls: [
        { call: 1, capability: "net.fetch", answer: { ok: '{"cents":0,"id":0}' }, done: true, fault: "none" },
        { call: 2, answer: { err: expect.any(String) }, done: true, fault: "lost" },
        { call: 3, done: true, fault: "none" },
      ],
      chosen_answers: 2,
      outcome: "success",
      log: null,
    },
  });
  const passed = await boruna(["simulate", "refund.ax", "--runs", "20", "--arg", "id=7", "--json"], { cwd: folder });
  expect(passed.code).toBe(0);
  expect(JSON.parse(passed.stdout)).toMatchObject({ ok: true, runs: 20, failure: null });
});

test("the flags for the policy open nothing else, as for run", async () => {
  const policy = ["--allow-net", "shop.example"];
  const { stdout, code } = await boruna(["simulate", "refund.ax", ...policy], { cwd: folder });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^run \d+ failed \(seed 1\): capability denied: /);
  expect(stdout).toContain("refund.ax:6:11");
  expect(stdout).toContain("rule: net_policy.allowed_domains");
});

test("Ctrl-C ends a simulation between two runs, with what is known so far and without a stack trace", async () => {
  // SIGHUP is the last of the signals that a command listens to.
  const hook = 'process.on("newListener", (name) => { if (name === "SIGHUP") process.stderr.write("ready\\n"); });\n';
  writeFileSync(join(folder, "hook.mjs"), hook);
  const ended = await boruna(["simulate", "refund.ax", "--runs", "4000000000"], {
    cwd: folder,
    nodeFlags: ["--import", join(folder, "hook.mjs")],
    signalAfter: { text: "ready", signal: "SIGINT" },
  });
  expect(ended).toMatchObject({ code: 130, stderr: "ready\n" });
  expect(ended.stdout).toMatch(/^interrupted after \d+ runs?, and none failed \(seed 1\)\n {2}ends of all runs: success \d+\n/);
});

test.each(
  someOf<readonly [readonly string[], string]>([
    [["--runs", "many"], "--runs many: expected a whole number"],
    [["--runs", "0"], "runs: expected a whole number from 1"],
    [["--seed", "4294967296"], "seed: expected a whole number from 0 to 4294967295"],
    [["--max-calls", "0"], "maxCalls: expected a whole number from 1"],
    [["--accept", "panic"], "--accept panic: there is no such trap"],
    [["--accept", "asertion_failed"], "did you mean assertion_failed?"],
    [["--invariant", "retry.ax"], "the main of the invariant retry must take one Run, and return Bool or nothing"],
    [["--invariant", "none.ax"], "none.ax"],
    [["--arg", "id=x"], "--arg id=x: expected Int"],
    [["--arg", "name=x"], "name"],
    [["--policy", "none.json"], "none.json"],
    [["--force"], "--record"],
  ]),
)("%j is refused with exit code 2", async (flags, message) => {
  const { stdout, stderr, code } = await boruna(["simulate", "refund.ax", ...flags], { cwd: folder });
  expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
  expect(stderr).toContain(message);
  expect(stderr).not.toContain("    at ");
});
