import { expect, test } from "vitest";
import { startDeadline } from "../../gateway/deadline.ts";

const abortReason = (signal: AbortSignal): Promise<unknown> =>
  new Promise((done) => signal.addEventListener("abort", () => done(signal.reason)));

test("aborts when the time is up", async () => {
  const limit = startDeadline(new AbortController().signal, 1);
  expect(await abortReason(limit.signal)).toEqual(new Error("no answer within 1 ms"));
  expect(limit.isOver()).toBe(true);
});

test("passes on the reason if the run aborts first", () => {
  const run = new AbortController();
  const limit = startDeadline(run.signal, 60_000);
  run.abort("canceled");
  expect([limit.signal.reason, limit.isOver()]).toEqual(["canceled", false]);
  limit.end();
});

test("an aborted run gets an aborted signal at once, and 0 ms means no limit", () => {
  expect(startDeadline(AbortSignal.abort("timeout"), 0).signal.reason).toBe("timeout");
  expect(startDeadline(new AbortController().signal, 0).signal.aborted).toBe(false);
});

test("ignores the run's signal after end()", () => {
  const run = new AbortController();
  const limit = startDeadline(run.signal, 60_000);
  limit.end();
  run.abort();
  expect(limit.signal.aborted).toBe(false);
});
