/**
 * Reads and writes typed JSON, the JSON form of values for `--arg`, `--json` and the embedding API (`docs/guide/embedding.md`). Reading a
 * value needs its type:
 *
 * | type    | JSON                                              |
 * |---------|---------------------------------------------------|
 * | Unit    | `null`                                            |
 * | Int     | a number, or decimal digits as a string           |
 * | Float   | a number, or `"NaN"`, `"inf"`, `"-inf"`           |
 * | Option  | `null` or `{"some": v}`                           |
 * | Result  | `{"ok": v}` or `{"err": v}`                       |
 * | record  | an object                                         |
 * | tuple   | an array                                          |
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
import { isPositional, type TypeDef } from "../bytecode/module.ts";
import { checkSerializable } from "../value/serializable.ts";
import { legacyName, textForm } from "../value/display.ts";
import { type TypeShape, type TypeTable, typeTable } from "../value/type-definitions.ts";
import { type PrimitiveName, type Type, typeToString } from "../value/type.ts";
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
 * How numbers are written. In `typed JSON`, some numbers are strings, as the table above says. In `plain` data, every number is a
 * JavaScript number or bigint.
 */
type NumberForm = "typed JSON" | "plain";

/**
 * Converts a value to typed JSON. If `type` is undefined, enum values with the type ids that older modules
 * use for options and results are converted as options and results. A
 * function becomes its text form, an actor becomes its number, and a record of an unknown type becomes an array of its fields. Ints stay
 * exact. Throws the errors of `checkSerializable`.
 */
export function valueToTypedJson(
  value: Value,
  type: Type | undefined,
  types: readonly TypeDef[],
  numbers: NumberForm = "typed JSON",
): JsonData {
  checkSerializable(value);
  const table = typeTable(types);
  return foldTree<Value, JsonData>(value, (part) => {
    if (typeof part !== "object") return leaf(part);
    switch (part.tag) {
      case "Unit":
      case "None":
        return leaf(null);
      case "Float":
        return leaf(numbers === "plain" ? part : floatToData(part));
      case "ActorId":
        return leaf(part.id);
      case "FnRef":
        return leaf(textForm(part));
      case "Some":
        return wrapperBranch("some", part.value);
      case "Ok":
        return wrapperBranch("ok", part.value);
      case "Err":
        return wrapperBranch("err", part.value);
      case "List":
        return new Branch(part.toArray(), (items) => items);
      case "Map":
        return objectBranch([...part.keys()], [...part.values()]);
      case "Record": {
        const shape = table.shapeOfId(part.typeId);
        return shape?.kind === "record" && shape.fields.length === part.fields.length && !isPositional(shape.fields)
          ? objectBranch(
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

function wrapperBranch(name: string, value: Value): Branch<Value, JsonData> {
  return new Branch([value], (parts) => jsonObjectOf([name, parts[0] ?? null]));
}

function objectBranch(names: readonly string[], values: readonly Value[]): Branch<Value, JsonData> {
  return new Branch(values, (parts) => new Map(names.map((name, i) => [name, parts[i] ?? null])));
}

function enumToTypedJson(
  value: EnumValue,
  shape: TypeShape | undefined,
  legacy: string | undefined,
): Leaf<JsonData> | Branch<Value, JsonData> {
  if (legacy === "None") return leaf(null);
  if (legacy !== undefined) return wrapperBranch(legacy.toLowerCase(), value.payload);
  const variant = shape?.kind === "enum" ? shape.variants[value.variant] : undefined;
  if (variant === undefined) return wrapperBranch(String(value.variant), value.payload);
  return variant.payload === null ? leaf(variant.name) : wrapperBranch(variant.name, value.payload);
}

/** A path to a part of the JSON data, linked from the part to the root. It is converted to text only for an error message. */
export interface JsonPath {
  readonly parent: JsonPath | undefined;
  readonly key: string | number;
}

const MAX_PATH_PARTS = 16;
const MAX_QUOTED_UNITS = 80;

/** Returns the user's text, shortened for a message. */
const shorten = (text: string): string => (text.length > MAX_QUOTED_UNITS ? `${wellFormed(text.slice(0, MAX_QUOTED_UNITS))}…` : text);

export function pathText(path: JsonPath): string {
  const parts: string[] = [];
  let part: JsonPath | undefined = path;
  for (; part !== undefined && parts.length < MAX_PATH_PARTS; part = part.parent) {
    const isRoot = part.parent === undefined;
    const name = typeof part.key === "string" && (isRoot || /^[A-Za-z_][A-Za-z0-9_]*$/.test(part.key));
    parts.push(isRoot ? String(part.key) : name ? `.${shorten(String(part.key))}` : `[${shorten(JSON.stringify(part.key))}]`);
  }
  return `${part === undefined ? "" : "…"}${parts.reverse().join("")}`;
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

/** JSON data that is to be read as a value of `type`. */
interface TypedData {
  readonly data: JsonData;
  readonly type: Type;
  readonly path: JsonPath;
}

/**
 * Reads a value of `type`. Throws `value.too_deep`, or `value.form` with a message that contains the path from `root`, such as
 * `args.name.items[2]: expected Int, found String`.
 */
export function valueFromTypedJson(
  data: JsonData,
  type: Type,
  types: readonly TypeDef[],
  root = "value",
  numbers: NumberForm = "typed JSON",
): Value {
  // The table returns the shape of a type: its fields or variants, with their types.
  const table = typeTable(types);
  return foldTree<TypedData, Value>({ data, type, path: { parent: undefined, key: root } }, (node, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}`);
    switch (node.type.kind) {
      case "primitive":
        return readPrimitive(numbers === "plain" ? withoutNumberText(node, node.type.name) : node, node.type.name);
      case "named":
        return readNamed(node, node.type.name, node.type.args, table);
      case "fn":
      case "param":
        return fail(node.path, `a ${shorten(typeToString(node.type))} cannot be given as JSON`);
    }
  });
}

function failWrongType(node: TypedData): never {
  return fail(node.path, `expected ${shorten(typeToString(node.type))}, found ${kindOf(node.data)}`);
}

type ReadResult = Leaf<Value> | Branch<TypedData, Value>;

function readPrimitive(node: TypedData, name: PrimitiveName): ReadResult {
  const { data } = node;
  switch (name) {
    case "Int":
      return leaf(readInt(node));
    case "Float":
      return leaf(floatFromData(data) ?? failWrongType(node));
    case "String":
      return leaf(typeof data === "string" ? data : failWrongType(node));
    case "Bool":
      return leaf(typeof data === "boolean" ? data : failWrongType(node));
    case "Unit":
      return leaf(data === null ? UNIT : failWrongType(node));
    case "Json":
      return readJson(node);
    case "ActorId":
      return fail(node.path, "an ActorId cannot be given as JSON");
  }
}

/** Rejects a string where a number is expected. Accepts -0 as the Int 0, because `Math.round(-0.4)` is -0. */
function withoutNumberText(node: TypedData, name: PrimitiveName): TypedData {
  if (name !== "Int" && name !== "Float") return node;
  if (typeof node.data === "string") return failWrongType(node);
  return name === "Int" && node.data instanceof FloatValue && node.data.value === 0 ? { ...node, data: 0 } : node;
}

/** The decimal digits of a 64-bit integer: at most 19 digits, possibly with a sign. */
const INT_TEXT = /^(?:0|-?[1-9][0-9]{0,18})$/;

function readInt(node: TypedData): number | bigint {
  const { data } = node;
  const value = typeof data === "string" && INT_TEXT.test(data) ? intFromBigInt(BigInt(data)) : data;
  if (typeof value === "bigint" && !isI64(value)) return fail(node.path, "an Int has 64 bits; this one is larger");
  return isI64(value) ? value : failWrongType(node);
}

function readJson(node: TypedData): ReadResult {
  const { data, type, path } = node;
  if (data === null) return leaf(UNIT);
  if (typeof data === "string" || typeof data === "boolean" || data instanceof FloatValue) return leaf(data);
  if (isJsonArray(data)) return readItems(data, type, path);
  if (isJsonObject(data)) return readEntries(data, type, path);
  return leaf(isI64(data) ? data : fail(path, "an Int has 64 bits; this one is larger"));
}

const childData = (path: JsonPath, key: string | number, data: JsonData, type: Type): TypedData => ({
  data,
  type,
  path: { parent: path, key },
});

function readItems(data: readonly JsonData[], type: Type, path: JsonPath): ReadResult {
  return new Branch(
    data.map((item, i) => childData(path, i, item, type)),
    (items) => ListValue.of(items),
  );
}

function readEntries(data: ReadonlyMap<string, JsonData>, type: Type, path: JsonPath): ReadResult {
  const keys = [...data.keys()];
  return new Branch(
    keys.map((key) => childData(path, key, data.get(key) ?? null, type)),
    (values) => MapValue.from(keys.map((key, i) => [key, values[i] ?? UNIT] as const)),
  );
}

/** Returns the only member of an object that has exactly one member, if its name is one of `names`. */
function soleMember(data: JsonData, names: readonly string[]): readonly [string, JsonData] | undefined {
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  return entry !== undefined && names.includes(entry[0]) ? entry : undefined;
}

function readNamed(node: TypedData, name: string, args: readonly Type[], table: TypeTable): ReadResult {
  const { data, path } = node;
  const [first, second] = args;
  const wrapChild = (key: string, content: JsonData, type: Type, make: (value: Value) => Value): ReadResult =>
    new Branch([childData(path, key, content, type)], (parts) => make(parts[0] ?? UNIT));
  switch (name) {
    case "Option": {
      if (data === null) return leaf(NONE);
      const entry = soleMember(data, ["some"]);
      if (first === undefined || entry === undefined)
        return fail(path, `expected ${shorten(typeToString(node.type))} as null or {"some": …}, found ${kindOf(data)}`);
      return wrapChild("some", entry[1], first, (value) => new SomeValue(value));
    }
    case "Result": {
      const entry = soleMember(data, ["ok", "err"]);
      if (first === undefined || second === undefined || entry === undefined)
        return fail(path, `expected ${shorten(typeToString(node.type))} as {"ok": …} or {"err": …}, found ${kindOf(data)}`);
      return entry[0] === "ok"
        ? wrapChild("ok", entry[1], first, (value) => new OkValue(value))
        : wrapChild("err", entry[1], second, (value) => new ErrValue(value));
    }
    case "List":
      return first !== undefined && isJsonArray(data) ? readItems(data, first, path) : failWrongType(node);
    case "Map":
      return second !== undefined && isJsonObject(data) ? readEntries(data, second, path) : failWrongType(node);
    default: {
      const shape = table.shapeOf(node.type);
      if (shape === undefined) return fail(path, `the module has no type ${shorten(typeToString(node.type))}`);
      return shape.kind === "record" ? readRecord(node, shape) : readEnum(node, shape);
    }
  }
}

function readRecord(node: TypedData, shape: Extract<TypeShape, { kind: "record" }>): ReadResult {
  const { data, path } = node;
  if (isPositional(shape.fields)) return readPositional(node, shape);
  if (!isJsonObject(data)) return failWrongType(node);
  const names = new Set(shape.fields.map((f) => f.name));
  for (const key of data.keys()) if (!names.has(key)) return fail(path, `${shape.name} has no field ${shorten(JSON.stringify(key))}`);
  const fields = shape.fields.map((field) => {
    const content = data.get(field.name);
    if (content === undefined) return fail(path, `the field ${shorten(field.name)} of ${shape.name} is missing`);
    if (field.type === undefined) return fail({ parent: path, key: field.name }, "a field of an unknown type cannot be given as JSON");
    return childData(path, field.name, content, field.type);
  });
  return new Branch(fields, (values) => new RecordValue(shape.id, values));
}

/** Reads an array with one element for each field. */
function readPositional(node: TypedData, shape: Extract<TypeShape, { kind: "record" }>): ReadResult {
  const { data, path } = node;
  const { length } = shape.fields;
  if (!isJsonArray(data)) return failWrongType(node);
  if (data.length !== length)
    return fail(path, `expected ${shorten(typeToString(node.type))} as an array of ${length} elements, found ${data.length}`);
  const fields = shape.fields.map(({ type }, i) => {
    if (type === undefined) return fail({ parent: path, key: i }, "an element of an unknown type cannot be given as JSON");
    return childData(path, i, data[i] ?? null, type);
  });
  return new Branch(fields, (values) => new RecordValue(shape.id, values));
}

function readEnum(node: TypedData, shape: Extract<TypeShape, { kind: "enum" }>): ReadResult {
  const { data, path } = node;
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  const name = typeof data === "string" ? data : entry?.[0];
  if (name === undefined) return fail(path, `expected ${shorten(shape.name)} as "Variant" or {"Variant": …}, found ${kindOf(data)}`);
  const index = shape.variants.findIndex((v) => v.name === name);
  const variant = shape.variants[index];
  if (variant === undefined) return fail(path, `${shape.name} has no variant ${shorten(JSON.stringify(name))}`);
  if (variant.payload === null)
    return entry === undefined
      ? leaf(new EnumValue(shape.id, index, UNIT))
      : fail(path, `the variant ${variant.name} has no payload: write it as a string`);
  if (entry === undefined) return fail(path, `the variant ${variant.name} has a payload: write it as {"${variant.name}": …}`);
  if (variant.payload.type === undefined) return fail({ parent: path, key: name }, "a payload of an unknown type cannot be given as JSON");
  return new Branch([childData(path, name, entry[1], variant.payload.type)], (parts) => new EnumValue(shape.id, index, parts[0] ?? UNIT));
}
