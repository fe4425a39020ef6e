/** The length of a buffer that several small spaces share. */
const SHARED_LENGTH = 1 << 14;
/** The limit on the length of a space in a shared buffer. */
const MAX_SMALL_LENGTH = SHARED_LENGTH / 8;

/** The shared buffer that is being filled, and the number of its words in use. Its words are never used again, so all others are zero. */
let sharedBuffer = new ArrayBuffer(0);
let sharedLength = SHARED_LENGTH;

/**
 * Memory for several arrays of 32-bit integers. They share one buffer, because V8 takes longer to allocate the buffer of a short array than
 * to fill it. Small spaces share a buffer, too.
 */
export class WordSpace {
  readonly #buffer: ArrayBuffer;
  #usedBytes: number;

  /** `length` is the length of all arrays together. */
  constructor(length: number) {
    if (length > MAX_SMALL_LENGTH) {
      this.#buffer = new ArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT);
      this.#usedBytes = 0;
      return;
    }
    if (sharedLength + length > SHARED_LENGTH) {
      sharedBuffer = new ArrayBuffer(SHARED_LENGTH * Int32Array.BYTES_PER_ELEMENT);
      sharedLength = 0;
    }
    this.#buffer = sharedBuffer;
    this.#usedBytes = sharedLength * Int32Array.BYTES_PER_ELEMENT;
    sharedLength += length;
  }

  /** Returns the next array, which is filled with zeros. */
  take(length: number): Int32Array {
    const words = new Int32Array(this.#buffer, this.#usedBytes, length);
    this.#usedBytes += words.byteLength;
    return words;
  }
}
