/**
 * Executes effects for compiled code: capability calls, messages, spawns and emitted trees. Compiled code calls `FrameEffects.execute` in
 * place of such an instruction, when its operands and live locals are in their slots and the meter is exact. An effect cannot be undone, so
 * it also keeps the work before it. If the work after it is discarded, the interpreter goes on with the frame after the effect.
 */
import { OPCODES } from "../bytecode/opcodes.ts";
import { analyzeOwnership } from "../bytecode/ownership.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { type Effects, MachineTrap } from "../meter.ts";
import { UNIT, type Value } from "../value/value.ts";
import { type Actor, takeMessage } from "./actor.ts";
import { type EffectSignal, push, type Run, startEffect } from "./host-calls.ts";
import { checkMessage } from "./message-types.ts";
import { Changes } from "./ownership.ts";
import { slotValue } from "./stack-slots.ts";

type EndSignal = Exclude<EffectSignal, undefined> | "blocked";

/** An effect after which the task cannot go on at once: with the signal for the scheduler, or with the error that the effect threw. */
export class EffectEnd {
  readonly #signal: EndSignal | undefined;
  readonly #error: unknown;
  constructor(signal: EndSignal | undefined, error?: unknown) {
    this.#signal = signal;
    this.#error = error;
  }
  /** Returns the signal, or throws the error. */
  signal(): EndSignal {
    if (this.#signal === undefined) throw this.#error;
    return this.#signal;
  }
}

/**
 * How compiled code of a frame ended: the frame has ended, the interpreter has to go on with it at its `Actor.framePc`, or an effect has ended
 * the code. Undefined if the engine gave up; the interpreter then has to go on with it, too.
 */
export type FrameEnd = "ended" | "left" | EffectEnd | undefined;

const BLOCKED = new EffectEnd("blocked");

/** The effects of one run. At any time, compiled code runs at most one frame of the run. */
export class FrameEffects implements Effects {
  readonly #run: Run;
  #actor: Actor | undefined;
  #fn: VerifiedFunction | undefined;
  #depth = 0;
  #base = 0;
  #sliceEnd = 0;
  /** The changes in place since the code was entered, or since the last effect. */
  #changes: Changes | undefined;
  /** The steps and the allocation at that time. */
  #steps = 0;
  #allocBytes = 0;
  /** Whether the code has executed an effect. The frame then goes on after the last one. */
  hasExecuted = false;
  /** Set if an effect has ended the code. */
  end: EffectEnd | undefined;

  private constructor(run: Run) {
    this.#run = run;
  }

  static of(run: Run): FrameEffects {
    const { effects } = run.meter;
    if (effects instanceof FrameEffects) return effects;
    const made = new FrameEffects(run);
    run.meter.effects = made;
    return made;
  }

  /** Prepares for code that runs the innermost frame. That code begins no effect at or after the step `sliceEnd`. */
  enter(actor: Actor, fn: VerifiedFunction, sliceEnd: number): void {
    this.#actor = actor;
    this.#fn = fn;
    this.#depth = actor.depth;
    this.#base = actor.frameBase[actor.depth - 1] ?? 0;
    this.#sliceEnd = sliceEnd;
    this.hasExecuted = false;
    this.end = undefined;
    this.#begin(actor, fn);
  }

  #begin({ stack, numbers }: Actor, fn: VerifiedFunction): void {
    this.#steps = this.#run.meter.steps;
    this.#allocBytes = this.#run.meter.allocBytes;
    const { targets } = analyzeOwnership(fn);
    if (targets.size > 0) this.#changes = new Changes([...targets].map((local) => slotValue(stack, numbers, this.#base + local)));
  }

  /** The steps since the code was entered, or since the last effect. */
  get discardableSteps(): number {
    return this.#run.meter.steps - this.#steps;
  }

  /** Keeps the work since the code was entered, or since the last effect. */
  keep(): void {
    this.#changes?.keep();
    this.#changes = undefined;
  }

  /** Discards that work. */
  undo(): void {
    this.#changes?.undo();
    this.#changes = undefined;
    this.#run.meter.steps = this.#steps;
    this.#run.meter.allocBytes = this.#allocBytes;
  }

  execute(pc: number, height: number, args: readonly Value[]): Value | undefined {
    const [run, actor, fn] = [this.#run, this.#actor, this.#fn];
    const { meter } = run;
    meter.leftAt = pc;
    if (actor === undefined || fn === undefined) return undefined;
    // The interpreter traps, yields or is preempted.
    if (meter.steps >= meter.maxSteps || meter.steps >= this.#sliceEnd || meter.steps >= run.sliceEnd) return undefined;
    this.keep();
    this.hasExecuted = true;
    meter.steps += 1;
    const top = this.#base + fn.def.locals + height;
    actor.sp = top;
    actor.framePc[this.#depth - 1] = pc;
    try {
      const signal = this.#start(actor, fn, pc, args);
      if (signal !== undefined) this.end = signal === "blocked" ? BLOCKED : new EffectEnd(signal);
    } catch (error) {
      this.end = new EffectEnd(undefined, error);
    }
    meter.leftAt = actor.framePc[this.#depth - 1] ?? 0;
    if (this.end !== undefined) return undefined;
    this.#begin(actor, fn);
    return actor.sp > top ? slotValue(actor.stack, actor.numbers, top) : UNIT;
  }

  #start(actor: Actor, { code }: VerifiedFunction, pc: number, args: readonly Value[]): EndSignal | undefined {
    const run = this.#run;
    const tag = code[pc * CODE_STRIDE] ?? 0;
    const operand = code[pc * CODE_STRIDE + 1] ?? 0;
    const { framePc } = actor;
    if (tag !== OPCODES.ReceiveMsg.tag && tag !== OPCODES.ReceiveAs.tag) {
      framePc[this.#depth - 1] = pc + 1;
      return startEffect(run, actor, tag, operand, args);
    }
    if (actor.branch !== undefined) throw new MachineTrap("invalid_receive", "a branch of a par has no mailbox");
    const message = takeMessage(actor);
    if (message === undefined && run.scheduled) return "blocked";
    framePc[this.#depth - 1] = pc + 1;
    if (message !== undefined && tag === OPCODES.ReceiveAs.tag) checkMessage(run, message.payload, operand);
    push(actor, message === undefined ? UNIT : message.payload);
    return undefined;
  }
}
