import { childrenOf, isObjectValue } from "../vm/value/children.ts";
import { MapValue } from "../vm/value/map.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import type { Value } from "../vm/value/value.ts";

/**
 * UTF-8 bytes of all Strings inside the values, map keys included. Other scalars count 0.
 * Iterative, because a value may nest deeper than the JavaScript call stack.
 */
export function utf8BytesWithin(values: readonly Value[]): number {
  let bytes = 0;
  const pending: Value[] = [...values];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === "string") bytes += utf8Length(value);
    else if (isObjectValue(value)) {
      if (value instanceof MapValue) for (const key of value.keys()) bytes += utf8Length(key);
      for (const child of childrenOf(value)) pending.push(child);
    }
  }
  return bytes;
}
