/** A run's result as the end record says it. */
import type { RunResult } from "../../gateway/run.ts";
import type { RunEnd } from "./end-record.ts";

export function runEnd(result: RunResult): RunEnd {
  const { error, value } = result;
  return {
    outcome: result.outcome,
    ...(error !== undefined || value === undefined ? {} : { value }),
    ...(error === undefined
      ? {}
      : {
          error: {
            kind: error.kind,
            message: error.message,
            ...(error.capability === undefined ? {} : { capability: error.capability }),
            ...(error.rule === undefined ? {} : { rule: error.rule }),
            ...(error.limit === undefined ? {} : { limit: error.limit }),
            ...(error.counterexample === undefined ? {} : { counterexample: error.counterexample }),
            step: error.step,
          },
        }),
    steps: result.steps,
    allocBytes: result.allocBytes,
    counters: result.counters,
    events: result.events,
  };
}
