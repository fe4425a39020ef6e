/** The native builtins of the module `list`. */
import { addInts } from "../value/arithmetic.ts";
import { BYTES, listChangeCharge, slotsCharge, UNITS, unpaidListChanges } from "../cost.ts";
import { compareTotal, equalWith } from "../value/equality.ts";
import { ListValue } from "../value/list.ts";
import { MachineTrap, type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { type IntValue, isInt, NONE, SomeValue, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectInt, expectList, optionOf } from "./code.ts";

/** Charges for `list.get`, and returns the value inside its result; undefined for None. */
export function findElement(meter: Meter, xs: Value, index: Value): Value | undefined {
  const items = expectList(xs);
  const at = expectInt(index);
  const value = typeof at === "number" ? items.get(at) : undefined;
  if (value !== undefined) meter.allocate(BYTES.wrapper);
  return value;
}

/** Returns the element at an index. Traps if the index is out of range. */
export function elementAt(xs: Value, index: Value): Value {
  const at = expectInt(index);
  const items = expectList(xs);
  const value = typeof at === "number" ? items.get(at) : undefined;
  if (value === undefined) throw new MachineTrap("index_out_of_bounds", `list index out of bounds: index ${at}, length ${items.length}`);
  return value;
}

/** Returns the list with another value at an index. Traps if the index is out of range. */
export function setElement(meter: Meter, items: ListValue, at: number, value: Value): ListValue {
  meter.allocateList(items.length, listChangeCharge(items.length));
  return items.set(at, value);
}

/** Returns an Int as an index of the list. Traps if it is out of range. */
export function indexInto(items: ListValue, index: Value): number {
  const at = expectInt(index);
  if (typeof at === "number" && at >= 0 && at < items.length) return at;
  const hint = at === items.length ? "; list.push adds an element" : "";
  throw new MachineTrap("index_out_of_bounds", `list index out of bounds: index ${at}, length ${items.length}${hint}`);
}

/** Does the same as `list.push`, but may change the list in place. Nothing else may refer to the list. */
export function growList(meter: Meter, xs: Value, value: Value): Value {
  const items = expectList(xs);
  meter.allocateList(items.length + 1, BYTES.push);
  const grown = items.grow(value);
  if (grown !== items) return paidVersion(items, grown);
  if (!items.ownsArray) takePaidArray(items);
  return items;
}

/** Counts a change of a list to which nothing else refers. Gives it an array of its own if the charges for such changes have paid for one. */
function takePaidArray(items: ListValue): void {
  items.paidChanges += 1;
  if (items.paidChanges < unpaidListChanges(items.length)) return;
  items.takeArray();
  items.paidChanges = 0;
}

/** Does the same as `list.take` for a list to which nothing else refers. */
export function takeOfUnique(meter: Meter, xs: Value, count: Value): Value {
  meter.allocate(BYTES.push);
  const items = expectList(xs);
  return paidVersion(items, items.slice(0, listIndex(expectInt(count))));
}

/** Returns the version of a list after a change. Gives it an array of its own if the charges for such changes have paid for one (see `withElement`). */
function paidVersion(before: ListValue, after: ListValue): ListValue {
  if (after === before || after.length === 0 || after.ownsArray) return after;
  after.paidChanges = before.paidChanges + 1;
  return after.paidChanges < unpaidListChanges(after.length) ? after : ListValue.of(after.toArray());
}

/** Does the same as `list.take`, but may change the list in place. Nothing else may refer to the list or its storage. */
export function shortenList(meter: Meter, xs: Value, count: Value): Value {
  meter.allocate(BYTES.push);
  return expectList(xs).shorten(listIndex(expectInt(count)));
}

/** Does the same as `list.take`. The result may be a view of the list's storage, which it can take over later (see `PersistentList.view`). */
export function viewList(meter: Meter, xs: Value, count: Value): Value {
  meter.allocate(BYTES.push);
  return expectList(xs).prefixOfArray(listIndex(expectInt(count)));
}

/** Does the same as `list.set`, but may change the list in place. Nothing else may refer to the list or its storage. */
export function setUniqueElement(meter: Meter, xs: Value, index: Value, value: Value): Value {
  const items = expectList(xs);
  const at = indexInto(items, index);
  meter.allocateList(items.length, listChangeCharge(items.length));
  return items.setUnique(at, value) ? items : items.set(at, value);
}

export function concatLists(meter: Meter, a: ListValue, b: ListValue): Value {
  meter.charge(b.length * UNITS.slot);
  meter.allocateList(a.length + b.length, BYTES.push + BYTES.slot * b.length);
  return a.concat(b);
}

function indexOf(meter: Meter, xs: ListValue, target: Value): number {
  const work = new WorkMeter(meter);
  for (let at = 0; at < xs.length; at++) {
    const value = xs.get(at);
    if (value !== undefined && equalWith(value, target, work)) return at;
  }
  return -1;
}

/**
 * Sorts with a stable, bottom-up merge sort. It cannot use `Array.prototype.sort`: the comparisons are charged as steps, and each
 * JavaScript engine may compare other pairs.
 */
function mergeSort<T>(items: readonly T[], compare: (a: T, b: T) => number): T[] {
  // Two arrays swap roles, because making a new array for each width would take most of the time.
  let runs = items.slice();
  let mergedRuns = items.slice();
  for (let width = 1; width < items.length; width *= 2) {
    let to = 0;
    for (let start = 0; start < runs.length; start += 2 * width) {
      const middle = Math.min(start + width, runs.length);
      const end = Math.min(middle + width, runs.length);
      let i = start;
      let j = middle;
      for (let a = runs[i], b = runs[j]; a !== undefined && b !== undefined && i < middle && j < end; to++) {
        if (compare(a, b) <= 0) {
          mergedRuns[to] = a;
          i += 1;
          a = runs[i];
        } else {
          mergedRuns[to] = b;
          j += 1;
          b = runs[j];
        }
      }
      // One of the two runs has elements left.
      const [from, until] = i < middle ? [i, middle] : [j, end];
      for (let restIndex = from; restIndex < until; restIndex++, to++) {
        const item = runs[restIndex];
        if (item !== undefined) mergedRuns[to] = item;
      }
    }
    [runs, mergedRuns] = [mergedRuns, runs];
  }
  return runs;
}

function sort(meter: Meter, xs: ListValue): Value {
  const work = new WorkMeter(meter);
  meter.allocateList(xs.length);
  return ListValue.of(mergeSort(xs.toArray(), (a, b) => compareTotal(a, b, work)));
}

function unique(meter: Meter, xs: ListValue): Value {
  const work = new WorkMeter(meter);
  // The charge is for the worst case. The result may be shorter.
  meter.allocateList(xs.length);
  const items = xs.toArray();
  const sorted = mergeSort(
    items.map((value, at) => ({ value, at })),
    (a, b) => compareTotal(a.value, b.value, work),
  );
  const first = new Set<number>();
  let previous: Value | undefined;
  for (const { value, at } of sorted) {
    if (previous === undefined || compareTotal(previous, value, work) !== 0) first.add(at);
    previous = value;
  }
  return ListValue.of(items.filter((_, at) => first.has(at)));
}

function range(meter: Meter, from: IntValue, to: IntValue): Value {
  if (to <= from) return ListValue.EMPTY;
  // A difference outside the safe integers is rounded, but the charge for so many elements traps anyway.
  const count = Number(BigInt(to) - BigInt(from));
  meter.charge(count * UNITS.entry);
  meter.allocateList(count);
  const items: Value[] = [];
  for (let i = 0; i < count; i++) items.push(addInts(from, i));
  return ListValue.of(items);
}

function flatten(meter: Meter, xs: ListValue): Value {
  const work = new WorkMeter(meter);
  const parts: ListValue[] = [];
  let count = 0;
  for (const part of xs) {
    if (!(part instanceof ListValue)) throw typeTrap("List", part);
    work.add((1 + part.length) * UNITS.slot);
    count += part.length;
    parts.push(part);
  }
  meter.allocateList(count);
  const items: Value[] = [];
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const value = part.get(i);
      if (value !== undefined) items.push(value);
    }
  }
  return ListValue.of(items);
}

function sum(meter: Meter, xs: ListValue): Value {
  meter.charge(xs.length * UNITS.slot);
  let total: IntValue = 0;
  for (let i = 0; i < xs.length; i++) {
    const value = xs.get(i);
    if (value === undefined || !isInt(value)) throw typeTrap("Int", value);
    const sum: number = typeof total === "number" && typeof value === "number" ? total + value : Number.NaN;
    total = sum <= Number.MAX_SAFE_INTEGER && sum >= Number.MIN_SAFE_INTEGER ? sum : addInts(total, value);
  }
  return total;
}

/** Returns the best element, or the first of several. `isBetter` gets the order of an element and the best one so far. */
function extreme(meter: Meter, xs: ListValue, isBetter: (order: number) => boolean): Value {
  const work = new WorkMeter(meter);
  let best: Value | undefined;
  for (let i = 0; i < xs.length; i++) {
    const value = xs.get(i);
    if (value !== undefined && (best === undefined || isBetter(compareTotal(value, best, work)))) best = value;
  }
  return optionOf(meter, best);
}

function repeat(meter: Meter, value: Value, times: IntValue): Value {
  if (times <= 0) return ListValue.EMPTY;
  const count = Number(times);
  meter.charge(count * UNITS.slot);
  meter.allocateList(count);
  const items: Value[] = [];
  for (let i = 0; i < count; i++) items.push(value);
  return ListValue.of(items);
}

/** Returns a list of `count` slices of `xs` with at most `size` elements. Each slice begins `distance` elements after the previous one. */
function pieces(meter: Meter, xs: ListValue, count: number, size: number, distance: number): Value {
  meter.charge(count * UNITS.entry);
  meter.allocateList(count, slotsCharge(count) + count * BYTES.push);
  return ListValue.of(Array.from({ length: count }, (_, i) => xs.slice(i * distance, i * distance + size)));
}

/** Returns the length of the pieces of a list as a number. A bigint loses precision, but any bigint is longer than all lists. */
function pieceLength(name: string, value: IntValue): number {
  if (value < 1) throw new MachineTrap("invalid_value", `${name}: the length is below 1`);
  return Number(value);
}

/** Converts an Int to a list index. A bigint loses precision, but any bigint is out of range. */
const listIndex = (value: IntValue): number => Number(value);

export const LIST_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["list.len", code(1, (_meter, a) => expectList(a).length)],
  ["list.is_empty", code(1, (_meter, a) => expectList(a).length === 0)],
  ["list.first", code(1, (meter, a) => optionOf(meter, expectList(a).get(0)))],
  [
    "list.tail",
    code(1, (meter, a) => {
      meter.allocate(BYTES.push);
      return expectList(a).slice(1, Number.POSITIVE_INFINITY);
    }),
  ],
  [
    "list.last",
    code(1, (meter, a) => {
      const xs = expectList(a);
      return optionOf(meter, xs.get(xs.length - 1));
    }),
  ],
  [
    "list.get",
    code(2, (meter, a, b) => {
      const value = findElement(meter, a, b);
      return value === undefined ? NONE : new SomeValue(value);
    }),
  ],
  ["list_get", code(2, (_meter, a, b) => elementAt(a, b))],
  [
    "list.push",
    code(2, (meter, a, b) => {
      const xs = expectList(a);
      meter.allocateList(xs.length + 1, BYTES.push);
      return xs.push(b);
    }),
  ],
  [
    "list.set",
    code(3, (meter, a, b, c) => {
      const xs = expectList(a);
      return setElement(meter, xs, indexInto(xs, b), c);
    }),
  ],
  ["list.concat", code(2, (meter, a, b) => concatLists(meter, expectList(a), expectList(b)))],
  [
    "list.reverse",
    code(1, (meter, a) => {
      const xs = expectList(a);
      meter.charge(xs.length * UNITS.slot);
      meter.allocateList(xs.length);
      return ListValue.of(xs.toArray().reverse());
    }),
  ],
  [
    "list.slice",
    code(3, (meter, a, b, c) => {
      meter.allocate(BYTES.push);
      return expectList(a).slice(listIndex(expectInt(b)), listIndex(expectInt(c)));
    }),
  ],
  [
    "list.take",
    code(2, (meter, a, b) => {
      meter.allocate(BYTES.push);
      return expectList(a).slice(0, listIndex(expectInt(b)));
    }),
  ],
  [
    "list.drop",
    code(2, (meter, a, b) => {
      meter.allocate(BYTES.push);
      return expectList(a).slice(listIndex(expectInt(b)), Number.POSITIVE_INFINITY);
    }),
  ],
  [
    "list.chunks",
    code(2, (meter, a, b) => {
      const xs = expectList(a);
      const size = pieceLength("list.chunks", expectInt(b));
      return pieces(meter, xs, Math.ceil(xs.length / size), size, size);
    }),
  ],
  [
    "list.windows",
    code(2, (meter, a, b) => {
      const xs = expectList(a);
      const size = pieceLength("list.windows", expectInt(b));
      return pieces(meter, xs, Math.max(0, xs.length - size + 1), size, 1);
    }),
  ],
  ["list.repeat", code(2, (meter, a, b) => repeat(meter, a, expectInt(b)))],
  ["list.max", code(1, (meter, a) => extreme(meter, expectList(a), (order) => order > 0))],
  ["list.min", code(1, (meter, a) => extreme(meter, expectList(a), (order) => order < 0))],
  ["list.contains", code(2, (meter, a, b) => indexOf(meter, expectList(a), b) >= 0)],
  [
    "list.index_of",
    code(2, (meter, a, b) => {
      const at = indexOf(meter, expectList(a), b);
      return optionOf(meter, at < 0 ? undefined : at);
    }),
  ],
  ["list.sort", code(1, (meter, a) => sort(meter, expectList(a)))],
  ["list.range", code(2, (meter, a, b) => range(meter, expectInt(a), expectInt(b)))],
  ["list.flatten", code(1, (meter, a) => flatten(meter, expectList(a)))],
  ["list.unique", code(1, (meter, a) => unique(meter, expectList(a)))],
  ["list.sum", code(1, (meter, a) => sum(meter, expectList(a)))],
];
