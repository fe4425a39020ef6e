export const BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Encodes bytes as Base64 with padding (RFC 4648, section 4). */
export function base64Text(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const digits = [18, 12, 6, 0].map((shift) => BASE64_ALPHABET.charAt((group >> shift) & 63));
    const missing = Math.max(0, i + 3 - bytes.length);
    out.push(digits.slice(0, 4 - missing).join("") + "=".repeat(missing));
  }
  return out.join("");
}
