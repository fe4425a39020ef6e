/** SHA-256 and random names. Loads `node:crypto` on first use: a short run rarely needs it, and loading takes longer than such a run. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { lazily } from "../vm/lazy.ts";
import { NODE } from "./platform.ts";

const crypto = lazily(() => process.getBuiltinModule("node:crypto"));

/** Returns the SHA-256 of `data` in lower-case hexadecimal. Text is encoded as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  if (NODE !== undefined) return crypto().hash("sha256", data);
  return bytesToHex(sha256(typeof data === "string" ? utf8ToBytes(data) : data));
}

/** Returns random bytes of a cryptographic generator, as lower-case hexadecimal. */
export function randomHex(byteCount: number): string {
  return crypto().randomBytes(byteCount).toString("hex");
}
