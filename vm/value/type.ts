/**
 * Represents types as data, for the capability table, the builtin table, module signatures and the compiler.
 * The text form of a type is the syntax of the language: `Map<String, Int>`, `Fn(Int) -> Bool !{net.fetch}`.
 */
import { BorunaError } from "../error.ts";

const PRIMITIVES = ["Int", "Float", "String", "Bool", "Unit", "ActorId", "Json"] as const;
export type PrimitiveName = (typeof PRIMITIVES)[number];

export type Type =
  | { readonly kind: "primitive"; readonly name: PrimitiveName }
  /** Option, Result, List, Map, a record or an enum. */
  | { readonly kind: "named"; readonly name: string; readonly args: readonly Type[] }
  /** `row` lists the names in the effect row `!{…}`: capabilities and row variables. */
  | { readonly kind: "fn"; readonly params: readonly Type[]; readonly result: Type; readonly row: readonly string[] }
  /** A type parameter of a generic declaration. */
  | { readonly kind: "param"; readonly name: string };

export function isPrimitiveName(name: string): name is PrimitiveName {
  return PRIMITIVES.some((primitive) => primitive === name);
}

/** A map from the name of each generic type of the language to its number of type parameters. */
export const GENERIC_TYPE_ARITY: ReadonlyMap<string, number> = new Map([
  ["Option", 1],
  ["Result", 2],
  ["List", 1],
  ["Map", 2],
]);

/** Maximum number of elements of a tuple. */
export const MAX_TUPLE_SIZE = 8;
/** Returns the name of the record type that represents tuples of `size` elements, for example `(,,)` for three. No source can declare it. */
export const tupleName = (size: number): string => `(${",".repeat(size - 1)})`;
export const isTupleName = (name: string): boolean => name.startsWith("(");

export function typeToString(type: Type): string {
  switch (type.kind) {
    case "primitive":
    case "param":
      return type.name;
    case "named":
      if (isTupleName(type.name)) return `(${type.args.map(typeToString).join(", ")})`;
      return type.args.length === 0 ? type.name : `${type.name}<${type.args.map(typeToString).join(", ")}>`;
    case "fn": {
      const row = type.row.length === 0 ? "" : ` !{${type.row.join(", ")}}`;
      return `Fn(${type.params.map(typeToString).join(", ")}) -> ${typeToString(type.result)}${row}`;
    }
  }
}

/** Limit on the nesting of a type in its text form. */
export const MAX_TYPE_DEPTH = 64;

/** Parses the text form of a type. `params` are the names of type parameters. Throws `value.type_syntax`. */
export function parseType(text: string, params: ReadonlySet<string> = new Set()): Type {
  if (isPrimitiveName(text) && !params.has(text)) return { kind: "primitive", name: text };
  const tokens = text.match(/[A-Za-z_][A-Za-z0-9_.:]*|->|[<>(),{}!]|\S/g) ?? [];
  let position = 0;
  const fail = (): never => {
    throw new BorunaError("value.type_syntax", `not a type: ${text.slice(0, 80)}`);
  };
  const take = (token: string): void => {
    if (tokens[position] !== token) fail();
    position += 1;
  };
  const parseTypes = (end: string, depth: number): Type[] => {
    const items: Type[] = [];
    while (tokens[position] !== end) {
      items.push(parse(depth + 1));
      if (tokens[position] !== end) take(",");
    }
    take(end);
    return items;
  };
  const parseRow = (): string[] => {
    if (tokens[position] !== "!") return [];
    position += 1;
    take("{");
    const names: string[] = [];
    while (tokens[position] !== "}") {
      names.push(tokens[position] ?? fail());
      position += 1;
      if (tokens[position] !== "}") take(",");
    }
    take("}");
    return names;
  };
  const parse = (depth: number): Type => {
    const name = tokens[position];
    if (depth > MAX_TYPE_DEPTH || name === undefined || !/^[A-Za-z_(]/.test(name)) return fail();
    position += 1;
    if (name === "(") {
      const args = parseTypes(")", depth);
      return args.length >= 2 && args.length <= MAX_TUPLE_SIZE ? { kind: "named", name: tupleName(args.length), args } : fail();
    }
    if (name === "Fn") {
      take("(");
      const parameters = parseTypes(")", depth);
      take("->");
      const result = parse(depth + 1);
      return { kind: "fn", params: parameters, result, row: parseRow() };
    }
    if (params.has(name)) return { kind: "param", name };
    if (isPrimitiveName(name)) return { kind: "primitive", name };
    if (tokens[position] !== "<") return { kind: "named", name, args: [] };
    position += 1;
    return { kind: "named", name, args: parseTypes(">", depth) };
  };
  const type = parse(0);
  if (position !== tokens.length) fail();
  return type;
}
