import { BorunaError } from "../error.ts";

/** The maximum size of a snapshot without its header and digest, for writing and reading. */
export const MAX_STATE_BYTES = 256 * 1024 * 1024;

const INITIAL_CAPACITY = 1_024;
const VARINT_BASE = 128;
const NUMBER_BYTES = 8;

/** Throws `state.form`: the bytes are intact but not a state of the program. */
export function failState(message: string): never {
  throw new BorunaError("state.form", `not a state of this program: ${message}`);
}

export function tooLarge(): BorunaError {
  return new BorunaError("state.too_large", `a state of more than ${MAX_STATE_BYTES} bytes`);
}

/** Writes bytes, varints (LEB128) and 64-bit numbers (little endian). Throws `state.too_large` above `MAX_STATE_BYTES`. */
export class ByteWriter {
  #bytes = new Uint8Array(INITIAL_CAPACITY);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  u8(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Writes a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(NUMBER_BYTES);
    let rest = value;
    while (rest >= VARINT_BASE) {
      const low = rest % VARINT_BASE;
      this.#bytes[this.#length++] = low + VARINT_BASE;
      rest = (rest - low) / VARINT_BASE;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Writes the lowest 64 bits of the value. */
  u64(value: bigint): void {
    this.#reserve(NUMBER_BYTES);
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true);
    this.#length += NUMBER_BYTES;
  }

  f64(value: number): void {
    this.#reserve(NUMBER_BYTES);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += NUMBER_BYTES;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Returns the bytes written so far, as a view that is valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    if (needed > MAX_STATE_BYTES) throw tooLarge();
    const grown = new Uint8Array(Math.min(MAX_STATE_BYTES, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what `ByteWriter` writes. Throws `state.form` if the bytes are invalid. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) return failState("it is cut short");
    this.#offset += 1;
    return byte;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let byte = this.u8(); ; byte = this.u8()) {
      value += (byte % VARINT_BASE) * scale;
      if (!Number.isSafeInteger(value)) return failState("a number that is too large");
      if (byte < VARINT_BASE) return value;
      scale *= VARINT_BASE;
      if (scale > Number.MAX_SAFE_INTEGER) return failState("a number that is too long");
    }
  }

  /** Reads a varint of at most `max`. */
  readVarintUpTo(max: number, what: string): number {
    const value = this.varint();
    return value <= max ? value : failState(`${what} ${value} is over ${max}`);
  }

  /** Reads a varint below `size`. */
  readIndex(size: number, what: string): number {
    const value = this.varint();
    return value < size ? value : failState(`${what} ${value} is not there; there are ${size}`);
  }

  /** Reads the number of items that follow. Each item takes at least one byte, so a count above the number of remaining bytes is rejected. */
  readCount(what: string, max: number = Number.MAX_SAFE_INTEGER): number {
    return this.readVarintUpTo(Math.min(max, this.#bytes.length - this.#offset), `the number of ${what}`);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#skip(NUMBER_BYTES), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#skip(NUMBER_BYTES), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#skip(NUMBER_BYTES), true);
  }

  /** Reads `length` bytes and returns them as a view. */
  raw(length: number): Uint8Array {
    const offset = this.#skip(length);
    return this.#bytes.subarray(offset, offset + length);
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) failState("bytes after its end");
  }

  /** Skips `length` bytes and returns the offset of the first of them. */
  #skip(length: number): number {
    const offset = this.#offset;
    if (length > this.#bytes.length - offset) return failState("it is cut short");
    this.#offset += length;
    return offset;
  }
}
