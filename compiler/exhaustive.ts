/**
 * Finds values that a match does not cover, and arms that can never be reached. It uses the usefulness algorithm of
 * Luc Maranget, "Warnings for pattern matching" (2007): a pattern is useful if it matches a value that no row before it
 * matches. An arm that is not useful is unreachable; if `_` is useful after all arms, the match misses a value.
 *
 * A row is a vector of patterns, one for each column. Initially there is one column: the arm's pattern. A constructor is one way
 * to construct a value, such as `Some` or `true`. Restricting the rows to one constructor (`#specialize`) replaces the first
 * column with one column for each argument of that constructor.
 * The rows are kept in a trie instead of a matrix, so that a match with many arms takes linear time:
 *
 *     Some(true) => …      root ── Some ── true          `_` is useful: no path matches Some(false).
 *     None => …              └──── None
 *
 * A guarded arm covers nothing, because its guard may fail.
 *
 * Lists have one constructor for each length that the patterns of the match distinguish, and one for all greater lengths
 * (`ListCases`). A list pattern is expanded to the lengths that it matches, like the alternatives of an `or` pattern.
 */
import { isPositional } from "../vm/bytecode/module.ts";
import { MATCH_TAGS, type Wrapper } from "../vm/bytecode/tags.ts";
import { memoizeInObject, memoizePerObject } from "../vm/lazy.ts";
import type { CheckedPattern, Constructor } from "./ir.ts";
import {
  BOOL,
  builtinType,
  type CheckedType,
  ERROR,
  FLOAT,
  INT,
  isTuple,
  JSON_TYPE,
  mapOf,
  prune,
  STRING,
  substitute,
  type TypeDecl,
} from "./check-types.ts";
import type { ParamType } from "./rows.ts";

/** The algorithm takes exponential time in the worst case. It gives up after this number of steps, plus 20 for each arm. */
const MAX_STEPS = 200_000;
/** Maximum number of columns on a search path. It limits the depth of the recursion. */
const MAX_COLUMNS = 2_000;

/** Thrown if a match needs more steps or columns than the limits allow. */
export class TooComplex extends Error {}

const tagConstructor = (name: string, tag: number, args: readonly CheckedType[] = [], constructorCount = 2): Constructor => ({
  form: { kind: "tag", tag },
  name,
  args,
  fields: null,
  constructorCount,
});
const jsonConstructor = (name: string, jsonKind: number, args: readonly CheckedType[] = []): Constructor => ({
  form: { kind: "json", jsonKind },
  name: `Json::${name}`,
  args,
  fields: null,
  constructorCount: 7,
});

const TRUE = tagConstructor("true", MATCH_TAGS.true);
const FALSE = tagConstructor("false", MATCH_TAGS.false);
const NONE_CONSTRUCTOR = tagConstructor("None", MATCH_TAGS.None);
const UNIT_CONSTRUCTOR: Constructor = { form: { kind: "unit" }, name: "()", args: [], fields: null, constructorCount: 1 };
const wrapConstructor = (name: Wrapper, payload: CheckedType): Constructor => tagConstructor(name, MATCH_TAGS[name], [payload]);

/** The constructors of Json, ordered by their number in the `JsonKind` instruction. */
export const JSON_CONSTRUCTORS: readonly Constructor[] = [
  jsonConstructor("Null", 0),
  jsonConstructor("Bool", 1, [BOOL]),
  jsonConstructor("Int", 2, [INT]),
  jsonConstructor("Float", 3, [FLOAT]),
  jsonConstructor("String", 4, [STRING]),
  jsonConstructor("List", 5, [builtinType("List", JSON_TYPE)]),
  jsonConstructor("Object", 6, [mapOf(JSON_TYPE)]),
];

/** A constructor in the search. For lists, `list` says which lengths it covers. */
type Case = Omit<Constructor, "form"> & { readonly list?: ListCase };

/**
 * The lists of exactly `length` elements or, if `isOpen`, of at least `length` elements. The arguments of an open case are only the first
 * and the last elements.
 */
interface ListCase {
  readonly length: number;
  readonly isOpen: boolean;
}

type ListPattern = CheckedPattern & { readonly kind: "list" };

/** The cases of all lists in one match. */
class ListCases {
  /** The maximum number of elements that a pattern names before its `..`. */
  #maxPrefix = 0;
  /** The maximum number of elements that a pattern names after its `..`. */
  #maxSuffix = 0;
  /** The length of the longest pattern without `..`; -1 if there is no such pattern. */
  #longestExact = -1;
  #cases: Map<CheckedType, readonly Case[]> | undefined = undefined;
  /** Whether the match has a list pattern. If not, no list needs a case. */
  isUsed = false;

  constructor(patterns: readonly CheckedPattern[]) {
    const unvisited = [...patterns];
    for (let next = unvisited.pop(); next !== undefined; next = unvisited.pop()) {
      if (next.kind === "or") for (const p of next.alternatives) unvisited.push(p);
      else if (next.kind === "constructor") for (const p of next.args) unvisited.push(p);
      else if (next.kind === "list") {
        this.isUsed = true;
        for (const p of [...next.prefix, ...next.suffix]) unvisited.push(p);
        if (next.rest === null) this.#longestExact = Math.max(this.#longestExact, next.prefix.length);
        else {
          this.#maxPrefix = Math.max(this.#maxPrefix, next.prefix.length);
          this.#maxSuffix = Math.max(this.#maxSuffix, next.suffix.length);
        }
      }
    }
  }

  /** The smallest length that shares a case with all greater lengths. */
  get #openLength(): number {
    return Math.max(this.#longestExact + 1, this.#maxPrefix + this.#maxSuffix);
  }

  #case(length: number, isOpen: boolean, element: CheckedType): Case {
    const args = Array.from({ length: isOpen ? this.#maxPrefix + this.#maxSuffix : length }, () => element);
    return { name: caseName(length, isOpen), args, fields: null, constructorCount: this.#openLength + 1, list: { length, isOpen } };
  }

  /** Returns the cases of a list type. They are cached, because making them takes time that is quadratic in their number. */
  all(element: CheckedType): readonly Case[] {
    const open = this.#openLength;
    this.#cases ??= new Map();
    const cases = this.#cases.get(element) ?? Array.from({ length: open + 1 }, (_, length) => this.#case(length, length === open, element));
    this.#cases.set(element, cases);
    return cases;
  }

  has(element: CheckedType): boolean {
    return this.#cases?.has(element) === true;
  }

  /** An upper bound of the number of arguments in all cases that `all` returns. */
  get size(): number {
    return (this.#openLength + 1) ** 2;
  }

  /** An upper bound of the number of arguments in all cases that `expand` returns. */
  sizeOf({ prefix, rest, suffix }: ListPattern): number {
    const least = prefix.length + suffix.length;
    return rest === null ? least : (this.#openLength - least + 1) * (this.#openLength + 1);
  }

  /** Returns the cases that a list pattern matches, each with patterns for its arguments. */
  expand({ prefix, rest, suffix }: ListPattern): readonly CasePattern[] {
    if (rest === null) return [{ kind: "case", case_: this.#case(prefix.length, false, ERROR), args: prefix }];
    const fill = (count: number): CheckedPattern[] => Array.from({ length: count }, () => WILDCARD);
    const least = prefix.length + suffix.length;
    const exact = Array.from({ length: this.#openLength - least }, (_, i): CasePattern => {
      return { kind: "case", case_: this.#case(least + i, false, ERROR), args: [...prefix, ...fill(i), ...suffix] };
    });
    const args = [...prefix, ...fill(this.#maxPrefix - prefix.length), ...fill(this.#maxSuffix - suffix.length), ...suffix];
    return [...exact, { kind: "case", case_: this.#case(this.#openLength, true, ERROR), args }];
  }

  /** Returns the pattern text of a case. */
  text({ length, isOpen }: ListCase, args: readonly string[]): string {
    if (!isOpen) return `[${args.join(", ")}]`;
    const first = args.slice(0, this.#maxPrefix);
    const last = args.slice(this.#maxPrefix);
    while (first.length + last.length < length) first.push("_");
    return `[${[...first, "..", ...last].join(", ")}]`;
  }
}

const caseName = (length: number, isOpen: boolean): string => `[${length}${isOpen ? ".." : ""}]`;

/** A list pattern for one case, or a pattern of a constructor. */
interface CasePattern {
  readonly kind: "case";
  readonly case_: Case;
  readonly args: readonly CheckedPattern[];
}

interface Constructors {
  readonly all: readonly Constructor[];
  readonly byName: ReadonlyMap<string, Constructor>;
}
// The results of the next two functions are cached, because an enum may have thousands of constructors.

const constructorsOfGeneric = memoizePerObject((t: CheckedType & { kind: "declared" }): Constructors => namedConstructors(t));
const constructorsOfDecl = memoizeInObject((decl: TypeDecl): Constructors => namedConstructors({ kind: "declared", decl, args: [] }));

/** Returns the constructors of a declared type. */
function declaredConstructors(t: CheckedType & { kind: "declared" }): Constructors {
  return t.args.length === 0 ? constructorsOfDecl(t.decl) : constructorsOfGeneric(t);
}

function namedConstructors(t: CheckedType & { kind: "declared" }): Constructors {
  const all = makeConstructors(t);
  return { all, byName: new Map(all.map((c) => [c.name, c])) };
}

/** Returns all constructors of the type, or null if its values cannot be listed (Int, String, List, …). */
export function constructorsOf(type: CheckedType): readonly Constructor[] | null {
  // `prune` follows bound type variables.
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
        name: isTuple(t) ? "" : name,
        args: t.decl.fields.map((f) => substitute(f.type, typeArgs)),
        fields: isPositional(t.decl.fields) ? null : t.decl.fields.map((f) => f.name),
        constructorCount: 1,
      },
    ];
  }
  const constructorCount = t.decl.variants.length;
  return t.decl.variants.map((v, i): Constructor => {
    const fullName = `${name}::${v.name}`;
    if (v.payload === null) return tagConstructor(fullName, i, [], constructorCount);
    if (v.payload.kind === "single") return tagConstructor(fullName, i, [substitute(v.payload.type, typeArgs)], constructorCount);
    return {
      form: { kind: "struct", tag: i },
      name: fullName,
      args: v.payload.fields.map((f) => substitute(f.type, typeArgs)),
      fields: isPositional(v.payload.fields) ? null : v.payload.fields.map((f) => f.name),
      constructorCount,
    };
  });
}

/** Returns the constructor of the type that is called `name`: `Some`, `Shape::Circle`, `Point`, `""` for a tuple, `()` for unit. */
export function constructorNamed(type: CheckedType, name: string): Constructor | undefined {
  const t = prune(type);
  return t.kind === "declared" ? declaredConstructors(t).byName.get(name) : constructorsOf(t)?.find((c) => c.name === name);
}

/** A linked list with one element for each remaining column, starting with the next column. Lists share their tails. */
interface Columns<C> {
  readonly head: C;
  readonly tail: Columns<C> | null;
}
/** A pattern in the search. Each list pattern is expanded to its cases. */
type RowPattern = CheckedPattern | CasePattern;
type Row = Columns<RowPattern> | null;

function prepend<C>(heads: readonly C[], tail: Columns<C> | null): Columns<C> | null {
  return heads.reduceRight<Columns<C> | null>((rest, head) => ({ head, tail: rest }), tail);
}

const WILDCARD: CheckedPattern = { kind: "wildcard" };

/** Returns a key of the literal for `Node.edges`. */
function literalKey(p: CheckedPattern & { kind: "literal" }): string {
  const v = p.value;
  return typeof v === "object" ? `f${v.tag === "Float" ? v.value : ""}` : `${typeof v === "bigint" ? "number" : typeof v}${String(v)}`;
}

/** A node of the trie of rows. Each level is a column; rows with the same patterns in their first columns share a path. */
interface Node {
  /** Children for the rows that have a constructor or literal in this column, keyed by constructor name or `literalKey`. */
  edges: Map<string, Node> | undefined;
  /** The constructors among the keys of `edges`, by name. */
  constructors: Map<string, Case> | undefined;
  /** The child for the rows that have a wildcard or a binding in this column. */
  any: Node | null;
}
const newNode = (): Node => ({ edges: undefined, constructors: undefined, any: null });
const NO_CASES: ReadonlyMap<string, Case> = new Map();

/**
 * A position in the trie. After a wildcard has matched a constructor, the trie has no nodes for the arguments of that constructor.
 * `skip` is the number of such columns before the column of `node`. The rows match any value in them.
 */
interface State {
  readonly node: Node;
  readonly skip: number;
}

class MatchSearch {
  readonly #root = newNode();
  readonly #lists: ListCases;
  #stepsLeft: number;

  constructor(patterns: readonly CheckedPattern[]) {
    this.#stepsLeft = MAX_STEPS + 20 * patterns.length;
    this.#lists = new ListCases(patterns);
  }

  /** Returns all constructors of the type, or null if its values cannot be listed. */
  #casesOf(type: CheckedType): readonly Case[] | null {
    const t = prune(type);
    if (t.kind !== "builtin" || t.name !== "List") return constructorsOf(t);
    const [element] = t.args;
    if (element === undefined || !this.#lists.isUsed) return null;
    if (!this.#lists.has(element)) this.#spend(this.#lists.size, 0);
    return this.#lists.all(element);
  }

  /** Returns the alternatives of a pattern that has several, or null. */
  #alternativesOf(pattern: RowPattern): readonly RowPattern[] | null {
    if (pattern.kind === "or") return pattern.alternatives;
    if (pattern.kind !== "list") return null;
    this.#spend(this.#lists.sizeOf(pattern), 0);
    return this.#lists.expand(pattern);
  }

  /** Returns the constructor of a pattern with the patterns of its arguments, or null. */
  #caseOf(pattern: RowPattern): CasePattern | null {
    if (pattern.kind === "case") return pattern;
    return pattern.kind === "constructor" ? { kind: "case", case_: pattern.constructor_, args: pattern.args } : null;
  }

  /** Counts steps of the search. Throws `TooComplex` beyond the limit on steps or on columns. */
  #spend(steps: number, depth: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0 || depth > MAX_COLUMNS) throw new TooComplex();
  }

  addRow(pattern: CheckedPattern): void {
    const unfinished: { row: Row; node: Node }[] = [{ row: { head: pattern, tail: null }, node: this.#root }];
    for (let next = unfinished.pop(); next !== undefined; next = unfinished.pop()) {
      let { row, node } = next;
      while (row !== null) {
        this.#spend(1, 0);
        const { head, tail }: Columns<RowPattern> = row;
        const alternatives = this.#alternativesOf(head);
        if (alternatives !== null) {
          for (const p of alternatives) unfinished.push({ row: { head: p, tail }, node });
          break;
        }
        const constructed = this.#caseOf(head);
        if (constructed !== null) {
          const { case_, args } = constructed;
          this.#spend(args.length, 0);
          node.constructors ??= new Map();
          node.constructors.set(case_.name, case_);
          node = this.#childFor(node, case_.name);
          row = prepend<RowPattern>(args, tail);
        } else {
          if (head.kind === "literal") node = this.#childFor(node, literalKey(head));
          else {
            node.any ??= newNode();
            node = node.any;
          }
          row = tail;
        }
      }
    }
  }

  /** Returns the child of the node for the key. Adds the child if it is missing. */
  #childFor(node: Node, key: string): Node {
    node.edges ??= new Map();
    const child = node.edges.get(key) ?? newNode();
    node.edges.set(key, child);
    return child;
  }

  /** Returns the states after the next column, for values that have the given constructor or literal there. */
  #specialize(states: readonly State[], key: string, arity: number): State[] {
    const nextStates: State[] = [];
    for (const { node, skip } of states) {
      if (skip > 0) {
        nextStates.push({ node, skip: skip - 1 + arity });
        continue;
      }
      const child = node.edges?.get(key);
      if (child !== undefined) nextStates.push({ node: child, skip: 0 });
      if (node.any !== null) nextStates.push({ node: node.any, skip: arity });
    }
    return nextStates;
  }

  /** Returns the states after the next column, for values whose constructor or literal is not named by any row. */
  #defaultStates(states: readonly State[]): State[] {
    const nextStates: State[] = [];
    for (const { node, skip } of states) {
      if (skip > 0) nextStates.push({ node, skip: skip - 1 });
      else if (node.any !== null) nextStates.push({ node: node.any, skip: 0 });
    }
    return nextStates;
  }

  /** Returns the constructors that the rows name in the next column, by name. */
  #namedConstructors(states: readonly State[]): ReadonlyMap<string, Case> {
    const atNode = states.filter((s) => s.skip === 0);
    const first = atNode[0];
    if (first !== undefined && atNode.length === 1) return first.node.constructors ?? NO_CASES;
    const all = new Map<string, Case>();
    for (const { node } of atNode) {
      const { constructors = NO_CASES } = node;
      this.#spend(constructors.size, 0);
      for (const [name, c] of constructors) all.set(name, c);
    }
    return all;
  }

  /** Returns a pattern for a value that no row matches, or null if the rows match every value. */
  missingPattern(type: CheckedType): string | null {
    const found = this.#missing([{ node: this.#root, skip: 0 }], { head: type, tail: null }, 0);
    return found === null || found === "empty" ? null : found.head;
  }

  /**
   * Returns a vector of values that no row matches, as one pattern text for each column, or null if the rows match everything.
   * A vector without columns is returned as "empty", because null means that the rows match everything.
   */
  #missing(states: readonly State[], types: Columns<CheckedType> | null, depth: number): Columns<string> | "empty" | null {
    this.#spend(1 + states.length, depth);
    if (types === null) return states.length > 0 ? null : "empty";
    const { head: type, tail: laterTypes } = types;
    const all = this.#casesOf(type);
    const named = all === null ? null : this.#namedConstructors(states);
    if (all !== null && named !== null && named.size === all.length) {
      for (const c of all) {
        const found = this.#missing(this.#specialize(states, c.name, c.args.length), prepend(c.args, laterTypes), depth + 1);
        if (found !== null) return this.#withConstructor(c, found);
      }
      return null;
    }
    const later = this.#missing(this.#defaultStates(states), laterTypes, depth + 1);
    if (later === null) return null;
    const unnamed = all?.find((c) => named?.has(c.name) !== true);
    const text =
      unnamed === undefined
        ? "_"
        : this.#patternText(
            unnamed,
            unnamed.args.map(() => "_"),
          );
    return { head: text, tail: later === "empty" ? null : later };
  }

  /** Returns whether a value exists that matches the pattern and none of the rows. */
  isUseful(pattern: CheckedPattern): boolean {
    return this.#isUseful([{ node: this.#root, skip: 0 }], { head: pattern, tail: null }, 0);
  }

  #isUseful(states: readonly State[], query: Row, depth: number): boolean {
    this.#spend(1 + states.length, depth);
    if (states.length === 0) return true;
    if (query === null) return false;
    const { head, tail } = query;
    const alternatives = this.#alternativesOf(head);
    if (alternatives !== null) return alternatives.some((p) => this.#isUseful(states, { head: p, tail }, depth + 1));
    if (head.kind === "literal") return this.#isUseful(this.#specialize(states, literalKey(head), 0), tail, depth + 1);
    const constructed = this.#caseOf(head);
    if (constructed !== null) {
      const { case_, args } = constructed;
      this.#spend(args.length, 0);
      return this.#isUseful(this.#specialize(states, case_.name, args.length), prepend<RowPattern>(args, tail), depth + 1);
    }
    const named = this.#namedConstructors(states);
    const anyNamed = named.values().next().value;
    if (anyNamed === undefined || named.size < anyNamed.constructorCount)
      return this.#isUseful(this.#defaultStates(states), tail, depth + 1);
    for (const c of named.values()) {
      this.#spend(c.args.length, 0);
      const wildcards = c.args.map(() => WILDCARD);
      if (this.#isUseful(this.#specialize(states, c.name, wildcards.length), prepend<RowPattern>(wildcards, tail), depth + 1)) return true;
    }
    return false;
  }

  /** Removes the texts of the constructor's arguments from the front of the list and prepends the text of the whole pattern. */
  #withConstructor(c: Case, found: Columns<string> | "empty"): Columns<string> {
    const parts: string[] = [];
    let rest = found === "empty" ? null : found;
    for (; parts.length < c.args.length && rest !== null; rest = rest.tail) parts.push(rest.head);
    return { head: this.#patternText(c, parts), tail: rest };
  }

  #patternText(c: Case, args: readonly string[]): string {
    if (c.list !== undefined) return this.#lists.text(c.list, args);
    if (c.fields !== null) return `${c.name} { ${c.fields.map((f, i) => `${f}: ${args[i] ?? "_"}`).join(", ")} }`;
    return args.length === 0 ? c.name : `${c.name}(${args.join(", ")})`;
  }
}

/** Returns a pattern for a value that no arm covers, and the indexes of the arms that can never be reached. Throws `TooComplex`. */
export function analyzeMatch(
  type: CheckedType,
  arms: readonly { readonly pattern: CheckedPattern; readonly guarded: boolean }[],
): { missing: string | null; unreachable: readonly number[] } {
  const search = new MatchSearch(arms.map((arm) => arm.pattern));
  const unreachable: number[] = [];
  arms.forEach((arm, i) => {
    if (!search.isUseful(arm.pattern)) unreachable.push(i);
    if (!arm.guarded) search.addRow(arm.pattern);
  });
  return { missing: search.missingPattern(type), unreachable };
}
