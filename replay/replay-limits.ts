/**
 * Decides how far a replay may go. A hostile log may claim any limit in its header. So a replay stops at the smallest of three numbers, its
 * bound: the limit of the recorded run, what the recorded run used according to its end record, and the limit that the caller sets.
 */
import { BorunaError } from "../vm/error.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import { allocLimitTrap, type MachineTrap, stepLimitTrap } from "../vm/meter.ts";
import { isInterruption, type RunEnd } from "./log/end-record.ts";

/** Limits that the caller sets on a replay. Default: the default limits of a run, and no limit on time. */
export type ReplayLimits = Partial<Pick<Limits, "max_steps" | "max_alloc_bytes" | "max_wall_ms">>;

type BoundField = "max_steps" | "max_alloc_bytes";

/**
 * Where the smallest number comes from: the limit of the recorded run (`limit`), its end record (`end`), or the limit of the caller
 * (`caller`). If the limits of the run and of the caller are equal, the source is `limit`.
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
  readonly value: number;
}

const BOUNDS: Readonly<Record<BoundField, { readonly noun: string; readonly trap: (limit: number) => MachineTrap }>> = {
  max_steps: { noun: "steps", trap: stepLimitTrap },
  max_alloc_bytes: { noun: "bytes allocated", trap: allocLimitTrap },
};

/**
 * Returns the bounds of a replay. `runLimits` are the limits of the recorded run, `end` is its end record. Pass undefined for `end` if there
 * is none, or if the replay has another program, policy or answer, which may use more. Throws `log.replay_limit` if the recorded run
 * used more than `callerLimits` allow.
 */
export function replayBounds(runLimits: Limits, end: RunEnd | undefined, callerLimits: ReplayLimits): Bounds {
  const steps = smallestBound("max_steps", runLimits, end?.steps, callerLimits);
  // The recorded allocation is no bound in two cases. After the trap `alloc_limit`, the replay must reach the run's own limit, because the
  // trap's message names that limit. An interrupted run may have stopped just before an allocation.
  const isAllocUnbounded = end === undefined || end.error?.kind === "alloc_limit" || isInterruption(end);
  const alloc = smallestBound("max_alloc_bytes", runLimits, isAllocUnbounded ? undefined : end.allocBytes, callerLimits);
  return {
    limits: { ...runLimits, max_steps: steps.value, max_alloc_bytes: alloc.value, max_wall_ms: callerLimits.max_wall_ms ?? 0 },
    sources: { max_steps: steps.source, max_alloc_bytes: alloc.source },
  };
}

function smallestBound(
  field: BoundField,
  runLimits: Limits,
  used: number | undefined,
  callerLimits: ReplayLimits,
): { readonly value: number; readonly source: BoundSource } {
  const callerLimit = callerLimits[field] ?? DEFAULT_LIMITS[field];
  const noun = boundNoun(field);
  if (used !== undefined && used > callerLimit) {
    throw limitError(
      `the recorded run took ${used} ${noun}; this replay may take ${callerLimit}`,
      `If you trust the log, ${hintToRaise(field)} to ${used}.`,
    );
  }
  const runLimit = runLimits[field];
  if (used !== undefined && used < runLimit) return { value: used, source: "end" };
  return runLimit <= callerLimit ? { value: runLimit, source: "limit" } : { value: callerLimit, source: "caller" };
}

/** Returns the bound that stopped the run, or undefined if no bound did. */
export function reachedBound({ limits, sources }: Bounds, error: RunEnd["error"]): ReachedBound | undefined {
  for (const field of ["max_steps", "max_alloc_bytes"] as const) {
    const value = limits[field];
    const trap = BOUNDS[field].trap(value);
    if (error?.kind === trap.kind && error.message === trap.message) return { field, source: sources[field], value };
  }
  return undefined;
}

export const boundNoun = (field: BoundField): string => BOUNDS[field].noun;
const hintToRaise = (field: keyof ReplayLimits): string => `raise \`${field}\` in the limits of the replay`;

/** Returns the error for a replay that reached the caller's limit before the end of the log. */
export function callerLimitError({ field, value }: ReachedBound, runLimits: Limits): BorunaError {
  const message = `the replay was stopped at ${value} ${boundNoun(field)}, the most that it may use; the log asks for ${runLimits[field]}`;
  return limitError(message, `If you trust the log, ${hintToRaise(field)}.`);
}

export function wallLimitError(ms: number): BorunaError {
  return limitError(`the replay was stopped after ${ms} ms`, `If you trust the log, ${hintToRaise("max_wall_ms")}.`);
}

const limitError = (message: string, hint: string): BorunaError => new BorunaError("log.replay_limit", message, { hint });
