/** The bytes and steps that logging costs, the limit on logged bytes, and stopping a run while it logs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { executeProgram, type ExecuteOptions, type RunResult } from "../../../gateway/run.ts";
import { recordBytes } from "../../../gateway/logged-bytes.ts";
import { ALLOW_ALL } from "../../../policy/policy.ts";
import type { RunEvent } from "../../../vm/events.ts";
import { LOG_NOT_CHARGED } from "../../../vm/limits.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { linesOf } from "../mend.ts";
import { logOf, recorded, replayed, type Recorded } from "../recorded.ts";
import { anyEvents, recordEvents } from "../sample.ts";
import { scaledRuns } from "../../cases.ts";

const ENGINES = ["interpreter", "compiled", "auto"] as const;
const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const eventLines = (bytes: Uint8Array): string[] => linesOf(new TextDecoder().decode(bytes)).filter((line) => line.startsWith('{"event":'));
const lineBytes = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
const recordedBytes = ({ bytes }: Recorded): number => lineBytes(eventLines(bytes));

/** A program with every kind of event, and texts with many kinds of characters. */
const EVERYTHING = programOf(`
fn checked(n: Int) -> Int requires n >= 0 { guard(n, n < 100, "small: \\"é\\n\\u{1F600}") }
fn worker() -> Unit { let text: String = receive
 let _t: String = guard(text, true, text)
 () }
fn main() -> Int !{actor.spawn, actor.send, fs.read, ui.render} {
    let w = spawn worker
    send w string.repeat("m", 300)
    let text = fs.read("a.txt")
    emit Json::List([Json::String("\\t"), Json::Float(0.5), Json::Null])
    checked(string.len(text)) + 1
}`);

const guardsProgram = (count: number, labelUnits: number): string =>
  `fn main() -> Int { let label = string.repeat("x", ${labelUnits})\n let mut n = 0\n while n < ${count} { n = guard(n + 1, true, label) }\n n }`;

describe("the count of logged bytes", () => {
  test("equals the bytes that the recorder writes, for any event", () => {
    fc.assert(
      fc.property(anyEvents, (events) => {
        const lines = eventLines(recordEvents(events, { inlineBytes: Number.MAX_SAFE_INTEGER }).bytes());
        expect(events.map((event, i) => recordBytes(event, i + 1))).toEqual(lines.map((line) => lineBytes([line])));
      }),
      { numRuns: scaledRuns(300) },
    );
  });

  test("equals those bytes for short and long texts with each character", () => {
    const characters = [...Array.from({ length: 0x100 }, (_, unit) => String.fromCharCode(unit)), "\u2028", "\uffff", "\u{1F600}"];
    const texts = characters.flatMap((character) => [character, `${"x".repeat(40)}${character}y`]);
    const events: RunEvent[] = texts.map((result) => ({ type: "CapResult", capability: "fs.read", result }));
    const lines = eventLines(recordEvents(events, { inlineBytes: Number.MAX_SAFE_INTEGER }).bytes());
    expect(events.map((event, i) => recordBytes(event, i + 1))).toEqual(lines.map((line) => lineBytes([line])));
  });

  test("is the same with and without a log, on every engine, and in a replay", async () => {
    const whole = await recorded(EVERYTHING);
    expect(whole.run.outcome).toBe("success");
    const max_log_bytes = recordedBytes(whole);
    for (const engine of ENGINES) {
      const under = await recorded(EVERYTHING, { engine, limits: { max_log_bytes } });
      expect(under.run.outcome).toBe("success");
      const limits = { max_log_bytes: max_log_bytes - 1 };
      const over = await recorded(EVERYTHING, { engine, limits });
      const { steps, events, error } = over.run.result;
      expect(over.run).toMatchObject({ outcome: "limit_exceeded", error: { kind: "log_limit", limit: "log" } });
      expect(recordedBytes(over)).toBeLessThan(max_log_bytes);
      const unrecorded = await executeProgram(EVERYTHING, { policy: ALLOW_ALL, runId: "r", engine, limits });
      expect(unrecorded).toMatchObject({ outcome: "limit_exceeded", steps, events, error: { message: error?.message } });
      for (const replayEngine of ENGINES) {
        expect(await replayed(over, over.bytes, { engine: replayEngine })).toMatchObject({
          status: "identical",
          result: { steps, events },
        });
      }
    }
  });

  test("stops a run at any event, and each such log replays", async () => {
    const sizes = eventLines((await recorded(EVERYTHING)).bytes).map((line) => lineBytes([line]));
    for (const at of sizes.keys()) {
      const before = sizes.slice(0, at).reduce((sum, size) => sum + size, 0);
      const stopped = await recorded(EVERYTHING, { limits: { max_log_bytes: Math.max(1, before) } });
      expect(stopped.run.error?.kind).toBe("log_limit");
      // At most one call, the last one, has no answer, because the run was stopped before it came.
      const { calls } = logOf(stopped);
      expect(calls.open).toBeLessThanOrEqual(1);
      expect(await replayed(stopped)).toMatchObject({ status: "identical", notes: [] });
    }
  });

  test("has its limit in the header", async () => {
    const stopped = await recorded(EVERYTHING, { limits: { max_log_bytes: 1_000 } });
    const header = new TextDecoder().decode(stopped.bytes).split("\n")[0] ?? "";
    expect(header).toContain('"max_log_bytes":1000,');
  });
});

describe("the steps charged for logging", () => {
  const stepsOf = async (text: string, options: Partial<ExecuteOptions> = {}): Promise<number> =>
    (await executeProgram(programOf(text), { policy: ALLOW_ALL, runId: "r", ...options })).steps;
  const older = { limits: { max_log_bytes: LOG_NOT_CHARGED } };

  test.each([
    ["a short label", guardsProgram(10, 50), 0],
    ["a label", guardsProgram(10, 1_000), 10 * Math.floor((4 * ("main".length + 1_000)) / 256)],
    ["a function's name", `fn ${"f".repeat(200)}(n: Int) -> Int requires n > 0 { n }\nfn main() -> Int { ${"f".repeat(200)}(1) }`, 3],
    ["an argument and the mock's answer, which repeats it", 'fn main() -> String !{fs.read} { fs.read(string.repeat("x", 640)) }', 20],
    [
      "a short message",
      'fn w() -> Unit { let _m: String = receive\n () }\nfn main() -> Int !{actor.spawn, actor.send} { send (spawn w) "hi"\n 1 }',
      0,
    ],
  ])("%s", async (_, text, extra) => {
    expect((await stepsOf(text)) - (await stepsOf(text, older))).toBe(extra);
    expect(await stepsOf(text, { engine: "interpreter" })).toBe(await stepsOf(text));
  });
});

/** After this time, a run lets the event loop run other code. */
const TURN_MS = 50;

/** Runs a program, and cancels it at its first event or right after it. */
async function interrupted(text: string, on: "at once" | "in a turn"): Promise<{ result: RunResult; events: number }> {
  const abort = new AbortController();
  let now = 0;
  let events = 0;
  const append = (): undefined => {
    events += 1;
    now += TURN_MS;
    if (events === 1 && on === "at once") abort.abort();
    if (events === 1 && on === "in a turn") setImmediate(() => abort.abort());
    return undefined;
  };
  const options = { policy: ALLOW_ALL, runId: "r", signal: abort.signal, clock: () => now, sink: { append } };
  return { result: await executeProgram(programOf(text), options), events };
}

describe("logging is interruptible", () => {
  const SENDS = `fn w() -> Unit { let _m: String = receive
 () }
fn main() -> Int !{actor.spawn, actor.send} { let a = spawn w
 let text = string.repeat("x", 10)
 let mut n = 0
 while n < 40 { send a text
 n = n + 1 }
 n }`;

  test("a stop is noticed at the event during which it came", async () => {
    const { result, events } = await interrupted(guardsProgram(1_000, 10), "at once");
    expect(result.outcome).toBe("canceled");
    expect(events).toBe(1);
  });

  test("a wall-clock limit is noticed at the next event", async () => {
    let now = 0;
    let events = 0;
    const sink = { append: (): undefined => void ((events += 1), (now += 400)) };
    const options = { policy: ALLOW_ALL, runId: "r", clock: () => now, sink, limits: { max_wall_ms: 1_000 } };
    expect((await executeProgram(programOf(guardsProgram(1_000, 10)), options)).outcome).toBe("timeout");
    expect(events).toBe(3);
  });

  test("a signal is seen between long labels", async () => {
    const { result, events } = await interrupted(guardsProgram(50, 1_000_000), "in a turn");
    expect(result.outcome).toBe("canceled");
    expect(events).toBeLessThan(10);
  });

  test("a signal is seen between two messages of one delivery", async () => {
    const { result, events } = await interrupted(SENDS, "in a turn");
    expect(result.outcome).toBe("canceled");
    expect(events).toBeLessThan(10);
  });

  test("a run that was stopped between two messages replays", async () => {
    const abort = new AbortController();
    let events = 0;
    const on = { eventAppended: () => ((events += 1) === 12 ? abort.abort() : undefined) };
    const run = await recorded(programOf(SENDS), { signal: abort.signal, on });
    expect(run.run).toMatchObject({ outcome: "canceled", result: { events: 12 } });
    expect(await replayed(run)).toMatchObject({ status: "identical", events: { recorded: 12, compared: 12 } });
  });
});
