/** Counts how often each function can run in one run of the program. */
import type { Reached, ReachedFunction } from "./reached.ts";
import { boundCount, type FunctionInstance, multiplyCounts } from "./walk.ts";

/** Returns how often each function can run at most: Infinity if no bound is known, for instance if the function calls itself. */
export function countRuns(main: FunctionInstance, reached: Reached): ReadonlyMap<FunctionInstance, number> {
  const runs = new Map<FunctionInstance, number>([[main, 1]]);
  // Callers come before the functions that they call.
  for (const component of components(main, reached).reverse()) {
    const isCycle = component.length > 1 || component.some((fn) => reached.get(fn)?.runs.has(fn) === true);
    if (isCycle && component.some((fn) => (runs.get(fn) ?? 0) > 0)) for (const fn of component) runs.set(fn, Infinity);
    for (const fn of component) {
      for (const [target, count] of reached.get(fn)?.runs ?? []) {
        if (typeof target === "number" || (isCycle && runs.get(target) === Infinity)) continue;
        runs.set(target, boundCount((runs.get(target) ?? 0) + multiplyCounts(runs.get(fn) ?? 0, count)));
      }
    }
  }
  return runs;
}

/** A function whose callees are being visited, and the callees that are still to be visited. */
interface Visit {
  readonly instance: FunctionInstance;
  readonly targets: Iterator<FunctionInstance>;
}

/**
 * Returns the strongly connected components of the call graph: groups of functions that call each other, and single functions. Called
 * functions come before their callers. This is Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972) without recursion.
 */
function components(main: FunctionInstance, reached: Reached): FunctionInstance[][] {
  const found: FunctionInstance[][] = [];
  const indexes = new Map<FunctionInstance, number>();
  const lowest = new Map<FunctionInstance, number>();
  const onStack = new Set<FunctionInstance>();
  const stack: FunctionInstance[] = [];
  const visits: Visit[] = [];
  const visit = (instance: FunctionInstance): void => {
    indexes.set(instance, indexes.size);
    lowest.set(instance, indexes.size - 1);
    onStack.add(instance);
    stack.push(instance);
    visits.push({ instance, targets: targetsOf(reached.get(instance)) });
  };
  const lower = (instance: FunctionInstance, index: number | undefined): void => {
    if (index !== undefined) lowest.set(instance, Math.min(lowest.get(instance) ?? index, index));
  };
  visit(main);
  for (let top = visits.at(-1); top !== undefined; top = visits.at(-1)) {
    const { instance, targets } = top;
    const next = targets.next();
    if (next.done !== true) {
      if (!indexes.has(next.value)) visit(next.value);
      else if (onStack.has(next.value)) lower(instance, indexes.get(next.value));
      continue;
    }
    visits.pop();
    const caller = visits.at(-1)?.instance;
    if (caller !== undefined) lower(caller, lowest.get(instance));
    if (lowest.get(instance) !== indexes.get(instance)) continue;
    const component = stack.splice(stack.lastIndexOf(instance));
    for (const fn of component) onStack.delete(fn);
    found.push(component);
  }
  return found;
}

function* targetsOf(fn: ReachedFunction | undefined): Generator<FunctionInstance, void> {
  for (const target of fn?.runs.keys() ?? []) if (typeof target !== "number") yield target;
}
