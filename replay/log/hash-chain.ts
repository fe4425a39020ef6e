/**
 * The hash chain: each record's hash is SHA-256(previous hash ‖ canonical JSON of the record without its hash).
 * The first previous hash is 32 zero bytes. Hashes are written as lower-case hexadecimal.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import type { JsonObject } from "./json-fields.ts";

export const CHAIN_START = "0".repeat(64);

/** A record is canonical JSON: an event's hash and number follow the event, the end's hash follows the end. */
export const EVENT_MEMBER = '{"event":';
export const HASH_MEMBER = ',"hash":"';
export const afterEvent = (n: number): string => `,"n":${n}}`;

const HASH_BYTES = 32;
/** UTF-8 bytes of one UTF-16 code unit, at most. */
const UNIT_BYTES = 3;
/** Where short records are put together, so that each costs no buffer of its own. */
const scratch = Buffer.allocUnsafe(16 * 1024);

/** `text` is the canonical JSON of the record without its hash. */
export function chainText(previous: string, text: string): string {
  const fits = HASH_BYTES + text.length * UNIT_BYTES <= scratch.length;
  const bytes = fits ? scratch : Buffer.allocUnsafe(HASH_BYTES + Buffer.byteLength(text));
  bytes.write(previous, 0, HASH_BYTES, "hex");
  const end = HASH_BYTES + bytes.write(text, HASH_BYTES, "utf8");
  return sha256Hex(bytes.subarray(0, end));
}

/** The hash that stands in `record` when it follows `previous`; a hash already in it is left out. */
export function chainHash(previous: string, record: JsonObject): string {
  const content = new Map<string, JsonData>(record);
  content.delete("hash");
  return chainText(previous, canonicalJson(content));
}
