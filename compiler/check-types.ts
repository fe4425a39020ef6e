/**
 * The checker's types. They differ from the types of a module (`Type` in `vm/value/type.ts`) in three ways: they have
 * type variables, a record or enum is its declaration instead of its name, and there are `never` and `error`.
 *
 * Inference is unification. An expression whose type is not known yet gets a variable (`freshVar`); `unify` binds
 * variables where two types meet; `prune` follows the bindings. For `let mut xs = []` and then
 * `xs = list.push(xs, 1)`:
 *
 *     []                 List<α>          α = freshVar()
 *     list.push(xs, 1)   List<β>          unify(List<α>, List<β>) binds α to β, unify(Int, β) binds β to Int
 *     xs                 List<Int>        prune(α) is Int
 *
 * Types are compared with `unify`, never with `===`, and pruned before their `kind` is read.
 */
import { GENERIC_TYPE_ARITY, type PrimitiveName, type Type } from "../vm/value/type.ts";

/** A record or enum declaration. Its identity is the object, since two files may each have their own `Point`. */
export interface TypeDecl {
  readonly name: string;
  readonly kind: "record" | "enum";
  /** The name in the module's type table, where it is unique: `Point`, `Point.2`. */
  readonly moduleName: string;
  /** The file that declares it; null for the records that builtins return. */
  readonly declaredIn: string | null;
  readonly params: readonly ParamType[];
  /** The fields of a record, in source order. Empty until `declareUnit` knows the names of all types. */
  fields: readonly FieldInfo[];
  /** The variants of an enum, in source order. Empty until then, too. */
  variants: readonly VariantInfo[];
}
export interface FieldInfo {
  readonly name: string;
  readonly type: CheckedType;
}
export interface VariantInfo {
  readonly name: string;
  /** `V` has none, `V(Int)` a single one, `V { x: Int }` a struct. */
  readonly payload:
    | null
    | { readonly kind: "single"; readonly type: CheckedType }
    | { readonly kind: "struct"; readonly fields: readonly FieldInfo[] };
}

/** A type parameter of a function or declaration: the `T` of `fn f<T>(x: T)`. Its identity is the object. */
export interface ParamType {
  readonly kind: "param";
  readonly name: string;
}
/** A type variable: a type that is not decided yet. */
export interface VarType {
  readonly kind: "var";
  /** What unification decided, which may be a variable again. */
  bound: CheckedType | null;
}
export interface FnType {
  readonly kind: "fn";
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
  /** Capability names, sorted. */
  readonly row: readonly string[];
}
/** A Map has two arguments, as it is written: the type of its keys is always String. */
export type BuiltinTypeName = "Option" | "Result" | "List" | "Map";
export type CheckedType =
  | { readonly kind: "primitive"; readonly name: PrimitiveName }
  | { readonly kind: "builtin"; readonly name: BuiltinTypeName; readonly args: readonly CheckedType[] }
  | { readonly kind: "declared"; readonly decl: TypeDecl; readonly args: readonly CheckedType[] }
  | FnType
  | ParamType
  | VarType
  /** The type of an expression that never has a value, such as a block that ends in `return`. It fits every expected type. */
  | { readonly kind: "never" }
  /** The type of an expression for which an error was reported. Unifies with everything, so that one mistake gives one message. */
  | { readonly kind: "error" };

const primitive = (name: PrimitiveName): CheckedType => ({ kind: "primitive", name });
export const INT = primitive("Int");
export const FLOAT = primitive("Float");
export const STRING = primitive("String");
export const BOOL = primitive("Bool");
export const UNIT_TYPE = primitive("Unit");
export const ACTOR_ID = primitive("ActorId");
export const JSON_TYPE = primitive("Json");
export const NEVER: CheckedType = { kind: "never" };
export const ERROR: CheckedType = { kind: "error" };

export const builtinType = (name: BuiltinTypeName, ...args: readonly CheckedType[]): CheckedType => ({ kind: "builtin", name, args });
export const mapOf = (value: CheckedType): CheckedType => builtinType("Map", STRING, value);
export function isBuiltinTypeName(name: string): name is BuiltinTypeName {
  return GENERIC_TYPE_ARITY.has(name);
}
/** A new, unbound type variable. */
export const freshVar = (): VarType => ({ kind: "var", bound: null });

/**
 * Follows bound variables, at the top level only: the arguments of the result may be bound variables again. The name is
 * from Cardelli, "Basic polymorphic typechecking" (1987).
 */
export function prune(type: CheckedType): CheckedType {
  let at = type;
  while (at.kind === "var" && at.bound !== null) at = at.bound;
  return at;
}

/** The type as source text; `_` for what is not decided. */
export function show(type: CheckedType): string {
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

/** The type as a module has it: declarations by their module names, parts that are not decided as Unit. */
export function toModuleType(type: CheckedType): Type {
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

/** Replaces type parameters by their arguments. */
export function substitute(type: CheckedType, typeArgs: ReadonlyMap<ParamType, CheckedType>): CheckedType {
  if (typeArgs.size === 0) return type;
  const t = prune(type);
  switch (t.kind) {
    case "param":
      return typeArgs.get(t) ?? t;
    case "builtin":
      return { ...t, args: t.args.map((a) => substitute(a, typeArgs)) };
    case "declared":
      return t.args.length === 0 ? t : { ...t, args: t.args.map((a) => substitute(a, typeArgs)) };
    case "fn":
      return { ...t, params: t.params.map((p) => substitute(p, typeArgs)), result: substitute(t.result, typeArgs) };
    case "primitive":
    case "var":
    case "never":
    case "error":
      return t;
  }
}

/** A fresh variable for each type parameter. */
export function instantiation(params: readonly ParamType[]): ReadonlyMap<ParamType, CheckedType> {
  return new Map(params.map((p) => [p, freshVar()]));
}

/** Whether the type has no unbound variable in it. */
export function isDecided(type: CheckedType): boolean {
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

/** Whether the type has the variable in it: binding the variable to it would make an infinite type. */
function occurs(variable: VarType, type: CheckedType): boolean {
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
 * Unifies the types: binds variables so that a value of type `actual` can be used where `expected` is wanted. Returns
 * false if no binding does that. Variables bound before the mismatch was found stay bound; `trail` collects every
 * variable that was bound, so that a caller can undo it.
 *
 * Only the effect rows of function types have a subtype relation: a function may have a smaller row than expected.
 * Since data is immutable, that also holds inside lists and records. It does not hold for the argument of a type
 * parameter that occurs in parameter position (`isContravariant`): there, and with `exact`, the rows must be equal.
 */
export function unify(actual: CheckedType, expected: CheckedType, trail?: VarType[], exact = false): boolean {
  const a = prune(actual);
  const e = prune(expected);
  if (a === e || a.kind === "never") return true;
  // An error is reported once, not again for each type that depends on it.
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
      return e.kind === "builtin" && a.name === e.name && a.args.every((arg, i) => unify(arg, e.args[i] ?? ERROR, trail, exact));
    case "declared":
      return (
        e.kind === "declared" &&
        a.decl === e.decl &&
        a.args.every((arg, i) => unify(arg, e.args[i] ?? ERROR, trail, exact || isContravariant(a.decl, a.decl.params[i])))
      );
    case "fn":
      return (
        e.kind === "fn" &&
        a.params.length === e.params.length &&
        a.params.every((p, i) => unify(e.params[i] ?? ERROR, p, trail, exact)) &&
        unify(a.result, e.result, trail, exact) &&
        a.row.every((c) => e.row.includes(c)) &&
        (!exact || a.row.length === e.row.length)
      );
  }
  return false;
}

function bindVariable(variable: VarType, to: CheckedType, trail: VarType[] | undefined): boolean {
  if (occurs(variable, to)) return false;
  variable.bound = to;
  trail?.push(variable);
  return true;
}

/** The declarations in a type, from its outside to its inside. */
function declarationsIn(type: CheckedType): readonly TypeDecl[] {
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

const originOf = (decl: TypeDecl): string => `that of ${decl.declaredIn ?? "the builtins"}`;

/**
 * Text to append to a message that shows both types. If two different declarations in them have the same name, it says
 * which files declare them; otherwise it is empty.
 */
export function sameNameNote(first: CheckedType, second: CheckedType): string {
  const others = declarationsIn(second);
  for (const decl of declarationsIn(first)) {
    const other = others.find((o) => o.name === decl.name && o !== decl);
    if (other !== undefined) return `; the first \`${decl.name}\` is ${originOf(decl)}, the second ${originOf(other)}`;
  }
  return "";
}

/** Unifies the types. Returns null, or both types as source text as they were before unification bound any variable. */
export function mismatch(actual: CheckedType, expected: CheckedType): { readonly found: string; readonly wanted: string } | null {
  const trail: VarType[] = [];
  if (unify(actual, expected, trail)) return null;
  const bound = trail.map((v) => v.bound);
  for (const v of trail) v.bound = null;
  const texts = { found: `${show(actual)}${sameNameNote(expected, actual)}`, wanted: show(expected) };
  trail.forEach((v, i) => {
    v.bound = bound[i] ?? null;
  });
  return texts;
}

/** The types of all fields and payloads of a declaration. */
function partsOf(decl: TypeDecl): readonly CheckedType[] {
  return [
    ...decl.fields.map((f) => f.type),
    ...decl.variants.flatMap((v) =>
      v.payload === null ? [] : v.payload.kind === "single" ? [v.payload.type] : v.payload.fields.map((f) => f.type),
    ),
  ];
}

/** For each declaration that was asked about: the contravariant type parameters of all declarations it reaches. */
const CONTRAVARIANT = new WeakMap<TypeDecl, ReadonlySet<ParamType>>();

/** Whether values of the declaration hold functions with the type parameter in one of their parameters. */
function isContravariant(decl: TypeDecl, param: ParamType | undefined): boolean {
  if (param === undefined) return false;
  const known = CONTRAVARIANT.get(decl) ?? findContravariant(decl);
  return known.has(param);
}

/**
 * Walks all declarations that can be reached. A type parameter is contravariant if it occurs in a parameter of a
 * function type, or if it is an argument for a contravariant type parameter of another declaration.
 */
function findContravariant(decl: TypeDecl): ReadonlySet<ParamType> {
  const found = new Set<ParamType>();
  const argumentsFor = new Map<ParamType, ParamType[]>();
  const reached = new Set([decl]);
  for (const at of reached) {
    /** `to`: the type parameters of other declarations for which this part is an argument. */
    const pending: { readonly type: CheckedType; readonly inParameter: boolean; readonly to: readonly ParamType[] }[] = partsOf(at).map(
      (type) => ({
        type,
        inParameter: false,
        to: [],
      }),
    );
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { inParameter, to } = next;
      const t = prune(next.type);
      if (t.kind === "param") {
        if (inParameter) found.add(t);
        for (const other of to) {
          const from = argumentsFor.get(other) ?? [];
          argumentsFor.set(other, from);
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
  for (const param of found) for (const from of argumentsFor.get(param) ?? []) found.add(from);
  for (const at of reached) CONTRAVARIANT.set(at, found);
  return found;
}

/** More parts than anyone writes. Without a bound, `P { a: x, b: x }` doubles the size of the type with every use. */
const MAX_TYPE_SIZE = 1_000;

/** Whether the type has more parts than the compiler accepts. */
export function isTooLarge(type: CheckedType): boolean {
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

/** Cached, since a type may have thousands of fields or variants. */
const INDEXES = new WeakMap<readonly { readonly name: string }[], ReadonlyMap<string, number>>();

/** The index of each field or variant by its name. */
export function indexesByName(parts: readonly { readonly name: string }[]): ReadonlyMap<string, number> {
  const known = INDEXES.get(parts);
  if (known !== undefined) return known;
  const made = new Map(parts.map((part, i) => [part.name, i]));
  INDEXES.set(parts, made);
  return made;
}

/**
 * Whether the type has no function anywhere in it, so that its values can be compared. With `params` false, a type
 * parameter counts as a function: a message may be received as any type, so none may hide a function.
 */
export function isData(type: CheckedType, params = true): boolean {
  const pending = [type];
  const seen = new Set<TypeDecl>();
  /** Type parameters of the declarations seen. Their arguments are checked in their place. */
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
