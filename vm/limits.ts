import { BorunaError } from "./error.ts";

/**
 * The limits of a run. The policy's `limits`, the CLI flags, the log header and the docs are based on this table.
 * Snapshots contain the limits in the order of the table.
 */
export const LIMITS = {
  max_steps: { default: 10_000_000, max: Number.MAX_SAFE_INTEGER, unit: "instructions", doc: "steps of all actors together" },
  max_alloc_bytes: { default: 1_073_741_824, max: Number.MAX_SAFE_INTEGER, unit: "bytes", doc: "bytes of all values made, cumulative" },
  max_call_depth: { default: 10_000, max: 1_000_000, unit: "frames", doc: "calls in progress in one actor" },
  max_output_bytes: { default: 10_485_760, max: Number.MAX_SAFE_INTEGER, unit: "bytes", doc: "text of emitted trees and debug output" },
  max_log_bytes: {
    default: 1_073_741_824,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    doc: "records of the events as a log holds them, long values in place; counted whether a log is written or not",
  },
  max_tasks: { default: 10_000, max: 1_000_000, unit: "tasks", doc: "main, actors and branches of `par` that live at once" },
  max_wall_ms: {
    default: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "milliseconds",
    doc: "wall-clock time; 0 is no limit; never part of a program's own result",
  },
} as const satisfies Record<string, { default: number; max: number; unit: string; doc: string }>;

export type LimitField = keyof typeof LIMITS;
export type Limits = { readonly [K in LimitField]: number };

const isLimitField = (name: string): name is LimitField => Object.hasOwn(LIMITS, name);
const hasAllLimits = (limits: Readonly<Record<string, number>>): limits is Limits =>
  LIMIT_FIELDS.every((name) => Object.hasOwn(limits, name));

export const LIMIT_FIELDS: readonly LimitField[] = Object.keys(LIMITS).filter(isLimitField);

/** Makes limits from the results of `valueOf`, which is called in the order of `LIMIT_FIELDS`. */
export function limitsFrom(valueOf: (name: LimitField) => number): Limits {
  const limits = Object.fromEntries(LIMIT_FIELDS.map((name) => [name, valueOf(name)]));
  if (!hasAllLimits(limits)) throw new BorunaError("internal", "a limit is missing");
  return limits;
}

export const DEFAULT_LIMITS: Limits = Object.freeze(limitsFrom((name) => LIMITS[name].default));

/**
 * The value of `max_log_bytes` in the replay of a log whose header has no such limit. Such a log was recorded before logging was
 * charged, so nothing is counted and logged text costs no steps. A policy or a log header cannot contain this value.
 */
export const LOG_NOT_CHARGED = 0;

/** Limits of the machine. A policy cannot change them. */
export const MACHINE_LIMITS = {
  /** Steps of one slice in a module without `tasks`. Only other compilers make such modules. */
  sliceSteps: 1_000,
  /**
   * A slice that has used this many steps ends at its next effect. When a call has been open for this many steps, the machine waits for its
   * answer even if tasks can run.
   */
  taskSliceSteps: 100_000,
  /** Actors that a run of a module without `tasks` may make. */
  actors: 10_000,
  /** Locals and operands of all frames of one actor. */
  stackSlots: 4_000_000,
  /**
   * The slots of the frames of all actors, plus four slots for each frame, plus all globals. Checked at the end of each slice: within a
   * slice, one actor may use more, up to `stackSlots`.
   */
  totalSlots: 1_000_000,
  /** Operand slots of one frame. */
  frameSlots: 4_096,
  /** Nesting depth of a value that leaves the machine: an argument, a result, a message, or a module constant in a log. */
  valueDepth: 10_000,
  /** Values inside a value that leaves the machine or is written as JSON. A shared value counts each time. */
  valueNodes: 3_000_000,
  /**
   * UTF-16 code units of all Strings and keys in a value that leaves the machine or is written as JSON. Even if each unit becomes an escape
   * of six, the text fits one JavaScript string.
   */
  valueTextUnits: 67_108_864,
  /** UTF-16 code units of the text form of a value. The rest is cut off. */
  displayTextUnits: 16_777_216,
} as const;

/** Limits on a module file. Exceeding a limit causes the error `module.too_large`. */
export const MODULE_LIMITS = {
  bytes: 64 * 1024 * 1024,
  functions: 65_536,
  codeLength: 1_048_576,
  constants: 1_048_576,
  globals: 65_536,
  types: 65_536,
  matchArms: 65_536,
  locals: 65_535,
  constantDepth: 256,
  /** How deep constructs of control flow nest, as debug info lists them. The compiler never nests deeper. */
  flowDepth: 1_024,
} as const;
