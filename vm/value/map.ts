import type { FlatEntries } from "./flat-entries.ts";
import type { MapNode } from "./map-tree.ts";
import { PersistentMap } from "./persistent-map.ts";
import type { Value } from "./value.ts";

/** A Map of the language: a persistent map from Strings to values. */
export type MapValue = PersistentMap<Value>;

/** The static members of `PersistentMap`, with `Value` as the type of the map's values. */
interface MapClass extends Function {
  readonly prototype: MapValue;
  readonly EMPTY: MapValue;
  from(entries: Iterable<readonly [string, Value]>): MapValue;
  ofKeys(keys: readonly string[], values: readonly Value[]): MapValue;
  ofAscendingKeys(keys: readonly string[], values: readonly Value[]): MapValue;
  ofFlat(flat: FlatEntries<Value>): MapValue;
  ofRoot(root: MapNode<Value>): MapValue;
  isMap(value: object): value is PersistentMap<unknown>;
}
export const MapValue: MapClass = PersistentMap;
