/** Types while they are being inferred: `vm/value/type.ts` plus variables, declarations by identity, and `never`. */
import { GENERIC_TYPE_ARITY, type PrimitiveName, type Type } from "../vm/value/type.ts";

/** A record or enum declaration; identity is the object, so two files may each have their own `Point`. */
export interface TypeDecl {
  readonly name: string;
  readonly kind: "record" | "enum";
  /** The name in the module's type table, unique there. */
  readonly moduleName: string;
  /** The name of its file; null for the records that builtins make. */
  readonly declaredIn: string | null;
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
export const mapOf = (value: T): T => builtinType("Map", STRING, value);
export function isBuiltinTypeName(name: string): name is BuiltinTypeName {
  return GENERIC_TYPE_ARITY.has(name);
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
 * expected row says; since all data is immutable that holds inside lists and records too, but not for a type
 * parameter that a record or enum takes in: there, and with `exact`, the rows must be the same.
 * False when they do not fit; variables bound on the way stay bound, for the error has been found. Those that
 * `trail` is given hold what to undo.
 */
export function fits(actual: T, expected: T, trail?: VarType[], exact = false): boolean {
  const a = prune(actual);
  const e = prune(expected);
  if (a === e || a.kind === "never") return true;
  // What depends on an error is not reported again.
  if (a.kind === "error" || e.kind === "error") {
    const other = a.kind === "error" ? e : a;
    return other.kind !== "var" || bindVariable(other, ERROR, trail);
  }
  if (a.kind === "var") return bindVariable(a, e, trail);
  if (e.kind === "var") return bindVariable(e, a, trail);
  switch (a.kind) {
    case "primitive":
      return e.kind === "primitive" && a.name === e.name;
    case "param":
      return false;
    case "builtin":
      return e.kind === "builtin" && a.name === e.name && a.args.every((arg, i) => fits(arg, e.args[i] ?? ERROR, trail, exact));
    case "declared":
      return (
        e.kind === "declared" &&
        a.decl === e.decl &&
        a.args.every((arg, i) => fits(arg, e.args[i] ?? ERROR, trail, exact || takesIn(a.decl, a.decl.params[i])))
      );
    case "fn":
      return (
        e.kind === "fn" &&
        a.params.length === e.params.length &&
        a.params.every((p, i) => fits(e.params[i] ?? ERROR, p, trail, exact)) &&
        fits(a.result, e.result, trail, exact) &&
        a.row.every((c) => e.row.includes(c)) &&
        (!exact || a.row.length === e.row.length)
      );
  }
  return false;
}

function bindVariable(variable: VarType, to: T, trail: VarType[] | undefined): boolean {
  if (occurs(variable, to)) return false;
  variable.bound = to;
  trail?.push(variable);
  return true;
}

/** The declarations that a type names. */
function declarationsIn(type: T): readonly TypeDecl[] {
  const found: TypeDecl[] = [];
  const pending = [type];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const t = prune(next);
    if (t.kind === "declared") found.push(t.decl);
    if (t.kind === "declared" || t.kind === "builtin") pending.push(...t.args);
    else if (t.kind === "fn") pending.push(t.result, ...t.params);
  }
  return found;
}

const placeOf = (decl: TypeDecl): string => `that of ${decl.declaredIn ?? "the builtins"}`;

/** For a message that shows both types: where each is from of two declarations of one name, or nothing. */
export function toldApart(first: T, second: T): string {
  const others = declarationsIn(second);
  for (const decl of declarationsIn(first)) {
    const other = others.find((o) => o.name === decl.name && o !== decl);
    if (other !== undefined) return `; the first \`${decl.name}\` is ${placeOf(decl)}, the second ${placeOf(other)}`;
  }
  return "";
}

/** Like `fits`; where that fails, how both types are written, without what was bound on the way. */
export function mismatch(actual: T, expected: T): { readonly found: string; readonly wanted: string } | null {
  const trail: VarType[] = [];
  if (fits(actual, expected, trail)) return null;
  const bound = trail.map((v) => v.bound);
  for (const v of trail) v.bound = null;
  const shown = { found: `${show(actual)}${toldApart(expected, actual)}`, wanted: show(expected) };
  trail.forEach((v, i) => {
    v.bound = bound[i] ?? null;
  });
  return shown;
}

/** The parts of a declaration's values. */
function partsOf(decl: TypeDecl): readonly T[] {
  return [
    ...decl.fields.map((f) => f.type),
    ...decl.variants.flatMap((v) =>
      v.payload === null ? [] : v.payload.kind === "single" ? [v.payload.type] : v.payload.fields.map((f) => f.type),
    ),
  ];
}

/** For each declaration that has been asked about: its type parameters that stand in a parameter of a function. */
const TAKEN_IN = new WeakMap<TypeDecl, ReadonlySet<ParamType>>();

/** Whether the declaration's values hold functions that take what the type parameter stands for. */
function takesIn(decl: TypeDecl, param: ParamType | undefined): boolean {
  if (param === undefined) return false;
  const known = TAKEN_IN.get(decl) ?? findTakenIn(decl);
  return known.has(param);
}

/** Looks at all declarations that can be reached: a parameter handed to one that takes its own in is taken in too. */
function findTakenIn(decl: TypeDecl): ReadonlySet<ParamType> {
  const taken = new Set<ParamType>();
  const handedOn = new Map<ParamType, ParamType[]>();
  const reached = new Set([decl]);
  for (const at of reached) {
    /** `to` are the parameters of other declarations that this part is an argument for. */
    const pending: { readonly type: T; readonly inParameter: boolean; readonly to: readonly ParamType[] }[] = partsOf(at).map((type) => ({
      type,
      inParameter: false,
      to: [],
    }));
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { inParameter, to } = next;
      const t = prune(next.type);
      if (t.kind === "param") {
        if (inParameter) taken.add(t);
        for (const other of to) {
          const from = handedOn.get(other) ?? [];
          handedOn.set(other, from);
          from.push(t);
        }
      } else if (t.kind === "fn") {
        for (const type of t.params) pending.push({ type, inParameter: true, to });
        pending.push({ type: t.result, inParameter, to });
      } else if (t.kind === "builtin") for (const type of t.args) pending.push({ type, inParameter, to });
      else if (t.kind === "declared") {
        reached.add(t.decl);
        const { params } = t.decl;
        t.args.forEach((type, i) => pending.push({ type, inParameter, to: [...to, ...params.slice(i, i + 1)] }));
      }
    }
  }
  for (const param of taken) for (const from of handedOn.get(param) ?? []) taken.add(from);
  for (const at of reached) TAKEN_IN.set(at, taken);
  return taken;
}

/** More parts than a type that a person writes has; without a bound, `P { a: x, b: x }` doubles with every use. */
const MAX_TYPE_SIZE = 1_000;

/** Whether the type has more parts than the compiler accepts. */
export function isTooLarge(type: T): boolean {
  const pending = [type];
  for (let seen = 0; seen < MAX_TYPE_SIZE; seen++) {
    const next = pending.pop();
    if (next === undefined) return false;
    const t = prune(next);
    if (t.kind === "builtin" || t.kind === "declared") for (const arg of t.args) pending.push(arg);
    else if (t.kind === "fn") pending.push(t.result, ...t.params);
  }
  return pending.length > 0;
}

const INDEXES = new WeakMap<readonly { readonly name: string }[], ReadonlyMap<string, number>>();

/** The place of each field or variant by its name: there may be thousands. */
export function indexesByName(parts: readonly { readonly name: string }[]): ReadonlyMap<string, number> {
  const known = INDEXES.get(parts);
  if (known !== undefined) return known;
  const made = new Map(parts.map((part, i) => [part.name, i]));
  INDEXES.set(parts, made);
  return made;
}

/**
 * Whether values of the type can be compared: no function anywhere in what is known of it. What is sent is received
 * at any type, so there no type parameter may stand for a function either: `params` says whether to let those pass.
 */
export function isData(type: T, params = true): boolean {
  const pending = [type];
  const seen = new Set<TypeDecl>();
  /** Parameters of declarations: what they stand for is among the arguments. */
  const own = new Set<ParamType>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const t = prune(next);
    if (t.kind === "fn" || (t.kind === "param" && !params && !own.has(t))) return false;
    if (t.kind === "builtin" || t.kind === "declared") for (const arg of t.args) pending.push(arg);
    if (t.kind === "declared" && !seen.has(t.decl)) {
      seen.add(t.decl);
      for (const param of t.decl.params) own.add(param);
      for (const part of partsOf(t.decl)) pending.push(part);
    }
  }
  return true;
}
