/** Lists of numbers in typed arrays, for indexes over many records. */

/** A list of integers from 0 to 2^32 - 1. */
export class CountList {
  #numbers = new Uint32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }
  /** Returns undefined beyond the end. */
  at(index: number): number | undefined {
    return index >= 0 && index < this.#length ? this.#numbers[index] : undefined;
  }
  /** Returns the index of the largest number that is at most `value`, or -1. The numbers must be sorted. */
  lastAtMost(value: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** A list of integers from 0 to 255. */
export class ByteList {
  #numbers = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = value;
    this.#length += 1;
  }
  at(index: number): number | undefined {
    return index < this.#length ? this.#numbers[index] : undefined;
  }
}
