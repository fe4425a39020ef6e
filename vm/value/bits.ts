/**
 * Bit operations, wrapping arithmetic and divisors of 64-bit Ints in two's complement. Operands and results are Ints in
 * their canonical form (see `value.ts`).
 */
import { addInts, negateInt, remainderInts, subtractInts } from "./arithmetic.ts";
import { intFromBigInt, type IntValue } from "./value.ts";

/** Returns whether JavaScript's 32-bit operators are exact for the number. */
const hasInt32 = (value: IntValue): value is number => typeof value === "number" && (value | 0) === value;

/** Reduces a number modulo 2^64 to an Int. */
const wrap = (value: bigint): IntValue => intFromBigInt(BigInt.asIntN(64, value));

export const andInts = (a: IntValue, b: IntValue): IntValue => (hasInt32(a) && hasInt32(b) ? a & b : intFromBigInt(BigInt(a) & BigInt(b)));

export const orInts = (a: IntValue, b: IntValue): IntValue => (hasInt32(a) && hasInt32(b) ? a | b : intFromBigInt(BigInt(a) | BigInt(b)));

export const xorInts = (a: IntValue, b: IntValue): IntValue => (hasInt32(a) && hasInt32(b) ? a ^ b : intFromBigInt(BigInt(a) ^ BigInt(b)));

export const notInt = (a: IntValue): IntValue => subtractInts(-1, a);

/** Shifts by 0 to 63 bits. Bits beyond 64 are lost. */
export function shiftLeft(a: IntValue, bits: number): IntValue {
  const product = typeof a === "number" ? a * 2 ** bits : Number.POSITIVE_INFINITY;
  return Number.isSafeInteger(product) ? product : wrap(BigInt(a) << BigInt(bits));
}

/** Shifts by 0 to 63 bits and keeps the sign. */
export function shiftRight(a: IntValue, bits: number): IntValue {
  return typeof a === "number" ? Math.floor(a / 2 ** bits) : intFromBigInt(a >> BigInt(bits));
}

export function wrappingAdd(a: IntValue, b: IntValue): IntValue {
  const sum = typeof a === "number" && typeof b === "number" ? a + b : Number.POSITIVE_INFINITY;
  return Number.isSafeInteger(sum) ? sum : wrap(BigInt(a) + BigInt(b));
}

export function wrappingSub(a: IntValue, b: IntValue): IntValue {
  const difference = typeof a === "number" && typeof b === "number" ? a - b : Number.POSITIVE_INFINITY;
  return Number.isSafeInteger(difference) ? difference : wrap(BigInt(a) - BigInt(b));
}

export function wrappingMul(a: IntValue, b: IntValue): IntValue {
  const product = typeof a === "number" && typeof b === "number" ? a * b : Number.POSITIVE_INFINITY;
  // Adding 0 turns -0 into 0.
  return Number.isSafeInteger(product) ? product + 0 : wrap(BigInt(a) * BigInt(b));
}

/** Returns the remainder of division rounded down, which has the sign of `b`. Traps if `b` is 0. */
export function floorModInts(a: IntValue, b: IntValue): IntValue {
  const remainder = remainderInts(a, b);
  return remainder !== 0 && remainder < 0 !== b < 0 ? addInts(remainder, b) : remainder;
}

/** Returns the greatest common divisor, which is not negative. Traps with arithmetic_overflow if it is 2^63. */
export function gcdInts(a: IntValue, b: IntValue): IntValue {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, remainderInts(x, y)];
  return x < 0 ? negateInt(x) : x;
}
