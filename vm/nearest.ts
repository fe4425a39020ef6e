const MAX_DISTANCE = 2;
const MAX_NAME = 64;
const MAX_CANDIDATES = 10_000;

/**
 * The candidate that a misspelled name probably means: the only one at the smallest distance, at most two edits (insert, delete,
 * replace, swap neighbours). Returns undefined when there is none or a tie. Ignores names over 64 characters and candidates after
 * the first 10,000.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  let tie = false;
  let seen = 0;
  for (const candidate of candidates) {
    if (++seen > MAX_CANDIDATES) break;
    if (candidate === name || candidate === best || candidate.length > MAX_NAME) continue;
    const distance = editDistance(name, candidate, MAX_DISTANCE);
    // A distance that replaces every character is no similarity: `x` is not near `y`.
    if (distance >= Math.max(name.length, candidate.length)) continue;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
      tie = false;
    } else if (distance === bestDistance && distance <= MAX_DISTANCE) tie = true;
  }
  return tie ? undefined : best;
}

/** The optimal string alignment distance. Returns `bound + 1` for any distance above `bound`. */
export function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let rowBest = i;
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cell = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (swapped) cell = Math.min(cell, (twoBack[j - 2] ?? 0) + 1);
      row.push(cell);
      rowBest = Math.min(rowBest, cell);
    }
    if (rowBest > bound) return bound + 1;
    twoBack = previous;
    previous = row;
  }
  return Math.min(previous[b.length] ?? 0, bound + 1);
}
