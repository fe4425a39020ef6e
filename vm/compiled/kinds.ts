/**
 * What type inference knows about a value. A kind is one of
 *
 *   never                      inference has found no value yet. Its parts are of this kind, too
 *   safeInt, float,            a value of exactly this type. `safeInt` is an Int in JavaScript's safe integer range. Compiled code
 *   bool, string               holds a `float` as an unboxed number and all other values in the interpreter's representation
 *   ?List<Float>, ?Option<_>   probably a value of this type. The value is not checked, so code must work for any value, or check it and
 *                              report a wrong guess. `_` is a part of which nothing is known yet, and `any.` a part that may be anything
 *   any                        any value
 *
 * A guessed type is a type of the language in text form, with the names of the module's types. The type of a function value is
 * `fn.12<A, B>` if it is function 12 with captured values of these types.
 */
import type { TypeDef } from "../bytecode/module.ts";
import { memoizePerObject } from "../lazy.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import { parseType, type Type, typeToString } from "../value/type.ts";
import { countNodes, readType, typeTable } from "../value/type-definitions.ts";
import {
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  type Value,
} from "../value/value.ts";

export type ValueKind = "never" | "safeInt" | "float" | "bool" | "string" | "any" | `?${string}`;

/** The limit on the depth of a guessed type. Deeper parts become `any.`, so that inference ends. */
const MAX_DEPTH = 4;
/** The limits on the nodes and on the type parameters of a guessed type. Nothing is guessed about a larger one. */
const MAX_NODES = 40;
const MAX_PARAMS = 8;

const named = (name: string, ...args: readonly Type[]): Type => ({ kind: "named", name, args });
const UNKNOWN: Type = named("_");
const ANYTHING: Type = named("any.");
const FUNCTION_NAME = /^fn\.(\d+)$/;
const BASE_KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ["Int", "safeInt"],
  ["Float", "float"],
  ["Bool", "bool"],
  ["String", "string"],
]);
const BASE_TYPES: ReadonlyMap<ValueKind, Type> = new Map([...BASE_KINDS].map(([name, kind]) => [kind, parseType(name)]));

/** Returns whether a value of the kind is held in the interpreter's representation and may be of any type. */
export const isBoxed = (kind: ValueKind): boolean => kind === "any" || kind.startsWith("?");

/** Returns whether a value of the kind is probably a list. */
export const isList = (kind: ValueKind): boolean => kind.startsWith("?List<");

const uniqueKinds = memoizePerObject((_types: readonly TypeDef[]) => new Map<ValueKind, boolean>());
/** The limit on the types that `mayBeUnique` looks at. */
const MAX_VISITED_TYPES = 200;

/**
 * Returns whether a value of the kind is probably a list or a map, or has one as a part, down to a small depth. Such values may change in place
 * while nothing else refers to them (see `unique-lists.ts`). Does not look into lists and maps.
 */
export function mayBeUnique(types: readonly TypeDef[], kind: ValueKind): boolean {
  if (!kind.startsWith("?")) return false;
  const known = uniqueKinds(types);
  const cachedAnswer = known.get(kind);
  if (cachedAnswer !== undefined) return cachedAnswer;
  let visited = 0;
  const holds = (type: Type | undefined, depth: number): boolean => {
    if (type?.kind !== "named" || depth === 0 || visited++ > MAX_VISITED_TYPES) return false;
    if (type.name === "List" || type.name === "Map") return true;
    if (type.name === "Option" || type.name === "Result") return type.args.some((arg) => holds(arg, depth - 1));
    const shape = typeTable(types).shapeOf(type);
    if (shape?.kind === "record") return shape.fields.some((field) => holds(field.type, depth - 1));
    return shape?.variants.some(({ payload }) => payload !== null && holds(payload.type, depth - 1)) === true;
  };
  const answer = holds(typeOfKind(kind), MAX_DEPTH);
  if (known.size < MAX_CACHED_TYPES) known.set(kind, answer);
  return answer;
}

/** Returns the tag that a value of the kind probably has, if it is a list, a map, a record or an enum value. */
export function tagOfKind(types: readonly TypeDef[], kind: ValueKind): "List" | "Map" | "Record" | "Enum" | undefined {
  const type = typeOfKind(kind);
  if (type.kind !== "named") return undefined;
  if (type.name === "List" || type.name === "Map") return type.name;
  const shape = typeTable(types).shapeOf(type);
  return shape === undefined ? undefined : shape.kind === "record" ? "Record" : "Enum";
}

/** Returns whether a value of the kind is probably a map. */
export const isMap = (kind: ValueKind): boolean => kind.startsWith("?Map<");

const typesByText = new Map<string, Type>();
const MAX_CACHED_TYPES = 10_000;

function typeOf(text: string): Type {
  const cachedType = typesByText.get(text);
  if (cachedType !== undefined) return cachedType;
  if (typesByText.size >= MAX_CACHED_TYPES) typesByText.clear();
  // A module may give a type any name.
  const type = readType(text) ?? ANYTHING;
  typesByText.set(text, type);
  return type;
}

/** Returns the type of a kind as far as it is known. */
function typeOfKind(kind: ValueKind): Type {
  if (kind === "never") return UNKNOWN;
  return BASE_TYPES.get(kind) ?? (kind.startsWith("?") ? typeOf(kind.slice(1)) : ANYTHING);
}

/** Returns the kind of a value that probably has the type. If the kind is `safeInt`, `float`, `bool` or `string`, code must check the value. */
function kindOfType(type: Type | undefined): ValueKind {
  if (type === undefined || type.kind === "param" || type.kind === "fn") return "any";
  if (type.kind === "primitive") return BASE_KINDS.get(type.name) ?? "any";
  return type.name === "_" || type.name === "any." ? "any" : boxedKind(type);
}

function boxedKind(type: Type): ValueKind {
  return countNodes(type, MAX_NODES) > MAX_NODES ? "any" : `?${typeToString(cutAtDepth(type, MAX_DEPTH))}`;
}

/** Returns the type with all parts below a depth replaced by `ANYTHING`. */
function cutAtDepth(type: Type, depth: number): Type {
  if (type.kind === "primitive") return type;
  if (type.kind !== "named" || depth === 0) return ANYTHING;
  return type.args.length === 0 ? type : { kind: "named", name: type.name, args: type.args.map((arg) => cutAtDepth(arg, depth - 1)) };
}

/** Returns the lowest type that includes both. */
function joinTypes(a: Type, b: Type): Type {
  if (a === b) return a;
  if (a.kind === "primitive" && b.kind === "primitive") return a.name === b.name ? a : ANYTHING;
  if (a.kind === "named" && a.name === "_") return b;
  if (b.kind === "named" && b.name === "_") return a;
  if (a.kind !== "named" || b.kind !== "named" || a.name !== b.name || a.args.length !== b.args.length) return ANYTHING;
  return { kind: "named", name: a.name, args: a.args.map((arg, i) => joinTypes(arg, b.args[i] ?? ANYTHING)) };
}

/** Returns the lowest kind that includes both kinds (`type-inference.ts` orders the kinds). */
export function joinKinds(a: ValueKind, b: ValueKind): ValueKind {
  if (a === b || b === "never") return a;
  if (a === "never") return b;
  if (!a.startsWith("?") || !b.startsWith("?")) return "any";
  const type = joinTypes(typeOfKind(a), typeOfKind(b));
  return type === ANYTHING ? "any" : boxedKind(type);
}

/** Binds the parameters in a type to the parts of another type, as far as the two have the same form. */
function bind(type: Type, actual: Type, bindings: Map<string, Type>): void {
  if (type.kind === "param") bindings.set(type.name, joinTypes(bindings.get(type.name) ?? UNKNOWN, actual));
  else if (type.kind === "named" && actual.kind === "named" && type.name === actual.name)
    type.args.forEach((arg, i) => {
      bind(arg, actual.args[i] ?? ANYTHING, bindings);
    });
}

function substitute(type: Type, bindings: ReadonlyMap<string, Type>): Type {
  if (type.kind === "param") return bindings.get(type.name) ?? UNKNOWN;
  if (type.kind !== "named" || type.args.length === 0) return type;
  return { kind: "named", name: type.name, args: type.args.map((arg) => substitute(arg, bindings)) };
}

/** Returns the kind of a call's result, given the function's type, which may have type parameters. */
export function resultKind(fn: Type, args: readonly ValueKind[]): ValueKind {
  if (fn.kind !== "fn") return "any";
  const bindings = new Map<string, Type>();
  fn.params.forEach((param, i) => {
    bind(param, typeOfKind(args[i] ?? "any"), bindings);
  });
  return kindOfType(substitute(fn.result, bindings));
}

const typesOfParts = memoizePerObject((_def: TypeDef) => new Map<string, Type | undefined>());

/** Returns the type of a part of a generic definition; undefined if its text is no type. */
function partType(def: TypeDef, text: string): Type | undefined {
  const known = typesOfParts(def);
  if (!known.has(text)) known.set(text, readType(text, new Set(def.params)));
  return known.get(text);
}

/** Returns the kind of a record or an enum value. `texts` are the types of its parts as text, and `parts` are the kinds of these parts. */
function definedKind(def: TypeDef | undefined, texts: readonly string[], parts: readonly ValueKind[]): ValueKind {
  if (def === undefined) return "any";
  const params = def.params ?? [];
  if (params.length === 0) return boxedKind(named(def.name));
  if (params.length > MAX_PARAMS) return "any";
  const bindings = new Map<string, Type>();
  texts.forEach((text, i) => {
    const type = partType(def, text);
    if (type !== undefined) bind(type, typeOfKind(parts[i] ?? "any"), bindings);
  });
  return boxedKind(named(def.name, ...params.map((param) => bindings.get(param) ?? UNKNOWN)));
}

export function recordKind(types: readonly TypeDef[], id: number, fields: readonly ValueKind[]): ValueKind {
  const def = types[id];
  return definedKind(def, def?.kind === "record" ? def.fields.map(({ type }) => type) : [], fields);
}

export function enumKind(types: readonly TypeDef[], id: number, variant: number, payload: ValueKind): ValueKind {
  const def = types[id];
  const type = def?.kind === "enum" ? def.variants[variant]?.type : undefined;
  return definedKind(def, typeof type === "string" ? [type] : [], [payload]);
}

export const listKind = (elements: readonly ValueKind[]): ValueKind =>
  boxedKind(named("List", elements.map(typeOfKind).reduce(joinTypes, UNKNOWN)));

export const mapKind = (values: readonly ValueKind[]): ValueKind =>
  boxedKind(named("Map", typeOfKind("string"), values.map(typeOfKind).reduce(joinTypes, UNKNOWN)));

/** Returns the kind of a value in a Some, Ok or Err. */
export function wrapperKind(wrapper: string, value: ValueKind): ValueKind {
  const type = typeOfKind(value);
  if (wrapper === "Some") return boxedKind(named("Option", type));
  return boxedKind(wrapper === "Ok" ? named("Result", type, UNKNOWN) : named("Result", UNKNOWN, type));
}

export const functionKind = (index: number, captured: readonly ValueKind[]): ValueKind =>
  boxedKind(named(`fn.${index}`, ...captured.map(typeOfKind)));

/** The function that a value of the kind probably is, and the kinds of its captured values. */
interface KnownFunction {
  readonly index: number;
  readonly captured: readonly ValueKind[];
}

export function knownFunction(kind: ValueKind): KnownFunction | undefined {
  if (!kind.startsWith("?fn.")) return undefined;
  const type = typeOfKind(kind);
  const index = type.kind === "named" ? FUNCTION_NAME.exec(type.name)?.[1] : undefined;
  return type.kind !== "named" || index === undefined ? undefined : { index: Number(index), captured: type.args.map(kindOfType) };
}

/** Returns the kind that the elements of a list, or the values of a map, of this kind have. */
export function elementKind(container: ValueKind): ValueKind {
  if (container === "never") return "never";
  const type = typeOfKind(container);
  if (type.kind !== "named") return "any";
  return type.name === "List" ? kindOfType(type.args[0]) : type.name === "Map" ? kindOfType(type.args[1]) : "any";
}

export function fieldKind(types: readonly TypeDef[], record: ValueKind, field: number): ValueKind {
  if (record === "never") return "never";
  if (!record.startsWith("?")) return "any";
  const shape = typeTable(types).shapeOf(typeOfKind(record));
  return shape?.kind === "record" ? kindOfType(shape.fields[field]?.type) : "any";
}

/** Returns whether a value of the kind is probably a `FloatRecord`. */
export const isFloatRecord = (types: readonly TypeDef[], kind: ValueKind): boolean => hasFields(types, kind, ["float"]);

/** Returns whether a value of the kind may be a `FloatRecord` as far as its type is known. */
export const mayBeFloatRecord = (types: readonly TypeDef[], kind: ValueKind): boolean =>
  !kind.startsWith("?") || hasFields(types, kind, ["float", "any"]);

/** Returns whether the kind is that of a record with fields of these kinds only, and at least one. */
function hasFields(types: readonly TypeDef[], kind: ValueKind, kinds: readonly ValueKind[]): boolean {
  if (!kind.startsWith("?")) return false;
  const shape = typeTable(types).shapeOf(typeOfKind(kind));
  return shape?.kind === "record" && shape.fields.length > 0 && shape.fields.every(({ type }) => kinds.includes(kindOfType(type)));
}

/** Returns the kind of the value inside an enum value of a variant. */
export function payloadKind(types: readonly TypeDef[], value: ValueKind, variant: number): ValueKind {
  if (value === "never") return "never";
  if (!value.startsWith("?")) return "any";
  const shape = typeTable(types).shapeOf(typeOfKind(value));
  return shape?.kind === "enum" ? kindOfType(shape.variants[variant]?.payload?.type) : "any";
}

/** Returns the kind of the value inside a Some (part 0), an Ok (part 0) or an Err (part 1). */
export function wrappedKind(kind: ValueKind, name: "Option" | "Result", part: number): ValueKind {
  if (kind === "never") return "never";
  const type = typeOfKind(kind);
  return type.kind === "named" && type.name === name ? kindOfType(type.args[part]) : "any";
}

/** Returns the kind of a list or map after an assignment to one of its elements or entries. */
export function assignedKind(container: ValueKind, value: ValueKind): ValueKind {
  const type = typeOfKind(container);
  if (type.kind !== "named" || (type.name !== "List" && type.name !== "Map")) return container;
  const last = type.args.length - 1;
  return boxedKind(named(type.name, ...type.args.map((arg, i) => (i === last ? joinTypes(arg, typeOfKind(value)) : arg))));
}

/**
 * Returns the kind of a value. Looks at the first element of a list, at no entry of a map, and at the first `MAX_PARTS` parts of a record or
 * a closure, down to the depth to which types are guessed.
 */
export function kindOf(value: Value | undefined, types: readonly TypeDef[] = [], depth = MAX_DEPTH): ValueKind {
  if (typeof value === "number") return "safeInt";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (value instanceof FloatValue) return "float";
  if (value === undefined || typeof value === "bigint" || depth === 0) return "any";
  const part = (inner: Value | undefined): ValueKind => (inner === undefined ? "never" : kindOf(inner, types, depth - 1));
  if (value instanceof ListValue) return listKind([part(value.get(0))]);
  if (value instanceof MapValue) return mapKind([]);
  if (value instanceof RecordValue) return recordKind(types, value.typeId, value.fields.slice(0, MAX_PARTS).map(part));
  if (value instanceof EnumValue) return enumKind(types, value.typeId, value.variant, part(value.payload));
  if (value instanceof NoneValue) return boxedKind(named("Option", UNKNOWN));
  if (value instanceof SomeValue) return wrapperKind("Some", part(value.value));
  if (value instanceof OkValue) return wrapperKind("Ok", part(value.value));
  if (value instanceof ErrValue) return wrapperKind("Err", part(value.value));
  if (value instanceof FnRefValue) return functionKind(value.index, []);
  return value instanceof ClosureValue ? functionKind(value.index, value.captured.slice(0, MAX_PARTS).map(part)) : "any";
}

/** The limit on the parts of a record or a closure that `kindOf` looks at. */
const MAX_PARTS = 16;
