/** The syntax tree of a pattern. Each node has its size, so that a huge repetition is rejected before it is expanded. */
import type { Ranges } from "./ranges.ts";

export type Assertion = "text_start" | "text_end" | "line_start" | "line_end" | "word_border" | "no_word_border";

type PatternNode =
  | { readonly kind: "empty" }
  | { readonly kind: "set"; readonly ranges: Ranges }
  | { readonly kind: "assert"; readonly test: Assertion }
  | { readonly kind: "group"; readonly part: Pattern; readonly index: number }
  | { readonly kind: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly kind: "choice"; readonly parts: readonly Pattern[] }
  | { readonly kind: "repeat"; readonly part: Pattern; readonly min: number; readonly max: number; readonly greedy: boolean };

/** `size` is the number of instructions that `compile.ts` makes for the pattern. `nullable` says whether it can match the empty text. */
export type Pattern = PatternNode & { readonly size: number; readonly nullable: boolean };

/** The only pattern whose size is 0. */
export const EMPTY: Pattern = { kind: "empty", size: 0, nullable: true };

export const set = (ranges: Ranges): Pattern => ({ kind: "set", ranges, size: 1, nullable: false });

export const assertion = (test: Assertion): Pattern => ({ kind: "assert", test, size: 1, nullable: true });

/** Makes a group whose position the program stores. */
export const group = (part: Pattern, index: number): Pattern => ({
  kind: "group",
  part,
  index,
  size: part.size + 2,
  nullable: part.nullable,
});

const totalSize = (parts: readonly Pattern[]): number => parts.reduce((sum, part) => sum + part.size, 0);

export function sequence(items: readonly Pattern[]): Pattern {
  const parts = items.filter((item) => item.size > 0);
  const [first = EMPTY, second] = parts;
  if (second === undefined) return first;
  return { kind: "sequence", parts, size: totalSize(parts), nullable: parts.every((part) => part.nullable) };
}

export function choice(parts: readonly Pattern[]): Pattern {
  const [first = EMPTY, second] = parts;
  if (second === undefined) return first;
  return { kind: "choice", parts, size: totalSize(parts) + parts.length - 1, nullable: parts.some((part) => part.nullable) };
}

/** Makes a repetition. `max` is Infinity if there is no upper bound. */
export function repeat(part: Pattern, min: number, max: number, greedy: boolean): Pattern {
  if (part.size === 0 || max === 0) return EMPTY;
  const { nullable } = part;
  const loopSplits = min > 0 ? 1 : nullable ? 2 : 1;
  const size = max === Number.POSITIVE_INFINITY ? Math.max(min, 1) * part.size + loopSplits : max * part.size + (max - min);
  return { kind: "repeat", part, min, max, greedy, size, nullable: nullable || min === 0 };
}
