/** Formats the errors and actor failures of runs, as lines for people and as JSON. */
import type { ActorFailure, RunError } from "../gateway/run.ts";

const MAX_FAILURES = 8;

/** Returns one line for each failed actor whose failure no actor received, up to a limit. */
export function failureLines(unreceived: readonly ActorFailure[]): readonly string[] {
  const lines = unreceived
    .slice(0, MAX_FAILURES)
    .map(({ actorId, functionName, message }) => `actor ${actorId} (${functionName}) failed, and nobody received it: ${message}`);
  return unreceived.length > MAX_FAILURES ? [...lines, `… and ${unreceived.length - MAX_FAILURES} more actors`] : lines;
}

/** Returns an object with the member `actor_failures` of `--json`, or an empty object if there are no failures. */
export function failuresJson(unreceived: readonly ActorFailure[]): Readonly<Record<string, unknown>> {
  if (unreceived.length === 0) return {};
  return { actor_failures: unreceived.map(({ actorId, functionName, message }) => ({ actor: actorId, function: functionName, message })) };
}

/** Returns the value of the member `error` of `--json`. */
export function errorJson(error: RunError): Readonly<Record<string, unknown>> {
  const [first] = error.stack;
  const location = first?.line === undefined ? null : { file: first.file, line: first.line, column: first.column };
  return {
    kind: error.kind,
    message: error.message,
    capability: error.capability,
    rule: error.rule,
    location,
    stack: error.stack.map((p) => ({ function: p.function, pc: p.pc, file: p.file, line: p.line, column: p.column })),
    path: error.path,
    limit: error.limit,
    counterexample: error.counterexample,
    step: error.step,
  };
}
