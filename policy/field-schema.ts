/**
 * Combinators for the fields of a policy file. A `FieldSchema` makes a field's validator, its description in error messages, and its JSON
 * Schema from one declaration, so the three cannot disagree. `policy-fields.ts` builds the policy format from these combinators.
 */
import { BorunaError, type ErrorKind, type ErrorPlace } from "../vm/error.ts";
import { jsonFromJs } from "../vm/json/js-interop.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../vm/json/json.ts";
import { describeNode, type DocumentNode } from "./document.ts";
import { didYouMean } from "./did-you-mean.ts";

type PolicyErrorKind = ErrorKind & `policy.${string}`;

/** The position of a value in the policy, for error messages. */
export interface FieldPosition {
  /** Path from the root, such as `rules["net.fetch"].budget`; empty for the root. */
  readonly path: string;
  /** Kind of the errors about this value. */
  readonly kind: PolicyErrorKind;
  /** Returns the file, line and column of an offset in the policy's text. */
  readonly lineAndColumnAt: (offset: number) => ErrorPlace;
}

type JsonSchema = ReadonlyMap<string, JsonData>;

export interface FieldSchema<T> {
  /** Validates the node and returns its value. Throws `policy.*`. */
  readonly read: (node: DocumentNode, position: FieldPosition) => T;
  /** A phrase that completes "must be …": `a list of hosts`. */
  readonly description: string;
  readonly jsonSchema: JsonSchema;
  /** Returns the canonical form of a value's JSON: without each `addedLater` field that has its default. */
  readonly withoutLaterDefaults: (data: JsonData) => JsonData;
}

const unchanged = (data: JsonData): JsonData => data;

/** The declaration of one member of an object. */
export interface Field<T> {
  readonly name: string;
  readonly schema: FieldSchema<T>;
  /** The default, in an object because it may be undefined. Without this object, the member is required. */
  readonly fallback: { readonly value: T } | undefined;
  readonly doc: string;
  /** Whether `addedLater` declared the field. */
  readonly isLater?: true;
}

type FieldValue<F> = F extends Field<infer T> ? T : never;
/** Type of the object that a table of fields describes. */
export type FieldValues<Table> = { readonly [K in keyof Table]: FieldValue<Table[K]> };
export type FieldTable = Readonly<Record<string, Field<unknown>>>;

/** Declares an optional field with its default. */
export function field<T>(name: string, schema: FieldSchema<T>, fallback: T, doc: string): Field<T> {
  return { name, schema, fallback: { value: fallback }, doc };
}
/**
 * Marks an optional field that was added after the format's first version. Canonical JSON omits it at its default, so policies without the
 * field have the hash that they had before.
 */
export function addedLater<T>(declared: Field<T>): Field<T> {
  return { ...declared, isLater: true };
}
/** Declares a field without a default. If the member is absent, the value is undefined. */
export function optionalField<T>(name: string, schema: FieldSchema<T>, doc: string): Field<T | undefined> {
  return { name, schema, fallback: { value: undefined }, doc };
}
export function requiredField<T>(name: string, schema: FieldSchema<T>, doc: string): Field<T> {
  return { name, schema, fallback: undefined, doc };
}

/** Throws a policy error at an offset in the policy's text. */
export function failAt(
  position: FieldPosition,
  offset: number,
  message: string,
  hint?: string,
  kind: PolicyErrorKind = position.kind,
): never {
  throw new BorunaError(kind, message, { place: position.lineAndColumnAt(offset), hint });
}

/** Throws the error for a value of the wrong type. */
function failType(schema: { readonly description: string }, node: DocumentNode, position: FieldPosition): never {
  return failAt(
    position,
    node.offset,
    `${position.path === "" ? "the policy" : position.path} must be ${schema.description}, not ${describeNode(node)}`,
  );
}

const memberPosition = (position: FieldPosition, name: string): FieldPosition => ({
  ...position,
  path: memberPath(position.path, name),
});

/** Returns `a.b`, or `a["b c"]` for a name that is not an identifier in lower case. */
export function memberPath(path: string, name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

export const BOOLEAN: FieldSchema<boolean> = {
  description: "true or false",
  jsonSchema: new Map([["type", "boolean"]]),
  withoutLaterDefaults: unchanged,
  read: (node, position) => (node.kind === "scalar" && typeof node.value === "boolean" ? node.value : failType(BOOLEAN, node, position)),
};

/** Returns the schema of a number for which `isValid` holds. */
export function numeric(description: string, jsonSchema: JsonSchema, isValid: (value: number) => boolean): FieldSchema<number> {
  const schema: FieldSchema<number> = {
    description,
    jsonSchema,
    withoutLaterDefaults: unchanged,
    read: (node, position) => {
      const value = node.kind === "scalar" ? node.value : undefined;
      // Adding 0 turns -0 into 0.
      return typeof value === "number" && isValid(value) ? value + 0 : failType(schema, node, position);
    },
  };
  return schema;
}

export function integer(min: number, max: number): FieldSchema<number> {
  const jsonSchema = new Map(Object.entries({ type: "integer", minimum: min, maximum: max }));
  const isValid = (value: number): boolean => Number.isSafeInteger(value) && value >= min && value <= max;
  return numeric(`a whole number from ${min} to ${max}`, jsonSchema, isValid);
}

/** A finite number that is not negative. */
export const NON_NEGATIVE: FieldSchema<number> = numeric(
  "a number, 0 or more",
  new Map(Object.entries({ type: "number", minimum: 0 })),
  (value) => Number.isFinite(value) && value >= 0,
);

/** Returns a schema that also accepts `null`. */
export function nullable<T>(inner: FieldSchema<T>): FieldSchema<T | null> {
  return {
    description: `${inner.description}, or null`,
    jsonSchema: new Map<string, JsonData>([["anyOf", [inner.jsonSchema, new Map([["type", "null"]])]]]),
    withoutLaterDefaults: inner.withoutLaterDefaults,
    read: (node, position) => (node.kind === "scalar" && node.value === null ? null : inner.read(node, position)),
  };
}

/** Returns the normalized text, or what is wrong with the text. */
export type TextParser = (text: string) => { readonly text: string } | { readonly problem: string };

export function text(description: string, parse: TextParser, extraSchema: JsonSchema = new Map()): FieldSchema<string> {
  const schema: FieldSchema<string> = {
    description,
    jsonSchema: new Map<string, JsonData>([["type", "string"], ...extraSchema]),
    withoutLaterDefaults: unchanged,
    read: (node, position) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return failType(schema, node, position);
      const parsed = parse(node.value);
      return "text" in parsed
        ? parsed.text
        : failAt(position, node.offset, `${position.path} is ${JSON.stringify(node.value)}: ${parsed.problem}`);
    },
  };
  return schema;
}

export function oneOf<T extends string>(values: readonly T[]): FieldSchema<T> {
  const schema: FieldSchema<T> = {
    description: `one of ${values.join(", ")}`,
    jsonSchema: new Map<string, JsonData>([["enum", values]]),
    withoutLaterDefaults: unchanged,
    read: (node, position) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return failType(schema, node, position);
      const given = node.value;
      const value = values.find((v) => v === given);
      return (
        value ??
        failAt(
          position,
          node.offset,
          `${position.path} is ${JSON.stringify(given)}`,
          didYouMean(given, values, `It must be ${schema.description}.`),
        )
      );
    },
  };
  return schema;
}

/** Limit on the entries of a list or an object. */
const MAX_ENTRIES = 10_000;

function checkEntryCount(node: DocumentNode, count: number, maxEntries: number, position: FieldPosition): void {
  if (count > maxEntries) failAt(position, node.offset, `${position.path} has more than ${maxEntries} entries`);
}

/** Returns the schema of a list. `read` drops duplicates. `what` describes the items in messages. */
export function listOf<T extends null | boolean | number | string>(
  item: FieldSchema<T>,
  what: string,
  maxEntries: number = MAX_ENTRIES,
): FieldSchema<readonly T[]> {
  const schema: FieldSchema<readonly T[]> = {
    description: `a list of ${what}`,
    jsonSchema: new Map<string, JsonData>([
      ["type", "array"],
      ["items", item.jsonSchema],
    ]),
    withoutLaterDefaults: unchanged,
    read: (node, position) => {
      if (node.kind !== "list") return failType(schema, node, position);
      checkEntryCount(node, node.items.length, maxEntries, position);
      return [...new Set(node.items.map((part, i) => item.read(part, { ...position, path: `${position.path}[${i}]` })))];
    },
  };
  return schema;
}

/** Checks the name of a member. Returns the error, or undefined if the name is valid. */
export type KeyCheck = (name: string) => undefined | { readonly kind?: PolicyErrorKind; readonly message: string; readonly hint?: string };

export interface MapOptions<T> {
  /** Returns the schema of one member's value, if it depends on the name. */
  readonly itemFor?: (name: string) => FieldSchema<T>;
  /** More keywords of the object's JSON Schema. */
  readonly extraSchema?: JsonSchema;
  readonly maxEntries?: number;
}

/** Returns the schema of an object with any members. `item` is the schema of their values; `check` checks their names. */
export function mapOf<T>(
  what: string,
  item: FieldSchema<T>,
  check: KeyCheck,
  { itemFor = () => item, extraSchema = new Map(), maxEntries = MAX_ENTRIES }: MapOptions<T> = {},
): FieldSchema<ReadonlyMap<string, T>> {
  const schema: FieldSchema<ReadonlyMap<string, T>> = {
    description: `an object of ${what}`,
    jsonSchema: new Map<string, JsonData>([["type", "object"], ...extraSchema, ["additionalProperties", item.jsonSchema]]),
    withoutLaterDefaults: (data) =>
      isJsonObject(data) ? new Map([...data].map(([name, part]) => [name, item.withoutLaterDefaults(part)])) : data,
    read: (node, position) => {
      if (node.kind !== "object") return failType(schema, node, position);
      checkEntryCount(node, node.members.length, maxEntries, position);
      for (const { name, nameOffset } of node.members) {
        const problem = check(name);
        if (problem !== undefined) failAt(position, nameOffset, problem.message, problem.hint, problem.kind);
      }
      return new Map(node.members.map((m) => [m.name, itemFor(m.name).read(m.node, memberPosition(position, m.name))]));
    },
  };
  return schema;
}

/** Reads one field of the current object. */
type ReadField = <T>(field: Field<T>) => T;

/**
 * Returns the schema of an object with only the fields of `table`. `build` makes the value, and must read each field once. `kind` is the kind
 * of errors inside the object. Default: the kind of the enclosing object.
 */
export function objectOf<T>(description: string, table: FieldTable, build: (read: ReadField) => T, kind?: PolicyErrorKind): FieldSchema<T> {
  const fields = Object.values(table);
  const names = fields.map((f) => f.name);
  const schema: FieldSchema<T> = {
    description,
    jsonSchema: new Map<string, JsonData>([
      ["type", "object"],
      ["additionalProperties", false],
      ["required", fields.filter((f) => f.fallback === undefined).map((f) => f.name)],
      ["properties", new Map(fields.map((f) => [f.name, new Map<string, JsonData>([["description", f.doc], ...f.schema.jsonSchema])]))],
    ]),
    withoutLaterDefaults: (data) =>
      isJsonObject(data) ? new Map([...data].flatMap(([name, part]) => memberWithoutLaterDefault(fields, name, part))) : data,
    read: (node, outerPosition) => {
      const position: FieldPosition = kind === undefined ? outerPosition : { ...outerPosition, kind };
      if (node.kind !== "object") return failType(schema, node, position);
      for (const { name, nameOffset } of node.members) {
        if (names.includes(name)) continue;
        const known = `Known ${names.length === 1 ? "is" : "are"}: ${names.join(", ")}.`;
        failAt(
          position,
          nameOffset,
          `unknown field ${memberPath(position.path, name)}`,
          didYouMean(name, names, known),
          "policy.unknown_field",
        );
      }
      return build((f) => {
        const member = node.members.find((m) => m.name === f.name);
        if (member !== undefined) return f.schema.read(member.node, memberPosition(position, f.name));
        if (f.fallback === undefined)
          return failAt(position, node.offset, `${memberPath(position.path, f.name)} is missing`, `It must be ${f.schema.description}.`);
        return f.fallback.value;
      });
    },
  };
  return schema;
}

/** Returns the member in canonical form, or nothing for an `addedLater` field with its default. */
function memberWithoutLaterDefault(
  fields: readonly Field<unknown>[],
  name: string,
  data: JsonData,
): readonly (readonly [string, JsonData])[] {
  const declared = fields.find((f) => f.name === name);
  if (declared === undefined) return [[name, data]];
  const compacted = declared.schema.withoutLaterDefaults(data);
  const isDefault = (): boolean =>
    canonicalJson(compacted) === canonicalJson(declared.schema.withoutLaterDefaults(jsonFromJs(declared.fallback?.value)));
  return declared.isLater === true && isDefault() ? [] : [[name, compacted]];
}
