/**
 * The runtime of compiled code: everything that the generated text calls. The functions have no effect except on the meter, and on values
 * that may change in place (`unique-lists.ts`, `../bytecode/ownership.ts`).
 */
import { jsonKind } from "../builtins/json-code.ts";
import { chargeCharacters, chargeCodePoints } from "../builtins/string-code.ts";
import { elementAt, findElement, growList, setUniqueElement, shortenList, takeOfUnique, viewList } from "../builtins/list-code.ts";
import { chargeKey, findEntry, makeMap, removeUniqueEntry, setUniqueEntry } from "../builtins/map-code.ts";
import { append, concat, isTruthy, matchPayload, matchTag } from "../interpreter/operations.ts";
import { beginOwnership, endOwnership, pushOwned, pushUnique } from "../interpreter/ownership.ts";
import { livingOwner, updatePart, withElement, withEntry, withField, withFloat } from "../interpreter/update.ts";
import { PENDING_MARK, setSlot, type Slot, slotValue } from "../interpreter/stack-slots.ts";
import { UNITS, UNITS_PER_STEP } from "../cost.ts";
import type { Meter } from "../meter.ts";
import { arithmetic, type ArithmeticOp, negate } from "../value/arithmetic.ts";
import { compareValues, structuralEqual } from "../value/equality.ts";
import { ListValue } from "../value/list.ts";
import { MapValue } from "../value/map.ts";
import {
  ActorIdValue,
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatRecord,
  FloatValue,
  FnRefValue,
  NoneValue,
  type ObjectValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
  WideRecord,
} from "../value/value.ts";

import { UNIQUENESS } from "./uniqueness.ts";

/**
 * Thrown to discard the work of compiled code. The interpreter then runs the call again. A number, because V8 compiles `throw 0` to few bytes,
 * and inlines only small functions. Generated text throws a higher number if a guess is wrong (see `WrongGuesses`).
 */
export const DEOPTIMIZED = 0;

/** Thrown to discard the work of compiled code, because the run must pause and the code cannot. The interpreter can pause inside the call. */
export const PAUSE_IS_LATE = -1;

/** The number of steps between two checks of code that has to pause but cannot, because it runs a call or an inner loop. */
const OVERDUE_CHECK_STEPS = 20_000;

/** Sets the next step at which compiled code checks its limits. */
export function setNextCheck(meter: Meter): void {
  meter.checkAt = Math.min(meter.stopStep, meter.steps + meter.pauseSteps());
}

/**
 * Polls the host, or gives up at a limit: the allocation limit or the stop step. Returns whether the run has to pause. Code that cannot pause
 * here is checked again soon.
 */
function mustPause(meter: Meter): boolean {
  if (meter.steps > meter.stopStep || meter.allocBytes > meter.maxAllocBytes) return deoptimize();
  meter.poller?.poll();
  const isDue = meter.mayPause && meter.poller?.pauseIsDue() === true;
  if (isDue) meter.checkAt = Math.min(meter.stopStep, meter.steps + OVERDUE_CHECK_STEPS);
  else setNextCheck(meter);
  return isDue;
}

/** The site of a wrong guess, in the versions of a function with these guesses. */
interface WrongGuess {
  /** The id of the versions' `Guesses`. */
  readonly guesses: number;
  readonly site: number;
}

/** The numbers that generated text throws if a guess about a kind is wrong. Every guess of a program has one number. */
export class WrongGuesses {
  /** By number. No guess has the number `DEOPTIMIZED`. */
  readonly #sites: (WrongGuess | undefined)[] = [undefined];
  readonly #numbers = new Map<string, number>();

  /** Returns the number to throw if the guess is wrong. */
  numberOf(guesses: number, site: number): number {
    const key = `${guesses} ${site}`;
    const number = this.#numbers.get(key) ?? this.#sites.push({ guesses, site }) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  /** Returns the guess that was wrong, given what compiled code threw; undefined for anything else. */
  at(thrown: unknown): WrongGuess | undefined {
    return typeof thrown === "number" ? this.#sites[thrown] : undefined;
  }
}

/** Returned by code that has left its frame: the frame's next instruction is that at `Meter.leftAt`, and its slots are up to date. */
export const LEFT: unique symbol = Symbol("left");

/** A compiled function that takes arguments of any kind. Missing arguments are treated as Unit. */
export type IndirectTarget = (meter: Meter, depth: number, ...args: readonly Value[]) => Value;

/** Returns the compiled form of a function by its index. Gives up if the function cannot be compiled. */
type FindIndirectTarget = (functionIndex: number) => IndirectTarget;

/** Gives up. The interpreter has to run this call, because it reached a trap, a limit or an operation without a compiled form. */
export function deoptimize(): never {
  // oxlint-disable-next-line typescript/only-throw-error -- see `DEOPTIMIZED`
  throw DEOPTIMIZED;
}

/** The tags for which generated text tests. */
export type MarkedTag = Exclude<ObjectValue["tag"], "Unit" | "ActorId">;

const MARKED_CLASSES: Readonly<Record<MarkedTag, { readonly prototype: object }>> = {
  Float: FloatValue,
  Record: RecordValue,
  Enum: EnumValue,
  Some: SomeValue,
  Ok: OkValue,
  Err: ErrValue,
  None: NoneValue,
  FnRef: FnRefValue,
  Closure: ClosureValue,
  List: ListValue,
  Map: MapValue,
};

/** Gives each class a property for generated text, such as `isFloat`, which takes fewer bytes of V8's code than a comparison of tags. */
function markClasses(): void {
  for (const [tag, { prototype }] of Object.entries(MARKED_CLASSES)) Object.defineProperty(prototype, `is${tag}`, { value: true });
}
markClasses();

/** A String with at most this many code units is compared without a charge. */
export const FREE_UNITS = UNITS_PER_STEP - UNITS.value - 1;

function equal(meter: Meter, a: Value, b: Value): boolean {
  if (typeof a === "string" && typeof b === "string" && (a.length <= FREE_UNITS || a.length !== b.length)) return a === b;
  return structuralEqual(a, b, meter);
}

/** Returns the remainder of a division by a safe Int. Gives up if the result is no safe Int. */
function remainderOf(a: Value, b: number): number {
  const result = arithmetic("Mod", a, b);
  return typeof result === "number" ? result : deoptimize();
}

const arithmeticOn =
  (op: ArithmeticOp) =>
  (meter: Meter, a: Value, b: Value): Value =>
    op === "Add" && typeof a === "string" && typeof b === "string" ? concat(meter, a, b) : arithmetic(op, a, b);

/** Returns 1 if the slot holds a pending String, otherwise 0 (see `bytecode/string-append.ts`). */
export const isPending = (stack: readonly Slot[], numbers: Float64Array, index: number): number =>
  typeof stack[index] === "string" && numbers[index] === PENDING_MARK ? 1 : 0;

/** Gives a list an array of its numbers, if its exact array holds only Floats. */
function takeNumbers(list: ListValue): void {
  const numbers: number[] = [];
  list.numberReads = 0;
  for (const value of list.exactArray) {
    if (!(value instanceof FloatValue)) return;
    numbers.push(value.value);
  }
  list.numbers = numbers;
}

function toNumber(value: Value): number {
  if (value instanceof FloatValue) return value.value;
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  return deoptimize();
}

/** Returns the remainder of safe Ints. `divisor` is not 0. For numbers beyond 32 bits, V8 calls a slow function for `%`. */
const wideRemainder = (a: number, divisor: number): number => a - Math.trunc(a / divisor) * divisor;

/** Below this, a product that JavaScript rounds to a double is certainly an Int of the language. */
const MAX_PRODUCT = 9.2e18;
/** `remainderOfProduct` splits factors of 32 bits into halves, so that its products are exact. */
const HALF_BITS = 16;
const HALF = 2 ** HALF_BITS;
const MAX_DIVISOR = 2 ** 32;

/** Returns `(a * b + c) % divisor`. Gives up if an operation overflows. `divisor` is not 0. */
function remainderOfProduct(a: Value, b: Value, c: number, divisor: number): number {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    const sum = product + c;
    if (Math.abs(product) <= Number.MAX_SAFE_INTEGER && Math.abs(sum) <= Number.MAX_SAFE_INTEGER) return wideRemainder(sum, divisor);
    if (a >= 0 && b >= 0 && c >= 0 && divisor > 0 && divisor <= MAX_DIVISOR && sum < MAX_PRODUCT) {
      const x = a < divisor ? a : wideRemainder(a, divisor);
      const y = b < divisor ? b : wideRemainder(b, divisor);
      const z = c < divisor ? c : wideRemainder(c, divisor);
      // The sum below 2 ** 64 is rounded, so the quotient may be wrong by 1.
      const quotient = Math.floor((x * y + z) / divisor);
      const high = (x >>> HALF_BITS) * y - (quotient >>> HALF_BITS) * divisor;
      const low = (x & (HALF - 1)) * y - (quotient & (HALF - 1)) * divisor;
      const result = high * HALF + low + z;
      return result < 0 ? result + divisor : result >= divisor ? result - divisor : result;
    }
  }
  return remainderOf(arithmetic("Add", arithmetic("Mul", a, b), c), divisor);
}

/** Returns the values that generated text may use, by name. `findTarget` returns the code that a call of a function value runs. */
export function runtimeOf(findTarget: FindIndirectTarget): Readonly<Record<string, unknown>> {
  const callValue = (meter: Meter, depth: number, callee: Value, args: readonly Value[]): Value => {
    if (callee instanceof FnRefValue) return findTarget(callee.index)(meter, depth, ...args);
    if (callee instanceof ClosureValue) return findTarget(callee.index)(meter, depth, ...callee.captured, ...args);
    return deoptimize();
  };
  return {
    FloatValue,
    RecordValue,
    WideRecord,
    FloatRecord,
    EnumValue,
    ClosureValue,
    FnRefValue,
    SomeValue,
    OkValue,
    ErrValue,
    NoneValue,
    ActorIdValue,
    ListValue,
    UNIT,
    LEFT,
    slotValue,
    setSlot,
    isPending,
    boxFloat: (value: number | typeof LEFT): FloatValue | typeof LEFT => (value === LEFT ? LEFT : new FloatValue(value)),
    mustPause,
    /** `mustPause` for code that cannot pause here. It gives up if the pause is late. */
    checkLimits: (meter: Meter): void => {
      // oxlint-disable-next-line typescript/only-throw-error -- see `PAUSE_IS_LATE`
      if (mustPause(meter) && meter.poller?.pauseIsLate() === true) throw PAUSE_IS_LATE;
    },
    add: arithmeticOn("Add"),
    subtract: arithmeticOn("Sub"),
    multiply: arithmeticOn("Mul"),
    divide: arithmeticOn("Div"),
    remainder: arithmeticOn("Mod"),
    negate,
    toNumber,
    less: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) < 0,
    lessOrEqual: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) <= 0,
    greater: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) > 0,
    greaterOrEqual: (meter: Meter, a: Value, b: Value): boolean => compareValues(a, b, meter) >= 0,
    equal,
    remainderOf,
    wideRemainder,
    remainderOfProduct,
    isTruthy,
    concat,
    append,
    matchTag,
    matchPayload,
    jsonKind,
    chargeCharacters,
    chargeCodePoints,
    elementAt,
    findElement,
    findEntry,
    ...UNIQUENESS,
    growList,
    shortenList,
    takeOfUnique,
    takeNumbers,
    viewList,
    setUniqueElement,
    setUniqueEntry,
    removeUniqueEntry,
    /** Lets a view take over the storage of the list that it was taken from, which is not read again. Returns the view's uniqueness. */
    claimStorage: (value: Value): number => (value instanceof ListValue && value.claimStorage() ? 2 : 0),
    updatePart,
    livingOwner,
    withElement,
    withEntry,
    chargeKey,
    withField,
    withFloat,
    /** Returns a field of a record that may be a `FloatRecord`, boxed. */
    floatField: (record: Value, field: number): Value => (record instanceof RecordValue ? record.get(field) : undefined) ?? deoptimize(),
    beginOwnership,
    endOwnership,
    pushOwned,
    pushUnique,
    ownsArray: (value: Value): boolean => value instanceof ListValue && value.ownsArray,
    fillsStorage: (value: Value): boolean => value instanceof ListValue && value.fillsStorage,
    makeMap,
    callValue,
    callValue0: (meter: Meter, depth: number, callee: Value): Value =>
      callee instanceof FnRefValue ? findTarget(callee.index)(meter, depth) : callValue(meter, depth, callee, []),
    callValue1: (meter: Meter, depth: number, callee: Value, a: Value): Value => {
      if (callee instanceof FnRefValue) return findTarget(callee.index)(meter, depth, a);
      if (callee instanceof ClosureValue && callee.captured.length === 1) {
        const [c = UNIT] = callee.captured;
        return findTarget(callee.index)(meter, depth, c, a);
      }
      return callValue(meter, depth, callee, [a]);
    },
    callValue2: (meter: Meter, depth: number, callee: Value, a: Value, b: Value): Value => {
      if (callee instanceof FnRefValue) return findTarget(callee.index)(meter, depth, a, b);
      if (callee instanceof ClosureValue && callee.captured.length === 1) {
        const [c = UNIT] = callee.captured;
        return findTarget(callee.index)(meter, depth, c, a, b);
      }
      return callValue(meter, depth, callee, [a, b]);
    },
    callValue3: (meter: Meter, depth: number, callee: Value, a: Value, b: Value, c: Value): Value =>
      callee instanceof FnRefValue ? findTarget(callee.index)(meter, depth, a, b, c) : callValue(meter, depth, callee, [a, b, c]),
  };
}
