/** What happens before and after a run of compiled code. */
import type { VerifiedFunction } from "../bytecode/program.ts";
import type { Actor } from "../interpreter/actor.ts";
import { FrameEffects } from "../interpreter/frame-effects.ts";
import { HostTrap, type Run } from "../interpreter/host-calls.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import type { Meter } from "../meter.ts";
import type { Value } from "../value/value.ts";
import type { CompiledCode } from "./profile.ts";
import { setNextCheck } from "./runtime.ts";

/** The state of the interpreter when compiled code is entered. */
export interface EntryState {
  /** The index on the actor's stack of the first value that is passed to compiled code. `count` is the number of these values. */
  readonly base: number;
  readonly count: number;
  /** The call depth of the frame that compiled code runs. */
  readonly depth: number;
  /** The step that compiled code may not exceed: the step limit of the run or, if slices are exact and it is earlier, the end of the slice. */
  readonly stopStep: number;
  /** The step at or after which compiled code begins no effect. */
  readonly sliceEnd: number;
  /** Whether compiled code runs the innermost frame. If not, it makes a call. */
  readonly isFrame: boolean;
}

/**
 * Runs new code for about 1,000 steps and discards the work. V8 collects no types in the first run of a function until that run has taken a
 * while. If V8 then optimizes the function before its first instructions have run again, it knows nothing about the parameters, and a loop
 * over them stays three times as slow as otherwise. A list must not be among the values, because a later push to a list that a discarded push has
 * extended makes a trie.
 */
export function warmUp(
  run: Run,
  actor: Actor,
  fn: VerifiedFunction,
  code: CompiledCode,
  entryState: EntryState,
  values: readonly Value[],
): void {
  const { meter } = run;
  const { steps, allocBytes } = meter;
  const effects = entryState.isFrame ? FrameEffects.of(run) : undefined;
  // No effect begins at or after step 0.
  effects?.enter(actor, fn, 0);
  // Code that has reached the stop step gives up before it writes to the frame.
  setLimits(run, actor, code, { ...entryState, stopStep: steps });
  try {
    code.run(meter, entryState.depth, values);
  } catch (error) {
    // After anything else, the next run fails too, and `#run` handles that.
    if (error instanceof HostTrap) throw error;
  }
  restore(meter, steps, allocBytes, effects);
}

/** Sets the limits at which compiled code stops, polls or pauses, and where its frame is. */
export function setLimits({ meter, limits, exactSlices }: Run, actor: Actor, code: CompiledCode, state: EntryState): void {
  const { depth, base, stopStep } = state;
  meter.frame = actor;
  meter.owner = actor.owner;
  meter.frameBase = base;
  meter.stopStep = stopStep;
  meter.mayPause = !exactSlices;
  // The number of frames that the actor's stack has room for.
  const maxFrames = Math.floor((MACHINE_LIMITS.stackSlots - base) / code.frameSlots);
  meter.maxDepth = Math.min(limits.max_call_depth, depth + maxFrames - 1);
  setNextCheck(meter);
}

/** Sets the meter back to its state when compiled code began or, if the code runs a frame, after the last effect. */
export function restore(meter: Meter, steps: number, allocBytes: number, effects: FrameEffects | undefined): void {
  if (effects !== undefined) return effects.undo();
  meter.steps = steps;
  meter.allocBytes = allocBytes;
}
