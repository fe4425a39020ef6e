/**
 * The plain JSON forms of values, for `--arg`, `--json` and the embedding API (`docs/embedding.md`): Int and Float a number, Unit null,
 * Option `null | {"some": v}`, Result `{"ok": v} | {"err": v}`, a record an object, an enum `"Variant" | {"Variant": v}`,
 * List an array, Map an object, Json itself.
 */
import { BorunaError, unreachable } from "../error.ts";
import { Branch, foldTree, type Leaf } from "./fold.ts";
import { isJsonArray, isJsonObject, type JsonData } from "./json.ts";
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

const leaf = <T>(value: T): Leaf<T> => ({ leaf: value });
const member = (name: string, data: JsonData): JsonData => new Map([[name, data]]);

/**
 * Writes a value. The values themselves say almost all; `type` adds the types of generic parts. A function reference is its text form,
 * an actor its number, a record of no known type its fields as an array. Ints stay exact (`jsonToJs` makes the large ones text).
 * Throws what `checkSerializable` throws.
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
        return enumToPlain(part, table.shapeOfId(part.typeId), type === undefined ? legacyName(part, types) : undefined);
      case "Closure":
        throw new BorunaError("internal", "a closure passed checkSerializable");
      default:
        return unreachable(part, "value");
    }
  });
}

function wrapped(name: string, value: Value): Branch<Value, JsonData> {
  return new Branch([value], (parts) => member(name, parts[0] ?? null));
}

function labelled(names: readonly string[], values: readonly Value[]): Branch<Value, JsonData> {
  return new Branch(values, (parts) => new Map(names.map((name, i) => [name, parts[i] ?? null])));
}

function enumToPlain(value: EnumValue, shape: TypeShape | undefined, legacy: string | undefined): Leaf<JsonData> | Branch<Value, JsonData> {
  if (legacy === "None") return leaf(null);
  if (legacy !== undefined) return wrapped(legacy.toLowerCase(), value.payload);
  const variant = shape?.kind === "enum" ? shape.variants[value.variant] : undefined;
  if (variant === undefined) return wrapped(String(value.variant), value.payload);
  return variant.payload === null ? leaf(variant.name) : wrapped(variant.name, value.payload);
}

/** Where a reader stands; its text is made only when something is wrong. */
interface Place {
  readonly parent: Place | undefined;
  readonly key: string | number;
}

const MAX_PATH_PARTS = 16;
const MAX_SHOWN_UNITS = 80;

const shown = (text: string): string => (text.length > MAX_SHOWN_UNITS ? `${wellFormed(text.slice(0, MAX_SHOWN_UNITS))}…` : text);

function pathText(place: Place): string {
  const parts: string[] = [];
  let at: Place | undefined = place;
  for (; at !== undefined && parts.length < MAX_PATH_PARTS; at = at.parent) {
    const isRoot = at.parent === undefined;
    const name = typeof at.key === "string" && (isRoot || /^[A-Za-z_][A-Za-z0-9_]*$/.test(at.key));
    parts.push(isRoot ? String(at.key) : name ? `.${shown(String(at.key))}` : `[${shown(JSON.stringify(at.key))}]`);
  }
  return `${at === undefined ? "" : "…"}${parts.reverse().join("")}`;
}

function fail(place: Place, message: string): never {
  throw new BorunaError("value.form", `${pathText(place)}: ${message}`);
}

function kindOf(data: JsonData): string {
  if (data === null) return "null";
  if (typeof data === "string") return "String";
  if (typeof data === "boolean") return "Bool";
  if (data instanceof FloatValue) return "Float";
  if (isJsonArray(data)) return "List";
  return isJsonObject(data) ? "Object" : "Int";
}

interface Plain {
  readonly data: JsonData;
  readonly type: Type;
  readonly place: Place;
}

/**
 * Reads a value of `type`. An Int may be text in decimal, a Float an integer or `"NaN"`, `"inf"`, `"-inf"`.
 * Throws `value.form` with the path below `root`: `args.name.items[2]: expected Int, found String`; `value.too_deep`.
 */
export function valueFromTypedJson(data: JsonData, type: Type, types: readonly TypeDef[], root = "value"): Value {
  const table = typeTable(types);
  return foldTree<Plain, Value>({ data, type, place: { parent: undefined, key: root } }, (node, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}`);
    switch (node.type.kind) {
      case "primitive":
        return readPrimitive(node, node.type.name);
      case "named":
        return readNamed(node, node.type.name, node.type.args, table);
      case "fn":
      case "param":
        return fail(node.place, `a ${shown(typeToString(node.type))} cannot be given as JSON`);
    }
  });
}

function wrong(node: Plain): never {
  return fail(node.place, `expected ${shown(typeToString(node.type))}, found ${kindOf(node.data)}`);
}

type Read = Leaf<Value> | Branch<Plain, Value>;

function readPrimitive(node: Plain, name: Extract<Type, { kind: "primitive" }>["name"]): Read {
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
      return fail(node.place, "an ActorId cannot be given as JSON");
  }
}

/** The text of an i64 has at most 20 characters. */
const INT_TEXT = /^(?:0|-?[1-9][0-9]{0,18})$/;

function readInt(node: Plain): number | bigint {
  const { data } = node;
  const value = typeof data === "string" && INT_TEXT.test(data) ? intFromBigInt(BigInt(data)) : data;
  if (typeof value === "bigint" && !isI64(value)) return fail(node.place, "an Int has 64 bits; this one is larger");
  return isI64(value) ? value : wrong(node);
}

function readJson(node: Plain): Read {
  const { data, type, place } = node;
  if (data === null) return leaf(UNIT);
  if (typeof data === "string" || typeof data === "boolean" || data instanceof FloatValue) return leaf(data);
  if (isJsonArray(data)) return listOf(data, type, place);
  if (isJsonObject(data)) return mapOf(data, type, place);
  return leaf(isI64(data) ? data : fail(place, "an Int has 64 bits; this one is larger"));
}

const below = (place: Place, key: string | number, data: JsonData, type: Type): Plain => ({ data, type, place: { parent: place, key } });

function listOf(data: readonly JsonData[], type: Type, place: Place): Read {
  return new Branch(
    data.map((item, i) => below(place, i, item, type)),
    (items) => ListValue.of(items),
  );
}

function mapOf(data: ReadonlyMap<string, JsonData>, type: Type, place: Place): Read {
  const keys = [...data.keys()];
  return new Branch(
    keys.map((key) => below(place, key, data.get(key) ?? null, type)),
    (values) => MapValue.from(keys.map((key, i) => [key, values[i] ?? UNIT] as const)),
  );
}

/** The one member of an object with one of these names. */
function soleMember(data: JsonData, names: readonly string[]): readonly [string, JsonData] | undefined {
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  return entry !== undefined && names.includes(entry[0]) ? entry : undefined;
}

function readNamed(node: Plain, name: string, args: readonly Type[], table: TypeTable): Read {
  const { data, place } = node;
  const [first, second] = args;
  const inside = (key: string, content: JsonData, type: Type, make: (value: Value) => Value): Read =>
    new Branch([below(place, key, content, type)], (parts) => make(parts[0] ?? UNIT));
  switch (name) {
    case "Option": {
      if (data === null) return leaf(NONE);
      const entry = soleMember(data, ["some"]);
      if (first === undefined || entry === undefined)
        return fail(place, `expected ${shown(typeToString(node.type))} as null or {"some": …}, found ${kindOf(data)}`);
      return inside("some", entry[1], first, (value) => new SomeValue(value));
    }
    case "Result": {
      const entry = soleMember(data, ["ok", "err"]);
      if (first === undefined || second === undefined || entry === undefined)
        return fail(place, `expected ${shown(typeToString(node.type))} as {"ok": …} or {"err": …}, found ${kindOf(data)}`);
      return entry[0] === "ok"
        ? inside("ok", entry[1], first, (value) => new OkValue(value))
        : inside("err", entry[1], second, (value) => new ErrValue(value));
    }
    case "List":
      return first !== undefined && isJsonArray(data) ? listOf(data, first, place) : wrong(node);
    case "Map":
      return second !== undefined && isJsonObject(data) ? mapOf(data, second, place) : wrong(node);
    default: {
      const shape = table.shapeOf(node.type);
      if (shape === undefined) return fail(place, `the module has no type ${shown(typeToString(node.type))}`);
      return shape.kind === "record" ? readRecord(node, shape) : readEnum(node, shape);
    }
  }
}

function readRecord(node: Plain, shape: Extract<TypeShape, { kind: "record" }>): Read {
  const { data, place } = node;
  if (!isJsonObject(data)) return wrong(node);
  const names = new Set(shape.fields.map((f) => f.name));
  for (const key of data.keys()) if (!names.has(key)) return fail(place, `${shape.name} has no field ${shown(JSON.stringify(key))}`);
  const fields = shape.fields.map((field) => {
    const content = data.get(field.name);
    if (content === undefined) return fail(place, `the field ${shown(field.name)} of ${shape.name} is missing`);
    if (field.type === undefined) return fail({ parent: place, key: field.name }, "a field of an unknown type cannot be given as JSON");
    return below(place, field.name, content, field.type);
  });
  return new Branch(fields, (values) => new RecordValue(shape.id, values));
}

function readEnum(node: Plain, shape: Extract<TypeShape, { kind: "enum" }>): Read {
  const { data, place } = node;
  const entry = isJsonObject(data) && data.size === 1 ? [...data][0] : undefined;
  const name = typeof data === "string" ? data : entry?.[0];
  if (name === undefined) return fail(place, `expected ${shown(shape.name)} as "Variant" or {"Variant": …}, found ${kindOf(data)}`);
  const index = shape.variants.findIndex((v) => v.name === name);
  const variant = shape.variants[index];
  if (variant === undefined) return fail(place, `${shape.name} has no variant ${shown(JSON.stringify(name))}`);
  if (variant.payload === null)
    return entry === undefined
      ? leaf(new EnumValue(shape.id, index, UNIT))
      : fail(place, `the variant ${variant.name} has no payload: write it as a string`);
  if (entry === undefined) return fail(place, `the variant ${variant.name} has a payload: write it as {"${variant.name}": …}`);
  if (variant.payload.type === undefined) return fail({ parent: place, key: name }, "a payload of an unknown type cannot be given as JSON");
  return new Branch([below(place, name, entry[1], variant.payload.type)], (parts) => new EnumValue(shape.id, index, parts[0] ?? UNIT));
}
