import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { ActorIdValue, type ObjectValue, FloatValue, FnRefValue, NoneValue, UnitValue, type Value } from "./value.ts";

type LeafValue = UnitValue | NoneValue | FloatValue | ActorIdValue | FnRefValue;

export function isObjectValue(value: Value): value is ObjectValue {
  return typeof value === "object";
}

/** Returns whether a value of this kind can contain other values. An empty list is also a container. */
export function isContainer(value: Value): value is Exclude<ObjectValue, LeafValue> {
  return !(
    typeof value !== "object" ||
    value instanceof FloatValue ||
    value instanceof UnitValue ||
    value instanceof NoneValue ||
    value instanceof ActorIdValue ||
    value instanceof FnRefValue
  );
}

/** Returns the values directly inside, in order. For a map, returns only the values, not the keys. Does not copy a list or map. */
export function childrenOf(value: ObjectValue): Iterable<Value> {
  if (value instanceof ListValue) return value;
  return value instanceof MapValue ? value.values() : partsOf(value);
}

/** Does the work of `childrenOf` for a value that is neither a list nor a map. */
export function partsOf(value: Exclude<ObjectValue, ListValue | MapValue>): readonly Value[] {
  switch (value.tag) {
    case "Some":
    case "Ok":
    case "Err":
      return [value.value];
    case "Record":
      return value.fields;
    case "Enum":
      return [value.payload];
    case "Closure":
      return value.captured;
    case "Unit":
    case "None":
    case "Float":
    case "ActorId":
    case "FnRef":
      return [];
  }
}
