/**
 * The compiled engine. It runs hot functions as JavaScript.
 *
 * This engine never replaces the interpreter. The interpreter owns the run, with its frames, effects and traps. At three
 * points the interpreter offers work to this engine. The engine either returns the result that the interpreter would have computed,
 * with the same steps and allocation, or it returns undefined. Then the engine has had no effect, and the interpreter does the work.
 *
 * ## What is compiled
 *
 * Between two effects, compiled code does nothing that is visible before the next one, or before it returns. The engine can discard that work at
 * any point, and the interpreter can do it again. The whole engine depends on this property. A pure function has no effect, and its direct calls
 * only reach pure functions; complete calls of it run as compiled code. In any other function, code runs from one *leaf* to the next. A leaf is an
 * effect, or an instruction that the interpreter executes, such as a call of a function with effects (`eligible.ts`).
 *
 * ## When it is compiled
 *
 * Each function has a heat. Its calls and backward jumps add the number of instructions that they cover. If the heat is above
 * `HOT_STEPS`, the next entry compiles the function. With the engine choice `compiled` that threshold is 0.
 *
 * ## How compiled code is entered
 *
 *   - `enterCall`: the interpreter is about to make a call of a pure function. Compiled code makes that call without a frame on the actor's stack
 *   - `enterLoop`: a frame of the interpreter jumps backward. Compiled code runs that frame, from the loop header on. The locals and operands of
 *     the frame become parameters
 *   - `enterFrame`: the next instruction of a frame is its first one, an effect, or one after a leaf. Compiled code runs the frame
 *
 * Code that runs a frame *leaves* it before a leaf: it writes operands and live locals to their slots, says in `Meter.leftAt` where the
 * interpreter has to go on, and returns `LEFT`. If the leaf is an effect, such as a capability call or a message, the code writes the slots too,
 * but then executes the effect itself (`../interpreter/frame-effects.ts`) and goes on, unless the task has to wait.
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
 * 100,000 steps, or fewer if they allocate much (`Meter.pauseSteps`), compiled code polls the host. If the host then needs the thread for its
 * event loop, code that runs a frame leaves it at a loop header.
 *
 * ## How it gives up
 *
 * Compiled code gives up by throwing a number. The engine then sets the meter back to its state at the entry or, if the code has executed
 * effects, after the last one. There are three causes:
 *   - 0: a trap, a limit, or an operation that has no compiled form. The interpreter runs the call to its end or to its next leaf, including
 *     all calls inside it (`actor.interpretFromDepth`), and reports a trap with its exact step and stack. If the engine were
 *     tried again for the calls inside, a deep recursion that ends in a trap could discard work at each level
 *   - -1: the host has waited for the thread too long, and the code runs a call or an inner loop, so it cannot pause. The interpreter does
 *     the work until it has paused. Then compiled code is entered again, for the calls and loops that are left
 *   - A higher number: compiled code guessed the kind of a value, and the guess is wrong (`type-inference.ts`). The engine drops all
 *     code that contains the function, and compiles it again with another guess at this site. Then it tries the entry again, unless an
 *     effect was executed. After too many wrong guesses, nothing is guessed
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
 *     local1 = 0;
 *     local2 = 0;
 *     steps += 4;                                              // the block before the loop has 4 instructions
 *     loop1: for (;;) {
 *       if (steps > 1000) { meter.steps += steps; steps = 0; if (meter.steps > meter.checkAt) checkLimits(meter); … }
 *       round1: for (;;) {
 *         if ((local2 < local0)) {
 *           stack1 = +f0_0_0(meter, depth + 1, local2);        // square(i)
 *           stack0 = local1 + stack1;                          // total + …
 *           if (stack0 > 9007199254740991 || stack0 < -9007199254740991) throw 1;
 *           local1 = stack0;
 *           stack0 = local2 + 1;
 *           if (stack0 > 9007199254740991) throw 2;
 *           local2 = stack0;
 *           steps += 14;                                       // the condition and the body
 *           if (steps > 1000) continue loop1;
 *           continue round1;
 *         } else {
 *           meter.steps += steps + 6;
 *           return local1;
 *         }
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
import { analyzeAppends } from "../bytecode/string-append.ts";
import { type Actor, BEYOND_ANY_FRAME } from "../interpreter/actor.ts";
import { type FrameEnd, FrameEffects } from "../interpreter/frame-effects.ts";
import { HostTrap, type Run } from "../interpreter/host-calls.ts";
import { LatePauses } from "../interpreter/late-pauses.ts";
import { expectDefined } from "../interpreter/operations.ts";
import { setSlot, slotValues } from "../interpreter/stack-slots.ts";
import { memoizeInObject } from "../lazy.ts";
import { ClosureValue, FloatValue, FnRefValue, UnitValue, type Value } from "../value/value.ts";
import { Unsupported } from "./body.ts";
import { CompilationUnit, slotsOf } from "./compilation-unit.ts";
import { leavesOf, type Purity, purityOf } from "./eligible.ts";
import { type EntryState, restore, setLimits, warmUp } from "./entry.ts";
import { canGenerate, codeFromText } from "./eval.ts";
import { deoptimize, DEOPTIMIZED, type IndirectTarget, isPending, LEFT, PAUSE_IS_LATE, runtimeOf, WrongGuesses } from "./runtime.ts";
import { kindOf, type ValueKind } from "./kinds.ts";
import { type CompiledCode, type Entry, type EntryFunction, entryOf, FunctionProfile, offersOf } from "./profile.ts";
import type { FrameKinds, Guesses } from "./type-inference.ts";

/** `auto` compiles hot functions. `compiled` compiles every function that can be compiled before its first call. */
export type EngineChoice = "auto" | "interpreter" | "compiled";

/** The heat above which a function is compiled. */
const HOT_STEPS = 50_000;
/** The limit on characters of generated text for one program. Above it, no more code is compiled. */
const MAX_GENERATED_CHARACTERS = 6_000_000;
/** The limit on `counts.wasted`. Above it, no more code is compiled. */
const MAX_WASTED_SIZE = 20_000_000;
/** An entry point after a leaf, or at the start of a function with leaves, is compiled when it has been offered more often than this. */
const COLD_OFFERS = 16;
/** Code that has entered a frame `MANY_RUNS` times is not entered again if it ran fewer than `FEW_STEPS` steps on average. */
const MANY_RUNS = 64;
const FEW_STEPS = 20;
const NEVER_ENTERED = 2;
/** Code from an entry point goes on after effects, so it contains most of the function. With more entry points, it leaves before effects. */
const MAX_ENTRIES_WITH_EFFECTS = 8;
/** Code whose work is discarded at least this often, and in most runs, is not entered again. */
const MANY_DEOPTS = 20;
/** From this version of an entry point on, its code accepts values of any kind. After twice as many, the entry point is never compiled again. */
const MAX_VERSIONS = 4;
/** After this many wrong guesses, or if they discarded this many steps, the program is compiled without guesses. */
const MAX_WRONG_GUESSES = 80;
const MAX_DISCARDED_STEPS = 8_000_000;
/** After a few wrong guesses, the program is compiled without guesses once compiling has done this much work. */
const FEW_WRONG_GUESSES = 8;
const MAX_GUESSING_WORK = 4_000_000;

const NO_VALUES: readonly Value[] = [];

/** The compiled code of one program. All runs of the program share it. */
export class Engine {
  static readonly #eager = memoizeInObject((program: Program) => new Engine(program, 0));
  static readonly #lazy = memoizeInObject((program: Program) => new Engine(program, HOT_STEPS));
  readonly hotSteps: number;
  /**
   * For each function that has leaves and is hot: 1 for each pc at which the interpreter offers a frame, that is at the start and after a leaf,
   * and `NEVER_ENTERED` for each entry point that was given up.
   */
  readonly offers: (Uint8Array | undefined)[] = [];
  readonly #program: Program;
  readonly #guesses: { readonly id: number; readonly wrong: Map<number, number> }[] = [];
  readonly #guessesByKey = new Map<string, { readonly id: number; readonly wrong: Map<number, number> }>();
  readonly #numberedGuesses = new WrongGuesses();
  #wrongGuesses = 0;
  #discardedSteps = 0;
  /** The number of instructions that the calls and backward jumps of each function have covered. It approximates the steps spent in it. */
  readonly #heat: Float64Array;
  /** Which functions are pure. Known from the time on when the first function is hot. */
  #purity: Purity | undefined;
  /** The profiles of the functions that are or were hot, by index. Null for a function that is never compiled. */
  readonly #profiles: (FunctionProfile | null | undefined)[] = [];
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
    const profile = this.#heatUp(callee, callee.def.code.length);
    if (profile?.isPure !== true || depth >= actor.interpretFromDepth || reportsFlow(run, callee)) return undefined;
    const entry = entryOf(profile, 0, actor, base, count);
    const value = this.#run(run, actor, profile, 0, entry, { base, count, depth, stopStep, sliceEnd: stopStep, isFrame: false });
    return value === LEFT ? undefined : value;
  }

  /**
   * Runs the innermost frame, which is before the instruction at `pc`: the first one, an effect, or one after a leaf. Of a pure function, only
   * runs a complete frame, and only with the choice `compiled`. An effect at or after the step `sliceEnd` is left to the interpreter.
   */
  enterFrame(run: Run, actor: Actor, fn: VerifiedFunction, pc: number, stopStep: number, sliceEnd: number): FrameEnd {
    const { depth } = actor;
    // The first frame of a task does not come from a call that has heated the function.
    const profile = pc === 0 ? this.#heatUp(fn, fn.def.code.length) : this.#hotProfileOf(fn.index);
    if (profile === undefined || reportsFlow(run, fn)) return undefined;
    const base = actor.frameBase[depth - 1] ?? 0;
    if (profile.isPure) {
      // The code of a whole call does not pause, so a frame that may run for long is entered at its loops.
      if (this.hotSteps > 0 || pc > 0 || depth >= actor.interpretFromDepth || !isFresh(actor, fn, base)) return undefined;
      const entry = entryOf(profile, 0, actor, base, fn.def.arity);
      const value = this.#run(run, actor, profile, 0, entry, { base, count: fn.def.arity, depth, stopStep, sliceEnd, isFrame: false });
      if (value === undefined || value === LEFT) return undefined;
      endFrame(actor, base, value);
      return "ended";
    }
    if (this.offers[fn.index]?.[pc] !== 1) return undefined;
    // Compiled code that gave up would have left its frame before this leaf. So the interpreter has done more work than was discarded.
    if (pc > 0) actor.interpretFromDepth = BEYOND_ANY_FRAME;
    else if (depth >= actor.interpretFromDepth) return undefined;
    return this.#runFrame(run, actor, profile, pc, stopStep, sliceEnd, true);
  }

  /** Runs the innermost frame, which is about to jump back over `span` instructions to `pc`. The frame's `Actor.framePc` is `pc`. */
  enterLoop(run: Run, actor: Actor, fn: VerifiedFunction, pc: number, span: number, stopStep: number, sliceEnd: number): FrameEnd {
    if (this.offers[fn.index]?.[pc] === NEVER_ENTERED || actor.depth >= actor.interpretFromDepth || reportsFlow(run, fn)) return undefined;
    const profile = this.#heatUp(fn, span);
    if (profile === undefined) return undefined;
    // The code from instruction 0 of a pure function on is that of a call. If the loop begins with a leaf, there is nothing to run.
    if (profile.isPure ? pc === 0 : profile.leaves.has(pc)) return undefined;
    return this.#runFrame(run, actor, profile, pc, stopStep, sliceEnd, false);
  }

  #runFrame(run: Run, actor: Actor, profile: FunctionProfile, pc: number, stopStep: number, sliceEnd: number, isOffer: boolean): FrameEnd {
    const { depth } = actor;
    const base = actor.frameBase[depth - 1] ?? 0;
    const entry = entryOf(profile, pc, actor, base, profile.fn.def.arity);
    if (isOffer && this.hotSteps > 0) {
      // A function may be hot because of one loop, although most of its leaves are outside that loop. So an entry point is compiled only if
      // it is offered often.
      entry.offers += 1;
      if (entry.offers <= COLD_OFFERS) return undefined;
    }
    const value = this.#run(run, actor, profile, pc, entry, { base, count: actor.sp - base, depth, stopStep, sliceEnd, isFrame: true });
    if (value === undefined) return undefined;
    if (value === LEFT) {
      actor.framePc[depth - 1] = run.meter.leftAt;
      return FrameEffects.of(run).end ?? "left";
    }
    endFrame(actor, base, value);
    return "ended";
  }

  /** Adds to the heat of a function. Returns its profile if it is hot and can be compiled. */
  #heatUp({ index }: VerifiedFunction, instructions: number): FunctionProfile | undefined {
    const heat = (this.#heat[index] ?? 0) + instructions;
    this.#heat[index] = heat;
    if (heat <= this.hotSteps) return undefined;
    const profile = this.#profileOf(index);
    if (profile?.isPure === false) this.offers[index] ??= offersOf(profile);
    return profile;
  }

  /** Returns the profile of a function with leaves, if it is hot. */
  #hotProfileOf(index: number): FunctionProfile | undefined {
    if (this.hotSteps === 0) this.#heatUp(expectDefined(this.#program.functions[index]), 1);
    return this.offers[index] === undefined ? undefined : this.#profileOf(index);
  }

  /** Returns the profile of a function; undefined if it is never compiled. */
  #profileOf(index: number): FunctionProfile | undefined {
    const known = this.#profiles[index];
    if (known !== undefined) return known ?? undefined;
    const fn = expectDefined(this.#program.functions[index]);
    const isPure = this.#isPureFunction(index);
    const leaves = isPure ? new Map() : leavesOf(this.#program, fn, this.#knownPurity());
    const profile = leaves === undefined ? null : new FunctionProfile(fn, isPure, leaves);
    this.#profiles[index] = profile;
    return profile ?? undefined;
  }

  #isPureFunction(index: number): boolean {
    return this.#knownPurity().isPure[index] === true;
  }

  #knownPurity(): Purity {
    this.#purity ??= purityOf(this.#program);
    return this.#purity;
  }

  /** Runs compiled code from `pc` on. Returns undefined if the interpreter has to do the work, or to go on after the last effect. */
  #run(
    run: Run,
    actor: Actor,
    profile: FunctionProfile,
    pc: number,
    entry: Entry,
    entryState: EntryState,
  ): Value | typeof LEFT | undefined {
    if (entry.code === "never" || (entry.knowsFunctions && profile.entries.get(pc)?.code === "never")) return undefined;
    const { base, count, isFrame } = entryState;
    if (run.latePauses?.mayEnter(entry, entryState.depth) === false) return undefined;
    const knownCode = entry.code;
    const entryValues = isFrame && knownCode !== undefined ? NO_VALUES : slotValues(actor, base, count);
    const code = knownCode ?? this.#codeFor(profile, pc, entry, entryValues, isFrame);
    if (code === "never") return undefined;
    const values = isFrame ? NO_VALUES : entryValues;
    if (knownCode === undefined && entryValues.every(isScalar)) warmUp(run, actor, profile.fn, code, entryState, values);
    const { meter } = run;
    const { steps, allocBytes } = meter;
    const effects = isFrame ? FrameEffects.of(run) : undefined;
    effects?.enter(actor, profile.fn, entryState.sliceEnd);
    setLimits(run, actor, code, entryState);
    this.counts.entered += 1;
    entry.runs += 1;
    try {
      const value = code.run(meter, entryState.depth, values);
      if (value === undefined) {
        effects?.undo();
        entry.code = undefined;
        return this.#run(run, actor, profile, pc, entry, entryState);
      }
      if (effects?.end !== undefined || (meter.steps <= entryState.stopStep && meter.allocBytes <= meter.maxAllocBytes)) {
        effects?.keep();
        entry.steps += meter.steps - steps;
        if (entry.runs === MANY_RUNS && entry.steps < MANY_RUNS * FEW_STEPS && isFrame) this.#neverEnter(profile, pc, entry);
        return value;
      }
    } catch (error) {
      if (error instanceof HostTrap) {
        effects?.keep();
        throw error;
      }
      const wrongGuess = this.#numberedGuesses.at(error);
      if (wrongGuess !== undefined) {
        this.#recordWrongGuess(wrongGuess.guesses, wrongGuess.site, effects?.discardableSteps ?? meter.steps - steps);
        restore(meter, steps, allocBytes, effects);
        // The frame is no longer at `pc`.
        if (effects?.hasExecuted === true) return undefined;
        return this.#run(run, actor, profile, pc, entry, entryState);
      }
      if (error === PAUSE_IS_LATE) {
        restore(meter, steps, allocBytes, effects);
        run.latePauses ??= new LatePauses();
        run.latePauses.record(entry, entryState.depth);
        return undefined;
      }
      // The cause is a trap, an overflow of V8's stack, or an operation on values of the wrong kind. The interpreter finds out which.
      if (error !== DEOPTIMIZED && !(error instanceof Error)) throw error;
    }
    restore(meter, steps, allocBytes, effects);
    this.counts.deoptimized += 1;
    entry.deoptimized += 1;
    // Perhaps the code reaches an operation without a compiled form every time.
    if (entry.deoptimized >= MANY_DEOPTS && entry.deoptimized > entry.runs / 2) this.#neverEnter(profile, pc, entry);
    // Until this call has ended, no compiled code runs. So the work discarded is never more than the work that the interpreter then does.
    actor.interpretFromDepth = entryState.depth;
    return undefined;
  }

  #neverEnter({ fn, entries }: FunctionProfile, pc: number, entry: Entry): void {
    entry.code = "never";
    if (entries.get(pc) === entry) this.offers[fn.index]?.fill(NEVER_ENTERED, pc, pc + 1);
  }

  /** Compiles the function for an entry point and for the kinds of `values`. */
  #codeFor(profile: FunctionProfile, pc: number, entry: Entry, values: readonly Value[], isFrame: boolean): CompiledCode | "never" {
    entry.versions += 1;
    const { arity, locals } = profile.fn.def;
    const { types } = this.#program.module;
    const kindAt = (i: number): ValueKind => {
      const value = values[i];
      if (entry.versions >= MAX_VERSIONS || value === undefined || (!entry.knowsFunctions && isFunction(value))) return "any";
      return kindOf(value, types);
    };
    const valuedLocals = isFrame ? locals : arity;
    const kinds: FrameKinds = {
      locals: Array.from({ length: locals }, (_, i) => (i < valuedLocals ? kindAt(i) : "any")),
      stack: Array.from({ length: isFrame ? values.length - locals : 0 }, (_, i) => kindAt(locals + i)),
    };
    const code = entry.versions > 2 * MAX_VERSIONS ? undefined : this.#compile(profile, pc, kinds);
    if (code === undefined) this.#neverEnter(profile, pc, entry);
    else entry.code = code;
    return code ?? "never";
  }

  /** Drops all code that contains the version. It will be compiled again, with another guess at the site. */
  #recordWrongGuess(id: number, site: number, discardedSteps: number): void {
    const wrong = this.#guesses[id]?.wrong;
    wrong?.set(site, (wrong.get(site) ?? 0) + 1);
    this.#wrongGuesses += 1;
    this.#discardedSteps += discardedSteps;
    this.#profiles.forEach((profile, index) => {
      for (const entry of profile?.entries.values() ?? []) {
        if (entry.code === undefined || entry.code === "never" || !entry.code.guesses.has(id)) continue;
        entry.code = undefined;
        entry.versions -= 1;
      }
      if (profile?.isPure === true) this.#indirectTargets[index] = undefined;
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
    const profile = this.#isPureFunction(index) ? this.#profileOf(index) : undefined;
    if (profile === undefined || this.#indirectTargets[index] === null) return deoptimize();
    const { locals } = profile.fn.def;
    const code = this.#compile(profile, 0, { locals: Array.from({ length: locals }, (): ValueKind => "any"), stack: [] });
    const target = code?.target;
    this.#indirectTargets[index] = target ?? null;
    return target ?? deoptimize();
  }

  /** Returns the number of stack slots of the largest frame that a call of a function value can enter. */
  #largestFrame(): number {
    this.#frameSlots ??= this.#program.functions.reduce(
      (largest, fn) => (this.#isPureFunction(fn.index) ? Math.max(largest, slotsOf(fn)) : largest),
      1,
    );
    return this.#frameSlots;
  }

  /** Compiles with several versions of a function for its function values. If that is too much, compiles with one. */
  #compile(profile: FunctionProfile, pc: number, entry: FrameKinds): CompiledCode | undefined {
    const copy = (): FrameKinds => ({ locals: entry.locals.slice(), stack: entry.stack.slice() });
    const runsEffects = profile.entries.size <= MAX_ENTRIES_WITH_EFFECTS;
    return (
      this.#compileUnit(profile, pc, copy(), true, runsEffects) ??
      this.#compileUnit(profile, pc, copy(), false, runsEffects) ??
      (runsEffects && profile.leaves.size > 0 ? this.#compileUnit(profile, pc, copy(), false, false) : undefined)
    );
  }

  #compileUnit(
    { fn, isPure, leaves }: FunctionProfile,
    pc: number,
    entry: FrameKinds,
    clones: boolean,
    runsEffects: boolean,
  ): CompiledCode | undefined {
    if (this.#generatedCharacters > MAX_GENERATED_CHARACTERS || this.counts.wasted > MAX_WASTED_SIZE) return undefined;
    const unit = new CompilationUnit(
      this.#program,
      (index) => this.#isPureFunction(index),
      (key) => this.#guessesOf(key),
      (guesses, site) => this.#numberedGuesses.numberOf(guesses.id, site),
      clones,
      runsEffects,
    );
    try {
      const root = unit.infer(fn, pc, entry, isPure ? undefined : leaves);
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
        target: compiledUnit.target,
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

const isScalar = (value: Value): boolean => typeof value !== "object" || value instanceof FloatValue || value instanceof UnitValue;

const isFunction = (value: Value | undefined): value is FnRefValue | ClosureValue =>
  value instanceof FnRefValue || value instanceof ClosureValue;

/** Whether the run reports the control flow of the function, so that only the interpreter may run it. */
const reportsFlow = ({ flow }: Run, fn: VerifiedFunction): boolean => flow !== undefined && flow.follows(fn);

/**
 * Returns whether a frame at its first instruction is in the state that a call creates. It might not be if that instruction is
 * a loop header.
 */
function isFresh(actor: Actor, fn: VerifiedFunction, base: number): boolean {
  for (let i = fn.def.arity; i < fn.def.locals; i++) if (!(actor.stack[base + i] instanceof UnitValue)) return false;
  return !analyzeAppends(fn).targets.some((local) => isPending(actor.stack, actor.numbers, base + local) === 1);
}

/** Pops the innermost frame and pushes its result on the caller's operand stack. */
function endFrame(actor: Actor, base: number, value: Value): void {
  setSlot(actor.stack, actor.numbers, base, value);
  actor.sp = base + 1;
  actor.depth -= 1;
  if (actor.depth === 0) actor.result = value;
}

function isCompiledUnit(result: unknown): result is { readonly run: EntryFunction; readonly target: IndirectTarget } {
  return typeof result === "object" && result !== null && "run" in result && "target" in result;
}
