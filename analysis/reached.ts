/**
 * Finds the functions that a program may run, and what is known about their arguments.
 *
 *     fn get(url: String) -> Request { Request { url, method: "GET" } }     instances: get("a"), get("b")
 *     fn main() { fetch(get("a"))  fetch(get("b")) }                        fetch({ "a", "GET" }), fetch({ "b", "GET" })
 *
 * A function is walked once for each combination of arguments. Each combination is an *instance* of the function, so the result and the calls
 * of a function are known for each caller. The number and the source length of instances are limited. All further calls share the *general*
 * instance of the function: their arguments are joined, it is walked again when these change, and its result is unknown. Functions that
 * capture values, actors, and functions that any code may call have only a general instance.
 */
import { prune } from "../compiler/check-types.ts";
import type { Callable } from "../compiler/ir.ts";
import { functionsIn, IGNORE_LOST, joinKnown, type Known } from "./known.ts";
import { type Edge, type FunctionInstance, type Walked, walkFunction } from "./walk.ts";

export interface ReachedFunction {
  readonly callable: Callable;
  readonly walked: Walked;
  /** The functions that a call of this one may run: those that the walk found, and those of `Node.untrackedTargets`. */
  readonly edges: ReadonlyMap<FunctionInstance, Edge>;
  /** The same as in `Walked`, and also the functions of `Node.untrackedTargets`. */
  readonly runs: Walked["runs"];
}

export type Reached = ReadonlyMap<FunctionInstance, ReachedFunction>;

/** After this number of changes of a general instance, an argument that changes again becomes unknown. Sets of functions are still joined. */
const MAX_CHANGES = 4;
/** Limit on the instances of a function, without the general one. */
const MAX_INSTANCES = 64;
/** Limit on the arguments of an instance: the UTF-16 code units of their texts and keys, plus one for each text, field and entry. */
const MAX_KEY_UNITS = 8_192;
/**
 * Limit on the source length of all instances after the first of each function, in UTF-16 code units. The first instance of a function
 * raises the limit by twice the length of the function.
 */
const FREE_SOURCE_UNITS = 65_536;
/** Limit on the nesting of walks. To know the result of a call, a walk first walks the called function. Beyond this limit, the result stays unknown. */
const MAX_NESTING = 24;

/** An instance, and what is known about it so far. */
interface Node extends FunctionInstance {
  /** What is known about each captured value, and then about each parameter. An element is missing until a call gives that value. */
  readonly params: Known[];
  /** How often `params` have changed. */
  changes: number;
  /** Whether the program may run this function. */
  isReached: boolean;
  isQueued: boolean;
  isWalking: boolean;
  walked: Walked | undefined;
  /** Function values that the function receives and the analysis no longer tracks. The function may run them any number of times. */
  readonly untrackedTargets: Set<Node>;
}

/**
 * Returns the functions that the entries may run, in the order in which they are found, and the instance of each entry. Nothing is assumed
 * about the arguments of the entries.
 */
export function reachedFrom(entries: readonly Callable[]): { readonly reached: Reached; readonly instances: readonly FunctionInstance[] } {
  const search = new Search();
  const instances = entries.map((entry) => search.addEntry(entry));
  return { reached: search.run(), instances };
}

class Search {
  /** The general instance of each function. */
  readonly #general = new Map<Callable, Node>();
  /** The other instances of each function, by the text of their arguments. */
  readonly #instances = new Map<Callable, Map<string, Node>>();
  /** The walked instances, in the order of their first walks. */
  readonly #walked: Node[] = [];
  /** The instances to walk, in order. Those that are done stay in it, with `isQueued` false. */
  readonly #queue: Node[] = [];
  /** The numbers that stand for constants and functions in the text of arguments. */
  readonly #ids = new Map<unknown, number>();
  /** How many walks are running, each started by the one before. */
  #nesting = 0;
  /** What is left of `FREE_SOURCE_UNITS`. */
  #freeUnits = FREE_SOURCE_UNITS;

  addEntry(callable: Callable): FunctionInstance {
    const node = this.#generalNode(callable);
    for (let i = 0; i < paramCount(callable); i++) node.params[i] = undefined;
    this.#markReached(node);
    return node;
  }

  run(): Reached {
    // The loop also visits the nodes that it appends.
    for (const node of this.#queue) if (node.isQueued) this.#walk(node);
    return new Map(this.#walked.flatMap((node) => (node.walked === undefined ? [] : [[node, reachedOf(node, node.walked)]])));
  }

  /** Returns the general instance of the function. Makes it if there is none. */
  #generalNode(callable: Callable): Node {
    const existing = this.#general.get(callable);
    if (existing !== undefined) return existing;
    const node = newNode(callable, []);
    this.#general.set(callable, node);
    return node;
  }

  #markReached(node: Node): void {
    if (node.isReached) return;
    node.isReached = true;
    this.#enqueue(node);
  }

  #enqueue(node: Node): void {
    if (node.isQueued || !node.isReached) return;
    node.isQueued = true;
    this.#queue.push(node);
  }

  #walk(node: Node): void {
    node.isQueued = false;
    if (node.walked === undefined) this.#walked.push(node);
    node.isWalking = true;
    this.#nesting += 1;
    const found: Node[] = [];
    const general = (target: Callable): Node => {
      const instance = this.#generalNode(target);
      found.push(instance);
      return instance;
    };
    node.walked = walkFunction(node.callable, node.params, {
      called: (target, args) => {
        const instance = this.#instance(target, args);
        if (instance === undefined) {
          this.#learn(this.#generalNode(target), paramCount(target) - args.length, args);
          return { instance: general(target), result: undefined };
        }
        found.push(instance);
        return { instance, result: this.#resultOf(instance) };
      },
      captured: (target, values) => this.#learn(this.#generalNode(target), 0, values),
      escaped: (target) => {
        this.#forgetParams(target);
        return general(target);
      },
      spawned: general,
    });
    this.#nesting -= 1;
    node.isWalking = false;
    for (const instance of found) this.#markReached(instance);
  }

  /** Returns the instance of the function for these arguments. Undefined if the call belongs to the general instance. */
  #instance(callable: Callable, args: readonly Known[]): Node | undefined {
    if (callable.body === null || paramCount(callable) !== args.length) return undefined;
    const instances = this.#instances.get(callable) ?? new Map<string, Node>();
    this.#instances.set(callable, instances);
    // A function that calls itself with new arguments would get new instances without end.
    const isRecursive = this.#general.get(callable)?.isWalking === true || [...instances.values()].some(({ isWalking }) => isWalking);
    const key = this.#keyOf(args);
    if (key === undefined) return undefined;
    const existing = instances.get(key);
    if (existing !== undefined) return existing;
    const { start, end } = callable.body.value.span;
    const units = instances.size === 0 ? -2 * (end - start) : end - start;
    if (isRecursive || instances.size >= MAX_INSTANCES || units > this.#freeUnits) return undefined;
    this.#freeUnits -= units;
    const node = newNode(callable, [...args]);
    instances.set(key, node);
    return node;
  }

  /** Returns what is known about the result. Walks the function first, if the nesting allows it and something can be known about the result. */
  #resultOf(node: Node): Known {
    if (node.walked === undefined && !node.isWalking && this.#nesting < MAX_NESTING && canBeKnown(node.callable)) {
      node.isReached = true;
      this.#walk(node);
    }
    return node.isWalking ? undefined : node.walked?.result;
  }

  /** Joins the arguments of a call into `params`, from the index `from` on. If that changes anything, the function is walked again. */
  #learn(node: Node, from: number, args: readonly Known[]): void {
    let isChanged = false;
    args.forEach((arg, i) => {
      const index = from + i;
      if (index < 0 || index >= paramCount(node.callable)) return;
      const before = node.params[index];
      const joined = index in node.params ? this.#joined(node, before, arg) : arg;
      if (index in node.params && joined === before) return;
      node.params[index] = joined;
      isChanged = true;
    });
    if (!isChanged) return;
    node.changes += 1;
    this.#enqueue(node);
  }

  /** Returns what is known about a parameter of a general instance after one more argument (see `MAX_CHANGES`). */
  #joined(node: Node, before: Known, arg: Known): Known {
    const lose = (targets: Iterable<Callable>): void => this.#stopTracking(node, targets);
    if (node.changes <= MAX_CHANGES || before?.kind === "functions") return joinKnown(before, arg, lose);
    if (joinKnown(before, arg, IGNORE_LOST) === before && before !== undefined) return before;
    lose(functionsIn(before));
    lose(functionsIn(arg));
    return undefined;
  }

  /** Records that the node may run these functions, which are no longer tracked. */
  #stopTracking(node: Node, targets: Iterable<Callable>): void {
    for (const target of targets) {
      const general = this.#generalNode(target);
      if (node.untrackedTargets.has(general)) continue;
      node.untrackedTargets.add(general);
      this.#forgetParams(target);
      this.#markReached(general);
    }
  }

  /** Forgets what is known about the parameters, because any code may call the function. Its captured values stay known. */
  #forgetParams(target: Callable): void {
    const { length } = target.params;
    this.#learn(
      this.#generalNode(target),
      paramCount(target) - length,
      Array.from({ length }, () => undefined),
    );
  }

  /** Returns a text that differs for different arguments. Undefined if it would be too long. */
  #keyOf(args: readonly Known[]): string | undefined {
    let units = 0;
    const textOf = (known: Known): string => {
      if (units > MAX_KEY_UNITS) return "";
      switch (known?.kind) {
        case undefined:
          return "?";
        case "never":
          return "!";
        case "text": {
          for (const { text } of known.texts) units += text.length + 1;
          return units > MAX_KEY_UNITS ? "" : JSON.stringify(known.texts.map(({ text, isExact }) => (isExact ? text : [text])));
        }
        case "int":
          return `${known.min}..${known.max}`;
        case "constant":
          return `#${this.#idOf(known.value)}`;
        case "list":
          return `${known.length}*${textOf(known.element)}`;
        case "record":
          units += known.fields.length;
          return `{${known.fields.map(textOf).join(",")}}`;
        case "map":
          for (const key of known.entries.keys()) units += key.length + 1;
          if (units > MAX_KEY_UNITS) return "";
          return `{${[...known.entries].map(([key, { value, isCertain }]) => `${JSON.stringify(key)}${isCertain ? ":" : "?:"}${textOf(value)}`).join(",")}${known.isOpen ? "…" : ""}}`;
        case "functions":
          return `@${[...known.targets].map((target) => this.#idOf(target)).join("@")}`;
      }
    };
    const key = args.map(textOf).join(";");
    return units > MAX_KEY_UNITS ? undefined : key;
  }

  #idOf(value: unknown): number {
    const id = this.#ids.get(value) ?? this.#ids.size;
    this.#ids.set(value, id);
    return id;
  }
}

const newNode = (callable: Callable, params: Known[]): Node => ({
  callable,
  params,
  changes: 0,
  isReached: false,
  isQueued: false,
  isWalking: false,
  walked: undefined,
  untrackedTargets: new Set(),
});

/** Returns the number of captured values and parameters. */
const paramCount = ({ body }: Callable): number => body?.params.length ?? 0;

/** Whether a walk can learn something about the result, by its type. */
function canBeKnown({ result }: Callable): boolean {
  const type = prune(result);
  if (type.kind === "primitive") return type.name === "String" || type.name === "Int" || type.name === "Bool";
  if (type.kind === "builtin") return type.name === "List" || type.name === "Map";
  return type.kind === "declared" ? type.decl.kind === "record" : true;
}

function reachedOf({ callable, untrackedTargets }: Node, walked: Walked): ReachedFunction {
  if (untrackedTargets.size === 0) return { callable, walked, edges: walked.edges, runs: walked.runs };
  const edges = new Map(walked.edges);
  const runs = new Map(walked.runs);
  const span = callable.item?.name.span ?? callable.body?.value.span ?? { start: 0, end: 0 };
  for (const target of untrackedTargets) {
    if (!edges.has(target)) edges.set(target, { kind: "value", span });
    runs.set(target, Infinity);
  }
  return { callable, walked, edges, runs };
}
