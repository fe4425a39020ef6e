/** Calls that wait for an approval. All runs are in this process; `test/cli/approve.test.ts` uses a process for each. */
import { generateKeyPairSync } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Approver, Decision } from "../../gateway/approval.ts";
import { readLog, type RunLog } from "../../replay/log/log-reader.ts";
import { diffLogs } from "../../replay/diff.ts";
import { logEntries } from "../../replay/entries.ts";
import { replayRun } from "../../replay/replay.ts";
import { endLines } from "../../replay/report/log-table.ts";
import { whatIf } from "../../replay/what-if.ts";
import { verifyLog } from "../../replay/verify.ts";
import { approve, type ApproveOptions, waitingCall } from "../../runtime/approve.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { resume, type ResumeRunOptions, type Resumption } from "../../runtime/resume.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../vm/error.ts";
import { policyOf } from "../gateway/context.ts";
import { recordingTracing } from "../gateway/tracing.ts";
import { rewriteLines } from "../replay/mend.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-approval-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);
const LOG = (): string => pathOf("log.jsonl");

function runLogAt(name: string): RunLog {
  const log = readLog(pathOf(name));
  if (log.format !== "log") throw new Error("an event log");
  return log;
}

/** Changes one line of a log (the first is 1), and recomputes the hash chain. */
const withLine = (log: Uint8Array, number: number, change: (line: string) => string): Uint8Array =>
  rewriteLines(log, (lines) => lines.map((line, i) => (i === number - 1 ? change(line) : line)));

const PROGRAM = compile({
  name: "tidy.ax",
  text: `fn main() -> Int !{fs.read, fs.write} {
    let text = fs.read("notes.txt")
    let first = fs.write("a.txt", text)
    let second = match try fs.write("b.txt", text ++ "!") { Ok(_) => 2, Err(_) => 20 }
    if first { second } else { 0 }
}
`,
});

function keyPair(): { readonly publicKey: string; readonly pem: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
const ADA = keyPair();
const EVE = keyPair();

const policyWith = (approval: unknown) =>
  policyOf({
    schema_version: 1,
    default_allow: true,
    rules: { "fs.write": { allow: true, budget: 5, approval } },
    fs_policy: { read: ["."], write: ["."] },
  });

/** Returns handlers, and the list of the paths that they were called to write. */
function world() {
  const calls: string[] = [];
  const handlers = {
    "fs.read": () => "text",
    "fs.write": ([path]: readonly unknown[]) => {
      calls.push(String(path));
      return true;
    },
  };
  return { calls, handlers };
}

interface Setting {
  readonly approval?: unknown;
  readonly options?: RunOptions;
  readonly name?: string;
}

async function run({ approval = "required", options = {}, name = "log.jsonl" }: Setting = {}) {
  const { calls, handlers } = world();
  const policy = policyWith(approval);
  const execution = await execute(PROGRAM, { policy, handlers, runId: "r1", tracing: false, record: pathOf(name), ...options });
  return { execution, calls };
}

/** Resumes the log. Also returns the paths that the handlers were then called to write. */
async function again(options: ResumeRunOptions = {}): Promise<{ readonly resumed: Resumption; readonly calls: readonly string[] }> {
  const { calls, handlers } = world();
  return { resumed: await resume(LOG(), { tracing: false, handlers, ...options }), calls };
}

/** Appends a decision about call 2 to the log. */
const decide = (options: Partial<ApproveOptions> = {}) => approve(LOG(), { call: 2, decision: "approved", by: "ada", ...options });

/** Returns an approver that always decides in this way. */
const always =
  (decision: Decision): Approver =>
  () =>
    decision;
const APPROVES = always({ decision: "approved", by: "ada" });

async function failureOf(body: () => Promise<unknown>): Promise<BorunaError> {
  try {
    await body();
  } catch (error) {
    if (error instanceof BorunaError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
const kindOf = async (body: () => Promise<unknown>): Promise<string> => (await failureOf(body)).kind;

test("a call that needs an approval suspends the run before its handler", async () => {
  const tracing = recordingTracing();
  const { execution, calls } = await run({ options: { tracing } });
  expect(execution).toMatchObject({ outcome: "suspended", suspended: { call: 2, capability: "fs.write", waitsFor: "approval", keys: [] } });
  expect(execution.suspended?.args).toEqual([
    { name: "path", text: '"a.txt"' },
    { name: "content", text: '"text"' },
    { name: "how", text: '"replace"' },
  ]);
  expect(calls).toEqual([]);
  expect(tracing.calls.at(-1)?.end.map(({ errorKind, isSuspended }) => [errorKind, isSuspended])).toEqual([[undefined, true]]);
  expect(readLog(LOG())).toMatchObject({ eventCount: 3, end: undefined, openCall: { capability: "fs.write", decision: undefined } });
  expect(await waitingCall(LOG())).toEqual(execution.suspended);
});

test("replay and verify say that the run waits", async () => {
  const { execution } = await run();
  const replayed = await replayRun(readLog(LOG()), { tracing: false });
  expect(replayed).toMatchObject({ status: "suspended", exitCode: 7, outcome: "suspended" });
  expect(replayed.notes).toEqual([`The run is suspended: ${execution.error?.message}.`]);
  const verification = await verifyLog(LOG(), { replay: true });
  expect(verification).toMatchObject({ ok: true, outcome: "suspended" });
  expect(verification.checks.find(({ name }) => name === "end")?.detail).toContain("fs.write, waits for an approval");
});

describe("a decision", () => {
  test("gives the same log at once or later, and each call is made once", async () => {
    await run({ options: { approve: APPROVES }, name: "at-once.jsonl" });
    await run();
    for (const call of [2, 3]) {
      const { head } = await decide({ call });
      expect(readLog(LOG())).toMatchObject({ head, openCall: { decision: "approved", mark: "approved" } });
      expect(await replayRun(readLog(LOG()), { tracing: false })).toMatchObject({
        status: "incomplete",
        notes: ["The last call, of fs.write, is approved; resume makes it."],
      });
      const { resumed, calls } = await again();
      expect(calls).toEqual([call === 2 ? "a.txt" : "b.txt"]);
      expect(resumed.outcome).toBe(call === 2 ? "suspended" : "success");
    }
    expect(readFileSync(LOG()).equals(readFileSync(pathOf("at-once.jsonl")))).toBe(true);
    expect(existsSync(`${LOG()}.open`)).toBe(false);
    const events = [...readLog(LOG()).events].map(({ event }) => event);
    expect(events[3]).toMatchObject({ type: "Approval", call: 2, decision: "approved", by: "ada", signature: "" });
    const verification = await verifyLog(LOG(), { replay: true });
    expect(verification).toMatchObject({ ok: true, outcome: "success" });
    expect(verification.doesNotProve.join()).toContain("Who made 2 decisions: the policy's rules name no keys");
  });

  test("that refuses ends the run as denied, even under try", async () => {
    await run({
      options: { approve: (request) => ({ decision: request.call === 2 ? "approved" : "denied", by: "ada" }) },
      name: "at-once.jsonl",
    });
    await run();
    await decide();
    await again();
    await decide({ call: 3, decision: "denied" });
    const { resumed, calls } = await again();
    expect(calls).toEqual([]);
    expect(resumed).toMatchObject({
      outcome: "denied",
      error: { kind: "capability_denied", message: "ada refused the call", rule: 'rules["fs.write"].approval' },
      counters: { total: 3, dispatched: 2, denied: 1 },
    });
    expect([...readLog(LOG()).events].at(-1)?.event).toMatchObject({ type: "CapError", kind: "denied" });
    expect(readFileSync(LOG()).equals(readFileSync(pathOf("at-once.jsonl")))).toBe(true);
    expect(await verifyLog(LOG(), { replay: true })).toMatchObject({ ok: true, outcome: "denied" });
  });

  test("for another call, for other arguments, a second one, or for a run that does not wait is refused", async () => {
    const { execution } = await run();
    const before = readFileSync(LOG());
    expect(await kindOf(() => decide({ call: 3 }))).toBe("log.other_call");
    expect(await kindOf(() => decide({ hash: `sha256:${"0".repeat(64)}` }))).toBe("log.other_call");
    expect(await kindOf(() => decide({ by: "a\u202eb" }))).toBe("usage");
    expect(await kindOf(() => decide({ key: ADA.pem }))).toBe("log.approval_key");
    expect(readFileSync(LOG()).equals(before)).toBe(true);
    await decide({ hash: execution.suspended?.hash ?? "" });
    expect((await failureOf(() => decide())).message).toContain("already approved; boruna resume goes on");
    await again({ approve: APPROVES });
    expect((await failureOf(() => decide())).message).toContain("the run has ended");
  });

  test("that was made for other arguments diverges, and no call is made", async () => {
    await run();
    await decide();
    const other = withLine(readFileSync(LOG()), 5, (text) => text.replace(/sha256:[0-9a-f]{4}/, "sha256:0000"));
    writeFileSync(LOG(), other);
    const { handlers, calls } = world();
    expect(await kindOf(() => resume(LOG(), { tracing: false, handlers }))).toBe("log.divergence");
    expect(calls).toEqual([]);
    expect(readFileSync(LOG()).equals(other)).toBe(true);
    expect(await replayRun(readLog(LOG()), { tracing: false })).toMatchObject({ status: "divergence", divergence: { event: 4 } });
    expect(await verifyLog(LOG())).toMatchObject({ ok: false });
  });

  test("that nobody asked for diverges", async () => {
    await run();
    await decide();
    const events = readFileSync(LOG(), "utf8");
    await run({ approval: { required: false }, name: "free.jsonl" });
    const free = readFileSync(pathOf("free.jsonl"), "utf8").split("\n");
    const forged = [...free.slice(0, 4), events.split("\n")[4], ""].join("\n");
    writeFileSync(
      pathOf("free.jsonl"),
      withLine(new TextEncoder().encode(forged), 2, (text) => text),
    );
    expect(await replayRun(readLog(pathOf("free.jsonl")), { tracing: false })).toMatchObject({
      status: "divergence",
      divergence: { event: 4, message: "the log has a decision about this call, the policy asks for none" },
    });
    const { handlers, calls } = world();
    expect(await kindOf(() => resume(pathOf("free.jsonl"), { tracing: false, handlers }))).toBe("log.divergence");
    expect(calls).toEqual([]);
  });
});

describe("keys", () => {
  const SIGNED = { required: true, keys: [ADA.publicKey] };

  test("a signed decision counts, and verify says what it proves", async () => {
    await run({ approval: SIGNED });
    expect(await decide({ key: ADA.pem })).toMatchObject({ publicKey: ADA.publicKey });
    await again();
    await decide({ call: 3, key: ADA.pem });
    expect((await again()).resumed.outcome).toBe("success");
    const verification = await verifyLog(LOG(), { replay: true });
    expect(verification).toMatchObject({ ok: true });
    expect(verification.proves.join()).toContain("An owner of a key of the policy made the 2 decisions");
    expect(verification.doesNotProve.join()).not.toContain("claims");
  });

  test("a missing, foreign or wrong key is refused", async () => {
    await run({ approval: SIGNED });
    const before = readFileSync(LOG());
    expect((await failureOf(() => decide())).message).toBe("the policy's rule names keys: the decision must be signed");
    expect((await failureOf(() => decide({ key: EVE.pem }))).message).toBe(`the key ${EVE.publicKey} is not one of the policy's rule`);
    expect(await kindOf(() => decide({ key: "no key" }))).toBe("log.approval_key");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(await kindOf(() => decide({ key: rsa }))).toBe("log.approval_key");
    expect(readFileSync(LOG()).equals(before)).toBe(true);
  });

  test.each([
    ["another run", (signed: string): string => signed, "r2"],
    ["another name", (signed: string): string => signed.replace('"by":"ada"', '"by":"bob"'), "r1"],
    ["another decision", (signed: string): string => signed.replace('"approved"', '"denied"'), "r1"],
    ["no signature", (signed: string): string => signed.replace(/"signature":"[^"]*"/, '"signature":""'), "r1"],
  ])("a decision for %s does not count", async (_name, forge, runId) => {
    await run({ approval: SIGNED, options: { runId } });
    await decide({ key: ADA.pem });
    const decision = readFileSync(LOG(), "utf8").split("\n")[4] ?? "";
    rmSync(LOG());
    await run({ approval: SIGNED });
    await decide({ key: ADA.pem });
    const genuine = readFileSync(LOG());
    const forged = withLine(genuine, 5, () => forge(decision));
    writeFileSync(LOG(), forged);
    const { handlers, calls } = world();
    expect(await kindOf(() => resume(LOG(), { tracing: false, handlers }))).toBe("log.approval");
    expect(await kindOf(() => replayRun(readLog(LOG()), { tracing: false }))).toBe("log.approval");
    expect(calls).toEqual([]);
    expect(readFileSync(LOG()).equals(forged)).toBe(true);
    writeFileSync(LOG(), genuine);
    expect((await again()).calls).toEqual(["a.txt"]);
  });

  test("verify names the line of a decision with a foreign key", async () => {
    await run({ approval: { required: true, keys: [EVE.publicKey] } });
    await decide({ key: EVE.pem });
    const foreign = readFileSync(LOG(), "utf8").split("\n")[4] ?? "";
    rmSync(LOG());
    await run({ approval: SIGNED, options: { approve: APPROVES } }).catch(() => undefined);
    rmSync(LOG());
    await run({ approval: SIGNED });
    await decide({ key: ADA.pem });
    await again();
    await decide({ call: 3, key: ADA.pem });
    await again();
    writeFileSync(
      LOG(),
      withLine(readFileSync(LOG()), 5, () => foreign),
    );
    expect(await verifyLog(LOG())).toMatchObject({ ok: false, failure: { check: "approvals", kind: "log.approval", line: 5 } });
  });

  test("the option approve must sign too", async () => {
    const { execution, calls } = await run({ approval: SIGNED, options: { approve: APPROVES } });
    expect(execution).toMatchObject({ outcome: "runtime_error", error: { kind: "host_fault" } });
    expect(calls).toEqual([]);
  });
});

describe("where", () => {
  const SECOND = { required: true, where: { path: { prefix: "b" } } };

  test("only calls that meet the conditions wait", async () => {
    const { execution, calls } = await run({ approval: SECOND });
    expect(execution).toMatchObject({ outcome: "suspended", suspended: { call: 3 } });
    expect(calls).toEqual(["a.txt"]);
    await decide({ call: 3 });
    expect((await again()).resumed.outcome).toBe("success");
  });
});

describe("the option approve", () => {
  test("gets the request, and may be asynchronous or undecided", async () => {
    const seen: unknown[] = [];
    const approver: Approver = async (request) => {
      seen.push({ ...request, line: request.place().line, aborted: request.signal.aborted });
      return request.call === 2 ? { decision: "approved", by: "ada" } : undefined;
    };
    const { execution, calls } = await run({ options: { approve: approver } });
    expect(execution).toMatchObject({ outcome: "suspended", suspended: { call: 3 } });
    expect(calls).toEqual(["a.txt"]);
    expect(seen[0]).toMatchObject({ runId: "r1", call: 2, rule: 'rules["fs.write"].approval', keys: [], line: 3, aborted: false });
  });

  test.each([
    ["something else", () => ({ decision: "maybe", by: "ada" })],
    ["no name", () => ({ decision: "approved", by: "" })],
    ["an error", () => Promise.reject(new Error("secret"))],
    [
      "a thrown error",
      () => {
        throw new Error("secret");
      },
    ],
  ])("that gives %s ends the run as a fault of the host", async (_name, approver) => {
    // @ts-expect-error: an embedder may write plain JavaScript
    const { execution, calls } = await run({ options: { approve: approver } });
    expect(execution).toMatchObject({ outcome: "runtime_error", error: { kind: "host_fault" } });
    expect(execution.error?.message).not.toContain("secret");
    expect(calls).toEqual([]);
  });

  test("is aborted if the run is canceled; then the call can be approved and the run resumed", async () => {
    const controller = new AbortController();
    const approver: Approver = () => {
      controller.abort();
      return new Promise(() => undefined);
    };
    const { execution } = await run({ options: { approve: approver, signal: controller.signal } });
    expect(execution.outcome).toBe("canceled");
    expect(await replayRun(readLog(LOG()), { tracing: false })).toMatchObject({ status: "identical", outcome: "canceled" });
    await decide();
    expect((await again({ approve: APPROVES })).resumed).toMatchObject({ outcome: "success" });
  });
});

describe("a process that is killed", () => {
  /** Cuts the log after its line `lines`. */
  function cut(lines: number): void {
    const text = readFileSync(LOG(), "latin1");
    truncateSync(LOG(), text.split("\n").slice(0, lines).join("\n").length + 1);
  }

  test("before the decision has not begun the call: it still waits", async () => {
    await run({ options: { approve: APPROVES } });
    cut(4);
    expect((await again()).resumed).toMatchObject({ outcome: "suspended", suspended: { call: 2 } });
    const { resumed, calls } = await again({ approve: APPROVES });
    expect(resumed.outcome).toBe("success");
    expect(calls).toEqual(["a.txt", "b.txt"]);
  });

  test("after the decision may have begun the call: it is in doubt", async () => {
    await run({ options: { approve: APPROVES } });
    const whole = readFileSync(LOG());
    cut(5);
    const { resumed, calls } = await again();
    expect(resumed).toMatchObject({ outcome: "in_doubt", inDoubt: { call: 2 } });
    expect(calls).toEqual([]);
    await again({ inDoubt: "retry", approve: APPROVES });
    expect(readFileSync(LOG()).equals(whole)).toBe(true);
  });

  test("in the call that was approved before: it is in doubt, not made twice", async () => {
    await run();
    await decide();
    const approved = readFileSync(LOG());
    await again();
    writeFileSync(LOG(), approved);
    expect((await again()).resumed.outcome).toBe("in_doubt");
  });

  test("and whose log is copied without its mark file: the call is in doubt", async () => {
    await run();
    await decide();
    unlinkSync(`${LOG()}.open`);
    expect((await again()).resumed.outcome).toBe("in_doubt");
  });

  test("with a mark file that an earlier log of the same name left: the call is in doubt", async () => {
    await run();
    await decide();
    rmSync(LOG());
    await run({ options: { approve: APPROVES } });
    cut(5);
    expect((await again()).resumed.outcome).toBe("in_doubt");
  });
});

describe("reading a log with decisions", () => {
  const NO = always({ decision: "denied", by: "bob" });

  test("log show lists each call with its decision, and says that the run waits", async () => {
    await run({ options: { approve: APPROVES } });
    const log = readLog(LOG());
    const calls = [...logEntries(log)].filter((entry) => entry.type === "call");
    expect(calls.map(({ call, approval, answer }) => [call, approval?.by, answer?.outcome])).toEqual([
      [1, undefined, "ok"],
      [2, "ada", "ok"],
      [3, "ada", "ok"],
    ]);
    await run({ name: "waits.jsonl" });
    expect(endLines(readLog(pathOf("waits.jsonl")), [])).toEqual([
      "no end record: the run is suspended, its last call, of fs.write, waits for an approval",
    ]);
  });

  test("diff aligns calls with and without a decision", async () => {
    await run({ options: { approve: APPROVES } });
    await run({ options: { approve: always({ decision: "approved", by: "bob" }) }, name: "bob.jsonl" });
    await run({ approval: { required: false }, name: "free.jsonl" });
    const differences = (name: string) =>
      [...diffLogs(readLog(LOG()), readLog(pathOf(name)))].map(({ kind, a, b, aText, bText }) => [kind, a?.event, b?.event, aText, bText]);
    expect(differences("bob.jsonl").filter(([kind]) => kind === "content")).toEqual([
      ["content", 4, 4, "call 2 approved by ada", "call 2 approved by bob"],
      ["content", 7, 7, "call 3 approved by ada", "call 3 approved by bob"],
    ]);
    expect(differences("free.jsonl").filter(([kind]) => kind === "answer")).toEqual([
      ["answer", 4, 4, "call 2 approved by ada", "(no decision)"],
      ["answer", 7, 6, "call 3 approved by ada", "(no decision)"],
    ]);
  });

  test("what-if: another policy gets the recorded decisions, and a call without one would wait", async () => {
    await run({ options: { approve: APPROVES } });
    expect(await whatIf(runLogAt("log.jsonl"))).toMatchObject({ status: "same" });
    expect(await whatIf(runLogAt("log.jsonl"), { policy: policyWith({ required: true, keys: [ADA.publicKey] }) })).toMatchObject({
      status: "changed",
      stop: { reason: "refused", rule: 'rules["fs.write"].approval', message: "the call would wait for an approval" },
    });
    await run({ approval: { required: false }, name: "free.jsonl" });
    expect(await whatIf(runLogAt("free.jsonl"), { policy: policyWith("required") })).toMatchObject({
      status: "changed",
      calls: { answered: 2 },
    });
    await run({ options: { approve: NO }, name: "no.jsonl" });
    expect(await whatIf(runLogAt("no.jsonl"))).toMatchObject({ status: "same" });
    await run({ name: "waits.jsonl" });
    expect(await whatIf(runLogAt("waits.jsonl"))).toMatchObject({ status: "incomplete" });
  });

  test("an event log cannot record decisions", async () => {
    const record = { path: pathOf("old.json"), format: "eventlog" } as const;
    expect(await kindOf(() => run({ options: { record } }))).toBe("usage");
    await run({ approval: { required: false }, options: { record } });
    const replay = () =>
      replayRun(readLog(pathOf("old.json")), { tracing: false, program: verifyModule(PROGRAM.module), policy: policyWith("required") });
    expect(await kindOf(replay)).toBe("usage");
  });

  test.each([
    ["before its call", (lines: string[]) => [...lines.slice(0, 3), lines[4] ?? "", lines[3] ?? "", ...lines.slice(5)]],
    ["twice", (lines: string[]) => [...lines.slice(0, 5), lines[4] ?? "", ...lines.slice(5)]],
    ["after its answer", (lines: string[]) => [...lines.slice(0, 4), lines[5] ?? "", lines[4] ?? "", ...lines.slice(6)]],
    ["of another kind", (lines: string[]) => lines.map((line) => line.replace('"decision":"approved"', '"decision":"maybe"'))],
  ])("a log with a decision %s is refused", async (_name, change) => {
    await run({ options: { approve: APPROVES } });
    writeFileSync(LOG(), rewriteLines(readFileSync(LOG()), change));
    expect(() => readLog(LOG())).toThrow(/is a decision about no call, or a second one|expected approved or denied/);
  });
});

describe("a call that waits for an approval while an earlier call is open", () => {
  const BOTH = compile({
    name: "both.ax",
    text: `fn main() -> (String, Bool) !{fs.read, fs.write} {
    par { fs.read("notes.txt"), fs.write("b.txt", "text") }
}
`,
  });
  const JOURNAL = (): string => `${LOG()}.open`;
  /** Runs until the write waits. The journal of the two calls stays beside the log. */
  const suspended = async (): Promise<void> => {
    const { handlers } = world();
    const { outcome } = await execute(BOTH, { policy: policyWith("required"), handlers, runId: "r1", tracing: false, record: LOG() });
    expect([outcome, lstatSync(JOURNAL()).isFile()]).toEqual(["suspended", true]);
  };

  test.each(["approve", "resume"] as const)(
    "and is approved by %s is made once, and in doubt if the process is killed in it",
    async (by) => {
      await suspended();
      const options: ResumeRunOptions = by === "resume" ? { approve: APPROVES } : {};
      if (by === "approve") await decide();
      const { calls, handlers } = world();
      const write = ([path]: readonly unknown[]): boolean => {
        calls.push(String(path));
        copyFileSync(LOG(), pathOf("killed.jsonl"));
        cpSync(`${LOG()}.blobs`, pathOf("killed.jsonl.blobs"), { recursive: true });
        if (existsSync(JOURNAL())) copyFileSync(JOURNAL(), pathOf("killed.jsonl.open"));
        return true;
      };
      const resumed = await resume(LOG(), { tracing: false, handlers: { ...handlers, "fs.write": write }, ...options });
      expect([resumed.outcome, calls, existsSync(JOURNAL())]).toEqual(["success", ["b.txt"], false]);
      const killed = await resume(pathOf("killed.jsonl"), { tracing: false, handlers: { ...handlers, "fs.write": write } });
      expect([killed.outcome, calls]).toEqual(["in_doubt", ["b.txt"]]);
    },
  );
});
