/** Formats the actor failures of runs, as lines for people. */
import type { ActorFailure } from "../gateway/run.ts";

const MAX_FAILURES = 8;

/** Returns one line for each failed actor whose failure no actor received, up to a limit. */
export function failureLines(unreceived: readonly ActorFailure[]): readonly string[] {
  const lines = unreceived
    .slice(0, MAX_FAILURES)
    .map(({ actorId, functionName, message }) => `actor ${actorId} (${functionName}) failed, and nobody received it: ${message}`);
  return unreceived.length > MAX_FAILURES ? [...lines, `… and ${unreceived.length - MAX_FAILURES} more actors`] : lines;
}
