/**
 * What the compiled engine knows about a function: its entry points, their code, and its leaves, the instructions that compiled code leaves
 * to the interpreter (`eligible.ts`).
 */
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import type { Actor } from "../interpreter/actor.ts";
import { LEAVES_FRAME } from "../interpreter/translation-tables.ts";
import type { Meter } from "../meter.ts";
import { ClosureValue, FnRefValue, type Value } from "../value/value.ts";
import { isEffect, type Leaves } from "./control-flow-graph.ts";
import type { IndirectTarget, LEFT } from "./runtime.ts";

/** The limit on the entry points of a function that are compiled for certain function values. */
const MAX_ENTRIES = 16;

/**
 * Runs compiled code. For a whole call, `values` are the arguments. For a frame, the values are in `Meter.frame`. Returns `LEFT` if the code
 * has left the frame. Returns undefined, before it does any work, if a value does not have the kind that the code was compiled for.
 */
export type EntryFunction = (meter: Meter, depth: number, values: readonly Value[]) => Value | typeof LEFT | undefined;

/** A compilation unit that has become code. */
export interface CompiledCode {
  readonly run: EntryFunction;
  /** The entry for calls of function values. Undefined if the code runs a frame. */
  readonly target: IndirectTarget | undefined;
  /** The ids of the guesses of its versions. */
  readonly guesses: ReadonlySet<number>;
  /** The number of stack slots of the largest frame that the code can enter. */
  readonly frameSlots: number;
}

/** The compiled code of one entry point. */
export interface Entry {
  /** `never`: the interpreter always runs this entry point. Undefined: the code has yet to be compiled. */
  code: CompiledCode | "never" | undefined;
  /** The number of versions compiled so far. */
  versions: number;
  /** How often the entry point was offered after a leaf. */
  offers: number;
  /** How often the code ran, and how often its work was discarded. */
  runs: number;
  deoptimized: number;
  /** The steps of the runs whose work was not discarded. */
  steps: number;
  /** Whether the code is compiled for the function values among the parameters. */
  readonly knowsFunctions: boolean;
}

/** What the engine knows about one function that can be compiled. */
export class FunctionProfile {
  readonly fn: VerifiedFunction;
  readonly isPure: boolean;
  /** The function's leaves. Empty for a pure function. */
  readonly leaves: Leaves;
  /**
   * The entry points, by pc. Code from pc 0 of a pure function runs a whole call, any other code runs a frame. If parameters are function values,
   * there is an entry point for each combination of these, up to `MAX_ENTRIES`; its key is text.
   */
  readonly entries = new Map<number | string, Entry>();
  constructor(fn: VerifiedFunction, isPure: boolean, leaves: Leaves) {
    this.fn = fn;
    this.isPure = isPure;
    this.leaves = leaves;
  }
}

/** Returns the entry point at a pc for the `count` values on the stack from `base` on, of which the first ones are the parameters. */
export function entryOf({ fn, entries }: FunctionProfile, pc: number, { stack }: Actor, base: number, count: number): Entry {
  let key: number | string = pc;
  for (let i = 0; i < Math.min(fn.def.arity, count); i++) {
    const value = stack[base + i];
    if (value instanceof FnRefValue || value instanceof ClosureValue) key = `${key} ${i}:${value.index}`;
  }
  if (typeof key === "string" && entries.size >= MAX_ENTRIES && !entries.has(key)) key = pc;
  const existingEntry = entries.get(key);
  if (existingEntry !== undefined) return existingEntry;
  const entry: Entry = {
    code: undefined,
    versions: 0,
    offers: 0,
    runs: 0,
    deoptimized: 0,
    steps: 0,
    knowsFunctions: typeof key === "string",
  };
  entries.set(key, entry);
  return entry;
}

/**
 * Returns 1 for each pc of a function at which a frame may be entered before a loop: the first one, those of effects, and those after leaves
 * before which the interpreter puts all operands into their slots.
 */
export function offersOf({ fn, leaves }: FunctionProfile): Uint8Array {
  const offers = new Uint8Array(fn.code.length / CODE_STRIDE + 1);
  const hasOperands = (pc: number): boolean => pc === 0 || (leaves.has(pc - 1) && LEAVES_FRAME[fn.code[(pc - 1) * CODE_STRIDE] ?? 0] === 1);
  for (let pc = 0; pc < offers.length; pc++) offers[pc] = isEffect(fn, pc) || (hasOperands(pc) && !leaves.has(pc)) ? 1 : 0;
  return offers;
}
