/**
 * Run-time values. All are immutable. This is where to start reading `vm/value/`.
 *
 * | in the language        | in memory                                                                           |
 * |------------------------|-------------------------------------------------------------------------------------|
 * | Bool                   | boolean                                                                             |
 * | Int                    | number while it is a safe integer, else bigint; `intFromBigInt` chooses the form    |
 * | String                 | string without lone surrogates                                                      |
 * | Float                  | `FloatValue`, since an unboxed number is an Int; all NaNs are one value             |
 * | List, Map              | `PersistentList` and `PersistentMap` of values (`list.ts`, `map.ts`)                |
 * | records, enums         | `RecordValue`, `EnumValue`: type id and fields; names are in the module             |
 * | Option, Result         | `NONE`, `SomeValue`, `OkValue`, `ErrValue`                                          |
 * | functions              | `FnRefValue`, or `ClosureValue` with captured values                                |
 *
 * For example `Some([1, 2.5])` is `new SomeValue(ListValue.of([1, new FloatValue(2.5)]))`.
 *
 * The containers know nothing of `Value`, and values nothing of JSON, snapshots or capabilities: those rooms import this one.
 * A value may be nested as deep as memory allows and may share parts, so every walk over values uses an explicit stack and
 * bounds its work.
 */
import type { PersistentList } from "./persistent-list.ts";
import type { PersistentMap } from "./persistent-map.ts";

export const I64_MIN = -(2n ** 63n);
export const I64_MAX = 2n ** 63n - 1n;

export class UnitValue {
  get tag(): "Unit" {
    return "Unit";
  }
}
export class NoneValue {
  get tag(): "None" {
    return "None";
  }
}
export class FloatValue {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  get tag(): "Float" {
    return "Float";
  }
}
export class SomeValue {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
  get tag(): "Some" {
    return "Some";
  }
}
export class OkValue {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
  get tag(): "Ok" {
    return "Ok";
  }
}
export class ErrValue {
  readonly value: Value;
  constructor(value: Value) {
    this.value = value;
  }
  get tag(): "Err" {
    return "Err";
  }
}
export class RecordValue {
  readonly typeId: number;
  readonly fields: readonly Value[];
  constructor(typeId: number, fields: readonly Value[]) {
    this.typeId = typeId;
    this.fields = fields;
  }
  get tag(): "Record" {
    return "Record";
  }
}
export class EnumValue {
  readonly typeId: number;
  readonly variant: number;
  /** Unit for a variant without payload. */
  readonly payload: Value;
  constructor(typeId: number, variant: number, payload: Value) {
    this.typeId = typeId;
    this.variant = variant;
    this.payload = payload;
  }
  get tag(): "Enum" {
    return "Enum";
  }
}
export class ActorIdValue {
  /** An unsigned 64-bit integer in the same two forms as an Int. */
  readonly id: number | bigint;
  constructor(id: number | bigint) {
    this.id = id;
  }
  get tag(): "ActorId" {
    return "ActorId";
  }
}
export class FnRefValue {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
  get tag(): "FnRef" {
    return "FnRef";
  }
}
/** A function with captured values, which become its first arguments. It cannot leave the machine. */
export class ClosureValue {
  readonly index: number;
  readonly captured: readonly Value[];
  constructor(index: number, captured: readonly Value[]) {
    this.index = index;
    this.captured = captured;
  }
  get tag(): "Closure" {
    return "Closure";
  }
}

export type IntValue = number | bigint;
export type CompoundValue =
  | UnitValue
  | NoneValue
  | FloatValue
  | SomeValue
  | OkValue
  | ErrValue
  | RecordValue
  | EnumValue
  | ActorIdValue
  | FnRefValue
  | ClosureValue
  | PersistentList<Value>
  | PersistentMap<Value>;
export type Value = boolean | IntValue | string | CompoundValue;

export const UNIT: UnitValue = Object.freeze(new UnitValue());
export const NONE: NoneValue = Object.freeze(new NoneValue());

/** Returns an Int in its canonical form: a number while it is a safe integer. The caller has checked the range. */
export function intFromBigInt(value: bigint): IntValue {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

export function isInt(value: Value): value is IntValue {
  return typeof value === "number" || typeof value === "bigint";
}

/** Replaces lone surrogates with U+FFFD. Every boundary that takes text from outside calls it. */
export function wellFormed(text: string): string {
  // The library es2023 does not declare String.prototype.toWellFormed.
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
