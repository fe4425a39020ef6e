/** A replay holds one event of the log at a time, besides those that the log keeps in memory; `parseRunLog` keeps none. */
import { expect, test } from "vitest";
import type { LogEvent } from "../../../replay/log/event-json.ts";
import { LOG_LIMITS } from "../../../replay/log/log-limits.ts";
import { parseRunLog, type RunLog } from "../../../replay/log/log-reader.ts";
import { replayRun } from "../../../replay/replay.ts";
import type { LogSource } from "../../../replay/log/log-source.ts";
import { BorunaError } from "../../../vm/error.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { assemble } from "../assemble.ts";
import { editLine } from "../mend.ts";
import { recorded, type Recorded } from "../recorded.ts";

const CALLS = 500;
/** A program that reads the same file in a loop. */
const READS: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["fs.read"],
      code: [
        ["PushConst", CALLS],
        ["StoreLocal", 0],
        ["PushConst", "a.txt"],
        ["CapCall", "fs.read", 1],
        ["Pop"],
        ["LoadLocal", 0],
        ["PushConst", 1],
        ["Sub"],
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        ["JmpIf", 2],
        ["PushConst", 0],
        ["Ret"],
      ],
    },
  ],
});

interface Reading {
  /** The number of lines that each pass over the source has read. */
  readonly passes: number[];
  open: number;
}

/** Returns a source that yields one line at a time and counts the lines of each pass. */
function lineSource(recording: Recorded, bytes = recording.bytes): { readonly source: LogSource; readonly reading: Reading } {
  const reading: Reading = { passes: [], open: 0 };
  function* chunks(): Generator<Uint8Array, void> {
    const pass = reading.passes.push(0) - 1;
    reading.open += 1;
    try {
      for (let at = 0; at < bytes.length; ) {
        const end = bytes.indexOf(0x0a, at) + 1;
        reading.passes[pass] = (reading.passes[pass] ?? 0) + 1;
        yield bytes.subarray(at, end);
        at = end;
      }
    } finally {
      reading.open -= 1;
    }
  }
  return { source: { name: "log", chunks, blobs: recording.recorder.blobs, openMark: () => undefined }, reading };
}

/** Returns the log, and a function that returns how many of its events have been read. */
function counted(log: RunLog): { readonly log: RunLog; readonly taken: () => number } {
  let taken = 0;
  function* events(): Generator<LogEvent, void> {
    for (const event of log.events) {
      taken += 1;
      yield event;
    }
  }
  return { log: { ...log, events: { [Symbol.iterator]: events } }, taken: () => taken };
}

test("an event is read only after the one before it was repeated", async () => {
  const recording = await recorded(READS);
  const wrong = editLine(recording.bytes, 8, "a.txt", "b.txt");
  const { source, reading } = lineSource(recording, wrong);
  const { log, taken } = counted(parseRunLog(source, LOG_LIMITS));
  expect(log.eventCount).toBe(2 * CALLS);
  // The log is checked completely before the program runs.
  expect(reading.passes).toEqual([2 * CALLS + 2]);
  const report = await replayRun(log, { tracing: false });
  expect(report).toMatchObject({ status: "divergence", events: { compared: 6 }, divergence: { event: 7 } });
  expect(taken()).toBe(7);
  expect(reading.passes).toEqual([2 * CALLS + 2, 8]);
  expect(reading.open).toBe(0);
});

test("a complete replay reads each event once and closes the log", async () => {
  const recording = await recorded(READS);
  const { source, reading } = lineSource(recording);
  const { log, taken } = counted(parseRunLog(source, LOG_LIMITS));
  expect(await replayRun(log, { tracing: false })).toMatchObject({ status: "identical", answers: CALLS });
  expect(taken()).toBe(2 * CALLS);
  expect(reading).toEqual({ passes: [2 * CALLS + 2, 2 * CALLS + 1], open: 0 });
});

test("a replay ignores what is appended to the log meanwhile; any other change of the log is an error", async () => {
  const recording = await recorded(READS);
  const other = editLine(recording.bytes, 8, "a.txt", "b.txt");
  const ends = [...recording.bytes.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);
  let bytes = recording.bytes.subarray(0, (ends[100] ?? 0) + 1);
  const source: LogSource = { name: "log", chunks: () => [bytes], blobs: recording.recorder.blobs, openMark: () => undefined };
  const log = parseRunLog(source, LOG_LIMITS);
  bytes = recording.bytes;
  expect(await replayRun(log, { tracing: false })).toMatchObject({ status: "incomplete", events: { recorded: 100, compared: 100 } });
  for (const changed of [other, recording.bytes.subarray(0, (ends[50] ?? 0) + 1)]) {
    bytes = changed;
    const read = (): number => [...log.events].length;
    expect(read).toThrow(BorunaError);
    expect(read).toThrow("log was changed while it was replayed");
  }
});
