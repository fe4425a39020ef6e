/** The native builtins on Ints, Floats and Bools. */
import { intFromNumber, intToNumber, negateInt, parseInt64, powInts } from "../value/arithmetic.ts";
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
} from "../value/bits.ts";
import { BYTES, UNITS } from "../cost.ts";
import { MachineTrap, type Meter } from "../meter.ts";
import { floatToText } from "../value/display.ts";
import { atan2, elementaryFunctions } from "../value/elementary.ts";
import { trimAscii } from "./text-search.ts";
import { ErrValue, FloatValue, type IntValue, OkValue } from "../value/value.ts";
import { type BuiltinCode, code, expectBool, expectFloat, expectInt, expectString, optionOf } from "./code.ts";

/** Charges for a String and returns that String. */
function chargeString(meter: Meter, result: string): string {
  meter.allocateString(result.length);
  return result;
}

/** Returns the implementation of a builtin on two Ints that costs the same for all Ints. */
const onInts = (compute: (a: IntValue, b: IntValue) => IntValue): BuiltinCode =>
  code(2, (_meter, a, b) => compute(expectInt(a), expectInt(b)));

/** Returns the implementation of a shift by 0 to 63 bits. */
const shiftBuiltin = (name: string, shift: (a: IntValue, bits: number) => IntValue): BuiltinCode =>
  onInts((a, bits) => {
    if (bits < 0 || bits > 63) throw new MachineTrap("invalid_value", `${name}: the number of bits is not from 0 to 63`);
    return shift(a, Number(bits));
  });

/** Returns the implementation of a builtin on one Float. */
const onFloat = (compute: (a: number) => number): BuiltinCode => code(1, (_meter, a) => new FloatValue(compute(expectFloat(a))));

/** Returns the implementation of a builtin on two Floats. */
const onFloats = (compute: (a: number, b: number) => number): BuiltinCode =>
  code(2, (_meter, a, b) => new FloatValue(compute(expectFloat(a), expectFloat(b))));

/** Returns the implementation of a builtin that rounds a Float to an Int. */
function roundingBuiltin(name: string, round: (value: number) => number): BuiltinCode {
  return code(1, (_meter, a) => {
    const result = intFromNumber(round(expectFloat(a)));
    if (result === undefined) throw new MachineTrap("arithmetic_overflow", `${name}: the Float does not fit an Int`);
    return result;
  });
}

/** Rounds to the nearest integer, with halves away from zero. `Math.floor(x + 0.5)` would be wrong, because the sum may be rounded. */
function roundHalfAway(value: number): number {
  const integerPart = Math.trunc(value);
  return Math.abs(value - integerPart) >= 0.5 ? integerPart + Math.sign(value) : integerPart;
}

/** Matches a decimal number with optional sign, fraction and exponent, and at least one digit before or after the point. */
const FLOAT_TEXT = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const FLOAT_WORD = /^[+-]?(?:inf|infinity|nan)$/i;

function parseFloatText(source: string): number | undefined {
  if (FLOAT_TEXT.test(source)) return Number(source);
  if (!FLOAT_WORD.test(source)) return undefined;
  if (/nan$/i.test(source)) return Number.NaN;
  return source.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

export const NUMBER_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["int.to_string", code(1, (meter, a) => chargeString(meter, String(expectInt(a))))],
  [
    "int.parse",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.codeUnit);
      return optionOf(meter, parseInt64(source));
    }),
  ],
  ["int.to_float", code(1, (_meter, a) => new FloatValue(intToNumber(expectInt(a))))],
  [
    "int.abs",
    code(1, (_meter, a) => {
      const value = expectInt(a);
      return value < 0 ? negateInt(value) : value;
    }),
  ],
  ["int.min", onInts((x, y) => (y < x ? y : x))],
  ["int.max", onInts((x, y) => (y > x ? y : x))],
  ["int.mod", onInts(floorModInts)],
  ["int.gcd", onInts(gcdInts)],
  ["int.and", onInts(andInts)],
  ["int.or", onInts(orInts)],
  ["int.xor", onInts(xorInts)],
  ["int.not", code(1, (_meter, a) => notInt(expectInt(a)))],
  ["int.shift_left", shiftBuiltin("int.shift_left", shiftLeft)],
  ["int.shift_right", shiftBuiltin("int.shift_right", shiftRight)],
  ["int.wrapping_add", onInts(wrappingAdd)],
  ["int.wrapping_sub", onInts(wrappingSub)],
  ["int.wrapping_mul", onInts(wrappingMul)],
  [
    "int.pow",
    code(2, (_meter, a, b) => {
      const base = expectInt(a);
      const exponent = expectInt(b);
      if (exponent < 0) throw new MachineTrap("invalid_value", "int.pow: the exponent is negative");
      return powInts(base, exponent);
    }),
  ],
  [
    "parse_int",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.codeUnit);
      return parseInt64(trimAscii(source)) ?? 0;
    }),
  ],
  [
    "try_parse_int",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.codeUnit);
      const value = parseInt64(trimAscii(source));
      meter.allocate(BYTES.wrapper);
      return value === undefined ? new ErrValue(chargeString(meter, `invalid integer: ${source}`)) : new OkValue(value);
    }),
  ],
  ["float.to_string", code(1, (meter, a) => chargeString(meter, floatToText(expectFloat(a))))],
  [
    "float.parse",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.codeUnit);
      const value = parseFloatText(source);
      return optionOf(meter, value === undefined ? undefined : new FloatValue(value));
    }),
  ],
  ["float.floor", roundingBuiltin("float.floor", Math.floor)],
  ["float.ceil", roundingBuiltin("float.ceil", Math.ceil)],
  ["float.round", roundingBuiltin("float.round", roundHalfAway)],
  ["float.trunc", roundingBuiltin("float.trunc", Math.trunc)],
  ["float.sqrt", onFloat(Math.sqrt)],
  ["float.pow", onFloats((x, y) => elementaryFunctions().pow(x, y))],
  ["float.exp", onFloat((x) => elementaryFunctions().exp(x))],
  ["float.log", onFloat((x) => elementaryFunctions().log(x))],
  ["float.log2", onFloat((x) => elementaryFunctions().log2(x))],
  ["float.log10", onFloat((x) => elementaryFunctions().log10(x))],
  ["float.sin", onFloat((x) => elementaryFunctions().sin(x))],
  ["float.cos", onFloat((x) => elementaryFunctions().cos(x))],
  ["float.tan", onFloat((x) => elementaryFunctions().tan(x))],
  ["float.asin", onFloat((x) => elementaryFunctions().asin(x))],
  ["float.acos", onFloat((x) => elementaryFunctions().acos(x))],
  ["float.atan", onFloat((x) => elementaryFunctions().atan(x))],
  ["float.atan2", onFloats(atan2)],
  ["float.pi", code(0, () => new FloatValue(Math.PI))],
  ["float.abs", onFloat(Math.abs)],
  ["float.min", onFloats((x, y) => Math.min(x, y))],
  ["float.max", onFloats((x, y) => Math.max(x, y))],
  ["float.is_nan", code(1, (_meter, a) => Number.isNaN(expectFloat(a)))],
  ["float.is_finite", code(1, (_meter, a) => Number.isFinite(expectFloat(a)))],
  ["bool.to_string", code(1, (meter, a) => chargeString(meter, String(expectBool(a))))],
];
