/** Equality and order of values. Deep values are walked with an explicit stack, and each value visited is charged. */
import { UNITS } from "../cost.ts";
import { ListValue } from "./list.ts";
import { MapValue } from "./map.ts";
import { type Meter, typeTrap, Work } from "../meter.ts";
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

/** The children of two containers of the same kind that are still to be compared. */
type Pending =
  | {
      readonly kind: "items";
      readonly a: readonly Value[] | ListValue;
      readonly b: readonly Value[] | ListValue;
      readonly count: number;
      at: number;
    }
  | { readonly kind: "entries"; readonly a: Iterator<Entry>; readonly b: Iterator<Entry> };

const items = (a: readonly Value[] | ListValue, b: readonly Value[] | ListValue): Pending => ({
  kind: "items",
  a,
  b,
  count: Math.min(a.length, b.length),
  at: 0,
});
const item = (container: readonly Value[] | ListValue, index: number): Value | undefined =>
  container instanceof ListValue ? container.get(index) : container[index];
const entries = (a: MapValue, b: MapValue): Pending => ({ kind: "entries", a: a.entries(), b: b.entries() });

/** Structural equality: NaN equals nothing, 0.0 equals -0.0, an Int never equals a Float. */
export function structuralEqual(a: Value, b: Value, meter: Meter): boolean {
  return typeof a !== "object" && typeof a !== "string" ? a === b : equalWith(a, b, new Work(meter));
}

/** `structuralEqual` as part of a larger computation that shares `work`. */
export function equalWith(a: Value, b: Value, work: Work): boolean {
  const stack: Pending[] = [];
  if (!sameShape(a, b, work, stack)) return false;
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (top.kind === "items") {
      const x = item(top.a, top.at);
      const y = item(top.b, top.at);
      top.at += 1;
      if (top.at >= top.count) stack.pop();
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

function sameText(a: string, b: string, work: Work): boolean {
  if (a.length !== b.length) return false;
  work.add(a.length * UNITS.codeUnit);
  return a === b;
}

/** Compares two values without their children, which go on the stack. */
function sameShape(a: Value, b: Value, work: Work, stack: Pending[]): boolean {
  work.add(UNITS.value);
  if (typeof a === "string") return typeof b === "string" && sameText(a, b, work);
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  if (a instanceof FloatValue) return b instanceof FloatValue && a.value === b.value;
  if (a instanceof RecordValue) {
    if (!(b instanceof RecordValue) || a.typeId !== b.typeId || a.fields.length !== b.fields.length) return false;
    if (a.fields.length > 0) stack.push(items(a.fields, b.fields));
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
 * Compares for `<`, `<=`, `>` and `>=`. Returns a negative number, zero or a positive number; or NaN when a Float is NaN, so that
 * every comparison is false. Takes two Ints, two Floats or two Strings, which compare by UTF-8 bytes. Traps with type_error otherwise.
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

/** The order of kinds in `compareTotal`. Ints and Floats share a rank and compare by value. */
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
 * The total order of `list.sort`. It agrees with `structuralEqual`, except that NaN equals NaN. NaN comes after all numbers, and an
 * Int before an equal Float. Records and enums compare by type, then variant, then fields; lists and maps by elements, a prefix first.
 */
export function compareTotal(a: Value, b: Value, work: Work): number {
  if (typeof a === "number" && typeof b === "number") {
    work.add(UNITS.value);
    return a - b;
  }
  const stack: Pending[] = [];
  /** For each entry of `stack`, the result when all its children are equal. */
  const afterwards: number[] = [];
  let order = compareShape(a, b, work, stack, afterwards);
  while (order === 0) {
    const top = stack.at(-1);
    if (top === undefined) return 0;
    let x: Value | undefined;
    let y: Value | undefined;
    if (top.kind === "items") {
      if (top.at < top.count) {
        x = item(top.a, top.at);
        y = item(top.b, top.at);
        top.at += 1;
        // The last child needs no entry on the stack. So a long chain of values, as a linked list, takes constant space.
        if (top.at === top.count && afterwards.at(-1) === 0) {
          stack.pop();
          afterwards.pop();
        }
      }
    } else {
      const left = top.a.next();
      const right = top.b.next();
      if (left.done !== true && right.done !== true) {
        work.add(Math.min(left.value[0].length, right.value[0].length) * UNITS.codeUnit);
        order = compareUtf8(left.value[0], right.value[0]);
        x = left.value[1];
        y = right.value[1];
      }
    }
    if (x === undefined || y === undefined) {
      stack.pop();
      order = afterwards.pop() ?? 0;
    } else if (order === 0) order = compareShape(x, y, work, stack, afterwards);
  }
  return order;
}

function compareShape(a: Value, b: Value, work: Work, stack: Pending[], afterwards: number[]): number {
  work.add(UNITS.value);
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  const descend = (children: Pending, after: number): number => {
    stack.push(children);
    afterwards.push(after);
    return 0;
  };
  if (typeof a === "string" && typeof b === "string") {
    work.add(Math.min(a.length, b.length) * UNITS.codeUnit);
    return compareUtf8(a, b);
  }
  if (typeof a !== "object" || typeof b !== "object" || a instanceof FloatValue || b instanceof FloatValue) return compareScalars(a, b);
  if (a instanceof RecordValue && b instanceof RecordValue) {
    return a.typeId - b.typeId || descend(items(a.fields, b.fields), a.fields.length - b.fields.length);
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

/** Compares two Bools, or two numbers of either kind. */
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
