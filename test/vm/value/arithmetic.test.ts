import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addInts,
  arithmetic,
  divideFloats,
  divideInts,
  intFromNumber,
  multiplyInts,
  negate,
  negateInt,
  parseInt64,
  powInts,
  remainderInts,
  subtractInts,
} from "../../../vm/value/arithmetic.ts";
import { MachineTrap } from "../../../vm/meter.ts";
import { FloatValue, I64_MAX, I64_MIN, intFromBigInt, type IntValue, type Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";

/** All 64-bit integers, with the bounds of both forms. */
const anyInt = fc.oneof(
  fc.bigInt({ min: I64_MIN, max: I64_MAX }),
  fc.constantFrom(0n, 1n, -1n, I64_MIN, I64_MAX, 2n ** 53n, 2n ** 53n - 1n, -(2n ** 53n), 1n - 2n ** 53n, 2n ** 31n, 3037000500n),
  fc.bigInt({ min: -1000n, max: 1000n }),
);

const inRange = (value: bigint): boolean => value >= I64_MIN && value <= I64_MAX;
const isCanonical = (value: IntValue): boolean =>
  typeof value === "number" ? Number.isSafeInteger(value) && !Object.is(value, -0) : typeof intFromBigInt(value) === "bigint";

function trapKind(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof MachineTrap) return error.kind;
    throw error;
  }
  return "none";
}

const operations = [
  ["addition", addInts, (a: bigint, b: bigint) => a + b],
  ["subtraction", subtractInts, (a: bigint, b: bigint) => a - b],
  ["multiplication", multiplyInts, (a: bigint, b: bigint) => a * b],
  ["division", divideInts, (a: bigint, b: bigint) => a / b],
  ["remainder", remainderInts, (a: bigint, b: bigint) => a % b],
] as const;

describe("Int arithmetic agrees with BigInt over all 64-bit integers", () => {
  test.each(operations)("%s", (name, ours, exact) => {
    fc.assert(
      fc.property(anyInt, anyInt, (a, b) => {
        const x = intFromBigInt(a);
        const y = intFromBigInt(b);
        if (b === 0n && (name === "division" || name === "remainder")) {
          expect(trapKind(() => ours(x, y))).toBe("division_by_zero");
          return;
        }
        const wanted = exact(a, b);
        if (!inRange(wanted)) {
          expect(trapKind(() => ours(x, y))).toBe("arithmetic_overflow");
          return;
        }
        const result = ours(x, y);
        expect(BigInt(result)).toBe(wanted);
        expect(isCanonical(result)).toBe(true);
      }),
      { numRuns: scaledRuns(2_000) },
    );
  });

  test("negation", () => {
    expect(Object.is(negateInt(0), 0)).toBe(true);
    expect(negateInt(I64_MAX)).toBe(-I64_MAX);
    expect(trapKind(() => negateInt(I64_MIN))).toBe("arithmetic_overflow");
  });

  test("power", () => {
    expect(powInts(2, 62)).toBe(2n ** 62n);
    expect(trapKind(() => powInts(2, 63))).toBe("arithmetic_overflow");
    expect(powInts(-2, 63)).toBe(I64_MIN);
    expect(powInts(-1, I64_MAX)).toBe(-1);
    expect(powInts(-1, 2n ** 60n)).toBe(1);
    expect(powInts(0, 0)).toBe(1);
    expect(powInts(0, I64_MAX)).toBe(0);
    expect(powInts(7, 0)).toBe(1);
  });
});

describe("arithmetic on values", () => {
  const number = (value: Value): number => (value instanceof FloatValue ? value.value : Number.NaN);

  test("converts an Int to Float when the other operand is a Float", () => {
    expect(number(arithmetic("Add", 1, new FloatValue(0.5)))).toBe(1.5);
    expect(number(arithmetic("Sub", new FloatValue(0.5), 2))).toBe(-1.5);
    expect(number(arithmetic("Mul", 2n ** 60n, new FloatValue(2)))).toBe(2 ** 61);
    expect(number(arithmetic("Div", new FloatValue(1), 4))).toBe(0.25);
  });

  test("a zero divisor traps, also with Floats; FDiv follows IEEE 754", () => {
    expect(trapKind(() => arithmetic("Div", new FloatValue(1), new FloatValue(0)))).toBe("division_by_zero");
    expect(trapKind(() => arithmetic("Div", "x", 0))).toBe("division_by_zero");
    expect(divideFloats(new FloatValue(1), new FloatValue(0)).value).toBe(Number.POSITIVE_INFINITY);
    expect(divideFloats(new FloatValue(0), new FloatValue(0)).value).toBeNaN();
  });

  test("other types trap", () => {
    expect(trapKind(() => arithmetic("Add", 1, true))).toBe("type_error");
    expect(trapKind(() => arithmetic("Mod", new FloatValue(1), 2))).toBe("type_error");
    expect(trapKind(() => negate("x"))).toBe("type_error");
  });
});

test("whole numbers become Ints only within 64 bits", () => {
  expect(intFromNumber(2 ** 62)).toBe(2n ** 62n);
  expect(intFromNumber(2 ** 63)).toBeUndefined();
  expect(intFromNumber(-(2 ** 63))).toBe(I64_MIN);
  expect(intFromNumber(Number.NaN)).toBeUndefined();
  expect(Object.is(intFromNumber(-0), 0)).toBe(true);
});

test("parsing inverts formatting an Int", () => {
  fc.assert(
    fc.property(anyInt, (value) => {
      expect(parseInt64(String(value))).toBe(intFromBigInt(value));
    }),
  );
  for (const text of ["", "+", "-", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "-9223372036854775809", "1_0", "1".repeat(400)])
    expect(parseInt64(text)).toBeUndefined();
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("0", "1", "9", "+", "-", ".", "é"), maxLength: 18 }), (text) => {
      expect(parseInt64(text)).toBe(/^[+-]?[0-9]+$/.test(text) ? intFromBigInt(BigInt(text.replace("+", ""))) : undefined);
    }),
  );
  expect(parseInt64("+007")).toBe(7);
  expect(Object.is(parseInt64("-0"), 0)).toBe(true);
  expect(parseInt64(`${"0".repeat(1000)}5`)).toBe(5);
});
