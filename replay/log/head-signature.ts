/**
 * Signatures of logs: whoever runs a program signs the hash of the end record, which covers all records before it. The signature is a
 * member of the end record that the hash does not cover:
 *
 *     {"end":{…},"hash":"d8…","signature":{"key":"MCowBQYDK2VwAyEA…","value":"4bX…"}}
 *
 * What is signed is the canonical JSON of the hash and the run id, with a first member that no other signed text of Boruna has.
 */
import { isSignedBy, type SigningKey } from "../../gateway/signing.ts";
import { canonicalJson, jsonObjectOf } from "../../vm/json/json.ts";
import { objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";

export interface HeadSignature {
  /** The public key, see `gateway/signing.ts`. It only says whose signature this claims to be. */
  readonly key: string;
  readonly value: string;
}

/** The name of the member of the end record. */
export const SIGNATURE = "signature";

/** Maximum bytes of the member with its name and the comma before it. */
export const MAX_SIGNATURE_BYTES = 256;

function signedBytes(runId: string, hash: string): Uint8Array {
  return new TextEncoder().encode(canonicalJson(jsonObjectOf(["boruna_log_head", 1], ["hash", hash], ["run_id", runId])));
}

/** Returns the text of the member with the comma before it. `hash` is that of the end record. */
export function signatureMember(key: SigningKey, runId: string, hash: string): string {
  return memberText({ key: key.publicKey, value: key.sign(signedBytes(runId, hash)) });
}

export const memberText = ({ key, value }: HeadSignature): string =>
  `,"${SIGNATURE}":${canonicalJson(jsonObjectOf(["key", key], ["value", value]))}`;

/** Reads the member of an end record; undefined if there is none. Throws `log.form`. */
export function signatureFromJson(record: JsonObject): HeadSignature | undefined {
  if (!record.has(SIGNATURE)) return undefined;
  const signature = objectOf(record.get(SIGNATURE), SIGNATURE);
  onlyFields(signature, ["key", "value"], SIGNATURE);
  return { key: textOf(signature.get("key"), "signature.key"), value: textOf(signature.get("value"), "signature.value") };
}

/** Whether the owner of the key that the signature names has signed this hash of this run. */
export function isValidSignature({ key, value }: HeadSignature, runId: string, hash: string): boolean {
  return isSignedBy(key, signedBytes(runId, hash), value);
}
