/** Generators that are written as ordinary code: they take one choice after another from a list, and fast-check shrinks the list. */
import fc from "fast-check";

/** Returns the same values each time, for tests of what a generator makes, which must not depend on how many random cases run. */
export function fixedSample<T>(arbitrary: fc.Arbitrary<T>, count: number): readonly T[] {
  return fc.sample(arbitrary, { seed: 1, numRuns: count });
}

/** A list of choices that are taken one after another. When it is used up, each further choice is 0. */
export class Choices {
  readonly #raw: readonly number[];
  #at = 0;

  constructor(raw: readonly number[]) {
    this.#raw = raw;
  }

  /** Takes a choice from 0 to `count - 1`. */
  below(count: number): number {
    const raw = this.#raw[this.#at] ?? 0;
    this.#at += 1;
    return count < 2 ? 0 : raw % count;
  }

  /** True once in `count` times, and never when the choices are used up. */
  onceIn(count: number): boolean {
    return this.below(count) === count - 1;
  }

  /** Chooses one of the items. Undefined if there are none. */
  oneOf<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}

/** Generates lists of at most `maxChoices` choices. */
export function arbitraryChoices(maxChoices: number): fc.Arbitrary<Choices> {
  return fc
    .array(fc.nat(0xffff), { minLength: Math.floor(maxChoices / 16), maxLength: maxChoices, size: "max" })
    .map((raw) => new Choices(raw));
}
