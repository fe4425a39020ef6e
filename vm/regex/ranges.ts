/** A set of code points as a sorted flat list of `lo, hi` pairs; both bounds are inclusive. The ranges do not overlap and are not adjacent. */
export type Ranges = readonly number[];

export const MAX_CODE_POINT = 0x10ffff;

export const DIGIT: Ranges = [48, 57];
export const SPACE: Ranges = [9, 10, 12, 13, 32, 32];
export const WORD: Ranges = [48, 57, 65, 90, 95, 95, 97, 122];
export const NEWLINE: Ranges = [10, 10];

/** Makes a set from `lo, hi` pairs, which may be in any order and may overlap. */
export function rangesOf(pairs: readonly number[]): Ranges {
  const sorted: { readonly lo: number; readonly hi: number }[] = [];
  for (let i = 0; i < pairs.length; i += 2) sorted.push({ lo: pairs[i] ?? 0, hi: pairs[i + 1] ?? 0 });
  sorted.sort((a, b) => a.lo - b.lo);
  const out: number[] = [];
  let end = -2;
  for (const { lo, hi } of sorted) {
    if (lo > end + 1) out.push(lo, hi);
    else if (hi > end) out[out.length - 1] = hi;
    end = Math.max(end, hi);
  }
  return out;
}

export function complement(ranges: Ranges): Ranges {
  const out: number[] = [];
  let nextLo = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    const lo = ranges[i] ?? 0;
    if (lo > nextLo) out.push(nextLo, lo - 1);
    nextLo = (ranges[i + 1] ?? 0) + 1;
  }
  if (nextLo <= MAX_CODE_POINT) out.push(nextLo, MAX_CODE_POINT);
  return out;
}

const CASE_OFFSET = 32;

/** Adds to the set the other case of every ASCII letter in it. Returns the result. */
export function foldCase(ranges: Ranges): Ranges {
  const pairs = [...ranges];
  for (let i = 0; i < ranges.length; i += 2) {
    const lo = ranges[i] ?? 0;
    const hi = ranges[i + 1] ?? 0;
    if (lo <= 90 && hi >= 65) pairs.push(Math.max(lo, 65) + CASE_OFFSET, Math.min(hi, 90) + CASE_OFFSET);
    if (lo <= 122 && hi >= 97) pairs.push(Math.max(lo, 97) - CASE_OFFSET, Math.min(hi, 122) - CASE_OFFSET);
  }
  return pairs.length === ranges.length ? ranges : rangesOf(pairs);
}

/** Whether the code point is in one of the ranges. */
export function rangesContain(ranges: Ranges, point: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle + 1] ?? 0) < point) low = middle + 1;
    else high = middle;
  }
  return (ranges[2 * low] ?? MAX_CODE_POINT + 1) <= point;
}
