/** SHA-256. Loads `node:crypto` on first use, because a run without a log rarely needs it and loading takes longer than such a run. */
type HashFunction = typeof import("node:crypto")["hash"];

let hash: HashFunction | undefined;

/** Returns the SHA-256 of `data` in lower-case hexadecimal. Text is encoded as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  hash ??= process.getBuiltinModule("node:crypto").hash;
  return hash("sha256", data);
}
