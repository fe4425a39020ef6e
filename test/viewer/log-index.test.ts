import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logEntries } from "../../replay/entries.ts";
import { readLog } from "../../replay/log/log-reader.ts";
import { LogIndex } from "../../viewer/log-index.ts";
import type { RunEvent } from "../../vm/events.ts";
import { temporaryFolder } from "../after-file.ts";
import { scaledRuns } from "../cases.ts";
import { linesOf, withNewHashes } from "../replay/mend.ts";
import { anyEvents, successfulRunEnd, recordEvents, SAMPLE_EVENTS } from "../replay/sample.ts";

const folder = temporaryFolder();
let files = 0;
const newFile = (bytes: Uint8Array | string = ""): string => {
  const file = join(folder, `${(files += 1)}.jsonl`);
  writeFileSync(file, bytes);
  return file;
};

async function refreshIndex(file: string, index = new LogIndex(file), maxEvents = 1_000_000): Promise<LogIndex> {
  await index.refresh(statSync(file), maxEvents, () => Promise.resolve());
  return index;
}

const numbersTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);
const repeatEvents = (times: number): readonly RunEvent[] => Array.from({ length: times }, () => SAMPLE_EVENTS).flat();

describe("the index of a log", () => {
  test("finds every event, call and answer, in whatever pieces the file arrives", async () => {
    const pieces = fc.array(fc.nat(5_000), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvents, { maxLength: 6 }), pieces, fc.boolean(), async (lists, cuts, hasEnd) => {
        const events = lists.flat();
        const bytes = recordEvents(events, { inlineBytes: 1_000_000 }, hasEnd ? successfulRunEnd(events.length) : false).bytes();
        const file = newFile();
        let index = await refreshIndex(file);
        let from = 0;
        for (const to of [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]) {
          appendFileSync(file, bytes.subarray(from, to));
          from = to;
          index = await refreshIndex(file, index);
        }
        const log = readLog(file);
        if (log.format !== "log") throw new Error("not a log");
        expect(index).toMatchObject({ state: hasEnd ? "ended" : "open", problem: undefined, bytes: bytes.length });
        expect(index.readEvents(numbersTo(events.length)).map(({ n, event }) => ({ n, event }))).toEqual([...log.events]);
        expect(index.toRunLog()).toMatchObject({ head: log.head, calls: log.calls, eventCount: log.eventCount });
        for (const entry of logEntries(log)) {
          if (entry.type === "event") expect(index.callOfEvent(entry.event)).toBeUndefined();
          else {
            expect(index.eventOfCall(entry.call)).toBe(entry.event);
            expect(index.eventOfAnswer(entry.call)).toBe(entry.event + 1);
            expect([index.callOfEvent(entry.event), index.callOfEvent(entry.event + 1)]).toEqual([entry.call, entry.call]);
          }
        }
        const byType = (type: string): readonly number[] => [...log.events].filter(({ event }) => event.type === type).map(({ n }) => n);
        expect([...index.matching({ type: "CapError" })]).toEqual(byType("CapError"));
        const ofCapability = [...log.events]
          .filter(({ event }) => "capability" in event && event.capability === "fs.read")
          .map(({ n }) => n);
        expect([...index.matching({ capability: "fs.read" })]).toEqual(ofCapability);
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  test("reads any events in order, far into a long log", async () => {
    const events = repeatEvents(1_000);
    const index = await refreshIndex(newFile(recordEvents(events).bytes()));
    const numbers = [1, 2, 16, 17, 31, 33, 1_000, 4_321, 4_999, 5_000];
    expect(index.readEvents(numbers).map(({ n, event }) => [n, event.type])).toEqual(numbers.map((n) => [n, events[n - 1]?.type]));
    expect(index.readEvents([])).toEqual([]);
    expect(index.ordinalInCapability(2_000)).toBe(1_000);
    expect(index.capabilities.get("net.fetch")?.calls).toBe(1_000);
  });

  test("says where a log is broken, and reads the events before", async () => {
    const lines = linesOf(new TextDecoder().decode(recordEvents(SAMPLE_EVENTS).bytes()));
    const changed = lines.map((line, i) => (i === 3 ? line.replace("häß", "has") : line)).join("\n");
    const index = await refreshIndex(newFile(`${changed}\n`));
    expect(index).toMatchObject({ state: "broken" });
    expect(index.problem).toMatch(/^line 4: the record's hash is /);
    expect(index.summary.eventCount).toBe(2);
    expect(index.readEvents([1, 2])).toHaveLength(2);
    for (const text of ["{}\n", "[[[[\n", "\xff\n", `${"x".repeat(100)}\n`, '{"events":[],"version":1}\n'])
      expect([text, (await refreshIndex(newFile(text))).state]).toEqual([text, "broken"]);
    const older = await refreshIndex(newFile('{\n  "version": 1,\n  "events": []\n}\n'));
    expect(older.problem).toBe("an event log of the older form, which only `boruna log show` reads");
    expect((await refreshIndex(newFile())).state).toBe("reading");
    mkdirSync(join(folder, "dir.jsonl"));
    expect(await refreshIndex(join(folder, "dir.jsonl"))).toMatchObject({
      state: "broken",
      problem: expect.stringContaining("not a file"),
    });
  });

  test("starts again if the file is replaced or becomes shorter", async () => {
    const file = newFile(recordEvents(SAMPLE_EVENTS).bytes());
    const index = await refreshIndex(file);
    renameSync(newFile(recordEvents(SAMPLE_EVENTS.slice(0, 3)).bytes()), file);
    await refreshIndex(file, index);
    expect(index).toMatchObject({ state: "ended", summary: { eventCount: 3 }, callCount: 1 });
    writeFileSync(file, "rubbish\n");
    expect(await refreshIndex(file, index)).toMatchObject({ state: "broken", summary: { eventCount: 0 } });
    writeFileSync(file, recordEvents(SAMPLE_EVENTS).bytes());
    expect(await refreshIndex(file, index)).toMatchObject({ state: "ended", problem: undefined, summary: { eventCount: 5 } });
  });

  test("notices a file that was changed after it was indexed", async () => {
    const file = newFile(recordEvents(SAMPLE_EVENTS).bytes());
    const index = await refreshIndex(file);
    writeFileSync(file, withNewHashes(linesOf(readFileSync(file, "utf8")).toSpliced(1, 1)));
    expect(() => index.readEvents([1])).toThrow(expect.objectContaining({ kind: "log.changed" }));
    writeFileSync(file, "");
    expect(() => index.readEvents([1])).toThrow(expect.objectContaining({ kind: "log.changed" }));
  });

  test("reads at most the given number of events", async () => {
    const index = await refreshIndex(newFile(recordEvents(repeatEvents(10)).bytes()), undefined, 20);
    expect(index).toMatchObject({ state: "broken", problem: expect.stringContaining("more events than the viewer reads") });
  });
});
