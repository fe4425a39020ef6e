/**
 * The share of random cases and of long lists that run, between 0 and 1. `npm test` runs a fiftieth, `npm run test:deep` a fifth.
 * `BORUNA_CASES=1` runs all, which takes more than an hour for the complete suite.
 */
export const SHARE: number = Number(process.env["BORUNA_CASES"] ?? 0.02);

/** Whether everything runs, also tests that take minutes each. */
export const FULL: boolean = SHARE >= 1;

/** The number of random cases of a property: `full` times `SHARE`, and at least 1. */
export function cases(full: number): number {
  return Math.max(1, Math.round(full * SHARE));
}

/** The elements of a long list to test: every tenth, beginning with the first, under `npm test`, and all under `npm run test:deep`. */
export function sampled<T>(list: readonly T[]): readonly T[] {
  const step = Math.max(1, Math.round(0.2 / SHARE));
  return list.filter((_, index) => index % step === 0);
}
