/** `diffLogs`: what differs between two logs, at which events, and how the logs are aligned again after a difference. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffLogs, type DiffSummary, type LogDifference } from "../../replay/diff.ts";
import { parseLog, type ParsedLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { memoryRecorder } from "../../replay/log/recorder.ts";
import { differenceReport, diffSummaryLine } from "../../replay/report/diff-report.ts";
import type { RunEvent } from "../../vm/events.ts";
import { editLine } from "./mend.ts";
import { ACTORS, LOOPS, READS_TWICE, READS_TWICE_INLINE, TRIES } from "./programs.ts";
import { logOf, recorded } from "./recorded.ts";
import { anyEvents, sampleDescription, successfulRunEnd, recordEvents } from "./sample.ts";

function diff(a: ParsedLog, b: ParsedLog): DiffSummary & { readonly found: readonly LogDifference[] } {
  const found: LogDifference[] = [];
  const differences = diffLogs(a, b);
  let next = differences.next();
  for (; next.done !== true; next = differences.next()) found.push(next.value);
  return { ...next.value, found };
}

function logFrom(events: readonly RunEvent[], inlineBytes?: number): ParsedLog {
  const recorder = recordEvents(events, inlineBytes === undefined ? {} : { inlineBytes });
  return parseLog(memorySource(recorder.bytes(), recorder.blobs));
}

/** Returns a short text for each difference: kind, event in `a`, event in `b`, path. */
const shown = ({ found }: { readonly found: readonly LogDifference[] }): readonly string[] =>
  found.map(({ kind, a, b, difference }) => [kind, a?.event ?? "-", b?.event ?? "-", difference?.path ?? ""].join(" ").trim());

const fileCall = (path: string, answer: string): readonly RunEvent[] => [
  { type: "CapCall", capability: "fs.read", args: [path] },
  { type: "CapResult", capability: "fs.read", result: answer },
];
const fileCalls = (...names: readonly string[]): readonly RunEvent[] => names.flatMap((name) => fileCall(name, `text of ${name}`));

describe("calls are aligned", () => {
  const many = Array.from({ length: 600 }, (_, i) => `file ${i}`);
  test.each<[string, readonly RunEvent[], readonly RunEvent[], readonly string[]]>([
    ["equal", fileCalls("a", "b"), fileCalls("a", "b"), []],
    ["one call more in b", fileCalls("a", "c"), fileCalls("a", "b", "c"), ["only_b - 3", "end 5 7"]],
    ["one call more in a", fileCalls("a", "b", "c"), fileCalls("b", "c"), ["only_a 1 -", "end 7 5"]],
    ["an order", fileCalls("a", "b", "c"), fileCalls("b", "a", "c"), ["only_a 1 -", "only_b - 3"]],
    [
      "an argument, and later calls are equal",
      fileCalls("a", "x", "c"),
      fileCalls("a", "y", "c"),
      ["arguments 3 3 args[0]", "answer 4 4 result"],
    ],
    ["an answer", [...fileCall("a", "1"), ...fileCalls("b")], [...fileCall("a", "2"), ...fileCalls("b")], ["answer 2 2 result"]],
    [
      "another capability",
      fileCalls("a"),
      [
        { type: "CapCall", capability: "random", args: [] },
        { type: "CapResult", capability: "random", result: 1 },
      ],
      ["only_a 1 -", "only_b - 1"],
    ],
    [
      "a failure for an answer",
      fileCalls("a"),
      [
        { type: "CapCall", capability: "fs.read", args: ["a"] },
        { type: "CapError", capability: "fs.read", kind: "runtime_error", message: "gone" },
      ],
      ["answer 2 2"],
    ],
    ["types only", [{ type: "UiEmit", tree: 1 }], [{ type: "UiEmit", tree: "1" }], ["content 1 1 tree"]],
    ["a call far away", fileCalls(...many), fileCalls(...many.slice(0, 100), "new", ...many.slice(100)), ["only_b - 201", "end 1201 1203"]],
  ])("%s", (_name, a, b, expected) => {
    const withoutEndCounts = expected.filter((text) => !text.startsWith("end"));
    expect(shown(diff(logFrom(a), logFrom(b)))).toEqual(withoutEndCounts);
  });

  test("after more different events than the window in which equal calls are searched", () => {
    const a = Array.from({ length: 300 }, (_, i) => `a${i}`);
    const b = Array.from({ length: 300 }, (_, i) => `b${i}`);
    const summary = diff(logFrom(fileCalls("first", ...a, "last")), logFrom(fileCalls("first", ...b, "last")));
    expect(summary).toMatchObject({ equal: 2, same: false, differences: 600 });
  });
});

describe("for any events", () => {
  test("a log is the same as itself, with its values in blobs or not", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        expect(diff(logFrom(events), logFrom(events))).toMatchObject({ same: true, found: [] });
        expect(diff(logFrom(events), logFrom(events, 0))).toMatchObject({ same: true, found: [] });
      }),
      { numRuns: 40 },
    );
  });

  test("the differences of b and a are those of a and b, and equal logs only have none", () => {
    fc.assert(
      fc.property(anyEvents, anyEvents, (left, right) => {
        const [there, back] = [diff(logFrom(left), logFrom(right)), diff(logFrom(right), logFrom(left))];
        expect(there.same).toBe(back.same);
        expect(there.equal).toBe(back.equal);
      }),
      { numRuns: 40 },
    );
  });
});

describe("headers and ends", () => {
  test("are compared by field, without run ids", async () => {
    const [a, b] = [await recorded(LOOPS, { args: { n: 10 } }), await recorded(LOOPS, { args: { n: 11 }, limits: { max_steps: 5_000 } })];
    const summary = diff(logOf(a), logOf(b));
    expect(shown(summary)).toEqual(["header - - args.n", "header - - limits.max_steps", "end 3 3"]);
    expect(summary.found.at(-1)).toMatchObject({
      aText: expect.stringMatching(/^steps \d+$/),
      bText: expect.stringMatching(/^steps \d+$/),
    });
    const live = await recorded(LOOPS, { args: { n: 10 }, runId: "another" });
    expect(diff(logOf(a), logOf(live)).same).toBe(true);
  });

  test("of other programs and policies", async () => {
    const [a, b] = [await recorded(READS_TWICE), await recorded(READS_TWICE_INLINE)];
    expect(shown(diff(logOf(a), logOf(b)))).toEqual(["header - - program.module_hash", "header - - program.source_hash"]);
    const denied = await recorded(READS_TWICE, { policy: "deny-all" });
    expect(shown(diff(logOf(a), logOf(denied)))).toEqual([
      "header - - policy.default_allow",
      "header - - policy.fs_policy.read",
      "header - - policy.fs_policy.write",
      "only_a 1 -",
      "only_a 3 -",
      "end 5 1",
    ]);
  });

  test("of a run that was killed", async () => {
    const recording = await recorded(TRIES);
    const lines = new TextDecoder().decode(recording.bytes).split("\n");
    const cut = logOf(recording, new TextEncoder().encode(`${lines.slice(0, 2).join("\n")}\n`));
    expect(shown(diff(logOf(recording), cut))).toEqual(["answer 2 2", "only_a 3 -", "only_a 4 -", "end 5 2"]);
    expect(diff(cut, cut)).toMatchObject({ same: true, equal: 1 });
  });

  test("an event log has neither", () => {
    const recorder = memoryRecorder(sampleDescription(), { format: "eventlog" });
    for (const event of fileCalls("a")) recorder.append(event);
    recorder.finish(successfulRunEnd(2));
    const eventLog = parseLog(memorySource(recorder.bytes()));
    expect(diff(eventLog, logFrom(fileCalls("a"))).same).toBe(true);
    expect(shown(diff(eventLog, logFrom(fileCalls("b"))))).toEqual(["arguments 1 1 args[0]", "answer 2 2 result"]);
  });
});

test("a difference shows both values, without control characters", async () => {
  const recording = await recorded(ACTORS);
  const lines = new TextDecoder().decode(recording.bytes).split("\n");
  const sent = lines.findIndex((line) => line.includes("MessageSend")) + 1;
  const other = logOf(recording, editLine(recording.bytes, sent, '"Int":41', '"Int":42'));
  const { found } = diff(logOf(recording), other);
  expect(found.flatMap(differenceReport)).toEqual([
    `event ${sent - 1}: other contents`,
    "  a: message from actor 0 to actor 1: 41",
    "  b: message from actor 0 to actor 1: 42",
    "  at payload:",
    "    a: 41",
    "    b: 42",
  ]);
  const hostile = diff(logFrom(fileCall("a\u001b[2J\u202e", "x")), logFrom(fileCalls("b"))).found.flatMap(differenceReport);
  expect(hostile.join("")).toContain("\\u{1b}[2J\\u{202e}");
  expect(diffSummaryLine({ same: true, differences: 0, equal: 1 })).toBe("diff: the same (1 call or event equal)");
});
