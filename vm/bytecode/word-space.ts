/**
 * Memory for several arrays of 32-bit integers. They share one buffer, because V8 takes longer to allocate the buffer of a short array than
 * to fill it.
 */
export class WordSpace {
  readonly #buffer: ArrayBuffer;
  #usedBytes = 0;

  /** `length` is the length of all arrays together. */
  constructor(length: number) {
    this.#buffer = new ArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Returns the next array, which is filled with zeros. */
  take(length: number): Int32Array {
    const words = new Int32Array(this.#buffer, this.#usedBytes, length);
    this.#usedBytes += words.byteLength;
    return words;
  }
}
