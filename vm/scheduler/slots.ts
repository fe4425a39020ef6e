/** Counts the slots of actors, which `MACHINE_LIMITS.totalSlots` limits. */
import type { Program } from "../bytecode/program.ts";
import type { Actor } from "../interpreter/actor.ts";
import { expectDefined } from "../interpreter/operations.ts";

/**
 * Returns how many slots an actor's frames may use. An outer frame may need the most, if its operand stack can grow higher than the frames
 * inside it reach now.
 */
export function slotsOf(program: Program, actor: Actor): number {
  let slots = actor.depth === 0 ? 0 : actor.sp;
  for (let i = 0; i < actor.depth; i++) {
    const fn = expectDefined(program.functions[actor.frameFunction[i] ?? 0]);
    slots = Math.max(slots, (actor.frameBase[i] ?? 0) + fn.def.locals + fn.maxStack);
  }
  return slots;
}

/** How many slots each frame counts in addition to its slots on the stack. */
const FRAME_SLOTS = 4;

/** Returns how many slots an actor counts: `slots` on its stack, `FRAME_SLOTS` for each frame, and its globals. */
export const totalSlots = (actor: Actor, slots: number): number => slots + FRAME_SLOTS * actor.depth + actor.globals.length;
