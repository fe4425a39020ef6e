/** The simulation finds and shrinks every planted bug, and no run of a corrected program fails. */
import { describe, expect, test } from "vitest";
import { simulate } from "../../simulate/simulate.ts";
import { scaledRuns, someOf } from "../cases.ts";
import { PLANTED } from "./planted.ts";

const RUNS = 10_000;
const SEEDS = Array.from({ length: scaledRuns(50) }, (_, i) => i + 1);

test("there are more than twenty planted bugs", () => {
  expect(PLANTED.length).toBeGreaterThan(20);
  expect(new Set(PLANTED.map(({ finds }) => finds)).size).toBeGreaterThan(6);
});

describe.each(someOf(PLANTED))("$name", ({ finds, wrong, fixed, options }) => {
  test.each(SEEDS)("is found by seed %s, and shrunk to at most three answers", async (seed) => {
    const { failure } = await simulate(wrong, { ...options, seed, runs: RUNS });
    expect(failure?.kind).toBe(finds);
    expect(failure?.chosenAnswers).toBeLessThanOrEqual(3);
  });

  test("no run fails after it is corrected", async () => {
    const { failure, runs } = await simulate(fixed, { ...options, seed: 1, runs: scaledRuns(RUNS) });
    expect(failure).toBeUndefined();
    expect(runs).toBe(scaledRuns(RUNS));
  });
});
