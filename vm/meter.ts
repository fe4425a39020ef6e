import { appendCharge, BYTES, MAX_LIST_LENGTH, MAX_STRING_UNITS, stringCharge, UNITS, UNITS_PER_STEP } from "./cost.ts";
import { ByteOffsets } from "./builtins/text-search.ts";
import type { Slots } from "./interpreter/stack-slots.ts";
import type { TrapKind } from "./outcome.ts";
import type { Value } from "./value/value.ts";

interface TrapDetail {
  readonly capability?: string;
  readonly rule?: string;
  readonly counterexample?: readonly string[];
  readonly cause?: unknown;
}

/** Thrown inside the machine to end an actor. The scheduler turns it into the run's `Trap`, or into a message to the parent actor. */
export class MachineTrap extends Error {
  override readonly name: string = "MachineTrap";
  readonly kind: TrapKind;
  readonly detail: TrapDetail;
  constructor(kind: TrapKind, message: string, detail: TrapDetail = {}) {
    super(message);
    this.kind = kind;
    this.detail = detail;
  }
}

const NO_SLOTS: Slots = { stack: [], numbers: new Float64Array() };

/**
 * The host is asked whether to pause after at most this many steps, and after fewer if the steps allocate so much that `PAUSE_BYTES` would be
 * exceeded: collecting garbage takes longer than most steps.
 */
const MAX_PAUSE_STEPS = 100_000;
const MIN_PAUSE_STEPS = 1_000;
const FIRST_PAUSE_STEPS = 10_000;
const PAUSE_BYTES = 2 ** 20;

/** Executes effects for compiled code (see `interpreter/frame-effects.ts`). */
export interface Effects {
  /**
   * Executes the effect at `pc`, which has popped its arguments; `height` is the number of operands that remain. Returns the value that the
   * instruction pushes, or Unit if it pushes none. Returns undefined if the code has to return `LEFT`; `Meter.leftAt` is set.
   */
  execute(pc: number, height: number, args: readonly Value[]): Value | undefined;
}

/** Polls the host. An object, not a closure, because V8 is slow to free what a closure captures. */
export interface Poller {
  /** Throws if the run must end. When it throws is not deterministic. */
  poll(): void;
  /** Whether the host needs the thread. When it does is not deterministic. */
  pauseIsDue(): boolean;
  /** Whether the host has needed the thread for so long that compiled code must give up a call to pause. */
  pauseIsLate(): boolean;
}

/** The number of steps added by `addSteps` after which the meter polls the host again. */
const POLL_INTERVAL = 4_096;

/**
 * Counts the steps and the allocation of all actors of a run. Only inside compiled code may a count exceed its limit: that code adds
 * steps in blocks, and the meter is corrected afterwards.
 */
export class Meter {
  steps: number = 0;
  allocBytes: number = 0;
  readonly maxSteps: number;
  readonly maxAllocBytes: number;
  /** Polls the host during long work. If undefined, nothing is polled. */
  poller: Poller | undefined;
  /** Units of work for each code unit of logged text. 0 in the replay of an old log, recorded before logged text was charged. */
  loggedUnit: number = UNITS.convertedCodeUnit;
  /** Converts the byte offsets that the program passes to String builtins. */
  readonly byteOffsets: ByteOffsets = new ByteOffsets();
  /** The number of steps added by `addSteps` since the last poll. */
  #sincePoll: number = 0;
  /** The step after which compiled code checks its limits (`compiled/runtime.ts`). Only the compiled engine uses this field and those after it. */
  checkAt: number = 0;
  /**
   * The step that compiled code may not exceed: the step limit or, if slices are exact, the end of the slice if that is earlier. At first a
   * number beyond 32 bits, because V8 discards code that it is optimizing when the first such number is stored in a field.
   */
  stopStep: number = Number.POSITIVE_INFINITY;
  /** Whether the run may pause in the middle of a slice, so that the host's event loop gets a turn. */
  mayPause: boolean = false;
  /** The interval that `pauseSteps` returned last, and the counts at that time. */
  #pauseSteps: number = FIRST_PAUSE_STEPS;
  #pauseMarkSteps: number = 0;
  #pauseMarkBytes: number = 0;
  /** The depth of the deepest frame that compiled code may enter. */
  maxDepth: number = 0;
  /** The stack of the frame that compiled code runs, the index of the frame's first local on it, and the pc at which the code left the frame. */
  frame: Slots = NO_SLOTS;
  frameBase: number = 0;
  leftAt: number = 0;
  /** The id of the actor that runs compiled code, which `self()` returns. */
  owner: number = 0;
  /** Undefined until compiled code has run a frame. */
  effects: Effects | undefined;
  /** The uniqueness of the value that a compiled function has just returned (see `compiled/uniqueness.ts`). */
  returnedUniqueness: number = 0;

  constructor(maxSteps: number, maxAllocBytes: number) {
    this.maxSteps = maxSteps;
    this.maxAllocBytes = maxAllocBytes;
  }

  /** Returns the number of steps after which to ask the host whether to pause. It follows from the bytes that the last steps allocated. */
  pauseSteps(): number {
    const steps = this.steps - this.#pauseMarkSteps;
    if (steps < MIN_PAUSE_STEPS) return this.#pauseSteps;
    const bytes = this.allocBytes - this.#pauseMarkBytes;
    this.#pauseMarkSteps = this.steps;
    this.#pauseMarkBytes = this.allocBytes;
    const affordable = bytes > 0 ? (PAUSE_BYTES * steps) / bytes : MAX_PAUSE_STEPS;
    this.#pauseSteps = Math.max(MIN_PAUSE_STEPS, Math.floor(Math.min(affordable, 2 * this.#pauseSteps, MAX_PAUSE_STEPS)));
    return this.#pauseSteps;
  }

  /** Charges work that is about to be done. Traps with step_limit. */
  charge(units: number): void {
    if (units >= UNITS_PER_STEP) this.addSteps(Math.floor(units / UNITS_PER_STEP));
  }

  addSteps(count: number): void {
    if (count > this.maxSteps - this.steps) {
      this.steps = this.maxSteps;
      throw stepLimitTrap(this.maxSteps);
    }
    this.steps += count;
    this.#sincePoll += count;
    if (this.#sincePoll < POLL_INTERVAL) return;
    this.#sincePoll = 0;
    this.poller?.poll();
  }

  /** Charges the bytes of a value that is about to be made. Traps with alloc_limit. */
  allocate(bytes: number): void {
    if (bytes > this.maxAllocBytes - this.allocBytes) throw allocLimitTrap(this.maxAllocBytes);
    this.allocBytes += bytes;
  }

  /** Charges a String that is about to be made. */
  allocateString(codeUnits: number): void {
    if (codeUnits > MAX_STRING_UNITS) throw new MachineTrap("alloc_limit", `a String of more than ${MAX_STRING_UNITS} code units`);
    this.allocate(stringCharge(codeUnits));
  }

  /**
   * Charges the shorter part of a String that is about to be made by an append to a local; its first read is charged the rest (`cost.ts`).
   * `a` and `b` are the code units of the two parts.
   */
  allocateAppend(a: number, b: number): void {
    if (a + b > MAX_STRING_UNITS) throw new MachineTrap("alloc_limit", `a String of more than ${MAX_STRING_UNITS} code units`);
    this.allocate(appendCharge(a, b));
  }

  /** Charges a list that is about to be made. Pass `bytes` if the list shares its elements with another one, or if the elements are charged too. */
  allocateList(length: number, bytes: number = BYTES.header + BYTES.slot * length): void {
    if (length > MAX_LIST_LENGTH) throw new MachineTrap("alloc_limit", `a List of more than ${MAX_LIST_LENGTH} elements`);
    this.allocate(bytes);
  }
}

/** Charges work part by part, if its size is not known in advance. The total is the same as that of one `Meter.charge`. */
export class WorkMeter {
  readonly meter: Meter;
  #units: number = 0;

  constructor(meter: Meter) {
    this.meter = meter;
  }

  add(units: number): void {
    this.#units += units;
    if (this.#units >= UNITS_PER_STEP) {
      this.meter.charge(this.#units);
      this.#units %= UNITS_PER_STEP;
    }
  }
}

export function stepLimitTrap(maxSteps: number): MachineTrap {
  return new MachineTrap("step_limit", `max execution steps exceeded (${maxSteps})`);
}

export function allocLimitTrap(maxAllocBytes: number): MachineTrap {
  return new MachineTrap("alloc_limit", `max allocation exceeded (${maxAllocBytes} bytes)`);
}

/** Returns the name of a value's type for trap messages. */
export function typeName(value: Value): string {
  if (typeof value === "object") return value.tag;
  if (typeof value === "string") return "String";
  return typeof value === "boolean" ? "Bool" : "Int";
}

export function typeTrap(expected: string, found: Value | undefined): MachineTrap {
  return new MachineTrap("type_error", `type error: expected ${expected}, got ${found === undefined ? "nothing" : typeName(found)}`);
}
