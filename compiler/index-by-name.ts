/** Finds a field or a variant by its name. */
import { memoizePerObject } from "../vm/lazy.ts";

interface Named {
  readonly name: string;
}

/** Up to this number of fields or variants, `indexByName` compares one name after the other. */
const FEW_PARTS = 16;

/** Returns the index of the field or variant with the name; -1 if there is none. If several have the name, the last one counts. */
export function indexByName(parts: readonly Named[], name: string): number {
  if (parts.length > FEW_PARTS) return indexesOf(parts).get(name) ?? -1;
  let index = parts.length - 1;
  while (index >= 0 && parts[index]?.name !== name) index -= 1;
  return index;
}

/** Returns a map from each name to its index. Cached, because a type may have thousands of fields or variants. */
const indexesOf = memoizePerObject(
  (parts: readonly Named[]): ReadonlyMap<string, number> => new Map(parts.map((part, i) => [part.name, i])),
);
