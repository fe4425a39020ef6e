/** Shows the changes that a comparison of policies or programs found. */
import { type Direction, needsReview } from "../../analysis/policy-diff.ts";

export interface Changed {
  readonly direction: Direction;
  readonly path: string;
  readonly text: string;
}

/** Returns each change as one text. */
export const shownChanges = (changes: readonly Changed[]): readonly string[] =>
  changes.map(({ direction, path, text }) => `${direction}: ${path}: ${text}`);

/** Shows only the changes that need a review. */
export const changesToReview = (changes: readonly Changed[]): readonly string[] => shownChanges(changes.filter(needsReview));
