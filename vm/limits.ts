/** Limits of a run. One table: the policy's `limits`, the CLI flags, the log header and the docs read it. */
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
  max_wall_ms: {
    default: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "milliseconds",
    doc: "wall-clock time; 0 is no limit; never part of a program's own result",
  },
} as const satisfies Record<string, { default: number; max: number; unit: string; doc: string }>;

export type LimitField = keyof typeof LIMITS;
export type Limits = { readonly [K in LimitField]: number };

/** In this order they are written into the state of a suspended run. */
export const LIMIT_NAMES = [
  "max_steps",
  "max_alloc_bytes",
  "max_call_depth",
  "max_output_bytes",
  "max_log_bytes",
  "max_wall_ms",
] as const satisfies readonly LimitField[];

/** Asks for each limit in the order of `LIMIT_NAMES`. */
export function limitsFrom(valueOf: (name: LimitField) => number): Limits {
  return {
    max_steps: valueOf("max_steps"),
    max_alloc_bytes: valueOf("max_alloc_bytes"),
    max_call_depth: valueOf("max_call_depth"),
    max_output_bytes: valueOf("max_output_bytes"),
    max_log_bytes: valueOf("max_log_bytes"),
    max_wall_ms: valueOf("max_wall_ms"),
  };
}

export const DEFAULT_LIMITS: Limits = Object.freeze(limitsFrom((name) => LIMITS[name].default));

/**
 * `max_log_bytes` in the replay of a log whose header has no such limit: it was recorded before logging was charged, so
 * nothing is counted and logged texts cost no steps. No policy and no log can say it.
 */
export const LOG_NOT_CHARGED = 0;

/** Limits of the machine that no policy changes. */
export const MACHINE_LIMITS = {
  /** Steps of one actor in one round. */
  sliceSteps: 1_000,
  actors: 10_000,
  /** Locals plus operand slots of all frames of one actor. */
  stackSlots: 4_000_000,
  /** Of all actors, when their slices end: slots that their frames need, four more for each frame, and globals. */
  actorSlots: 1_000_000,
  /** Operand slots of one frame. */
  frameSlots: 4_096,
  /** Nesting of a value that leaves the machine: argument, result, message, module constant in a log. */
  valueDepth: 10_000,
  /** Values inside a value that is written as JSON, a shared one counted each time; more than `crossingBytes` lets pass. */
  valueNodes: 3_000_000,
  /** UTF-16 units of all Strings and keys of a value that is written as JSON; six times as much still fits a JS string. */
  valueTextUnits: 67_108_864,
  /** UTF-16 units of a text form; the rest is cut. */
  textFormUnits: 16_777_216,
} as const;

/** Limits on a module file. Going over one is `module.too_large`. */
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
} as const;
