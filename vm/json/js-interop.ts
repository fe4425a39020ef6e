/** Converts between `JsonData` and an embedder's JavaScript values. */
import { BorunaError } from "../error.ts";
import { Branch, foldTree, type Leaf, leaf } from "./fold.ts";
import { isJsonArray, isJsonObject, type JsonData } from "./json.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { FloatValue, intFromBigInt, replaceLoneSurrogates } from "../value/value.ts";

/** A JavaScript value in a box, because `foldTree` takes a child that is `undefined` for the end of the children. */
interface Boxed {
  readonly value: unknown;
}

/**
 * Reads a JavaScript value:
 *
 * - null and undefined become null; a boolean and a `FloatValue` stay unchanged;
 * - in a string, lone surrogates become U+FFFD;
 * - a bigint and a number that is a safe integer become Ints; any other number becomes a Float;
 * - an array becomes an array;
 * - a Map with string keys becomes an object, and so do the own enumerable properties of a plain object, except undefined ones.
 *
 * Throws `value.form` for anything else, `value.too_deep` for deep nesting and cycles, and `value.too_large` for too many parts or code
 * units.
 */
export function jsonFromJs(data: unknown): JsonData {
  let nodes = 0;
  let units = 0;
  const count = (text: string): void => {
    units += text.length;
    if (nodes > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits)
      throw new BorunaError("value.too_large", "a value of too many parts or characters");
  };
  return foldTree<Boxed, JsonData>({ value: data }, ({ value }, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}, or inside itself`);
    nodes += 1;
    count(typeof value === "string" ? value : "");
    return convertNode(value, count);
  });
}

function convertNode(value: unknown, count: (text: string) => void): Leaf<JsonData> | Branch<Boxed, JsonData> {
  if (value === undefined || value === null) return leaf(null);
  if (typeof value === "boolean" || value instanceof FloatValue) return leaf(value);
  if (typeof value === "string") return leaf(replaceLoneSurrogates(value));
  if (typeof value === "bigint") return leaf(intFromBigInt(value));
  if (typeof value === "number") return leaf(Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new FloatValue(value));
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return new Branch(
      Array.from(items, (item) => ({ value: item })),
      (parts) => parts,
    );
  }
  if (typeof value !== "object" || !isMapOrPlainObject(value))
    throw new BorunaError("value.form", `a ${typeof value === "object" ? "class instance" : typeof value} is no JSON value`);
  const entries: readonly (readonly [unknown, unknown])[] =
    value instanceof Map ? [...value] : Object.entries(value).filter(([, member]) => member !== undefined);
  const keys = entries.map(([key]) => {
    if (typeof key !== "string") throw new BorunaError("value.form", "a Map with a key that is no string is no JSON value");
    count(key);
    return replaceLoneSurrogates(key);
  });
  return new Branch(
    entries.map(([, member]) => ({ value: member })),
    (parts) => new Map(keys.map((key, i) => [key, parts[i] ?? null])),
  );
}

function isMapOrPlainObject(value: object): boolean {
  if (value instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Another realm has its own `Object.prototype`. Like ours, that has no prototype itself.
  return prototype === null || (typeof prototype === "object" && Object.getPrototypeOf(prototype) === null);
}

/** Plain JavaScript data, as handlers take and return it. */
export type PlainValue = null | boolean | number | bigint | string | readonly PlainValue[] | { readonly [name: string]: PlainValue };

/**
 * Makes JavaScript values that `JSON.stringify` accepts. Each member of an object becomes an own property, even `__proto__`.
 * Ints and Floats become numbers, except that an Int beyond 2^53 and a Float that is not finite become strings.
 */
export function jsonToJs(data: JsonData): PlainValue {
  return toJs(data, (number) => {
    if (typeof number === "bigint") return String(number);
    if (Number.isFinite(number)) return number;
    return Number.isNaN(number) ? "NaN" : number > 0 ? "inf" : "-inf";
  });
}

/** Like `jsonToJs`, but an Int beyond 2^53 becomes a bigint, and every Float a number. */
export function jsonToPlain(data: JsonData): PlainValue {
  return toJs(data, (number) => number);
}

function toJs(data: JsonData, numberToJs: (number: number | bigint) => PlainValue): PlainValue {
  return foldTree<JsonData, PlainValue>(data, (node) => {
    if (isJsonArray(node)) return new Branch(node, (items) => items);
    if (isJsonObject(node)) {
      const keys = [...node.keys()];
      return new Branch([...node.values()], (values) => Object.fromEntries(keys.map((key, i) => [key, values[i] ?? null])));
    }
    if (typeof node === "number" || typeof node === "bigint") return leaf(numberToJs(node));
    return leaf(node instanceof FloatValue ? numberToJs(node.value) : node);
  });
}
