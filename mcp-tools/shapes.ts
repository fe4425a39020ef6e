/**
 * Shapes: what the import understands of a JSON Schema. `ShapeReader` converts the schema of a tool's arguments or answer to a shape, from
 * which `module-text.ts` makes types and code.
 *
 *     {"type": "object", "required": ["path"],                      record ReadArgs
 *      "properties": {"path": {"type": "string"},            →        path: String           required
 *                     "mode": {"enum": ["text", "raw"]}}}             mode: enum ReadArgsMode   optional
 *
 * A schema that no type can express becomes the type Json, and a note says why. A shape holds only the type of a value: the server checks
 * bounds, patterns and formats. `default` is ignored, because the server fills in absent arguments.
 */
import { BorunaError } from "../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { FloatValue } from "../vm/value/value.ts";
import { isFreeName, pascalCase, snakeCase, UniqueNames, wordsOf } from "./names.ts";

/** The type that a schema becomes. */
export type Shape =
  | { readonly kind: "json" | "bool" | "int" | "float" | "string" }
  | { readonly kind: "list" | "map"; readonly item: Shape }
  | { readonly kind: "named"; readonly definition: Definition };

/** A type that the module declares. */
export type Definition = RecordShape | EnumShape | UnionShape;

export interface RecordShape {
  readonly kind: "record";
  readonly name: string;
  /** Filled after the record is created, because a field may have the record's own type. */
  readonly fields: Field[];
}

/** One of several texts. */
export interface EnumShape {
  readonly kind: "enum";
  readonly name: string;
  readonly variants: readonly { readonly name: string; readonly jsonName: string }[];
}

/** One of several objects. The member `tag` says which one. */
export interface UnionShape {
  readonly kind: "union";
  readonly name: string;
  readonly tag: string;
  readonly variants: { readonly name: string; readonly jsonName: string; readonly fields: readonly Field[] }[];
}

export interface Field {
  /** The name in the language. */
  readonly name: string;
  /** The name in JSON. */
  readonly jsonName: string;
  readonly shape: Shape;
  /** `optional`: None is an absent member. `nullable`: the member is there, and None is null. */
  readonly presence: "required" | "optional" | "nullable";
  readonly doc: string;
}

/** Says why a part of a schema became Json. */
export interface Note {
  /** Such as `args.filter`. */
  readonly path: string;
  readonly reason: string;
}

type Schema = ReadonlyMap<string, JsonData>;

const MAX_DEPTH = 64;
const MAX_SCHEMAS = 10_000;
/** The bytecode stores the number of fields of a record, and of parameters of a function, in one byte. */
const MAX_FIELDS = 255;
const MAX_VARIANTS = 500;

const JSON_SHAPE: Shape = { kind: "json" };

/** Keywords that no type expresses. */
const UNTYPED_KEYWORDS = [
  "allOf",
  "not",
  "if",
  "patternProperties",
  "dependentSchemas",
  "unevaluatedProperties",
  "$dynamicRef",
  "prefixItems",
];

/** Reads the schemas of one document: the arguments or the answer of one tool. */
export class ShapeReader {
  /** The types that the shapes need, in the order in which they were found. */
  readonly definitions: Definition[] = [];
  readonly notes: Note[] = [];
  readonly #document: JsonData;
  readonly #typeNames: UniqueNames;
  /** The prefix of all type names. */
  readonly #prefix: string;
  /** The shape of the target of each `$ref`, by pointer. Undefined while the target is being read and has no type yet. */
  readonly #references = new Map<string, Shape | undefined>();
  /** Number of schemas read so far, which `MAX_SCHEMAS` limits. */
  #schemas = 0;

  constructor(document: JsonData, prefix: string, typeNames: UniqueNames) {
    this.#document = document;
    this.#prefix = prefix;
    this.#typeNames = typeNames;
  }

  /** Reads the document. Throws `capability.not_importable` if the schema refers to another document. */
  read(path: string): Shape {
    return this.#readSchema(this.#document, { path, hint: "", depth: 0, pointer: "#" });
  }

  #readSchema(schema: JsonData, at: Place): Shape {
    this.#schemas += 1;
    if (this.#schemas > MAX_SCHEMAS || at.depth > MAX_DEPTH) return this.#jsonBecause(at, "it is too large or nested too deep");
    if (!isJsonObject(schema)) return this.#jsonBecause(at, "any value is allowed");
    const reference = schema.get("$ref");
    if (typeof reference === "string") return this.#readReference(reference, at);
    const untyped = UNTYPED_KEYWORDS.find((keyword) => schema.has(keyword));
    if (untyped !== undefined) return this.#jsonBecause(at, `\`${untyped}\` has no type`);
    if (schema.has("const")) return this.#readValues([schema.get("const") ?? null], at);
    const values = schema.get("enum");
    if (values !== undefined) return this.#readValues(isJsonArray(values) ? values : [], at);
    const alternatives = alternativesOf(schema);
    if (alternatives !== undefined)
      return schema.has("properties") ? this.#jsonBecause(at, "it has alternatives") : this.#readAlternatives(alternatives, at);
    return this.#readType(schema, at);
  }

  #readType(schema: Schema, at: Place): Shape {
    const type = schema.get("type") ?? (schema.has("properties") ? "object" : schema.has("items") ? "array" : undefined);
    switch (type) {
      case "string":
      case "integer":
      case "number":
      case "boolean":
        return { kind: SCALARS[type] };
      case "array": {
        const items = schema.get("items");
        if (items === undefined || isJsonArray(items))
          return { kind: "list", item: this.#jsonBecause(below(at, "[]"), "any value is allowed") };
        return { kind: "list", item: this.#readSchema(items, { ...below(at, "[]"), hint: `${at.hint} item` }) };
      }
      case "object":
        return this.#readObject(schema, at);
      default:
        return this.#jsonBecause(
          at,
          type === undefined ? "any value is allowed" : isJsonArray(type) ? "it has several types" : "its type is unknown",
        );
    }
  }

  #readObject(schema: Schema, at: Place): Shape {
    const properties = schema.get("properties") ?? null;
    const others = schema.get("additionalProperties") ?? null;
    const hasProperties = isJsonObject(properties) && properties.size > 0;
    const typesOthers = isJsonObject(others) && others.size > 0;
    if (hasProperties && typesOthers) return this.#jsonBecause(at, "it has members with and without known names");
    if (typesOthers) return { kind: "map", item: this.#readSchema(others, { ...below(at, ".*"), hint: `${at.hint} value` }) };
    if (!hasProperties) return this.#jsonBecause(at, "it is an object with any members");
    const problem = fieldsProblem(properties, requiredOf(schema));
    if (problem !== undefined) return this.#jsonBecause(at, problem);
    const record: RecordShape = { kind: "record", name: this.#typeName(at), fields: [] };
    const shape: Shape = { kind: "named", definition: record };
    this.definitions.push(record);
    // The record is noted before its fields are read, because one of them may refer to this schema, as in a tree.
    if (at.pointer !== undefined) this.#references.set(at.pointer, shape);
    record.fields.push(...this.#readFields(properties, requiredOf(schema), at, undefined));
    return shape;
  }

  /** Returns the fields for the members of an object. Leaves out the member `tag`, which the variant of a union already says. */
  #readFields(properties: Schema, required: ReadonlySet<string>, at: Place, tag: string | undefined): readonly Field[] {
    const names = new UniqueNames();
    return [...properties]
      .filter(([jsonName]) => jsonName !== tag)
      .map(([jsonName, schema]) => {
        const isRequired = required.has(jsonName);
        const place = { ...below(at, `.${jsonName}`), hint: `${at.hint} ${jsonName}` };
        const nonNull = withoutNull(schema);
        const doc = isJsonObject(schema) ? docOf(schema) : "";
        const name = names.unique(snakeCase(jsonName, "field"), "_");
        if (nonNull === undefined)
          return { name, jsonName, shape: this.#readSchema(schema, place), presence: isRequired ? "required" : "optional", doc };
        if (isRequired) return { name, jsonName, shape: this.#readSchema(nonNull, place), presence: "nullable", doc };
        return { name, jsonName, shape: this.#jsonBecause(place, "it may be missing, null or a value"), presence: "optional", doc };
      });
  }

  /** Returns the shape for the values of `enum`, or for the one of `const`. */
  #readValues(values: readonly JsonData[], at: Place): Shape {
    if (values.length > 0 && values.every((value) => typeof value === "string")) return this.#readTexts(values, at);
    const isInt = (value: JsonData): boolean => typeof value === "number" || typeof value === "bigint";
    if (values.length > 0 && values.every(isInt)) return { kind: "int" };
    if (values.length > 0 && values.every((value) => isInt(value) || value instanceof FloatValue)) return { kind: "float" };
    if (values.length > 0 && values.every((value) => typeof value === "boolean")) return { kind: "bool" };
    return this.#jsonBecause(at, "its values have no common type");
  }

  #readTexts(texts: readonly string[], at: Place): Shape {
    const variants = variantsOf(texts);
    if (variants === undefined) return { kind: "string" };
    const definition: EnumShape = { kind: "enum", name: this.#typeName(at), variants };
    this.definitions.push(definition);
    return { kind: "named", definition };
  }

  #readAlternatives(alternatives: readonly JsonData[], at: Place): Shape {
    const [only] = alternatives;
    if (alternatives.length === 1 && only !== undefined) return this.#readSchema(only, { ...at, depth: at.depth + 1 });
    const texts = alternatives.map((schema) => (isJsonObject(schema) ? schema.get("const") : undefined));
    if (texts.every((text) => typeof text === "string")) return this.#readTexts(texts, at);
    return this.#readUnion(alternatives, at) ?? this.#jsonBecause(at, "it has alternatives without a common tag");
  }

  /**
   * Returns an enum whose variants have the fields of the alternatives. A tag must distinguish them: a required member that has one fixed
   * text in each alternative, such as `"kind": {"const": "circle"}`. Returns undefined if there is no tag, or if an alternative is no object.
   */
  #readUnion(alternatives: readonly JsonData[], at: Place): Shape | undefined {
    const objects = alternatives.map((schema) => this.#membersOf(schema));
    if (!objects.every((object) => object !== undefined) || objects.length > MAX_VARIANTS) return undefined;
    const tag = [...(objects[0]?.properties.keys() ?? [])].find((name) =>
      objects.every((object) => object.required.has(name) && onlyTextOf(object, name) !== undefined),
    );
    if (tag === undefined) return undefined;
    const variants = variantsOf(objects.map((object) => onlyTextOf(object, tag) ?? ""));
    if (variants === undefined) return undefined;
    const union: UnionShape = { kind: "union", name: this.#typeName(at), tag, variants: [] };
    const shape: Shape = { kind: "named", definition: union };
    this.definitions.push(union);
    if (at.pointer !== undefined) this.#references.set(at.pointer, shape);
    for (const [i, variant] of variants.entries()) {
      const object = objects[i];
      if (object === undefined) continue;
      const place = { ...below(at, `.${variant.jsonName}`), hint: `${at.hint} ${variant.jsonName}` };
      union.variants.push({ ...variant, fields: this.#readFields(object.properties, object.required, place, tag) });
    }
    return shape;
  }

  /** Returns the members of an alternative, following a `$ref`. Undefined if it could not become a record. */
  #membersOf(given: JsonData): TaggedObject | undefined {
    const reference = isJsonObject(given) ? given.get("$ref") : undefined;
    const schema = typeof reference === "string" ? this.#resolve(reference) : given;
    if (schema === undefined || !isJsonObject(schema) || UNTYPED_KEYWORDS.some((keyword) => schema.has(keyword))) return undefined;
    const properties = schema.get("properties") ?? null;
    const others = schema.get("additionalProperties") ?? null;
    if (!isJsonObject(properties) || (isJsonObject(others) && others.size > 0) || alternativesOf(schema) !== undefined) return undefined;
    const required = requiredOf(schema);
    return fieldsProblem(properties, required) === undefined ? { properties, required } : undefined;
  }

  #readReference(pointer: string, at: Place): Shape {
    if (!pointer.startsWith("#"))
      throw new BorunaError("capability.not_importable", `${at.path} refers to another document: ${JSON.stringify(pointer.slice(0, 200))}`);
    const known = this.#references.get(pointer);
    if (known !== undefined) return known;
    if (this.#references.has(pointer)) return this.#jsonBecause(at, "it contains itself");
    const target = this.#resolve(pointer);
    if (target === undefined) return this.#jsonBecause(at, "it refers to a schema that is not there");
    this.#references.set(pointer, undefined);
    const hint = pointer.split("/").at(-1) ?? "";
    const shape = this.#readSchema(target, { path: at.path, hint, depth: at.depth + 1, pointer });
    this.#references.set(pointer, shape);
    return shape;
  }

  /** Returns the schema at a JSON pointer of this document, such as `#/$defs/Node`. */
  #resolve(pointer: string): JsonData | undefined {
    const [start, ...steps] = pointer.split("/");
    if (start !== "#" || steps.length > MAX_DEPTH) return undefined;
    let part: JsonData | undefined = this.#document;
    for (const step of steps) {
      const key = decodedStep(step);
      if (part === undefined) return undefined;
      part = isJsonObject(part) ? part.get(key) : isJsonArray(part) ? part[Number(key)] : undefined;
    }
    return part;
  }

  #typeName({ hint }: Place): string {
    return this.#typeNames.unique(this.#prefix + pascalCase(hint));
  }

  /** Returns the type Json, and notes why the schema has no other type. */
  #jsonBecause({ path }: Place, reason: string): Shape {
    this.notes.push({ path, reason });
    return JSON_SHAPE;
  }
}

/** Where a schema is in its document. */
interface Place {
  /** The path in a value, for notes. */
  readonly path: string;
  /** The name from which the name of its type is made. */
  readonly hint: string;
  readonly depth: number;
  /** The `$ref` that led to the schema; `#` for the whole document. Undefined for a part that was reached without a `$ref`. */
  readonly pointer: string | undefined;
}

/** Returns the place of a part, such as `.name` or `[]`. */
function below({ path, hint, depth }: Place, step: string): Place {
  return { path: path + step, hint, depth: depth + 1, pointer: undefined };
}

const SCALARS = { string: "string", integer: "int", number: "float", boolean: "bool" } as const;

/** An alternative of `oneOf` or `anyOf` that may become a variant: its members, and the names of those that are required. */
interface TaggedObject {
  readonly properties: Schema;
  readonly required: ReadonlySet<string>;
}

/** Returns the one text that the schema allows for a member: `circle` for `{"const": "circle"}`. Undefined if it allows other values. */
function onlyTextOf({ properties }: TaggedObject, name: string): string | undefined {
  const schema = properties.get(name);
  if (schema === undefined || !isJsonObject(schema)) return undefined;
  const values = schema.get("enum") ?? null;
  const only = schema.get("const") ?? (isJsonArray(values) && values.length === 1 ? values[0] : undefined);
  return typeof only === "string" ? only : undefined;
}

function requiredOf(schema: Schema): ReadonlySet<string> {
  const names = schema.get("required") ?? null;
  return new Set(isJsonArray(names) ? names.filter((name) => typeof name === "string") : []);
}

/** Returns why an object with these members cannot become a record. Undefined if it can. */
function fieldsProblem(properties: Schema, required: ReadonlySet<string>): string | undefined {
  if (properties.size > MAX_FIELDS) return `it has more than ${MAX_FIELDS} members`;
  return [...required].every((name) => properties.has(name)) ? undefined : "it requires a member that it does not describe";
}

function alternativesOf(schema: Schema): readonly JsonData[] | undefined {
  const given = schema.get("anyOf") ?? schema.get("oneOf") ?? null;
  return isJsonArray(given) && given.length > 0 ? given : undefined;
}

const isNullSchema = (schema: JsonData): boolean => isJsonObject(schema) && (schema.get("type") === "null" || schema.get("const") === null);

/** Returns the schema without null, if it allows null and other values. Otherwise returns undefined. */
function withoutNull(schema: JsonData): JsonData | undefined {
  if (!isJsonObject(schema)) return undefined;
  const type = schema.get("type") ?? null;
  const values = schema.get("enum") ?? null;
  if (isJsonArray(type) && type.includes("null")) {
    const types = type.filter((name) => name !== "null");
    const others = isJsonArray(values) ? values.filter((value) => value !== null) : undefined;
    const nonNull = new Map(schema).set("type", types.length === 1 ? (types[0] ?? null) : types);
    return others === undefined ? nonNull : nonNull.set("enum", others);
  }
  if (isJsonArray(values) && values.includes(null))
    return new Map(schema).set(
      "enum",
      values.filter((value) => value !== null),
    );
  const keyword = schema.has("anyOf") ? "anyOf" : "oneOf";
  const alternatives = schema.get(keyword) ?? null;
  if (!isJsonArray(alternatives) || !alternatives.some(isNullSchema)) return undefined;
  return new Map(schema).set(
    keyword,
    alternatives.filter((alternative) => !isNullSchema(alternative)),
  );
}

/** Returns a variant name for each text. Undefined if a text makes no name, or if two make the same name. */
function variantsOf(texts: readonly string[]): readonly { readonly name: string; readonly jsonName: string }[] | undefined {
  if (texts.length === 0 || texts.length > MAX_VARIANTS) return undefined;
  const variants = texts.map((jsonName) => {
    const name = pascalCase(jsonName);
    return { jsonName, name: isFreeName(name) ? name : `${name}Value` };
  });
  const isNamed = ({ name, jsonName }: { readonly name: string; readonly jsonName: string }): boolean =>
    jsonName.length <= 64 && /^[A-Za-z][A-Za-z0-9 _./:-]*$/.test(jsonName) && wordsOf(jsonName).length > 0 && isFreeName(name);
  return variants.every(isNamed) && new Set(variants.map(({ name }) => name)).size === variants.length ? variants : undefined;
}

function decodedStep(step: string): string {
  const text = step.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** Returns the description of a schema, or "". */
export function docOf(schema: Schema): string {
  const description = schema.get("description") ?? schema.get("title");
  return typeof description === "string" ? description : "";
}

/** Limit on the parts of a mock. Records can share types, so the smallest value of a short schema may be very large. */
const MAX_MOCK_PARTS = 1_000;

/** Returns the smallest value of a shape: required members only, empty lists, the first variant. Parts past a limit are null. */
export function smallestValue(shape: Shape): JsonData {
  let parts = 0;
  const valueOf = (part: Shape, depth: number): JsonData => {
    parts += 1;
    if (parts > MAX_MOCK_PARTS || depth > MAX_DEPTH) return null;
    return part.kind === "named" ? namedValue(part.definition, depth) : SMALLEST[part.kind];
  };
  const members = (fields: readonly Field[], depth: number): (readonly [string, JsonData])[] =>
    fields
      .filter(({ presence }) => presence !== "optional")
      .map((field) => [field.jsonName, field.presence === "nullable" ? null : valueOf(field.shape, depth + 1)]);
  const namedValue = (definition: Definition, depth: number): JsonData => {
    if (definition.kind === "record") return new Map(members(definition.fields, depth));
    if (definition.kind === "enum") return definition.variants[0]?.jsonName ?? null;
    const [variant] = definition.variants;
    return variant === undefined ? null : new Map([[definition.tag, variant.jsonName], ...members(variant.fields, depth)]);
  };
  return valueOf(shape, 0);
}

const SMALLEST = { json: null, bool: false, int: 0, float: 0, string: "mock", list: [], map: new Map<string, JsonData>() } as const;
