/** The native builtins of the module `map`. */
import { BYTES, mapCharge, mapChangeCharge, treeLevels, UNITS } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { FlatEntries, MAX_FLAT_SIZE } from "../value/flat-entries.ts";
import { MapValue } from "../value/map.ts";
import { MachineTrap, type Meter, WorkMeter } from "../meter.ts";
import { NONE, SomeValue, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectMap, expectString } from "./code.ts";

/** Charges for finding a key in a map of this size. */
export function chargeKey(meter: Meter, size: number, key: string): void {
  meter.charge(key.length * treeLevels(size) * UNITS.codeUnit);
}

/** Charges for `map.get`, and returns the value inside its result; undefined for None. */
export function findEntry(meter: Meter, a: Value, b: Value): Value | undefined {
  const entries = expectMap(a);
  const key = expectString(b);
  chargeKey(meter, entries.size, key);
  const value = entries.get(key);
  if (value !== undefined) meter.allocate(BYTES.wrapper);
  return value;
}

/** Returns the map with the key set to the value. */
export function setEntry(meter: Meter, entries: MapValue, key: string, value: Value): MapValue {
  chargeKey(meter, entries.size, key);
  meter.allocate(mapChangeCharge(entries.size));
  return entries.set(key, value);
}

/** Does the same as `map.set` for a map that nothing else refers to, which changes in place. */
export function setUniqueEntry(meter: Meter, a: Value, b: Value, value: Value): Value {
  const entries = chargeChange(meter, a, b);
  entries.setUnique(expectString(b), value);
  return entries;
}

/** Does the same as `map.remove` for a map that nothing else refers to, which changes in place. */
export function removeUniqueEntry(meter: Meter, a: Value, b: Value): Value {
  const entries = chargeChange(meter, a, b);
  entries.deleteUnique(expectString(b));
  return entries;
}

/** Charges for a change of a map in place, and makes it a map without an owner, like each new version. */
function chargeChange(meter: Meter, a: Value, b: Value): MapValue {
  const entries = expectMap(a);
  chargeKey(meter, entries.size, expectString(b));
  meter.allocate(mapChangeCharge(entries.size));
  entries.owner = undefined;
  entries.unpaidChanges = 0;
  return entries;
}

/** Returns a list of the keys or values of a map, in the order of keys. */
function listOf(meter: Meter, entries: MapValue, part: (key: string, value: Value) => Value): Value {
  meter.charge(entries.size * UNITS.entry);
  meter.allocateList(entries.size);
  return ListValue.of(entries.toArray(part));
}

function merge(meter: Meter, first: MapValue, second: MapValue): Value {
  const work = new WorkMeter(meter);
  let result = first;
  for (const [key, value] of second.entries()) {
    work.add(UNITS.entry + key.length * treeLevels(result.size) * UNITS.codeUnit);
    meter.allocate(mapChangeCharge(result.size));
    result = result.set(key, value);
  }
  return result;
}

/** Makes a map from the array `flat`, in which keys and values alternate. */
export function makeMap(meter: Meter, flat: readonly Value[]): Value {
  const work = new WorkMeter(meter);
  meter.allocate(mapCharge(flat.length / 2));
  const keys: string[] = [];
  const values: Value[] = [];
  let result: MapValue | undefined;
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const key = expectString(flat[i] ?? NONE);
    work.add(UNITS.entry + key.length * treeLevels(result?.size ?? keys.length) * UNITS.codeUnit);
    const value = flat[i + 1] ?? NONE;
    if (result === undefined && keys.length < MAX_FLAT_SIZE && !keys.includes(key)) {
      keys.push(key);
      values.push(value);
    } else {
      result ??= MapValue.ofFlat(new FlatEntries(keys, values, false));
      result.setUnique(key, value);
    }
  }
  if (result !== undefined) return result;
  return keys.length === 0 ? MapValue.EMPTY : MapValue.ofFlat(new FlatEntries(keys, values, false));
}

/** The maximum number of code units of a key that a trap shows. */
const MAX_SHOWN_KEY = 40;

/** Returns the trap for a key that a map lacks. `help` says what to use instead. */
export function missingKey(key: string, help: string): MachineTrap {
  const shownKey = JSON.stringify(key.length <= MAX_SHOWN_KEY ? key : `${key.slice(0, MAX_SHOWN_KEY)}…`);
  return new MachineTrap("index_out_of_bounds", `the map has no key ${shownKey}: ${help}`);
}

export const MAP_CODE: readonly (readonly [string, BuiltinCode])[] = [
  [
    "map.get",
    code(2, (meter, a, b) => {
      const value = findEntry(meter, a, b);
      return value === undefined ? NONE : new SomeValue(value);
    }),
  ],
  [
    "map.at",
    code(2, (meter, a, b) => {
      const entries = expectMap(a);
      const key = expectString(b);
      chargeKey(meter, entries.size, key);
      const value = entries.get(key);
      if (value === undefined) throw missingKey(key, "map.get returns an Option");
      return value;
    }),
  ],
  ["map.set", code(3, (meter, a, b, c) => setEntry(meter, expectMap(a), expectString(b), c))],
  [
    "map.remove",
    code(2, (meter, a, b) => {
      const entries = expectMap(a);
      const key = expectString(b);
      chargeKey(meter, entries.size, key);
      meter.allocate(mapChangeCharge(entries.size));
      return entries.delete(key);
    }),
  ],
  [
    "map.contains_key",
    code(2, (meter, a, b) => {
      const entries = expectMap(a);
      const key = expectString(b);
      chargeKey(meter, entries.size, key);
      return entries.has(key);
    }),
  ],
  ["map.keys", code(1, (meter, a) => listOf(meter, expectMap(a), (key) => key))],
  ["map.values", code(1, (meter, a) => listOf(meter, expectMap(a), (_key, value) => value))],
  ["map.len", code(1, (_meter, a) => expectMap(a).size)],
  ["map.merge", code(2, (meter, a, b) => merge(meter, expectMap(a), expectMap(b)))],
];
