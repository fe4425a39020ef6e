/**
 * The second engine: pure functions as JavaScript. It takes whole calls, and loops of the interpreter's own frame, and
 * gives the same values, steps and allocation as the interpreter or nothing at all.
 */
import { analyzeAppends } from "../bytecode/string-append.ts";
import type { Actor } from "../interpreter/actor.ts";
import { HostTrap, poll, type Run } from "../interpreter/host-calls.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import type { Meter } from "../meter.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { setSlot, slotValues } from "../interpreter/stack-slots.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { UNIT, UnitValue, type Value } from "../value/value.ts";
import { compilable, placesOf } from "./eligible.ts";
import { flowOf, liveLocals } from "./control-flow-graph.ts";
import { CAN_GENERATE, codeFromText } from "./eval.ts";
import { Pool, Unsupported } from "./body.ts";
import { writeFunction } from "./generate.ts";
import { partName } from "./instructions.ts";
import { type Entry, inferPart, join, type Kind, kindOf, type Part } from "./type-inference.ts";
import { bail, GuessBail, PAUSED, support, type Target } from "./runtime.ts";

/** `auto` compiles what has run for a while, `compiled` everything it can, at once. */
export type EngineChoice = "auto" | "interpreter" | "compiled";

/** Steps spent in a function, as far as its calls and loops tell, before it is compiled. */
const HOT_STEPS = 50_000;
/** Steps between two looks at the clock, and before a loop lets the host have a turn. */
const CHECK_STEPS = 1_000_000;
const PAUSE_STEPS = 10_000_000;
/** Characters of generated text for one program; functions beyond it stay interpreted. */
const MAX_GENERATED = 4_000_000;
/** Of `counts.wasted`; after that nothing is compiled any more. */
const MAX_WASTED = 20_000_000;
/** How often one entry is compiled: anew for other kinds of arguments, or for wide Ints. */
const MAX_VERSIONS = 4;
/** Functions whose guesses fail before all are compiled without. */
const MAX_WRONG_GUESSES = 8;
/** Functions compiled together. */
const MAX_GROUP = 300;
const MAX_GROUP_INSTRUCTIONS = 30_000;
const MAX_GROUP_PLACES = 1_000_000;

/** Runs from values: locals, then operands, then whether each accumulator is pending. */
type Compiled = (meter: Meter, depth: number, values: readonly Value[]) => Value | typeof PAUSED | undefined;

interface Unit {
  readonly entry: Entry;
  readonly run: Compiled;
  readonly target: Target | undefined;
  readonly members: ReadonlySet<number>;
  /** Slots of the largest frame in the group. */
  readonly frameSlots: number;
}

/** What is known of one function: how hot it is, and its compiled forms by the instruction they begin with. */
class FunctionHeat {
  readonly fn: VerifiedFunction;
  heat = 0;
  readonly units: (Unit | "never" | undefined)[] = [];
  readonly versions: number[] = [];
  constructor(fn: VerifiedFunction) {
    this.fn = fn;
  }
}

/** The compiled code of a program, shared by its runs. */
export class Engine {
  /** By function index; undefined for what is never compiled. */
  readonly functions: readonly (FunctionHeat | undefined)[];
  readonly hotSteps: number;
  readonly #program: Program;
  readonly #generic = new Set<number>();
  /** By function; null where there is none. */
  readonly #targets: (Target | null | undefined)[] = [];
  readonly #support: Readonly<Record<string, unknown>>;
  /** Of the largest frame that a call of a function value can lead to. */
  readonly #frameSlots: number;
  #generated = 0;
  /** `work`: places looked at by the data flow, and characters generated; `wasted`: instructions and places of groups that were not compiled. */
  readonly counts = { entered: 0, bailed: 0, compiled: 0, work: 0, wasted: 0 };

  private constructor(program: Program, hotSteps: number) {
    this.#program = program;
    this.hotSteps = hotSteps;
    this.functions = compilable(program).map((yes, i) => {
      const fn = program.functions[i];
      return yes && fn !== undefined ? new FunctionHeat(fn) : undefined;
    });
    this.#frameSlots = this.functions.reduce((most, heat) => (heat === undefined ? most : Math.max(most, slotsOf(heat.fn))), 1);
    this.#support = support((index) => this.#targets[index] ?? this.#link(index));
  }

  /** Undefined where nothing is to be compiled. */
  static for(program: Program, choice: EngineChoice): Engine | undefined {
    if (choice === "interpreter" || !CAN_GENERATE) return undefined;
    const cache = choice === "compiled" ? EAGER : LAZY;
    const known = cache.get(program);
    if (known !== undefined) return known;
    const engine = new Engine(program, choice === "compiled" ? 0 : HOT_STEPS);
    cache.set(program, engine);
    return engine;
  }

  /** A call whose arguments lie on the stack at `base`; `depth` is that of its frame. Undefined where the interpreter has to make it. */
  call(run: Run, actor: Actor, callee: VerifiedFunction, base: number, count: number, depth: number, stepLimit: number): Value | undefined {
    const heat = this.functions[callee.index];
    if (heat === undefined || depth >= actor.interpretFromDepth) return undefined;
    heat.heat += callee.def.code.length;
    if (heat.heat <= this.hotSteps) return undefined;
    const value = this.#run(run, actor, heat, 0, { base, count, depth, stepLimit, mayPause: false });
    return value === PAUSED ? undefined : value;
  }

  /** The innermost frame, which has just begun: true when it has ended. Only where all is compiled at once. */
  begun(run: Run, actor: Actor, fn: VerifiedFunction, stepLimit: number): boolean {
    const { depth } = actor;
    const heat = this.functions[fn.index];
    if (this.hotSteps > 0 || heat === undefined || depth >= actor.interpretFromDepth) return false;
    const base = actor.frameBase[depth - 1] ?? 0;
    if (!isFresh(actor, fn, base)) return false;
    const value = this.#run(run, actor, heat, 0, { base, count: fn.def.arity, depth, stepLimit, mayPause: false });
    if (value === undefined || value === PAUSED) return false;
    endFrame(actor, base, value);
    return true;
  }

  /** The innermost frame jumps back over `span` instructions to `pc`: the rest of it, or until the host shall have a turn. */
  loop(run: Run, actor: Actor, fn: VerifiedFunction, pc: number, span: number, stepLimit: number): "ended" | "paused" | undefined {
    const { depth } = actor;
    const heat = this.functions[fn.index];
    if (heat === undefined || depth >= actor.interpretFromDepth) return undefined;
    heat.heat += span;
    if (heat.heat <= this.hotSteps) return undefined;
    const base = actor.frameBase[depth - 1] ?? 0;
    if (pc === 0 && !isFresh(actor, fn, base)) return undefined;
    const value = this.#run(run, actor, heat, pc, { base, count: actor.sp - base, depth, stepLimit, mayPause: !run.scheduled });
    if (value === undefined) return undefined;
    if (value !== PAUSED) {
      endFrame(actor, base, value);
      return "ended";
    }
    const { saved } = run.meter;
    const { locals } = analyzeAppends(fn);
    const count = saved.length - locals.length;
    for (let i = 0; i < count; i++) setSlot(actor.stack, actor.numbers, base + i, saved[i] ?? UNIT);
    for (const [i, local] of locals.entries())
      if (typeof actor.stack[base + local] === "string") actor.numbers[base + local] = saved[count + i] === 1 ? 1 : 0;
    actor.sp = base + count;
    return "paused";
  }

  /**
   * Runs a function's frame from an instruction on: `count` values lie on the stack at `base`, of a call its arguments, of
   * a loop locals and operands. Undefined where the interpreter has to do it; the meter is then as it was.
   */
  #run(run: Run, actor: Actor, heat: FunctionHeat, pc: number, place: Place): Value | typeof PAUSED | undefined {
    const values = heat.units[pc] === "never" ? [] : slotValues(actor, place.base, place.count);
    const unit = this.#unit(heat, pc, values);
    if (unit === undefined) return undefined;
    if (pc > 0) values.push(...pendingFlags(actor, heat.fn, place.base));
    const { meter } = run;
    const { steps, allocBytes } = meter;
    this.#arm(run, unit, place);
    this.counts.entered += 1;
    try {
      const value = unit.run(meter, place.depth, values);
      if (value === undefined) {
        heat.units[pc] = undefined;
        return this.#run(run, actor, heat, pc, place);
      }
      if (meter.steps <= place.stepLimit && meter.allocBytes <= meter.maxAllocBytes) return value;
    } catch (error) {
      if (error instanceof HostTrap) throw error;
      if (error instanceof GuessBail) {
        meter.steps = steps;
        meter.allocBytes = allocBytes;
        this.#generalize(error.functionIndex);
        return this.#run(run, actor, heat, pc, place);
      }
      // A trap, a host stack that is full, an operation on values of the wrong kind: the interpreter tells what it is.
      if (!(error instanceof Error)) throw error;
    }
    meter.steps = steps;
    meter.allocBytes = allocBytes;
    this.counts.bailed += 1;
    // The activation is interpreted to its end: what was thrown away is then less work than what is done.
    actor.interpretFromDepth = place.depth;
    return undefined;
  }

  #arm(run: Run, unit: Unit, { depth, base, stepLimit, mayPause }: Place): void {
    const { meter } = run;
    const pauseAt = mayPause ? meter.steps + PAUSE_STEPS : Number.POSITIVE_INFINITY;
    const room = Math.floor((MACHINE_LIMITS.stackSlots - base) / unit.frameSlots);
    meter.maxDepth = Math.min(run.limits.max_call_depth, depth + room - 1);
    meter.checkAt = Math.min(stepLimit, meter.steps + CHECK_STEPS);
    meter.overrun = () => {
      if (meter.steps > stepLimit || meter.allocBytes > meter.maxAllocBytes) return undefined;
      poll(run);
      meter.checkAt = Math.min(stepLimit, meter.steps + CHECK_STEPS);
      return meter.steps >= pauseAt;
    };
  }

  /** A unit that fits the kinds of the values at hand; made where the function is hot enough. */
  #unit(heat: FunctionHeat, pc: number, values: readonly Value[]): Unit | undefined {
    const known = heat.units[pc];
    if (known !== undefined) return known === "never" ? undefined : known;
    const versions = (heat.versions[pc] ?? 0) + 1;
    heat.versions[pc] = versions;
    const { arity, locals } = heat.fn.def;
    const observed = versions >= MAX_VERSIONS ? (): Kind => "any" : (i: number): Kind => (i < values.length ? kindOf(values[i]) : "any");
    const entry: Entry =
      pc === 0
        ? { locals: Array.from({ length: locals }, (_, i) => (i < arity ? observed(i) : "any")), stack: [] }
        : {
            locals: Array.from({ length: locals }, (_, i) => observed(i)),
            stack: Array.from({ length: values.length - locals }, (_, i) => observed(locals + i)),
          };
    const unit = this.#compile(heat.fn, pc, entry, versions > 2 * MAX_VERSIONS);
    heat.units[pc] = unit ?? "never";
    return unit;
  }

  /** What was compiled for safe Ints only, in any unit, is compiled anew. */
  #generalize(functionIndex: number): void {
    this.#generic.add(functionIndex);
    // Each time, all that is compiled together is compiled again.
    if (this.#generic.size > MAX_WRONG_GUESSES) for (const { index } of this.#program.functions) this.#generic.add(index);
    this.functions.forEach((heat, index) => {
      if (heat === undefined) return;
      heat.units.forEach((unit, pc) => {
        if (unit !== undefined && unit !== "never" && unit.members.has(functionIndex)) {
          heat.units[pc] = undefined;
          heat.versions[pc] = (heat.versions[pc] ?? 1) - 1;
        }
      });
      this.#targets[index] = undefined;
    });
  }

  /** For calls of function values: takes arguments of any kinds. */
  #link(index: number): Target {
    const heat = this.functions[index];
    if (heat === undefined || this.#targets[index] === null) return bail();
    const { locals } = heat.fn.def;
    const unit = this.#compile(heat.fn, 0, { locals: Array.from({ length: locals }, (): Kind => "any"), stack: [] }, false);
    const target = unit?.target;
    this.#targets[index] = target ?? null;
    return target ?? bail();
  }

  #compile(fn: VerifiedFunction, pc: number, entry: Entry, tooOften: boolean): Unit | undefined {
    if (tooOften || this.#generated > MAX_GENERATED || this.counts.wasted > MAX_WASTED) return undefined;
    const group = new Group(this.#program, this.#generic);
    try {
      const root = group.root(fn, pc, entry);
      this.counts.work += group.work;
      const { source, pool } = group.write(root);
      this.#generated += source.length;
      this.counts.work += source.length;
      this.counts.compiled += 1;
      const text = `"use strict";\nconst { ${Object.keys(this.#support).join(", ")} } = rt;\n${pool.declaration()}${source}`;
      const make = codeFromText(text, ["K", "rt"], [pool.values, this.#support]);
      if (!isMade(make)) return undefined;
      return {
        entry: root.entry,
        run: make.run,
        target: pc === 0 ? make.target : undefined,
        members: group.members(),
        frameSlots: group.callsValues() ? this.#frameSlots : group.frameSlots(),
      };
    } catch (error) {
      if (!(error instanceof Unsupported || error instanceof SyntaxError || error instanceof RangeError)) throw error;
      this.counts.wasted += group.size;
      return undefined;
    }
  }
}

/** Of each accumulator of the frame at `base` 1 where it is pending, else 0. */
function pendingFlags(actor: Actor, fn: VerifiedFunction, base: number): readonly number[] {
  return analyzeAppends(fn).locals.map((local) =>
    typeof actor.stack[base + local] === "string" && actor.numbers[base + local] === 1 ? 1 : 0,
  );
}

/** Whether a frame at its first instruction is as a call makes it: where a loop begins there, it may have other locals. */
function isFresh(actor: Actor, fn: VerifiedFunction, base: number): boolean {
  for (let i = fn.def.arity; i < fn.def.locals; i++) if (!(actor.stack[base + i] instanceof UnitValue)) return false;
  return !pendingFlags(actor, fn, base).includes(1);
}

/** As a return: the caller goes on with the value on its stack. */
function endFrame(actor: Actor, base: number, value: Value): void {
  setSlot(actor.stack, actor.numbers, base, value);
  actor.sp = base + 1;
  actor.depth -= 1;
  if (actor.depth === 0) actor.result = value;
}

const EAGER = new WeakMap<Program, Engine>();
const LAZY = new WeakMap<Program, Engine>();

function isMade(made: unknown): made is { readonly run: Compiled; readonly target: Target } {
  return typeof made === "object" && made !== null && "run" in made && "target" in made;
}

/** Where in the machine a compiled run begins. */
interface Place {
  readonly base: number;
  readonly count: number;
  /** Frames, this one included. */
  readonly depth: number;
  readonly stepLimit: number;
  readonly mayPause: boolean;
}

/** Functions that are compiled together: one and all that it calls. */
class Group {
  readonly #program: Program;
  readonly #generic: ReadonlySet<number>;
  readonly #parts = new Map<number, Part>();
  /** To be inferred, the last one first. */
  readonly #waiting: Part[] = [];
  readonly #callers = new Map<Part, Set<Part>>();
  #root: Part | undefined;
  /** Places that the data flow has looked at, again and again counted. */
  work = 0;
  #instructions = 0;
  #places = 0;

  /** Instructions and places of all parts. */
  get size(): number {
    return this.#instructions + this.#places;
  }

  constructor(program: Program, wide: ReadonlySet<number>) {
    this.#program = program;
    this.#generic = wide;
  }

  root(fn: VerifiedFunction, start: number, entry: Entry): Part {
    const root = this.#part(fn, start, entry);
    this.#root = root;
    if (start === 0) this.#parts.set(fn.index, root);
    this.#queue(root);
    const { constants } = this.#program.module;
    for (let part = this.#waiting.pop(); part !== undefined; part = this.#waiting.pop()) {
      const caller = part;
      const before = part.result;
      this.work += placesOf(part.fn);
      inferPart(part, constants, { call: (index, args) => this.#called(caller, index, args) });
      if (part.result !== before) for (const other of this.#callers.get(part) ?? []) this.#queue(other);
    }
    return root;
  }

  /** On top, so that callees are done before who called them. */
  #queue(part: Part): void {
    if (!this.#waiting.includes(part)) this.#waiting.push(part);
  }

  #part(fn: VerifiedFunction, start: number, entry: Entry): Part {
    this.#instructions += fn.def.code.length;
    this.#places += placesOf(fn);
    if (this.#instructions > MAX_GROUP_INSTRUCTIONS || this.#places > MAX_GROUP_PLACES)
      throw new Unsupported("too much to compile at once");
    const flow = flowOf(fn, start);
    if (flow === undefined) throw new Unsupported("a loop with several entries");
    return { fn, start, flow, live: liveLocals(fn, flow), generic: this.#generic.has(fn.index), entry, result: "never", blocks: [] };
  }

  #called(caller: Part, index: number, args: readonly Kind[]): Kind {
    const fn = this.#program.functions[index];
    if (fn === undefined) throw new Unsupported("a call of no function");
    const { arity, locals } = fn.def;
    const known = this.#parts.get(index);
    const part =
      known ?? this.#part(fn, 0, { locals: Array.from({ length: locals }, (_, i): Kind => (i < arity ? "never" : "any")), stack: [] });
    this.#parts.set(index, part);
    if (this.#parts.size > MAX_GROUP) throw new Unsupported("too many functions");
    const callers = this.#callers.get(part) ?? new Set();
    this.#callers.set(part, callers.add(caller));
    const { entry } = part;
    let rose = known === undefined;
    for (let i = 0; i < arity; i++) {
      const joined = join(entry.locals[i] ?? "any", args[i] ?? "any");
      if (joined === entry.locals[i]) continue;
      entry.locals[i] = joined;
      rose = true;
    }
    if (rose) this.#queue(part);
    return part.result;
  }

  write(root: Part): { readonly source: string; readonly pool: NamedPool } {
    const pool = new NamedPool();
    const names = {
      pool,
      constants: this.#program.module.constants,
      part: (index: number): Part => {
        const part = this.#parts.get(index);
        if (part === undefined) throw new Unsupported("a call of no function");
        return part;
      },
    };
    const functions = [...new Set([root, ...this.#parts.values()])].map((part) =>
      writeFunction(part, names, part === root && part.start > 0),
    );
    return { source: `${functions.join("\n")}\n${entryText(root)}`, pool };
  }

  members(): ReadonlySet<number> {
    return new Set([...this.#parts.keys(), ...(this.#root === undefined ? [] : [this.#root.fn.index])]);
  }

  frameSlots(): number {
    const parts = [...this.#parts.values(), ...(this.#root === undefined ? [] : [this.#root])];
    return Math.max(1, ...parts.map(({ fn }) => slotsOf(fn)));
  }

  /** Whether some call leads out of the group. */
  callsValues(): boolean {
    const parts = [...this.#parts.values(), ...(this.#root === undefined ? [] : [this.#root])];
    return parts.some(({ fn: { code } }) => {
      for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === OPCODES.CallIndirect.tag) return true;
      return false;
    });
  }
}

const slotsOf = ({ def, maxStack }: VerifiedFunction): number => def.locals + maxStack;

class NamedPool extends Pool {
  declaration(): string {
    return this.values.length === 0 ? "" : `const [${this.values.map((_, i) => `k${i}`).join(", ")}] = K;\n`;
  }
}

const CHECKS: Readonly<Partial<Record<Kind, string>>> = { num: '"number"', str: '"string"', bool: '"boolean"' };

/** Takes the values from the stack, checks their kinds (undefined where they are others) and gives the result in its plain form. */
function entryText(root: Part): string {
  const { fn, start, entry, result, live } = root;
  const { arity, locals } = fn.def;
  const kinds = start === 0 ? entry.locals.slice(0, arity) : [...entry.locals, ...entry.stack];
  const names = kinds.map((_, i) => `a${i}`);
  const lines = kinds.map((kind, i) => {
    const given = start === 0 ? `${i} < v.length ? v[${i}] : U` : `v[${i}]`;
    // Nobody reads what is dead at the start.
    if (i < locals && live[0]?.[i] !== 1) return `const a${i} = U;`;
    if (kind === "float") return `let a${i} = ${given}; if (!(a${i} instanceof F)) return undefined; a${i} = a${i}.value;`;
    const check = CHECKS[kind];
    return `const a${i} = ${given};${check === undefined ? "" : ` if (typeof a${i} !== ${check}) return undefined;`}`;
  });
  const flags = start === 0 ? [] : analyzeAppends(fn).locals.map((_, i) => `v[${kinds.length + i}]`);
  const call = `${partName(root)}(${["m", "d", ...names, ...flags].join(", ")})`;
  const params = names.slice(0, arity).map((name) => `${name} = U`);
  const value = result === "float" ? `box(${call})` : call;
  return [
    `return { run: function (m, d, v) {`,
    ...lines,
    `return ${value};`,
    `}, target: function (${["m", "d", ...params].join(", ")}) { return ${value}; } };`,
  ].join("\n");
}
