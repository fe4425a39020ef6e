/**
 * The slots of an actor's stack: the locals and operands of all its frames. Slot `i` is in two arrays at once, so that
 * arithmetic on numbers allocates no objects:
 *
 *                  any value    an Int             a Float
 *     stack[i]     the value    undefined          null
 *     numbers[i]   unused       its number         its number
 *
 * A wide Int (one outside JavaScript's safe integers) is a bigint in `stack`. A Float may also be boxed in `stack`. For a String in
 * a local, `numbers` may hold `PENDING_MARK`, and for a List `UNSHARED_MARK`.
 */
import { MACHINE_LIMITS } from "../limits.ts";
import { FloatRecord, FloatValue, NARROW_FIELDS, NO_INTEGER, RecordValue, type Value, WIDE_FIELDS, WideRecord } from "../value/value.ts";

/** The number beside a String that was made by appends and whose first read is still to be charged (see `bytecode/string-append.ts`). */
export const PENDING_MARK = 1;

/** The number beside a List in a local that grows by appends, if only that local refers to the List. The next append changes it in place. */
export const UNSHARED_MARK = 2;

/** `undefined` means that the slot holds an Int whose number is in `numbers`; `null` means the same for a Float. */
export type Slot = Value | undefined | null;

export interface Slots {
  /** The slots. The array has the same length as `numbers`. */
  readonly stack: Slot[];
  numbers: Float64Array;
}

/** Returns the value in a slot. Boxes an unboxed Float. */
export function slotValue(stack: readonly Slot[], numbers: Float64Array, index: number): Value {
  const slot = stack[index];
  if (slot === undefined) {
    const int = numbers[index] ?? 0;
    const small = int | 0;
    // V8 keeps `small` unboxed. A number from a Float64Array is a double to V8, which boxes and handles it slowly.
    return small === int ? small : int;
  }
  return slot === null ? new FloatValue(numbers[index] ?? 0) : slot;
}

export function slotValues({ stack, numbers }: Slots, from: number, count: number): Value[] {
  const values: Value[] = [];
  for (let index = from; index < from + count; index++) values.push(slotValue(stack, numbers, index));
  return values;
}

/** Returns a record whose `count` fields are the values of the slots from index `from` on. */
export function recordOf(slots: Slots, from: number, count: number, typeId: number): RecordValue {
  const floats = floatsOf(slots, from, count);
  if (floats !== undefined) return new FloatRecord(typeId, floats);
  if (count > WIDE_FIELDS) return RecordValue.of(typeId, slotValues(slots, from, count));
  const { stack, numbers } = slots;
  const f0 = count > 0 ? slotValue(stack, numbers, from) : undefined;
  const f1 = count > 1 ? slotValue(stack, numbers, from + 1) : undefined;
  const f2 = count > 2 ? slotValue(stack, numbers, from + 2) : undefined;
  const f3 = count > 3 ? slotValue(stack, numbers, from + 3) : undefined;
  if (count <= NARROW_FIELDS) return new RecordValue(typeId, f0, f1, f2, f3);
  const f4 = slotValue(stack, numbers, from + 4);
  const f5 = count > 5 ? slotValue(stack, numbers, from + 5) : undefined;
  const f6 = count > 6 ? slotValue(stack, numbers, from + 6) : undefined;
  const f7 = count > 7 ? slotValue(stack, numbers, from + 7) : undefined;
  return new WideRecord(typeId, f0, f1, f2, f3, f4, f5, f6, f7);
}

/** Returns the numbers for a `FloatRecord` of these slots; undefined if not all of them hold Floats. */
function floatsOf({ stack, numbers }: Slots, from: number, count: number): number[] | undefined {
  if (count === 0) return undefined;
  for (let index = from; index < from + count; index++) if (!isFloat(stack[index])) return undefined;
  // Most such records are points and vectors. A literal takes less time than a copy.
  if (count === 2) return [NO_INTEGER, floatAt(stack, numbers, from), floatAt(stack, numbers, from + 1)];
  if (count === 3) return [NO_INTEGER, floatAt(stack, numbers, from), floatAt(stack, numbers, from + 1), floatAt(stack, numbers, from + 2)];
  const floats = FloatRecord.blank(count);
  for (let i = 1; i <= count; i++) floats[i] = floatAt(stack, numbers, from + i - 1);
  return floats;
}

const isFloat = (slot: Slot): slot is FloatValue | null => slot === null || slot instanceof FloatValue;

/** Returns the number of a slot that holds a Float. */
function floatAt(stack: readonly Slot[], numbers: Float64Array, index: number): number {
  const slot = stack[index];
  return slot instanceof FloatValue ? slot.value : (numbers[index] ?? 0);
}

/** Puts a value into a slot. Unboxes an Int that is a JavaScript number. */
export function setSlot(stack: Slot[], numbers: Float64Array, index: number, value: Value): void {
  if (typeof value === "number") {
    numbers[index] = value;
    stack[index] = undefined;
  } else stack[index] = value;
}

/** Drops the slots beyond `count` if these are most of the stack. */
export function trimSlots(slots: Slots, count: number): void {
  if (slots.stack.length < Math.max(4 * count, MIN_TRIMMED_SLOTS)) return;
  slots.stack.length = count;
  slots.numbers = slots.numbers.slice(0, count);
}

/** A stack with fewer slots is not trimmed. */
const MIN_TRIMMED_SLOTS = 1_024;

/** Grows the stack to at least `count` slots. */
export function reserveSlots(slots: Slots, count: number): void {
  const oldLength = slots.stack.length;
  if (count <= oldLength) return;
  // The doubled length must not exceed the limit, because the interpreter's loop compares a new frame only with the length of the stack.
  const length = Math.max(count, Math.min(2 * oldLength, MACHINE_LIMITS.stackSlots));
  for (let i = oldLength; i < length; i++) slots.stack.push(undefined);
  const numbers = new Float64Array(length);
  numbers.set(slots.numbers);
  slots.numbers = numbers;
}
