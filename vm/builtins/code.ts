/** The form of a native builtin's implementation, and functions that check the types of its arguments. */
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { EnumValue, FloatValue, type IntValue, isInt, NONE, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** A builtin as a function. It must charge the meter before it does any work. Arguments beyond the builtin's `arity` are Unit. */
type BuiltinRun = (meter: Meter, a: Value, b: Value, c: Value) => Value;

export interface BuiltinCode {
  readonly arity: number;
  readonly run: BuiltinRun;
}

/** Returns an implementation that takes `arity` arguments. */
export const code = (arity: number, run: BuiltinRun): BuiltinCode => ({ arity, run });

/** Returns a String argument as a JavaScript value. Traps if it has another type. The functions below do the same for other types. */
export function text(value: Value): string {
  if (typeof value !== "string") throw typeTrap("String", value);
  return value;
}

export function int(value: Value): IntValue {
  if (!isInt(value)) throw typeTrap("Int", value);
  return value;
}

export function float(value: Value): number {
  if (!(value instanceof FloatValue)) throw typeTrap("Float", value);
  return value.value;
}

export function bool(value: Value): boolean {
  if (typeof value !== "boolean") throw typeTrap("Bool", value);
  return value;
}

/** The type id of the records that the earliest compilers used for lists. */
const LIST_RECORD = 0xffff;

export function list(value: Value): ListValue {
  if (value instanceof ListValue) return value;
  if (value instanceof RecordValue && value.typeId === LIST_RECORD) return ListValue.of(value.fields);
  throw typeTrap("List", value);
}

export function map(value: Value): MapValue {
  if (!(value instanceof MapValue)) throw typeTrap("Map", value);
  return value;
}

export function some(value: Value | undefined): Value {
  return value === undefined ? NONE : new SomeValue(value);
}

/** Returns whether a value is a Some, Ok or Err of an older module, which builds them as enum values with reserved type ids. */
export function isLegacyVariant(value: Value, typeId: number, variant: number): value is EnumValue {
  return value instanceof EnumValue && value.typeId === typeId && value.variant === variant;
}
