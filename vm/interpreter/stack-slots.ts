/**
 * The slots of an actor's stack: locals and operands of all frames. Numbers stand unboxed in an array of their own, so that
 * arithmetic makes no objects; the slot beside says which kind the number is of.
 */
import { MACHINE_LIMITS } from "../limits.ts";
import { FloatValue, type Value } from "../value/value.ts";

/** A value; `undefined`: an Int, `null`: a Float, whose number stands in `numbers`. A Float may stand boxed too. */
export type Slot = Value | undefined | null;

export interface Slots {
  /** As long as `numbers`. */
  readonly stack: Slot[];
  numbers: Float64Array;
}

export function slotValue(stack: readonly Slot[], numbers: Float64Array, at: number): Value {
  const slot = stack[at];
  if (slot === undefined) {
    const int = numbers[at] ?? 0;
    const small = int | 0;
    // The host's own small integer: as a double it would take an object, and be slow in all that is done with it.
    return small === int ? small : int;
  }
  return slot === null ? new FloatValue(numbers[at] ?? 0) : slot;
}

export function slotValues({ stack, numbers }: Slots, from: number, count: number): Value[] {
  const values: Value[] = [];
  for (let at = from; at < from + count; at++) values.push(slotValue(stack, numbers, at));
  return values;
}

export function setSlot(stack: Slot[], numbers: Float64Array, at: number, value: Value): void {
  if (typeof value === "number") {
    numbers[at] = value;
    stack[at] = undefined;
  } else stack[at] = value;
}

/** Takes away what lies beyond `count` slots, where it is most of the array. */
export function trimSlots(slots: Slots, count: number): void {
  if (slots.stack.length < Math.max(4 * count, MANY_SLOTS)) return;
  slots.stack.length = count;
  slots.numbers = slots.numbers.slice(0, count);
}

const MANY_SLOTS = 1_024;

/** Makes room for `count` slots. */
export function reserveSlots(slots: Slots, count: number): void {
  const had = slots.stack.length;
  if (count <= had) return;
  // Never longer than the limit for what was not asked for: calls look at the length alone.
  const length = Math.max(count, Math.min(2 * had, MACHINE_LIMITS.stackSlots));
  for (let i = had; i < length; i++) slots.stack.push(undefined);
  const numbers = new Float64Array(length);
  numbers.set(slots.numbers);
  slots.numbers = numbers;
}
