/**
 * Which values a match misses and which arms can never be reached: the usefulness algorithm of
 * Luc Maranget, "Warnings for pattern matching" (2007). Guarded arms count as reachable, never as covering.
 */
import type { CheckedPattern, Constructor } from "./ir.ts";
import { builtinType, JSON_TYPE, mapOf, prune, substitute, type T, BOOL, FLOAT, INT, STRING } from "./types.ts";
import type { ParamType } from "./types.ts";

/** The algorithm is exponential in the worst case; past this many rows looked at, it gives up. */
const MAX_WORK = 200_000;

export class TooComplex extends Error {}

const tag = (name: string, value: number, args: readonly T[] = [], siblings = 2): Constructor => ({
  form: { kind: "tag", tag: value },
  name,
  args,
  fields: null,
  siblings,
});
const json = (name: string, value: number, args: readonly T[] = []): Constructor => ({
  form: { kind: "json", json: value },
  name: `Json::${name}`,
  args,
  fields: null,
  siblings: 7,
});

/** Match tags of bytecode 1.1. */
export const TRUE = tag("true", 1);
export const FALSE = tag("false", 0);
export const NONE_CONSTRUCTOR = tag("None", -2);
export const UNIT_CONSTRUCTOR: Constructor = { form: { kind: "unit" }, name: "()", args: [], fields: null, siblings: 1 };
export const wrapConstructor = (name: "Some" | "Ok" | "Err", of: T): Constructor => tag(name, { Some: -3, Ok: -4, Err: -5 }[name], [of]);

/** In the order of the `JsonKind` instruction. */
export const JSON_CONSTRUCTORS: readonly Constructor[] = [
  json("Null", 0),
  json("Bool", 1, [BOOL]),
  json("Int", 2, [INT]),
  json("Float", 3, [FLOAT]),
  json("String", 4, [STRING]),
  json("List", 5, [builtinType("List", JSON_TYPE)]),
  json("Object", 6, [mapOf(JSON_TYPE)]),
];

/** All constructors of the type, or null where values cannot be listed (Int, String, List, …). */
export function constructorsOf(type: T): readonly Constructor[] | null {
  const t = prune(type);
  switch (t.kind) {
    case "primitive":
      if (t.name === "Bool") return [TRUE, FALSE];
      if (t.name === "Unit") return [UNIT_CONSTRUCTOR];
      return t.name === "Json" ? JSON_CONSTRUCTORS : null;
    case "builtin": {
      const [first, second] = t.args;
      if (t.name === "Option" && first !== undefined) return [NONE_CONSTRUCTOR, wrapConstructor("Some", first)];
      if (t.name === "Result" && first !== undefined && second !== undefined)
        return [wrapConstructor("Ok", first), wrapConstructor("Err", second)];
      return null;
    }
    case "declared": {
      const by = new Map<ParamType, T>(t.decl.params.map((p, i) => [p, t.args[i] ?? p]));
      const name = t.decl.name;
      if (t.decl.kind === "record") {
        return [
          {
            form: { kind: "record" },
            name,
            args: t.decl.fields.map((f) => substitute(f.type, by)),
            fields: t.decl.fields.map((f) => f.name),
            siblings: 1,
          },
        ];
      }
      const siblings = t.decl.variants.length;
      return t.decl.variants.map((v, i): Constructor => {
        const full = `${name}::${v.name}`;
        if (v.payload === null) return tag(full, i, [], siblings);
        if (v.payload.kind === "single") return tag(full, i, [substitute(v.payload.type, by)], siblings);
        return {
          form: { kind: "struct", tag: i },
          name: full,
          args: v.payload.fields.map((f) => substitute(f.type, by)),
          fields: v.payload.fields.map((f) => f.name),
          siblings,
        };
      });
    }
    case "fn":
    case "param":
    case "var":
    case "never":
    case "error":
      return null;
  }
}

type Row = readonly CheckedPattern[];
const WILD: CheckedPattern = { kind: "wildcard" };
const isWild = (p: CheckedPattern): boolean => p.kind === "wildcard" || p.kind === "bind";

function literalKey(p: CheckedPattern & { kind: "literal" }): string {
  const v = p.value;
  return typeof v === "object" ? `f${v.tag === "Float" ? v.value : ""}` : `${typeof v === "bigint" ? "number" : typeof v}${String(v)}`;
}

class Search {
  #work = 0;

  /** Rows whose first pattern is an or-pattern stand once for each alternative. */
  #expand(rows: readonly Row[]): Row[] {
    const out: Row[] = [];
    const pending = [...rows].reverse();
    for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
      this.#work += 1;
      if (this.#work > MAX_WORK) throw new TooComplex();
      const [head, ...tail] = row;
      if (head !== undefined && head.kind === "or") for (const p of [...head.alternatives].reverse()) pending.push([p, ...tail]);
      else out.push(row);
    }
    return out;
  }

  /** What is left of the rows for values made by the constructor (or equal to the literal). */
  #specialize(rows: readonly Row[], name: string, arity: number): Row[] {
    return rows.flatMap((row): Row[] => {
      const [head, ...tail] = row;
      if (head === undefined) return [];
      if (isWild(head)) return [[...Array.from({ length: arity }, () => WILD), ...tail]];
      if (head.kind === "constructor") return head.constructor_.name === name ? [[...head.args, ...tail]] : [];
      return head.kind === "literal" && literalKey(head) === name ? [tail] : [];
    });
  }

  /** A vector of patterns that no row matches, as text, or null. */
  missing(given: readonly Row[], types: readonly T[]): readonly string[] | null {
    const [type, ...others] = types;
    if (type === undefined) return given.length > 0 ? null : [];
    const rows = this.#expand(given);
    const used = new Set(rows.flatMap(([head]) => (head?.kind === "constructor" ? [head.constructor_.name] : [])));
    const all = constructorsOf(type);
    if (all !== null && all.every((c) => used.has(c.name))) {
      for (const c of all) {
        const found = this.missing(this.#specialize(rows, c.name, c.args.length), [...c.args, ...others]);
        if (found !== null) return [print(c, found.slice(0, c.args.length)), ...found.slice(c.args.length)];
      }
      return null;
    }
    const rest = this.missing(
      rows.flatMap((row) => (row[0] !== undefined && isWild(row[0]) ? [row.slice(1)] : [])),
      others,
    );
    if (rest === null) return null;
    const absent = all?.find((c) => !used.has(c.name));
    return [
      absent === undefined
        ? "_"
        : print(
            absent,
            absent.args.map(() => "_"),
          ),
      ...rest,
    ];
  }

  /** Whether some value matches `query` and none of the rows. */
  useful(given: readonly Row[], query: Row): boolean {
    const [head, ...tail] = query;
    if (head === undefined) return given.length === 0;
    const rows = this.#expand(given);
    if (head.kind === "or") return head.alternatives.some((p) => this.useful(rows, [p, ...tail]));
    if (head.kind === "constructor")
      return this.useful(this.#specialize(rows, head.constructor_.name, head.args.length), [...head.args, ...tail]);
    if (head.kind === "literal") return this.useful(this.#specialize(rows, literalKey(head), 0), tail);
    const present = new Map(rows.flatMap(([p]) => (p?.kind === "constructor" ? [[p.constructor_.name, p.constructor_] as const] : [])));
    const some = present.values().next().value;
    if (some !== undefined && present.size === some.siblings) {
      return [...present.values()].some((c) =>
        this.useful(this.#specialize(rows, c.name, c.args.length), [...c.args.map(() => WILD), ...tail]),
      );
    }
    return this.useful(
      rows.flatMap((row) => (row[0] !== undefined && isWild(row[0]) ? [row.slice(1)] : [])),
      tail,
    );
  }
}

/** The constructor among all of the type's that is wanted. */
export function findConstructor(type: T, wanted: (c: Constructor) => boolean): Constructor | undefined {
  return constructorsOf(type)?.find(wanted);
}

function print(c: Constructor, args: readonly string[]): string {
  if (c.fields !== null) return `${c.name} { ${c.fields.map((f, i) => `${f}: ${args[i] ?? "_"}`).join(", ")} }`;
  return args.length === 0 ? c.name : `${c.name}(${args.join(", ")})`;
}

/** An uncovered value as a pattern, and the numbers of the arms that can never be reached. Throws `TooComplex`. */
export function examine(
  type: T,
  arms: readonly { readonly pattern: CheckedPattern; readonly guarded: boolean }[],
): { missing: string | null; unreachable: readonly number[] } {
  const search = new Search();
  const rows: Row[] = [];
  const unreachable: number[] = [];
  arms.forEach((arm, i) => {
    if (!search.useful(rows, [arm.pattern])) unreachable.push(i);
    if (!arm.guarded) rows.push([arm.pattern]);
  });
  return { missing: search.missing(rows, [type])?.[0] ?? null, unreachable };
}
