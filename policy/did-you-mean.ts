import { nearest } from "../vm/nearest.ts";

/** Returns the hint for an unknown name: `Did you mean "…"?` with the most similar candidate, or `fallbackHint` if none is similar. */
export function didYouMean(name: string, candidates: Iterable<string>, fallbackHint: string): string {
  const names = [...candidates];
  const near = names.find((candidate) => lettersOf(candidate) === lettersOf(name)) ?? nearest(name, names);
  return near === undefined ? fallbackHint : `Did you mean "${near}"?`;
}

/** Returns the name in lower case and without separators, so `allowNet` matches `allow_net`. */
const lettersOf = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");
