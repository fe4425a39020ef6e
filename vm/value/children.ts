import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { ActorIdValue, type CompoundValue, FloatValue, FnRefValue, NoneValue, UnitValue, type Value } from "./value.ts";

type LeafValue = UnitValue | NoneValue | FloatValue | ActorIdValue | FnRefValue;

export function isCompound(value: Value): value is CompoundValue {
  return typeof value === "object";
}

/** Whether a value of this kind can contain others; it may be empty. */
export function isContainer(value: Value): value is Exclude<CompoundValue, LeafValue> {
  return !(
    typeof value !== "object" ||
    value instanceof FloatValue ||
    value instanceof UnitValue ||
    value instanceof NoneValue ||
    value instanceof ActorIdValue ||
    value instanceof FnRefValue
  );
}

/** The values directly inside, in order. The keys of a map are not among them. Makes no copy of a list or map. */
export function childrenOf(value: CompoundValue): Iterable<Value> {
  if (value instanceof ListValue) return value;
  return value instanceof MapValue ? value.values() : fieldsOf(value);
}

/** `childrenOf` for a value that is neither a list nor a map. */
export function fieldsOf(value: Exclude<CompoundValue, ListValue | MapValue>): readonly Value[] {
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
