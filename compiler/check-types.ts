/**
 * Defines the types that the checker uses. They differ from the types of a module (`Type` in `vm/value/type.ts`) in three ways. There are
 * type variables. A record or enum refers to its declaration, not to its name. There are the types `never` and `error`.
 *
 * Types are inferred by unification. An expression whose type is not known yet gets a type variable (`freshVar`). If two
 * types must be equal, `unify` binds variables to make them equal; `prune` follows the bindings. An example is
 * `let mut xs = []` followed by `xs = list.push(xs, 1)`:
 *
 *     []                 List<α>          α = freshVar()
 *     list.push(xs, 1)   List<β>          unify(List<α>, List<β>) binds α to β, unify(Int, β) binds β to Int
 *     xs                 List<Int>        prune(α) is Int
 *
 * Compare types with `unify`, never with `===`. Call `prune` before reading the `kind` of a type.
 */
import { type Keeper, memoizeInObject } from "../vm/lazy.ts";
import { GENERIC_TYPE_ARITY, isTupleName, MAX_TUPLE_SIZE, type PrimitiveName, tupleName, type Type } from "../vm/value/type.ts";
import {
  capabilitiesOf,
  containRow,
  decideRow,
  freshRow,
  itemsOf,
  type OpenRow,
  type ParamType,
  type Row,
  type RowChange,
  rowText,
  substituteRow,
} from "./rows.ts";

/**
 * A record or enum declaration. Declarations are compared by object identity, because two files may each have their own `Point`. As a
 * `Keeper`, a declaration can hold results that `memoizeInObject` caches.
 */
export interface TypeDecl extends Keeper {
  readonly name: string;
  readonly kind: "record" | "enum";
  /** The name in the module's type table, which is unique there: `Point`, `Point.2`. */
  readonly moduleName: string;
  /** The name of the file that declares the type; null for the records that builtins return. */
  readonly declaredIn: string | null;
  readonly params: readonly ParamType[];
  /** The fields of a record, in source order. Empty until `declareUnit` knows the names of all types. */
  fields: readonly FieldInfo[];
  /** The variants of an enum, in source order. Empty until `declareUnit` knows the names of all types. */
  variants: readonly VariantInfo[];
}
export interface FieldInfo {
  readonly name: string;
  readonly type: CheckedType;
}
export interface VariantInfo {
  readonly name: string;
  /** The payload: null for `V`, "single" for `V(Int)`, "struct" for `V { x: Int }`, and for `V(Int, Int)`, whose fields are `0` and `1`. */
  readonly payload:
    | null
    | { readonly kind: "single"; readonly type: CheckedType }
    | { readonly kind: "struct"; readonly fields: readonly FieldInfo[] };
}

/** A type variable: a type that is not decided yet. */
export interface VarType {
  readonly kind: "var";
  /** The type that unification decided, which may itself be a variable; null while the variable is unbound. */
  bound: CheckedType | null;
}
export interface FnType {
  readonly kind: "fn";
  readonly params: readonly CheckedType[];
  readonly result: CheckedType;
  readonly row: Row;
}
/**
 * The names of the generic built-in types. A Map has two type arguments, of which the first is always String. `ActorId<M>` is the id of an
 * actor that receives messages of the type M; the primitive type `ActorId` is the id of any actor.
 */
export type BuiltinTypeName = "Option" | "Result" | "List" | "Map" | "ActorId";
export type CheckedType =
  | { readonly kind: "primitive"; readonly name: PrimitiveName }
  | { readonly kind: "builtin"; readonly name: BuiltinTypeName; readonly args: readonly CheckedType[] }
  | { readonly kind: "declared"; readonly decl: TypeDecl; readonly args: readonly CheckedType[] }
  | FnType
  | ParamType
  | VarType
  /** The type of an expression that never has a value, such as a block that ends in `return`. It matches every expected type. */
  | { readonly kind: "never" }
  /** The type of an expression for which an error was reported. It unifies with every type, so that one mistake causes one message. */
  | { readonly kind: "error" };

const primitive = (name: PrimitiveName): CheckedType & { kind: "primitive" } => ({ kind: "primitive", name });
export const INT = primitive("Int");
export const FLOAT = primitive("Float");
export const STRING = primitive("String");
export const BOOL = primitive("Bool");
export const UNIT_TYPE = primitive("Unit");
export const ACTOR_ID = primitive("ActorId");
export const actorIdOf = (message: CheckedType): CheckedType => builtinType("ActorId", message);
export const JSON_TYPE = primitive("Json");
/** Returns fields that have positions for names: `0`, `1`, and so on. */
export const positionalFields = (types: readonly CheckedType[]): readonly FieldInfo[] =>
  types.map((type, i) => ({ name: String(i), type }));

/** The declarations of tuples, by size. A tuple is a generic record, `(,)<A, B>`, whose fields have positions for names. */
const TUPLE_DECLS: readonly TypeDecl[] = Array.from({ length: MAX_TUPLE_SIZE + 1 }, (_, size) => {
  const params = Array.from({ length: size }, (_, i): ParamType => ({ kind: "param", name: `T${i}`, use: "type" }));
  const name = tupleName(Math.max(1, size));
  return { name, kind: "record", moduleName: name, declaredIn: null, params, fields: positionalFields(params), variants: [], kept: [] };
});

/** Returns the type of a tuple; an error type if the tuple is too large, which the parser has reported. */
export function tupleType(items: readonly CheckedType[]): CheckedType {
  const decl = TUPLE_DECLS[items.length];
  return decl === undefined || items.length < 2 ? ERROR : { kind: "declared", decl, args: items };
}
export const isTuple = (type: CheckedType): type is CheckedType & { kind: "declared" } =>
  type.kind === "declared" && isTupleName(type.decl.name);

export const NEVER: CheckedType = { kind: "never" };
export const ERROR: CheckedType = { kind: "error" };

export const builtinType = (name: BuiltinTypeName, ...args: readonly CheckedType[]): CheckedType => ({ kind: "builtin", name, args });
export const mapOf = (value: CheckedType): CheckedType => builtinType("Map", STRING, value);
export function isBuiltinTypeName(name: string): name is BuiltinTypeName {
  return GENERIC_TYPE_ARITY.has(name);
}
/** Returns a new, unbound type variable. */
export const freshVar = (): VarType => ({ kind: "var", bound: null });

/**
 * Follows bound type variables: returns the type that a variable is bound to, and any other type unchanged. Type arguments
 * inside the result may still be bound variables. The name is from Cardelli, "Basic polymorphic typechecking" (1987).
 */
export function prune(type: CheckedType): CheckedType {
  let current = type;
  while (current.kind === "var" && current.bound !== null) current = current.bound;
  return current;
}

/** Returns the type as source text, with `_` for each part that is not decided. */
export function showType(type: CheckedType): string {
  const t = prune(type);
  switch (t.kind) {
    case "primitive":
    case "param":
      return t.name;
    case "builtin":
      return `${t.name}<${t.args.map(showType).join(", ")}>`;
    case "declared":
      if (isTuple(t)) return `(${t.args.map(showType).join(", ")})`;
      return t.args.length === 0 ? t.decl.name : `${t.decl.name}<${t.args.map(showType).join(", ")}>`;
    case "fn":
      return `Fn(${t.params.map(showType).join(", ")}) -> ${showType(t.result)}${showRow(t.row)}`;
    case "var":
      return "_";
    case "never":
      return "nothing";
    case "error":
      return "?";
  }
}

/** Returns a space and the row as source text, with the items that the row has so far. Returns "" for an empty row. */
function showRow(row: Row): string {
  const items = itemsOf(row);
  return items.length === 0 ? "" : ` ${rowText(items)}`;
}

/** Converts the type to a type of a module. Declarations become their module names, undecided parts become Unit, and rows lose their variables. */
export function toModuleType(type: CheckedType): Type {
  const t = prune(type);
  switch (t.kind) {
    case "primitive":
      return t;
    case "param":
      return { kind: "param", name: t.name };
    case "builtin":
      return t.name === "ActorId" ? ACTOR_ID : { kind: "named", name: t.name, args: t.args.map(toModuleType) };
    case "declared":
      return { kind: "named", name: t.decl.moduleName, args: t.args.map(toModuleType) };
    case "fn":
      return { kind: "fn", params: t.params.map(toModuleType), result: toModuleType(t.result), row: capabilitiesOf(t.row) };
    case "var":
    case "never":
    case "error":
      return { kind: "primitive", name: "Unit" };
  }
}

const NO_ROWS: ReadonlyMap<ParamType, OpenRow> = new Map();

function substituteAll(
  types: readonly CheckedType[],
  typeArgs: ReadonlyMap<ParamType, CheckedType>,
  rowArgs: ReadonlyMap<ParamType, OpenRow>,
): readonly CheckedType[] {
  return types.map((type) => substitute(type, typeArgs, rowArgs));
}

/** Replaces the type parameters in a type with their arguments, and the row variables with open rows. */
export function substitute(
  type: CheckedType,
  typeArgs: ReadonlyMap<ParamType, CheckedType>,
  rowArgs: ReadonlyMap<ParamType, OpenRow> = NO_ROWS,
): CheckedType {
  if (typeArgs.size === 0 && rowArgs.size === 0) return type;
  const t = prune(type);
  switch (t.kind) {
    case "param":
      return typeArgs.get(t) ?? t;
    case "builtin":
      return { kind: "builtin", name: t.name, args: substituteAll(t.args, typeArgs, rowArgs) };
    case "declared":
      return t.args.length === 0 ? t : { kind: "declared", decl: t.decl, args: substituteAll(t.args, typeArgs, rowArgs) };
    case "fn": {
      const params = substituteAll(t.params, typeArgs, rowArgs);
      return { kind: "fn", params, result: substitute(t.result, typeArgs, rowArgs), row: substituteRow(t.row, rowArgs) };
    }
    case "primitive":
    case "var":
    case "never":
    case "error":
      return t;
  }
}

const NO_TYPES: ReadonlyMap<ParamType, CheckedType> = new Map();

/** Returns a map from each type parameter to a fresh type variable. */
export function instantiation(params: readonly ParamType[]): ReadonlyMap<ParamType, CheckedType> {
  if (params.length === 0) return NO_TYPES;
  const typeArgs = new Map<ParamType, CheckedType>();
  for (const param of params) if (param.use !== "row") typeArgs.set(param, freshVar());
  return typeArgs;
}

/** Returns a map from each row variable among the parameters to an open row. */
export function rowInstantiation(params: readonly ParamType[]): ReadonlyMap<ParamType, OpenRow> {
  let rowArgs: Map<ParamType, OpenRow> | undefined;
  for (const param of params) {
    if (param.use !== "row") continue;
    rowArgs ??= new Map();
    rowArgs.set(param, freshRow());
  }
  return rowArgs ?? NO_ROWS;
}

/** The changes that `unify` made, so that a caller can undo them. */
export class Trail {
  readonly types: { readonly variable: VarType; readonly type: CheckedType }[] = [];
  readonly rows: RowChange[] = [];

  undo(): void {
    for (const { variable } of this.types) variable.bound = null;
    for (let i = this.rows.length - 1; i >= 0; i--) {
      const change = this.rows[i];
      if (change !== undefined) change.row.bounds = change.before;
    }
  }

  redo(): void {
    for (const { variable, type } of this.types) variable.bound = type;
    for (const { row, after } of this.rows) row.bounds = after;
  }
}

/**
 * Returns a copy of the type in which each bound variable is replaced by its type, and each open row is decided. Unbinding the
 * variable later does not change the copy.
 */
export function withoutBoundVariables(type: CheckedType): CheckedType {
  const t = prune(type);
  switch (t.kind) {
    case "builtin":
    case "declared":
      return { ...t, args: t.args.map(withoutBoundVariables) };
    case "fn":
      return { kind: "fn", params: t.params.map(withoutBoundVariables), result: withoutBoundVariables(t.result), row: decideRow(t.row) };
    default:
      return t;
  }
}

/** Returns whether the type contains no unbound variable. */
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

function occursInAny(variable: VarType, types: readonly CheckedType[]): boolean {
  for (const type of types) if (occurs(variable, type)) return true;
  return false;
}

/** Returns whether the type contains the variable. If it does, binding the variable to the type would make an infinite type. */
function occurs(variable: VarType, type: CheckedType): boolean {
  const t = prune(type);
  switch (t.kind) {
    case "var":
      return t === variable;
    case "builtin":
    case "declared":
      return occursInAny(variable, t.args);
    case "fn":
      return occursInAny(variable, t.params) || occurs(variable, t.result);
    case "primitive":
    case "param":
    case "never":
    case "error":
      return false;
  }
}

// The functions below have loops instead of callbacks, because V8 allocates a context for parameters that a callback reads.

/** Unifies each type of the first list with that of the second one at the same index, as `unify` does. */
function unifyAll(actual: readonly CheckedType[], expected: readonly CheckedType[], trail: Trail | undefined, isExact: boolean): boolean {
  for (let i = 0; i < actual.length; i++) if (!unify(actual[i] ?? ERROR, expected[i] ?? ERROR, trail, isExact)) return false;
  return true;
}

/** Does what `unifyAll` does for the arguments of a declared type. */
function unifyDeclaredArgs(
  decl: TypeDecl,
  actual: readonly CheckedType[],
  expected: readonly CheckedType[],
  trail: Trail | undefined,
  isExact: boolean,
): boolean {
  for (let i = 0; i < actual.length; i++) {
    if (!unify(actual[i] ?? ERROR, expected[i] ?? ERROR, trail, isExact || isContravariant(decl, decl.params[i]))) return false;
  }
  return true;
}

/**
 * Unifies the types: binds variables so that a value of type `actual` can be used as a value of type `expected`. Returns
 * false if no bindings achieve that. Variables that were bound before the mismatch was found stay bound; `trail` collects
 * all changes, so that a caller can undo them.
 *
 * Only function types have a subtype relation: a function may have a smaller effect row than expected. This also holds inside lists and
 * records, because data is immutable. But if a record takes its type argument in the parameters of a function type (`isContravariant`),
 * the rows in that argument must be equal. `exact` demands equal rows everywhere.
 */
export function unify(actual: CheckedType, expected: CheckedType, trail?: Trail, exact = false): boolean {
  const a = prune(actual);
  const e = prune(expected);
  if (a === e || a.kind === "never") return true;
  // An error is reported only once. Types that depend on the wrong type cause no further reports.
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
      return e.kind === "builtin" && a.name === e.name && unifyAll(a.args, e.args, trail, exact);
    case "declared":
      return e.kind === "declared" && a.decl === e.decl && unifyDeclaredArgs(a.decl, a.args, e.args, trail, exact);
    case "fn":
      return (
        e.kind === "fn" &&
        a.params.length === e.params.length &&
        unifyAll(e.params, a.params, trail, exact) &&
        unify(a.result, e.result, trail, exact) &&
        containRow(a.row, e.row, trail?.rows) &&
        (!exact || containRow(e.row, a.row, trail?.rows))
      );
  }
  return false;
}

/**
 * A fast case of `unify`, because most types of expressions are primitive: unifies a primitive type with an equal one, or with an unbound
 * variable. For all other types, returns false and changes nothing. Both types must be pruned.
 */
export function unifyPrimitive(actual: CheckedType, expected: CheckedType): boolean {
  if (actual.kind !== "primitive") return false;
  if (expected.kind === "primitive") return expected.name === actual.name;
  if (expected.kind !== "var") return false;
  expected.bound = actual;
  return true;
}

function bindVariable(variable: VarType, type: CheckedType, trail: Trail | undefined): boolean {
  if (occurs(variable, type)) return false;
  variable.bound = type;
  trail?.types.push({ variable, type });
  return true;
}

/** Returns whether the types unify, without leaving any variable bound. */
export function unifies(actual: CheckedType, expected: CheckedType): boolean {
  const trail = new Trail();
  const matches = unify(actual, expected, trail);
  trail.undo();
  return matches;
}

/** Returns the declarations of all records and enums in a type. Outer ones come first. */
export function declarationsIn(type: CheckedType): readonly TypeDecl[] {
  const declarations: TypeDecl[] = [];
  const unvisited = [type];
  for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
    const t = prune(next);
    if (t.kind === "declared") declarations.push(t.decl);
    if (t.kind === "declared" || t.kind === "builtin") unvisited.push(...t.args);
    else if (t.kind === "fn") unvisited.push(t.result, ...t.params);
  }
  return declarations;
}

const originOf = (decl: TypeDecl): string => `that of ${decl.declaredIn ?? "the builtins"}`;

/**
 * Returns text to append to a message that shows both types. If two different declarations in these types have the same
 * name, the text says which files declare them; otherwise it is empty.
 */
export function sameNameNote(first: CheckedType, second: CheckedType): string {
  const others = declarationsIn(second);
  for (const decl of declarationsIn(first)) {
    const other = others.find((o) => o.name === decl.name && o !== decl);
    if (other !== undefined) return `; the first \`${decl.name}\` is ${originOf(decl)}, the second ${originOf(other)}`;
  }
  return "";
}

/** Unifies the types. Returns null if they match, otherwise both types as source text, in their state before unification. */
export function unifyOrMismatch(actual: CheckedType, expected: CheckedType): { readonly found: string; readonly wanted: string } | null {
  const trail = new Trail();
  if (unify(actual, expected, trail)) return null;
  trail.undo();
  const texts = { found: `${showType(actual)}${sameNameNote(expected, actual)}`, wanted: showType(expected) };
  trail.redo();
  return texts;
}

/** Returns the types of all fields and payloads of a declaration. */
export function partsOf(decl: TypeDecl): readonly CheckedType[] {
  return [
    ...decl.fields.map((f) => f.type),
    ...decl.variants.flatMap((v) =>
      v.payload === null ? [] : v.payload.kind === "single" ? [v.payload.type] : v.payload.fields.map((f) => f.type),
    ),
  ];
}

/** The cached results of searches in a declaration. */
interface SearchResults {
  /** The result of `findContravariant`. */
  contravariant: ReadonlySet<ParamType> | undefined;
  /** The tests of `findPart` that no part passes. Without them, searches in a chain of declarations would take quadratic time. */
  readonly failedTests: PartTest[];
}

const searchResults = memoizeInObject<TypeDecl, SearchResults>(() => ({ contravariant: undefined, failedTests: [] }));

/** Returns whether values of the declared type contain functions that have the type parameter in one of their parameter types. */
function isContravariant(decl: TypeDecl, param: ParamType | undefined): boolean {
  if (param === undefined) return false;
  const contravariant = searchResults(decl).contravariant ?? findContravariant(decl);
  return contravariant.has(param);
}

/**
 * Finds the contravariant type parameters of all declarations that can be reached from `decl`. A type parameter is
 * contravariant if it occurs in a parameter of a function type, or if it is an argument for a contravariant type parameter
 * of another declaration.
 */
function findContravariant(decl: TypeDecl): ReadonlySet<ParamType> {
  const contravariant = new Set<ParamType>();
  const argumentsFor = new Map<ParamType, ParamType[]>();
  const reached = new Set([decl]);
  for (const current of reached) {
    /**
     * The parts of the declaration's types that are not visited yet. `inParameter`: the part is inside a parameter of a function type.
     * `argumentOf`: the type parameters of other declarations for which the part is an argument.
     */
    const unvisited: { readonly type: CheckedType; readonly inParameter: boolean; readonly argumentOf: readonly ParamType[] }[] = partsOf(
      current,
    ).map((type) => ({
      type,
      inParameter: false,
      argumentOf: [],
    }));
    for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
      const { inParameter, argumentOf } = next;
      const t = prune(next.type);
      if (t.kind === "param") {
        if (inParameter) contravariant.add(t);
        for (const param of argumentOf) {
          const typeArgs = argumentsFor.get(param) ?? [];
          argumentsFor.set(param, typeArgs);
          typeArgs.push(t);
        }
      } else if (t.kind === "fn") {
        for (const type of t.params) unvisited.push({ type, inParameter: true, argumentOf });
        unvisited.push({ type: t.result, inParameter, argumentOf });
      } else if (t.kind === "builtin") for (const type of t.args) unvisited.push({ type, inParameter, argumentOf });
      else if (t.kind === "declared") {
        reached.add(t.decl);
        const { params } = t.decl;
        t.args.forEach((type, i) => unvisited.push({ type, inParameter, argumentOf: [...argumentOf, ...params.slice(i, i + 1)] }));
      }
    }
  }
  for (const param of contravariant) for (const argument of argumentsFor.get(param) ?? []) contravariant.add(argument);
  for (const current of reached) searchResults(current).contravariant = contravariant;
  return contravariant;
}

/** Maximum number of parts of a type. Without a limit, each use of `P { a: x, b: x }` would double the size of a type. */
const MAX_TYPE_SIZE = 1_000;

/** Returns whether the type has more parts than the compiler accepts. */
export function isTooLarge(type: CheckedType): boolean {
  return partsLeft(type, MAX_TYPE_SIZE) < 0;
}

/** Subtracts the number of parts of the type from `parts`. Stops counting below 0. */
function partsLeft(type: CheckedType, parts: number): number {
  const t = prune(type);
  if (parts <= 0 || t.kind === "primitive") return parts - 1;
  if (t.kind === "builtin" || t.kind === "declared") return partsLeftOfAll(t.args, parts - 1);
  return t.kind === "fn" ? partsLeftOfAll(t.params, partsLeft(t.result, parts - 1)) : parts - 1;
}

function partsLeftOfAll(types: readonly CheckedType[], parts: number): number {
  let remaining = parts;
  for (const type of types) {
    if (remaining < 0) return remaining;
    remaining = partsLeft(type, remaining);
  }
  return remaining;
}

/** Tests a part of a type in `findPart`. `isOwnParam` is true for the type parameters of declared types, such as the T of `Box<T>`. */
export type PartTest = (part: CheckedType, isOwnParam: boolean) => boolean;

/**
 * Returns a part of the type that passes the test, or undefined. Also searches the fields and payloads of declared types. Their type
 * parameters are tested with `isOwnParam`, because their arguments are tested too. Results are cached by the test, so pass the same
 * function `isWanted` each time. All declarations must be complete.
 */
export function findPart(type: CheckedType, isWanted: PartTest): CheckedType | undefined {
  const root = prune(type);
  if (root.kind !== "builtin" && root.kind !== "declared") return isWanted(root, false) ? root : undefined;
  const unvisited: CheckedType[] = [root];
  const seenDecls = new Set<TypeDecl>();
  const ownParams = new Set<CheckedType>();
  for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
    const t = prune(next);
    if (isWanted(t, ownParams.has(t))) return t;
    if (t.kind === "builtin" || t.kind === "declared") for (const arg of t.args) unvisited.push(arg);
    if (t.kind === "declared" && !seenDecls.has(t.decl) && !searchResults(t.decl).failedTests.includes(isWanted)) {
      seenDecls.add(t.decl);
      for (const param of t.decl.params) ownParams.add(param);
      for (const part of partsOf(t.decl)) unvisited.push(part);
    }
  }
  for (const decl of seenDecls) searchResults(decl).failedTests.push(isWanted);
  return undefined;
}

const isFunction: PartTest = (part) => part.kind === "fn";
const mayBeFunction: PartTest = (part, isOwnParam) => part.kind === "fn" || (part.kind === "param" && !isOwnParam);

/**
 * Returns whether the type contains no function, so that its values can be compared. If `paramsAreData` is false, a type
 * parameter is treated like a function, because its argument may be a function type.
 */
export function isData(type: CheckedType, { paramsAreData } = { paramsAreData: true }): boolean {
  return findPart(type, paramsAreData ? isFunction : mayBeFunction) === undefined;
}
