/**
 * The compiled engine. It runs functions that are hot and pure as JavaScript.
 *
 * This engine never replaces the interpreter. The interpreter owns the run, with its frames, effects and traps. At three
 * points the interpreter offers work to this engine. The engine either returns the result that the interpreter would have computed,
 * with the same steps and allocation, or it returns undefined. Then the engine has had no effect, and the interpreter does the work.
 *
 * ## What is compiled
 *
 * A function is compiled only if it has no side effect and its direct calls only reach such functions (`eligible.ts`). So
 * nothing that compiled code does is visible before it returns. The engine can discard the work at any point, and the
 * interpreter can run the same call again. The whole engine depends on this property.
 *
 * ## When it is compiled
 *
 * Each function has a heat. Its calls and backward jumps add the number of instructions that they cover. If the heat is above
 * `HOT_STEPS`, the next entry compiles the function. With the engine choice `compiled` that threshold is 0.
 *
 * ## How compiled code is entered
 *
 *   - `enterCall`: the interpreter is about to make a call. Compiled code makes that call without a frame on the actor's stack
 *   - `enterLoop`: a frame of the interpreter jumps backward. Compiled code runs the rest of that frame, from the loop header
 *     on. The locals and operands of the frame become parameters
 *   - `enterFrame`: the interpreter is about to execute the first instruction of a frame, such as the first frame of an actor.
 *     This entry is only used with the choice `compiled`
 *
 * ## How it is compiled
 *
 * The compiler works on a compilation unit (`compilation-unit.ts`). It consists of a version of the function for the entry
 * point, and the versions of the functions that calls reach from there.
 *   1. `controlFlowGraph` finds the basic blocks, dominators and loops of each function
 *   2. `inferKinds` finds the kinds of all values, starting from the kinds of the values at the entry
 *   3. `writeFunction` writes each version as JavaScript text (`generate.ts`, `instructions.ts`, `body.ts`)
 *   4. `codeFromText` turns the text into code. That code calls the functions of `runtime.ts`
 * If a later entry has values of other kinds, another version is compiled. Version number `MAX_VERSIONS` accepts any kind.
 *
 * ## How it charges
 *
 * Compiled code counts steps, and bytes of values of fixed size, in two local variables. A function adds these counts to the
 * meter when it returns (a small one without loops needs no variables for that), and a loop adds them every 1,000 steps. So the meter may exceed a limit before compiled code
 * notices. Then the work is discarded, and the interpreter runs the call again and stops exactly at the limit. Every
 * `CHECK_STEPS` steps, compiled code polls the host. After `PAUSE_STEPS` steps or `PAUSE_BYTES` bytes, a loop entered by
 * `enterLoop` saves its locals and operands in the meter and returns `PAUSED`, so that the host's event loop gets a turn.
 *
 * ## How it gives up
 *
 * Compiled code gives up by throwing a number. The engine then sets the meter back to its state at the entry. There are two causes:
 *   - 0: a trap, a limit, or an operation that has no compiled form. The interpreter runs the call to its end, including
 *     all calls inside it (`actor.interpretFromDepth`), and reports a trap with its exact step and stack. If the engine were
 *     tried again for the calls inside, a deep recursion that ends in a trap could discard work at each level
 *   - A higher number: compiled code guessed the kind of a value, and the guess is wrong (`type-inference.ts`). The engine drops all
 *     code that contains the function, and compiles it again with another guess at this site. Then it tries the entry again. After too
 *     many wrong guesses, nothing is guessed
 *
 * ## An example
 *
 * The interpreter calls `sum` of this program with a safe Int as its argument:
 *
 *   fn square(x: Int) -> Int { x * x }
 *   fn sum(n: Int) -> Int {
 *       let mut total = 0
 *       let mut i = 0
 *       while i < n {
 *           total = total + square(i)
 *           i = i + 1
 *       }
 *       total
 *   }
 *
 * The unit has two function versions. All kinds are `safeInt`, so the text has no type checks, only range checks. Around each
 * range check there is a test `(stack0 | 0) !== stack0`, because V8 compares faster with a small integer. These tests are omitted
 * below. `generate.ts` explains the names. V8 inlines a function into its callers only if it and they are small in V8's bytecode, so the
 * text is chosen for few bytes.
 *
 *   function f1_0_0(meter, depth, local0) {
 *     var local1, local2, stack0, stack1, temp, steps = 0;
 *     if (depth >= meter.maxDepth) throw 0;                    // checks the depth of `square`, too
 *     if (meter.steps > meter.checkAt) checkLimits(meter);
 *     local0 = +local0;
 *     steps += 4;                                              // the block before the loop has 4 instructions
 *     local1 = 0;
 *     local2 = 0;
 *     loop1: for (;;) {
 *       if (steps > 1000) { meter.steps += steps; steps = 0; if (meter.steps > meter.checkAt) checkLimits(meter); … }
 *       steps += 4;
 *       if ((local2 < local0)) {
 *         steps += 10;
 *         stack1 = +f0_0_0(meter, depth + 1, local2);            // square(i)
 *         stack0 = local1 + stack1;                            // total + …
 *         if (stack0 > 9007199254740991 || stack0 < -9007199254740991) throw 1;
 *         local1 = stack0;
 *         stack0 = local2 + 1;
 *         if (stack0 > 9007199254740991) throw 2;
 *         local2 = stack0;
 *         continue loop1;
 *       } else {
 *         steps += 2;
 *         meter.steps += steps;
 *         return local1;
 *       }
 *     }
 *   }
 *   function f0_0_0(meter, depth, local0) {
 *     var stack0, temp;
 *     stack0 = local0 * local0 + 0;                            // + 0: an Int is never -0
 *     if (stack0 > 9007199254740991 || stack0 < -9007199254740991) throw 3;
 *     meter.steps += 4;
 *     return stack0;
 *   }
 *   return { run: function (meter, depth, values) {
 *     if (depth > meter.maxDepth) throw 0;
 *     const arg0 = 0 < values.length ? values[0] : UNIT; if (typeof arg0 !== "number") return undefined;
 *     return f1_0_0(meter, depth, arg0);
 *   }, … };
 */
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { analyzeOwnership } from "../bytecode/ownership.ts";
import { analyzeAppends } from "../bytecode/string-append.ts";
import type { Actor } from "../interpreter/actor.ts";
import { Changes } from "../interpreter/ownership.ts";
import { HostTrap, poll, type Run } from "../interpreter/host-calls.ts";
import { PENDING_MARK, setSlot, slotValues } from "../interpreter/stack-slots.ts";
import { memoizeInObject } from "../lazy.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import type { Meter } from "../meter.ts";
import { ClosureValue, FnRefValue, UNIT, UnitValue, type Value } from "../value/value.ts";
import { Unsupported } from "./body.ts";
import { CompilationUnit, slotsOf } from "./compilation-unit.ts";
import { compilableFunctions } from "./eligible.ts";
import { canGenerate, codeFromText } from "./eval.ts";
import { deoptimize, DEOPTIMIZED, type IndirectTarget, PAUSED, runtimeOf, WrongGuesses } from "./runtime.ts";
import { kindOf, type ValueKind } from "./kinds.ts";
import type { FrameKinds, Guesses } from "./type-inference.ts";

/** `auto` compiles hot functions. `compiled` compiles every function that can be compiled before its first call. */
export type EngineChoice = "auto" | "interpreter" | "compiled";

/** The heat above which a function is compiled. */
const HOT_STEPS = 50_000;
/** The number of steps between two polls of the host. */
const CHECK_STEPS = 100_000;
/** The number of steps, and of bytes, after which a loop pauses, so that the host's event loop gets a turn. Steps that allocate take longer. */
const PAUSE_STEPS = 1_000_000;
const PAUSE_BYTES = 4 * 1024 * 1024;
/** The limit on characters of generated text for one program. Above it, no more code is compiled. */
const MAX_GENERATED_CHARACTERS = 6_000_000;
/** The limit on `counts.wasted`. Above it, no more code is compiled. */
const MAX_WASTED_SIZE = 20_000_000;
/** Code whose work is discarded at least this often, and in most runs, is not entered again. */
const MANY_DEOPTS = 20;
/** The limit on the entry points of a function that are compiled for certain function values. */
const MAX_ENTRIES = 16;
/** From this version of an entry point on, its code accepts values of any kind. After twice as many, the entry point is never compiled again. */
const MAX_VERSIONS = 4;
/** After this many wrong guesses, or if they discarded this many steps, the program is compiled without guesses. */
const MAX_WRONG_GUESSES = 80;
const MAX_DISCARDED_STEPS = 8_000_000;
/** After a few wrong guesses, the program is compiled without guesses once compiling has done this much work. */
const FEW_WRONG_GUESSES = 8;
const MAX_GUESSING_WORK = 4_000_000;

/**
 * Runs compiled code. For a whole call, `values` are the arguments. For a loop, they are the locals, then the operands, then
 * one number for each append target: 1 if its String is pending, otherwise 0. Returns undefined, before it does any work, if
 * a value does not have the kind that the code was compiled for.
 */
type EntryFunction = (meter: Meter, depth: number, values: readonly Value[]) => Value | typeof PAUSED | undefined;

/** A compilation unit that has become code. */
interface CompiledCode {
  readonly run: EntryFunction;
  /** The entry for calls of function values. Undefined if the code begins at a loop. */
  readonly target: IndirectTarget | undefined;
  /** The ids of the guesses of its versions. */
  readonly guesses: ReadonlySet<number>;
  /** The number of stack slots of the largest frame that the code can enter. */
  readonly frameSlots: number;
}

/** The compiled code of one entry point. */
interface Entry {
  /** `never`: the interpreter always runs this entry point. Undefined: the code has yet to be compiled. */
  code: CompiledCode | "never" | undefined;
  /** The number of versions compiled so far. */
  versions: number;
  /** How often the code ran, and how often its work was discarded. */
  runs: number;
  deoptimized: number;
  /** Whether the code is compiled for the function values among the parameters. */
  readonly knowsFunctions: boolean;
}

/** What the engine knows about one function that can be compiled. */
class FunctionProfile {
  readonly fn: VerifiedFunction;
  /**
   * The entry points, by pc: 0 for a whole call, otherwise that of the loop header. If parameters are function values, there is an entry point
   * for each combination of these, up to `MAX_ENTRIES`; its key is text.
   */
  readonly entries = new Map<number | string, Entry>();
  constructor(fn: VerifiedFunction) {
    this.fn = fn;
  }
}

/** The state of the interpreter when compiled code is entered. */
interface EntryState {
  /** The index on the actor's stack of the first value that is passed to compiled code. `count` is the number of these values. */
  readonly base: number;
  readonly count: number;
  /** The call depth of the frame that compiled code replaces. */
  readonly depth: number;
  /** The step that compiled code may not exceed: the step limit of the run or, if slices are exact and it is earlier, the end of the slice. */
  readonly stopStep: number;
  readonly mayPause: boolean;
}

/** The compiled code of one program. All runs of the program share it. */
export class Engine {
  static readonly #eager = memoizeInObject((program: Program) => new Engine(program, 0));
  static readonly #lazy = memoizeInObject((program: Program) => new Engine(program, HOT_STEPS));
  readonly hotSteps: number;
  readonly #program: Program;
  readonly #guesses: { readonly id: number; readonly wrong: Map<number, number> }[] = [];
  readonly #guessesByKey = new Map<string, { readonly id: number; readonly wrong: Map<number, number> }>();
  readonly #numberedGuesses = new WrongGuesses();
  #wrongGuesses = 0;
  #discardedSteps = 0;
  /** The number of instructions that the calls and backward jumps of each function have covered. It approximates the steps spent in it. */
  readonly #heat: Float64Array;
  /** The profiles, by function index, from the time on when the first function is hot. */
  #profiles: readonly (FunctionProfile | undefined)[] | undefined;
  /** The code for calls of function values, by function index. Null for a function that cannot be compiled. */
  readonly #indirectTargets: (IndirectTarget | null | undefined)[] = [];
  #runtime: Readonly<Record<string, unknown>> | undefined;
  #frameSlots: number | undefined;
  #generatedCharacters = 0;
  /**
   * Counts for tests. `work` is the size of the functions that type inference visited, plus the characters generated.
   * `wasted` is the size of the compilation units that could not be compiled.
   */
  readonly counts = { entered: 0, deoptimized: 0, compiled: 0, work: 0, wasted: 0 };

  private constructor(program: Program, hotSteps: number) {
    this.#program = program;
    this.hotSteps = hotSteps;
    this.#heat = new Float64Array(program.functions.length);
  }

  /** Returns the engine of a program; undefined if the choice is `interpreter` or code from text is not allowed. */
  static for(program: Program, choice: EngineChoice): Engine | undefined {
    if (choice === "interpreter" || !canGenerate()) return undefined;
    return choice === "compiled" ? Engine.#eager(program) : Engine.#lazy(program);
  }

  /**
   * Makes a call that the interpreter was about to make. The call has `count` arguments on the stack from `base` on, and its
   * frame would have the call depth `depth`. Returns the result, or undefined if the interpreter has to make the call.
   */
  enterCall(
    run: Run,
    actor: Actor,
    callee: VerifiedFunction,
    base: number,
    count: number,
    depth: number,
    stopStep: number,
  ): Value | undefined {
    if (depth >= actor.interpretFromDepth || reportsFlow(run, callee)) return undefined;
    const profile = this.#heatUp(callee, callee.def.code.length);
    if (profile === undefined) return undefined;
    const value = this.#run(run, actor, profile, 0, { base, count, depth, stopStep, mayPause: false });
    return value === PAUSED ? undefined : value;
  }

  /** Runs the innermost frame, which is before its first instruction. Returns whether the frame has ended. Does nothing for `auto`. */
  enterFrame(run: Run, actor: Actor, fn: VerifiedFunction, stopStep: number): boolean {
    const { depth } = actor;
    if (this.hotSteps > 0 || depth >= actor.interpretFromDepth || reportsFlow(run, fn)) return false;
    const profile = this.#profileOf(fn.index);
    if (profile === undefined) return false;
    const base = actor.frameBase[depth - 1] ?? 0;
    if (!isFresh(actor, fn, base)) return false;
    const value = this.#run(run, actor, profile, 0, { base, count: fn.def.arity, depth, stopStep, mayPause: false });
    if (value === undefined || value === PAUSED) return false;
    endFrame(actor, base, value);
    return true;
  }

  /**
   * Runs the innermost frame, which is about to jump back over `span` instructions to `pc`. Returns "ended" if the frame has
   * ended, and "paused" if it is at `pc` again and pauses there. Returns undefined if the interpreter has to run the frame.
   */
  enterLoop(run: Run, actor: Actor, fn: VerifiedFunction, pc: number, span: number, stopStep: number): "ended" | "paused" | undefined {
    const { depth } = actor;
    // The code from instruction 0 on is that of a call, which never pauses.
    if (pc === 0 || depth >= actor.interpretFromDepth || reportsFlow(run, fn)) return undefined;
    const profile = this.#heatUp(fn, span);
    if (profile === undefined) return undefined;
    const base = actor.frameBase[depth - 1] ?? 0;
    const value = this.#run(run, actor, profile, pc, { base, count: actor.sp - base, depth, stopStep, mayPause: !run.exactSlices });
    if (value === undefined) return undefined;
    if (value !== PAUSED) {
      endFrame(actor, base, value);
      return "ended";
    }
    const { pausedLoop } = run.meter;
    const { targets } = analyzeAppends(fn);
    const count = pausedLoop.length - targets.length;
    for (let i = 0; i < count; i++) setSlot(actor.stack, actor.numbers, base + i, pausedLoop[i] ?? UNIT);
    for (const [i, local] of targets.entries())
      if (typeof actor.stack[base + local] === "string") actor.numbers[base + local] = pausedLoop[count + i] === 1 ? PENDING_MARK : 0;
    actor.sp = base + count;
    return "paused";
  }

  /** Adds to the heat of a function. Returns its profile if it is hot and can be compiled. */
  #heatUp({ index }: VerifiedFunction, instructions: number): FunctionProfile | undefined {
    const heat = (this.#heat[index] ?? 0) + instructions;
    this.#heat[index] = heat;
    return heat <= this.hotSteps ? undefined : this.#profileOf(index);
  }

  /** Returns the profile of a function; undefined if it is never compiled. */
  #profileOf(index: number): FunctionProfile | undefined {
    this.#profiles ??= profilesOf(this.#program);
    return this.#profiles[index];
  }

  /** Runs compiled code from `pc` on. If the interpreter has to do the work, leaves the meter unchanged and returns undefined. */
  #run(run: Run, actor: Actor, profile: FunctionProfile, pc: number, entryState: EntryState): Value | typeof PAUSED | undefined {
    if (profile.entries.get(pc)?.code === "never") return undefined;
    const values = slotValues(actor, entryState.base, entryState.count);
    const entry = entryOf(profile, pc, values);
    const code = this.#codeFor(profile, pc, entry, values);
    if (code === undefined) return undefined;
    if (pc > 0) values.push(...pendingFlags(actor, profile.fn, entryState.base));
    const changes = pc === 0 ? undefined : new Changes([...analyzeOwnership(profile.fn).targets].map((local) => values[local]));
    const { meter } = run;
    const { steps, allocBytes } = meter;
    this.#setLimits(run, code, entryState);
    this.counts.entered += 1;
    entry.runs += 1;
    try {
      const value = code.run(meter, entryState.depth, values);
      if (value === undefined) {
        changes?.undo();
        entry.code = undefined;
        return this.#run(run, actor, profile, pc, entryState);
      }
      if (meter.steps <= entryState.stopStep && meter.allocBytes <= meter.maxAllocBytes) {
        changes?.keep();
        return value;
      }
      changes?.undo();
    } catch (error) {
      changes?.undo();
      if (error instanceof HostTrap) throw error;
      const wrongGuess = this.#numberedGuesses.at(error);
      if (wrongGuess !== undefined) {
        this.#recordWrongGuess(wrongGuess.guesses, wrongGuess.site, meter.steps - steps);
        meter.steps = steps;
        meter.allocBytes = allocBytes;
        return this.#run(run, actor, profile, pc, entryState);
      }
      // The cause is a trap, an overflow of V8's stack, or an operation on values of the wrong kind. The interpreter finds out which.
      if (error !== DEOPTIMIZED && !(error instanceof Error)) throw error;
    }
    meter.steps = steps;
    meter.allocBytes = allocBytes;
    this.counts.deoptimized += 1;
    entry.deoptimized += 1;
    // Perhaps the code reaches an operation without a compiled form every time.
    if (entry.deoptimized >= MANY_DEOPTS && entry.deoptimized > entry.runs / 2) entry.code = "never";
    // Until this call has ended, no compiled code runs. So the work discarded is never more than the work that the interpreter then does.
    actor.interpretFromDepth = entryState.depth;
    return undefined;
  }

  /** Sets the limits at which compiled code stops, polls or pauses. */
  #setLimits(run: Run, code: CompiledCode, { depth, base, stopStep, mayPause }: EntryState): void {
    const { meter } = run;
    const pauseAt = mayPause ? meter.steps + PAUSE_STEPS : Number.POSITIVE_INFINITY;
    const pauseAtBytes = mayPause ? meter.allocBytes + PAUSE_BYTES : Number.POSITIVE_INFINITY;
    // The number of frames that the actor's stack has room for.
    const maxFrames = Math.floor((MACHINE_LIMITS.stackSlots - base) / code.frameSlots);
    meter.maxDepth = Math.min(run.limits.max_call_depth, depth + maxFrames - 1);
    meter.checkAt = Math.min(stopStep, meter.steps + CHECK_STEPS);
    meter.onCheckPassed = () => {
      if (meter.steps > stopStep || meter.allocBytes > meter.maxAllocBytes) return undefined;
      poll(run);
      meter.checkAt = Math.min(stopStep, meter.steps + CHECK_STEPS);
      return meter.steps >= pauseAt || meter.allocBytes >= pauseAtBytes;
    };
  }

  /** Returns the code for an entry point. If the entry point has no code yet, compiles the function for the kinds of `values`. */
  #codeFor(profile: FunctionProfile, pc: number, entry: Entry, values: readonly Value[]): CompiledCode | undefined {
    if (entry.code !== undefined) return entry.code === "never" ? undefined : entry.code;
    entry.versions += 1;
    const { arity, locals } = profile.fn.def;
    const { types } = this.#program.module;
    const kindAt = (i: number): ValueKind => {
      const value = values[i];
      if (entry.versions >= MAX_VERSIONS || value === undefined || (!entry.knowsFunctions && isFunction(value))) return "any";
      return kindOf(value, types);
    };
    const valuedLocals = pc === 0 ? arity : locals;
    const kinds: FrameKinds = {
      locals: Array.from({ length: locals }, (_, i) => (i < valuedLocals ? kindAt(i) : "any")),
      stack: Array.from({ length: pc === 0 ? 0 : values.length - locals }, (_, i) => kindAt(locals + i)),
    };
    const code = entry.versions > 2 * MAX_VERSIONS ? undefined : this.#compile(profile.fn, pc, kinds);
    entry.code = code ?? "never";
    return code;
  }

  /** Drops all code that contains the version. It will be compiled again, with another guess at the site. */
  #recordWrongGuess(id: number, site: number, discardedSteps: number): void {
    const wrong = this.#guesses[id]?.wrong;
    wrong?.set(site, (wrong.get(site) ?? 0) + 1);
    this.#wrongGuesses += 1;
    this.#discardedSteps += discardedSteps;
    this.#profiles?.forEach((profile, index) => {
      for (const entry of profile?.entries.values() ?? []) {
        if (entry.code === undefined || entry.code === "never" || !entry.code.guesses.has(id)) continue;
        entry.code = undefined;
        entry.versions -= 1;
      }
      if (profile !== undefined) this.#indirectTargets[index] = undefined;
    });
  }

  /** Returns the guesses of the versions with this key (see `CompilationUnit`). */
  #guessesOf(key: string): Guesses {
    const withoutGuesses =
      this.#wrongGuesses > MAX_WRONG_GUESSES ||
      this.#discardedSteps > MAX_DISCARDED_STEPS ||
      (this.#wrongGuesses > FEW_WRONG_GUESSES && this.counts.work > MAX_GUESSING_WORK);
    let guesses = this.#guessesByKey.get(key);
    if (guesses === undefined) {
      guesses = { id: this.#guesses.length, wrong: new Map() };
      this.#guesses.push(guesses);
      this.#guessesByKey.set(key, guesses);
    }
    return withoutGuesses ? { ...guesses, wrong: undefined } : guesses;
  }

  /** Compiles a function for calls of function values. Gives up if that is not possible. */
  #indirectTarget(index: number): IndirectTarget {
    const profile = this.#profileOf(index);
    if (profile === undefined || this.#indirectTargets[index] === null) return deoptimize();
    const { locals } = profile.fn.def;
    const code = this.#compile(profile.fn, 0, { locals: Array.from({ length: locals }, (): ValueKind => "any"), stack: [] });
    const target = code?.target;
    this.#indirectTargets[index] = target ?? null;
    return target ?? deoptimize();
  }

  /** Returns the number of stack slots of the largest frame that a call of a function value can enter. */
  #largestFrame(): number {
    this.#frameSlots ??= (this.#profiles ?? []).reduce(
      (largest, profile) => (profile === undefined ? largest : Math.max(largest, slotsOf(profile.fn))),
      1,
    );
    return this.#frameSlots;
  }

  /** Compiles with several versions of a function for its function values. If that is too much, compiles with one. */
  #compile(fn: VerifiedFunction, pc: number, entry: FrameKinds): CompiledCode | undefined {
    const copy = (): FrameKinds => ({ locals: entry.locals.slice(), stack: entry.stack.slice() });
    return this.#compileUnit(fn, pc, copy(), true) ?? this.#compileUnit(fn, pc, copy(), false);
  }

  #compileUnit(fn: VerifiedFunction, pc: number, entry: FrameKinds, clones: boolean): CompiledCode | undefined {
    if (this.#generatedCharacters > MAX_GENERATED_CHARACTERS || this.counts.wasted > MAX_WASTED_SIZE) return undefined;
    const unit = new CompilationUnit(
      this.#program,
      (index) => this.#profileOf(index) !== undefined,
      (key) => this.#guessesOf(key),
      (guesses, site) => this.#numberedGuesses.numberOf(guesses.id, site),
      clones,
    );
    try {
      const root = unit.infer(fn, pc, entry);
      this.counts.work += unit.work;
      const { source, pool } = unit.write(root);
      this.#generatedCharacters += source.length;
      this.counts.work += source.length;
      this.counts.compiled += 1;
      this.#runtime ??= runtimeOf((index) => this.#indirectTargets[index] ?? this.#indirectTarget(index));
      const names = [...Object.keys(this.#runtime), ...pool.names];
      const compiledUnit = codeFromText(`"use strict";\n${source}`, names, [...Object.values(this.#runtime), ...pool.values]);
      if (!isCompiledUnit(compiledUnit)) return undefined;
      return {
        run: compiledUnit.run,
        target: pc === 0 ? compiledUnit.target : undefined,
        guesses: unit.guesses(),
        frameSlots: unit.callsValues() ? this.#largestFrame() : unit.frameSlots(),
      };
    } catch (error) {
      if (!(error instanceof Unsupported || error instanceof SyntaxError || error instanceof RangeError)) throw error;
      this.counts.wasted += unit.size;
      return undefined;
    }
  }
}

const isFunction = (value: Value | undefined): value is FnRefValue | ClosureValue =>
  value instanceof FnRefValue || value instanceof ClosureValue;

/** Returns the entry point at a pc for these values. */
function entryOf({ fn, entries }: FunctionProfile, pc: number, values: readonly Value[]): Entry {
  let key: number | string = pc;
  for (let i = 0; i < fn.def.arity; i++) {
    const value = values[i];
    if (isFunction(value)) key = `${key} ${i}:${value.index}`;
  }
  if (typeof key === "string" && entries.size >= MAX_ENTRIES && !entries.has(key)) key = pc;
  const existingEntry = entries.get(key);
  if (existingEntry !== undefined) return existingEntry;
  const entry: Entry = { code: undefined, versions: 0, runs: 0, deoptimized: 0, knowsFunctions: typeof key === "string" };
  entries.set(key, entry);
  return entry;
}

/** Whether the run reports the control flow of the function, so that only the interpreter may run it. */
const reportsFlow = ({ flow }: Run, fn: VerifiedFunction): boolean => flow !== undefined && flow.follows(fn);

/** Returns for each append target of the frame at `base` 1 if its String is pending, otherwise 0. */
function pendingFlags(actor: Actor, fn: VerifiedFunction, base: number): readonly number[] {
  return analyzeAppends(fn).targets.map((local) =>
    typeof actor.stack[base + local] === "string" && actor.numbers[base + local] === PENDING_MARK ? 1 : 0,
  );
}

/**
 * Returns whether a frame at its first instruction is in the state that a call creates. It might not be if that instruction is
 * a loop header.
 */
function isFresh(actor: Actor, fn: VerifiedFunction, base: number): boolean {
  for (let i = fn.def.arity; i < fn.def.locals; i++) if (!(actor.stack[base + i] instanceof UnitValue)) return false;
  return !pendingFlags(actor, fn, base).includes(1);
}

/** Pops the innermost frame and pushes its result on the caller's operand stack. */
function endFrame(actor: Actor, base: number, value: Value): void {
  setSlot(actor.stack, actor.numbers, base, value);
  actor.sp = base + 1;
  actor.depth -= 1;
  if (actor.depth === 0) actor.result = value;
}

function profilesOf(program: Program): readonly (FunctionProfile | undefined)[] {
  return compilableFunctions(program).map((isCompilable, i) => {
    const fn = program.functions[i];
    return isCompilable && fn !== undefined ? new FunctionProfile(fn) : undefined;
  });
}

function isCompiledUnit(result: unknown): result is { readonly run: EntryFunction; readonly target: IndirectTarget } {
  return typeof result === "object" && result !== null && "run" in result && "target" in result;
}
