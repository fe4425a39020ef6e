/** JSON data and the plain JS values of an embedder. */
import { BorunaError } from "../error.ts";
import { Branch, foldTree, type Leaf } from "./fold.ts";
import { isJsonArray, isJsonObject, type JsonData } from "./json.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { FloatValue, intFromBigInt, wellFormed } from "../value/value.ts";

const leaf = <T>(value: T): Leaf<T> => ({ leaf: value });

/** Boxed, since `undefined` is a value too. */
interface HostNode {
  readonly host: unknown;
}

/**
 * Reads null and undefined (null), booleans, strings (well formed afterwards), bigints, numbers (a safe integer is an Int, any other
 * a Float), arrays, Maps with string keys, and plain objects by their own enumerable properties, those that are undefined left out.
 * Throws `value.form` for anything else, `value.too_deep` (a cycle too) and `value.too_large`.
 */
export function jsonFromJs(data: unknown): JsonData {
  let nodes = 0;
  let units = 0;
  const count = (text: string): void => {
    units += text.length;
    if (nodes > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits)
      throw new BorunaError("value.too_large", "a value of too many parts or characters");
  };
  return foldTree<HostNode, JsonData>({ host: data }, ({ host }, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}, or inside itself`);
    nodes += 1;
    count(typeof host === "string" ? host : "");
    return open(host, count);
  });
}

function open(host: unknown, count: (text: string) => void): Leaf<JsonData> | Branch<HostNode, JsonData> {
  if (host === undefined || host === null) return leaf(null);
  if (typeof host === "boolean" || host instanceof FloatValue) return leaf(host);
  if (typeof host === "string") return leaf(wellFormed(host));
  if (typeof host === "bigint") return leaf(intFromBigInt(host));
  if (typeof host === "number") return leaf(Number.isSafeInteger(host) && !Object.is(host, -0) ? host : new FloatValue(host));
  if (Array.isArray(host)) {
    const items: readonly unknown[] = host;
    return new Branch(
      Array.from(items, (item) => ({ host: item })),
      (parts) => parts,
    );
  }
  if (typeof host !== "object" || !isPlain(host))
    throw new BorunaError("value.form", `a ${typeof host === "object" ? "class instance" : typeof host} is no JSON value`);
  const entries: readonly (readonly [unknown, unknown])[] =
    host instanceof Map ? [...host] : Object.entries(host).filter(([, value]) => value !== undefined);
  const keys = entries.map(([key]) => {
    if (typeof key !== "string") throw new BorunaError("value.form", "a Map with a key that is no string is no JSON value");
    count(key);
    return wellFormed(key);
  });
  return new Branch(
    entries.map(([, value]) => ({ host: value })),
    (parts) => new Map(keys.map((key, i) => [key, parts[i] ?? null])),
  );
}

function isPlain(host: object): boolean {
  if (host instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(host);
  // Objects of another realm have another Object.prototype, which alone has no prototype of its own.
  return prototype === null || (typeof prototype === "object" && Object.getPrototypeOf(prototype) === null);
}

/**
 * Makes JS values: objects from Maps (own properties only, `__proto__` too), numbers from Ints and Floats, text from an Int beyond
 * 2^53 and from a Float that JSON cannot say. Ready for `JSON.stringify`, which alone drops the sign of -0.
 */
export function jsonToJs(data: JsonData): unknown {
  return foldTree<JsonData, unknown>(data, (node) => {
    if (isJsonArray(node)) return new Branch(node, (items) => items);
    if (isJsonObject(node)) {
      const keys = [...node.keys()];
      return new Branch([...node.values()], (values) => Object.fromEntries(keys.map((key, i) => [key, values[i]])));
    }
    if (typeof node === "bigint") return leaf(String(node));
    if (!(node instanceof FloatValue)) return leaf(node);
    if (Number.isFinite(node.value)) return leaf(node.value);
    return leaf(Number.isNaN(node.value) ? "NaN" : node.value > 0 ? "inf" : "-inf");
  });
}
