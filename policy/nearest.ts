/** "Did you mean …": the nearest of a set of names. */
import { compareUtf8 } from "../vm/utf8.ts";

const MAX_DISTANCE = 2;
/** Longer names are not compared: none of ours is as long. */
const MAX_UNITS = 64;

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The candidate at most two edits away, letters' case aside; the first in byte order among equals. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_UNITS) return undefined;
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  for (const candidate of [...candidates].sort(compareUtf8)) {
    if (candidate.length > MAX_UNITS) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // A name of two letters is two edits from everything.
    if (distance < bestDistance && distance < Math.max(name.length, 2)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A whole hint, or `otherwise` when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>, otherwise: string): string {
  const near = nearest(name, candidates);
  return near === undefined ? otherwise : `Did you mean "${near}"?`;
}
