/**
 * How far a replay may go. A log is hostile: its header may ask for any limit, so what counts is the smallest of the
 * header's limit, what the log says that the run took, and what this host allows.
 */
import { BorunaError } from "../vm/error.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import { allocLimit, type MachineTrap, stepLimitTrap } from "../vm/meter.ts";
import { isInterruption, type RunEnd } from "./log/end-record.ts";

/** What this host allows a replay. Default: the limits of a run that sets none. */
export type ReplayLimits = Partial<Pick<Limits, "max_steps" | "max_alloc_bytes" | "max_wall_ms">>;

type Counted = "max_steps" | "max_alloc_bytes";
/** Which of the three is the smallest; the log's own limit where they are equal, since the recorded run had it too. */
type BoundedBy = "limit" | "end" | "host";

export interface Bounds {
  readonly limits: Limits;
  readonly by: Readonly<Record<Counted, BoundedBy>>;
}

export interface Reached {
  readonly field: Counted;
  readonly by: BoundedBy;
  readonly at: number;
}

const COUNTED: Readonly<Record<Counted, { readonly flag: string; readonly noun: string; readonly trap: (limit: number) => MachineTrap }>> =
  {
    max_steps: { flag: "--max-steps", noun: "steps", trap: stepLimitTrap },
    max_alloc_bytes: { flag: "--max-alloc-bytes", noun: "bytes allocated", trap: allocLimit },
  };

/**
 * `own` are the limits that the log or its policy gives. `end` is the recorded end, where the program is the recorded one.
 * Throws `log.replay_limit` where the recorded run took more than this host allows.
 */
export function replayBounds(own: Limits, end: RunEnd | undefined, allowed: ReplayLimits): Bounds {
  const steps = bound("max_steps", own, end?.steps, allowed);
  // The message of a run that reached its limit names that limit; one that was interrupted may have been about to allocate.
  const isOpen = end === undefined || end.error?.kind === "alloc_limit" || isInterruption(end);
  const alloc = bound("max_alloc_bytes", own, isOpen ? undefined : end.allocBytes, allowed);
  return {
    limits: { ...own, max_steps: steps.at, max_alloc_bytes: alloc.at, max_wall_ms: allowed.max_wall_ms ?? 0 },
    by: { max_steps: steps.by, max_alloc_bytes: alloc.by },
  };
}

function bound(
  field: Counted,
  own: Limits,
  taken: number | undefined,
  allowed: ReplayLimits,
): { readonly at: number; readonly by: BoundedBy } {
  const host = allowed[field] ?? DEFAULT_LIMITS[field];
  const { flag, noun } = COUNTED[field];
  if (taken !== undefined && taken > host) {
    throw limitError(`the recorded run took ${taken} ${noun}; this replay may take ${host}`, `If you trust the log: ${flag} ${taken}`);
  }
  if (taken !== undefined && taken < own[field]) return { at: taken, by: "end" };
  return own[field] <= host ? { at: own[field], by: "limit" } : { at: host, by: "host" };
}

/** The bound that stopped the run, if one did. */
export function reachedBound({ limits, by }: Bounds, error: RunEnd["error"]): Reached | undefined {
  for (const field of ["max_steps", "max_alloc_bytes"] as const) {
    const at = limits[field];
    const trap = COUNTED[field].trap(at);
    if (error?.kind === trap.kind && error.message === trap.message) return { field, by: by[field], at };
  }
  return undefined;
}

export const boundNoun = (field: Counted): string => COUNTED[field].noun;

/** For a replay that this host stopped before it had repeated what the log holds. */
export function hostLimit({ field, at }: Reached, own: Limits): BorunaError {
  const { flag, noun } = COUNTED[field];
  const message = `the replay was stopped at ${at} ${noun}, the most that this host allows; the log asks for ${own[field]}`;
  return limitError(message, `If you trust the log, raise it with ${flag}.`);
}

export function wallLimit(ms: number): BorunaError {
  return limitError(`the replay was stopped after ${ms} ms`, "Raise it with --max-wall-ms.");
}

const limitError = (message: string, hint: string): BorunaError => new BorunaError("log.replay_limit", message, { hint });
