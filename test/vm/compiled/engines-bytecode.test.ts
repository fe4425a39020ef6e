/** Random bytecode that our compiler never writes, on both engines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { cases, DEEP } from "../../cases.ts";
import { arbitraryArguments, arbitraryModule } from "../arbitrary-bytecode.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const LIMITS = { max_steps: 2_000, max_alloc_bytes: 1_000_000, max_call_depth: 40 };

test("verified modules run the same on both engines, whatever the limits", () => {
  const ends = new Map<string, number>();
  const counts = { entered: 0, deoptimized: 0 };
  let irregular = 0;
  fc.assert(
    fc.property(arbitraryModule, arbitraryArguments, arbitraryArguments, fc.nat(), fc.nat(), (module, args, otherArgs, some, few) => {
      const program = verifyModule(module);
      const whole = sameOnBoth(program, { limits: LIMITS, args });
      const fewer = { ...LIMITS, max_steps: 1 + (some % whole.steps) };
      sameOnBoth(program, { limits: fewer, args });
      sameOnBoth(program, { limits: { ...LIMITS, max_alloc_bytes: few % (whole.allocBytes + 1), max_steps: 50 + (some % 4_000) }, args });
      // The code was compiled for arguments of other kinds; and the scheduler cuts the run into slices.
      sameOnBoth(program, { limits: { ...LIMITS, max_steps: 5_000, max_call_depth: 1 + (few % 50) }, args: otherArgs, actors: true });
      sameOnBoth(program, { limits: LIMITS, args });
      const end = /^value|"kind":"(\w+)"/.exec(whole.end);
      const key = end?.[1] ?? "value";
      ends.set(key, (ends.get(key) ?? 0) + 1);
      counts.entered += countsOf(program).entered;
      counts.deoptimized += countsOf(program).deoptimized;
      irregular += program.functions.filter((f) => !f.staticallyStacked).length;
    }),
    { numRuns: cases(2_400) },
  );
  const total = [...ends.values()].reduce((a, b) => a + b, 0);
  // The generator is useful only if many modules run to the end and all kinds of traps occur. A few modules do not show that.
  if (!DEEP) return;
  expect((ends.get("value") ?? 0) / total).toBeGreaterThan(0.3);
  expect(ends.size).toBeGreaterThan(8);
  expect(irregular).toBeGreaterThan(0);
  expect(counts.entered / total).toBeGreaterThan(1);
  expect(counts.entered - counts.deoptimized).toBeGreaterThan(total);
}, 600_000);

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
    { numRuns: cases(240) },
  );
}, 600_000);
