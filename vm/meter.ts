/** Steps and allocation of a run, shared by all its actors, and the exception that ends an actor. */
import { appendCharge, BYTES, MAX_LIST_LENGTH, MAX_STRING_UNITS, stringCharge, UNITS, UNITS_PER_STEP } from "./cost.ts";
import type { TrapKind } from "./outcome.ts";
import type { Value } from "./value/value.ts";

export interface TrapDetail {
  readonly capability?: string;
  readonly rule?: string;
  readonly counterexample?: readonly string[];
  readonly cause?: unknown;
}

/** Thrown inside the machine only; `system.ts` turns it into a `Trap` or into a message to the parent actor. */
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

/** Extra steps between two questions whether the host wants the run to stop. */
const STEPS_UNASKED = 4_096;

/** Stops exactly: `steps` never passes `maxSteps`, `allocBytes` never passes `maxAllocBytes`. */
export class Meter {
  steps: number = 0;
  allocBytes: number = 0;
  readonly maxSteps: number;
  readonly maxAllocBytes: number;
  /** Asked now and then while a builtin is at work; throws to end the run. Outside of the deterministic part. */
  interrupt: () => void = () => undefined;
  /** Units of work for a UTF-16 unit of text that is logged; 0 in the replay of a log from before it was charged. */
  loggedUnit: number = UNITS.codedUnit;
  /** Extra steps since `interrupt` was asked. */
  #unasked: number = 0;
  /** For the compiled engine: the step after which it asks `overrun`, and the deepest frame it may enter. */
  checkAt: number = 0;
  maxDepth: number = 0;
  /** Whether the work may go on: true to pause where that is possible, false to go on, undefined at the limit. */
  overrun: () => boolean | undefined = () => undefined;
  /** Of a loop that paused: locals, operands, then whether each accumulator is pending. */
  saved: readonly Value[] = [];

  constructor(maxSteps: number, maxAllocBytes: number) {
    this.maxSteps = maxSteps;
    this.maxAllocBytes = maxAllocBytes;
  }

  /** Extra steps for work about to be done. */
  charge(units: number): void {
    if (units >= UNITS_PER_STEP) this.addSteps(Math.floor(units / UNITS_PER_STEP));
  }

  addSteps(count: number): void {
    if (count > this.maxSteps - this.steps) {
      this.steps = this.maxSteps;
      throw stepLimit(this.maxSteps);
    }
    this.steps += count;
    this.#unasked += count;
    if (this.#unasked < STEPS_UNASKED) return;
    this.#unasked = 0;
    this.interrupt();
  }

  /** Bytes of a value about to be made. */
  allocate(bytes: number): void {
    if (bytes > this.maxAllocBytes - this.allocBytes) throw allocLimit(this.maxAllocBytes);
    this.allocBytes += bytes;
  }

  /** A String about to be made. */
  allocateString(codeUnits: number): void {
    if (codeUnits > MAX_STRING_UNITS) throw new MachineTrap("alloc_limit", `a String of more than ${MAX_STRING_UNITS} code units`);
    this.allocate(stringCharge(codeUnits));
  }

  /** A String about to be made by an append to a local. */
  allocateAppend(a: number, b: number): void {
    if (a + b > MAX_STRING_UNITS) throw new MachineTrap("alloc_limit", `a String of more than ${MAX_STRING_UNITS} code units`);
    this.allocate(appendCharge(a, b));
  }

  /** A list of `length` elements about to be made; `bytes` where they are not those of a list made at once. */
  allocateList(length: number, bytes: number = BYTES.header + BYTES.slot * length): void {
    if (length > MAX_LIST_LENGTH) throw new MachineTrap("alloc_limit", `a List of more than ${MAX_LIST_LENGTH} elements`);
    this.allocate(bytes);
  }
}

/** Work whose size shows only while it is done: charges as it goes, in all what `Meter.charge` would. */
export class Work {
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

export function stepLimit(maxSteps: number): MachineTrap {
  return new MachineTrap("step_limit", `max execution steps exceeded (${maxSteps})`);
}

export function allocLimit(maxAllocBytes: number): MachineTrap {
  return new MachineTrap("alloc_limit", `max allocation exceeded (${maxAllocBytes} bytes)`);
}

/** The type of a value as trap messages name it. */
export function typeName(value: Value): string {
  if (typeof value === "object") return value.tag;
  if (typeof value === "string") return "String";
  return typeof value === "boolean" ? "Bool" : "Int";
}

export function typeTrap(expected: string, found: Value | undefined): MachineTrap {
  return new MachineTrap("type_error", `type error: expected ${expected}, got ${found === undefined ? "nothing" : typeName(found)}`);
}
