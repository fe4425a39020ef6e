/** The native builtins on Option and Result. */
import { BYTES } from "../cost.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { LEGACY_OPTION_TYPE, LEGACY_RESULT_TYPE } from "../value/display.ts";
import { ErrValue, NONE, NoneValue, OkValue, SomeValue, type Value } from "../value/value.ts";
import { type BuiltinCode, code, isLegacyVariant } from "./code.ts";

/** Returns the value inside a Some; undefined for None. */
function someValueOf(option: Value): Value | undefined {
  if (option instanceof SomeValue) return option.value;
  if (option instanceof NoneValue || isLegacyVariant(option, LEGACY_OPTION_TYPE, 0)) return undefined;
  if (isLegacyVariant(option, LEGACY_OPTION_TYPE, 1)) return option.payload;
  throw typeTrap("Option", option);
}

/** Returns the value inside an Ok; undefined for an Err. */
function okValueOf(result: Value): Value | undefined {
  if (result instanceof OkValue) return result.value;
  if (result instanceof ErrValue || isLegacyVariant(result, LEGACY_RESULT_TYPE, 1)) return undefined;
  if (isLegacyVariant(result, LEGACY_RESULT_TYPE, 0)) return result.payload;
  throw typeTrap("Result", result);
}

/** Charges for a Some, Ok or Err, and returns the one that `make` makes. */
function wrap(meter: Meter, make: () => Value): Value {
  meter.allocate(BYTES.wrapper);
  return make();
}

export const OPTION_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["option.unwrap_or", code(2, (_meter, a, b) => someValueOf(a) ?? b)],
  ["option.is_some", code(1, (_meter, a) => someValueOf(a) !== undefined)],
  ["option.is_none", code(1, (_meter, a) => someValueOf(a) === undefined)],
  [
    "option.ok_or",
    code(2, (meter, a, b) => {
      const value = someValueOf(a);
      return wrap(meter, () => (value === undefined ? new ErrValue(b) : new OkValue(value)));
    }),
  ],
  ["result.unwrap_or", code(2, (_meter, a, b) => okValueOf(a) ?? b)],
  ["result.is_ok", code(1, (_meter, a) => okValueOf(a) !== undefined)],
  ["result.is_err", code(1, (_meter, a) => okValueOf(a) === undefined)],
  [
    "result.to_option",
    code(1, (meter, a) => {
      const value = okValueOf(a);
      return value === undefined ? NONE : wrap(meter, () => new SomeValue(value));
    }),
  ],
];
