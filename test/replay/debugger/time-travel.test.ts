/** Every place of a run shows the same state, whether the debugger comes to it forward or back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryOverlap, worldOf } from "../../arbitrary-overlap.ts";
import { arbitraryProgram } from "../../arbitrary-program.ts";
import { arbitraryUpdatesWithCalls } from "../../arbitrary-updates.ts";
import { cases } from "../../cases.ts";
import { recorded } from "../recorded.ts";
import { debuggerOf, programOf, walk } from "./visited.ts";

const LIMITS = { max_steps: 3_000 };
/** Few bytes and short intervals, so that snapshots are dropped and taken again. */
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
  // The calls are the same in both directions.
  await debug.move("start");
  const [, ...calls] = await walk(debug, "call");
  if (debug.at !== undefined) return;
  expect((await walk(debug, "back-call")).toReversed().slice(-calls.length)).toEqual(calls);
}

test("walks through generated programs with overlapping calls in actors and branches are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, options, async (source, debugOptions) => checkWalks(source, debugOptions)),
    { endOnFailure: true, numRuns: cases(200) },
  );
});

test("walks through generated programs of all forms are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, options, async (source, debugOptions) => checkWalks(source, debugOptions)),
    { endOnFailure: true, numRuns: cases(200) },
  );
});

test("walks through generated programs that change values in place are the same forward and back", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryUpdatesWithCalls, options, async ({ text }, debugOptions) => checkWalks(text, debugOptions)),
    { endOnFailure: true, numRuns: cases(100) },
  );
});
