/** Types while they are being inferred: `vm/types.ts` plus variables, declarations by identity, and `never`. */
import type { PrimitiveName, Type } from "../vm/types.ts";

/** A record or enum declaration; identity is the object, so two files may each have their own `Point`. */
export interface TypeDecl {
  readonly name: string;
  readonly kind: "record" | "enum";
  /** The name in the module's type table, unique there. */
  readonly moduleName: string;
  readonly params: readonly ParamType[];
  /** A record's fields, in order; filled in once all names are known. */
  fields: readonly FieldInfo[];
  /** An enum's variants, in order. */
  variants: readonly VariantInfo[];
}
export interface FieldInfo {
  readonly name: string;
  readonly type: T;
}
export interface VariantInfo {
  readonly name: string;
  /** A struct variant's payload is a record of its own. */
  readonly payload:
    | null
    | { readonly kind: "single"; readonly type: T }
    | { readonly kind: "struct"; readonly fields: readonly FieldInfo[] };
}

export interface ParamType {
  readonly kind: "param";
  readonly name: string;
}
export interface VarType {
  readonly kind: "var";
  bound: T | null;
}
export interface FnType {
  readonly kind: "fn";
  readonly params: readonly T[];
  readonly result: T;
  /** Capability names, sorted. */
  readonly row: readonly string[];
}
/** Map carries its key type too, always String, so that it shows as it is written. */
export type BuiltinTypeName = "Option" | "Result" | "List" | "Map";
export type T =
  | { readonly kind: "primitive"; readonly name: PrimitiveName }
  | { readonly kind: "builtin"; readonly name: BuiltinTypeName; readonly args: readonly T[] }
  | { readonly kind: "declared"; readonly decl: TypeDecl; readonly args: readonly T[] }
  | FnType
  | ParamType
  | VarType
  /** The type of what never gives a value: `return`, `break`, `continue`. */
  | { readonly kind: "never" }
  /** What an error has been reported for; agrees with everything. */
  | { readonly kind: "error" };

const primitive = (name: PrimitiveName): T => ({ kind: "primitive", name });
export const INT = primitive("Int");
export const FLOAT = primitive("Float");
export const STRING = primitive("String");
export const BOOL = primitive("Bool");
export const UNIT_TYPE = primitive("Unit");
export const ACTOR_ID = primitive("ActorId");
export const JSON_TYPE = primitive("Json");
export const NEVER: T = { kind: "never" };
export const ERROR: T = { kind: "error" };

export const builtinType = (name: BuiltinTypeName, ...args: readonly T[]): T => ({ kind: "builtin", name, args });
export const BUILTIN_ARITY: ReadonlyMap<string, number> = new Map([
  ["Option", 1],
  ["Result", 2],
  ["List", 1],
  ["Map", 2],
]);
export const mapOf = (value: T): T => builtinType("Map", STRING, value);
export function isBuiltinTypeName(name: string): name is BuiltinTypeName {
  return BUILTIN_ARITY.has(name);
}
export const fresh = (): VarType => ({ kind: "var", bound: null });

/** Follows bound variables at the top. */
export function prune(type: T): T {
  let at = type;
  while (at.kind === "var" && at.bound !== null) at = at.bound;
  return at;
}

/** As the language writes it. */
export function show(type: T): string {
  const t = prune(type);
  switch (t.kind) {
    case "primitive":
    case "param":
      return t.name;
    case "builtin":
      return `${t.name}<${t.args.map(show).join(", ")}>`;
    case "declared":
      return t.args.length === 0 ? t.decl.name : `${t.decl.name}<${t.args.map(show).join(", ")}>`;
    case "fn":
      return `Fn(${t.params.map(show).join(", ")}) -> ${show(t.result)}${t.row.length === 0 ? "" : ` !{${t.row.join(", ")}}`}`;
    case "var":
      return "_";
    case "never":
      return "nothing";
    case "error":
      return "?";
  }
}

/** For the module's type table and signature: declarations by their module name, undecided parts as Unit. */
export function toModuleType(type: T): Type {
  const t = prune(type);
  switch (t.kind) {
    case "primitive":
    case "param":
      return t;
    case "builtin":
      return { kind: "named", name: t.name, args: t.args.map(toModuleType) };
    case "declared":
      return { kind: "named", name: t.decl.moduleName, args: t.args.map(toModuleType) };
    case "fn":
      return { kind: "fn", params: t.params.map(toModuleType), result: toModuleType(t.result), row: t.row };
    case "var":
    case "never":
    case "error":
      return { kind: "primitive", name: "Unit" };
  }
}

/** Replaces type parameters. */
export function substitute(type: T, by: ReadonlyMap<ParamType, T>): T {
  if (by.size === 0) return type;
  const t = prune(type);
  switch (t.kind) {
    case "param":
      return by.get(t) ?? t;
    case "builtin":
      return { ...t, args: t.args.map((a) => substitute(a, by)) };
    case "declared":
      return t.args.length === 0 ? t : { ...t, args: t.args.map((a) => substitute(a, by)) };
    case "fn":
      return { ...t, params: t.params.map((p) => substitute(p, by)), result: substitute(t.result, by) };
    case "primitive":
    case "var":
    case "never":
    case "error":
      return t;
  }
}

/** A new variable for each parameter. */
export function instantiation(params: readonly ParamType[]): ReadonlyMap<ParamType, T> {
  return new Map(params.map((p) => [p, fresh()]));
}

/** Whether nothing in it is left undecided. */
export function isDecided(type: T): boolean {
  const t = prune(type);
  switch (t.kind) {
    case "var":
      return false;
    case "builtin":
    case "declared":
      return t.args.every(isDecided);
    case "fn":
      return t.params.every(isDecided) && isDecided(t.result);
    case "primitive":
    case "param":
    case "never":
    case "error":
      return true;
  }
}

function occurs(variable: VarType, type: T): boolean {
  const t = prune(type);
  switch (t.kind) {
    case "var":
      return t === variable;
    case "builtin":
    case "declared":
      return t.args.some((a) => occurs(variable, a));
    case "fn":
      return t.params.some((p) => occurs(variable, p)) || occurs(variable, t.result);
    case "primitive":
    case "param":
    case "never":
    case "error":
      return false;
  }
}

/**
 * Makes `actual` fit where `expected` is wanted, binding variables. A function value may do less than its
 * expected row says; since all data is immutable that holds inside lists and records too.
 * False when they do not fit; variables bound on the way stay bound, for the error has been found.
 */
export function fits(actual: T, expected: T): boolean {
  const a = prune(actual);
  const e = prune(expected);
  if (a === e || a.kind === "never" || a.kind === "error" || e.kind === "error") return true;
  if (a.kind === "var") {
    if (occurs(a, e)) return false;
    a.bound = e;
    return true;
  }
  if (e.kind === "var") {
    if (occurs(e, a)) return false;
    e.bound = a;
    return true;
  }
  switch (a.kind) {
    case "primitive":
      return e.kind === "primitive" && a.name === e.name;
    case "param":
      return false;
    case "builtin":
      return e.kind === "builtin" && a.name === e.name && a.args.every((arg, i) => fits(arg, e.args[i] ?? ERROR));
    case "declared":
      return e.kind === "declared" && a.decl === e.decl && a.args.every((arg, i) => fits(arg, e.args[i] ?? ERROR));
    case "fn":
      return (
        e.kind === "fn" &&
        a.params.length === e.params.length &&
        a.params.every((p, i) => fits(e.params[i] ?? ERROR, p)) &&
        fits(a.result, e.result) &&
        a.row.every((c) => e.row.includes(c))
      );
  }
  return false;
}

/** Whether values of the type can be compared, sent, logged: no function anywhere in what is known of it. */
export function isData(type: T, seen: ReadonlySet<TypeDecl> = new Set()): boolean {
  const t = prune(type);
  switch (t.kind) {
    case "fn":
      return false;
    case "builtin":
      return t.args.every((a) => isData(a, seen));
    case "declared": {
      if (!t.args.every((a) => isData(a, seen))) return false;
      if (seen.has(t.decl)) return true;
      const inside = new Set(seen).add(t.decl);
      const parts = [
        ...t.decl.fields.map((f) => f.type),
        ...t.decl.variants.flatMap((v) =>
          v.payload === null ? [] : v.payload.kind === "single" ? [v.payload.type] : v.payload.fields.map((f) => f.type),
        ),
      ];
      return parts.every((p) => isData(p, inside));
    }
    case "primitive":
    case "param":
    case "var":
    case "never":
    case "error":
      return true;
  }
}
