/**
 * Finds values that a match does not cover, and arms that can never be reached. This is the usefulness algorithm of
 * Luc Maranget, "Warnings for pattern matching" (2007): a pattern is useful if it matches a value that no row before it
 * matches. An arm that is not useful is unreachable; if `_` is useful after all arms, the match misses a value.
 *
 * A row is a vector of patterns; at first its one column is the arm's pattern. Looking at the values of one constructor
 * (`#specialize`) replaces the first column by one column for each argument of the constructor. The rows are kept in a
 * trie instead of a matrix, so that a match with many arms takes linear time:
 *
 *     Some(true) => …      root ── Some ── true          `_` is useful: no path matches Some(false).
 *     None => …              └──── None
 *
 * A guarded arm covers nothing, since its guard may fail.
 */
import { MATCH_TAGS, type Wrapper } from "../vm/bytecode/tags.ts";
import type { CheckedPattern, Constructor } from "./ir.ts";
import { BOOL, builtinType, type CheckedType, FLOAT, INT, JSON_TYPE, mapOf, prune, STRING, substitute } from "./check-types.ts";
import type { ParamType } from "./check-types.ts";

/** The algorithm takes exponential time in the worst case. It gives up after this many steps, plus a few for each arm. */
const MAX_WORK = 200_000;
/** The most columns on one path of the search, which limits its recursion. */
const MAX_COLUMNS = 2_000;

/** The match needs more steps or columns than the limits allow. */
export class TooComplex extends Error {}

const tag = (name: string, value: number, args: readonly CheckedType[] = [], siblings = 2): Constructor => ({
  form: { kind: "tag", tag: value },
  name,
  args,
  fields: null,
  siblings,
});
const json = (name: string, value: number, args: readonly CheckedType[] = []): Constructor => ({
  form: { kind: "json", json: value },
  name: `Json::${name}`,
  args,
  fields: null,
  siblings: 7,
});

const TRUE = tag("true", MATCH_TAGS.true);
const FALSE = tag("false", MATCH_TAGS.false);
const NONE_CONSTRUCTOR = tag("None", MATCH_TAGS.None);
const UNIT_CONSTRUCTOR: Constructor = { form: { kind: "unit" }, name: "()", args: [], fields: null, siblings: 1 };
const wrapConstructor = (name: Wrapper, of: CheckedType): Constructor => tag(name, MATCH_TAGS[name], [of]);

/** In the order of the results of the `JsonKind` instruction. */
export const JSON_CONSTRUCTORS: readonly Constructor[] = [
  json("Null", 0),
  json("Bool", 1, [BOOL]),
  json("Int", 2, [INT]),
  json("Float", 3, [FLOAT]),
  json("String", 4, [STRING]),
  json("List", 5, [builtinType("List", JSON_TYPE)]),
  json("Object", 6, [mapOf(JSON_TYPE)]),
];

interface Constructors {
  readonly all: readonly Constructor[];
  readonly byName: ReadonlyMap<string, Constructor>;
}
const CONSTRUCTORS = new WeakMap<CheckedType, Constructors>();

/** Cached for each type, since an enum may have thousands of constructors. */
function declaredConstructors(t: CheckedType & { kind: "declared" }): Constructors {
  const known = CONSTRUCTORS.get(t);
  if (known !== undefined) return known;
  const all = makeConstructors(t);
  const made = { all, byName: new Map(all.map((c) => [c.name, c])) };
  CONSTRUCTORS.set(t, made);
  return made;
}

/** All constructors of the type; null if its values cannot be listed (Int, String, List, …). */
export function constructorsOf(type: CheckedType): readonly Constructor[] | null {
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
    case "declared":
      return declaredConstructors(t).all;
    case "fn":
    case "param":
    case "var":
    case "never":
    case "error":
      return null;
  }
}

function makeConstructors(t: CheckedType & { kind: "declared" }): readonly Constructor[] {
  const typeArgs = new Map<ParamType, CheckedType>(t.decl.params.map((p, i) => [p, t.args[i] ?? p]));
  const name = t.decl.name;
  if (t.decl.kind === "record") {
    return [
      {
        form: { kind: "record" },
        name,
        args: t.decl.fields.map((f) => substitute(f.type, typeArgs)),
        fields: t.decl.fields.map((f) => f.name),
        siblings: 1,
      },
    ];
  }
  const siblings = t.decl.variants.length;
  return t.decl.variants.map((v, i): Constructor => {
    const full = `${name}::${v.name}`;
    if (v.payload === null) return tag(full, i, [], siblings);
    if (v.payload.kind === "single") return tag(full, i, [substitute(v.payload.type, typeArgs)], siblings);
    return {
      form: { kind: "struct", tag: i },
      name: full,
      args: v.payload.fields.map((f) => substitute(f.type, typeArgs)),
      fields: v.payload.fields.map((f) => f.name),
      siblings,
    };
  });
}

/** The constructor of the type with the given name: `Some`, `Shape::Circle`, `Point`. */
export function constructorNamed(type: CheckedType, name: string): Constructor | undefined {
  const t = prune(type);
  return t.kind === "declared" ? declaredConstructors(t).byName.get(name) : constructorsOf(t)?.find((c) => c.name === name);
}

/** A linked list of what belongs to the remaining columns, the next one first. Lists share their tails. */
interface Cells<C> {
  readonly head: C;
  readonly tail: Cells<C> | null;
}
type Row = Cells<CheckedPattern> | null;

function prepend<C>(heads: readonly C[], tail: Cells<C> | null): Cells<C> | null {
  return heads.reduceRight<Cells<C> | null>((rest, head) => ({ head, tail: rest }), tail);
}

const WILD: CheckedPattern = { kind: "wildcard" };

function literalKey(p: CheckedPattern & { kind: "literal" }): string {
  const v = p.value;
  return typeof v === "object" ? `f${v.tag === "Float" ? v.value : ""}` : `${typeof v === "bigint" ? "number" : typeof v}${String(v)}`;
}

/** A node of the trie of rows. Each level is a column; rows with the same patterns in their first columns share a path. */
interface Node {
  /** The rows with a constructor or literal in this column, by its name or `literalKey`. */
  readonly edges: Map<string, Node>;
  /** The constructors among them. */
  readonly constructors: Map<string, Constructor>;
  /** The rows with a wildcard or a binding in this column. */
  any: Node | null;
}
const newNode = (): Node => ({ edges: new Map(), constructors: new Map(), any: null });

/** A node that the values at hand lead to. A wildcard before it also covers the next `skip` columns. */
interface State {
  readonly node: Node;
  readonly skip: number;
}

class MatchSearch {
  readonly #root = newNode();
  #budget: number;

  constructor(arms: number) {
    this.#budget = MAX_WORK + 20 * arms;
  }

  #spend(work: number, depth: number): void {
    this.#budget -= work;
    if (this.#budget < 0 || depth > MAX_COLUMNS) throw new TooComplex();
  }

  add(pattern: CheckedPattern): void {
    const pending: { row: Row; node: Node }[] = [{ row: { head: pattern, tail: null }, node: this.#root }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      let { row, node } = next;
      while (row !== null) {
        this.#spend(1, 0);
        const { head, tail }: Cells<CheckedPattern> = row;
        if (head.kind === "or") {
          for (const p of head.alternatives) pending.push({ row: { head: p, tail }, node });
          break;
        }
        if (head.kind === "constructor") {
          const { constructor_, args } = head;
          this.#spend(args.length, 0);
          node.constructors.set(constructor_.name, constructor_);
          node = this.#edge(node, constructor_.name);
          row = prepend(args, tail);
        } else {
          if (head.kind === "literal") node = this.#edge(node, literalKey(head));
          else {
            node.any ??= newNode();
            node = node.any;
          }
          row = tail;
        }
      }
    }
  }

  #edge(node: Node, key: string): Node {
    const child = node.edges.get(key) ?? newNode();
    node.edges.set(key, child);
    return child;
  }

  /** The states after a column in which the values have the given constructor or literal. */
  #specialize(states: readonly State[], key: string, arity: number): State[] {
    const out: State[] = [];
    for (const { node, skip } of states) {
      if (skip > 0) {
        out.push({ node, skip: skip - 1 + arity });
        continue;
      }
      const child = node.edges.get(key);
      if (child !== undefined) out.push({ node: child, skip: 0 });
      if (node.any !== null) out.push({ node: node.any, skip: arity });
    }
    return out;
  }

  /** The states after a column in which the values have no constructor or literal that a row names. */
  #defaultStates(states: readonly State[]): State[] {
    return states.flatMap(({ node, skip }): State[] => {
      if (skip > 0) return [{ node, skip: skip - 1 }];
      return node.any === null ? [] : [{ node: node.any, skip: 0 }];
    });
  }

  /** The constructors that the rows name in the next column. */
  #namedConstructors(states: readonly State[]): ReadonlyMap<string, Constructor> {
    const open = states.filter((s) => s.skip === 0);
    const only = open[0];
    if (only !== undefined && open.length === 1) return only.node.constructors;
    const all = new Map<string, Constructor>();
    for (const { node } of open) {
      this.#spend(node.constructors.size, 0);
      for (const [name, c] of node.constructors) all.set(name, c);
    }
    return all;
  }

  /** A value that no row matches, as a pattern; null if there is none. */
  missing(type: CheckedType): string | null {
    const found = this.#missing([{ node: this.#root, skip: 0 }], { head: type, tail: null }, 0);
    return found === null || found === "none" ? null : found.head;
  }

  #missing(states: readonly State[], types: Cells<CheckedType> | null, depth: number): Cells<string> | "none" | null {
    this.#spend(1 + states.length, depth);
    if (types === null) return states.length > 0 ? null : "none";
    const { head: type, tail: others } = types;
    const all = constructorsOf(type);
    const used = all === null ? null : this.#namedConstructors(states);
    if (all !== null && used !== null && used.size === all.length) {
      for (const c of all) {
        const found = this.#missing(this.#specialize(states, c.name, c.args.length), prepend(c.args, others), depth + 1);
        if (found !== null) return withConstructor(c, found);
      }
      return null;
    }
    const rest = this.#missing(this.#defaultStates(states), others, depth + 1);
    if (rest === null) return null;
    const absent = all?.find((c) => used?.has(c.name) !== true);
    const text =
      absent === undefined
        ? "_"
        : patternText(
            absent,
            absent.args.map(() => "_"),
          );
    return { head: text, tail: rest === "none" ? null : rest };
  }

  /** Whether a value exists that matches the pattern and none of the rows. */
  useful(pattern: CheckedPattern): boolean {
    return this.#useful([{ node: this.#root, skip: 0 }], { head: pattern, tail: null }, 0);
  }

  #useful(states: readonly State[], query: Row, depth: number): boolean {
    this.#spend(1 + states.length, depth);
    if (states.length === 0) return true;
    if (query === null) return false;
    const { head, tail } = query;
    if (head.kind === "or") return head.alternatives.some((p) => this.#useful(states, { head: p, tail }, depth + 1));
    if (head.kind === "literal") return this.#useful(this.#specialize(states, literalKey(head), 0), tail, depth + 1);
    if (head.kind === "constructor") {
      const { constructor_, args } = head;
      this.#spend(args.length, 0);
      return this.#useful(this.#specialize(states, constructor_.name, args.length), prepend(args, tail), depth + 1);
    }
    const named = this.#namedConstructors(states);
    const some = named.values().next().value;
    if (some === undefined || named.size < some.siblings) return this.#useful(this.#defaultStates(states), tail, depth + 1);
    for (const c of named.values()) {
      this.#spend(c.args.length, 0);
      const wild = c.args.map(() => WILD);
      if (this.#useful(this.#specialize(states, c.name, wild.length), prepend(wild, tail), depth + 1)) return true;
    }
    return false;
  }
}

/** Replaces the texts of a constructor's arguments at the front of the list by the text of the constructor with them. */
function withConstructor(c: Constructor, found: Cells<string> | "none"): Cells<string> {
  const parts: string[] = [];
  let rest = found === "none" ? null : found;
  for (; parts.length < c.args.length && rest !== null; rest = rest.tail) parts.push(rest.head);
  return { head: patternText(c, parts), tail: rest };
}

function patternText(c: Constructor, args: readonly string[]): string {
  if (c.fields !== null) return `${c.name} { ${c.fields.map((f, i) => `${f}: ${args[i] ?? "_"}`).join(", ")} }`;
  return args.length === 0 ? c.name : `${c.name}(${args.join(", ")})`;
}

/** Returns a value that no arm covers, as a pattern, and the indexes of the arms that can never be reached. Throws `TooComplex`. */
export function analyzeMatch(
  type: CheckedType,
  arms: readonly { readonly pattern: CheckedPattern; readonly guarded: boolean }[],
): { missing: string | null; unreachable: readonly number[] } {
  const search = new MatchSearch(arms.length);
  const unreachable: number[] = [];
  arms.forEach((arm, i) => {
    if (!search.useful(arm.pattern)) unreachable.push(i);
    if (!arm.guarded) search.add(arm.pattern);
  });
  return { missing: search.missing(type), unreachable };
}
