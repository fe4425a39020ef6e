/**
 * How much of a test file runs. `npm test` runs a hundredth of the random cases and a tenth of the long lists, and no test of
 * `DEEP`. `npm run test:deep` runs every file that imports this module again: a fifth of the cases and everything else.
 * `BORUNA_CASES=1` runs all cases, which takes more than an hour.
 */
export const SHARE: number = Number(process.env["BORUNA_CASES"] ?? 0.01);

/** Whether `npm run test:deep` runs this: a test that takes seconds is `test.runIf(DEEP)`. */
export const DEEP: boolean = SHARE >= 0.1;

/** Whether everything runs, also tests that take minutes each. */
export const FULL: boolean = SHARE >= 1;

/** The number of random cases of a property: `full` times `SHARE`, and at least 1. */
export function scaledRuns(full: number): number {
  return Math.max(1, Math.round(full * SHARE));
}

/** The elements of a long list to test: every tenth, beginning with the first, under `npm test`, and all under `npm run test:deep`. */
export function someOf<T>(list: readonly T[]): readonly T[] {
  return DEEP ? list : list.filter((_, index) => index % 10 === 0);
}
