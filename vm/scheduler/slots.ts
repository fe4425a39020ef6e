/** Counts the slots of actors, which `MACHINE_LIMITS.totalSlots` limits. */
import type { Program } from "../bytecode/program.ts";
import type { Actor } from "../interpreter/actor.ts";
import { expectDefined } from "../interpreter/operations.ts";

/**
 * Returns how many slots an actor's frames may use. The largest need can come from an outer frame, if its maximum operand
 * stack is higher than all the frames inside it.
 */
export function slotsOf(program: Program, actor: Actor): number {
  let slots = actor.depth === 0 ? 0 : actor.sp;
  for (let i = 0; i < actor.depth; i++) {
    const fn = expectDefined(program.functions[actor.frameFunction[i] ?? 0]);
    slots = Math.max(slots, (actor.frameBase[i] ?? 0) + fn.def.locals + fn.maxStack);
  }
  return slots;
}

/** The slots that a frame counts as, in addition to the slots on its stack. */
const FRAME_SLOTS = 4;

/** Returns the slots that an actor counts as: `slots` on its stack, some for each frame, and its globals. */
export const totalSlots = (actor: Actor, slots: number): number => slots + FRAME_SLOTS * actor.depth + actor.globals.length;
