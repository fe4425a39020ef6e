/**
 * Signatures of logs. The host that runs a program can sign the hash of the end record, which covers all earlier records. The signature is a
 * member of the end record, and the hash does not cover this member:
 *
 *     {"end":{…},"hash":"d8…","signature":{"key":"MCowBQYDK2VwAyEA…","value":"4bX…"}}
 *
 * The signed bytes are the canonical JSON of the hash, the run id and the member `boruna_log_head`. No other text that Boruna signs has this
 * member, so no other signature is valid for a log.
 */
import { isSignedBy, type SigningKey } from "../../gateway/signing.ts";
import { canonicalJson, jsonObjectOf } from "../../vm/json/json.ts";
import { objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";

export interface HeadSignature {
  /** The public key, see `gateway/signing.ts`. `isValidSignature` checks the signature against it. */
  readonly key: string;
  /** The signature itself, in base64. */
  readonly value: string;
}

/** The name of the member of the end record that has the signature. */
export const SIGNATURE = "signature";

/** Maximum bytes of the member with the signature, including its name and the comma before it. */
export const MAX_SIGNATURE_BYTES = 256;

function signedBytes(runId: string, hash: string): Uint8Array {
  return new TextEncoder().encode(canonicalJson(jsonObjectOf(["boruna_log_head", 1], ["hash", hash], ["run_id", runId])));
}

/** Signs the hash of the end record. Returns the text of the member, with the comma before it. */
export function signatureMember(key: SigningKey, runId: string, hash: string): string {
  return memberText({ key: key.publicKey, value: key.sign(signedBytes(runId, hash)) });
}

export const memberText = ({ key, value }: HeadSignature): string =>
  `,"${SIGNATURE}":${canonicalJson(jsonObjectOf(["key", key], ["value", value]))}`;

/** Reads the signature of an end record. Undefined if the record has none. Throws `log.form`. */
export function signatureFromJson(record: JsonObject): HeadSignature | undefined {
  if (!record.has(SIGNATURE)) return undefined;
  const signature = objectOf(record.get(SIGNATURE), SIGNATURE);
  onlyFields(signature, ["key", "value"], SIGNATURE);
  return { key: textOf(signature.get("key"), "signature.key"), value: textOf(signature.get("value"), "signature.value") };
}

/** Whether the owner of the signature's key has signed this hash for this run. */
export function isValidSignature({ key, value }: HeadSignature, runId: string, hash: string): boolean {
  return isSignedBy(key, signedBytes(runId, hash), value);
}
