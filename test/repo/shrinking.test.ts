/** A failing property is reported soon, even if its cases take long to shrink. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SHRINKING_MS } from "../bounded-shrinking.ts";

const LISTS = fc.array(fc.integer(), { minLength: 200, maxLength: 400 });

// Each case takes a second of this clock.
let seconds = 0;
const fails = (): boolean => {
  seconds += 1;
  return false;
};

beforeEach(() => {
  seconds = 0;
  vi.spyOn(performance, "now").mockImplementation(() => seconds * 1000);
});
afterEach(() => {
  vi.restoreAllMocks();
});

test("shrinking stops at the bound, and the report leads to the smallest case found", () => {
  const details = fc.check(fc.property(LISTS, fails), { seed: 1 });
  expect(details).toMatchObject({ failed: true, interrupted: true });
  expect(details.numShrinks).toBeGreaterThan(0);
  expect(seconds * 1000).toBe(1000 + SHRINKING_MS);
  const { seed, counterexample, counterexamplePath } = details;
  const again = fc.check(fc.property(LISTS, fails), { seed, path: counterexamplePath ?? "", endOnFailure: true });
  expect(again.counterexample).toEqual(counterexample);
  expect(() => fc.assert(fc.property(LISTS, fails), { seed: 1 })).toThrow(/seed: 1, path: "[\d:]+"/);
});

test("the same for a property of promises", async () => {
  const details = await fc.check(
    fc.asyncProperty(LISTS, async () => fails()),
    { seed: 1 },
  );
  expect(details).toMatchObject({ failed: true, interrupted: true });
  expect(seconds * 1000).toBe(1000 + SHRINKING_MS);
});

test("cases that pass, or that a precondition skips, have no bound", () => {
  const property = fc.property(fc.nat(), (n) => {
    seconds += 1;
    fc.pre(n % 2 === 0);
  });
  expect(fc.check(property, { numRuns: 500, maxSkipsPerRun: 1000 })).toMatchObject({ failed: false, numRuns: 500 });
});
