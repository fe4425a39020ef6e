/**
 * Checked 64-bit arithmetic on Ints in their canonical form (see `value.ts`): numbers if they are safe integers, otherwise
 * bigints. Every result is canonical and never -0. The operations trap with arithmetic_overflow or division_by_zero.
 */
import { MachineTrap, typeTrap } from "../meter.ts";
import { FloatValue, I64_MAX, I64_MIN, intFromBigInt, type IntValue, isInt, type Value } from "./value.ts";

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
/** Results are compared with this bound first, because V8 compares integers up to this size without allocating doubles. */
const MAX_SMALL = 2 ** 30 - 1;

function requireInt64(value: bigint, operation: string): IntValue {
  if (value < I64_MIN || value > I64_MAX) throw new MachineTrap("arithmetic_overflow", `integer overflow in ${operation}`);
  return intFromBigInt(value);
}

const divisionByZero = (): MachineTrap => new MachineTrap("division_by_zero", "division by zero");

export function addInts(a: IntValue, b: IntValue): IntValue {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (sum <= MAX_SMALL && sum >= -MAX_SMALL) return sum;
    if (sum <= MAX_SAFE && sum >= -MAX_SAFE) return sum;
  }
  return requireInt64(BigInt(a) + BigInt(b), "addition");
}

export function subtractInts(a: IntValue, b: IntValue): IntValue {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (difference <= MAX_SMALL && difference >= -MAX_SMALL) return difference;
    if (difference <= MAX_SAFE && difference >= -MAX_SAFE) return difference;
  }
  return requireInt64(BigInt(a) - BigInt(b), "subtraction");
}

export function multiplyInts(a: IntValue, b: IntValue): IntValue {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    // A double of at most 2^53 - 1 is the exact product, because a larger exact product would round to 2^53 or more.
    if (product <= MAX_SAFE && product >= -MAX_SAFE) return product + 0;
  }
  return requireInt64(BigInt(a) * BigInt(b), "multiplication");
}

/** Returns the quotient, truncated toward zero. */
export function divideInts(a: IntValue, b: IntValue): IntValue {
  if (b === 0) throw divisionByZero();
  if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) + 0;
  return requireInt64(BigInt(a) / BigInt(b), "division");
}

/** Returns the remainder, which has the sign of `a`. */
export function remainderInts(a: IntValue, b: IntValue): IntValue {
  if (b === 0) throw divisionByZero();
  if (typeof a === "number" && typeof b === "number") return (a % b) + 0;
  return intFromBigInt(BigInt(a) % BigInt(b));
}

export function negateInt(a: IntValue): IntValue {
  return typeof a === "number" ? 0 - a : requireInt64(-a, "negation");
}

/** Returns `base` to the power of `exponent`, which must not be negative. */
export function powInts(base: IntValue, exponent: IntValue): IntValue {
  let result: IntValue = 1;
  // With any base except -1, 0 and 1, the loop below overflows after at most 64 multiplications.
  if (base === 0 || base === 1) return exponent === 0 ? 1 : base;
  if (base === -1) return BigInt(exponent) % 2n === 0n ? 1 : -1;
  for (let i = 0; i < exponent; i++) result = multiplyInts(result, base);
  return result;
}

/** Returns the nearest double. */
export function intToNumber(value: IntValue): number {
  return Number(value);
}

/** Converts a whole number to an Int. Returns undefined if the number is not finite or does not fit 64 bits. */
export function intFromNumber(value: number): IntValue | undefined {
  if (value <= MAX_SAFE && value >= -MAX_SAFE) return value + 0;
  if (!Number.isFinite(value)) return undefined;
  const wide = BigInt(value);
  return wide < I64_MIN || wide > I64_MAX ? undefined : wide;
}

const [ZERO, PLUS, MINUS] = [0x30, 0x2b, 0x2d];
/** A number with this many digits is a safe integer. */
const MAX_SHORT_DIGITS = 15;

/** Reads decimal digits with an optional sign. Returns undefined for any other text, and if the number does not fit 64 bits. */
export function parseInt64(text: string): IntValue | undefined {
  const sign = text.charCodeAt(0);
  const start = sign === MINUS || sign === PLUS ? 1 : 0;
  if (text.length > start && text.length <= start + MAX_SHORT_DIGITS) {
    let value = 0;
    for (let i = start; i < text.length; i++) {
      const digit = text.charCodeAt(i) - ZERO;
      if (!(digit >= 0 && digit <= 9)) return undefined;
      value = 10 * value + digit;
    }
    return sign === MINUS ? 0 - value : value;
  }
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const negative = text.startsWith("-");
  const digits = text.replace(/^[+-]?0*/, "");
  if (digits.length < 16) return negative ? 0 - Number(digits) : Number(digits);
  if (digits.length > 19) return undefined;
  const wide = negative ? -BigInt(digits) : BigInt(digits);
  return wide < I64_MIN || wide > I64_MAX ? undefined : intFromBigInt(wide);
}

export type ArithmeticOp = "Add" | "Sub" | "Mul" | "Div" | "Mod";

/** Applies an operation to two numbers. If one number is a Float, converts the other to a Float. Traps with type_error for other values. */
export function arithmetic(op: ArithmeticOp, a: Value, b: Value): Value {
  if (isInt(a) && isInt(b)) {
    switch (op) {
      case "Add":
        return addInts(a, b);
      case "Sub":
        return subtractInts(a, b);
      case "Mul":
        return multiplyInts(a, b);
      case "Div":
        return divideInts(a, b);
      case "Mod":
        return remainderInts(a, b);
    }
  }
  if (op === "Mod") throw typeTrap("Int", isInt(a) ? b : a);
  // The Rust machine checks the divisor before the types.
  if (op === "Div" && (b === 0 || (b instanceof FloatValue && b.value === 0))) throw divisionByZero();
  const x = toNumber(a);
  const y = toNumber(b);
  if (x === undefined) throw typeTrap("numeric", a);
  if (y === undefined) throw typeTrap("numeric", b);
  switch (op) {
    case "Add":
      return new FloatValue(x + y);
    case "Sub":
      return new FloatValue(x - y);
    case "Mul":
      return new FloatValue(x * y);
    case "Div":
      return new FloatValue(x / y);
  }
}

/** Divides as IEEE 754 specifies, so that a zero divisor gives an infinity or NaN. Converts Ints to Floats. */
export function divideFloats(a: Value, b: Value): FloatValue {
  const x = toNumber(a);
  const y = toNumber(b);
  if (x === undefined) throw typeTrap("numeric", a);
  if (y === undefined) throw typeTrap("numeric", b);
  return new FloatValue(x / y);
}

export function negate(value: Value): Value {
  if (isInt(value)) return negateInt(value);
  if (value instanceof FloatValue) return new FloatValue(-value.value);
  throw typeTrap("numeric", value);
}

function toNumber(value: Value): number | undefined {
  if (isInt(value)) return Number(value);
  return value instanceof FloatValue ? value.value : undefined;
}
