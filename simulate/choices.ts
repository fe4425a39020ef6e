/**
 * A simulated run makes choices: which fault, which member of an object, which number. A choice is a whole number from 0, and 0 is always the
 * simplest. The script of a run is the list of its choices, so the same script makes the same run, and a simpler script makes a simpler run.
 */

/** The choices of one run: for each call those of its answer, in the order of the calls. Before them, at index 0, those for the whole run. */
export type Script = readonly (readonly number[])[];

/** Random numbers from a seed, with 32-bit arithmetic only, so that every engine and every Node returns the same ones (sfc32). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** The numbers depend on all three seeds. */
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

  /** Returns an index of `weights`. Each index is as likely as its weight says. */
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

/** Makes the choices of one answer: those of a script, then random ones. Without `random`, every choice beyond the script is 0. */
export class Chooser {
  readonly taken: number[] = [];
  readonly #script: readonly number[];
  readonly #random: Random | undefined;

  constructor(script: readonly number[], random: Random | undefined) {
    this.#script = script;
    this.#random = random;
  }

  /** Chooses from 0 up to, but not including, `count`. */
  below(count: number): number {
    return this.#take(count, (random) => random.below(count));
  }

  /** Chooses an index of `weights`. A random choice is as likely as its weight says; a script may choose any index. */
  weighted(weights: readonly number[]): number {
    return this.#take(weights.length, (random) => random.weighted(weights));
  }

  /**
   * Chooses whether something special happens, as likely as the two weights say. Takes a choice even if it is not possible, so that the
   * later choices of a script mean the same with and without it.
   */
  happens(isPossible: boolean, [ordinary, special]: readonly [number, number]): boolean {
    return this.weighted(isPossible ? [ordinary, special] : [1]) === 1;
  }

  /** Chooses an element. The first is the simplest. */
  oneOf<T>(first: T, ...others: readonly T[]): T {
    const at = this.below(others.length + 1);
    return at === 0 ? first : (others[at - 1] ?? first);
  }

  #take(count: number, draw: (random: Random) => number): number {
    const given = this.#script[this.taken.length];
    const choice = given === undefined ? (this.#random === undefined ? 0 : draw(this.#random)) : Math.min(given, Math.max(count - 1, 0));
    this.taken.push(choice);
    return choice;
  }
}

/** Removes the zeros at the end, which mean the same as nothing. */
export function withoutTail(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice !== 0) + 1);
}
