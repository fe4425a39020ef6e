/** The observer `callProgress` sees parts of an answer before the answer is complete, and changes nothing. */
import { describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { Handler } from "../../gateway/handlers.ts";
import type { CallProgress, Observers } from "../../gateway/observers.ts";
import { type MemoryRecorder, memoryRecorder, type Recorder } from "../../replay/log/recorder.ts";
import type { RunDescription } from "../../replay/log/run-description.ts";
import { execute } from "../../runtime/execute.ts";

const program = compile({
  name: "ask.ax",
  text: 'fn main() -> Json !{llm.call, time.now} { let now = time.now()\n llm.call("SENTINEL") }',
});

async function run(handler: Handler, on: Observers = {}) {
  const recorders: MemoryRecorder[] = [];
  const record = (description: RunDescription): Recorder => {
    const recorder = memoryRecorder(description);
    recorders.push(recorder);
    return recorder;
  };
  const execution = await execute(program, { policy: "allow-all", handlers: { "llm.call": handler }, runId: "r", record, on });
  return { execution, log: recorders.map((recorder) => new TextDecoder().decode(recorder.bytes())).join("") };
}

/** Reports its answer in two pieces. */
const telling: Handler = async (_, { onProgress }) => {
  onProgress?.("Par");
  await Promise.resolve();
  onProgress?.("is");
  return { text: "Paris" };
};

describe("callProgress", () => {
  test("receives the parts in order, with the number of the call", async () => {
    const seen: CallProgress[] = [];
    await run(telling, { callProgress: (progress) => void seen.push(progress) });
    expect(seen).toEqual([
      { call: 2, capability: "llm.call", text: "Par" },
      { call: 2, capability: "llm.call", text: "is" },
    ]);
  });

  test("a handler sees whether anything observes it", async () => {
    const has: boolean[] = [];
    const handler: Handler = (_, { onProgress }) => (has.push(onProgress !== undefined), {});
    await run(handler);
    await run(handler, { callEnd: () => undefined });
    await run(handler, { callProgress: () => undefined });
    expect(has).toEqual([false, false, true]);
  });

  test("parts that come after the call, and parts that are no text, are dropped", async () => {
    const seen: unknown[] = [];
    let late: ((text: string) => void) | undefined;
    const handler: Handler = (_, { onProgress }) => {
      late = onProgress;
      for (const part of [5, null, undefined, {}, Symbol("x")]) Reflect.apply(onProgress ?? (() => undefined), undefined, [part]);
      return {};
    };
    const { execution } = await run(handler, { callProgress: (progress) => void seen.push(progress) });
    late?.("late");
    expect([execution.outcome, seen]).toEqual(["success", []]);
  });

  test.each<[string, NonNullable<Observers["callProgress"]>]>([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    [
      "rejects",
      async () => {
        throw new Error("broken");
      },
    ],
  ])("an observer that %s is reported once and changes neither result nor log", async (_, callProgress) => {
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const plain = await run(telling);
    const observed = await run(telling, { callProgress });
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.mock.calls.map(([text]) => text)).toEqual(["boruna: an observer failed: broken\n"]);
    written.mockRestore();
    expect(observed.execution.value).toEqual(plain.execution.value);
    expect(observed.execution.steps).toBe(plain.execution.steps);
    expect(observed.log).toBe(plain.log);
    expect(observed.log).toContain("Paris");
  });
});
