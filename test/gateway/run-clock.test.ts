import { expect, test, vi } from "vitest";
import { RunClock } from "../../gateway/run-clock.ts";

const clock = (): RunClock => new RunClock(0, () => 0);

test.each(["before", "after"] as const)("a run that stops twice: signals read %s that have the first reason", (when) => {
  const run = clock();
  const early = when === "before" ? [run.signal, run.callSignal] : [];
  run.stop("canceled");
  run.stop("timeout");
  run.end();
  for (const signal of [...early, run.signal, run.callSignal]) expect([signal.aborted, signal.reason]).toEqual([true, "canceled"]);
});

test.each(["before", "after"] as const)("the end of a run aborts the signal of calls, read %s the end, but not the run's own", (when) => {
  const run = clock();
  const early = when === "before" ? [run.callSignal] : [];
  run.end();
  for (const signal of [...early, run.callSignal]) expect([signal.aborted, signal.reason]).toEqual([true, "ended"]);
  expect(run.signal.aborted).toBe(false);
});

test("a limit beyond the longest delay of a timer stops the run at the limit, not before", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const limit = 2 ** 31 + 10_000;
    let now = 0;
    const run = new RunClock(limit, () => now);
    const { signal } = run;
    const ended = run.watch(undefined, () => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
    const advance = async (ms: number): Promise<void> => {
      now += ms;
      await vi.advanceTimersByTimeAsync(ms);
    };
    await advance(limit - 1);
    expect(signal.aborted).toBe(false);
    await advance(1);
    expect([signal.aborted, signal.reason]).toEqual([true, "timeout"]);
    await ended;
  } finally {
    vi.useRealTimers();
  }
});
