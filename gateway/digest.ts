/** SHA-256 by the host. Its module is loaded at the first use: most runs without a log need none, and it takes longer than they do. */
type Hash = typeof import("node:crypto")["hash"];

let hostHash: Hash | undefined;

/** Lower-case hexadecimal; text is taken as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  hostHash ??= process.getBuiltinModule("node:crypto").hash;
  return hostHash("sha256", data);
}
