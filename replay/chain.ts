/**
 * The hash chain: each record's hash is SHA-256(previous hash ‖ canonical JSON of the record without its hash).
 * The first previous hash is 32 zero bytes. Hashes are written as lower-case hexadecimal.
 */
import { hash } from "node:crypto";
import { canonicalJson, type JsonData } from "../vm/json.ts";
import type { JsonObject } from "./fields.ts";

export const CHAIN_START = "0".repeat(64);

export function sha256Hex(data: string | Uint8Array): string {
  return hash("sha256", data);
}

/** `text` is the canonical JSON of the record without its hash. */
export function chainText(previous: string, text: string): string {
  return hash("sha256", Buffer.concat([Buffer.from(previous, "hex"), Buffer.from(text, "utf8")]));
}

/** The hash that stands in `record` when it follows `previous`; a hash already in it is left out. */
export function chainHash(previous: string, record: JsonObject): string {
  const content = new Map<string, JsonData>(record);
  content.delete("hash");
  return chainText(previous, canonicalJson(content));
}
