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
 *
 * `json.from` and `json.to` use the form for foreign JSON, in which an Option is `null` or the plain value (`JsonForm`).
 */
import { BorunaError, unreachable } from "../error.ts";
import { Branch, foldTree, type Leaf, leaf } from "./fold.ts";
import { BYTES, mapCharge, slotsCharge } from "../cost.ts";
import type { JsonData, JsonMembers, JsonNode, JsonScalar } from "./json.ts";
import { memoizePerObject } from "../lazy.ts";
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
  replaceLoneSurrogates,
} from "../value/value.ts";

/**
 * The form of the JSON:
 * - `typed`: the form of the table above;
 * - `plain`: the same, but every number is a JavaScript number or bigint, never a string;
 * - `foreign`: JSON of other programs. An Option is `null` or the value inside, unless that value can be `null` too. A reader ignores members
 *   that the record lacks, and reads a missing Option as None.
 */
export type JsonForm = "typed" | "plain" | "foreign";

/** Returns the type inside an Option that is written as `null` or the bare value inside; undefined for any other type. */
export function bareOption(form: JsonForm, type: Type | undefined): Type | undefined {
  const inner = form === "foreign" && type !== undefined ? typeArgument(type, "Option", 0) : undefined;
  if (inner === undefined || inner.kind === "param") return undefined;
  const mayBeNull =
    inner.kind === "primitive" ? inner.name === "Unit" || inner.name === "Json" : inner.kind === "named" && inner.name === "Option";
  return mayBeNull ? undefined : inner;
}

/** Returns one type argument of a type with that name. */
const typeArgument = (type: Type | undefined, name: string, index: number): Type | undefined =>
  type?.kind === "named" && type.name === name ? type.args[index] : undefined;

/**
 * Converts a value to typed JSON. A function becomes its text form, an actor its number, and a record of an unknown type an array of
 * its fields. Ints stay exact. If `type` is undefined, the enum values that older modules use for options and results are converted as
 * options and results. Throws the errors of `checkSerializable`.
 */
export function valueToTypedJson(value: Value, type: Type | undefined, types: readonly TypeDef[], form: JsonForm = "typed"): JsonData {
  checkSerializable(value);
  return foldTypedJson({ value, type }, types, DATA_OUTPUT, { hasLegacyVariants: type === undefined, form });
}

/** A value with its type, which decides how an Option is written in foreign JSON. The type is undefined if it is not known. */
export interface TypedValue {
  readonly value: Value;
  readonly type: Type | undefined;
}

/** Makes the output from one level of JSON at a time. */
export interface JsonOutput<Out> {
  readonly scalar: (data: JsonScalar) => Out;
  readonly list: (items: Out[]) => Out;
  readonly object: (names: readonly string[], parts: readonly Out[]) => Out;
  /**
   * Called with each part of the value before its children, but not with a Some that is written as the bare value inside. May throw to
   * stop the conversion.
   */
  readonly enter: (part: TypedValue, depth: number) => void;
}

const DATA_OUTPUT: JsonOutput<JsonData> = {
  scalar: (data) => data,
  list: (items) => items,
  object: (names, parts) => new Map(names.map((name, i) => [name, parts[i] ?? null])),
  enter: () => undefined,
};

interface WriteOptions {
  /** Whether the enum values that older modules use for options and results are written as options and results. */
  readonly hasLegacyVariants: boolean;
  readonly form: JsonForm;
}

/** Converts a value to JSON in the form that `output` makes. */
export function foldTypedJson<Out>(
  root: TypedValue,
  types: readonly TypeDef[],
  output: JsonOutput<Out>,
  { hasLegacyVariants, form }: WriteOptions,
): Out {
  const table = typeTable(types);
  const object = (names: readonly string[], parts: readonly TypedValue[]): Branch<TypedValue, Out> =>
    new Branch(parts, (made) => output.object(names, made));
  const all = (values: readonly Value[], type: Type | undefined): TypedValue[] => values.map((value) => ({ value, type }));
  // Only the form of an Option in foreign JSON depends on types.
  const start = form === "foreign" ? root : { value: root.value, type: undefined };
  return foldTree<TypedValue, Out>(start, (node, depth) => {
    const { value: part, type } = node;
    const inner = part instanceof SomeValue ? bareOption(form, type) : undefined;
    if (part instanceof SomeValue && inner !== undefined)
      return new Branch([{ value: part.value, type: inner }], ([made]) => made ?? output.scalar(null));
    output.enter(node, depth);
    if (typeof part !== "object") return leaf(output.scalar(part));
    switch (part.tag) {
      case "Unit":
      case "None":
        return leaf(output.scalar(null));
      case "Float":
        return leaf(output.scalar(form === "plain" ? part : floatToData(part)));
      case "ActorId":
        return leaf(output.scalar(part.id));
      case "FnRef":
        return leaf(output.scalar(textForm(part)));
      case "Some":
        return object(["some"], [{ value: part.value, type: typeArgument(type, "Option", 0) }]);
      case "Ok":
        return object(["ok"], [{ value: part.value, type: typeArgument(type, "Result", 0) }]);
      case "Err":
        return object(["err"], [{ value: part.value, type: typeArgument(type, "Result", 1) }]);
      case "List":
        return new Branch(all(part.toArray(), typeArgument(type, "List", 0)), output.list);
      case "Map":
        return object([...part.keys()], all([...part.values()], typeArgument(type, "Map", 1)));
      case "Record": {
        const shape = shapeOf(table, type, part.typeId);
        const values = part.fields;
        if (shape?.kind !== "record" || shape.fields.length !== values.length) return new Branch(all(values, undefined), output.list);
        const fields = values.map((value, i): TypedValue => ({ value, type: shape.fields[i]?.type }));
        return isPositional(shape.fields) ? new Branch(fields, output.list) : object(namesOf(shape), fields);
      }
      case "Enum": {
        const legacy = hasLegacyVariants ? legacyName(part, types) : undefined;
        if (legacy === "None") return leaf(output.scalar(null));
        if (legacy !== undefined) return object([legacy.toLowerCase()], all([part.payload], undefined));
        const shape = shapeOf(table, type, part.typeId);
        const variant = shape?.kind === "enum" ? shape.variants[part.variant] : undefined;
        return variant?.payload === null
          ? leaf(output.scalar(variant.name))
          : object([variant?.name ?? String(part.variant)], all([part.payload], variant?.payload.type));
      }
      case "Closure":
        throw new BorunaError("internal", "a closure passed checkSerializable");
      default:
        return unreachable(part, "value");
    }
  });
}

/**
 * Returns the fields or variants of a record or enum type, by its id. If `type` is known, type arguments replace the type parameters in
 * them.
 */
function shapeOf(table: TypeTable, type: Type | undefined, id: number): TypeShape | undefined {
  const shape = type === undefined ? undefined : table.shapeOf(type);
  return shape?.id === id ? shape : table.shapeOfId(id);
}

type RecordShape = Extract<TypeShape, { kind: "record" }>;
type EnumShape = Extract<TypeShape, { kind: "enum" }>;

const namesOf = memoizePerObject((shape: RecordShape): readonly string[] => shape.fields.map((f) => f.name));
const nameSetOf = memoizePerObject((shape: RecordShape): ReadonlySet<string> => new Set(namesOf(shape)));
const variantIndexesOf = memoizePerObject(
  (shape: EnumShape): ReadonlyMap<string, number> => new Map(shape.variants.map((variant, index) => [variant.name, index])),
);

/** A path to a part of the JSON data, linked from the part to the root. It is converted to text only for an error message. */
export interface JsonPath {
  readonly parent: JsonPath | undefined;
  readonly key: string | number;
}

const MAX_PATH_PARTS = 16;
const MAX_QUOTED_UNITS = 80;

/** Returns the user's text, shortened for a message. */
const shorten = (text: string): string =>
  text.length > MAX_QUOTED_UNITS ? `${replaceLoneSurrogates(text.slice(0, MAX_QUOTED_UNITS))}…` : text;

export function pathText(path: JsonPath): string {
  const parts: string[] = [];
  let part: JsonPath | undefined = path;
  for (; part !== undefined && parts.length < MAX_PATH_PARTS; part = part.parent) {
    const isRoot = part.parent === undefined;
    const isName = typeof part.key === "string" && (isRoot || /^[A-Za-z_][A-Za-z0-9_]*$/.test(part.key));
    parts.push(isRoot ? String(part.key) : isName ? `.${shorten(String(part.key))}` : `[${shorten(JSON.stringify(part.key))}]`);
  }
  return `${part === undefined ? "" : "…"}${parts.reverse().join("")}`;
}

function fail(path: JsonPath, message: string): never {
  throw new BorunaError("value.form", `${pathText(path)}: ${message}`);
}

function kindOf(data: JsonNode<unknown>): string {
  if (data === null) return "null";
  if (typeof data === "string") return "String";
  if (typeof data === "boolean") return "Bool";
  if (data instanceof FloatValue) return "Float";
  if (isArray(data)) return "List";
  return isObject(data) ? "Object" : "Int";
}

/** `Array.isArray` does not narrow a readonly array. */
const isArray = <D>(data: JsonNode<D>): data is readonly D[] => Array.isArray(data);
const isObject = <D>(data: JsonNode<D>): data is JsonMembers<D> => data instanceof Map || data instanceof MapValue;

/** Where JSON data is read from. */
export interface JsonInput<D> {
  /** Returns the first level of data that will become a value of `type`. May throw to stop the reading. */
  readonly open: (data: D, type: Type) => JsonNode<D>;
  /** Called with the bytes to charge for each value before it is made. May throw. */
  readonly allocate: (bytes: number) => void;
  /** Data for which `open` returns null. */
  readonly nullData: D;
}

const DATA_INPUT: JsonInput<JsonData> = { open: (data) => data, allocate: () => undefined, nullData: null };

/** JSON data that will be read as a value of `type`. */
interface TypedData<D> {
  readonly data: D;
  readonly type: Type;
  readonly path: JsonPath;
}

/** JSON data whose first level `JsonInput.open` has returned. `closed` is the same data before that. */
interface TypedNode<D> {
  readonly data: JsonNode<D>;
  readonly closed: TypedData<D>;
  readonly type: Type;
  readonly path: JsonPath;
}

/** What stays the same while a value is read. */
interface Reading<D> {
  readonly input: JsonInput<D>;
  readonly form: JsonForm;
  readonly table: TypeTable;
}

/**
 * Reads a value of `type`. Throws `value.too_deep`, or `value.form` with a message that contains the path from `root`, such as
 * `args.name.items[2]: expected Int, found String`.
 */
export function valueFromTypedJson(data: JsonData, type: Type, types: readonly TypeDef[], root = "value", form: JsonForm = "typed"): Value {
  return readTypedJson(data, type, types, DATA_INPUT, { root, form });
}

/** Does the same as `valueFromTypedJson` for JSON data of any type `D`, which `input` opens level by level. */
export function readTypedJson<D>(
  data: D,
  type: Type,
  types: readonly TypeDef[],
  input: JsonInput<D>,
  { root, form }: { readonly root: string; readonly form: JsonForm },
): Value {
  // The table returns the shape of a type: its fields or variants, with their types.
  const reading: Reading<D> = { input, form, table: typeTable(types) };
  return foldTree<TypedData<D>, Value>({ data, type, path: { parent: undefined, key: root } }, (closed, depth) => {
    if (depth > MACHINE_LIMITS.valueDepth)
      throw new BorunaError("value.too_deep", `a value nested deeper than ${MACHINE_LIMITS.valueDepth}`);
    const node: TypedNode<D> = { data: input.open(closed.data, closed.type), closed, type: closed.type, path: closed.path };
    switch (node.type.kind) {
      case "primitive":
        return readPrimitive(reading, form === "plain" ? withoutNumberText(node, node.type.name) : node, node.type.name);
      case "named":
        return readNamed(reading, node, node.type.name, node.type.args);
      case "fn":
      case "param":
        return fail(node.path, `a ${shorten(typeToString(node.type))} cannot be given as JSON`);
    }
  });
}

function failWrongType(node: TypedNode<unknown>): never {
  return fail(node.path, `expected ${shorten(typeToString(node.type))}, found ${kindOf(node.data)}`);
}

type ReadResult<D> = Leaf<Value> | Branch<TypedData<D>, Value>;

function readPrimitive<D>(reading: Reading<D>, node: TypedNode<D>, name: PrimitiveName): ReadResult<D> {
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
      return readJson(reading, node);
    case "ActorId":
      return fail(node.path, "an ActorId cannot be given as JSON");
  }
}

/** Rejects a string where a number is expected. Accepts -0 as the Int 0, because `Math.round(-0.4)` is -0. */
function withoutNumberText<D>(node: TypedNode<D>, name: PrimitiveName): TypedNode<D> {
  if (name !== "Int" && name !== "Float") return node;
  if (typeof node.data === "string") return failWrongType(node);
  return name === "Int" && node.data instanceof FloatValue && node.data.value === 0 ? { ...node, data: 0 } : node;
}

/** The decimal digits of a 64-bit integer: at most 19 digits, possibly with a sign. */
const INT_TEXT = /^(?:0|-?[1-9][0-9]{0,18})$/;

function readInt(node: TypedNode<unknown>): number | bigint {
  const { data } = node;
  const value = typeof data === "string" && INT_TEXT.test(data) ? intFromBigInt(BigInt(data)) : data;
  if (typeof value === "bigint" && !isI64(value)) return fail(node.path, "an Int has 64 bits; this one is larger");
  return isI64(value) ? value : failWrongType(node);
}

function readJson<D>(reading: Reading<D>, node: TypedNode<D>): ReadResult<D> {
  const { data, type, path } = node;
  if (data === null) return leaf(UNIT);
  if (typeof data === "string" || typeof data === "boolean" || data instanceof FloatValue) return leaf(data);
  if (isArray(data)) return readItems(reading, data, type, path);
  if (isObject(data)) return readEntries(reading, data, type, path);
  return leaf(isI64(data) ? data : fail(path, "an Int has 64 bits; this one is larger"));
}

const childData = <D>(path: JsonPath, key: string | number, data: D, type: Type): TypedData<D> => ({
  data,
  type,
  path: { parent: path, key },
});

function readItems<D>({ input }: Reading<D>, data: readonly D[], type: Type, path: JsonPath): ReadResult<D> {
  input.allocate(slotsCharge(data.length));
  return new Branch(
    data.map((item, i) => childData(path, i, item, type)),
    (items) => ListValue.of(items),
  );
}

function readEntries<D>({ input }: Reading<D>, data: JsonMembers<D>, type: Type, path: JsonPath): ReadResult<D> {
  input.allocate(mapCharge(data.size));
  const keys = [...data.keys()];
  return new Branch(
    Array.from(data.entries(), ([key, item]) => childData(path, key, item, type)),
    (values) => MapValue.ofKeys(keys, values),
  );
}

/** Returns the only member of an object that has exactly one member, if its name is one of `names`. */
function soleMember<D>(data: JsonNode<D>, names: readonly string[]): readonly [string, D] | undefined {
  const entry = isObject(data) && data.size === 1 ? [...data.entries()][0] : undefined;
  return entry !== undefined && names.includes(entry[0]) ? entry : undefined;
}

function readNamed<D>(reading: Reading<D>, node: TypedNode<D>, name: string, args: readonly Type[]): ReadResult<D> {
  const { data, path } = node;
  const [first, second] = args;
  const wrapChild = (key: string, content: D, type: Type, make: (value: Value) => Value): ReadResult<D> => {
    reading.input.allocate(BYTES.wrapper);
    return new Branch([childData(path, key, content, type)], (parts) => make(parts[0] ?? UNIT));
  };
  switch (name) {
    case "Option": {
      if (data === null) return leaf(NONE);
      const inner = bareOption(reading.form, node.type);
      if (inner !== undefined) {
        reading.input.allocate(BYTES.wrapper);
        return new Branch([{ ...node.closed, type: inner }], (parts) => new SomeValue(parts[0] ?? UNIT));
      }
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
      return first !== undefined && isArray(data) ? readItems(reading, data, first, path) : failWrongType(node);
    case "Map":
      return second !== undefined && isObject(data) ? readEntries(reading, data, second, path) : failWrongType(node);
    default: {
      const shape = reading.table.shapeOf(node.type);
      if (shape === undefined) return fail(path, `the module has no type ${shorten(typeToString(node.type))}`);
      return shape.kind === "record" ? readRecord(reading, node, shape) : readEnum(reading, node, shape);
    }
  }
}

function readRecord<D>({ input, form }: Reading<D>, node: TypedNode<D>, shape: RecordShape): ReadResult<D> {
  const { data, path } = node;
  input.allocate(slotsCharge(shape.fields.length));
  if (isPositional(shape.fields)) return readPositional(node, shape);
  if (!isObject(data)) return failWrongType(node);
  const names = nameSetOf(shape);
  const isForeign = form === "foreign";
  for (const key of isForeign ? [] : data.keys())
    if (!names.has(key)) return fail(path, `${shape.name} has no field ${shorten(JSON.stringify(key))}`);
  const fields = shape.fields.map((field) => {
    const member = data.get(field.name);
    const isOption = typeArgument(field.type, "Option", 0) !== undefined;
    const content = member === undefined && isForeign && isOption ? input.nullData : member;
    if (content === undefined) return fail(path, `the field ${shorten(field.name)} of ${shape.name} is missing`);
    if (field.type === undefined) return fail({ parent: path, key: field.name }, "a field of an unknown type cannot be given as JSON");
    return childData(path, field.name, content, field.type);
  });
  return new Branch(fields, (values) => RecordValue.of(shape.id, values));
}

/** Reads an array with one element for each field. */
function readPositional<D>(node: TypedNode<D>, shape: RecordShape): ReadResult<D> {
  const { data, path } = node;
  const { length } = shape.fields;
  if (!isArray(data)) return failWrongType(node);
  if (data.length !== length)
    return fail(path, `expected ${shorten(typeToString(node.type))} as an array of ${length} elements, found ${data.length}`);
  const fields = data.map((item, i) => {
    const type = shape.fields[i]?.type;
    if (type === undefined) return fail({ parent: path, key: i }, "an element of an unknown type cannot be given as JSON");
    return childData(path, i, item, type);
  });
  return new Branch(fields, (values) => RecordValue.of(shape.id, values));
}

function readEnum<D>({ input }: Reading<D>, node: TypedNode<D>, shape: EnumShape): ReadResult<D> {
  const { data, path } = node;
  input.allocate(BYTES.enumValue);
  const entry = isObject(data) && data.size === 1 ? [...data.entries()][0] : undefined;
  const name = typeof data === "string" ? data : entry?.[0];
  if (name === undefined) return fail(path, `expected ${shorten(shape.name)} as "Variant" or {"Variant": …}, found ${kindOf(data)}`);
  const index = variantIndexesOf(shape).get(name) ?? -1;
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
