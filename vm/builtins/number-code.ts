/** The native builtins on Ints, Floats and Bools. */
import { intFromNumber, intToNumber, negateInt, parseInt64, powInts } from "../value/arithmetic.ts";
import { BYTES, UNITS } from "../cost.ts";
import { MachineTrap, type Meter } from "../meter.ts";
import { floatToText } from "../value/display.ts";
import { trimAscii } from "./text-search.ts";
import { ErrValue, FloatValue, OkValue, type Value } from "../value/value.ts";
import { bool, type BuiltinCode, code, float, int, some, text } from "./code.ts";

/** Charges for a String and returns that String. */
function chargeString(meter: Meter, result: string): string {
  meter.allocateString(result.length);
  return result;
}

/** Returns the implementation of a builtin that rounds a Float to an Int. */
function roundingBuiltin(name: string, round: (value: number) => number): BuiltinCode {
  return code(1, (_meter, a) => {
    const result = intFromNumber(round(float(a)));
    if (result === undefined) throw new MachineTrap("arithmetic_overflow", `${name}: the Float does not fit an Int`);
    return result;
  });
}

/** Rounds to the nearest integer, and halves away from zero. `Math.floor(x + 0.5)` would be wrong, because the sum may be rounded. */
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

/** Wraps a value in Some and charges for it. Returns None if the value is undefined. */
function optionOf(meter: Meter, value: Value | undefined): Value {
  if (value !== undefined) meter.allocate(BYTES.wrapper);
  return some(value);
}

export const NUMBER_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["int.to_string", code(1, (meter, a) => chargeString(meter, String(int(a))))],
  [
    "int.parse",
    code(1, (meter, a) => {
      const source = text(a);
      meter.charge(source.length * UNITS.codeUnit);
      return optionOf(meter, parseInt64(source));
    }),
  ],
  ["int.to_float", code(1, (_meter, a) => new FloatValue(intToNumber(int(a))))],
  [
    "int.abs",
    code(1, (_meter, a) => {
      const value = int(a);
      return value < 0 ? negateInt(value) : value;
    }),
  ],
  [
    "int.min",
    code(2, (_meter, a, b) => {
      const x = int(a);
      const y = int(b);
      return y < x ? y : x;
    }),
  ],
  [
    "int.max",
    code(2, (_meter, a, b) => {
      const x = int(a);
      const y = int(b);
      return y > x ? y : x;
    }),
  ],
  [
    "int.pow",
    code(2, (_meter, a, b) => {
      const base = int(a);
      const exponent = int(b);
      if (exponent < 0) throw new MachineTrap("invalid_value", "int.pow: the exponent is negative");
      return powInts(base, exponent);
    }),
  ],
  [
    "parse_int",
    code(1, (meter, a) => {
      const source = text(a);
      meter.charge(source.length * UNITS.codeUnit);
      return parseInt64(trimAscii(source)) ?? 0;
    }),
  ],
  [
    "try_parse_int",
    code(1, (meter, a) => {
      const source = text(a);
      meter.charge(source.length * UNITS.codeUnit);
      const value = parseInt64(trimAscii(source));
      meter.allocate(BYTES.wrapper);
      return value === undefined ? new ErrValue(chargeString(meter, `invalid integer: ${source}`)) : new OkValue(value);
    }),
  ],
  ["float.to_string", code(1, (meter, a) => chargeString(meter, floatToText(float(a))))],
  [
    "float.parse",
    code(1, (meter, a) => {
      const source = text(a);
      meter.charge(source.length * UNITS.codeUnit);
      const value = parseFloatText(source);
      return optionOf(meter, value === undefined ? undefined : new FloatValue(value));
    }),
  ],
  ["float.floor", roundingBuiltin("float.floor", Math.floor)],
  ["float.ceil", roundingBuiltin("float.ceil", Math.ceil)],
  ["float.round", roundingBuiltin("float.round", roundHalfAway)],
  ["float.trunc", roundingBuiltin("float.trunc", Math.trunc)],
  ["float.sqrt", code(1, (_meter, a) => new FloatValue(Math.sqrt(float(a))))],
  ["float.is_nan", code(1, (_meter, a) => Number.isNaN(float(a)))],
  ["float.is_finite", code(1, (_meter, a) => Number.isFinite(float(a)))],
  ["bool.to_string", code(1, (meter, a) => chargeString(meter, String(bool(a))))],
];
