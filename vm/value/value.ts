/**
 * Run-time values. Immutable.
 *
 * - Int: a JS number while it is a safe integer, else a bigint; always in this one form (`intFromBigInt`).
 * - Float: boxed, since an unboxed number is an Int. NaN is one value.
 * - String: a well-formed JS string (no lone surrogates).
 */
import type { ListValue } from "./list.ts";
import type { MapValue } from "./map.ts";

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
  /** u64, in the canonical Int form. */
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
/** A function with its captured values, which become its first arguments. Never leaves the machine. */
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
  | ListValue
  | MapValue;
export type Value = boolean | IntValue | string | CompoundValue;

export const UNIT: UnitValue = Object.freeze(new UnitValue());
export const NONE: NoneValue = Object.freeze(new NoneValue());

/** The one form of an Int: a number while it is a safe integer. The caller has checked the i64 range. */
export function intFromBigInt(value: bigint): IntValue {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

export function isInt(value: Value): value is IntValue {
  return typeof value === "number" || typeof value === "bigint";
}

/** Replaces lone surrogates by U+FFFD: the rule of every boundary that takes text from the host. */
export function wellFormed(text: string): string {
  // String.prototype.toWellFormed exists from Node 20 on; lib es2023 does not declare it.
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
