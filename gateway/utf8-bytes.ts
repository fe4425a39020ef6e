import { childrenOf, isObjectValue } from "../vm/value/children.ts";
import { MapValue } from "../vm/value/map.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import type { Value } from "../vm/value/value.ts";

/**
 * Returns the UTF-8 bytes of all Strings inside the values, including map keys. Other scalars count 0.
 * Does not recurse, because a value may nest deeper than the JavaScript call stack.
 */
export function utf8BytesOfStrings(values: readonly Value[]): number {
  let bytes = 0;
  const unvisited: Value[] = [...values];
  for (let value = unvisited.pop(); value !== undefined; value = unvisited.pop()) {
    if (typeof value === "string") bytes += utf8Length(value);
    else if (isObjectValue(value)) {
      if (value instanceof MapValue) for (const key of value.keys()) bytes += utf8Length(key);
      for (const child of childrenOf(value)) unvisited.push(child);
    }
  }
  return bytes;
}
