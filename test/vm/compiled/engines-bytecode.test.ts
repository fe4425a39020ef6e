/** Random bytecode that our compiler never writes, on both engines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns, DEEP } from "../../cases.ts";
import { fixedSample } from "../../choices.ts";
import { arbitraryArguments, arbitraryModule } from "../arbitrary-bytecode.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const LIMITS = { max_steps: 2_000, max_alloc_bytes: 1_000_000, max_call_depth: 40 };

test("verified modules run the same on both engines, whatever the limits", () => {
  fc.assert(
    fc.property(arbitraryModule, arbitraryArguments, arbitraryArguments, fc.nat(), fc.nat(), (module, args, otherArgs, some, few) => {
      const program = verifyModule(module);
      const whole = sameOnBoth(program, { limits: LIMITS, args });
      const fewer = { ...LIMITS, max_steps: 1 + (some % whole.steps) };
      sameOnBoth(program, { limits: fewer, args });
      sameOnBoth(program, { limits: { ...LIMITS, max_alloc_bytes: few % (whole.allocBytes + 1), max_steps: 50 + (some % 4_000) }, args });
      // The arguments have other kinds than those that the code was compiled for. With `actors`, the scheduler cuts the run into slices.
      sameOnBoth(program, { limits: { ...LIMITS, max_steps: 5_000, max_call_depth: 1 + (few % 50) }, args: otherArgs, actors: true });
      sameOnBoth(program, { limits: LIMITS, args });
    }),
    { numRuns: scaledRuns(2_400) },
  );
});

test.runIf(DEEP)("the generator makes modules that complete, that trap, that are compiled, and that are not statically stacked", () => {
  const runs = fixedSample(fc.tuple(arbitraryModule, arbitraryArguments), 500).map(([module, args]) => {
    const program = verifyModule(module);
    const { end } = sameOnBoth(program, { limits: LIMITS, args });
    return { program, end, counts: countsOf(program) };
  });
  for (const end of ["value", "step_limit", "stack_overflow", "type_error", "match_exhausted", "index_out_of_bounds"])
    expect(
      runs.some((run) => run.end.includes(end)),
      end,
    ).toBe(true);
  expect(runs.some(({ program }) => program.functions.some((fn) => !fn.staticallyStacked))).toBe(true);
  expect(runs.some(({ counts }) => counts.entered > counts.deoptimized)).toBe(true);
  expect(runs.some(({ counts }) => counts.deoptimized > 0)).toBe(true);
});

test("every step limit and many allocation limits stop both engines at the same place", () => {
  fc.assert(
    fc.property(arbitraryModule, arbitraryArguments, (module, args) => {
      const program = verifyModule(module);
      const whole = sameOnBoth(program, { limits: { ...LIMITS, max_steps: 150 }, args });
      for (let max_steps = 1; max_steps <= whole.steps; max_steps++) sameOnBoth(program, { limits: { ...LIMITS, max_steps }, args });
      const stride = 1 + Math.floor(whole.allocBytes / 40);
      for (let max_alloc_bytes = 0; max_alloc_bytes <= whole.allocBytes; max_alloc_bytes += stride)
        sameOnBoth(program, { limits: { ...LIMITS, max_steps: 150, max_alloc_bytes }, args });
    }),
    { numRuns: scaledRuns(240) },
  );
});
