/**
 * Finds, before a program runs, what it may do: each capability call, the path of function calls that leads to it, what is known about its
 * arguments, and how often one run may make it.
 *
 *     fn main() -> Unit !{fs.read} { for name in ["a", "b"] { show("notes/" ++ name) } }      fs.read, at most 2 times,
 *     fn show(path: String) -> Unit !{fs.read} { debug(fs.read(path))  () }                   "notes/a" or "notes/b", main → show
 *
 * The steps:
 *
 * 1. Walk `main` (walk.ts), and each function that a walked function may run, until nothing new is learned (reached.ts). A function is walked
 *    once for each combination of arguments. The function with one combination is an *instance*. The number of instances has a limit, so the
 *    work is linear in the program.
 * 2. Find the shortest path from `main` to each function.
 * 3. Count the runs of each function, callers first. For each caller, multiply the runs of the caller by the calls in it, and add the
 *    products. A function that calls itself, directly or through others, may run any number of times.
 * 4. Join the calls that have the same place and the same arguments.
 *
 * The result is an upper bound: a run makes only listed calls, at most as often as listed, and with possible arguments. But a listed call may
 * never happen, so messages about it say "can".
 */
import type { Span } from "../compiler/ast.ts";
import type { CheckedFunctions } from "../compiler/compile.ts";
import { lineTable, type LineTable, positionAt, type SourceFile } from "../compiler/source.ts";
import { type CapabilityDecl, type CapabilityRegistry, signatureFor } from "../vm/capabilities.ts";
import type { Callable } from "../compiler/ir.ts";
import { countRuns } from "./count-runs.ts";
import { Influences, type TextNumbers } from "./influence.ts";
import { type Known, knownConstant } from "./known.ts";
import { type Reached, type ReachedFunction, reachedFrom } from "./reached.ts";
import { secretNames, sentSecrets, type SentSecret } from "./secrets.ts";
import { boundCount, type Edge, type EdgeKind, type FunctionInstance, type CallSite, multiplyCounts } from "./walk.ts";

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
  /** Where the previous function runs this one. For `main`, the place of its declaration. */
  readonly place: Place;
}

/** A path of calls from `main`. If it is long, steps after the first are left out. */
export interface CallPath {
  readonly steps: readonly PathStep[];
  /** Number of steps that are left out after the first. */
  readonly omitted: number;
}

/** A capability call in the source, with what is known about its arguments. If callers pass different arguments, one place has several of these. */
export interface EffectCall {
  readonly capability: CapabilityDecl;
  readonly place: Place;
  /** The shortest path from `main` to the function that makes the call. Undefined if the call is never reached. */
  readonly path: (() => CallPath) | undefined;
  /** A path for each other caller of the function that makes the call, the shortest first. `path` and these are at most `MAX_PATHS`. */
  readonly otherPaths: readonly (() => CallPath)[];
  /** The secrets that a call of net.fetch can send. */
  readonly secrets: readonly SentSecret[];
  /** Returns a key of the code that may influence the arguments. If two programs share `TextNumbers`, equal keys mean equal code. A diff compares them. */
  readonly influence: () => string;
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
  /** Like `EffectCall.influence`, for all code that `main` may run. */
  readonly influenceOfProgram: () => string;
}

/** Limit on the steps of a path. */
const MAX_STEPS = 64;

/** Finds the capability calls of a program, including those that are never reached. Programs that are compared share `numbers`. */
export function findEffects(
  { main, functions }: CheckedFunctions,
  registry: CapabilityRegistry,
  numbers: TextNumbers = new Map(),
): Effects {
  const {
    reached: found,
    instances: [entry],
  } = reachedFrom([main]);
  if (entry === undefined) throw new Error("main has no instance");
  const graph = new Graph(entry, found);
  const influences = new Influences(main, graph.reached, numbers);
  const { reached } = graph;
  const runs = countRuns(entry, reached);
  const calls = new CallList(registry, graph, influences);
  const totals = new Map<string, number>();
  for (const [instance, fn] of reached) {
    calls.add(fn, instance, runs.get(instance) ?? 0);
    for (const [capability, count] of fn.walked.runs) {
      const name = typeof capability === "number" ? registry.byId.get(capability)?.name : undefined;
      if (name !== undefined) totals.set(name, boundCount((totals.get(name) ?? 0) + multiplyCounts(runs.get(instance) ?? 0, count)));
    }
  }
  const reachedCallables = new Set([...reached.values()].map(({ callable }) => callable));
  const others = reachedFrom(functions.filter((f) => !reachedCallables.has(f))).reached;
  for (const fn of others.values()) if (!reachedCallables.has(fn.callable)) calls.add(fn, undefined, 0);
  return { calls: calls.sorted(), totals, influenceOfProgram: () => influences.textForProgram() };
}

/** The calls found so far. Calls with the same place and the same arguments are joined. */
class CallList {
  readonly #registry: CapabilityRegistry;
  readonly #graph: Graph;
  readonly #influences: Influences;
  /** The names of the secrets in the code that `main` may run. */
  readonly #secrets: ReadonlySet<string | undefined>;
  readonly #calls = new Map<string, FoundCall>();

  constructor(registry: CapabilityRegistry, graph: Graph, influences: Influences) {
    this.#registry = registry;
    this.#graph = graph;
    this.#influences = influences;
    this.#secrets = secretNames([...graph.reached.values()].flatMap(({ walked }) => [...walked.placeholders]));
  }

  /** Adds the calls that a function makes. `instance` is undefined if the function is never reached. */
  add({ callable, walked }: ReachedFunction, instance: FunctionInstance | undefined, runs: number): void {
    for (const site of walked.sites) {
      const capability = this.#registry.byId.get(site.capability);
      if (capability === undefined) continue;
      const place = this.#graph.places.placeOf(callable.file, site.span);
      const args = argsOf(capability, site);
      const maker = site.times === 0 ? undefined : instance;
      const key = `${place.file}:${place.line}:${place.column}:${capability.id}:${JSON.stringify(args, (_, value) => keyValue(value))}`;
      const call = this.#calls.get(key) ?? { capability, callable, place, args, times: 0, makers: [] };
      this.#calls.set(key, call);
      if (maker === undefined) continue;
      call.times = boundCount(call.times + multiplyCounts(runs, site.times));
      call.makers.push(maker);
    }
  }

  sorted(): readonly EffectCall[] {
    const reachedAt = new Set([...this.#calls.values()].filter(({ makers }) => makers.length > 0).map(({ place }) => placeKey(place)));
    return [...this.#calls.values()]
      .filter(({ makers, place }) => makers.length > 0 || !reachedAt.has(placeKey(place)))
      .map(({ capability, callable, place, args, times: count, makers }): EffectCall => {
        const [path, ...otherPaths] = this.#graph.pathsTo(makers);
        const inActor = makers.length > 0 && makers.every((maker) => !this.#graph.inMainTask.has(maker));
        const knownOf = (name: string): Known => args.find(({ param }) => param === name)?.known;
        const secrets = capability.name === "net.fetch" ? sentSecrets(knownOf("url"), knownOf("headers"), this.#secrets) : [];
        const influence = (): string => this.#influences.textFor(callable);
        return { capability, place, path, otherPaths, args, secrets, influence, times: count, inActor };
      })
      .sort((a, b) => comparePlaces(a.place, b.place));
  }
}

interface FoundCall {
  readonly capability: CapabilityDecl;
  /** The function in whose body the call is. */
  readonly callable: Callable;
  readonly place: Place;
  readonly args: EffectCall["args"];
  times: number;
  /** The instances that make the call. Empty if the call is never reached. */
  readonly makers: FunctionInstance[];
}

/**
 * Converts parts of what is known about an argument for `JSON.stringify`, so that equal knowledge has equal text. Of a set of functions,
 * only the size is used, because no message names the functions.
 */
function keyValue(value: unknown): unknown {
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return value.size;
  return typeof value === "bigint" ? String(value) : value;
}

const placeKey = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

const comparePlaces = (a: Place, b: Place): number =>
  a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;

function argsOf(capability: CapabilityDecl, { args }: CallSite): EffectCall["args"] {
  const params = capability.internal === true ? [] : (signatureFor(capability, args.length)?.params ?? []);
  return params.map(({ name, default: value }, i) => ({
    param: name,
    known: i < args.length ? knownOrUnreached(args[i]) : value === undefined ? undefined : knownConstant(value),
  }));
}

/** Replaces `never` by "nothing is known". A call with such an argument is never made, so nothing needs to be known. */
const knownOrUnreached = (known: Known): Known => (known?.kind === "never" ? undefined : known);

/** One way in which a function is reached: the last step of a path. */
interface Origin {
  readonly from: FunctionInstance;
  readonly edge: Edge;
  /** The number of steps on the path up to and including this one, without `main`. */
  readonly depth: number;
}

/** Limit on the paths of a call. */
const MAX_PATHS = 16;

/** The functions that `main` reaches, and the paths that lead to them. */
class Graph {
  readonly places = new Places();
  readonly reached: Reached;
  /** The functions that can run in the task of `main`, not only in an actor. */
  readonly inMainTask: ReadonlySet<FunctionInstance>;
  readonly #main: FunctionInstance;
  /** The last step of a shortest path to each function. */
  readonly #origins: ReadonlyMap<FunctionInstance, Origin>;
  /** The ways in which each function is reached: at most `MAX_PATHS + 1`, because `otherPaths` leaves out the shortest path. */
  readonly #callers = new Map<FunctionInstance, Origin[]>();

  constructor(main: FunctionInstance, found: Reached) {
    this.#main = main;
    this.#origins = shortestPaths(main, found);
    this.reached = new Map([...found].filter(([instance]) => instance === main || this.#origins.has(instance)));
    this.inMainTask = withoutSpawns(main, this.reached);
    for (const [from, fn] of this.reached) {
      const depth = (this.#origins.get(from)?.depth ?? 0) + 1;
      for (const [target, edge] of edgesOf(fn)) {
        if (target === main) continue;
        const callers = this.#callers.get(target) ?? [];
        this.#callers.set(target, callers);
        if (callers.length <= MAX_PATHS) callers.push({ from, edge, depth });
      }
    }
  }

  /**
   * Returns a path for each caller of the given functions, but at most `MAX_PATHS`. Each path ends in one of the functions. The shortest
   * paths come first.
   */
  pathsTo(makers: readonly FunctionInstance[]): readonly (() => CallPath)[] {
    const ends = makers.slice(0, MAX_PATHS).flatMap((maker) => {
      const first = this.#origins.get(maker);
      // A recursive call gives no other path from `main` to the function.
      const others = (this.#callers.get(maker) ?? []).filter(
        ({ from, edge }) => from.callable !== maker.callable && (from !== first?.from || edge !== first.edge),
      );
      return [first, ...others].map((origin) => ({ maker, origin }));
    });
    ends.sort((a, b) => (a.origin?.depth ?? 0) - (b.origin?.depth ?? 0));
    return ends.slice(0, MAX_PATHS).map(
      ({ maker, origin }) =>
        () =>
          this.#path(maker, origin),
    );
  }

  #path(maker: FunctionInstance, last: Origin | undefined): CallPath {
    const steps: PathStep[] = [];
    let omitted = 0;
    let current = maker;
    for (let origin = last; origin !== undefined; origin = this.#origins.get(current)) {
      const { from, edge, depth } = origin;
      if (steps.length === MAX_STEPS - 1) {
        omitted = depth;
        break;
      }
      steps.push({ function: current.callable.name, by: edge.kind, place: this.places.placeOf(from.callable.file, edge.span) });
      current = from;
    }
    const main = this.#main.callable;
    const declared = main.item?.name.span ?? { start: 0, end: 0 };
    steps.push({ function: main.name, by: "main", place: this.places.placeOf(main.file, declared) });
    return { steps: steps.reverse(), omitted };
  }
}

const edgesOf = (fn: ReachedFunction | undefined): readonly (readonly [FunctionInstance, Edge])[] => [
  ...(fn?.edges ?? []),
  ...(fn?.walked.spawns ?? []),
];

/** Returns, for each function except `main`, the last step of a shortest path to it. */
function shortestPaths(main: FunctionInstance, reached: Reached): ReadonlyMap<FunctionInstance, Origin> {
  const origins = new Map<FunctionInstance, Origin>();
  const order = [{ instance: main, depth: 0 }];
  // The loop also visits the elements that it appends.
  for (const { instance, depth } of order) {
    for (const [target, edge] of edgesOf(reached.get(instance))) {
      if (target === main || origins.has(target)) continue;
      origins.set(target, { from: instance, edge, depth: depth + 1 });
      order.push({ instance: target, depth: depth + 1 });
    }
  }
  return origins;
}

/** Returns the functions that `main` reaches without spawning an actor. */
function withoutSpawns(main: FunctionInstance, reached: Reached): ReadonlySet<FunctionInstance> {
  const found = new Set([main]);
  // The loop also visits the elements that it adds.
  for (const instance of found) for (const target of reached.get(instance)?.edges.keys() ?? []) found.add(target);
  return found;
}

/** Converts spans to places. */
class Places {
  readonly #lines = new Map<SourceFile, LineTable>();

  placeOf(file: SourceFile, { start }: Span): Place {
    const lines = this.#lines.get(file) ?? lineTable(file.text);
    this.#lines.set(file, lines);
    return { file: file.name, ...positionAt(lines, start) };
  }
}
