/**
 * Combinators for the fields of a policy file. A `FieldSchema` holds a field's validator, its description in error
 * messages, and its JSON Schema, so that the three cannot disagree. `policy-fields.ts` builds the policy format from them.
 */
import { BorunaError, type ErrorKind, type ErrorPlace } from "../vm/error.ts";
import type { JsonData } from "../vm/json/json.ts";
import { describeNode, type DocumentNode } from "./document.ts";
import { didYouMean } from "./did-you-mean.ts";

export type PolicyErrorKind = ErrorKind & `policy.${string}`;

/** Position of the value being read, for error messages. */
export interface FieldPosition {
  /** Path from the root, such as `rules["net.fetch"].budget`; empty for the root. */
  readonly path: string;
  /** Kind of the errors that are thrown here. */
  readonly kind: PolicyErrorKind;
  /** File, line and column of an offset in the policy's text. */
  readonly errorPlaceAt: (offset: number) => ErrorPlace;
}

export type JsonSchema = ReadonlyMap<string, JsonData>;

export interface FieldSchema<T> {
  /** Validates the node and returns its value. Throws `policy.*`. */
  readonly read: (node: DocumentNode, at: FieldPosition) => T;
  /** A phrase that follows "must be": `a list of hosts`. */
  readonly description: string;
  readonly jsonSchema: JsonSchema;
}

/** One member of an object: a row in a table of fields. */
export interface Field<T> {
  readonly name: string;
  readonly schema: FieldSchema<T>;
  /** Default of an absent member; undefined if the member is required. */
  readonly fallback: T | undefined;
  readonly doc: string;
  /** Set for fields added after the format's first version: canonical JSON omits the default, so that older policies keep their hash. */
  readonly omitWhenDefault?: true;
}

export type FieldValue<F> = F extends Field<infer T> ? T : never;
/** Type of the object that a table of fields describes. */
export type FieldValues<Table> = { readonly [K in keyof Table]: FieldValue<Table[K]> };
export type FieldTable = Readonly<Record<string, Field<unknown>>>;

/** An optional field with its default. */
export function field<T>(name: string, schema: FieldSchema<T>, fallback: T, doc: string): Field<T> {
  return { name, schema, fallback, doc };
}
/** An optional field that was added after the format's first version. */
export function laterField<T>(name: string, schema: FieldSchema<T>, fallback: T, doc: string): Field<T> {
  return { name, schema, fallback, doc, omitWhenDefault: true };
}
export function requiredField<T>(name: string, schema: FieldSchema<T>, doc: string): Field<T> {
  return { name, schema, fallback: undefined, doc };
}

export function fail(at: FieldPosition, offset: number, message: string, hint?: string, kind: PolicyErrorKind = at.kind): never {
  throw new BorunaError(kind, message, { place: at.errorPlaceAt(offset), ...(hint === undefined ? {} : { hint }) });
}

function failType(schema: { readonly description: string }, node: DocumentNode, at: FieldPosition): never {
  return fail(at, node.offset, `${at.path === "" ? "the policy" : at.path} must be ${schema.description}, not ${describeNode(node)}`);
}

export const memberPosition = (at: FieldPosition, name: string): FieldPosition => ({ ...at, path: memberPath(at.path, name) });

/** `a.b`, or `a["b c"]` for a name that is not an identifier in lower case. */
export function memberPath(path: string, name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

export const BOOLEAN: FieldSchema<boolean> = {
  description: "true or false",
  jsonSchema: new Map([["type", "boolean"]]),
  read: (node, at) => (node.kind === "scalar" && typeof node.value === "boolean" ? node.value : failType(BOOLEAN, node, at)),
};

/** A number for which `isValid` holds. */
function numeric(description: string, jsonSchema: JsonSchema, isValid: (value: number) => boolean): FieldSchema<number> {
  const schema: FieldSchema<number> = {
    description,
    jsonSchema,
    read: (node, at) => {
      const value = node.kind === "scalar" ? node.value : undefined;
      // Adding 0 turns -0 into 0.
      return typeof value === "number" && isValid(value) ? value + 0 : failType(schema, node, at);
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
export const AMOUNT: FieldSchema<number> = numeric(
  "a number, 0 or more",
  new Map(Object.entries({ type: "number", minimum: 0 })),
  (value) => Number.isFinite(value) && value >= 0,
);

/** Also accepts `null`, which means that the setting is absent. */
export function nullable<T>(inner: FieldSchema<T>): FieldSchema<T | null> {
  return {
    description: `${inner.description}, or null`,
    jsonSchema: new Map<string, JsonData>([["anyOf", [inner.jsonSchema, new Map([["type", "null"]])]]]),
    read: (node, at) => (node.kind === "scalar" && node.value === null ? null : inner.read(node, at)),
  };
}

/** Normalizes a text, or returns what is wrong with it. */
export type TextParser = (text: string) => { readonly text: string } | { readonly problem: string };

export function text(description: string, parse: TextParser, more: JsonSchema = new Map()): FieldSchema<string> {
  const schema: FieldSchema<string> = {
    description,
    jsonSchema: new Map<string, JsonData>([["type", "string"], ...more]),
    read: (node, at) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return failType(schema, node, at);
      const parsed = parse(node.value);
      return "text" in parsed ? parsed.text : fail(at, node.offset, `${at.path} is ${JSON.stringify(node.value)}: ${parsed.problem}`);
    },
  };
  return schema;
}

export function oneOf<T extends string>(values: readonly T[]): FieldSchema<T> {
  const schema: FieldSchema<T> = {
    description: `one of ${values.join(", ")}`,
    jsonSchema: new Map<string, JsonData>([["enum", values]]),
    read: (node, at) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return failType(schema, node, at);
      const given = node.value;
      const value = values.find((v) => v === given);
      return (
        value ??
        fail(at, node.offset, `${at.path} is ${JSON.stringify(given)}`, didYouMean(given, values, `It must be ${schema.description}.`))
      );
    },
  };
  return schema;
}

/** Maximum number of entries in a list or an object. */
const MAX_ENTRIES = 10_000;

function checkEntryCount(node: DocumentNode, count: number, at: FieldPosition): void {
  if (count > MAX_ENTRIES) fail(at, node.offset, `${at.path} has more than ${MAX_ENTRIES} entries`);
}

/** Keeps the order and drops duplicates. */
export function listOf<T extends string | number>(item: FieldSchema<T>, what: string): FieldSchema<readonly T[]> {
  const schema: FieldSchema<readonly T[]> = {
    description: `a list of ${what}`,
    jsonSchema: new Map<string, JsonData>([
      ["type", "array"],
      ["items", item.jsonSchema],
    ]),
    read: (node, at) => {
      if (node.kind !== "list") return failType(schema, node, at);
      checkEntryCount(node, node.items.length, at);
      return [...new Set(node.items.map((part, i) => item.read(part, { ...at, path: `${at.path}[${i}]` })))];
    },
  };
  return schema;
}

/** Checks the name of a member. Returns the error if the name is invalid. */
export type KeyCheck = (name: string) => undefined | { readonly kind?: PolicyErrorKind; readonly message: string; readonly hint?: string };

export function mapOf<T>(
  what: string,
  item: FieldSchema<T>,
  check: KeyCheck,
  more: JsonSchema = new Map(),
): FieldSchema<ReadonlyMap<string, T>> {
  const schema: FieldSchema<ReadonlyMap<string, T>> = {
    description: `an object of ${what}`,
    jsonSchema: new Map<string, JsonData>([["type", "object"], ...more, ["additionalProperties", item.jsonSchema]]),
    read: (node, at) => {
      if (node.kind !== "object") return failType(schema, node, at);
      checkEntryCount(node, node.members.length, at);
      for (const { name, nameOffset } of node.members) {
        const problem = check(name);
        if (problem !== undefined) fail(at, nameOffset, problem.message, problem.hint, problem.kind);
      }
      return new Map(node.members.map((m) => [m.name, item.read(m.node, memberPosition(at, m.name))]));
    },
  };
  return schema;
}

/** Reads one field of the current object. */
export type ReadField = <T>(field: Field<T>) => T;

/**
 * An object whose members are exactly the fields of `table`. `build` must read each field once. `kind` is the kind of
 * errors inside the object; by default that of the object around it.
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
    read: (node, outside) => {
      const at: FieldPosition = kind === undefined ? outside : { ...outside, kind };
      if (node.kind !== "object") return failType(schema, node, at);
      for (const { name, nameOffset } of node.members) {
        if (names.includes(name)) continue;
        const known = `Known ${names.length === 1 ? "is" : "are"}: ${names.join(", ")}.`;
        fail(at, nameOffset, `unknown field ${memberPath(at.path, name)}`, didYouMean(name, names, known), "policy.unknown_field");
      }
      return build((f) => {
        const member = node.members.find((m) => m.name === f.name);
        if (member !== undefined) return f.schema.read(member.node, memberPosition(at, f.name));
        if (f.fallback === undefined)
          return fail(at, node.offset, `${memberPath(at.path, f.name)} is missing`, `It must be ${f.schema.description}.`);
        return f.fallback;
      });
    },
  };
  return schema;
}
