/** The state of one check of a value against a schema: its position, its remaining budget, and what it has evaluated. */
import { BorunaError } from "../error.ts";
import { canonicalJson, isJsonArray, isJsonObject, type JsonData } from "../json/json.ts";
import { Branch, foldTree, leaf } from "../json/fold.ts";
import type { JsonPath } from "../json/typed-json.ts";
import { FloatValue, intFromBigInt } from "../value/value.ts";

/** Where a value does not match, and why. */
export interface Mismatch {
  readonly path: JsonPath;
  readonly message: string;
}

/** The position of a value in the document, and the state of the check. */
export interface CheckContext {
  readonly path: JsonPath;
  readonly budget: CheckBudget;
  /** The resources whose schemas are being applied, the innermost first. `$dynamicRef` searches them. */
  readonly scope: Scope;
  /** The members and items that some schema has evaluated. Undefined if no schema has `unevaluatedProperties` or `unevaluatedItems`. */
  readonly evaluated: Evaluated | undefined;
}

/** The dynamic anchors of a resource (a part of the document with its own URI), and the scope of the resource that led to it. */
export interface Scope {
  readonly dynamicAnchors: ReadonlyMap<string, CompiledSchema>;
  readonly outer: Scope | undefined;
}

/** A schema whose keywords have been read. */
export interface CompiledSchema {
  readonly apply: (data: JsonData, context: CheckContext) => Mismatch | undefined;
}

/** Checks a value against one keyword. Returns the first mismatch, or undefined. */
export type Check = (data: JsonData, context: CheckContext) => Mismatch | undefined;

/** The units of work for applying one schema to a value. Each code unit of a text and each name counts one unit. */
export const VISIT_COST = 40;
/** How many schemas may be applied inside each other. The check recurses, so this also protects the stack. */
const MAX_APPLY_DEPTH = 1_000;

/** Counts the work of one check. Throws `schema.budget`. */
export class CheckBudget {
  /** The limit, for messages. One step is `VISIT_COST` units of work. */
  readonly #steps: number;
  /** The units of work that are left. */
  #left: number;
  /** Number of schemas that are being applied inside each other. */
  #depth = 0;

  constructor(steps: number) {
    this.#steps = steps;
    this.#left = steps * VISIT_COST;
  }

  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new BorunaError("schema.budget", `checking a value takes more than ${this.#steps} steps`);
  }

  /** Must be called before a schema is applied, and `leave` after that. */
  enter(): void {
    this.spend(VISIT_COST);
    this.#depth += 1;
    if (this.#depth > MAX_APPLY_DEPTH)
      throw new BorunaError("schema.budget", `checking a value applies more than ${MAX_APPLY_DEPTH} schemas inside each other`);
  }

  leave(): void {
    this.#depth -= 1;
  }
}

/** The members and items of one value to which some schema was applied. */
export class Evaluated {
  readonly names = new Set<string>();
  readonly indexes = new Set<number>();
  allNames = false;
  allItems = false;

  add(other: Evaluated, budget: CheckBudget): void {
    budget.spend(other.names.size + other.indexes.size);
    for (const name of other.names) this.names.add(name);
    for (const index of other.indexes) this.indexes.add(index);
    this.allNames ||= other.allNames;
    this.allItems ||= other.allItems;
  }
}

export function mismatchAt(path: JsonPath, message: string): Mismatch {
  return { path, message };
}

/** The units of work for each part of a value in `equalityKey`. */
const KEY_PART_COST = 8;

/** Returns the same text for equal values, such as 1 and 1.0. Spends work for each part of the value and each code unit of the text. */
export function equalityKey(data: JsonData, budget: CheckBudget | undefined): string {
  if (typeof data === "string") budget?.spend(data.length);
  const key = canonicalJson(
    foldTree<JsonData, JsonData>(data, (node) => {
      budget?.spend(KEY_PART_COST);
      if (isJsonArray(node)) return new Branch(node, (items) => items);
      if (isJsonObject(node)) {
        const names = [...node.keys()];
        return new Branch([...node.values()], (parts) => new Map(names.map((name, i) => [name, parts[i] ?? null])));
      }
      return leaf(node instanceof FloatValue && Number.isInteger(node.value) ? intFromBigInt(BigInt(node.value)) : node);
    }),
  );
  budget?.spend(key.length);
  return key;
}
