/** The form of a native builtin's implementation, and the checks that its arguments have the right type. */
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { EnumValue, FloatValue, type IntValue, isInt, NONE, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** Must charge the meter before it does any work. Arguments beyond the builtin's `arity` are Unit. */
export type BuiltinRun = (meter: Meter, a: Value, b: Value, c: Value) => Value;

export interface BuiltinCode {
  readonly arity: number;
  readonly run: BuiltinRun;
}

/** An implementation that takes `arity` arguments. */
export const code = (arity: number, run: BuiltinRun): BuiltinCode => ({ arity, run });

/** `text` and the functions below return an argument as a JavaScript value; they trap if it has another type. */
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

/** The earliest compilers represented a list as a record with this type id. */
const LIST_RECORD = 0xffff;

export function list(value: Value): ListValue {
  if (value instanceof ListValue) return value;
  if (value instanceof RecordValue && value.typeId === LIST_RECORD) return ListValue.of(value.fields.slice());
  throw typeTrap("List", value);
}

export function map(value: Value): MapValue {
  if (!(value instanceof MapValue)) throw typeTrap("Map", value);
  return value;
}

export function some(value: Value | undefined): Value {
  return value === undefined ? NONE : new SomeValue(value);
}

/** Older modules build Some, Ok and Err as variants of enums with reserved type ids. */
export function isLegacyVariant(value: Value, typeId: number, variant: number): value is EnumValue {
  return value instanceof EnumValue && value.typeId === typeId && value.variant === variant;
}
