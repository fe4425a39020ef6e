import { nearest } from "../vm/nearest.ts";

/** A whole hint: what differs only in the case of letters, or is near; `otherwise` when nothing is. */
export function didYouMean(name: string, candidates: Iterable<string>, otherwise: string): string {
  const names = [...candidates];
  const near = names.find((candidate) => candidate.toLowerCase() === name.toLowerCase()) ?? nearest(name, names);
  return near === undefined ? otherwise : `Did you mean "${near}"?`;
}
