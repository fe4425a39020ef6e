/** Shows the changes that a comparison of policies or programs found. */
import { type Direction, needsReview } from "../../analysis/policy-diff.ts";

export interface Changed {
  readonly direction: Direction;
  readonly path: string;
  readonly text: string;
}

export const shown = (changes: readonly Changed[]): readonly string[] =>
  changes.map(({ direction, path, text }) => `${direction}: ${path}: ${text}`);

/** Shows only the changes that need a review. */
export const growing = (changes: readonly Changed[]): readonly string[] => shown(changes.filter(needsReview));
