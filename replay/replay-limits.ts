/**
 * How far a replay may go. A log is hostile: its header may ask for any limit. So a replay stops at the smallest of three
 * numbers: the limit of the recorded run, what the recorded run used according to its end record, and what the caller of
 * the replay allows.
 */
import { BorunaError } from "../vm/error.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import { allocLimitTrap, type MachineTrap, stepLimitTrap } from "../vm/meter.ts";
import { isInterruption, type RunEnd } from "./log/end-record.ts";

/** The most that the caller allows a replay. Default: the limits of a run that sets none. */
export type ReplayLimits = Partial<Pick<Limits, "max_steps" | "max_alloc_bytes" | "max_wall_ms">>;

type BoundField = "max_steps" | "max_alloc_bytes";

/**
 * Which number is the smallest: the recorded run's limit, its end, or the caller's limit. If the recorded run's limit and
 * the caller's are equal, it is the run's, since the recorded run met it too.
 */
type BoundSource = "limit" | "end" | "caller";

export interface Bounds {
  readonly limits: Limits;
  readonly sources: Readonly<Record<BoundField, BoundSource>>;
}

/** A bound that stopped the replay. */
export interface ReachedBound {
  readonly field: BoundField;
  readonly source: BoundSource;
  readonly at: number;
}

const BOUNDS: Readonly<
  Record<BoundField, { readonly flag: string; readonly noun: string; readonly trap: (limit: number) => MachineTrap }>
> = {
  max_steps: { flag: "--max-steps", noun: "steps", trap: stepLimitTrap },
  max_alloc_bytes: { flag: "--max-alloc-bytes", noun: "bytes allocated", trap: allocLimitTrap },
};

/**
 * `runLimits` are the limits of the recorded run; `end` is its end if the program is the recorded one.
 * Throws `log.replay_limit` if the recorded run used more than `allowed`.
 */
export function replayBounds(runLimits: Limits, end: RunEnd | undefined, allowed: ReplayLimits): Bounds {
  const steps = bound("max_steps", runLimits, end?.steps, allowed);
  // A trap at the allocation limit names that limit in its message, and an interrupted run may have been about to allocate.
  const isOpen = end === undefined || end.error?.kind === "alloc_limit" || isInterruption(end);
  const alloc = bound("max_alloc_bytes", runLimits, isOpen ? undefined : end.allocBytes, allowed);
  return {
    limits: { ...runLimits, max_steps: steps.at, max_alloc_bytes: alloc.at, max_wall_ms: allowed.max_wall_ms ?? 0 },
    sources: { max_steps: steps.source, max_alloc_bytes: alloc.source },
  };
}

function bound(
  field: BoundField,
  runLimits: Limits,
  used: number | undefined,
  allowed: ReplayLimits,
): { readonly at: number; readonly source: BoundSource } {
  const callerLimit = allowed[field] ?? DEFAULT_LIMITS[field];
  const { flag, noun } = BOUNDS[field];
  if (used !== undefined && used > callerLimit) {
    throw limitError(`the recorded run took ${used} ${noun}; this replay may take ${callerLimit}`, `If you trust the log: ${flag} ${used}`);
  }
  const runLimit = runLimits[field];
  if (used !== undefined && used < runLimit) return { at: used, source: "end" };
  return runLimit <= callerLimit ? { at: runLimit, source: "limit" } : { at: callerLimit, source: "caller" };
}

/** The bound that stopped the run, if one did. */
export function reachedBound({ limits, sources }: Bounds, error: RunEnd["error"]): ReachedBound | undefined {
  for (const field of ["max_steps", "max_alloc_bytes"] as const) {
    const at = limits[field];
    const trap = BOUNDS[field].trap(at);
    if (error?.kind === trap.kind && error.message === trap.message) return { field, source: sources[field], at };
  }
  return undefined;
}

export const boundNoun = (field: BoundField): string => BOUNDS[field].noun;

/** The error of a replay that the caller's limit stopped before it had repeated the log. */
export function callerLimitError({ field, at }: ReachedBound, runLimits: Limits): BorunaError {
  const { flag, noun } = BOUNDS[field];
  const message = `the replay was stopped at ${at} ${noun}, the most that it may use; the log asks for ${runLimits[field]}`;
  return limitError(message, `If you trust the log, raise it with ${flag}.`);
}

export function wallLimitError(ms: number): BorunaError {
  return limitError(`the replay was stopped after ${ms} ms`, "Raise it with --max-wall-ms.");
}

const limitError = (message: string, hint: string): BorunaError => new BorunaError("log.replay_limit", message, { hint });
