/** The debugger shows the same state at a place of a run, whether it moves there forward or back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryOverlap, worldOf } from "../../arbitrary-overlap.ts";
import { arbitraryProgram } from "../../arbitrary-program.ts";
import { arbitraryUpdatesWithCalls } from "../../arbitrary-updates.ts";
import { scaledRuns, DEEP } from "../../cases.ts";
import type { Stop } from "../../../replay/debugger/timeline.ts";
import { recorded } from "../recorded.ts";
import { debuggerOf, programOf, walk } from "./visited.ts";

/** A walk compares the state at each place, so long runs take long. */
const LIMITS = { max_steps: DEEP ? 3_000 : 500 };
/** Few bytes and short intervals, so that the debugger drops snapshots and takes them again. */
const options = fc.record({ maxBytes: fc.constantFrom(0, 20_000, 1_000_000), interval: fc.constantFrom(5, 20, 300) });

async function checkWalks(source: string, debugOptions: { readonly maxBytes: number; readonly interval: number }): Promise<void> {
  const recording = await recorded(programOf(source), { handlers: worldOf(undefined).handlers, limits: LIMITS });
  const debug = await debuggerOf(recording, debugOptions);
  const forward = await walk(debug, "in");
  const back = await walk(debug, "back");
  expect(back.toReversed()).toEqual(forward);
  await debug.move("end");
  const { steps, allocBytes } = recording.run;
  expect(debug.progress()).toMatchObject({ step: steps, allocBytes });
  // The debugger stops at the same calls in both directions.
  await debug.move("start");
  const [, ...calls] = await walk(debug, "call");
  if (debug.currentStop !== undefined) return;
  expect((await walk(debug, "back-call")).toReversed().slice(-calls.length)).toEqual(calls);
}

/** Walks by single steps, then checks at each place that `over` and `out` stop where that walk says. Snapshots make no difference. */
async function checkSteps(source: string, debugOptions: { readonly maxBytes: number; readonly interval: number }): Promise<void> {
  const recording = await recorded(programOf(source), { handlers: worldOf(undefined).handlers, limits: LIMITS });
  const single = await debuggerOf(recording, { interval: 100_000 });
  const places: { readonly at: Stop; readonly tasks: ReadonlySet<number> }[] = [];
  for (; single.currentStop !== undefined && places.length < 60; await single.move("in"))
    places.push({
      at: single.currentStop,
      tasks: new Set(single.tasks().flatMap(({ id, status }) => (status === "completed" ? [] : [id]))),
    });
  const debug = await debuggerOf(recording, debugOptions);
  for (const [i, { at: from }] of places.entries()) {
    for (const [move, isDeep] of [
      ["over", 0],
      ["out", 1],
    ] as const) {
      const next = places
        .slice(i + 1)
        .find(({ at, tasks }) => (at.task === from.task ? at.depth + isDeep <= from.depth : !tasks.has(from.task)));
      // The walk may have ended before that stop.
      if (next === undefined && single.currentStop !== undefined) continue;
      await debug.move(move);
      expect([move, from.step, debug.currentStop?.step]).toEqual([move, from.step, next?.at.step]);
      while (debug.currentStop?.step !== from.step) await debug.move("back");
    }
    await debug.move("in");
  }
}

test("over and out stop where single steps do, also where a task ends at a snapshot", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, options, async (source, debugOptions) => checkSteps(source, debugOptions)),
    { endOnFailure: true, numRuns: scaledRuns(60) },
  );
});

test("walks through generated programs with overlapping calls in actors and branches are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, options, async (source, debugOptions) => checkWalks(source, debugOptions)),
    { endOnFailure: true, numRuns: scaledRuns(80) },
  );
});

test("walks through generated programs of all forms are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, options, async (source, debugOptions) => checkWalks(source, debugOptions)),
    { endOnFailure: true, numRuns: scaledRuns(80) },
  );
});

test("walks through generated programs that change values in place are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryUpdatesWithCalls, options, async ({ text }, debugOptions) => checkWalks(text, debugOptions)),
    { endOnFailure: true, numRuns: scaledRuns(60) },
  );
});
