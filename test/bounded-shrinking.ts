/**
 * Bounds how long fast-check shrinks a failing case: a large program could take a quarter of an hour. The report still has the
 * seed, and the path and the value of the smallest case found so far. `test/setup.ts` loads this module, once per process.
 */
import fc from "fast-check";

export const SHRINKING_MS = 20_000;

/** Interrupts a property `SHRINKING_MS` after its first failure. Nothing bounds cases that pass. */
const boundShrinking: fc.Plugin<unknown> = () => {
  let deadline: number | undefined;
  const noteFailure = (outcome: fc.PreconditionFailure | fc.PropertyFailure | null): typeof outcome => {
    if (outcome !== null && !fc.PreconditionFailure.isFailure(outcome)) deadline ??= performance.now() + SHRINKING_MS;
    return outcome;
  };
  return {
    decorateRun: (run) => (value) => {
      if (deadline !== undefined && performance.now() >= deadline) return new fc.PreconditionFailure(true);
      const outcome = run(value);
      return outcome instanceof Promise ? outcome.then(noteFailure) : noteFailure(outcome);
    },
  };
};

fc.installGlobalPlugin(boundShrinking);
