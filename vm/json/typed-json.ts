/**
 * Typed JSON: the JSON form of values for `--arg`, `--json` and the embedding API (`docs/guide/embedding.md`). Reading it needs the type:
 *
 * | type    | JSON                                              |
 * |---------|---------------------------------------------------|
 * | Unit    | `null`                                            |
 * | Int     | a number, or decimal digits as a string           |
 * | Float   | a number, or `"NaN"`, `"inf"`, `"-inf"`           |
 * | Option  | `null` or `{"some": v}`                           |
 * | Result  | `{"ok": v}` or `{"err": v}`                       |
 * | record  | an object                                         |
 * | enum    | `"Variant"` or `{"Variant": v}`                   |
 * | List    | an array                                          |
 * | Map     | an object                                         |
 * | Json    | itself                                            |
 */
import { BorunaError, unreachable } from "../error.ts";
import { Branch, foldTree, type Leaf, leaf } from "./fold.ts";
import { isJsonArray, isJsonObject, type JsonData, jsonObjectOf } from "./json.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { checkSerializable } from "../value/serializable.ts";
import { legacyName, textForm } from "../value/display.ts";
import { type TypeShape, type TypeTable, typeTable } from "../value/type-definitions.ts";
import { type Type, typeToString } from "../value/type.ts";
import { floatFromData, floatToData, isI64 } from "./tagged-json.ts";
import {
  EnumValue,
  ErrValue,
  FloatValue,
  intFromBigInt,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
  wellFormed,
} from "../value/value.ts";

/**
 * Writes a value. `type` is undefined for a value of an older module, whose options and results may be enum values. A function is
 * written as its text form, an actor as its number, a record of an unknown type as an array of its fields. Ints stay exact.
 * Throws as `checkSerializable`.
 */
export function valueToTypedJson(value: Value, type: Type | undefined, types: readonly TypeDef[]): JsonData {
  checkSerializable(value);
  const table = typeTable(types);
  return foldTree<Value, JsonData>(value, (part) => {
    if (typeof part !== "object") return leaf(part);
    switch (part.tag) {
      case "Unit":
      case "None":
        return leaf(null);
      case "Float":
        return leaf(floatToData(part));
      case "ActorId":
        return leaf(part.id);
      case "FnRef":
        return leaf(textForm(part));
      case "Some":
        return wrapped("some", part.value);
      case "Ok":
        return wrapped("ok", part.value);
      case "Err":
        return wrapped("err", part.value);
      case "List":
        return new Branch(part.toArray(), (items) => items);
      case "Map":
        return labelled([...part.keys()], [...part.values()]);
      case "Record": {
        const shape = table.shapeOfId(part.typeId);
        return shape?.kind === "record" && shape.fields.length === part.fields.length
          ? labelled(
              shape.fields.map((f) => f.name),
              part.fields,
            )
          : new Branch(part.fields, (fields) => fields);
      }
      case "Enum":
        return enumToTypedJson(part, table.shapeOfId(part.typeId), type === undefined ? legacyName(part, types) : undefined);
      case "Closure":
        throw new BorunaError("internal", "a closure passed checkSerializable");
      default:
        return unreachable(part, "value");
    }
  });
}

function wrapped(name: string, value: Value): Branch<Value, JsonData> {
  return new Branch([value], (parts) => jsonObjectOf([name, parts[0] ?? null]));
}

function labelled(names: readonly string[], values: readonly Value[]): Branch<Value, JsonData> {
  return new Branch(values, (parts) => new Map(names.map((name, i) => [name, parts[i] ?? null])));
}

function enumToTypedJson(
  value: EnumValue,
  shape: TypeShape | undefined,
  legacy: string | undefined,
): Leaf<JsonData> | Branch<Value, JsonData> {
  if (legacy === "None") return leaf(null);
  if (legacy !== undefined) return wrapped(legacy.toLowerCase(), value.payload);
  const variant = shape?.kind === "enum" ? shape.variants[value.variant] : undefined;
  if (variant === undefined) return wrapped(String(value.variant), value.payload);
  return variant.payload === null ? leaf(variant.name) : wrapped(variant.name, value.payload);
}

/** A path to a part of the JSON data, from the part to the root. Its text is made only for an error message. */
interface JsonPath {
  readonly parent: JsonPath | undefined;
  readonly key: string | number;
}

const MAX_PATH_PARTS = 16;
const MAX_MESSAGE_TEXT = 80;

/** Shortens user text for a message. */
const shortened = (text: string): string => (text.length > MAX_MESSAGE_TEXT ? `${wellFormed(text.slice(0, MAX_MESSAGE_TEXT))}…` : text);

function pathText(path: JsonPath): string {
  const parts: string[] = [];
  let at: JsonPath | undefined = path;
  for (; at !== undefined && parts.length < MAX_PATH_PARTS; at = at.parent) {
    const isRoot = at.parent === undefined;
    const name = typeof at.key === "string" && (isRoot || /^[A-Za-z_][A-Za-z0-9_]*$/.test(at.key));
    parts.push(isRoot ? String(at.key) : name ? `.${shortened(String(at.key))}` : `[${shortened(JSON.stringify(at.key))}]`);
  }
  return `${at === undefined ? "" : "…"}${parts.reverse().join("")}`;
}

function fail(path: JsonPath, message: string): never {
  throw new BorunaError("value.form", `${pathText(path)}: ${message}`);
}

function kindOf(data: JsonData): string {
  if (data === null) return "null";
  if (typeof data === "string") return "String";
  if (typeof data === "boolean") return "Bool";
  if (data instanceof FloatValue) return "Float";
  if (isJsonArray(data)) return "List";
  return isJsonObject(data) ? "Object" : "Int";
}

/** Data to be read as a value of a type. */
interface TypedData {
  readonly data: JsonData;
  readonly type: Type;
  readonly path: JsonPath;
}

/**
 * Reads a value of `type`. Throws `value.too_deep`, and `value.form` with the path from `root`, as in
 * `args.name.items[2]: expected Int, found String`.
 */
export function valueFromTypedJson(data: JsonData, type: Type, types: readonly TypeDef[], root = "value"): Value {
  const table = typeTable(types);
  return foldTree<TypedData, Value>({ data, type, path: { parent: undefined, key: root } }, (node, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}`);
    switch (node.type.kind) {
      case "primitive":
        return readPrimitive(node, node.type.name);
      case "named":
        return readNamed(node, node.type.name, node.type.args, table);
      case "fn":
      case "param":
        return fail(node.path, `a ${shortened(typeToString(node.type))} cannot be given as JSON`);
    }
  });
}

function wrong(node: TypedData): never {
  return fail(node.path, `expected ${shortened(typeToString(node.type))}, found ${kindOf(node.data)}`);
}

type Read = Leaf<Value> | Branch<TypedData, Value>;

function readPrimitive(node: TypedData, name: Extract<Type, { kind: "primitive" }>["name"]): Read {
  const { data } = node;
  switch (name) {
    case "Int":
      return leaf(readInt(node));
    case "Float":
      return leaf(floatFromData(data) ?? wrong(node));
    case "String":
      return leaf(typeof data === "string" ? data : wrong(node));
    case "Bool":
      return leaf(typeof data === "boolean" ? data : wrong(node));
    case "Unit":
      return leaf(data === null ? UNIT : wrong(node));
    case "Json":
      return readJson(node);
    case "ActorId":
      return fail(node.path, "an ActorId cannot be given as JSON");
  }
}

/** Decimal digits of a 64-bit integer: at most 19, with a sign. */
const INT_TEXT = /^(?:0|-?[1-9][0-9]{0,18})$/;

function readInt(node: TypedData): number | bigint {
  const { data } = node;
  const value = typeof data === "string" && INT_TEXT.test(data) ? intFromBigInt(BigInt(data)) : data;
  if (typeof value === "bigint" && !isI64(value)) return fail(node.path, "an Int has 64 bits; this one is larger");
  return isI64(value) ? value : wrong(node);
}

function readJson(node: TypedData): Read {
  const { data, type, path } = node;
  if (data === null) return leaf(UNIT);
  if (typeof data === "string" || typeof data === "boolean" || data instanceof FloatValue) return leaf(data);
  if (isJsonArray(data)) return listOf(data, type, path);
  if (isJsonObject(data)) return mapOf(data, type, path);
  return leaf(isI64(data) ? data : fail(path, "an Int has 64 bits; this one is larger"));
}

const below = (path: JsonPath, key: string | number, data: JsonData, type: Type): TypedData => ({
  data,
  type,
  path: { parent: path, key },
});

function listOf(data: readonly JsonData[], type: Type, path: JsonPath): Read {
  return new Branch(
    data.map((item, i) => below(path, i, item, type)),
    (items) => ListValue.of(items),
  );
}

function mapOf(data: ReadonlyMap<string, JsonData>, type: Type, path: JsonPath): Read {
  const keys = [...data.keys()];
  return new Branch(
    keys.map((key) => below(path, key, data.get(key) ?? null, type)),
    (values) => MapValue.from(keys.map((key, i) => [key, values[i] ?? UNIT] as const)),
  );
}

/** The member of an object that has exactly one, when its name is one of these. */
function soleMember(data: JsonData, names: readonly string[]): readonly [string, JsonData] | undefined {
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  return entry !== undefined && names.includes(entry[0]) ? entry : undefined;
}

function readNamed(node: TypedData, name: string, args: readonly Type[], table: TypeTable): Read {
  const { data, path } = node;
  const [first, second] = args;
  const inside = (key: string, content: JsonData, type: Type, make: (value: Value) => Value): Read =>
    new Branch([below(path, key, content, type)], (parts) => make(parts[0] ?? UNIT));
  switch (name) {
    case "Option": {
      if (data === null) return leaf(NONE);
      const entry = soleMember(data, ["some"]);
      if (first === undefined || entry === undefined)
        return fail(path, `expected ${shortened(typeToString(node.type))} as null or {"some": …}, found ${kindOf(data)}`);
      return inside("some", entry[1], first, (value) => new SomeValue(value));
    }
    case "Result": {
      const entry = soleMember(data, ["ok", "err"]);
      if (first === undefined || second === undefined || entry === undefined)
        return fail(path, `expected ${shortened(typeToString(node.type))} as {"ok": …} or {"err": …}, found ${kindOf(data)}`);
      return entry[0] === "ok"
        ? inside("ok", entry[1], first, (value) => new OkValue(value))
        : inside("err", entry[1], second, (value) => new ErrValue(value));
    }
    case "List":
      return first !== undefined && isJsonArray(data) ? listOf(data, first, path) : wrong(node);
    case "Map":
      return second !== undefined && isJsonObject(data) ? mapOf(data, second, path) : wrong(node);
    default: {
      const shape = table.shapeOf(node.type);
      if (shape === undefined) return fail(path, `the module has no type ${shortened(typeToString(node.type))}`);
      return shape.kind === "record" ? readRecord(node, shape) : readEnum(node, shape);
    }
  }
}

function readRecord(node: TypedData, shape: Extract<TypeShape, { kind: "record" }>): Read {
  const { data, path } = node;
  if (!isJsonObject(data)) return wrong(node);
  const names = new Set(shape.fields.map((f) => f.name));
  for (const key of data.keys()) if (!names.has(key)) return fail(path, `${shape.name} has no field ${shortened(JSON.stringify(key))}`);
  const fields = shape.fields.map((field) => {
    const content = data.get(field.name);
    if (content === undefined) return fail(path, `the field ${shortened(field.name)} of ${shape.name} is missing`);
    if (field.type === undefined) return fail({ parent: path, key: field.name }, "a field of an unknown type cannot be given as JSON");
    return below(path, field.name, content, field.type);
  });
  return new Branch(fields, (values) => new RecordValue(shape.id, values));
}

function readEnum(node: TypedData, shape: Extract<TypeShape, { kind: "enum" }>): Read {
  const { data, path } = node;
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  const name = typeof data === "string" ? data : entry?.[0];
  if (name === undefined) return fail(path, `expected ${shortened(shape.name)} as "Variant" or {"Variant": …}, found ${kindOf(data)}`);
  const index = shape.variants.findIndex((v) => v.name === name);
  const variant = shape.variants[index];
  if (variant === undefined) return fail(path, `${shape.name} has no variant ${shortened(JSON.stringify(name))}`);
  if (variant.payload === null)
    return entry === undefined
      ? leaf(new EnumValue(shape.id, index, UNIT))
      : fail(path, `the variant ${variant.name} has no payload: write it as a string`);
  if (entry === undefined) return fail(path, `the variant ${variant.name} has a payload: write it as {"${variant.name}": …}`);
  if (variant.payload.type === undefined) return fail({ parent: path, key: name }, "a payload of an unknown type cannot be given as JSON");
  return new Branch([below(path, name, entry[1], variant.payload.type)], (parts) => new EnumValue(shape.id, index, parts[0] ?? UNIT));
}
