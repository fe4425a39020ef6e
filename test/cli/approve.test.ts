/** Approvals as a user sees them: real processes, a server that counts, a pseudo-terminal. */
import { generateKeyPairSync } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, type Ended, environment, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
const pathOf = (name: string): string => join(folder, name);
/** Every request that reached the server. */
let requests: string[] = [];
const server = createServer((request, response) => {
  requests.push(request.url ?? "");
  response.end("done");
});
let origin = "";

const PROGRAM = `fn pay(to: String, note: String) -> String !{net.fetch} {
    net.fetch(to, "POST", note)
}

fn main(server: String) -> Int !{net.fetch} {
    let first = pay(server ++ "/ada", "for \\u{202e}the\\u{1b}[2J books")
    let second = pay(server ++ "/bob", "for the tea")
    string.len(first ++ second)
}
`;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  origin = `http://${host}`;
  writeFileSync(pathOf("pay.ax"), PROGRAM);
  const policy = (approval: unknown): string =>
    JSON.stringify({ rules: { "net.fetch": { allow: true, budget: 5, approval } }, net_policy: { allowed_domains: [host] } });
  writeFileSync(pathOf("policy.json"), policy("required"));
  for (const name of ["ada", "eve"]) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(pathOf(`${name}.pem`), privateKey.export({ type: "pkcs8", format: "pem" }));
    const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");
    writeFileSync(pathOf(`${name}.json`), policy({ required: true, keys: [key] }));
  }
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
});

const runHere = (...args: readonly string[]): Promise<Ended> => boruna(args, { cwd: folder });
const runArgs = (log: string, policy = "policy.json"): readonly string[] => [
  "run",
  "pay.ax",
  "--policy",
  policy,
  "--live",
  "--run-id",
  "r1",
  "--arg",
  `server=${origin}`,
  "--record",
  log,
  "--force",
];
const readBytes = (log: string): Buffer => readFileSync(pathOf(log));

/** Runs a command on a pseudo-terminal. Each question gets the next answer; KILL sends SIGKILL instead, and no answer ends the input. */
const ON_TERMINAL = `
import json, os, pty, sys
argv, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
output, asked = b"", 0
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    output += data
    while output.count(b"[d]eny: ") > asked:
        asked += 1
        answer = answers.pop(0) if answers else "\\x04"
        if answer == "KILL":
            os.kill(pid, 9)
        else:
            os.write(terminal, answer.encode())
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(output)
sys.exit(128 - os.waitstatus_to_exitcode(status) if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status))
`;
const HAS_TERMINAL = spawnSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"]).status === 0;

function onTerminal(
  args: readonly string[],
  answers: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = JSON.stringify([process.execPath, MAIN, ...args]);
  const child = spawn("python3", ["-c", ON_TERMINAL, command, JSON.stringify(answers)], {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output: output.replaceAll("\r\n", "\n") })));
}

describe("off a terminal", () => {
  test("the run is suspended, and shows the call with its arguments", async () => {
    const ended = await runHere(...runArgs("shown.jsonl"));
    expect(ended).toMatchObject({ code: 7, stdout: "" });
    const text = ended.stderr
      .replaceAll(origin, "ORIGIN")
      .replaceAll(/sha256:[0-9a-f]{64}/g, "HASH")
      .replace(/head [0-9a-f]{64}/, "head HEAD");
    expect(text).toMatchInlineSnapshot(`
      "suspended: call 1 of net.fetch (HASH) waits for an approval
        --> pay.ax:2:5
      1 | fn pay(to: String, note: String) -> String !{net.fetch} {
      2 |     net.fetch(to, "POST", note)
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        called from main (pay.ax:6:17)
        url: "ORIGIN/ada"
        method: "POST"
        body: "for \\u{202e}the\\u{1b}[2J books"
        headers: {}
        want: "body"
        help: \`boruna approve shown.jsonl --call 1\` approves it, with \`--deny\` it is refused; then \`boruna resume shown.jsonl\` goes on
      suspended: shown.jsonl (head HEAD)
      "
    `);
    expect(requests).toEqual([]);
  });

  test("one process approves, another one resumes: each call is made once", async () => {
    expect((await runHere(...runArgs("later.jsonl"))).code).toBe(7);
    const approved = await runHere("approve", "later.jsonl", "--call", "1", "--by", "ada");
    expect(approved.code).toBe(0);
    expect(approved.stdout).toMatch(/^approved by ada \(not signed\): call 1 of net.fetch \(sha256:\w+\)\n {2}url: /);
    const resumed = await runHere("resume", "later.jsonl");
    expect(resumed).toMatchObject({ code: 7 });
    expect(requests).toEqual(["/ada"]);
    expect((await runHere("resume", "later.jsonl")).stderr).toContain("suspended: later.jsonl keeps its 4 events, and still waits\n");
    expect((await runHere("approve", "later.jsonl", "--call", "2", "--by", "ada")).code).toBe(0);
    expect(await runHere("resume", "later.jsonl")).toMatchObject({ code: 0, stdout: "8\n" });
    expect(requests).toEqual(["/ada", "/bob"]);
    expect((await runHere("verify", "later.jsonl", "--replay", "--explain")).stdout).toContain(
      "Who made 2 decisions: the policy's rules name no keys",
    );
  });

  test("a refusal ends the run as denied", async () => {
    await runHere(...runArgs("refused.jsonl"));
    await runHere("approve", "refused.jsonl", "--call", "1", "--deny", "--by", "ada");
    const ended = await runHere("resume", "refused.jsonl");
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain("denied: ada refused the call\n");
    expect(requests).toEqual([]);
  });

  test("replay and verify have exit code 7, and --json names the call", async () => {
    await runHere(...runArgs("waits.jsonl"));
    const replayed = await runHere("replay", "waits.jsonl");
    expect(replayed.code).toBe(7);
    expect(replayed.stdout).toMatch(
      /^replay: suspended \(1 event, 0 answers, \d+ steps\)\nnote: The run is suspended: call 1 of net.fetch /,
    );
    const verified = await runHere("verify", "waits.jsonl");
    expect(verified.code).toBe(7);
    expect(verified.stdout).toMatch(/^verify: ok so far; the run is suspended; one chain of 1 event, head /);
    const json: unknown = JSON.parse((await runHere("resume", "waits.jsonl", "--json")).stdout);
    expect(json).toMatchObject({ outcome: "suspended", suspended: { call: 1, capability: "net.fetch", waits_for: "approval", keys: [] } });
    const shown = await runHere("approve", "waits.jsonl");
    expect(shown.code).toBe(2);
    expect(shown.stderr).toContain("which call? This one waits:\ncall 1 of net.fetch (sha256:");
  });

  test.runIf(DEEP)("a decision for another call, other arguments, another run or with a foreign key is refused", async () => {
    await runHere(...runArgs("signed.jsonl", "ada.json"));
    const before = readBytes("signed.jsonl");
    for (const [args, message] of [
      [["--call", "2"], "call 2 does not wait for an approval; call 1 of net.fetch does"],
      [["--call", "1", "--hash", "sha256:00"], "not sha256:00: its arguments differ"],
      [["--call", "1"], "the policy's rule names keys: the decision must be signed"],
      [["--call", "1", "--key", "eve.pem"], "is not one of the policy's rule"],
      [["--call", "1", "--key", "none.pem"], "cannot read none.pem: there is no such file"],
      [["--call", "one"], "expected the number of a call"],
    ] as const) {
      const ended = await runHere("approve", "signed.jsonl", ...args);
      expect(ended.code, message).toBe(2);
      expect(ended.stderr).toContain(message);
    }
    expect(readBytes("signed.jsonl").equals(before)).toBe(true);
    expect((await runHere("approve", "signed.jsonl", "--call", "1", "--key", "ada.pem")).stdout).toMatch(
      /^approved by .+ \(signed with MCow/,
    );
    expect((await runHere("resume", "signed.jsonl")).code).toBe(7);
    expect(requests).toEqual(["/ada"]);
  });

  test.runIf(DEEP)("two processes that approve at the same time: one decision", async () => {
    await runHere(...runArgs("both.jsonl"));
    const all = await Promise.all(["ada", "bob", "eve"].map((by) => runHere("approve", "both.jsonl", "--call", "1", "--by", by)));
    expect(all.filter(({ code }) => code === 0)).toHaveLength(1);
    expect((await runHere("resume", "both.jsonl")).code).toBe(7);
    expect(requests).toEqual(["/ada"]);
  });
});

describe.skipIf(!HAS_TERMINAL)("on a terminal (needs python3)", () => {
  test("the request is shown without control and bidirectional characters, and allowed at once", async () => {
    const { code, output } = await onTerminal(runArgs("once.jsonl"), ["maybe\n", "once\n", "o\n"]);
    expect(code).toBe(0);
    expect(requests).toEqual(["/ada", "/bob"]);
    expect(output).toContain('  body: "for \\u{202e}the\\u{1b}[2J books"\n');
    expect(output).toContain("  --> pay.ax:2\n");
    for (const character of ["\u202e", "\u001b"]) expect(output).not.toContain(character);
  });

  test("allowed at once: each call is made once", async () => {
    expect((await onTerminal(runArgs("at-once.jsonl"), ["o\n", "o\n"])).code).toBe(0);
    expect(requests).toEqual(["/ada", "/bob"]);
  });

  test.runIf(DEEP)("a call that is allowed later gives the same log as one that is allowed at once", async () => {
    await runHere(...runArgs("week.jsonl"));
    for (const call of ["1", "2"]) {
      await runHere("approve", "week.jsonl", "--call", call);
      await runHere("resume", "week.jsonl");
    }
    expect(requests).toEqual(["/ada", "/bob"]);
    expect(readBytes("week.jsonl").equals(readBytes("at-once.jsonl"))).toBe(true);
  });

  test("allowed for this run: later calls of the rule are not asked about, and each has its decision in the log", async () => {
    const { output } = await onTerminal(runArgs("run.jsonl"), ["r\n"]);
    expect(output.match(/\[d\]eny: /g)).toHaveLength(1);
    expect(readBytes("run.jsonl").equals(readBytes("at-once.jsonl"))).toBe(true);
  });

  test("denied; and suspended at the end of the input", async () => {
    expect((await onTerminal(runArgs("denied.jsonl"), ["d\n"])).code).toBe(3);
    expect((await onTerminal(runArgs("left.jsonl"), [])).code).toBe(7);
    expect(requests).toEqual([]);
  });

  test.runIf(DEEP)("killed while it asks, approved in another process, resumed in a third: each call once", async () => {
    expect((await onTerminal(runArgs("killed.jsonl"), ["KILL"])).code).toBe(137);
    expect(requests).toEqual([]);
    await runHere("approve", "killed.jsonl", "--call", "1");
    expect((await onTerminal(["resume", "killed.jsonl"], ["o\n"])).code).toBe(0);
    expect(requests).toEqual(["/ada", "/bob"]);
    expect(readBytes("killed.jsonl").equals(readBytes("at-once.jsonl"))).toBe(true);
  });

  test("a rule with keys is not asked about, because nobody signs on a terminal", async () => {
    const { code, output } = await onTerminal(runArgs("keys.jsonl", "ada.json"), []);
    expect(code).toBe(7);
    expect(output).not.toContain("[d]eny");
  });
});
