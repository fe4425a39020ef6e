/**
 * Computes the hashes of records, which form a chain. The hash of a record is
 * SHA-256(hash of the previous record ‖ canonical JSON of this record without its hash and its signature). The first record uses 32 zero
 * bytes as the previous hash. Hashes are written in lower-case hexadecimal.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { lazily } from "../../vm/lazy.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import type { JsonObject } from "./json-fields.ts";

export const CHAIN_START = "0".repeat(64);

/** The record of an event is `{"event":EVENT,"hash":"HASH","n":N}`. These are its texts before EVENT, before HASH and after `"hash":"HASH"`. */
export const EVENT_MEMBER = '{"event":';
export const HASH_MEMBER = ',"hash":"';
export const afterEvent = (n: number): string => `,"n":${n}}`;

const HASH_BYTES = 32;
/** Maximum UTF-8 bytes of one UTF-16 code unit. */
export const MAX_UNIT_BYTES = 3;
/** The bytes of the record that is being hashed, if it is short. Reusing them saves memory. */
const sharedBytes = new Uint8Array(16 * 1024);
const sharedText = sharedBytes.subarray(HASH_BYTES);
const encoder = lazily(() => new TextEncoder());

/** Returns the hash of a record. `previous`: hash of the record before. `text`: canonical JSON of this record without its hash. */
export function hashOfText(previous: string, text: string): string {
  const fits = HASH_BYTES + text.length * MAX_UNIT_BYTES <= sharedBytes.length;
  const bytes = fits ? sharedBytes : new Uint8Array(HASH_BYTES + utf8Length(text));
  writeHash(previous, bytes);
  const { written } = encoder().encodeInto(text, fits ? sharedText : bytes.subarray(HASH_BYTES));
  return sha256Hex(fits ? sharedStart(HASH_BYTES + written) : bytes);
}

/** Returns the hash of a record whose own hash member is at the bytes from `cutFrom` to `cutTo`, which are left out. */
export function hashOfBytes(previous: string, record: Uint8Array, cutFrom: number, cutTo: number): string {
  const length = HASH_BYTES + record.length - (cutTo - cutFrom);
  const fits = length <= sharedBytes.length;
  const bytes = fits ? sharedBytes : new Uint8Array(length);
  writeHash(previous, bytes);
  // Records are short, so this loop is faster than creating a view for `set`.
  let targetIndex = HASH_BYTES;
  for (let i = 0; i < cutFrom; i += 1) bytes[targetIndex++] = record[i] ?? 0;
  for (let i = cutTo; i < record.length; i += 1) bytes[targetIndex++] = record[i] ?? 0;
  return sha256Hex(fits ? sharedStart(length) : bytes);
}

/** Writes the 32 bytes of a hash. */
function writeHash(hash: string, bytes: Uint8Array): void {
  for (let i = 0; i < HASH_BYTES; i += 1) bytes[i] = (digitOf(hash.charCodeAt(2 * i)) << 4) | digitOf(hash.charCodeAt(2 * i + 1));
}

/** Views of the start of `sharedBytes`, by length. The records of a log look alike, so there are few lengths. */
const sharedViews: Uint8Array[] = [];

function sharedStart(length: number): Uint8Array {
  return (sharedViews[length] ??= sharedBytes.subarray(0, length));
}

/**
 * Returns the value of a lower-case hexadecimal digit from its code unit. The low four bits of `0` to `9` are 0 to 9, those of `a` to `f` are 1
 * to 6. Of these, only the letters have bit 6 set.
 */
const digitOf = (unit: number): number => (unit & 15) + (unit >> 6) * 9;

/** Returns the hash that `record` must have after a record with the hash `previous`. Ignores the hash and the signature in `record`. */
export function hashOfRecord(previous: string, record: JsonObject): string {
  const content = new Map<string, JsonData>(record);
  content.delete("hash");
  if (content.has("end")) content.delete("signature");
  return hashOfText(previous, canonicalJson(content));
}
