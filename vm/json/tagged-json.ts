/**
 * Reads and writes tagged JSON, the JSON form of values in bytecode 1.1. It is what Rust's serde writes, and names the type of each value:
 * `{"Int":1}`, `{"Some":{"Int":1}}`, `"Unit"`. As an extension, a Float that is not finite is `{"Float":"NaN"}`, `{"Float":"inf"}` or
 * `{"Float":"-inf"}`.
 */
import { BorunaError, unreachable } from "../error.ts";
import { Branch, foldTree, type Leaf, leaf } from "./fold.ts";
import { isJsonArray, isJsonObject, type JsonData, type JsonNode, type JsonScalar, jsonObjectOf, scalarText } from "./json.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { checkSerializable } from "../value/serializable.ts";
import {
  ActorIdValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  I64_MAX,
  I64_MIN,
  isInt,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../value/value.ts";

/** The maximum number of JSON levels for one level of a value. A record has three: the tag, the members and the array of fields. */
export const JSON_LEVELS_PER_VALUE = 3;

const U32_MAX = 0xffff_ffff;
const U64_MAX = 2n ** 64n - 1n;

const tagData = (tag: string, data: JsonData): JsonData => jsonObjectOf([tag, data]);

/** Converts a value to tagged JSON. Throws the errors of `checkSerializable`. */
export function valueToTaggedJson(value: Value): JsonData {
  checkSerializable(value);
  return foldTree<Value, JsonData>(value, (part) => {
    if (typeof part === "boolean") return leaf(tagData("Bool", part));
    if (isInt(part)) return leaf(tagData("Int", part));
    if (typeof part === "string") return leaf(tagData("String", part));
    switch (part.tag) {
      case "Unit":
      case "None":
        return leaf(part.tag);
      case "Float":
        return leaf(tagData("Float", floatToData(part)));
      case "ActorId":
        return leaf(tagData("ActorId", part.id));
      case "FnRef":
        return leaf(tagData("FnRef", part.index));
      case "Some":
      case "Ok":
      case "Err":
        return new Branch([part.value], (parts) => tagData(part.tag, parts[0] ?? null));
      case "Record":
        return new Branch(part.fields, (fields) => tagData("Record", jsonObjectOf(["type_id", part.typeId], ["fields", fields])));
      case "Enum":
        return new Branch([part.payload], (parts) =>
          tagData("Enum", jsonObjectOf(["type_id", part.typeId], ["variant", part.variant], ["payload", parts[0] ?? null])),
        );
      case "List":
        return new Branch(part.toArray(), (items) => tagData("List", items));
      case "Map": {
        const keys = [...part.keys()];
        return new Branch([...part.values()], (values) => tagData("Map", new Map(keys.map((key, i) => [key, values[i] ?? null]))));
      }
      case "Closure":
        throw new BorunaError("internal", "a closure passed checkSerializable");
      default:
        return unreachable(part, "value");
    }
  });
}

/** A value whose parts are being written. */
interface OpenText {
  readonly start: string;
  readonly parts: readonly Value[];
  /** The keys of a map, in the order of `parts`. */
  readonly keys?: readonly string[];
  readonly end: string;
  /** The index of the next part. */
  next: number;
}

/** After this many texts, they are joined. Then short-lived ones leave the memory before a collection copies them. */
const MAX_TEXTS = 4_096;

/** Returns the canonical JSON of `valueToTaggedJson(value)` and throws the same errors. Takes a fraction of the time, because it makes no tree. */
export function taggedJsonText(value: Value): string {
  checkSerializable(value);
  const joined: string[] = [];
  const texts: string[] = [];
  const open: OpenText[] = [];
  const write = (part: Value): void => {
    const opened = openText(part);
    if (typeof opened === "string") texts.push(opened);
    else {
      texts.push(opened.start);
      open.push(opened);
    }
  };
  write(value);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const part = top.parts[top.next];
    if (part === undefined) {
      texts.push(top.end);
      open.pop();
    } else {
      if (top.next > 0) texts.push(",");
      const key = top.keys?.[top.next];
      if (key !== undefined) texts.push(JSON.stringify(key), ":");
      top.next += 1;
      write(part);
    }
    if (texts.length < MAX_TEXTS) continue;
    joined.push(texts.join(""));
    texts.length = 0;
  }
  joined.push(texts.join(""));
  return joined.join("");
}

/** Returns the text of a value without parts, or the text around the parts of any other value. Members are in the order of canonical JSON. */
function openText(value: Value): string | OpenText {
  if (typeof value === "boolean") return `{"Bool":${value}}`;
  if (isInt(value)) return `{"Int":${value}}`;
  if (typeof value === "string") return `{"String":${JSON.stringify(value)}}`;
  switch (value.tag) {
    case "Unit":
    case "None":
      return `"${value.tag}"`;
    case "Float":
      return `{"Float":${scalarText(floatToData(value))}}`;
    case "ActorId":
      return `{"ActorId":${value.id}}`;
    case "FnRef":
      return `{"FnRef":${value.index}}`;
    case "Some":
    case "Ok":
    case "Err":
      return { start: `{"${value.tag}":`, parts: [value.value], end: "}", next: 0 };
    case "Record":
      return { start: '{"Record":{"fields":[', parts: value.fields, end: `],"type_id":${value.typeId}}}`, next: 0 };
    case "Enum": {
      const end = `,"type_id":${value.typeId},"variant":${value.variant}}}`;
      return { start: '{"Enum":{"payload":', parts: [value.payload], end, next: 0 };
    }
    case "List":
      return { start: '{"List":[', parts: value.toArray(), end: "]}", next: 0 };
    case "Map":
      return { start: '{"Map":{', parts: [...value.values()], keys: [...value.keys()], end: "}}", next: 0 };
    case "Closure":
      throw new BorunaError("internal", "a closure passed checkSerializable");
    default:
      return unreachable(value, "value");
  }
}

/** Converts a Float. A finite Float stays a `FloatValue`, and any other Float becomes a string. */
export function floatToData(float: FloatValue): JsonScalar {
  if (Number.isFinite(float.value)) return float;
  return Number.isNaN(float.value) ? "NaN" : float.value > 0 ? "inf" : "-inf";
}

const FLOAT_WORDS: ReadonlyMap<JsonNode<unknown>, number> = new Map([
  ["NaN", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
]);

/** Reads what `floatToData` writes. Reads an integer as the nearest Float. Returns undefined for other data. */
export function floatFromData(data: JsonNode<unknown>): FloatValue | undefined {
  if (data instanceof FloatValue) return data;
  if (typeof data === "number" || typeof data === "bigint") return new FloatValue(Number(data));
  const word = FLOAT_WORDS.get(data);
  return word === undefined ? undefined : new FloatValue(word);
}

export function isI64(data: JsonNode<unknown>): data is number | bigint {
  return typeof data === "number" || (typeof data === "bigint" && data >= I64_MIN && data <= I64_MAX);
}

function fail(message: string): never {
  throw new BorunaError("value.form", message);
}

function requireU32(data: JsonData | undefined, what: string): number {
  return typeof data === "number" && data >= 0 && data <= U32_MAX ? data : fail(`${what} must be an integer from 0 to ${U32_MAX}`);
}

function requireMembers(data: JsonData, tag: string, names: readonly string[]): ReadonlyMap<string, JsonData> {
  if (isJsonObject(data) && data.size === names.length && names.every((name) => data.has(name))) return data;
  return fail(`${tag} must be an object with ${names.join(", ")}`);
}

function requireArray(data: JsonData | undefined, what: string): readonly JsonData[] {
  return data !== undefined && isJsonArray(data) ? data : fail(`${what} must be an array`);
}

/**
 * Reads what `valueToTaggedJson` writes. Throws `value.form` for any other data, even for an object with an extra member, and
 * `value.too_deep` if the nesting exceeds `maxDepth`, which is `MACHINE_LIMITS.valueDepth` by default.
 */
export function valueFromTaggedJson(data: JsonData, options: { readonly maxDepth?: number } = {}): Value {
  const maxDepth = options.maxDepth ?? MACHINE_LIMITS.valueDepth;
  return foldTree<JsonData, Value>(data, (node, depth) => {
    if (depth > maxDepth) throw new BorunaError("value.too_deep", `a value nested deeper than ${maxDepth}`);
    if (node === "Unit") return leaf(UNIT);
    if (node === "None") return leaf(NONE);
    const entry = isJsonObject(node) && node.size === 1 ? [...node][0] : undefined;
    if (entry === undefined) return fail('a value must be "Unit", "None" or an object with one member');
    return readTagged(entry[0], entry[1]);
  });
}

function readTagged(tag: string, content: JsonData): Leaf<Value> | Branch<JsonData, Value> {
  const wrap = (make: (value: Value) => Value): Branch<JsonData, Value> => new Branch([content], (parts) => make(parts[0] ?? UNIT));
  switch (tag) {
    case "Bool":
      return leaf(typeof content === "boolean" ? content : fail("Bool must be true or false"));
    case "Int":
      return leaf(isI64(content) ? content : fail("Int must be an integer of 64 bits"));
    case "Float":
      return leaf(floatFromData(content) ?? fail('Float must be a number, "NaN", "inf" or "-inf"'));
    case "String":
      return leaf(typeof content === "string" ? content : fail("String must be text"));
    case "ActorId": {
      const isU64 = (typeof content === "number" && content >= 0) || (typeof content === "bigint" && content >= 0n && content <= U64_MAX);
      return leaf(isU64 ? new ActorIdValue(content) : fail("ActorId must be an unsigned integer of 64 bits"));
    }
    case "FnRef":
      return leaf(new FnRefValue(requireU32(content, "FnRef")));
    case "Some":
      return wrap((value) => new SomeValue(value));
    case "Ok":
      return wrap((value) => new OkValue(value));
    case "Err":
      return wrap((value) => new ErrValue(value));
    case "Record": {
      const record = requireMembers(content, tag, ["type_id", "fields"]);
      const typeId = requireU32(record.get("type_id"), "type_id");
      return new Branch(requireArray(record.get("fields"), "fields"), (fields) => RecordValue.of(typeId, fields));
    }
    case "Enum": {
      const parts = requireMembers(content, tag, ["type_id", "variant", "payload"]);
      const typeId = requireU32(parts.get("type_id"), "type_id");
      const variant = requireU32(parts.get("variant"), "variant");
      return new Branch([parts.get("payload") ?? null], (payload) => new EnumValue(typeId, variant, payload[0] ?? UNIT));
    }
    case "List":
      return new Branch(requireArray(content, "List"), (items) => ListValue.of(items));
    case "Map": {
      if (!isJsonObject(content)) return fail("Map must be an object");
      const keys = [...content.keys()];
      return new Branch([...content.values()], (values) => MapValue.ofKeys(keys, values));
    }
    default:
      return fail(`unknown kind of value: ${JSON.stringify(tag.slice(0, 40))}`);
  }
}
