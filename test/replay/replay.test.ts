import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { executeProgram } from "../../gateway/run.ts";
import { CapabilityDenied, CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { ALLOW_ALL, DENY_ALL, effectiveLimits } from "../../policy/policy.ts";
import { describeRun } from "../../replay/log/run-description.ts";
import { replayLines } from "../../replay/report/replay-report.ts";
import { replayRun } from "../../replay/replay.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { parseLog } from "../../replay/log/log-reader.ts";
import { memoryRecorder } from "../../replay/log/recorder.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { assemble, type Line } from "./assemble.ts";
import { editLine, rewriteLines } from "./mend.ts";
import { ACTORS, LOOPS, READS_TWICE, READS_TWICE_INLINE, TRIES } from "./programs.ts";
import { logOf, recorded, replayed, type Recorded } from "./recorded.ts";
import { sampleDescription, successfulRunEnd } from "./sample.ts";
import { anyText } from "./values.ts";
import { kindOf } from "../error-kind.ts";

const fileHandler: Handler = ([path]) => (path === "index.txt" ? "a.txt" : "text of a");
const recordReads = (): Promise<Recorded> => recorded(READS_TWICE, { handlers: { "fs.read": fileHandler } });
const policy = (text: object): ReturnType<typeof parsePolicy> => parsePolicy(JSON.stringify(text), { file: "policy.json", jsonc: false });

describe("a replay is identical", () => {
  test.each<[string, () => Promise<Recorded>, string]>([
    ["two calls, one with the other's answer", recordReads, "success"],
    ["mocks", () => recorded(READS_TWICE), "success"],
    ["a failure that the program catches", () => recorded(TRIES, { handlers: { "net.fetch": failingHandler } }), "success"],
    ["a failure that it does not", () => recorded(READS_TWICE, { handlers: { "fs.read": failingHandler } }), "runtime_error"],
    [
      "a handler that answers something else than its type",
      () => recorded(READS_TWICE, { handlers: { "fs.read": () => 1 } }),
      "runtime_error",
    ],
    [
      "an asynchronous handler",
      () => recorded(READS_TWICE, { handlers: { "fs.read": async (args, context) => fileHandler(args, context) } }),
      "success",
    ],
    ["a refusal that only the handler could see", () => recorded(READS_TWICE, { handlers: { "fs.read": refusingHandler } }), "denied"],
    ["a handler that throws what it should not", () => recorded(TRIES, { handlers: { "net.fetch": breakingHandler } }), "runtime_error"],
    ["actors, messages, turns", () => recorded(ACTORS), "success"],
    ["a refused call", () => recorded(READS_TWICE, { policy: "deny-all" }), "denied"],
    [
      "a call over its budget",
      () =>
        recorded(READS_TWICE, {
          policy: policy({
            schema_version: 1,
            default_allow: false,
            rules: { "fs.read": { allow: true, budget: 1 } },
            fs_policy: { read: ["."] },
          }),
        }),
      "budget_exceeded",
    ],
    ["arguments", () => recorded(LOOPS, { args: { n: 100 } }), "success"],
    ["a limit on steps", () => recorded(LOOPS, { args: { n: 100 }, limits: { max_steps: 50 } }), "limit_exceeded"],
    ["a limit on allocation", () => recorded(READS_TWICE, { limits: { max_alloc_bytes: 10 } }), "limit_exceeded"],
    [
      "a trap",
      () => recorded(assemble({ functions: [{ name: "main", code: [["PushConst", 1], ["PushConst", 0], ["Div"], ["Ret"]] }] })),
      "program_error",
    ],
  ])("%s", async (_name, make, outcome) => {
    const recording = await make();
    expect(recording.run.outcome).toBe(outcome);
    const report = await replayed(recording);
    expect(replayLines(report)).toEqual([expect.stringMatching(/^replay: identical \(/)]);
    expect(report).toMatchObject({ status: "identical", exitCode: 0, sameProgram: true, runId: recording.run.runId });
    expect(report.result.counters).toEqual(recording.run.counters);
    expect((await make()).bytes).toEqual(recording.bytes);
  });

  test("also if a capability had no handler", async () => {
    for (const policy of [ALLOW_ALL, DENY_ALL]) {
      const limits = effectiveLimits(policy, {});
      const run = describeRun(READS_TWICE, {
        policy,
        args: new Map(),
        limits,
        mode: "live",
        served: new Set(["net.fetch"]),
        runId: undefined,
      });
      const recorder = memoryRecorder(run);
      const result = await executeProgram(READS_TWICE, { policy, limits, handlers: new Map(), sink: recorder, runId: run.header.runId });
      recorder.finish(result);
      expect(result.counters).toMatchObject({ unknown: 1, dispatched: 0 });
      const report = await replayRun(parseLog(memorySource(recorder.bytes(), recorder.blobs)), { tracing: false });
      expect(replayLines(report)[0]).toMatch(/^replay: identical/);
      expect(report.result.counters).toEqual(result.counters);
    }
  });

  test("also with all values in blobs", async () => {
    const recording = await recorded(READS_TWICE, { handlers: { "fs.read": fileHandler } }, 0);
    expect(new TextDecoder().decode(recording.bytes)).not.toContain("text of a");
    expect((await replayed(recording)).status).toBe("identical");
  });

  test("for programs and answers of any kind", async () => {
    const call = fc.record({ path: anyText, caught: fc.boolean(), ok: fc.boolean(), text: anyText, async: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 6 }), fc.constantFrom(0, 65_536), async (calls, inlineBytes) => {
        const code = calls.flatMap(({ path, caught }): Line[] => [
          ["PushConst", path],
          [caught ? "TryCapCall" : "CapCall", "fs.read", 1],
          ["Concat"],
        ]);
        const program = assemble({ functions: [{ name: "main", capabilities: ["fs.read"], code: [["PushConst", ""], ...code, ["Ret"]] }] });
        let at = 0;
        const handler: Handler = () => {
          const next = calls[at];
          at += 1;
          if (next === undefined) throw new Error("a call too many");
          const { ok, text } = next;
          const answer = (): string => {
            if (!ok) throw new CapabilityFailure(text);
            return text;
          };
          return next.async ? Promise.resolve().then(answer) : answer();
        };
        const recording = await recorded(program, { handlers: { "fs.read": handler } }, inlineBytes);
        const report = await replayed(recording);
        expect(replayLines(report)[0]).toMatch(/^replay: identical/);
        expect(report.result.value).toEqual(recording.run.result.value);
      }),
      { numRuns: 60 },
    );
  });
});

const refusingHandler: Handler = () => {
  throw new CapabilityDenied("the file is a link that leaves the roots");
};
const breakingHandler: Handler = () => {
  throw new TypeError("/secret/path is not a function");
};
const failingHandler: Handler = () => {
  throw new CapabilityFailure("HTTP 404 Not Found");
};

describe("a divergence is located where it happens", () => {
  // Lines of the log: 1 header, 2 and 3 the first call and its answer, 4 and 5 the second, 6 end.
  test("an edited answer: the next call has other arguments", async () => {
    const recording = await recordReads();
    const report = await replayed(recording, editLine(recording.bytes, 3, "a.txt", "ä.txt"));
    expect(report).toMatchObject({ status: "divergence", exitCode: 5, events: { recorded: 4, compared: 2 } });
    expect(report.divergence).toMatchObject({
      kind: "arguments",
      event: 3,
      atEnd: false,
      difference: { path: "args[0]", parameter: "path", expected: '"a.txt"', actual: '"ä.txt"', agree: 0 },
      location: { function: "read", file: "sample.ax", line: 10 },
      lastAnswer: { event: 2, text: 'fs.read → "ä.txt"' },
    });
    expect(replayLines(report).join("\n")).toMatchInlineSnapshot(`
      "replay: divergence at event 3 (step 7): the program makes the recorded call with other arguments
        args[0] (path):
          expected "a.txt"
          actual   "ä.txt"
        recorded: fs.read("a.txt")
        replayed: fs.read("ä.txt")
         --> sample.ax:10:7
       9 | read: LoadLocal 0
      10 | read: CapCall fs.read 1
         |       ^^^^^^^^^^^^^^^^^
        called from main (sample.ax:5:7)
      last answer before it: event 2, fs.read → "ä.txt""
    `);
  });

  test("an edited answer: the value differs", async () => {
    const recording = await recordReads();
    const report = await replayed(recording, editLine(recording.bytes, 5, "text of a", "text of b"));
    expect(report.divergence).toMatchObject({
      kind: "value",
      event: 5,
      atEnd: true,
      difference: { path: "value", expected: '"text of aa.txt"', actual: '"text of ba.txt"', agree: 8 },
      location: { function: "main", file: "sample.ax", line: 7 },
      lastAnswer: { event: 4, text: 'fs.read → "text of b"' },
    });
    expect(replayLines(report).join("\n")).toMatchInlineSnapshot(`
      "replay: divergence at event 5, the end (step 11): the program gave another value than recorded
        value, after 8 equal characters:
          expected "text of aa.txt"
          actual   "text of ba.txt"
        recorded: success: "text of aa.txt"
        replayed: success: "text of ba.txt"
        --> sample.ax:7:7
      6 | main: LoadLocal 0
      7 | main: Concat 
        |       ^^^^^^^
      last answer before it: event 4, fs.read → "text of b""
    `);
  });

  test("an answer of the wrong type", async () => {
    const recording = await recordReads();
    const report = await replayed(recording, editLine(recording.bytes, 5, '{"String":"text of a"}', '{"Int":1}'));
    expect(report.divergence).toMatchObject({
      kind: "answer",
      event: 4,
      expected: "fs.read → 1",
      location: { function: "read", line: 10 },
    });
  });

  test("an answer replaced by a failure", async () => {
    const recording = await recordReads();
    const log = editLine(
      recording.bytes,
      5,
      '{"CapResult":{"capability":"fs.read","result":{"String":"text of a"}}}',
      '{"CapError":{"capability":"fs.read","kind":"runtime_error","message":"gone"}}',
    );
    const report = await replayed(recording, log);
    expect(report.divergence).toMatchObject({
      kind: "outcome",
      event: 5,
      expected: 'success: "text of aa.txt"',
      location: { function: "read", line: 10 },
    });
    expect(report.divergence?.actual).toContain("gone");
  });

  test("an edited call", async () => {
    const recording = await recordReads();
    const report = await replayed(recording, editLine(recording.bytes, 2, "index.txt", "index.md"));
    expect(report.divergence).toMatchObject({
      kind: "arguments",
      event: 1,
      difference: { path: "args[0]", expected: '"index.md"', actual: '"index.txt"', agree: 6 },
      location: { function: "main", line: 2 },
    });
    expect(report.divergence?.lastAnswer).toBeUndefined();
  });

  test("another capability", async () => {
    const recording = await recordReads();
    const log = rewriteLines(recording.bytes, (lines) =>
      lines.map((line) => line.replace('"capability":"fs.read"', '"capability":"net.fetch"')),
    );
    expect((await replayed(recording, log)).divergence).toMatchObject({
      kind: "event",
      event: 1,
      message: "the log has a call of net.fetch, the program does a call of fs.read",
    });
  });

  test("a call that the log does not have", async () => {
    const recording = await recordReads();
    const report = await replayed(
      recording,
      rewriteLines(recording.bytes, (lines) => lines.filter((_, i) => i !== 3 && i !== 4)),
    );
    expect(report.divergence).toMatchObject({
      kind: "beyond_log",
      event: 3,
      actual: 'fs.read("a.txt")',
      expected: 'success: "text of aa.txt"',
      location: { function: "read", line: 10 },
    });
  });

  test("events that the program does not repeat", async () => {
    const recording = await recordReads();
    const log = rewriteLines(recording.bytes, (lines) => lines.flatMap((line, i) => (i === 4 ? [line, ...lines.slice(3, 5)] : [line])));
    const report = await replayed(recording, log);
    expect(report.divergence).toMatchObject({
      kind: "left_over",
      event: 5,
      expected: 'fs.read("a.txt")',
      actual: 'success: "text of aa.txt"',
      location: { function: "main", line: 7 },
    });
  });

  test.each<[string, number, string | RegExp, string, object]>([
    ["steps", 6, /"steps":\d+/, '"steps":1', { kind: "steps", event: 5, expected: "1" }],
    ["allocation", 6, /"alloc_bytes":\d+/, '"alloc_bytes":1', { kind: "alloc_bytes", event: 5, expected: "1" }],
    ["a counter", 6, '"denied":0', '"denied":7', { kind: "counters", expected: "7", actual: "0" }],
    ["the value", 6, "text of a", "text of c", { kind: "value", difference: { path: "value", agree: 8 } }],
    [
      "the outcome",
      6,
      /"outcome":"success",("steps":\d+),"value":\{.*?\}/,
      '"error":{"kind":"type_error","message":"x","step":1},"outcome":"program_error",$1',
      { kind: "outcome" },
    ],
    ["a limit of the run", 1, '"max_steps":10000000', '"max_steps":5', { kind: "left_over" }],
  ])("an end that was edited: %s", async (_name, line, from, to, expected) => {
    const recording = await recordReads();
    const log = editLine(recording.bytes, line, from, to);
    expect((await replayed(recording, log)).divergence).toMatchObject(expected);
  });

  test("contract checks and emitted trees", async () => {
    const recording = await recorded(TRIES);
    expect((await replayed(recording, editLine(recording.bytes, 4, '"passed":true', '"passed":false'))).divergence).toMatchObject({
      kind: "content",
      event: 3,
      difference: { path: "passed", expected: "false", actual: "true" },
      location: { function: "main", line: 5 },
    });
    expect((await replayed(recording, editLine(recording.bytes, 5, "mock", "muck"))).divergence).toMatchObject({
      kind: "content",
      event: 4,
      difference: { path: "tree.ok" },
      location: { function: "main", line: 7 },
    });
  });

  test("messages between actors", async () => {
    const recording = await recorded(ACTORS);
    const lines = new TextDecoder().decode(recording.bytes).split("\n");
    const sent = lines.findIndex((line) => line.includes("MessageSend")) + 1;
    expect((await replayed(recording, editLine(recording.bytes, sent, '"Int":41', '"Int":42'))).divergence).toMatchObject({
      kind: "content",
      event: sent - 1,
      difference: { path: "payload", expected: "42", actual: "41" },
    });
  });

  test("a recorded policy that would refuse the call", async () => {
    const recording = await recordReads();
    const refusing = await recorded(READS_TWICE, { policy: "deny-all" });
    const header = new TextDecoder().decode(refusing.bytes).split("\n")[0] ?? "";
    const report = await replayed(
      recording,
      rewriteLines(recording.bytes, ([, ...rest]) => [header, ...rest]),
    );
    expect(report.divergence).toMatchObject({ kind: "left_over", event: 1, location: { function: "main", line: 2 } });
    expect(report.divergence?.actual).toMatch(/^denied: capability_denied/);
  });
});

describe("another program", () => {
  test("with the same events and other steps is identical, with a note", async () => {
    const report = await replayed(await recordReads(), undefined, { program: READS_TWICE_INLINE });
    expect(report).toMatchObject({ status: "identical", sameProgram: false });
    expect(report.notes).toEqual(["The program is not the recorded one: steps and allocation were not compared."]);
  });

  test("with other events diverges", async () => {
    const other = assemble({
      functions: [{ name: "main", capabilities: ["fs.read"], code: [["PushConst", "other.txt"], ["CapCall", "fs.read", 1], ["Ret"]] }],
    });
    expect((await replayed(await recordReads(), undefined, { program: other })).divergence).toMatchObject({
      kind: "arguments",
      event: 1,
      location: { line: 2 },
    });
  });
});

describe("a run that was stopped", () => {
  test("a log cut after any record replays up to the cut and is incomplete", async () => {
    const recording = await recorded(TRIES);
    const lines = new TextDecoder().decode(recording.bytes).split("\n");
    for (let count = 1; count < lines.length - 1; count++) {
      const report = await replayed(recording, new TextEncoder().encode(`${lines.slice(0, count).join("\n")}\n`));
      expect(report).toMatchObject({ status: "incomplete", exitCode: 6, events: { recorded: count - 1, compared: count - 1 } });
      expect(report.notes).toContainEqual(expect.stringContaining("no end record"));
    }
  });

  test("a canceled run, in the middle of a call, is replayed up to there", async () => {
    const abort = new AbortController();
    const hangs: Handler = () => {
      abort.abort();
      return new Promise(() => undefined);
    };
    const recording = await recorded(READS_TWICE, { handlers: { "fs.read": hangs }, signal: abort.signal });
    expect(recording.run.outcome).toBe("canceled");
    const report = await replayed(recording);
    expect(replayLines(report)[0]).toMatch(/^replay: identical/);
    expect(report.notes).toEqual([expect.stringContaining("ended with canceled at step")]);
  });

  test("a canceled run, between calls, is replayed up to there", async () => {
    const abort = new AbortController();
    abort.abort();
    const recording = await recorded(LOOPS, { args: { n: 1_000_000 }, signal: abort.signal });
    expect(recording.run.outcome).toBe("canceled");
    const report = await replayed(recording);
    expect(replayLines(report)[0]).toMatch(/^replay: identical/);
    expect(report.result.steps).toBe(recording.run.steps);
  });

  test("a time limit applies to the recorded run, never to its replay", async () => {
    const recording = await recorded(LOOPS, { args: { n: 100_000_000 }, limits: { max_wall_ms: 5, max_steps: 1_000_000_000_000 } });
    expect(recording.run.outcome).toBe("timeout");
    expect((await replayed(recording)).status).toBe("identical");
  });

  test("a canceled replay is reported as interrupted", async () => {
    const recording = await recorded(LOOPS, { args: { n: 100_000 } });
    const abort = new AbortController();
    abort.abort();
    expect(await replayed(recording, undefined, { signal: abort.signal })).toMatchObject({ status: "interrupted", exitCode: 130 });
  });
});

describe("a log that cannot be trusted is refused", () => {
  test("a policy with another hash", async () => {
    const recording = await recordReads();
    const log = editLine(recording.bytes, 1, '"policy_hash":"sha256:', '"policy_hash":"sha256:0').slice();
    const fixed = editLine(log, 1, /"policy_hash":"sha256:0([0-9a-f]{63})[0-9a-f]"/, '"policy_hash":"sha256:0$1"');
    expect(await kindOf(() => replayed(recording, fixed))).toBe("log.policy_hash");
  });

  test("a module with another hash, or none", async () => {
    const recording = await recordReads();
    const other = await recorded(TRIES);
    const moduleOf = (bytes: Uint8Array): string => /"module_blob":"sha256:[0-9a-f]{64}"/.exec(new TextDecoder().decode(bytes))?.[0] ?? "";
    const log = editLine(recording.bytes, 1, moduleOf(recording.bytes), moduleOf(other.bytes));
    expect(await kindOf(() => replayed(recording, log))).toBe("log.blob_missing");
    expect(await kindOf(() => replayed({ ...recording, recorder: other.recorder }, log))).toBe("log.module_hash");
  });

  test("a missing blob of an answer is not a failure of the capability", async () => {
    const recording = await recorded(READS_TWICE, { handlers: { "fs.read": fileHandler } }, 0);
    const blobs = {
      ...recording.recorder.blobs,
      read: (name: { readonly sha256: string; readonly bytes?: number }) => {
        if (name.bytes === '{"String":"text of a"}'.length) throw new BorunaError("log.blob_missing", "gone");
        return recording.recorder.blobs.read(name);
      },
    };
    expect(await kindOf(() => replayRun({ ...logOf(recording), blobs }, { tracing: false }))).toBe("log.blob_missing");
  });
});

describe("the event log", () => {
  const eventLog = (events: readonly RunEvent[]): ReturnType<typeof parseLog> => {
    const recorder = memoryRecorder(sampleDescription(), { format: "eventlog" });
    for (const event of events) recorder.append(event);
    recorder.finish(successfulRunEnd(events.length));
    return parseLog(memorySource(recorder.bytes()));
  };
  const CALLS: readonly RunEvent[] = [
    { type: "CapCall", capability: "fs.read", args: ["index.txt"] },
    { type: "CapResult", capability: "fs.read", result: "x" },
    { type: "CapCall", capability: "fs.read", args: ["x"] },
    { type: "CapResult", capability: "fs.read", result: "y" },
  ];

  test("needs the program and compares events only", async () => {
    expect(await kindOf(() => replayRun(eventLog(CALLS), { tracing: false }))).toBe("log.no_program");
    const report = await replayRun(eventLog(CALLS), { program: READS_TWICE, tracing: false });
    expect(report).toMatchObject({ status: "identical", format: "eventlog", events: { recorded: 4, compared: 4 } });
    expect(report.result.value).toBe("yx");
  });

  test("diverges like a run log", async () => {
    const run = (events: readonly RunEvent[]): ReturnType<typeof replayRun> =>
      replayRun(eventLog(events), { program: READS_TWICE, tracing: false });
    expect((await run([...CALLS, ...CALLS])).divergence).toMatchObject({ kind: "left_over", event: 5 });
    expect((await run(CALLS.slice(0, 2))).divergence).toMatchObject({ kind: "beyond_log", event: 3 });
    expect((await run(CALLS.slice(2))).divergence).toMatchObject({ kind: "arguments", event: 1 });
  });

  test("verdicts of guards are compared", async () => {
    const { module } = compile({
      name: "guards.ax",
      text: 'fn main() -> Int { __builtin_guard(4, true, "even") + guard(1, false, "odd") }\n',
    });
    const run = (label: string, passed: boolean): ReturnType<typeof replayRun> => {
      const check = (name: string, verdict: boolean): object => ({
        ContractCheck: { function: name, kind: "output", index: 0, passed: verdict },
      });
      const log = JSON.stringify({ version: 2, events: [check("even", true), check(label, passed)] });
      return replayRun(parseLog(memorySource(new TextEncoder().encode(log))), { program: verifyModule(module), tracing: false });
    };
    expect(await run("odd", false)).toMatchObject({ status: "identical", events: { recorded: 2, compared: 2 } });
    expect((await run("odd", true)).divergence).toMatchObject({ event: 2, expected: "guard odd: holds", actual: "guard odd: fails" });
    expect((await run("other", false)).divergence).toMatchObject({ event: 2, expected: "guard other: fails" });
  });

  test("a call without an answer failed", async () => {
    const report = await replayRun(eventLog(CALLS.slice(0, 3)), { program: READS_TWICE, tracing: false });
    expect(report.result.outcome).toBe("runtime_error");
  });
});
