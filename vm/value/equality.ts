/** Compares values for equality and order. Uses an explicit stack, because values may be deep, and charges for each value that it visits. */
import { UNITS } from "../cost.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { type Meter, typeTrap, WorkMeter } from "../meter.ts";
import { compareUtf8 } from "./utf8.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  isInt,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UnitValue,
  type Value,
} from "./value.ts";

type Entry = readonly [string, Value];
type Items = readonly Value[] | ListValue | RecordValue;

/** Two containers of the same kind whose children are being compared. */
type OpenPair =
  | {
      readonly kind: "items";
      readonly a: Items;
      readonly b: Items;
      readonly count: number;
      nextIndex: number;
    }
  | { readonly kind: "entries"; readonly a: Iterator<Entry>; readonly b: Iterator<Entry> };

const countOf = (container: Items): number => (container instanceof RecordValue ? container.size : container.length);
const items = (a: Items, b: Items): OpenPair => ({ kind: "items", a, b, count: Math.min(countOf(a), countOf(b)), nextIndex: 0 });
const item = (container: Items, index: number): Value | undefined =>
  container instanceof ListValue || container instanceof RecordValue ? container.get(index) : container[index];
const entries = (a: MapValue, b: MapValue): OpenPair => ({ kind: "entries", a: a.entries(), b: b.entries() });

/** Returns whether two values are structurally equal. NaN equals nothing, 0.0 equals -0.0, and an Int never equals a Float. */
export function structuralEqual(a: Value, b: Value, meter: Meter): boolean {
  return typeof a !== "object" && typeof a !== "string" ? a === b : equalWith(a, b, new WorkMeter(meter));
}

/** Compares like `structuralEqual`, as part of a larger computation that shares `work`. */
export function equalWith(a: Value, b: Value, work: WorkMeter): boolean {
  if (typeof a !== "object" || typeof b !== "object") return sameScalar(a, b, work);
  const stack: OpenPair[] = [];
  if (!sameShape(a, b, work, stack)) return false;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.kind === "items") {
      const x = item(top.a, top.nextIndex);
      const y = item(top.b, top.nextIndex);
      top.nextIndex += 1;
      if (top.nextIndex >= top.count) stack.pop();
      if (x !== undefined && y !== undefined && !sameShape(x, y, work, stack)) return false;
    } else {
      const x = top.a.next();
      const y = top.b.next();
      if (x.done === true || y.done === true) stack.pop();
      else if (!sameText(x.value[0], y.value[0], work) || !sameShape(x.value[1], y.value[1], work, stack)) return false;
    }
  }
  return true;
}

function sameText(a: string, b: string, work: WorkMeter): boolean {
  if (a.length !== b.length) return false;
  work.add(a.length * UNITS.codeUnit);
  return a === b;
}

/** Compares two values of which at least one is no object. */
function sameScalar(a: Value, b: Value, work: WorkMeter): boolean {
  work.add(UNITS.value);
  return typeof a === "string" ? typeof b === "string" && sameText(a, b, work) : a === b;
}

/** Returns whether two values are equal apart from their children, and pushes the children onto the stack. */
function sameShape(a: Value, b: Value, work: WorkMeter, stack: OpenPair[]): boolean {
  if (typeof a !== "object" || typeof b !== "object") return sameScalar(a, b, work);
  work.add(UNITS.value);
  if (a instanceof FloatValue) return b instanceof FloatValue && a.value === b.value;
  if (a instanceof RecordValue) {
    if (!(b instanceof RecordValue) || a.typeId !== b.typeId || a.size !== b.size) return false;
    if (a.size > 0) stack.push(items(a, b));
    return true;
  }
  if (a instanceof EnumValue) {
    if (!(b instanceof EnumValue) || a.typeId !== b.typeId || a.variant !== b.variant) return false;
    stack.push(items([a.payload], [b.payload]));
    return true;
  }
  if (a instanceof ListValue) {
    if (!(b instanceof ListValue) || a.length !== b.length) return false;
    if (a.length > 0) stack.push(items(a, b));
    return true;
  }
  if (a instanceof MapValue) {
    if (!(b instanceof MapValue) || a.size !== b.size) return false;
    stack.push(entries(a, b));
    return true;
  }
  if (a instanceof SomeValue || a instanceof OkValue || a instanceof ErrValue) {
    if (!(b instanceof SomeValue || b instanceof OkValue || b instanceof ErrValue) || a.tag !== b.tag) return false;
    stack.push(items([a.value], [b.value]));
    return true;
  }
  if (a instanceof ActorIdValue) return b instanceof ActorIdValue && a.id === b.id;
  if (a instanceof FnRefValue) return b instanceof FnRefValue && a.index === b.index;
  if (a instanceof ClosureValue) {
    if (!(b instanceof ClosureValue) || a.index !== b.index || a.captured.length !== b.captured.length) return false;
    if (a.captured.length > 0) stack.push(items(a.captured, b.captured));
    return true;
  }
  return a.tag === b.tag;
}

/**
 * Compares for `<`, `<=`, `>` and `>=`. Returns a negative number, zero or a positive number. If a Float is NaN, returns NaN, so that every
 * comparison is false. Takes two Ints, two Floats or two Strings and otherwise traps with type_error. Strings compare by UTF-8 bytes.
 */
export function compareValues(a: Value, b: Value, meter: Meter): number {
  if (isInt(a) && isInt(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (a instanceof FloatValue && b instanceof FloatValue) {
    if (a.value < b.value) return -1;
    if (a.value > b.value) return 1;
    return a.value === b.value ? 0 : Number.NaN;
  }
  if (typeof a === "string" && typeof b === "string") {
    meter.charge(Math.min(a.length, b.length) * UNITS.codeUnit);
    return compareUtf8(a, b);
  }
  throw typeTrap("comparable", a);
}

/** Returns the rank of the value's kind in `compareTotal`. Ints and Floats share a rank and compare by value. */
function rank(value: Value): number {
  if (typeof value === "boolean") return 1;
  if (typeof value === "string") return 3;
  if (typeof value !== "object" || value instanceof FloatValue) return 2;
  if (value instanceof UnitValue) return 0;
  if (value instanceof NoneValue) return 4;
  if (value instanceof SomeValue) return 5;
  if (value instanceof OkValue) return 6;
  if (value instanceof ErrValue) return 7;
  if (value instanceof RecordValue) return 8;
  if (value instanceof EnumValue) return 9;
  if (value instanceof ListValue) return 10;
  if (value instanceof MapValue) return 11;
  if (value instanceof ActorIdValue) return 12;
  return value instanceof FnRefValue ? 13 : 14;
}

/**
 * Compares by the total order of `list.sort`. The order agrees with `structuralEqual`, except that NaN equals NaN. NaN comes after all
 * other numbers, and an Int comes before an equal Float. Records and enums compare by type, then by variant, then by fields. Lists and
 * maps compare by elements, and a prefix comes first.
 */
export function compareTotal(a: Value, b: Value, work: WorkMeter): number {
  if (typeof a === "number" && typeof b === "number") {
    work.add(UNITS.value);
    return a - b;
  }
  const stack: OpenPair[] = [];
  /** For each entry of `stack`, the result if all its children are equal. */
  const resultsIfEqual: number[] = [];
  let order = compareShape(a, b, work, stack, resultsIfEqual);
  while (order === 0) {
    const top = stack.at(-1);
    if (top === undefined) return 0;
    let x: Value | undefined;
    let y: Value | undefined;
    if (top.kind === "items") {
      if (top.nextIndex < top.count) {
        x = item(top.a, top.nextIndex);
        y = item(top.b, top.nextIndex);
        top.nextIndex += 1;
        // The last child needs no entry on the stack, so a long chain of values, such as a linked list, takes constant space.
        if (top.nextIndex === top.count && resultsIfEqual.at(-1) === 0) {
          stack.pop();
          resultsIfEqual.pop();
        }
      }
    } else {
      const entryA = top.a.next();
      const entryB = top.b.next();
      if (entryA.done !== true && entryB.done !== true) {
        work.add(Math.min(entryA.value[0].length, entryB.value[0].length) * UNITS.codeUnit);
        order = compareUtf8(entryA.value[0], entryB.value[0]);
        x = entryA.value[1];
        y = entryB.value[1];
      }
    }
    if (x === undefined || y === undefined) {
      stack.pop();
      order = resultsIfEqual.pop() ?? 0;
    } else if (order === 0) order = compareShape(x, y, work, stack, resultsIfEqual);
  }
  return order;
}

function compareShape(a: Value, b: Value, work: WorkMeter, stack: OpenPair[], resultsIfEqual: number[]): number {
  work.add(UNITS.value);
  const rankDifference = rank(a) - rank(b);
  if (rankDifference !== 0) return rankDifference;
  const descend = (children: OpenPair, resultIfEqual: number): number => {
    stack.push(children);
    resultsIfEqual.push(resultIfEqual);
    return 0;
  };
  if (typeof a === "string" && typeof b === "string") {
    work.add(Math.min(a.length, b.length) * UNITS.codeUnit);
    return compareUtf8(a, b);
  }
  if (typeof a !== "object" || typeof b !== "object" || a instanceof FloatValue || b instanceof FloatValue) return compareScalars(a, b);
  if (a instanceof RecordValue && b instanceof RecordValue) {
    return a.typeId - b.typeId || descend(items(a, b), a.size - b.size);
  }
  if (a instanceof EnumValue && b instanceof EnumValue) {
    return a.typeId - b.typeId || a.variant - b.variant || descend(items([a.payload], [b.payload]), 0);
  }
  if (a instanceof ListValue && b instanceof ListValue) return descend(items(a, b), a.length - b.length);
  if (a instanceof MapValue && b instanceof MapValue) return descend(entries(a, b), a.size - b.size);
  if (a instanceof ActorIdValue && b instanceof ActorIdValue) return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  if (a instanceof FnRefValue && b instanceof FnRefValue) return a.index - b.index;
  if (a instanceof ClosureValue && b instanceof ClosureValue) {
    return a.index - b.index || descend(items(a.captured, b.captured), a.captured.length - b.captured.length);
  }
  if ("value" in a && "value" in b) return descend(items([a.value], [b.value]), 0);
  return 0;
}

/** Compares two Bools, or two numbers that may be Ints or Floats. */
function compareScalars(a: Value, b: Value): number {
  const x = a instanceof FloatValue ? a.value : a;
  const y = b instanceof FloatValue ? b.value : b;
  const xIsNaN = Number.isNaN(x);
  const yIsNaN = Number.isNaN(y);
  if (xIsNaN || yIsNaN) return Number(xIsNaN) - Number(yIsNaN);
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(a instanceof FloatValue) - Number(b instanceof FloatValue);
}
