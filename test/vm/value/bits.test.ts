import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  andInts,
  floorModInts,
  gcdInts,
  notInt,
  orInts,
  shiftLeft,
  shiftRight,
  wrappingAdd,
  wrappingMul,
  wrappingSub,
  xorInts,
} from "../../../vm/value/bits.ts";
import { I64_MAX, I64_MIN, intFromBigInt } from "../../../vm/value/value.ts";

/** All 64-bit integers, with the bounds of 32-bit, safe and 64-bit integers. */
const anyInt = fc.oneof(
  fc.bigInt({ min: I64_MIN, max: I64_MAX }),
  fc.constantFrom(0n, 1n, -1n, I64_MIN, I64_MAX, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 2n ** 31n, 2n ** 31n - 1n, -(2n ** 31n)),
  fc.bigInt({ min: -1000n, max: 1000n }),
);
const wrapTo64 = (value: bigint): bigint => BigInt.asIntN(64, value);

describe("agrees with BigInt over all 64-bit integers, in canonical form", () => {
  test.each([
    ["and", andInts, (a: bigint, b: bigint) => a & b],
    ["or", orInts, (a: bigint, b: bigint) => a | b],
    ["xor", xorInts, (a: bigint, b: bigint) => a ^ b],
    ["not", notInt, (a: bigint) => ~a],
    ["wrapping addition", wrappingAdd, (a: bigint, b: bigint) => wrapTo64(a + b)],
    ["wrapping subtraction", wrappingSub, (a: bigint, b: bigint) => wrapTo64(a - b)],
    ["wrapping multiplication", wrappingMul, (a: bigint, b: bigint) => wrapTo64(a * b)],
  ] as const)("%s", (_, ours, exact) => {
    fc.assert(
      fc.property(anyInt, anyInt, (a, b) => {
        expect(ours(intFromBigInt(a), intFromBigInt(b))).toBe(intFromBigInt(exact(a, b)));
      }),
    );
  });

  test("shifts", () => {
    fc.assert(
      fc.property(anyInt, fc.nat(63), (a, bits) => {
        expect(shiftLeft(intFromBigInt(a), bits)).toBe(intFromBigInt(wrapTo64(a << BigInt(bits))));
        expect(shiftRight(intFromBigInt(a), bits)).toBe(intFromBigInt(a >> BigInt(bits)));
      }),
    );
  });

  test("the remainder of division rounded down", () => {
    fc.assert(
      fc.property(
        anyInt,
        anyInt.filter((b) => b !== 0n),
        (a, b) => {
          expect(floorModInts(intFromBigInt(a), intFromBigInt(b))).toBe(intFromBigInt(((a % b) + b) % b));
        },
      ),
    );
  });

  test("the greatest common divisor divides both numbers, and what is left has none", () => {
    fc.assert(
      fc.property(
        anyInt,
        anyInt.filter((b) => b !== 0n && b !== I64_MIN),
        (a, b) => {
          const divisor = BigInt(gcdInts(intFromBigInt(a), intFromBigInt(b)));
          expect(divisor).toBeGreaterThan(0n);
          expect([a % divisor, b % divisor]).toEqual([0n, 0n]);
          expect(gcdInts(intFromBigInt(a / divisor), intFromBigInt(b / divisor))).toBe(1);
        },
      ),
    );
  });
});
