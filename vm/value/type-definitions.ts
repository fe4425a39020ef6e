/** The types of fields and payloads in a module's type definitions, with the arguments of generic types substituted. */
import { BorunaError } from "../error.ts";
import type { TypeDef } from "../bytecode/module.ts";
import { parseType, type Type, typeToString } from "./type.ts";

/** `type` is undefined when the definition's text is not a valid type, as in some older modules: any value is accepted. */
interface Field {
  readonly name: string;
  readonly type: Type | undefined;
}

interface Variant {
  readonly name: string;
  /** Null for a variant without payload; its type as in `Field`. */
  readonly payload: { readonly type: Type | undefined } | null;
}

/** A record or enum type whose type arguments are known. */
export type TypeShape =
  | { readonly kind: "record"; readonly id: number; readonly name: string; readonly fields: readonly Field[] }
  | { readonly kind: "enum"; readonly id: number; readonly name: string; readonly variants: readonly Variant[] };

/** Shapes and types cached in one table. Further ones are computed each time, with the same result. */
const MAX_CACHED = 10_000;
/** The most nodes of one type. A recursive generic type could otherwise grow with every level of a value. */
const MAX_TYPE_NODES = 1_000;

const tables = new WeakMap<readonly TypeDef[], TypeTable>();

/** Returns the table of an array of definitions, always the same one. The array must not change. */
export function typeTable(types: readonly TypeDef[]): TypeTable {
  const known = tables.get(types);
  if (known !== undefined) return known;
  const table = new TypeTable(types);
  tables.set(types, table);
  return table;
}

export class TypeTable {
  readonly #types: readonly TypeDef[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #shapes = new Map<string, TypeShape>();
  /** One object for each type in the definitions, by its text, so that `#byType` finds its shape without making the text. */
  readonly #interned = new Map<string, Type>();
  readonly #byType = new WeakMap<Type, TypeShape>();

  constructor(types: readonly TypeDef[]) {
    this.#types = types;
    this.#ids = new Map(types.map((def, id) => [def.name, id]));
  }

  /** Returns the shape of a named type; undefined when the module has no such type or the number of arguments is wrong. */
  shapeOf(type: Type): TypeShape | undefined {
    const known = this.#byType.get(type);
    if (known !== undefined) return known;
    if (type.kind !== "named") return undefined;
    const id = this.#ids.get(type.name);
    const def = id === undefined ? undefined : this.#types[id];
    if (id === undefined || def === undefined || (def.params?.length ?? 0) !== type.args.length) return undefined;
    const shape = this.#shape(id, def, type.args);
    this.#byType.set(type, shape);
    return shape;
  }

  /** Returns the shape of a run-time type id. Its type arguments are unknown, and so are types made of them. */
  shapeOfId(id: number): TypeShape | undefined {
    const def = this.#types[id];
    return def === undefined ? undefined : this.#shape(id, def, undefined);
  }

  /** `args` is undefined when the type arguments are unknown. */
  #shape(id: number, def: TypeDef, args: readonly Type[] | undefined): TypeShape {
    const key = args === undefined ? `#${id}` : `${id}<${args.map(typeToString).join(",")}>`;
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    const params = new Map((def.params ?? []).map((name, i) => [name, args?.[i]]));
    const read = (text: string): Type | undefined => this.#read(text, params);
    const shape: TypeShape =
      def.kind === "record"
        ? { kind: "record", id, name: def.name, fields: def.fields.map((field) => ({ name: field.name, type: read(field.type) })) }
        : {
            kind: "enum",
            id,
            name: def.name,
            variants: def.variants.map((v) => ({ name: v.name, payload: v.type === null ? null : { type: read(v.type) } })),
          };
    if (this.#shapes.size < MAX_CACHED) this.#shapes.set(key, shape);
    return shape;
  }

  #read(text: string, params: ReadonlyMap<string, Type | undefined>): Type | undefined {
    const template = readType(text, new Set(params.keys()));
    if (template === undefined) return undefined;
    const type = params.size === 0 ? template : substitute(template, params);
    if (type === undefined || countNodes(type, MAX_TYPE_NODES) > MAX_TYPE_NODES) return undefined;
    return this.#intern(type);
  }

  #intern(type: Type): Type {
    const key = typeToString(type);
    const known = this.#interned.get(key);
    if (known !== undefined) return known;
    if (this.#interned.size < MAX_CACHED) this.#interned.set(key, type);
    return type;
  }
}

/** Returns undefined for text that is not a type, which older modules may contain. */
function readType(text: string, params: ReadonlySet<string>): Type | undefined {
  try {
    return parseType(text, params);
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "value.type_syntax") return undefined;
    throw error;
  }
}

/** Replaces type parameters. Recurses over the template only, whose depth `parseType` bounds. */
function substitute(type: Type, params: ReadonlyMap<string, Type | undefined>): Type | undefined {
  if (type.kind === "param") return params.get(type.name);
  if (type.kind === "primitive") return type;
  const parts = type.kind === "named" ? type.args : [...type.params, type.result];
  const done: Type[] = [];
  for (const part of parts) {
    const replaced = substitute(part, params);
    if (replaced === undefined) return undefined;
    done.push(replaced);
  }
  if (type.kind === "named") return { kind: "named", name: type.name, args: done };
  const result = done.pop();
  return result === undefined ? undefined : { kind: "fn", params: done, result, row: type.row };
}

/** Counts the nodes of a type, and stops soon after `limit`, so that the work is bounded when parts are shared. */
export function countNodes(type: Type, limit: number = MAX_TYPE_NODES): number {
  const pending: Type[] = [type];
  let count = 0;
  for (let part = pending.pop(); part !== undefined && count <= limit; part = pending.pop()) {
    count += 1;
    if (part.kind === "named") pending.push(...part.args);
    else if (part.kind === "fn") pending.push(...part.params, part.result);
  }
  return count;
}
