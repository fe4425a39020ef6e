import { nearest } from "../vm/nearest.ts";

/** The hint of an error about an unknown name: `Did you mean "…"?` with the most similar candidate, or `otherwise` if none is similar. */
export function didYouMean(name: string, candidates: Iterable<string>, otherwise: string): string {
  const names = [...candidates];
  const near = names.find((candidate) => lettersOf(candidate) === lettersOf(name)) ?? nearest(name, names);
  return near === undefined ? otherwise : `Did you mean "${near}"?`;
}

/** The name without case and separators, so that `allowNet` matches `allow_net`. */
const lettersOf = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, "");
