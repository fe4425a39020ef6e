/** Implements the operations for values of any type. Both engines use these functions if no fast path applies. */
import { arithmetic, divideFloats } from "../value/arithmetic.ts";
import { concatLists, elementAt } from "../builtins/list-code.ts";
import { compareValues, structuralEqual } from "../value/equality.ts";
import { BINARY, COMPARISON } from "./register-ops.ts";
import { UNITS, UNITS_PER_STEP } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { MachineTrap, type Meter, typeTrap } from "../meter.ts";
import type { MatchArm } from "../bytecode/module.ts";
import { MATCH_TAGS } from "../bytecode/tags.ts";
import type { Slot } from "./stack-slots.ts";
import { EnumValue, ErrValue, FloatValue, NoneValue, OkValue, RecordValue, SomeValue, UnitValue, type Value } from "../value/value.ts";

/** Returns a value that the verifier or an earlier check guarantees to exist. */
export function expectDefined<T>(value: T | undefined): T {
  if (value === undefined) throw new MachineTrap("internal", "an operand that is not there");
  return value;
}

export function isTruthy(value: Value): boolean {
  if (typeof value === "boolean") return value;
  // An Int in the safe range is never a bigint, so a bigint is never 0.
  if (typeof value === "number" || typeof value === "bigint") return value !== 0;
  if (typeof value === "string") return value.length > 0;
  if (value instanceof FloatValue) return value.value !== 0;
  if (value instanceof ListValue) return value.length > 0;
  if (value instanceof MapValue) return value.size > 0;
  return !(value instanceof UnitValue || value instanceof NoneValue || value instanceof ErrValue);
}

/** Joins two Strings or two Lists. V8 joins Strings lazily, so the time does not depend on their lengths. */
export function concat(meter: Meter, a: Value, b: Value): Value {
  if (typeof a === "string" && typeof b === "string") {
    meter.allocateString(a.length + b.length);
    return a + b;
  }
  if (a instanceof ListValue && b instanceof ListValue) return concatLists(meter, a, b);
  throw typeTrap(a instanceof ListValue ? "List" : "String", typeof a === "string" || a instanceof ListValue ? b : a);
}

/** Like `concat`, but for an append to a local. Charges only the shorter String (see `bytecode/string-append.ts`). */
export function append(meter: Meter, a: Value, b: Value): Value {
  if (typeof a !== "string" || typeof b !== "string") return concat(meter, a, b);
  meter.allocateAppend(a.length, b.length);
  return a + b;
}

const { false: FALSE_TAG, true: TRUE_TAG, any: ANY, None: NONE_TAG, Some: SOME_TAG, Ok: OK_TAG, Err: ERR_TAG } = MATCH_TAGS;

/** Returns the match tag of a value, which `Match` compares with the tags of its arms. */
export function matchTag(value: Value): number {
  if (value instanceof EnumValue) return value.variant;
  if (value === true) return TRUE_TAG;
  if (value === false) return FALSE_TAG;
  if (value instanceof NoneValue) return NONE_TAG;
  if (value instanceof SomeValue) return SOME_TAG;
  if (value instanceof OkValue) return OK_TAG;
  if (value instanceof ErrValue) return ERR_TAG;
  return ANY;
}

/** Returns the value that `Match` pushes: the payload of a wrapper or an enum value, otherwise the value itself. */
export function matchPayload(value: Value): Value {
  if (value instanceof EnumValue) return value.payload;
  if (value instanceof SomeValue || value instanceof OkValue || value instanceof ErrValue) return value.value;
  return value;
}

/** Returns the target of the first arm that matches. Charges for the arms before that one. */
export function matchTarget(meter: Meter, arms: readonly MatchArm[], value: Value): number {
  const tag = matchTag(value);
  for (let i = 0; i < arms.length; i++) {
    const arm = arms[i];
    if (arm !== undefined && (arm.tag === tag || arm.tag === ANY)) {
      meter.charge(i);
      return arm.target;
    }
  }
  meter.charge(arms.length);
  throw new MachineTrap("match_exhausted", "no match found for value");
}

export function fieldOf(record: Value | undefined, index: number): Value {
  if (!(record instanceof RecordValue)) throw typeTrap("Record", record);
  const field = record.get(index);
  if (field === undefined) throw new MachineTrap("invalid_field", "type error: expected valid field index, got out of bounds");
  return field;
}

/** Applies an operation of `BINARY` to any two values. */
export function applyBinary(meter: Meter, op: number, a: Value, b: Value): Value {
  if (a instanceof FloatValue && b instanceof FloatValue) {
    if (op === BINARY.add) return new FloatValue(a.value + b.value);
    if (op === BINARY.subtract) return new FloatValue(a.value - b.value);
    if (op === BINARY.multiply) return new FloatValue(a.value * b.value);
    if (op === BINARY.divideFloats) return new FloatValue(a.value / b.value);
  }
  switch (op) {
    case BINARY.add:
      return typeof a === "string" && typeof b === "string" ? concat(meter, a, b) : arithmetic("Add", a, b);
    case BINARY.subtract:
      return arithmetic("Sub", a, b);
    case BINARY.multiply:
      return arithmetic("Mul", a, b);
    case BINARY.divide:
      return arithmetic("Div", a, b);
    case BINARY.remainder:
      return arithmetic("Mod", a, b);
    case BINARY.divideFloats:
      return divideFloats(a, b);
    case BINARY.concat:
      return concat(meter, a, b);
    default:
      return (a instanceof ListValue && typeof b === "number" ? a.get(b) : undefined) ?? elementAt(a, b);
  }
}

/** Applies a comparison of `COMPARISON` to two numbers. */
export function compareNumbers(op: number, a: number, b: number): boolean {
  switch (op) {
    case COMPARISON.less:
      return a < b;
    case COMPARISON.lessOrEqual:
      return a <= b;
    case COMPARISON.greater:
      return a > b;
    case COMPARISON.greaterOrEqual:
      return a >= b;
    case COMPARISON.equal:
      return a === b;
    default:
      return a !== b;
  }
}

/** A String with fewer code units is compared without a charge. */
const FREE_UNITS = UNITS_PER_STEP - UNITS.value;

/** Returns whether `a === b` compares the two as the language does and without a charge. True only if `a` is a Bool or a String. */
export function isCheapToCompare(a: Value, b: Slot): boolean {
  if (typeof a === "string") return typeof b !== "string" || a.length !== b.length || a.length < FREE_UNITS;
  return typeof a === "boolean";
}

/** Applies a comparison of `COMPARISON` to any two values. Every order comparison with NaN is false. */
export function applyComparison(meter: Meter, op: number, a: Value, b: Value): boolean {
  if (op === COMPARISON.equal) return structuralEqual(a, b, meter);
  if (op === COMPARISON.unequal) return !structuralEqual(a, b, meter);
  return compareNumbers(op, compareValues(a, b, meter), 0);
}
