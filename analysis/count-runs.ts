/** Counts how often each function can run in one run of the program. */
import type { Callable } from "../compiler/ir.ts";
import type { ReachedFunction } from "./reached.ts";
import { bounded, times } from "./walk.ts";

type Reached = ReadonlyMap<Callable, ReachedFunction>;

/** Returns an upper bound on the runs of each function. It is Infinity if no bound is known, as for a function that calls itself. */
export function countRuns(main: Callable, reached: Reached): ReadonlyMap<Callable, number> {
  const runs = new Map<Callable, number>([[main, 1]]);
  // Callers come before the functions that they call.
  for (const component of components(main, reached).reverse()) {
    const isCycle = component.length > 1 || component.some((fn) => reached.get(fn)?.runs.has(fn) === true);
    if (isCycle && component.some((fn) => (runs.get(fn) ?? 0) > 0)) for (const fn of component) runs.set(fn, Infinity);
    for (const fn of component) {
      for (const [target, count] of reached.get(fn)?.runs ?? []) {
        if (typeof target === "number" || (isCycle && runs.get(target) === Infinity)) continue;
        runs.set(target, bounded((runs.get(target) ?? 0) + times(runs.get(fn) ?? 0, count)));
      }
    }
  }
  return runs;
}

/** A function whose callees are being visited. */
interface Visit {
  readonly callable: Callable;
  readonly targets: Iterator<Callable>;
}

/**
 * Returns the strongly connected components of the call graph, called functions first: groups of functions that call each other, and
 * single functions. This is Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972) without recursion.
 */
function components(main: Callable, reached: Reached): Callable[][] {
  const found: Callable[][] = [];
  const indexes = new Map<Callable, number>();
  const lowest = new Map<Callable, number>();
  const open = new Set<Callable>();
  const stack: Callable[] = [];
  const visits: Visit[] = [];
  const visit = (callable: Callable): void => {
    indexes.set(callable, indexes.size);
    lowest.set(callable, indexes.size - 1);
    open.add(callable);
    stack.push(callable);
    visits.push({ callable, targets: targetsOf(reached.get(callable)) });
  };
  const lower = (callable: Callable, index: number | undefined): void => {
    if (index !== undefined) lowest.set(callable, Math.min(lowest.get(callable) ?? index, index));
  };
  visit(main);
  for (let top = visits.at(-1); top !== undefined; top = visits.at(-1)) {
    const { callable, targets } = top;
    const next = targets.next();
    if (next.done !== true) {
      if (!indexes.has(next.value)) visit(next.value);
      else if (open.has(next.value)) lower(callable, indexes.get(next.value));
      continue;
    }
    visits.pop();
    const caller = visits.at(-1)?.callable;
    if (caller !== undefined) lower(caller, lowest.get(callable));
    if (lowest.get(callable) !== indexes.get(callable)) continue;
    const component = stack.splice(stack.lastIndexOf(callable));
    for (const fn of component) open.delete(fn);
    found.push(component);
  }
  return found;
}

function* targetsOf(fn: ReachedFunction | undefined): Generator<Callable, void> {
  for (const target of fn?.runs.keys() ?? []) if (typeof target !== "number") yield target;
}
