/** Remainders and quotients of Ints beyond 32 bits, and of products that are too large for a safe Int. Compiled code computes the latter without the product. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../../cases.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const SOURCE = `fn main(a: Int, b: Int, c: Int, m: Int) -> List<Int> {
    let mut results: List<Int> = []
    for i in 0..3 {
        results = list.push(results, a * (b + i) % m)
        results = list.push(results, (a * (b + i) + c) % m)
        results = list.push(results, (a + i) % m)
        results = list.push(results, (a + i) % 10)
        results = list.push(results, (a + i) / m)
        results = list.push(results, (a + i) / 10)
        results = list.push(results, (a + i) / -1)
    }
    results
}
`;
/** Small numbers, large ones, and numbers close to the powers of 2 at which the forms of numbers change. */
const numbers = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.maxSafeInteger(),
  // Factors and divisors whose products are below 2 ** 63.
  fc.nat(2 ** 31),
  fc.nat(2 ** 32),
  fc.tuple(fc.integer({ min: 10, max: 52 }), fc.integer({ min: -2, max: 2 }), fc.boolean()).map(([bits, more, negative]) => {
    const value = 2 ** bits + more;
    return negative ? -value : value;
  }),
);

test("remainders and quotients are the same on both engines", () => {
  const program = verifyModule(compile({ name: "main.ax", text: SOURCE }).module);
  fc.assert(
    fc.property(numbers, numbers, numbers, numbers, (...args) => {
      const { end } = sameOnBoth(program, { args });
      const [a, b, c, m] = args.map(BigInt);
      if (a === undefined || b === undefined || c === undefined || m === undefined || !end.startsWith("value")) return;
      const expected = [0n, 1n, 2n].flatMap((i) => [
        (a * (b + i)) % m,
        (a * (b + i) + c) % m,
        (a + i) % m,
        (a + i) % 10n,
        (a + i) / m,
        (a + i) / 10n,
        -a - i,
      ]);
      const text = expected.map((n) => (n >= -(2n ** 53n) && n <= 2n ** 53n ? String(n) : "?"));
      for (const n of text) if (n !== "?") expect(end).toContain(n);
    }),
    { numRuns: scaledRuns(3_000) },
  );
  expect(countsOf(program).entered).toBeGreaterThan(0);
});
