/** Whether the tests run under `npm run test:deep`. */
export const DEEP: boolean = process.env["BORUNA_DEEP"] === "1";

/** All of `list` under `npm run test:deep`; every fifth element, beginning with the first, under `npm test`. */
export const sampled = <T>(list: readonly T[]): readonly T[] => (DEEP ? list : list.filter((_, i) => i % 5 === 0));

/**
 * The number of random cases of a property: `full` under `npm run test:deep`, a tenth of it under `npm test`.
 * `BORUNA_CASES=0.5` sets another share.
 */
export function cases(full: number): number {
  const share = Number(process.env["BORUNA_CASES"] ?? (DEEP ? 1 : 0.1));
  return Math.max(1, Math.round(full * share));
}
