/** A log as a person reads it: calls with their answers and source locations, and the table that shows them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { locatedEntries, type LocatedEntry, locateEvent, logEntries } from "../../replay/entries.ts";
import { parseLog, type ParsedLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { cut, cutStart, pad, paintNothing } from "../../replay/report/columns.ts";
import { endLines, entryJson, logTable, runLines } from "../../replay/report/log-table.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { RunEvent } from "../../vm/events.ts";
import { linesOf, rewriteLines } from "./mend.ts";
import { ACTORS, READS_TWICE, TRIES } from "./programs.ts";
import { logOf, recorded } from "./recorded.ts";
import { anyEvents, recordEvents } from "./sample.ts";

const compiled = (text: string): Program => verifyModule(compile({ name: "shows.ax", text }).module);
const logFrom = (events: readonly RunEvent[], inlineBytes?: number): ParsedLog => {
  const recorder = recordEvents(events, inlineBytes === undefined ? {} : { inlineBytes });
  return parseLog(memorySource(recorder.bytes(), recorder.blobs));
};

async function locatedOf(log: ParsedLog): Promise<{ readonly entries: readonly LocatedEntry[]; readonly reasons: readonly string[] }> {
  const entries: LocatedEntry[] = [];
  const reasons: string[] = [];
  for await (const entry of locatedEntries(log, { onUnlocated: (reason) => void reasons.push(reason) })) entries.push(entry);
  return { entries, reasons };
}

/** Returns `function:line` for each call, or `-` for a call without a place (source location). */
const places = (entries: readonly LocatedEntry[]): readonly string[] =>
  entries.flatMap((entry) =>
    entry.type === "event" ? [] : [entry.place === undefined ? "-" : `${entry.place.function}:${entry.place.line}`],
  );

const LOOP = compiled(`fn one(i: Int) -> Int !{fs.read} { string.len(fs.read(int.to_string(i))) }

fn main(n: Int) -> Int !{fs.read, random} {
    let mut i = 0
    let mut sum = 0
    while i < n {
        sum = sum + one(i)
        let _r = random()
        i = i + 1
    }
    sum
}
`);

describe("entries", () => {
  test("hold every event once, and each answer with its call", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const entries = [...logEntries(logFrom(events))];
        const numbers = entries.flatMap((e) => (e.type === "call" && e.answer !== undefined ? [e.event, e.event + 1] : [e.event]));
        expect(numbers).toEqual(events.map((_, i) => i + 1));
        const calls = entries.filter((e) => e.type === "call");
        expect(calls.map(({ call }) => call)).toEqual(calls.map((_, i) => i + 1));
      }),
      { numRuns: 40 },
    );
  });

  test("calls have their places, also if the log has more calls than are read ahead", async () => {
    const { entries, reasons } = await locatedOf(logOf(await recorded(LOOP, { args: { n: 700 } })));
    expect(places(entries)).toEqual(Array.from({ length: 700 }, () => ["one:1", "main:8"]).flat());
    expect(reasons).toEqual([]);
  });

  test("the replay is never far ahead of the reader, so that memory does not grow with the log", async () => {
    const log = logOf(await recorded(LOOP, { args: { n: 1_500 } }));
    let furthest = 0;
    const watched = {
      *[Symbol.iterator]() {
        for (const event of log.events) {
          furthest = Math.max(furthest, event.n);
          yield event;
        }
      },
    };
    let read = 0;
    for await (const entry of locatedEntries({ ...log, events: watched })) {
      read = entry.event;
      expect(furthest - read).toBeLessThan(1_200);
    }
    expect(read).toBe(log.eventCount - 1);
  });

  test("a reader may stop early", async () => {
    const log = logOf(await recorded(LOOP, { args: { n: 700 } }));
    for await (const entry of locatedEntries(log)) if (entry.type === "call" && entry.call === 3) break;
  });

  test("a killed run: its log cut after any record", async () => {
    for (const program of [TRIES, ACTORS, READS_TWICE]) {
      const recording = await recorded(program);
      const lines = linesOf(new TextDecoder().decode(recording.bytes));
      for (let count = 1; count < lines.length; count++) {
        const log = logOf(recording, new TextEncoder().encode(`${lines.slice(0, count).join("\n")}\n`));
        const { entries, reasons } = await locatedOf(log);
        expect(reasons).toEqual([]);
        expect(places(entries)).not.toContain("-");
        const last = entries.at(-1);
        if (lines[count - 1]?.includes("CapCall")) expect(last).toMatchObject({ type: "call", answer: undefined });
      }
    }
  });

  test("after a difference calls have no place, and the reason is said once", async () => {
    const recording = await recorded(LOOP, { args: { n: 5 } });
    const log = logOf(
      recording,
      rewriteLines(recording.bytes, (lines) => lines.map((line) => line.replace('{"String":"2"}', '{"String":"x"}'))),
    );
    const { entries, reasons } = await locatedOf(log);
    expect(places(entries)).toEqual(["one:1", "main:8", "one:1", "main:8", ...Array.from({ length: 6 }, () => "-")]);
    expect(reasons).toEqual(["from event 9 on, calls have no place: the program makes the recorded call with other arguments"]);
  });

  test("without a module no call has a place", async () => {
    const { entries, reasons } = await locatedOf(
      logFrom([
        { type: "CapCall", capability: "fs.read", args: ["a"] },
        { type: "CapResult", capability: "fs.read", result: "b" },
      ]),
    );
    expect(places(entries)).toEqual(["-"]);
    expect(reasons).toEqual([expect.stringMatching(/^from event 1 on, calls have no place: /)]);
  });
});

describe("the place of one event", () => {
  test("is its call stack", async () => {
    const log = logOf(await recorded(LOOP, { args: { n: 3 } }));
    const stackOf = async (event: number): Promise<readonly string[]> =>
      (await locateEvent(log, event)).stack.map(({ function: name, line }) => `${name}:${line}`);
    expect(await stackOf(1)).toEqual(["one:1", "main:7"]);
    expect(await stackOf(11)).toEqual(["main:8"]);
  });

  test("is not known if the program does something else before it", async () => {
    const recording = await recorded(LOOP, { args: { n: 3 } });
    const log = logOf(
      recording,
      rewriteLines(recording.bytes, (lines) => lines.map((line) => line.replace('{"String":"1"}', '{"String":"x"}'))),
    );
    expect(await locateEvent(log, 9)).toEqual({ stack: [], reason: "the program makes the recorded call with other arguments" });
    expect((await locateEvent(log, 5)).stack.map(({ function: name }) => name)).toEqual(["one", "main"]);
  });
});

describe("the table", () => {
  const HOSTILE = "a\u001b]0;x\u0007\u009b31m\u202ez\n\t漢字漢字";
  // oxlint-disable-next-line no-control-regex
  const DRIVES_A_TERMINAL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
  const table = (log: ParsedLog, width: number | undefined, numbersEvents = false) =>
    logTable(log, { width, paint: paintNothing, types: [], numbersEvents });
  const rowsOf = async (log: ParsedLog, width: number | undefined): Promise<readonly string[]> =>
    (await locatedOf(log)).entries.map((entry) => table(log, width, true).row(entry));

  test("fits every terminal, and contains nothing that controls one", async () => {
    const events: readonly RunEvent[] = [
      { type: "CapCall", capability: "fs.read", args: [HOSTILE.repeat(50)] },
      { type: "CapError", capability: "fs.read", kind: "runtime_error", message: HOSTILE.repeat(50) },
      { type: "ContractCheck", function: HOSTILE, kind: "requires", index: 0, passed: true },
      { type: "GuardCheck", function: HOSTILE, label: HOSTILE, passed: true },
      { type: "UiEmit", tree: HOSTILE },
    ];
    for (const inlineBytes of [undefined, 0]) {
      for (const width of [80, 120, 200, undefined]) {
        for (const row of await rowsOf(logFrom(events, inlineBytes), width)) {
          expect(row.replaceAll("\t", "")).not.toMatch(DRIVES_A_TERMINAL);
          const columns = Array.from(row).reduce((sum, c) => sum + (/[漢字]/.test(c) ? 2 : 1), 0);
          if (width !== undefined) expect(columns).toBeLessThanOrEqual(width);
        }
      }
    }
    expect(runLines(logFrom(events)).join("")).not.toMatch(DRIVES_A_TERMINAL);
  });

  test("of a run", async () => {
    const failing = await recorded(LOOP, {
      args: { n: 2 },
      handlers: {
        "fs.read": ([path]) => {
          if (path === "0") return "text";
          throw new Error("secret");
        },
        random: () => 1,
      },
    });
    const log = logOf(failing);
    const { entries } = await locatedOf(log);
    const shown = [table(log, 90).head, ...entries.map((entry) => table(log, 90).row(entry)), ...endLines(log, [])];
    expect(shown.join("\n")).toMatchInlineSnapshot(`
      " call                               result              place                   outcome
          1  fs.read("0")                 "text"              shows.ax:1              ok
          2  random()                     1                   shows.ax:8              ok
          3  fs.read("1")                 the handler of fs…  shows.ax:1              host_fault
      ended with runtime_error: host_fault at step 35: the handler of fs.read failed (Error)
      35 steps, 256 bytes allocated"
    `);
  });

  test("as JSON", async () => {
    const { entries } = await locatedOf(
      logFrom(
        [
          { type: "CapCall", capability: "fs.read", args: ["a", 1n] },
          { type: "CapResult", capability: "fs.read", result: "b" },
          { type: "UiEmit", tree: 1 },
        ],
        0,
      ),
    );
    expect(entries.map((entry) => canonicalJson(entryJson(entry, [])))).toEqual([
      expect.stringContaining('"blob":{"bytes"'),
      expect.stringContaining('{"content":{"UiEmit"'),
    ]);
  });
});

test.each([
  ["short", 10, "short", "short"],
  ["much too long", 6, "much …", "… long"],
  ["漢字漢字", 5, "漢字…", "…漢字"],
  ["a\u001bb", 20, "a\\u{1b}b", "a\\u{1b}b"],
])("cut %j to %i columns", (text, width, start, end) => {
  expect([cut(text, width), cutStart(text, width)]).toEqual([start, end]);
  expect(pad("漢", 4)).toBe("漢  ");
});
