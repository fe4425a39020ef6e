import { describe, expect, test } from "vitest";
import { parseLog } from "../../../replay/log/log-reader.ts";
import { type LogSource, memorySource } from "../../../replay/log/log-source.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { editLine, rewriteLines } from "../mend.ts";
import { recordEvents } from "../sample.ts";

/** Long enough that 40 events with it are more than a log keeps. (Events other than calls and answers count as 16 times their bytes.) */
const TEXT = "x".repeat(60_000);
const events = Array.from({ length: 40 }, (_, i): RunEvent => ({ type: "UiEmit", tree: `${i} ${TEXT}` }));
const bytes = recordEvents(events).bytes();

/** Reads a log. Returns it, the offsets at which later readings begin, and a function that changes the log's bytes. */
function readLog(first: Uint8Array) {
  let current = first;
  const starts: number[] = [];
  const source: LogSource = {
    ...memorySource(first),
    chunks: (from = 0) => {
      starts.push(from);
      return [current.subarray(from)];
    },
  };
  const log = parseLog(source);
  starts.length = 0;
  return { log, starts, change: (to: Uint8Array) => (current = to) };
}

describe("the events of a log that was read", () => {
  test("come from memory if there are few", () => {
    const few = recordEvents(events.slice(0, 3)).bytes();
    const { log, starts, change } = readLog(few);
    change(new Uint8Array());
    expect([...log.events].map(({ n, event }) => [n, event])).toEqual(events.slice(0, 3).map((event, i) => [i + 1, event]));
    expect(starts).toEqual([]);
  });

  test("come from memory and then from the file if there are many, in each iteration", () => {
    const { log, starts } = readLog(bytes);
    for (const _ of [1, 2]) expect([...log.events].map(({ n, event }) => [n, event])).toEqual(events.map((event, i) => [i + 1, event]));
    expect(starts).toHaveLength(2);
    expect(starts[0]).toBeGreaterThan(bytes.length / 2);
    expect(starts[1]).toBe(starts[0]);
  });

  test("cannot change if they are in memory; a change of the others in the file is an error", () => {
    const { log, change } = readLog(bytes);
    change(editLine(bytes, 3, "1 x", "1 y"));
    expect(() => [...log.events]).toThrow("the record's hash is");
    const last = bytes.length - 1_000;
    change(Uint8Array.from(bytes, (byte, i) => (i === last ? byte ^ 1 : byte)));
    expect(() => [...log.events]).toThrow(expect.objectContaining({ place: expect.objectContaining({ line: events.length + 1 }) }));
    change(rewriteLines(bytes, (lines) => lines.slice(0, -2)));
    expect(() => [...log.events]).toThrow(expect.objectContaining({ kind: "log.changed" }));
    change(bytes);
    expect([...log.events]).toHaveLength(events.length);
  });
});
