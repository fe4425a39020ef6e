/** What implementations of builtins share: their form, and reading their arguments. */
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { type Meter, typeTrap } from "../meter.ts";
import { EnumValue, FloatValue, type IntValue, isInt, NONE, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** Charges the meter before it works. Missing arguments are Unit; `arity` says how many it reads. */
export type BuiltinRun = (meter: Meter, a: Value, b: Value, c: Value) => Value;

export interface BuiltinCode {
  readonly arity: number;
  readonly run: BuiltinRun;
}

export const code = (arity: number, run: BuiltinRun): BuiltinCode => ({ arity, run });

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

/** Type id of the records that modules of the first compilers have for lists. */
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

/** Older modules build Some, Ok and Err as variants of these enums. */
export function isOld(value: Value, typeId: number, variant: number): value is EnumValue {
  return value instanceof EnumValue && value.typeId === typeId && value.variant === variant;
}
