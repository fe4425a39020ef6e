/**
 * What a field of a policy may hold. One `Shape` reads it, describes it in words, and gives its JSON Schema, so the
 * three cannot disagree.
 */
import { BorunaError, type ErrorKind, type ErrorPlace } from "../vm/error.ts";
import type { JsonData } from "../vm/json/json.ts";
import { kindOfNode, type DocumentNode } from "./document.ts";
import { didYouMean } from "./did-you-mean.ts";

export type PolicyErrorKind = ErrorKind & `policy.${string}`;

/** Where the reader stands: what its errors say. */
export interface Place {
  /** As in the file: `rules["net.fetch"].budget`; empty for the whole. */
  readonly path: string;
  readonly kind: PolicyErrorKind;
  readonly placeOf: (offset: number) => ErrorPlace;
}

export type JsonSchema = ReadonlyMap<string, JsonData>;

export interface Shape<T> {
  readonly read: (node: DocumentNode, at: Place) => T;
  /** After "must be". */
  readonly words: string;
  readonly schema: JsonSchema;
}

/** One member of an object, as it stands in the table. */
export interface Field<T> {
  readonly name: string;
  readonly shape: Shape<T>;
  /** Undefined for a member that must be there. */
  readonly fallback: T | undefined;
  readonly doc: string;
  /** Came after the format's first version: canonical JSON leaves it out while it has its default, so that older policies keep their hash. */
  readonly isLater?: true;
}

export type FieldValue<F> = F extends Field<infer T> ? T : never;
/** The object that a table of fields describes. */
export type FieldValues<Table> = { readonly [K in keyof Table]: FieldValue<Table[K]> };
export type FieldTable = Readonly<Record<string, Field<unknown>>>;

export function field<T>(name: string, shape: Shape<T>, fallback: T, doc: string): Field<T> {
  return { name, shape, fallback, doc };
}
export function laterField<T>(name: string, shape: Shape<T>, fallback: T, doc: string): Field<T> {
  return { name, shape, fallback, doc, isLater: true };
}
export function requiredField<T>(name: string, shape: Shape<T>, doc: string): Field<T> {
  return { name, shape, fallback: undefined, doc };
}

export function fail(at: Place, offset: number, message: string, hint?: string, kind: PolicyErrorKind = at.kind): never {
  throw new BorunaError(kind, message, { place: at.placeOf(offset), ...(hint === undefined ? {} : { hint }) });
}

function wrong(shape: { readonly words: string }, node: DocumentNode, at: Place): never {
  return fail(at, node.offset, `${at.path === "" ? "the policy" : at.path} must be ${shape.words}, not ${kindOfNode(node)}`);
}

export const below = (at: Place, name: string): Place => ({ ...at, path: memberPath(at.path, name) });

export function memberPath(path: string, name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

export const BOOLEAN: Shape<boolean> = {
  words: "true or false",
  schema: new Map([["type", "boolean"]]),
  read: (node, at) => (node.kind === "scalar" && typeof node.value === "boolean" ? node.value : wrong(BOOLEAN, node, at)),
};

export function integer(min: number, max: number): Shape<number> {
  const shape: Shape<number> = {
    words: `a whole number from ${min} to ${max}`,
    schema: new Map<string, JsonData>([
      ["type", "integer"],
      ["minimum", min],
      ["maximum", max],
    ]),
    read: (node, at) => {
      const value = node.kind === "scalar" ? node.value : undefined;
      return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max ? value + 0 : wrong(shape, node, at);
    },
  };
  return shape;
}

/** A finite number that is not negative. */
export const AMOUNT: Shape<number> = {
  words: "a number, 0 or more",
  schema: new Map<string, JsonData>([
    ["type", "number"],
    ["minimum", 0],
  ]),
  read: (node, at) => {
    const value = node.kind === "scalar" ? node.value : undefined;
    return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value + 0 : wrong(AMOUNT, node, at);
  },
};

/** `null` stands for the absent member, in the file as in the effective policy. */
export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  return {
    words: `${inner.words}, or null`,
    schema: new Map<string, JsonData>([["anyOf", [inner.schema, new Map([["type", "null"]])]]]),
    read: (node, at) => (node.kind === "scalar" && node.value === null ? null : inner.read(node, at)),
  };
}

/** The text in its one form, or what is wrong with it. */
export type TextForm = (text: string) => { readonly text: string } | { readonly problem: string };

export function text(words: string, form: TextForm, more: JsonSchema = new Map()): Shape<string> {
  const shape: Shape<string> = {
    words,
    schema: new Map<string, JsonData>([["type", "string"], ...more]),
    read: (node, at) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return wrong(shape, node, at);
      const formed = form(node.value);
      return "text" in formed ? formed.text : fail(at, node.offset, `${at.path} is ${JSON.stringify(node.value)}: ${formed.problem}`);
    },
  };
  return shape;
}

export function oneOf<T extends string>(values: readonly T[]): Shape<T> {
  const shape: Shape<T> = {
    words: `one of ${values.join(", ")}`,
    schema: new Map<string, JsonData>([["enum", values]]),
    read: (node, at) => {
      if (node.kind !== "scalar" || typeof node.value !== "string") return wrong(shape, node, at);
      const given = node.value;
      const value = values.find((v) => v === given);
      return (
        value ?? fail(at, node.offset, `${at.path} is ${JSON.stringify(given)}`, didYouMean(given, values, `It must be ${shape.words}.`))
      );
    },
  };
  return shape;
}

/** Entries of a list or an object; more is an error. */
const MAX_ENTRIES = 10_000;

function bounded(node: DocumentNode, count: number, at: Place): void {
  if (count > MAX_ENTRIES) fail(at, node.offset, `${at.path} has more than ${MAX_ENTRIES} entries`);
}

/** Order is kept; an entry that stands twice counts once. */
export function listOf<T extends string | number>(item: Shape<T>, what: string): Shape<readonly T[]> {
  const shape: Shape<readonly T[]> = {
    words: `a list of ${what}`,
    schema: new Map<string, JsonData>([
      ["type", "array"],
      ["items", item.schema],
    ]),
    read: (node, at) => {
      if (node.kind !== "list") return wrong(shape, node, at);
      bounded(node, node.items.length, at);
      return [...new Set(node.items.map((part, i) => item.read(part, { ...at, path: `${at.path}[${i}]` })))];
    },
  };
  return shape;
}

/** Checks a member's name; gives the error of a wrong one. */
export type KeyCheck = (name: string) => undefined | { readonly kind?: PolicyErrorKind; readonly message: string; readonly hint?: string };

export function mapOf<T>(what: string, item: Shape<T>, check: KeyCheck, more: JsonSchema = new Map()): Shape<ReadonlyMap<string, T>> {
  const shape: Shape<ReadonlyMap<string, T>> = {
    words: `an object of ${what}`,
    schema: new Map<string, JsonData>([["type", "object"], ...more, ["additionalProperties", item.schema]]),
    read: (node, at) => {
      if (node.kind !== "object") return wrong(shape, node, at);
      bounded(node, node.members.length, at);
      for (const { name, nameOffset } of node.members) {
        const problem = check(name);
        if (problem !== undefined) fail(at, nameOffset, problem.message, problem.hint, problem.kind);
      }
      return new Map(node.members.map((m) => [m.name, item.read(m.node, below(at, m.name))]));
    },
  };
  return shape;
}

/** Reads one field of the object at hand. */
export type Get = <T>(field: Field<T>) => T;

/** An object of exactly these members. `build` takes each of them once. `kind` is for errors inside. */
export function objectOf<T>(words: string, table: FieldTable, build: (get: Get) => T, kind?: PolicyErrorKind): Shape<T> {
  const fields = Object.values(table);
  const names = fields.map((f) => f.name);
  const shape: Shape<T> = {
    words,
    schema: new Map<string, JsonData>([
      ["type", "object"],
      ["additionalProperties", false],
      ["required", fields.filter((f) => f.fallback === undefined).map((f) => f.name)],
      ["properties", new Map(fields.map((f) => [f.name, new Map<string, JsonData>([["description", f.doc], ...f.shape.schema])]))],
    ]),
    read: (node, outside) => {
      const at: Place = kind === undefined ? outside : { ...outside, kind };
      if (node.kind !== "object") return wrong(shape, node, at);
      for (const { name, nameOffset } of node.members) {
        if (names.includes(name)) continue;
        const known = `Known ${names.length === 1 ? "is" : "are"}: ${names.join(", ")}.`;
        fail(at, nameOffset, `unknown field ${memberPath(at.path, name)}`, didYouMean(name, names, known), "policy.unknown_field");
      }
      return build((f) => {
        const member = node.members.find((m) => m.name === f.name);
        if (member !== undefined) return f.shape.read(member.node, below(at, f.name));
        if (f.fallback === undefined)
          return fail(at, node.offset, `${memberPath(at.path, f.name)} is missing`, `It must be ${f.shape.words}.`);
        return f.fallback;
      });
    },
  };
  return shape;
}
