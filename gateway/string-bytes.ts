import { childrenOf, isCompound } from "../vm/value/children.ts";
import { MapValue } from "../vm/value/map.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import type { Value } from "../vm/value/value.ts";

/**
 * UTF-8 bytes of every String reachable from the values, map keys included; numbers, Bool and Unit count 0.
 * Iterative, since values may nest deeper than the host's stack.
 */
export function stringBytes(values: readonly Value[]): number {
  let bytes = 0;
  const pending: Value[] = [...values];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === "string") bytes += utf8Length(value);
    else if (isCompound(value)) {
      if (value instanceof MapValue) for (const key of value.keys()) bytes += utf8Length(key);
      for (const child of childrenOf(value)) pending.push(child);
    }
  }
  return bytes;
}
