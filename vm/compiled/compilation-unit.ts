/**
 * A compilation unit: the function versions that are compiled together into one JavaScript text. It consists of the version
 * for the entry point and the versions that calls reach from there. So a call needs no lookup at run time, and type inference knows the
 * kinds of arguments and results. A function usually has one version. If arguments are function values, it has one for each combination of
 * these. So `list.map(xs, f)` has a version that calls `f` directly.
 */
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { analyzeAppends } from "../bytecode/string-append.ts";
import { type UpdatePath, updatePath } from "../bytecode/update-path.ts";
import { ConstantPool, hasOpcode, Unsupported } from "./body.ts";
import { controlFlowGraph, type Leaves } from "./control-flow-graph.ts";
import { liveLocals } from "./live-locals.ts";
import { inferenceSize } from "./eligible.ts";
import { writeFunction } from "./generate.ts";
import { trackedParams, versionName } from "./instructions.ts";
import { joinKinds, knownFunction, type ValueKind } from "./kinds.ts";
import { DEOPTIMIZED } from "./runtime.ts";
import { enumerationsFrom, enumerationsOf } from "./enumerations.ts";
import { textListsFrom, textListsOf } from "./text-lists.ts";
import { type UniqueLists, uniqueLists } from "./unique-lists.ts";
import { type FrameKinds, type FunctionVersion, type Guesses, inferKinds, SITE, wrongGuesses } from "./type-inference.ts";

const MAX_FUNCTIONS = 300;
/** Limits on the versions of one function, and of all functions. Beyond them, no further version is made for function values. */
const MAX_CLONES = 8;
const MAX_CLONED_FUNCTIONS = 150;
const MAX_INSTRUCTIONS = 30_000;
const MAX_INFERENCE_SIZE = 1_000_000;
const VALUE_CALLS: ReadonlySet<number> = new Set([OPCODES.CallIndirect.tag]);

/** Collects function versions, infers their kinds, and writes their text. The methods throw `Unsupported` if the unit cannot be compiled. */
export class CompilationUnit {
  readonly #program: Program;
  /** Whether each function is pure, by index (see `eligible.ts`). */
  readonly #isPure: (index: number) => boolean;
  /** Returns the guesses of the versions with a key. Versions in other units with the same key have the same guesses. */
  readonly #guessesOf: (key: string) => Guesses;
  /** Returns the number that code throws if a guess at a site is wrong. */
  readonly #wrongGuess: (guesses: Guesses, site: number) => number;
  /** Whether a function may have several versions. */
  readonly #clones: boolean;
  /** Whether the code of a frame executes effects. If not, it leaves the frame before each. */
  readonly #runsEffects: boolean;
  /** The versions that calls run, by function index and function values. The root is one of these if its entry point is instruction 0. */
  readonly #callees = new Map<string, FunctionVersion>();
  /** The number of versions, by function index. */
  readonly #versionCounts = new Map<number, number>();
  readonly #callers = new Map<FunctionVersion, Set<FunctionVersion>>();
  /** The versions whose kinds have to be inferred. `infer` continues with the last one. */
  readonly #queue: FunctionVersion[] = [];
  /** The version for the entry point. */
  #root: FunctionVersion | undefined;
  /** The work that type inference has done so far, as the sum of `inferenceSize` over all its passes. */
  work = 0;
  #instructions = 0;
  #inferenceSize = 0;

  constructor(
    program: Program,
    isPure: (index: number) => boolean,
    guessesOf: (key: string) => Guesses,
    wrongGuess: (guesses: Guesses, site: number) => number,
    clones: boolean,
    runsEffects: boolean,
  ) {
    this.#program = program;
    this.#isPure = isPure;
    this.#guessesOf = guessesOf;
    this.#wrongGuess = wrongGuess;
    this.#clones = clones;
    this.#runsEffects = runsEffects;
  }

  /** The size of all versions, which measures the work that is wasted if the unit cannot be compiled. */
  get size(): number {
    return this.#instructions + this.#inferenceSize;
  }

  /**
   * Collects the versions that the entry point needs and infers their kinds until no kind changes. Returns the root. Unless the function is
   * pure, `leaves` are its leaves.
   */
  infer(fn: VerifiedFunction, start: number, entry: FrameKinds, leaves: Leaves | undefined): FunctionVersion {
    const key = this.#keyOf(fn.index, entry.locals.slice(0, fn.def.arity));
    const root = this.#newVersion(key, fn, start, entry, leaves);
    this.#root = root;
    if (!root.isFrame) this.#callees.set(key, root);
    this.#enqueue(root);
    const { constants, types } = this.#program.module;
    for (let version = this.#queue.pop(); version !== undefined; version = this.#queue.pop()) {
      const caller = version;
      const resultBefore = version.result;
      this.work += inferenceSize(version.fn);
      inferKinds(version, {
        constants,
        types,
        updatePath: (constant) => updatePath(this.#program.module, constant),
        call: (pc, index, args) => this.#inferCall(caller, pc, index, args),
        callValue: (pc, callee, args) => this.#inferValueCall(caller, pc, callee, args),
      });
      if (version.result !== resultBefore) for (const other of this.#callers.get(version) ?? []) this.#enqueue(other);
    }
    return root;
  }

  /** Adds a version as the last one of the queue, so that callees are inferred before their callers. */
  #enqueue(version: FunctionVersion): void {
    if (!this.#queue.includes(version)) this.#queue.push(version);
  }

  #newVersion(key: string, fn: VerifiedFunction, start: number, entry: FrameKinds, leaves?: Leaves): FunctionVersion {
    this.#instructions += fn.def.code.length;
    this.#inferenceSize += inferenceSize(fn);
    if (this.#instructions > MAX_INSTRUCTIONS || this.#inferenceSize > MAX_INFERENCE_SIZE)
      throw new Unsupported("too much to compile at once");
    const graph = controlFlowGraph(fn, start, leaves, this.#runsEffects);
    if (graph === undefined) throw new Unsupported("a loop with several entries");
    const number = this.#versionCounts.get(fn.index) ?? 0;
    this.#versionCounts.set(fn.index, number + 1);
    const guesses = this.#guessesOf(key);
    const live = liveLocals(fn, graph);
    // In a version with leaves, the interpreter takes over at each leaf, and it needs the tuples of an enumerated list.
    const enumerations = enumerationsFrom(leaves === undefined ? enumerationsOf(this.#program, fn) : [], live[0]);
    const isWrong = (pc: number): boolean => wrongGuesses({ guesses }, pc, SITE.operands) > 0;
    const textLists = textListsFrom(leaves === undefined ? textListsOf(this.#program, fn) : [], live[0], enumerations, isWrong);
    const calls = new Map<number, FunctionVersion>();
    const inferred = { result: "never", blocks: [], storedLists: new Set<number>() } satisfies Partial<FunctionVersion>;
    const frame = { isFrame: start > 0 || leaves !== undefined, leaves: leaves !== undefined };
    const lists = (): UniqueLists => uniqueLists(this.#program, fn, frame.isFrame);
    const { types } = this.#program.module;
    return {
      fn,
      types,
      start,
      ...frame,
      number,
      graph,
      live,
      guesses,
      uniqueLists: lists,
      enumerations,
      textLists,
      calls,
      entry,
      ...inferred,
    };
  }

  /** Returns the key of the version for these arguments in `#callees`. */
  #keyOf(index: number, args: readonly ValueKind[]): string {
    if (!this.#clones || this.#callees.size > MAX_CLONED_FUNCTIONS) return String(index);
    const functions = args.flatMap((kind, i) => {
      const known = knownFunction(kind);
      return known === undefined ? [] : [`${i}:${known.index}`];
    });
    const key = [index, ...functions].join(" ");
    return this.#callees.has(key) || (this.#versionCounts.get(index) ?? 0) < MAX_CLONES ? key : String(index);
  }

  /** Does the same as `#inferCall` for a function value. If its function is unknown, the result is of kind `any`. */
  #inferValueCall(caller: FunctionVersion, pc: number, callee: ValueKind, args: readonly ValueKind[]): ValueKind {
    const known = wrongGuesses(caller, pc, SITE.operands) === 0 ? knownFunction(callee) : undefined;
    caller.calls.delete(pc);
    const fn = known === undefined ? undefined : this.#program.functions[known.index];
    if (known === undefined || fn?.def.arity !== known.captured.length + args.length || !this.#isPure(fn.index)) return "any";
    return this.#inferCall(caller, pc, fn.index, [...known.captured, ...args]);
  }

  #inferCall(caller: FunctionVersion, pc: number, index: number, args: readonly ValueKind[]): ValueKind {
    const fn = this.#program.functions[index];
    if (fn === undefined) throw new Unsupported("a call to an unknown function");
    const { arity, locals } = fn.def;
    const key = this.#keyOf(index, args);
    const existingVersion = this.#callees.get(key);
    const version =
      existingVersion ??
      this.#newVersion(key, fn, 0, {
        locals: Array.from({ length: locals }, (_, i): ValueKind => (i < arity ? "never" : "any")),
        stack: [],
      });
    this.#callees.set(key, version);
    caller.calls.set(pc, version);
    if (this.#callees.size > MAX_FUNCTIONS) throw new Unsupported("too many functions");
    const callers = this.#callers.get(version) ?? new Set();
    this.#callers.set(version, callers.add(caller));
    const { entry } = version;
    let hasChanged = existingVersion === undefined;
    for (let i = 0; i < arity; i++) {
      const joinedKind = joinKinds(entry.locals[i] ?? "any", args[i] ?? "any");
      if (joinedKind === entry.locals[i]) continue;
      entry.locals[i] = joinedKind;
      hasChanged = true;
    }
    if (hasChanged) this.#enqueue(version);
    return version.result;
  }

  /** Returns the text of the unit, and the pool of the values that the text refers to. */
  write(root: FunctionVersion): { readonly source: string; readonly pool: ConstantPool } {
    const pool = new ConstantPool();
    const scope = {
      pool,
      constants: this.#program.module.constants,
      types: this.#program.module.types,
      wrongGuess: this.#wrongGuess,
      updatePath: (constant: number): UpdatePath | undefined => updatePath(this.#program.module, constant),
    };
    const functions = this.#versions().map((version) => writeFunction(version, scope));
    return { source: `${functions.join("\n")}\n${entryText(root)}`, pool };
  }

  /** Returns the root and the versions that its calls reach. */
  #versions(): readonly FunctionVersion[] {
    const reached = new Set(this.#root === undefined ? [] : [this.#root]);
    for (const version of reached) for (const callee of version.calls.values()) reached.add(callee);
    return [...reached];
  }

  /** Returns the ids of the guesses of all versions. */
  guesses(): ReadonlySet<number> {
    return new Set(this.#versions().map(({ guesses }) => guesses.id));
  }

  /** Returns the number of stack slots of the largest frame in the unit. */
  frameSlots(): number {
    return Math.max(1, ...this.#versions().map(({ fn }) => slotsOf(fn)));
  }

  /** Returns whether the unit calls function values. Such a call may run a function that is not in the unit. */
  callsValues(): boolean {
    return this.#versions().some(({ fn }) => hasOpcode(fn, VALUE_CALLS));
  }
}

/** Returns the number of stack slots of a function's frame in the interpreter: locals and the highest operand stack. */
export const slotsOf = ({ def, maxStack }: VerifiedFunction): number => def.locals + maxStack;

/** The results of `typeof` for the kinds that a value is checked for, as JavaScript literals. */
const TYPE_NAMES: Readonly<Partial<Record<ValueKind, string>>> = { safeInt: '"number"', string: '"string"', bool: '"boolean"' };

/**
 * Returns the last statement of the unit's text, which returns the unit's two entry functions:
 *   - `run` reads its values from the frame, or from the array of the arguments. It returns `undefined` if a value is not of its expected kind
 *   - `target` accepts values of any kind, for calls of function values. It is only used if the unit was compiled for kind `any`
 */
function entryText(root: FunctionVersion): string {
  const { fn, isFrame, entry, result, live } = root;
  const { arity, locals } = fn.def;
  const kinds = isFrame ? [...entry.locals, ...entry.stack] : entry.locals.slice(0, arity);
  const names = kinds.map((_, i) => `arg${i}`);
  const lines = kinds.map((kind, i) => {
    // A local that is dead at the start is never read.
    if (i < locals && live[0]?.[i] !== 1) return `const arg${i} = UNIT;`;
    return isFrame ? slotText(i, kind) : argumentText(i, kind);
  });
  /** For each append target, whether its String is pending. */
  const flags = isFrame ? analyzeAppends(fn).targets.map((i) => `isPending(slots, numbers, base + ${i})`) : [];
  const unique = trackedParams(root).map(() => "0");
  const call = `${versionName(root)}(${["meter", "depth", ...names, ...unique, ...flags].join(", ")})`;
  const params = names.slice(0, arity).map((name) => `${name} = UNIT`);
  const value = result === "float" ? `boxFloat(${call})` : call;
  return [
    `return { run: function (meter, depth, values) {`,
    ...(isFrame ? ["const { stack: slots, numbers } = meter.frame, base = meter.frameBase;"] : []),
    ...(isFrame ? [] : [`if (depth > meter.maxDepth) throw ${DEOPTIMIZED};`]),
    ...lines,
    `return ${value};`,
    `}, target: ${isFrame ? "undefined" : `function (${["meter", "depth", ...params].join(", ")}) { return ${value}; }`} };`,
  ].join("\n");
}

/** Returns the text that reads an argument of a call. */
function argumentText(i: number, kind: ValueKind): string {
  const value = `${i} < values.length ? values[${i}] : UNIT`;
  if (kind === "float") return `let arg${i} = ${value}; if (!(arg${i} instanceof FloatValue)) return undefined; arg${i} = arg${i}.value;`;
  const type = TYPE_NAMES[kind];
  return `const arg${i} = ${value};${type === undefined ? "" : ` if (typeof arg${i} !== ${type}) return undefined;`}`;
}

/** Returns the text that reads a slot of a frame. */
function slotText(i: number, kind: ValueKind): string {
  const slot = `slots[base + ${i}]`;
  switch (kind) {
    case "safeInt":
      // See `slotValue` in `interpreter/stack-slots.ts`.
      return `if (${slot} !== undefined) return undefined; let arg${i} = numbers[base + ${i}]; if ((arg${i} | 0) === arg${i}) arg${i} |= 0;`;
    case "float":
      return `let arg${i} = ${slot}; if (arg${i} === null) arg${i} = numbers[base + ${i}]; else if (arg${i} instanceof FloatValue) arg${i} = arg${i}.value; else return undefined;`;
    case "string":
    case "bool":
      return `const arg${i} = ${slot}; if (typeof arg${i} !== ${TYPE_NAMES[kind]}) return undefined;`;
    default:
      return `const arg${i} = slotValue(slots, numbers, base + ${i});`;
  }
}
