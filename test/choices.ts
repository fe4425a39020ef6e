/** Generators written as programs: they take one choice after the other, and shrink as the list of choices does. */
import fc from "fast-check";

/** The same values each time. Some of these show what a generator makes; a share of random values cannot. */
export function fixedSample<T>(arbitrary: fc.Arbitrary<T>, count: number): readonly T[] {
  return fc.sample(arbitrary, { seed: 1, numRuns: count });
}

/** Choices in a row; 0 where there are no more. */
export class Choices {
  readonly #raw: readonly number[];
  #at = 0;

  constructor(raw: readonly number[]) {
    this.#raw = raw;
  }

  /** 0 to `count - 1`. */
  next(count: number): number {
    const raw = this.#raw[this.#at] ?? 0;
    this.#at += 1;
    return count < 2 ? 0 : raw % count;
  }

  /** Once in `count` times; never when the choices are used up. */
  rarely(count: number): boolean {
    return this.next(count) === count - 1;
  }

  of<T>(items: readonly T[]): T | undefined {
    return items[this.next(items.length)];
  }
}

export function arbitraryChoices(most: number): fc.Arbitrary<Choices> {
  return fc.array(fc.nat(0xffff), { minLength: Math.floor(most / 16), maxLength: most, size: "max" }).map((raw) => new Choices(raw));
}
