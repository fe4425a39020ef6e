/** The type of a native builtin's implementation, and functions that check the types of its arguments. */
import { BYTES } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { EnumValue, FloatValue, type IntValue, isInt, NONE, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** Executes a builtin. It must charge the meter before it does any work. Arguments beyond the builtin's `arity` are Unit. */
type BuiltinRun = (meter: Meter, a: Value, b: Value, c: Value) => Value;

export interface BuiltinCode {
  readonly arity: number;
  readonly run: BuiltinRun;
}

/** Returns an implementation that takes `arity` arguments. */
export const code = (arity: number, run: BuiltinRun): BuiltinCode => ({ arity, run });

/** Returns an argument that must be a String. Traps if it has another type. The functions below do the same for other types. */
export function expectString(value: Value): string {
  if (typeof value !== "string") throw typeTrap("String", value);
  return value;
}

export function expectInt(value: Value): IntValue {
  if (!isInt(value)) throw typeTrap("Int", value);
  return value;
}

export function expectFloat(value: Value): number {
  if (!(value instanceof FloatValue)) throw typeTrap("Float", value);
  return value.value;
}

export function expectBool(value: Value): boolean {
  if (typeof value !== "boolean") throw typeTrap("Bool", value);
  return value;
}

/** The type id of the records that the earliest compilers used for lists. */
const LIST_RECORD = 0xffff;

export function expectList(value: Value): ListValue {
  if (value instanceof ListValue) return value;
  if (value instanceof RecordValue && value.typeId === LIST_RECORD) return ListValue.of(value.fields);
  throw typeTrap("List", value);
}

export function expectMap(value: Value): MapValue {
  if (!(value instanceof MapValue)) throw typeTrap("Map", value);
  return value;
}

/** Returns Some of the value, and charges for the Some. Returns None if the value is undefined. */
export function optionOf(meter: Meter, value: Value | undefined): Value {
  if (value === undefined) return NONE;
  meter.allocate(BYTES.wrapper);
  return new SomeValue(value);
}

/** Whether a value is the given variant of Option or Result in an older module, which makes these as enum values with reserved type ids. */
export function isLegacyVariant(value: Value, typeId: number, variant: number): value is EnumValue {
  return value instanceof EnumValue && value.typeId === typeId && value.variant === variant;
}
