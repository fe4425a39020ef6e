/**
 * Ed25519 keys (RFC 8032) and signatures, as texts. The text of a public key is the base64 of its DER form (SPKI, RFC 8410). The text of a
 * signature is the base64 of its 64 bytes.
 */
import { lazily } from "../vm/lazy.ts";

const crypto = lazily(() => process.getBuiltinModule("node:crypto"));

/** A private key and its public key. */
export interface SigningKey {
  readonly publicKey: string;
  sign(bytes: Uint8Array): string;
}

/** Returns the key of a PEM text, or undefined if it is not an Ed25519 private key without a passphrase. */
export function signingKeyOf(pem: string): SigningKey | undefined {
  try {
    const privateKey = crypto().createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== "ed25519") return undefined;
    const publicKey = crypto().createPublicKey(privateKey).export({ type: "spki", format: "der" }).toString("base64");
    return { publicKey, sign: (bytes) => crypto().sign(null, bytes, privateKey).toString("base64") };
  } catch {
    return undefined;
  }
}

/** The DER form of every Ed25519 public key begins with these 12 bytes. The 32 bytes of the key follow. */
const SPKI_START = "302a300506032b6570032100";

/** Whether the text is the base64 of `bytes` bytes, exactly as an encoder writes it. */
const isBase64 = (text: string, bytes: number): boolean => {
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text;
};

const isPublicKey = (key: string): boolean => isBase64(key, 44) && Buffer.from(key, "base64").toString("hex").startsWith(SPKI_START);

/** Returns the public key in a text, which is PEM or the base64 of the DER form. Undefined for any other text, also for a private key. */
export function publicKeyOf(text: string): string | undefined {
  const base64 = /^-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----$/.exec(text.trim())?.[1] ?? text;
  const key = base64.replaceAll(/\s/g, "");
  return isPublicKey(key) ? key : undefined;
}

/** Whether `signature` is a valid signature of `bytes` with this key. False if `key` is no public key or `signature` no signature. */
export function isSignedBy(key: string, bytes: Uint8Array, signature: string): boolean {
  if (!isPublicKey(key) || !isBase64(signature, 64)) return false;
  const publicKey = crypto().createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
  return crypto().verify(null, bytes, publicKey, Buffer.from(signature, "base64"));
}

/** Makes a key pair. Returns the PEM text of each key, and the public key in base64. */
export function generateKey(): { readonly privatePem: string; readonly publicPem: string; readonly publicKey: string } {
  const { privateKey, publicKey } = crypto().generateKeyPairSync("ed25519");
  return {
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  };
}
