/**
 * The hash chain: each record's hash is SHA-256(previous hash ‖ canonical JSON of the record without its hash).
 * The first previous hash is 32 zero bytes. Hashes are written as lower-case hexadecimal.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import type { JsonObject } from "./json-fields.ts";

export const CHAIN_START = "0".repeat(64);

/** The texts around the contents of a record. Its members are sorted by name, so `hash` and `n` follow `event`, and `hash` follows `end`. */
export const EVENT_MEMBER = '{"event":';
export const HASH_MEMBER = ',"hash":"';
export const afterEvent = (n: number): string => `,"n":${n}}`;

const HASH_BYTES = 32;
/** Maximum UTF-8 bytes of one UTF-16 code unit. */
export const UNIT_BYTES = 3;
/** Reused for short records, so that they allocate no buffer. */
const scratch = Buffer.allocUnsafe(16 * 1024);

/** The hash of a record that follows `previous`. `text` is its canonical JSON without its own hash. */
export function hashOfText(previous: string, text: string): string {
  const fits = HASH_BYTES + text.length * UNIT_BYTES <= scratch.length;
  const bytes = fits ? scratch : Buffer.allocUnsafe(HASH_BYTES + Buffer.byteLength(text));
  bytes.write(previous, 0, HASH_BYTES, "hex");
  const end = HASH_BYTES + bytes.write(text, HASH_BYTES, "utf8");
  return sha256Hex(bytes.subarray(0, end));
}

/** The hash of `record` when it follows `previous`, whatever hash it already contains. */
export function hashOfRecord(previous: string, record: JsonObject): string {
  const content = new Map<string, JsonData>(record);
  content.delete("hash");
  return hashOfText(previous, canonicalJson(content));
}
