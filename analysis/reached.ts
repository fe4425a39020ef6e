/** Finds the functions that a program may run. Walks each again until nothing new is learned about its arguments. */
import type { Callable } from "../compiler/ir.ts";
import { functionsIn, joinKnown, type Known } from "./known.ts";
import { type Edge, type Walked, walkFunction } from "./walk.ts";

export interface ReachedFunction {
  readonly callable: Callable;
  readonly walked: Walked;
  /** The functions that may run in a call of this one: those that the walk found, and function values that this one receives (`Node.lost`). */
  readonly edges: ReadonlyMap<Callable, Edge>;
  /** As in `Walked`, with the functions of `Node.lost`. */
  readonly runs: Walked["runs"];
}

/** After this number of changes, nothing is assumed about the arguments of a function. */
const MAX_CHANGES = 4;

/** What is known about one function so far. */
interface Node {
  readonly callable: Callable;
  /** What is known about captured values and parameters. The array has no element at an index for which no call was found yet. */
  readonly params: Known[];
  changes: number;
  /** Whether a function that the program may run can run this one. */
  isReached: boolean;
  isQueued: boolean;
  walked: Walked | undefined;
  /** Function values that the function receives and the analysis no longer tracks. The function may run them any number of times. */
  readonly lost: Set<Callable>;
}

/** Returns the functions that the entries may run, in the order in which they are found. Nothing is known about the arguments of the entries. */
export function reachedFrom(entries: readonly Callable[]): ReadonlyMap<Callable, ReachedFunction> {
  const search = new Search();
  for (const entry of entries) search.addEntry(entry);
  return search.run();
}

class Search {
  readonly #nodes = new Map<Callable, Node>();
  readonly #queue: Node[] = [];

  addEntry(callable: Callable): void {
    const node = this.#node(callable);
    for (let i = 0; i < paramCount(callable); i++) node.params[i] = undefined;
    this.#reach(callable);
  }

  run(): ReadonlyMap<Callable, ReachedFunction> {
    // The loop also visits the nodes that it appends.
    for (const node of this.#queue) this.#walk(node);
    return new Map(
      [...this.#nodes].flatMap(([callable, node]) => (node.walked === undefined ? [] : [[callable, reachedOf(node, node.walked)]])),
    );
  }

  #node(callable: Callable): Node {
    const known = this.#nodes.get(callable);
    if (known !== undefined) return known;
    const node = { callable, params: [], changes: 0, isReached: false, isQueued: false, walked: undefined, lost: new Set<Callable>() };
    this.#nodes.set(callable, node);
    return node;
  }

  #reach(target: Callable): void {
    const node = this.#node(target);
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
    const walked = walkFunction(node.callable, node.params, {
      called: (target, from, args) => this.#learn(target, from, args),
      escaped: (target) => this.#forgetParams(target),
    });
    node.walked = walked;
    for (const target of [...walked.edges.keys(), ...walked.spawns.keys()]) this.#reach(target);
  }

  /** Joins the arguments of a call with what is known about the parameters. If this changes anything, the function is walked again. */
  #learn(target: Callable, from: number, args: readonly Known[]): void {
    const node = this.#node(target);
    let isChanged = false;
    args.forEach((arg, i) => {
      const index = from + i;
      if (index >= paramCount(target)) return;
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

  #joined(node: Node, before: Known, arg: Known): Known {
    const lose = (targets: Iterable<Callable>): void => this.#lose(node, targets);
    if (node.changes <= MAX_CHANGES || before?.kind === "functions") return joinKnown(before, arg, lose);
    if (joinKnown(before, arg, () => undefined) === before && before !== undefined) return before;
    lose(functionsIn(before));
    lose(functionsIn(arg));
    return undefined;
  }

  #lose(node: Node, targets: Iterable<Callable>): void {
    for (const target of targets) {
      if (node.lost.has(target)) continue;
      node.lost.add(target);
      this.#forgetParams(target);
      this.#reach(target);
    }
  }

  /** Forgets what is known about the parameters, because the function may be called with any arguments. Its captured values stay known. */
  #forgetParams(target: Callable): void {
    const { length } = target.params;
    this.#learn(
      target,
      paramCount(target) - length,
      Array.from({ length }, () => undefined),
    );
  }
}

/** Returns the number of captured values and parameters. */
const paramCount = ({ body }: Callable): number => body?.params.length ?? 0;

function reachedOf({ callable, lost }: Node, walked: Walked): ReachedFunction {
  if (lost.size === 0) return { callable, walked, edges: walked.edges, runs: walked.runs };
  const edges = new Map(walked.edges);
  const runs = new Map(walked.runs);
  const span = callable.item?.name.span ?? callable.body?.value.span ?? { start: 0, end: 0 };
  for (const target of lost) {
    if (!edges.has(target)) edges.set(target, { kind: "value", span });
    runs.set(target, Infinity);
  }
  return { callable, walked, edges, runs };
}
