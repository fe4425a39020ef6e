/** Tests of the search for a simpler failing run. */
import { expect, test } from "vitest";
import type { Script } from "../../simulate/choices.ts";
import { shrink } from "../../simulate/shrink.ts";

/** Shrinks a script. A run fails if the choices in its script sum to at least `minSum`. Returns what was tried, and the result. */
async function shrinkSum(script: Script, minSum: number): Promise<{ readonly tried: readonly string[]; readonly best: Script }> {
  const tried: string[] = [];
  const first = { isSame: true, steps: 1, script, calls: script.length - 1 };
  const best = await shrink(
    first,
    async (next) => {
      tried.push(JSON.stringify(next));
      const isSame = next.flat().reduce((sum, choice) => sum + choice, 0) >= minSum;
      return { isSame, steps: 1, script: next, calls: script.length - 1 };
    },
    () => false,
  );
  return { tried, best: best.script };
}

test("no script is tried twice", async () => {
  const script = [[], [3, 1], [], [], [2], [], [4, 4], [], []];
  const { tried, best } = await shrinkSum(script, 4);
  expect(best.flat()).toEqual([4]);
  expect(new Set(tried).size).toBe(tried.length);
  expect(tried).not.toContain(JSON.stringify(script));
});
