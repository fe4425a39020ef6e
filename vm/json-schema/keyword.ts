/** Types and functions that the readers of keywords share. */
import { BorunaError } from "../error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../json/json.ts";
import { type JsonPath, pathText } from "../json/typed-json.ts";
import { FloatValue } from "../value/value.ts";
import type { CompiledSchema, Check } from "./checking.ts";

export type Dialect = "2020-12" | "draft-07";

/** A keyword in a schema. */
export interface KeywordUse {
  readonly name: string;
  readonly value: JsonData;
  /** The path of the value in the document. */
  readonly path: JsonPath;
  /** The schema that contains the keyword. */
  readonly schema: ReadonlyMap<string, JsonData>;
  readonly dialect: Dialect;
  /** Reads a schema inside this one. */
  readonly read: (schema: JsonData, path: JsonPath) => CompiledSchema;
  /** Returns the reference of a `$ref` or `$dynamicRef`. Its target is set after the document has been read. */
  readonly refer: (reference: string, path: JsonPath) => Reference;
}

/** The target of a reference. */
export interface Reference {
  target: CompiledSchema | undefined;
  /** The name of the `$dynamicAnchor`, if the reference leads to one. */
  dynamicName: string | undefined;
}

export interface Keyword {
  /** The meaning of the keyword, for the docs. */
  readonly doc: string;
  /** The only dialect that has the keyword. Undefined if both have it. */
  readonly only?: Dialect;
  /** Undefined for a keyword without a check of its own: it only describes, or another keyword reads it. */
  readonly read?: (use: KeywordUse) => Check | undefined;
}

/** Returns the error for a schema that is wrong at `path`. */
export function invalidSchema(path: JsonPath, message: string): BorunaError {
  return new BorunaError("schema.form", `${pathText(path)}: ${message}`);
}

/** Returns the value of a number, or undefined for anything else. JavaScript compares numbers and bigints exactly. */
export function numberOf(data: JsonData): number | bigint | undefined {
  if (data instanceof FloatValue) return data.value;
  return typeof data === "number" || typeof data === "bigint" ? data : undefined;
}

/** Returns the number of a keyword such as `minItems`. Throws `schema.form` unless it is a whole number from 0. */
export function countOf({ value, path }: KeywordUse): number {
  const number = Number(numberOf(value) ?? -1);
  if (!Number.isInteger(number) || number < 0) throw invalidSchema(path, "expected a whole number from 0");
  return number;
}

export function namesOf(value: JsonData, path: JsonPath): readonly string[] {
  const names = isJsonArray(value) ? value.filter((name) => typeof name === "string") : [];
  if (!isJsonArray(value) || names.length < value.length) throw invalidSchema(path, "expected a list of names");
  return names;
}

/** Reads an object of schemas. */
export function readSchemas({ value, path, read }: KeywordUse): readonly (readonly [string, CompiledSchema])[] {
  if (!isJsonObject(value)) throw invalidSchema(path, "expected an object of schemas");
  return [...value].map(([name, schema]) => [name, read(schema, { parent: path, key: name })] as const);
}

/** Reads a list of at least one schema. */
export function readSchemaList({ value, path, read }: KeywordUse): readonly CompiledSchema[] {
  if (!isJsonArray(value) || value.length === 0) throw invalidSchema(path, "expected a list of schemas");
  return value.map((schema, i) => read(schema, { parent: path, key: i }));
}
