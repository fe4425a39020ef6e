/** Computes the types of fields and payloads in a module's type definitions, with the arguments of generic types substituted. */
import { BorunaError } from "../error.ts";
import { UNITS } from "../cost.ts";
import { lazily } from "../lazy.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { parseType, type Type, typeToString } from "./type.ts";

/** A field. In some older modules, the text of its type is not a valid type. Then `type` is undefined, and any value is accepted. */
interface Field {
  readonly name: string;
  readonly type: Type | undefined;
}

interface Variant {
  readonly name: string;
  /** Null if the variant has no payload. `type` is undefined in the same case as in `Field`. */
  readonly payload: { readonly type: Type | undefined } | null;
}

/** A record or enum type with the types of its fields or payloads, in which type arguments replace type parameters. */
export type TypeShape =
  | { readonly kind: "record"; readonly id: number; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: "enum"; readonly id: number; readonly name: string; readonly variants: readonly Variant[] };

/** Limit on the shapes, and on the types, that one table caches. Beyond it, they are computed each time. */
const MAX_CACHED = 10_000;
/** Limit on the nodes of one type. Without it, a recursive generic type could grow with every level of a value. */
const MAX_TYPE_NODES = 1_000;

const tables = new WeakMap<readonly TypeDef[], TypeTable>();
const noTypes = lazily(() => new TypeTable([]));

/** Returns the table of an array of definitions. The same array always has the same table, so the array must not change. */
export function typeTable(types: readonly TypeDef[]): TypeTable {
  if (types.length === 0) return noTypes();
  const cachedTable = tables.get(types);
  if (cachedTable !== undefined) return cachedTable;
  const table = new TypeTable(types);
  tables.set(types, table);
  return table;
}

export class TypeTable {
  readonly #types: readonly TypeDef[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #shapes = new Map<string, TypeShape>();
  /** Maps the text of each type in the definitions to one object, so that `#shapesByType` finds the shape of the type without its text. */
  readonly #typesByText = new Map<string, Type>();
  readonly #shapesByType = new WeakMap<Type, TypeShape>();
  /** The types that `typeOf` has parsed, by text. */
  readonly #parsedTypes = new Map<string, Type>();
  /** The shapes of type ids. */
  readonly #shapesById: (TypeShape | undefined)[] = [];

  constructor(types: readonly TypeDef[]) {
    this.#types = types;
    this.#ids = new Map(types.map((def, id) => [def.name, id]));
  }

  /** Returns the shape of a named type, or undefined if the module has no such type or the number of type arguments is wrong. */
  shapeOf(type: Type): TypeShape | undefined {
    const cachedShape = this.#shapesByType.get(type);
    if (cachedShape !== undefined) return cachedShape;
    if (type.kind !== "named") return undefined;
    const id = this.#ids.get(type.name);
    const def = id === undefined ? undefined : this.#types[id];
    if (id === undefined || def === undefined || (def.params?.length ?? 0) !== type.args.length) return undefined;
    const shape = this.#shape(id, def, type.args);
    this.#shapesByType.set(type, shape);
    return shape;
  }

  /** Returns the shape for a run-time type id. The type arguments are unknown, so the types that contain them are undefined. */
  shapeOfId(id: number): TypeShape | undefined {
    const cachedShape = this.#shapesById[id];
    if (cachedShape !== undefined) return cachedShape;
    const def = this.#types[id];
    if (def === undefined) return undefined;
    const shape = this.#shape(id, def, undefined);
    this.#shapesById[id] = shape;
    return shape;
  }

  /** Parses the text of a type. Equal texts return the same object while the cache has room. Throws `value.type_syntax`. */
  typeOf(text: string): Type {
    const cachedType = this.#parsedTypes.get(text);
    if (cachedType !== undefined) return cachedType;
    const type = this.#intern(parseType(text));
    if (this.#parsedTypes.size < MAX_CACHED) this.#parsedTypes.set(text, type);
    return type;
  }

  /** Does the same as `typeOf`, but returns undefined for a text that is not a type. */
  typeIfValid(text: string): Type | undefined {
    try {
      return this.typeOf(text);
    } catch (error) {
      if (error instanceof BorunaError && error.kind === "value.type_syntax") return undefined;
      throw error;
    }
  }

  /** Returns the shape of a definition. `args` is undefined if the type arguments are unknown. */
  #shape(id: number, def: TypeDef, args: readonly Type[] | undefined): TypeShape {
    const key = args === undefined ? `#${id}` : `${id}<${args.map(typeToString).join(",")}>`;
    const cachedShape = this.#shapes.get(key);
    if (cachedShape !== undefined) return cachedShape;
    const params = new Map((def.params ?? []).map((name, i) => [name, args?.[i]]));
    const readPart = (text: string): Type | undefined => this.#readPart(text, params);
    const shape: TypeShape =
      def.kind === "record"
        ? { kind: "record", id, name: def.name, fields: def.fields.map((field) => ({ name: field.name, type: readPart(field.type) })) }
        : {
            kind: "enum",
            id,
            name: def.name,
            variants: def.variants.map((v) => ({ name: v.name, payload: v.type === null ? null : { type: readPart(v.type) } })),
          };
    if (this.#shapes.size < MAX_CACHED) this.#shapes.set(key, shape);
    return shape;
  }

  #readPart(text: string, params: ReadonlyMap<string, Type | undefined>): Type | undefined {
    const template = readType(text, new Set(params.keys()));
    if (template === undefined) return undefined;
    const type = params.size === 0 ? template : substitute(template, params);
    if (type === undefined || countNodes(type, MAX_TYPE_NODES) > MAX_TYPE_NODES) return undefined;
    return this.#intern(type);
  }

  #intern(type: Type): Type {
    const key = typeToString(type);
    const cachedType = this.#typesByText.get(key);
    if (cachedType !== undefined) return cachedType;
    if (this.#typesByText.size < MAX_CACHED) this.#typesByText.set(key, type);
    return type;
  }
}

/** Parses a type. Returns undefined for text that is not a type, because older modules may contain such text. */
export function readType(text: string, params: ReadonlySet<string> = new Set()): Type | undefined {
  try {
    return parseType(text, params);
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "value.type_syntax") return undefined;
    throw error;
  }
}

/** Replaces type parameters with their arguments. Recurses only over the template, whose depth `parseType` limits. */
function substitute(type: Type, params: ReadonlyMap<string, Type | undefined>): Type | undefined {
  if (type.kind === "param") return params.get(type.name);
  if (type.kind === "primitive") return type;
  const parts = type.kind === "named" ? type.args : [...type.params, type.result];
  const replacedParts: Type[] = [];
  for (const part of parts) {
    const replaced = substitute(part, params);
    if (replaced === undefined) return undefined;
    replacedParts.push(replaced);
  }
  if (type.kind === "named") return { kind: "named", name: type.name, args: replacedParts };
  const result = replacedParts.pop();
  return result === undefined ? undefined : { kind: "fn", params: replacedParts, result, row: type.row };
}

/** Counts the nodes of a type. Stops soon after `limit`, so that the work is limited even if parts are shared. */
export function countNodes(type: Type, limit: number = MAX_TYPE_NODES): number {
  const unvisited: Type[] = [type];
  let count = 0;
  for (let part = unvisited.pop(); part !== undefined && count <= limit; part = unvisited.pop()) {
    count += 1;
    if (part.kind === "named") unvisited.push(...part.args);
    else if (part.kind === "fn") unvisited.push(...part.params, part.result);
  }
  return count;
}

/** Returns the units of work for instantiating a generic type, such as `Pair<Int, String>`; 0 for any other type. */
export const instanceUnits = (type: Type | undefined): number =>
  type?.kind === "named" && type.args.length > 0 ? countNodes(type) * UNITS.slot : 0;
