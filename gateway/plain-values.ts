/**
 * Converts between the machine's values and the plain JavaScript data of handlers. A handler may be plain JavaScript, so its answer may be
 * anything. The answer is copied. The copy reads only own data properties, so no getter and no proxy trap runs, no prototype is
 * trusted, and later changes by the handler have no effect. In both directions, typed JSON in the form `plain` is the step in between.
 */
import type { TypeDef } from "../vm/bytecode/module.ts";
import { BorunaError } from "../vm/error.ts";
import { Branch, foldTree, type Leaf, leaf } from "../vm/json/fold.ts";
import { jsonToPlain, type PlainValue } from "../vm/json/js-interop.ts";
import type { JsonData } from "../vm/json/json.ts";
import { type JsonPath, pathText, valueFromTypedJson, valueToTypedJson } from "../vm/json/typed-json.ts";
import { MACHINE_LIMITS } from "../vm/limits.ts";
import { type Type, typeToString } from "../vm/value/type.ts";
import { FloatValue, intFromBigInt, UNIT, type Value, replaceLoneSurrogates } from "../vm/value/value.ts";
import { type CheckedAnswer, TOO_LARGE } from "./answer.ts";
import { isPromise, isProxy } from "./platform.ts";

/**
 * Converts a value to plain data:
 * - Int, Float: a number; an Int beyond 2^53 is a bigint;
 * - List: an array; Map, record: an object;
 * - Unit, None: null;
 * - `Some(x)`: `{ some: x }`; `Ok(x)`: `{ ok: x }`; `Err(x)`: `{ err: x }`;
 * - a variant of an enum: `"Variant"` without a payload, `{ Variant: payload }` with one.
 */
export function plainFromValue(value: Value): PlainValue {
  return typeof value === "object" ? jsonToPlain(valueToTypedJson(value, undefined, [], "plain")) : value;
}

/** Copies plain data into a value of `type`. Does not throw, whatever the answer is. */
export function plainAnswer(answer: unknown, type: Type, types: readonly TypeDef[]): CheckedAnswer {
  const scalar = scalarOf(answer, type);
  if (scalar !== undefined) return { value: scalar };
  try {
    return { value: valueFromTypedJson(copyOf(answer), type, types, ROOT, "plain") };
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const problem = error.kind === "value.form" ? `something else than ${typeToString(type)} (${error.message})` : TOO_LARGE;
    return { problem, cause: error };
  }
}

/** The first part of a path into the answer, in messages. */
const ROOT = "answer";

/** Returns the value of an answer of the usual scalar types, or undefined for every other answer. Most answers are scalars. */
function scalarOf(answer: unknown, type: Type): Value | undefined {
  if (type.kind !== "primitive") return undefined;
  switch (type.name) {
    case "Int":
      // Adding 0 turns -0 into 0.
      return typeof answer === "number" && Number.isSafeInteger(answer) ? answer + 0 : undefined;
    case "Float":
      return typeof answer === "number" ? new FloatValue(answer) : undefined;
    case "Bool":
      return typeof answer === "boolean" ? answer : undefined;
    case "String":
      return typeof answer === "string" && answer.length <= MACHINE_LIMITS.valueTextUnits && replaceLoneSurrogates(answer) === answer
        ? answer
        : undefined;
    case "Unit":
      // A function without a return value returns undefined.
      return answer === null || answer === undefined ? UNIT : undefined;
    default:
      return undefined;
  }
}

interface Part {
  readonly part: unknown;
  readonly path: JsonPath;
}

/** Copies plain data. Throws `value.form` with the path to a part that is not plain data, and `value.too_*` for a large or cyclic value. */
function copyOf(answer: unknown): JsonData {
  let parts = 0;
  let units = 0;
  const addToSize = (moreParts: number, text: string): void => {
    parts += moreParts;
    units += text.length;
    if (parts > MACHINE_LIMITS.valueNodes || units > MACHINE_LIMITS.valueTextUnits) throw new BorunaError("value.too_large", TOO_LARGE);
  };
  // Without recursion, so that a deep answer cannot overflow the stack.
  return foldTree<Part, JsonData>({ part: answer, path: { parent: undefined, key: ROOT } }, ({ part, path }, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth) throw new BorunaError("value.too_deep", TOO_LARGE);
    addToSize(1, typeof part === "string" ? part : "");
    return typeof part === "object" && part !== null ? openObject(part, path, addToSize) : leaf(scalarData(part, path));
  });
}

function fail(path: JsonPath, what: string): never {
  throw new BorunaError("value.form", `${pathText(path)} is ${what}`);
}

function checkedText(text: string, path: JsonPath): string {
  return replaceLoneSurrogates(text) === text ? text : fail(path, "text with a lone surrogate");
}

function scalarData(part: unknown, path: JsonPath): JsonData {
  switch (typeof part) {
    case "string":
      return checkedText(part, path);
    case "boolean":
      return part;
    case "bigint":
      return intFromBigInt(part);
    case "number":
      return Number.isSafeInteger(part) && !Object.is(part, -0) ? part : new FloatValue(part);
    default:
      return part === null ? null : fail(path, part === undefined ? "undefined" : `a ${typeof part}`);
  }
}

/** Starts the copy of an array or object: checks it and returns its parts. */
function openObject(
  object: object,
  path: JsonPath,
  addToSize: (parts: number, text: string) => void,
): Leaf<JsonData> | Branch<Part, JsonData> {
  if (isProxy(object)) return fail(path, "a proxy");
  if (isPromise(object)) return fail(path, "a promise, which the handler must await");
  if (Array.isArray(object)) {
    const { length } = object;
    // Counted before the parts are read, because an array may be sparse and very long.
    addToSize(length, "");
    const items = Array.from({ length }, (_, i) => ownData(object, String(i), { parent: path, key: i }));
    return new Branch(items, (parts) => parts);
  }
  if (!isPlainObject(object)) return fail(path, "an instance of a class");
  const keys = Reflect.ownKeys(object).map((key) => {
    if (typeof key !== "string") return fail(path, "an object with a symbol as a key");
    addToSize(1, key);
    return checkedText(key, path);
  });
  const members = keys.map((key) => ownData(object, key, { parent: path, key }));
  return new Branch(members, (parts) => new Map(keys.map((key, i) => [key, parts[i] ?? null])));
}

/** Returns an own data property. A getter is refused, because it is code of the handler. */
function ownData(object: object, key: string, path: JsonPath): Part {
  const property = Object.getOwnPropertyDescriptor(object, key);
  if (property === undefined) return fail(path, "undefined");
  return Object.hasOwn(property, "value") ? { part: property.value, path } : fail(path, "a getter");
}

/** Whether the object is `{…}`, made in this or in another realm, or has no prototype. */
function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype) return true;
  if (typeof prototype !== "object" || isProxy(prototype)) return false;
  // `prototype` may be the `Object.prototype` of another realm. It is one if it has no prototype itself, but a method `isPrototypeOf`.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}
