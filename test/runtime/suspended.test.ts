/** Runs that are suspended because a handler answers later. */
import { existsSync, mkdtempSync, readFileSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { verifyLog } from "../../replay/verify.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { resume, type ResumeRunOptions, type Resumption } from "../../runtime/resume.ts";
import { recordingTracing } from "../gateway/tracing.ts";
import { kindOf } from "../error-kind.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-suspended-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);

const registry = createRegistry([
  { name: "desk.ask", version: "1", params: [{ name: "question", type: "String" }], result: "String", mock: "mocked", mayRepeat: false },
]);
const PROGRAM = compile(
  {
    name: "ask.ax",
    text: `fn main() -> String !{desk.ask, time.now} {
    let before = time.now()
    let answer = match try desk.ask("may I?") { Ok(text) => text, Err(message) => "failed: " ++ message }
    answer ++ " " ++ int.to_string(time.now() - before)
}
`,
  },
  { registry },
);

const OPTIONS = { policy: "allow-all", registry, runId: "r1", tracing: false } as const satisfies RunOptions;

/** Runs the program with a handler of `desk.ask` that answers later. Returns the run, the handlers, and the numbers of the calls of `desk.ask`. */
async function suspended(options: RunOptions = {}) {
  const asked: number[] = [];
  const handlers: RunOptions["handlers"] = {
    "desk.ask": async (_args, context) => {
      asked.push(context.callNumber);
      return context.later();
    },
  };
  const run = await execute(PROGRAM, { ...OPTIONS, handlers, record: pathOf("log.jsonl"), ...options });
  return { run, asked, handlers };
}

const resumeLog = (options: ResumeRunOptions = {}): Promise<Resumption> =>
  resume(pathOf("log.jsonl"), { registry, tracing: false, ...options, handlers: { "desk.ask": () => "asked again", ...options.handlers } });

test("a handler that answers later suspends the run: no end record, no error on a span", async () => {
  const tracing = recordingTracing();
  const { run, asked } = await suspended({ tracing });
  expect(run).toMatchObject({
    outcome: "suspended",
    suspended: { call: 2, capability: "desk.ask", waitsFor: "answer" },
    error: { kind: "suspended", capability: "desk.ask" },
  });
  expect(asked).toEqual([2]);
  expect(tracing.runs[0]?.end).toMatchObject([{ outcome: "suspended" }]);
  expect(tracing.calls.map(({ end }) => end.map(({ errorKind }) => errorKind))).toEqual([[undefined], [undefined]]);
  const log = readLog(pathOf("log.jsonl"));
  expect(log).toMatchObject({ eventCount: 3, end: undefined, openCall: { capability: "desk.ask", mark: "later" } });
  expect(existsSync(pathOf("log.jsonl.lock"))).toBe(false);
});

test("replay and verify say that the run waits", async () => {
  await suspended();
  expect(await replayRun(readLog(pathOf("log.jsonl")), { tracing: false })).toMatchObject({
    status: "suspended",
    exitCode: 7,
    outcome: "suspended",
    notes: ["The last call, of desk.ask, waits for its answer."],
  });
  const verification = await verifyLog(pathOf("log.jsonl"), { replay: true });
  expect(verification).toMatchObject({ ok: true, outcome: "suspended" });
  expect(verification.checks.find(({ name }) => name === "end")?.detail).toContain("desk.ask, waits for its answer");
  expect(verification.doesNotProve[0]).toContain("That nothing followed");
});

test("resume takes the answer, and the log has the bytes of a run that got it at once", async () => {
  const { asked } = await suspended();
  const resumed = await resumeLog({ answer: { call: 2, value: "yes" } });
  expect(resumed).toMatchObject({ outcome: "success", value: "yes 0", resumedFrom: 3 });
  expect(asked).toEqual([2]);
  const handlers = { "desk.ask": () => "yes" };
  await execute(PROGRAM, { ...OPTIONS, handlers, record: pathOf("at-once.jsonl") });
  expect(readFileSync(pathOf("log.jsonl")).equals(readFileSync(pathOf("at-once.jsonl")))).toBe(true);
  expect(await verifyLog(pathOf("log.jsonl"), { replay: true })).toMatchObject({ ok: true, outcome: "success" });
});

test("an answer may be a failure, and must have the declared type", async () => {
  await suspended();
  expect(await resumeLog({ answer: { call: 2, failure: "nobody is in" } })).toMatchObject({ value: "failed: nobody is in 0" });
  rmSync(pathOf("log.jsonl"));
  await suspended({ record: { path: pathOf("log.jsonl"), force: true } });
  const wrong = await resumeLog({ answer: { call: 2, value: 7 } });
  expect(wrong).toMatchObject({ outcome: "runtime_error", error: { kind: "host_fault" } });
});

test("without the answer the run still waits, and nothing is changed or asked", async () => {
  await suspended();
  const before = readFileSync(pathOf("log.jsonl"));
  const asked: string[] = [];
  const handlers = { "desk.ask": () => asked.push("again") };
  expect(await resumeLog({ handlers })).toMatchObject({ outcome: "suspended", suspended: { call: 2 } });
  expect(readFileSync(pathOf("log.jsonl")).equals(before)).toBe(true);
  expect(asked).toEqual([]);
  expect(await resumeLog({ answer: { call: 2, value: "yes" } })).toMatchObject({ outcome: "success" });
});

test("if the log is copied without its mark file, the call is in doubt", async () => {
  await suspended();
  unlinkSync(pathOf("log.jsonl.open"));
  expect(await resumeLog()).toMatchObject({ outcome: "in_doubt" });
  expect(await replayRun(readLog(pathOf("log.jsonl")), { tracing: false })).toMatchObject({ status: "incomplete" });
});

test("an answer for another call, or for a run that does not wait, is refused", async () => {
  await suspended();
  const before = readFileSync(pathOf("log.jsonl"));
  expect(await kindOf(() => resumeLog({ answer: { call: 1, value: "yes" } }))).toBe("log.other_call");
  expect(readFileSync(pathOf("log.jsonl")).equals(before)).toBe(true);
  await resumeLog({ answer: { call: 2, value: "yes" } });
  expect(await kindOf(() => resumeLog({ answer: { call: 2, value: "yes" } }))).toBe("log.not_waiting");
});

test("a call of a branch that is answered later, after the answer of an earlier call", async () => {
  const program = compile(
    {
      name: "both.ax",
      text: 'fn main() -> (Int, String) !{desk.ask, time.now} { par { time.now(), desk.ask("may I?") } }',
    },
    { registry },
  );
  const handlers: RunOptions["handlers"] = {
    "time.now": async () => 5,
    "desk.ask": async (_args, context) => {
      await sleep(20);
      return context.later();
    },
  };
  const path = pathOf("both.jsonl");
  const run = await execute(program, { ...OPTIONS, handlers, record: path });
  expect(run.outcome).toBe("suspended");
  const { outcome, value } = await resume(path, { registry, tracing: false, answer: [{ call: 2, value: "yes" }] });
  expect([outcome, value]).toEqual(["success", [5, "yes"]]);
  expect(existsSync(`${path}.open`)).toBe(false);
});
