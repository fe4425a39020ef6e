/** SHA-256. `node:crypto` is loaded on first use: a run without a log rarely needs it, and loading it takes longer than such a run. */
type Hash = typeof import("node:crypto")["hash"];

let hash: Hash | undefined;

/** Returns lower-case hexadecimal. Text is encoded as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  hash ??= process.getBuiltinModule("node:crypto").hash;
  return hash("sha256", data);
}
