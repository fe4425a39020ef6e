/** `json.from` and `json.to`, which convert between data of any type and Json. They need the types of the module. */
import { BorunaError } from "../error.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { BYTES, mapCharge, UNITS } from "../cost.ts";
import type { JsonNode } from "../json/json.ts";
import { foldTypedJson, type JsonInput, type JsonOutput, readTypedJson } from "../json/typed-json.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { instanceUnits, typeTable } from "../value/type-definitions.ts";
import type { Type } from "../value/type.ts";
import { ErrValue, FloatValue, isInt, OkValue, UNIT, UnitValue, type Value } from "../value/value.ts";
import { expectString } from "./code.ts";
import { convertUsual } from "./json-usual.ts";

/** Returns the number of values directly inside a value. Enum payloads, options and results count with the value itself. */
function partCount(value: Value): number {
  if (value instanceof ListValue) return value.length;
  if (value instanceof MapValue) return value.size;
  return typeof value === "object" && value.tag === "Record" ? value.size : 0;
}

/**
 * Converts a value to Json. `typeText` is the text of the value's type. Traps if the value contains functions or ActorIds; only
 * hand-written bytecode passes such values.
 */
export function jsonFromValue(meter: Meter, types: readonly TypeDef[], value: Value, typeText: Value): Value {
  const source = expectString(typeText);
  return convertUsual(meter, types, value, source, "from") ?? jsonFromValueExactly(meter, types, value, source);
}

/** Converts any value, also one at which the fast conversion gives up. */
export function jsonFromValueExactly(meter: Meter, types: readonly TypeDef[], value: Value, typeText: string): Value {
  const work = new WorkMeter(meter);
  const output: JsonOutput<Value> = {
    scalar: (data) => data ?? UNIT,
    list: (items) => ListValue.of(items),
    object: (names, parts) => MapValue.ofKeys(names, parts),
    enter: ({ value: part, type }, depth) => {
      if (depth > MACHINE_LIMITS.valueDepth)
        throw new MachineTrap("invalid_value", `json.from: the value is nested deeper than ${MACHINE_LIMITS.valueDepth}`);
      const count = partCount(part);
      work.add((1 + count) * UNITS.value + instanceUnits(type));
      if (typeof part !== "object") return;
      if (part.tag === "FnRef" || part.tag === "Closure" || part.tag === "ActorId") throw typeTrap("data", part);
      if (part.tag === "List") meter.allocateList(count);
      else if (part.tag !== "Unit" && part.tag !== "None" && part.tag !== "Float") meter.allocate(mapCharge(Math.max(1, count)));
    },
  };
  const type = typeOf(work, types, "json.from", typeText);
  return foldTypedJson({ value, type }, types, output, { hasLegacyVariants: false, form: "foreign" });
}

/** Returns a Json as a `JsonNode`, whose parts are still values. Traps for a value that no Json contains. */
function levelOf(value: Value): JsonNode<Value> {
  if (value instanceof UnitValue) return null;
  if (typeof value === "string" || typeof value === "boolean" || isInt(value) || value instanceof FloatValue) return value;
  if (value instanceof ListValue) return value.toArray();
  if (value instanceof MapValue) return value;
  throw typeTrap("Json", value);
}

/**
 * Reads a value from a Json. `typeText` is the text of the value's type. Returns Ok of the value, or Err of a text that says where the Json
 * is wrong.
 */
export function valueFromJson(meter: Meter, types: readonly TypeDef[], json: Value, typeText: Value): Value {
  const source = expectString(typeText);
  const value = convertUsual(meter, types, json, source, "to");
  return value === undefined ? valueFromJsonExactly(meter, types, json, source) : new OkValue(value);
}

/** Reads any value, also one at which the fast conversion gives up. */
export function valueFromJsonExactly(meter: Meter, types: readonly TypeDef[], json: Value, typeText: string): Value {
  const work = new WorkMeter(meter);
  const input: JsonInput<Value> = {
    open: (data, type) => {
      work.add((1 + partCount(data)) * UNITS.value + instanceUnits(type));
      return levelOf(data);
    },
    allocate: (bytes) => meter.allocate(bytes),
    nullData: UNIT,
  };
  const type = typeOf(work, types, "json.to", typeText);
  try {
    const value = readTypedJson(json, type, types, input, { root: "$", form: "foreign" });
    meter.allocate(BYTES.wrapper);
    return new OkValue(value);
  } catch (error) {
    if (!(error instanceof BorunaError) || (error.kind !== "value.form" && error.kind !== "value.too_deep")) throw error;
    meter.allocateString(error.message.length);
    meter.allocate(BYTES.wrapper);
    return new ErrValue(error.message);
  }
}

/** Parses the text of a type. The compiler writes only valid texts. */
function typeOf(work: WorkMeter, types: readonly TypeDef[], builtin: string, source: string): Type {
  work.add(source.length * UNITS.convertedCodeUnit);
  const type = typeTable(types).typeIfValid(source);
  if (type === undefined) throw new MachineTrap("type_error", `${builtin}: not a type`);
  return type;
}
