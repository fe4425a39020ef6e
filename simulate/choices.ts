/**
 * A simulated run makes choices: which fault, which member of an object, which number. A choice is a whole number from 0, and 0 always selects
 * the simplest option. The script of a run has all its choices. The same script makes the same run. Smaller choices make a simpler run.
 */

/** The choices of one run. Index 0 has the choices for the complete run; index n has those for the answer of call n. */
export type Script = readonly (readonly number[])[];

/** Random numbers from a seed (sfc32). Uses only 32-bit arithmetic, so every engine and every version of Node returns the same numbers. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** All three parameters are seeds. */
  constructor(seed: number, run: number, call: number) {
    this.#a = seed | 0;
    this.#b = run | 0;
    this.#c = call | 0;
    for (let i = 0; i < 12; i += 1) this.#next();
  }

  /** Returns a whole number from 0 up to, but not including, `count`. */
  below(count: number): number {
    return Math.floor((this.#next() / 0x1_0000_0000) * count);
  }

  /** Returns an index of `weights`, with a probability proportional to its weight. */
  weighted(weights: readonly number[]): number {
    let left = this.below(weights.reduce((sum, weight) => sum + weight, 0));
    return Math.max(
      0,
      weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      }),
    );
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** Makes the choices for one answer: first those of a script, then random ones. Without `random`, every choice beyond the script is 0. */
export class Chooser {
  /** The choices made so far. */
  readonly choices: number[] = [];
  readonly #script: readonly number[];
  readonly #random: Random | undefined;

  constructor(script: readonly number[], random: Random | undefined) {
    this.#script = script;
    this.#random = random;
  }

  /** Chooses from 0 up to, but not including, `count`. */
  below(count: number): number {
    return this.#choose(count, (random) => random.below(count));
  }

  /** Chooses an index of `weights`. The weights apply only to random choices; a script may choose any index. */
  weighted(weights: readonly number[]): number {
    return this.#choose(weights.length, (random) => random.weighted(weights));
  }

  /**
   * Chooses whether something special happens. The two weights decide how probable that is. Uses up one choice even if `isPossible` is
   * false, so that the later choices of a script keep their meaning.
   */
  happens(isPossible: boolean, [ordinary, special]: readonly [number, number]): boolean {
    return this.weighted(isPossible ? [ordinary, special] : [1]) === 1;
  }

  /** Chooses an element. The first is the simplest. */
  oneOf<T>(first: T, ...others: readonly T[]): T {
    const index = this.below(others.length + 1);
    return index === 0 ? first : (others[index - 1] ?? first);
  }

  #choose(count: number, draw: (random: Random) => number): number {
    const given = this.#script[this.choices.length];
    const choice = given === undefined ? (this.#random === undefined ? 0 : draw(this.#random)) : Math.min(given, Math.max(count - 1, 0));
    this.choices.push(choice);
    return choice;
  }
}

/** Removes the zeros at the end. They mean the same as missing choices. */
export function withoutTrailingZeros(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice !== 0) + 1);
}
