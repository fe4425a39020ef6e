/** The builtins `panic`, `hash.sha256` and `base64`. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { BASE64_ALPHABET, base64Text } from "../value/base64.ts";
import { BYTES, UNITS } from "../cost.ts";
import { MachineTrap, type Meter, WorkMeter } from "../meter.ts";
import { chunksOf, TextBuilder } from "../value/text-chunks.ts";
import { utf8Length } from "../value/utf8.ts";
import { ErrValue, OkValue, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectString } from "./code.ts";

const HASH_HEX_UNITS = 64;
/** The Base64 digit of each ASCII character; -1 for a character outside the alphabet. */
const DIGITS: Int8Array = Int8Array.from({ length: 128 }, (_, unit) => BASE64_ALPHABET.indexOf(String.fromCharCode(unit)));

function encode(meter: Meter, source: string): Value {
  const work = new WorkMeter(meter);
  work.add(source.length * UNITS.convertedCodeUnit);
  const units = Math.ceil(utf8Length(source) / 3) * 4;
  work.add(units * UNITS.convertedCodeUnit);
  meter.allocateString(units);
  const text = new TextBuilder();
  let rest = new Uint8Array();
  for (const chunk of chunksOf(source)) {
    const bytes = concatBytes(rest, utf8ToBytes(chunk));
    const complete = bytes.length - (bytes.length % 3);
    text.add(base64Text(bytes.subarray(0, complete)));
    rest = bytes.slice(complete);
  }
  text.add(base64Text(rest));
  return text.toString();
}

function hash(source: string): string {
  const digest = sha256.create();
  for (const chunk of chunksOf(source)) digest.update(utf8ToBytes(chunk));
  return bytesToHex(digest.digest());
}

/** Decodes canonical Base64 with padding. Returns undefined for any other text. */
function decodeBytes(source: string): Uint8Array | undefined {
  if (source.length % 4 !== 0) return undefined;
  const padding = source.endsWith("==") ? 2 : source.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((source.length / 4) * 3 - padding);
  let at = 0;
  for (let i = 0; i < source.length; i += 4) {
    let group = 0;
    const used = i + 4 === source.length ? 4 - padding : 4;
    for (let j = 0; j < 4; j++) {
      const digit = j < used ? (DIGITS[source.charCodeAt(i + j)] ?? -1) : 0;
      if (digit < 0) return undefined;
      group = (group << 6) | digit;
    }
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (group >> shift) & 255;
    // Unused bits must be zero, so that each value has exactly one encoding.
    if (used < 4 && (group & (used === 3 ? 0xff : 0xffff)) !== 0) return undefined;
  }
  return bytes;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    // The decoder reports malformed input as a TypeError.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function decode(meter: Meter, source: string): Value {
  meter.charge(source.length * 2 * UNITS.convertedCodeUnit);
  // A byte becomes at most one code unit.
  meter.allocateString(Math.ceil((source.length / 4) * 3));
  meter.allocate(BYTES.wrapper);
  const bytes = decodeBytes(source);
  if (bytes === undefined) return new ErrValue("not Base64");
  const decoded = decodeUtf8(bytes);
  return decoded === undefined ? new ErrValue("not UTF-8") : new OkValue(decoded);
}

export const OTHER_CODE: readonly (readonly [string, BuiltinCode])[] = [
  [
    "panic",
    code(1, (meter, a) => {
      const message = expectString(a);
      meter.charge(message.length * UNITS.codeUnit);
      throw new MachineTrap("assertion_failed", `panic: ${message}`);
    }),
  ],
  [
    "hash.sha256",
    code(1, (meter, a) => {
      const source = expectString(a);
      meter.charge(source.length * UNITS.convertedCodeUnit);
      meter.allocateString(HASH_HEX_UNITS);
      return hash(source);
    }),
  ],
  ["base64.encode", code(1, (meter, a) => encode(meter, expectString(a)))],
  ["base64.decode", code(1, (meter, a) => decode(meter, expectString(a)))],
];
