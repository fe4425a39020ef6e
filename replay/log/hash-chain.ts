/**
 * Computes the hashes of records, which form a chain. The hash of a record is
 * SHA-256(hash of the previous record ‖ canonical JSON of this record without its hash). For the first record, 32 zero bytes
 * take the place of the previous hash. Hashes are written in lower-case hexadecimal.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { lazily } from "../../vm/lazy.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import type { JsonObject } from "./json-fields.ts";

export const CHAIN_START = "0".repeat(64);

/** The texts around the contents of a record. Members are sorted by name, so `hash` and `n` follow `event`, and `hash` follows `end`. */
export const EVENT_MEMBER = '{"event":';
export const HASH_MEMBER = ',"hash":"';
export const afterEvent = (n: number): string => `,"n":${n}}`;

const HASH_BYTES = 32;
/** Maximum UTF-8 bytes of one UTF-16 code unit. */
export const MAX_UNIT_BYTES = 3;
/** Bytes for short records, reused so that hashing them allocates little memory. */
const sharedBytes = new Uint8Array(16 * 1024);
const sharedText = sharedBytes.subarray(HASH_BYTES);
const encoder = lazily(() => new TextEncoder());

/** Returns the hash of a record. `previous` is the hash of the record before, `text` the canonical JSON without the hash. */
export function hashOfText(previous: string, text: string): string {
  const fits = HASH_BYTES + text.length * MAX_UNIT_BYTES <= sharedBytes.length;
  const bytes = fits ? sharedBytes : new Uint8Array(HASH_BYTES + utf8Length(text));
  for (let i = 0; i < HASH_BYTES; i += 1) bytes[i] = (digitOf(previous.charCodeAt(2 * i)) << 4) | digitOf(previous.charCodeAt(2 * i + 1));
  const { written } = encoder().encodeInto(text, fits ? sharedText : bytes.subarray(HASH_BYTES));
  return sha256Hex(bytes.subarray(0, HASH_BYTES + written));
}

/** Returns the value of a hexadecimal digit in lower case, of which the code unit is given. The codes of letters have bit 6, and `a` ends with 1. */
const digitOf = (unit: number): number => (unit & 15) + (unit >> 6) * 9;

/** Returns the hash that `record` must have if `previous` is the hash of the record before. Ignores the hash and the signature in `record`. */
export function hashOfRecord(previous: string, record: JsonObject): string {
  const content = new Map<string, JsonData>(record);
  content.delete("hash");
  if (content.has("end")) content.delete("signature");
  return hashOfText(previous, canonicalJson(content));
}
