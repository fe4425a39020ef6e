/**
 * Run-time values. Start here when reading `vm/value/`. All values are immutable, except that a list may change in place if nothing but
 * the variable that is assigned to holds it (`owner.ts`).
 *
 * | in the language        | in memory                                                                           |
 * |------------------------|-------------------------------------------------------------------------------------|
 * | Bool                   | boolean                                                                             |
 * | Int                    | number if it is a safe integer, else bigint; `intFromBigInt` chooses the form       |
 * | String                 | string without lone surrogates                                                      |
 * | Float                  | `FloatValue`, since an unboxed number is an Int; all NaN bit patterns are the same  |
 * | List, Map              | `PersistentList` and `PersistentMap` of values (`list.ts`, `map.ts`)                |
 * | records, enums         | `RecordValue`, `EnumValue`: type id and fields; names are in the module             |
 * | Option, Result         | `NONE`, `SomeValue`, `OkValue`, `ErrValue`                                          |
 * | functions              | `FnRefValue`, or `ClosureValue` with captured values                                |
 *
 * For example `Some([1, 2.5])` is `new SomeValue(ListValue.of([1, new FloatValue(2.5)]))`.
 *
 * The list and map classes do not depend on `Value`. JSON, snapshots and capabilities depend on values, and values do not depend on
 * them.
 * Values may be nested as deeply as memory allows and may share parts, so code that traverses them uses an explicit stack
 * and limits its work.
 */
import type { Owned, Owner } from "./owner.ts";
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
export class RecordValue implements Owned {
  readonly typeId: number;
  readonly fields: readonly Value[];
  /** See `owner.ts`. */
  owner: Owner | undefined = undefined;
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
  /** `UNIT` if the variant has no payload. */
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
/** A function with captured values, which become its first arguments. A closure cannot leave the machine. */
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
export type ObjectValue =
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
export type Value = boolean | IntValue | string | ObjectValue;

export const UNIT: UnitValue = Object.freeze(new UnitValue());
export const NONE: NoneValue = Object.freeze(new NoneValue());

/** Returns the canonical form of an Int: a number if it is a safe integer, otherwise the bigint. The caller must check the range. */
export function intFromBigInt(value: bigint): IntValue {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

export function isInt(value: Value): value is IntValue {
  return typeof value === "number" || typeof value === "bigint";
}

/** Replaces lone surrogates with U+FFFD. Call it on all text that comes from outside, and on text that was cut at an arbitrary code unit. */
export function wellFormed(text: string): string {
  // TypeScript's `lib.es2023` does not declare `String.prototype.toWellFormed`.
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
