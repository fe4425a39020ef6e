/** Converts between the machine's values and JavaScript values, for an embedder. */
import { plainFromValue } from "../gateway/plain-values.ts";
import { jsonFromJs, type PlainValue } from "../vm/json/js-interop.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import { parseType } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";

/**
 * Converts a JavaScript value in the form of typed JSON to a value of `type`: `toValue({ n: [1, 0.5] })` is a `Json`,
 * `toValue([1, 2.5], "List<Float>")` a list of Floats. `type` cannot name a type that a program declares. Throws `value.*` if
 * the value does not have the type.
 */
export function toValue(data: unknown, type = "Json"): Value {
  return valueFromTypedJson(jsonFromJs(data), parseType(type), []);
}

/**
 * Converts a value to plain JavaScript data, as a handler gets it: a map becomes an object, a list an array, a Float a number, an Int a
 * number or a bigint, `Unit` and `None` null. Throws `value.*` if the value contains a closure.
 */
export function fromValue(value: Value): PlainValue {
  return plainFromValue(value);
}
