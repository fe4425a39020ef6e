/**
 * Finds out, before a program runs, what it may do: every capability call, the path of calls that leads to it, what is known about its
 * arguments, and how often one run may make it.
 *
 *     fn main() -> Unit !{fs.read} { for name in ["a", "b"] { show("notes/" ++ name) } }      fs.read, at most 2 times,
 *     fn show(path: String) -> Unit !{fs.read} { debug(fs.read(path))  () }                   "notes/a" or "notes/b", main → show
 *
 * The steps:
 *
 * 1. Walk `main` (walk.ts) and, until nothing new is learned, each function that a walked function may run. A function is walked again
 *    when more is learned about its arguments. After a few times nothing is assumed about them, so the work is linear in the program.
 * 2. Find the shortest path from `main` to each function.
 * 3. Count the runs of each function, callers first. A function runs as often as each caller runs, times the calls in that caller. A
 *    function that calls itself, directly or through others, may run any number of times.
 *
 * The result is sound: a run makes no other call, no call more often, and none with other arguments. It is not exact: a listed call may
 * never happen, so every message made from it says "can".
 */
import type { Span } from "../compiler/ast.ts";
import type { CheckedFunctions } from "../compiler/compile.ts";
import type { Callable } from "../compiler/ir.ts";
import { lineTable, type LineTable, positionAt, type SourceFile } from "../compiler/source.ts";
import { type CapabilityDecl, type CapabilityRegistry, signatureFor } from "../vm/capabilities.ts";
import { countRuns } from "./count-runs.ts";
import { type Known, knownConstant } from "./known.ts";
import { type ReachedFunction, reachedFrom } from "./reached.ts";
import { bounded, type Edge, type EdgeKind, type Site, times } from "./walk.ts";

/** A place in the source. Lines and columns start at 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A function on the path to a call, and how the previous function of the path runs it. */
export interface PathStep {
  readonly function: string;
  /** `main` for the first step. `value`: the previous function passes it on as a value, and some code calls it. */
  readonly by: EdgeKind | "main";
  /** Where the previous function calls it. For `main`, where it is declared. */
  readonly place: Place;
}

/** A path of calls from `main`. If it is long, steps after the first are left out. */
export interface CallPath {
  readonly steps: readonly PathStep[];
  /** Number of steps that are left out after the first. */
  readonly omitted: number;
}

/** A capability call in the source. */
export interface EffectCall {
  readonly capability: CapabilityDecl;
  readonly place: Place;
  /** The path from `main` to the function that makes the call. Undefined if the call is never reached. */
  readonly path: (() => CallPath) | undefined;
  /** The parameters by name, with what is known about their arguments. Defaults are filled in. */
  readonly args: readonly { readonly param: string; readonly known: Known }[];
  /** How often one run can make this call: 0 if it is never reached, Infinity if no bound is known. */
  readonly times: number;
  /** Whether only actors make the call. */
  readonly inActor: boolean;
}

export interface Effects {
  /** The calls in the order of files and places. */
  readonly calls: readonly EffectCall[];
  /** How many calls one run can make, by the name of the capability. A capability that is never called is absent. */
  readonly totals: ReadonlyMap<string, number>;
}

/** Limit on the steps of a path. */
const MAX_STEPS = 64;

/** Finds the capability calls of a program, including those that are never reached. */
export function findEffects({ main, functions }: CheckedFunctions, registry: CapabilityRegistry): Effects {
  const found = reachedFrom([main]);
  const paths = shortestPaths(main, found);
  const reached = new Map([...found].filter(([callable]) => callable === main || paths.has(callable)));
  const ownTask = withoutSpawns(main, reached);
  const runs = countRuns(main, reached);
  const places = new Places();
  const calls: EffectCall[] = [];
  const totals = new Map<string, number>();
  const addCalls = ({ callable, walked }: ReachedFunction, pathOfFunction: EffectCall["path"]): void => {
    for (const site of walked.sites) {
      const capability = registry.byId.get(site.capability);
      if (capability === undefined) continue;
      const path = site.times === 0 ? undefined : pathOfFunction;
      calls.push({
        capability,
        place: places.of(callable.file, site.span),
        path,
        args: argsOf(capability, site),
        times: path === undefined ? 0 : times(runs.get(callable) ?? 0, site.times),
        inActor: path !== undefined && !ownTask.has(callable),
      });
    }
  };
  for (const fn of reached.values()) {
    addCalls(fn, () => pathTo(main, fn.callable, paths, places));
    for (const [capability, count] of fn.walked.runs) {
      const name = typeof capability === "number" ? registry.byId.get(capability)?.name : undefined;
      if (name !== undefined) totals.set(name, bounded((totals.get(name) ?? 0) + times(runs.get(fn.callable) ?? 0, count)));
    }
  }
  for (const fn of reachedFrom(functions.filter((f) => !reached.has(f))).values()) if (!reached.has(fn.callable)) addCalls(fn, undefined);
  return { calls: calls.sort((a, b) => comparePlaces(a.place, b.place)), totals };
}

const comparePlaces = (a: Place, b: Place): number =>
  a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;

function argsOf(capability: CapabilityDecl, { args }: Site): EffectCall["args"] {
  const params = capability.internal === true ? [] : (signatureFor(capability, args.length)?.params ?? []);
  return params.map(({ name, default: value }, i) => ({
    param: name,
    known: i < args.length ? args[i] : value === undefined ? undefined : knownConstant(value),
  }));
}

/** How a function is first reached. */
interface Origin {
  readonly from: Callable;
  readonly edge: Edge;
  /** The number of steps before this one. */
  readonly depth: number;
}

/** Returns the origins of all functions but `main`, by the shortest paths. */
function shortestPaths(main: Callable, reached: ReadonlyMap<Callable, ReachedFunction>): ReadonlyMap<Callable, Origin> {
  const origins = new Map<Callable, Origin>();
  const order = [{ callable: main, depth: 0 }];
  // The loop also visits the elements that it appends.
  for (const { callable, depth } of order) {
    const fn = reached.get(callable);
    for (const [target, edge] of [...(fn?.edges ?? []), ...(fn?.walked.spawns ?? [])]) {
      if (target === main || origins.has(target)) continue;
      origins.set(target, { from: callable, edge, depth: depth + 1 });
      order.push({ callable: target, depth: depth + 1 });
    }
  }
  return origins;
}

/** Returns the functions that can run in the task of `main`, not only in an actor. */
function withoutSpawns(main: Callable, reached: ReadonlyMap<Callable, ReachedFunction>): ReadonlySet<Callable> {
  const found = new Set([main]);
  // The loop also visits the elements that it adds.
  for (const callable of found) for (const target of reached.get(callable)?.edges.keys() ?? []) found.add(target);
  return found;
}

function pathTo(main: Callable, callable: Callable, origins: ReadonlyMap<Callable, Origin>, places: Places): CallPath {
  const steps: PathStep[] = [];
  let omitted = 0;
  let current = callable;
  for (let origin = origins.get(current); origin !== undefined; origin = origins.get(current)) {
    const { from, edge, depth } = origin;
    if (steps.length === MAX_STEPS - 1) {
      omitted = depth;
      break;
    }
    steps.push({ function: current.name, by: edge.kind, place: places.of(from.file, edge.span) });
    current = from;
  }
  const declared = main.item?.name.span ?? { start: 0, end: 0 };
  steps.push({ function: main.name, by: "main", place: places.of(main.file, declared) });
  return { steps: steps.reverse(), omitted };
}

/** Converts spans to places. */
class Places {
  readonly #lines = new Map<SourceFile, LineTable>();

  of(file: SourceFile, { start }: Span): Place {
    const lines = this.#lines.get(file) ?? lineTable(file.text);
    this.#lines.set(file, lines);
    return { file: file.name, ...positionAt(lines, start) };
  }
}
