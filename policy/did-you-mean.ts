import { nearest } from "../vm/nearest.ts";

/** A whole hint: what differs only in the case of letters and in separators, or is near; `otherwise` when nothing is. */
export function didYouMean(name: string, candidates: Iterable<string>, otherwise: string): string {
  const names = [...candidates];
  const near = names.find((candidate) => lettersOf(candidate) === lettersOf(name)) ?? nearest(name, names);
  return near === undefined ? otherwise : `Did you mean "${near}"?`;
}

const lettersOf = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");
