/**
 * Converts usual data to Json and back, along the plan of its type (`json-plan.ts`). Charges nothing: a conversion counts, and its caller
 * then charges. It gives up at anything unusual, such as an error, deep nesting, or more work than the limits can pay for. Then the
 * conversions of `typed-json.ts` start from the beginning.
 */
import type { TypeDef } from "../bytecode/module.ts";
import { BYTES, mapCharge, slotsCharge, UNITS, UNITS_PER_STEP } from "../cost.ts";
import type { Meter } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { EnumValue, FloatValue, isInt, NONE, NoneValue, RecordValue, SomeValue, UNIT, UnitValue, type Value } from "../value/value.ts";
import { typeTable } from "../value/type-definitions.ts";
import { type Plan, planOf, type RecordPlan, type VariantPlan } from "./json-plan.ts";

const MAX_DEPTH = 200;
/** The limit on the work of one conversion, which does not poll the host. This much takes 20 to 50 ms. */
const MAX_UNITS = 2 ** 22;

/**
 * Converts a usual value as `json.from` or `json.to` does, and charges for it. Returns the value without the Ok of `json.to`. Returns undefined,
 * and charges nothing, if the value is unusual or costs more than the limits allow.
 */
export function convertUsual(
  meter: Meter,
  types: readonly TypeDef[],
  value: Value,
  typeText: string,
  direction: "from" | "to",
): Value | undefined {
  const steps = meter.maxSteps - meter.steps;
  const bytes = meter.maxAllocBytes - meter.allocBytes;
  const conversion = new (direction === "from" ? JsonFromData : DataFromJson)(Math.min(MAX_UNITS, steps * UNITS_PER_STEP), bytes);
  conversion.units = typeText.length * UNITS.convertedCodeUnit;
  const table = typeTable(types);
  const type = table.typeIfValid(typeText);
  const converted = type === undefined ? undefined : conversion.convert(value, planOf(table, type), 0);
  const charge = Math.floor(conversion.units / UNITS_PER_STEP);
  if (converted === undefined || charge > steps || conversion.bytes > bytes) return undefined;
  meter.allocate(conversion.bytes);
  meter.addSteps(charge);
  return converted;
}

/** A conversion of one value. It counts its units of work, and the bytes that it makes. */
abstract class Conversion {
  readonly #maxUnits: number;
  readonly #maxBytes: number;
  units: number = 0;
  bytes: number = 0;

  /** The conversion gives up beyond these limits. */
  constructor(maxUnits: number, maxBytes: number) {
    this.#maxUnits = maxUnits;
    this.#maxBytes = maxBytes;
  }

  /** Converts a value that has the type of the plan. Returns undefined to give up. */
  abstract convert(value: Value, plan: Plan, depth: number): Value | undefined;

  /** Counts a value with so many parts. Returns false to give up. */
  protected enter(units: number, parts: number, bytes: number, depth: number): boolean {
    this.units += units + parts * UNITS.value;
    this.bytes += bytes;
    return depth < MAX_DEPTH && this.units <= this.#maxUnits && this.bytes <= this.#maxBytes;
  }

  /** Converts all elements of an array in place. Returns false to give up. */
  protected convertAll(values: Value[], plan: Plan, depth: number): boolean {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const converted = value === undefined ? undefined : this.convert(value, plan, depth);
      if (converted === undefined) return false;
      values[i] = converted;
    }
    return true;
  }

  protected list(list: ListValue, plan: Plan, depth: number): Value | undefined {
    const items = list.toArray();
    return this.convertAll(items, plan, depth + 1) ? ListValue.of(items) : undefined;
  }

  protected map(map: MapValue, plan: Plan, depth: number): Value | undefined {
    const keys = [...map.keys()];
    const values = [...map.values()];
    return this.convertAll(values, plan, depth + 1) ? MapValue.ofKeys(keys, values) : undefined;
  }
}

/** Does the same as `json.from`. */
class JsonFromData extends Conversion {
  override convert(value: Value, plan: Plan, depth: number): Value | undefined {
    switch (plan.kind) {
      case "primitive":
        this.units += plan.units;
        if (typeof value !== "object" || value instanceof UnitValue) return value;
        return value instanceof FloatValue && Number.isFinite(value.value) ? value : undefined;
      case "option":
        if (value instanceof SomeValue) return depth < MAX_DEPTH ? this.convert(value.value, plan.part, depth + 1) : undefined;
        this.units += plan.units;
        return value instanceof NoneValue ? UNIT : undefined;
      case "list":
        if (!(value instanceof ListValue) || !this.enter(plan.units, value.length, slotsCharge(value.length), depth)) return undefined;
        return this.list(value, plan.part, depth);
      case "map":
        if (!(value instanceof MapValue) || !this.enter(plan.units, value.size, containerCharge(value.size), depth)) return undefined;
        return this.map(value, plan.part, depth);
      case "record": {
        const fields = plan.fields();
        const count = fields.parts.length;
        if (!(value instanceof RecordValue) || value.typeId !== plan.id || value.size !== count) return undefined;
        return this.enter(plan.units, count, containerCharge(count), depth) ? this.#record(value, fields, depth) : undefined;
      }
      case "enum":
        if (!(value instanceof EnumValue) || value.typeId !== plan.id || !this.enter(plan.units, 0, containerCharge(0), depth))
          return undefined;
        return this.#enum(value, plan.variants()[value.variant], depth);
      case "unusual":
        return undefined;
    }
  }

  #record(record: RecordValue, { names, order, parts }: RecordPlan, depth: number): Value | undefined {
    const values: Value[] = [];
    for (const index of order) {
      const value = record.get(index);
      const plan = parts[index];
      const part = value === undefined || plan === undefined ? undefined : this.convert(value, plan, depth + 1);
      if (part === undefined) return undefined;
      values.push(part);
    }
    return names === undefined ? ListValue.of(values) : MapValue.ofAscendingKeys(names, values);
  }

  #enum({ payload }: EnumValue, variant: VariantPlan | undefined, depth: number): Value | undefined {
    if (variant?.payload === undefined) return variant?.name;
    const part = this.convert(payload, variant.payload, depth + 1);
    return part === undefined ? undefined : MapValue.ofAscendingKeys([variant.name], [part]);
  }
}

/** Returns the bytes that `json.from` charges for an object of `count` members, and also for a tuple. */
const containerCharge = (count: number): number => mapCharge(Math.max(1, count));

/** Does the same as `json.to`. `convert` returns the data without the Ok, but the bytes of the Ok are counted. */
class DataFromJson extends Conversion {
  override bytes: number = BYTES.wrapper;

  override convert(json: Value, plan: Plan, depth: number): Value | undefined {
    switch (plan.kind) {
      case "primitive":
        this.units += plan.units;
        switch (plan.name) {
          case "Int":
            return isInt(json) ? json : undefined;
          case "Float":
            return json instanceof FloatValue ? json : isInt(json) ? new FloatValue(Number(json)) : undefined;
          case "String":
            return typeof json === "string" ? json : undefined;
          case "Bool":
            return typeof json === "boolean" ? json : undefined;
          case "Unit":
            return json instanceof UnitValue ? json : undefined;
          case "Json":
            return typeof json !== "object" || json instanceof UnitValue || json instanceof FloatValue ? json : undefined;
          case "ActorId":
            return undefined;
        }
        break;
      case "option": {
        if (!this.enter(plan.units, partCount(json), json instanceof UnitValue ? 0 : BYTES.wrapper, depth)) return undefined;
        if (json instanceof UnitValue) return NONE;
        const part = this.convert(json, plan.part, depth + 1);
        return part === undefined ? undefined : new SomeValue(part);
      }
      case "list":
        if (!(json instanceof ListValue) || !this.enter(plan.units, json.length, slotsCharge(json.length), depth)) return undefined;
        return this.list(json, plan.part, depth);
      case "map":
        if (!(json instanceof MapValue) || !this.enter(plan.units, json.size, mapCharge(json.size), depth)) return undefined;
        return this.map(json, plan.part, depth);
      case "record": {
        const fields = plan.fields();
        if (!this.enter(plan.units, partCount(json), slotsCharge(fields.parts.length), depth)) return undefined;
        return this.#record(json, plan.id, fields, depth);
      }
      case "enum":
        if (!this.enter(plan.units, partCount(json), BYTES.enumValue, depth)) return undefined;
        return this.#enum(json, plan.id, plan.variants(), depth);
      case "unusual":
        return undefined;
    }
  }

  #record(json: Value, id: number, { names, order, parts }: RecordPlan, depth: number): Value | undefined {
    const values = names === undefined ? elementsOf(json, parts.length) : membersOf(json, names, order);
    if (values === undefined) return undefined;
    for (let i = 0; i < parts.length; i++) {
      const plan = parts[i];
      // A missing Option is None.
      const value = values[i] ?? (names !== undefined && plan?.kind === "option" ? UNIT : undefined);
      const part = value === undefined || plan === undefined ? undefined : this.convert(value, plan, depth + 1);
      if (part === undefined) return undefined;
      values[i] = part;
    }
    return RecordValue.of(
      id,
      values.filter((value) => value !== undefined),
    );
  }

  #enum(json: Value, id: number, variants: readonly VariantPlan[], depth: number): Value | undefined {
    if (typeof json === "string") {
      const index = variants.findIndex(({ name }) => name === json);
      return variants[index]?.payload === undefined && index >= 0 ? new EnumValue(id, index, UNIT) : undefined;
    }
    if (!(json instanceof MapValue) || json.size !== 1) return undefined;
    for (const [key, payload] of json.entries()) {
      const index = variants.findIndex(({ name }) => name === key);
      const plan = variants[index]?.payload;
      const part = plan === undefined ? undefined : this.convert(payload, plan, depth + 1);
      return part === undefined ? undefined : new EnumValue(id, index, part);
    }
    return undefined;
  }
}

const partCount = (json: Value): number => (json instanceof ListValue ? json.length : json instanceof MapValue ? json.size : 0);

/** Returns the elements of a list of this length. */
const elementsOf = (json: Value, length: number): (Value | undefined)[] | undefined =>
  json instanceof ListValue && json.length === length ? json.toArray() : undefined;

/**
 * Returns the members of an object with the names, which are ascending. The member with the name `names[i]` is at `order[i]`; it is undefined if the
 * object lacks it.
 */
function membersOf(json: Value, names: readonly string[], order: readonly number[]): (Value | undefined)[] | undefined {
  if (!(json instanceof MapValue)) return undefined;
  const values: (Value | undefined)[] = order.map(() => undefined);
  // Objects usually have just these members, which a walk in the order of keys finds soonest.
  let found = 0;
  if (json.size <= 2 * names.length) {
    json.forEach((key, value) => {
      if (key !== names[found]) return;
      values[order[found] ?? 0] = value;
      found += 1;
    });
  }
  for (let i = found; i < names.length; i++) values[order[i] ?? 0] = json.get(names[i] ?? "");
  return values;
}
