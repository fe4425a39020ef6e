import { BorunaError } from "../error.ts";

/** The most bytes of a snapshot after its digest, when writing and when reading. */
export const MAX_STATE_BYTES = 256 * 1024 * 1024;

const FIRST_CAPACITY = 1_024;
const PAYLOAD_BITS = 128;
const NUMBER_BYTES = 8;

/** Throws `state.form`: the bytes are undamaged but are not a state of the program. */
export function badState(message: string): never {
  throw new BorunaError("state.form", `not a state of this program: ${message}`);
}

export function tooLarge(): BorunaError {
  return new BorunaError("state.too_large", `a state of more than ${MAX_STATE_BYTES} bytes`);
}

/** Writes bytes, varints (LEB128) and 64-bit numbers (little endian). Throws `state.too_large` beyond `MAX_STATE_BYTES`. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_CAPACITY);
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
    while (rest >= PAYLOAD_BITS) {
      const low = rest % PAYLOAD_BITS;
      this.#bytes[this.#length++] = low + PAYLOAD_BITS;
      rest = (rest - low) / PAYLOAD_BITS;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Writes the lowest 64 bits. */
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

  /** The bytes written so far. A view that is valid until the next write. */
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

/** Reads what `ByteWriter` writes. Throws `state.form`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return badState("it is cut short");
    this.#at += 1;
    return byte;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let byte = this.u8(); ; byte = this.u8()) {
      value += (byte % PAYLOAD_BITS) * scale;
      if (!Number.isSafeInteger(value)) return badState("a number that is too large");
      if (byte < PAYLOAD_BITS) return value;
      scale *= PAYLOAD_BITS;
      if (scale > Number.MAX_SAFE_INTEGER) return badState("a number that is too long");
    }
  }

  /** Reads a varint of at most `max`. */
  upTo(max: number, what: string): number {
    const value = this.varint();
    return value <= max ? value : badState(`${what} ${value} is over ${max}`);
  }

  /** Reads a varint below `size`. */
  index(size: number, what: string): number {
    const value = this.varint();
    return value < size ? value : badState(`${what} ${value} is not there; there are ${size}`);
  }

  /** Reads the number of items that follow. Each takes at least one byte, so a count larger than the rest is refused. */
  count(what: string, max: number = Number.MAX_SAFE_INTEGER): number {
    return this.upTo(Math.min(max, this.#bytes.length - this.#at), `the number of ${what}`);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(NUMBER_BYTES), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(NUMBER_BYTES), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(NUMBER_BYTES), true);
  }

  /** Reads `length` bytes; returns a view. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) badState("bytes after its end");
  }

  /** Skips `length` bytes and returns the offset of the first. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) return badState("it is cut short");
    this.#at += length;
    return at;
  }
}
