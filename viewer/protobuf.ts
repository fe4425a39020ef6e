/**
 * Reads the part of the protobuf wire format that OTLP uses: https://protobuf.dev/programming-guides/encoding/
 * The work is linear in the size of the input. Malformed input throws `telemetry.otlp_malformed` with the byte offset.
 */
import { BorunaError } from "../vm/error.ts";

export type Field =
  | { readonly number: number; readonly type: "varint" | "fixed64"; readonly value: bigint }
  | { readonly number: number; readonly type: "fixed32"; readonly value: number }
  | { readonly number: number; readonly type: "bytes"; readonly value: Uint8Array; readonly offset: number };

const MAX_VARINT_BYTES = 10;
const MAX_FIELD_NUMBER = 536_870_911;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Yields the fields of one message in order. `base` is the offset of `bytes` in the request, which error messages need. */
export function* fieldsOf(bytes: Uint8Array, base: number): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  /** Moves past the next `count` bytes. Returns where they start. */
  const advance = (count: number): number => {
    if (count > bytes.length - position) throw malformed("a field goes beyond its message", base + position);
    const start = position;
    position += count;
    return start;
  };
  const readVarint = (): bigint => {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[advance(1)] ?? 0;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed("a varint has more than 10 bytes", base + position);
  };
  while (position < bytes.length) {
    const start = base + position;
    const tag = readVarint();
    const number = Number(tag >> 3n);
    if (number < 1 || number > MAX_FIELD_NUMBER) throw malformed("a field number out of range", start);
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, type: "varint", value: readVarint() };
        break;
      case 1:
        yield { number, type: "fixed64", value: view.getBigUint64(advance(8), true) };
        break;
      case 2: {
        const length = readVarint();
        if (length > BigInt(bytes.length - position)) throw malformed("a field goes beyond its message", start);
        const contentStart = advance(Number(length));
        yield { number, type: "bytes", value: bytes.subarray(contentStart, position), offset: base + contentStart };
        break;
      }
      case 5:
        yield { number, type: "fixed32", value: view.getUint32(advance(4), true) };
        break;
      default:
        throw malformed("a wire type that protobuf 3 does not have", start);
    }
  }
}

/** Decodes UTF-8. Throws `telemetry.otlp_malformed` if the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array, offset: number): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw malformed("text that is not UTF-8", offset);
    throw error;
  }
}

/** Returns the double with these IEEE 754 bits. */
export function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

/** Returns the error for a malformed request. `offset` is in bytes from the start of the request. */
export function malformed(problem: string, offset?: number): BorunaError {
  return new BorunaError(
    "telemetry.otlp_malformed",
    `malformed OTLP request: ${problem}`,
    offset === undefined ? {} : { place: { offset } },
  );
}
