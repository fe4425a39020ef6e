/** Pages of lists. */
import type { PageQuery } from "./api.ts";

const DEFAULT_COUNT = 100;
export const MAX_COUNT = 1_000;

/** Returns the range of a page: the index of its first item and the index after its last one. */
export function rangeOf({ from = 0, count = DEFAULT_COUNT }: PageQuery): { readonly start: number; readonly end: number } {
  return { start: from, end: from + Math.min(count, MAX_COUNT) };
}

export function pageOf<T>(items: readonly T[], query: PageQuery): readonly T[] {
  const { start, end } = rangeOf(query);
  return items.slice(start, end);
}

/** Returns a page of the items, and the number of all items. */
export function pageOfAll<T>(items: Iterable<T>, query: PageQuery): { readonly page: readonly T[]; readonly total: number } {
  const { start, end } = rangeOf(query);
  const page: T[] = [];
  let total = 0;
  for (const item of items) {
    if (total >= start && total < end) page.push(item);
    total += 1;
  }
  return { page, total };
}
