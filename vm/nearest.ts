const MAX_DISTANCE = 2;
const MAX_NAME_LENGTH = 64;
const MAX_CANDIDATES = 10_000;

/**
 * Returns the candidate that a misspelled name probably means: the nearest one, at a distance of at most two edits (insert, delete,
 * replace, swap neighbors). Returns undefined if there is none or if several are equally near. Ignores names longer than 64 UTF-16
 * code units and all candidates after the first 10,000.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = MAX_DISTANCE + 1;
  let isTie = false;
  let candidateCount = 0;
  for (const candidate of candidates) {
    if (++candidateCount > MAX_CANDIDATES) break;
    if (candidate === name || candidate === best || candidate.length > MAX_NAME_LENGTH) continue;
    const distance = editDistance(name, candidate, MAX_DISTANCE);
    // If every character is replaced, the names are not similar. For example, `x` is not near `y`.
    if (distance >= Math.max(name.length, candidate.length)) continue;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
      isTie = false;
    } else if (distance === bestDistance && distance <= MAX_DISTANCE) isTie = true;
  }
  return isTie ? undefined : best;
}

/** Returns the optimal string alignment distance of two names. Returns `bound + 1` for any distance above `bound`. */
export function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let rowBeforePrevious: number[] = [];
  let previousRow = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let rowBest = i;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a.charCodeAt(i - 1) === b.charCodeAt(j - 1);
      let cell = Math.min((previousRow[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previousRow[j - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1);
      if (isSwap) cell = Math.min(cell, (rowBeforePrevious[j - 2] ?? 0) + 1);
      row.push(cell);
      rowBest = Math.min(rowBest, cell);
    }
    if (rowBest > bound) return bound + 1;
    rowBeforePrevious = previousRow;
    previousRow = row;
  }
  return Math.min(previousRow[b.length] ?? 0, bound + 1);
}
