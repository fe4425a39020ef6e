import { expect, test } from "vitest";
import { deadline } from "../../gateway/deadline.ts";

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((done) => signal.addEventListener("abort", () => done(signal.reason)));

test("the time is over", async () => {
  const limit = deadline(new AbortController().signal, 1);
  expect(await aborted(limit.signal)).toEqual(new Error("no answer within 1 ms"));
  expect(limit.isOver()).toBe(true);
});

test("the run ends first, with its own reason", () => {
  const run = new AbortController();
  const limit = deadline(run.signal, 60_000);
  run.abort("canceled");
  expect([limit.signal.reason, limit.isOver()]).toEqual(["canceled", false]);
  limit.end();
});

test("a run that has ended already, and no limit", () => {
  expect(deadline(AbortSignal.abort("timeout"), 0).signal.reason).toBe("timeout");
  expect(deadline(new AbortController().signal, 0).signal.aborted).toBe(false);
});

test("after its end the run's signal reaches nothing", () => {
  const run = new AbortController();
  const limit = deadline(run.signal, 60_000);
  limit.end();
  run.abort();
  expect(limit.signal.aborted).toBe(false);
});
