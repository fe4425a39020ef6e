/**
 * Run-time values. Start here when reading `vm/value/`. All values are immutable, with one exception: an assignment to a variable may change
 * its list, map or record in place if nothing else refers to it (`owner.ts`).
 *
 * | in the language        | in memory                                                                           |
 * |------------------------|-------------------------------------------------------------------------------------|
 * | Bool                   | boolean                                                                             |
 * | Int                    | number if it is a safe integer, else bigint; `intFromBigInt` chooses the form       |
 * | String                 | string without lone surrogates                                                      |
 * | Float                  | `FloatValue`, since an unboxed number is an Int; all NaN bit patterns are the same. |
 * |                        | A record of nothing but Floats holds them unboxed (`FloatRecord`)                   |
 * | List, Map              | `ListValue`, `MapValue`: the persistent classes with values (`list.ts`, `map.ts`)   |
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
  // Without `declare`, the field would be defined before the constructor runs, and V8 would check its type at each read.
  declare readonly value: number;
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
/**
 * A record. Its first four fields are in the object itself, so that most records are one JavaScript object. A record with more fields
 * is a `WideRecord`. The fields that a record does not have are undefined. A record whose fields are all Floats is usually a `FloatRecord`.
 */
export class RecordValue implements Owned {
  declare readonly typeId: number;
  /** Marks a record that one variable may change in place; see `owner.ts`. @internal */
  declare owner: Owner | undefined;
  /** @internal */
  declare f0: Value | undefined;
  /** @internal */
  declare f1: Value | undefined;
  /** @internal */
  declare f2: Value | undefined;
  /** @internal */
  declare f3: Value | undefined;
  /** The unboxed fields of a `FloatRecord`. Empty in any other record. @internal */
  declare floats: readonly number[];
  /** Makes a record of at most four fields. Use `RecordValue.of` for fields in an array. */
  constructor(typeId: number, f0?: Value, f1?: Value, f2?: Value, f3?: Value) {
    // Short, so that V8 inlines it in compiled code.
    this.typeId = typeId;
    this.owner = undefined;
    this.f0 = f0;
    this.f1 = f1;
    this.f2 = f2;
    this.f3 = f3;
  }
  /** Makes a record of any number of fields. */
  static of(typeId: number, fields: readonly Value[]): RecordValue {
    if (fields[0] instanceof FloatValue && fields.every((field) => field instanceof FloatValue)) return FloatRecord.of(typeId, fields);
    if (fields.length <= NARROW_FIELDS) return new RecordValue(typeId, fields[0], fields[1], fields[2], fields[3]);
    const [f0, f1, f2, f3, f4, f5, f6, f7] = fields;
    return new WideRecord(typeId, f0, f1, f2, f3, f4, f5, f6, f7, fields.length > WIDE_FIELDS ? fields : undefined);
  }
  get tag(): "Record" {
    return "Record";
  }
  /** The number of fields. */
  get size(): number {
    if (this.f1 === undefined) return this.f0 === undefined ? 0 : 1;
    return this.f2 === undefined ? 2 : this.f3 === undefined ? 3 : 4;
  }
  /** The fields in a new array. */
  get fields(): Value[] {
    return [this.f0, this.f1, this.f2, this.f3].filter((field) => field !== undefined);
  }
  /** Returns a field; undefined if there is none with this index. */
  get(index: number): Value | undefined {
    switch (index) {
      case 0:
        return this.f0;
      case 1:
        return this.f1;
      case 2:
        return this.f2;
      case 3:
        return this.f3;
      default:
        return undefined;
    }
  }
  /**
   * Changes a field in place, if the record can hold the value there. Returns whether it did. Nothing but the assigned variable may refer to
   * the record. @internal
   */
  put(index: number, value: Value): boolean {
    if (index === 0) this.f0 = value;
    else if (index === 1) this.f1 = value;
    else if (index === 2) this.f2 = value;
    else this.f3 = value;
    return true;
  }
  /** Returns a record with the same fields and without an owner. @internal */
  copy(): RecordValue {
    return new RecordValue(this.typeId, this.f0, this.f1, this.f2, this.f3);
  }
  /** Undoes changes in place: sets all fields to those of a `copy()` that was made before. @internal */
  assign({ f0, f1, f2, f3 }: RecordValue): void {
    this.f0 = f0;
    this.f1 = f1;
    this.f2 = f2;
    this.f3 = f3;
  }
  /** Returns a record with another value for a field that it has. */
  with(index: number, value: Value): RecordValue {
    const { f0, f1, f2, f3 } = this;
    return new RecordValue(
      this.typeId,
      index === 0 ? value : f0,
      index === 1 ? value : f1,
      index === 2 ? value : f2,
      index === 3 ? value : f3,
    );
  }
}

/** The most fields of a record that is not a `WideRecord`. */
export const NARROW_FIELDS = 4;
/** The most fields that a `WideRecord` has in the object itself. */
export const WIDE_FIELDS = 8;

/** A record with more than four fields. If it has more than eight, all of them are also in an array. */
export class WideRecord extends RecordValue {
  declare f4: Value | undefined;
  declare f5: Value | undefined;
  declare f6: Value | undefined;
  declare f7: Value | undefined;
  /** All fields; undefined if there are at most eight. */
  declare all: readonly Value[] | undefined;
  constructor(
    typeId: number,
    f0: Value | undefined,
    f1: Value | undefined,
    f2: Value | undefined,
    f3: Value | undefined,
    f4?: Value,
    f5?: Value,
    f6?: Value,
    f7?: Value,
    all?: readonly Value[],
  ) {
    super(typeId, f0, f1, f2, f3);
    this.f4 = f4;
    this.f5 = f5;
    this.f6 = f6;
    this.f7 = f7;
    this.all = all;
  }
  override get size(): number {
    if (this.all !== undefined) return this.all.length;
    return this.f5 === undefined ? 5 : this.f6 === undefined ? 6 : this.f7 === undefined ? 7 : 8;
  }
  override get fields(): Value[] {
    if (this.all !== undefined) return this.all.slice();
    const fields = [this.f0, this.f1, this.f2, this.f3, this.f4, this.f5, this.f6, this.f7];
    return fields.filter((field) => field !== undefined);
  }
  override get(index: number): Value | undefined {
    switch (index) {
      case 4:
        return this.f4;
      case 5:
        return this.f5;
      case 6:
        return this.f6;
      case 7:
        return this.f7;
      default:
        return index < NARROW_FIELDS ? super.get(index) : this.all?.[index];
    }
  }
  override put(index: number, value: Value): boolean {
    if (this.all !== undefined) this.all = this.all.with(index, value);
    if (index < NARROW_FIELDS) super.put(index, value);
    else if (index === 4) this.f4 = value;
    else if (index === 5) this.f5 = value;
    else if (index === 6) this.f6 = value;
    else if (index === 7) this.f7 = value;
    return true;
  }
  override copy(): WideRecord {
    const { f0, f1, f2, f3, f4, f5, f6, f7, all } = this;
    return new WideRecord(this.typeId, f0, f1, f2, f3, f4, f5, f6, f7, all);
  }
  override assign(copy: WideRecord): void {
    super.assign(copy);
    this.f4 = copy.f4;
    this.f5 = copy.f5;
    this.f6 = copy.f6;
    this.f7 = copy.f7;
    this.all = copy.all;
  }
  override with(index: number, value: Value): RecordValue {
    const copy = this.copy();
    copy.put(index, value);
    return copy;
  }
}

/**
 * A record of at least one field whose fields are all Floats. It holds them unboxed, so that code which computes with them allocates no
 * `FloatValue`. It is a `RecordValue`, but does not call that constructor, which would give it room for boxed fields.
 */
export class FloatRecord {
  declare readonly typeId: number;
  declare owner: Owner | undefined;
  /** Field `i` is at `i + 1`. The number at 0 is no integer, so that V8 stores doubles in the array from the start. */
  declare floats: number[];
  declare f0: undefined;
  declare f1: undefined;
  declare f2: undefined;
  declare f3: undefined;
  declare readonly tag: "Record";
  /** An array for each number of fields, to be copied. */
  static readonly #blanks: number[][] = [];
  /** `floats` begins with `NO_INTEGER`. The record takes ownership of it. */
  constructor(typeId: number, floats: number[]) {
    this.typeId = typeId;
    this.owner = undefined;
    this.floats = floats;
  }
  static of(typeId: number, fields: readonly FloatValue[]): FloatRecord {
    const floats = FloatRecord.blank(fields.length);
    fields.forEach(({ value }, i) => (floats[i + 1] = value));
    return new FloatRecord(typeId, floats);
  }
  /** Returns a new array for `floats` with room for `count` fields. */
  static blank(count: number): number[] {
    const blank = FloatRecord.#blanks[count] ?? [NO_INTEGER, ...Array.from({ length: count }, () => 0)];
    if (count < MAX_BLANKS) FloatRecord.#blanks[count] = blank;
    return blank.slice();
  }
  get size(): number {
    return this.floats.length - 1;
  }
  get fields(): Value[] {
    return this.floats.slice(1).map((value) => new FloatValue(value));
  }
  get(index: number): Value | undefined {
    const value = this.floats[index + 1];
    return value === undefined || index < 0 ? undefined : new FloatValue(value);
  }
  put(index: number, value: Value): boolean {
    if (!(value instanceof FloatValue)) return false;
    this.floats[index + 1] = value.value;
    return true;
  }
  copy(): FloatRecord {
    return new FloatRecord(this.typeId, this.floats.slice());
  }
  assign(copy: FloatRecord): void {
    this.floats = copy.floats;
  }
  with(index: number, value: Value): RecordValue {
    const copy = this.copy();
    return copy.put(index, value) ? copy : RecordValue.of(this.typeId, this.fields.with(index, value));
  }
}
Object.setPrototypeOf(FloatRecord.prototype, RecordValue.prototype);
Object.defineProperty(RecordValue.prototype, "floats", { value: [], writable: true });
/** The first number of `FloatRecord.floats`. */
export const NO_INTEGER = 0.5;
const MAX_BLANKS = 64;

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
export function replaceLoneSurrogates(text: string): string {
  return text.toWellFormed();
}
