/**
 * DSSE envelopes (https://github.com/secure-systems-lab/dsse, version 1.0.0), which sign a payload of any type. The signature is over the
 * pre-authentication encoding (PAE), which holds the type and the payload:
 *
 *     "DSSEv1" SP length of the type in bytes SP type SP length of the payload in bytes SP payload
 *
 * An envelope here has one signature, by an Ed25519 key. Its `keyid` is the base64 of the public key in DER form. Anybody can sign the
 * payload again with another key, so a reader must compare `keyid` with a key that they trust.
 */
import { isSignedBy, type SigningKey } from "../../gateway/signing.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, type JsonData, jsonObjectOf, parseJson } from "../../vm/json/json.ts";
import { arrayOf, objectOf, textOf } from "../log/json-fields.ts";
import { decodeUtf8 } from "../log/utf8-text.ts";

/** The type of a payload that is an in-toto statement. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

export function preAuthenticationEncoding(type: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

export interface Envelope {
  readonly payload: Uint8Array;
  /** The public key that verifies the signature. */
  readonly signerKey: string;
}

/** Returns the text of an envelope with an in-toto statement. */
export function signEnvelope(payload: Uint8Array, key: SigningKey): string {
  return envelopeText(payload, key.publicKey, key.sign(preAuthenticationEncoding(STATEMENT_TYPE, payload)));
}

function envelopeText(payload: Uint8Array, keyid: string, sig: string): string {
  const signatures: JsonData = [jsonObjectOf(["keyid", keyid], ["sig", sig])];
  const envelope = jsonObjectOf(
    ["payload", Buffer.from(payload).toString("base64")],
    ["payloadType", STATEMENT_TYPE],
    ["signatures", signatures],
  );
  return `${canonicalJson(envelope)}\n`;
}

/**
 * Reads an envelope and checks its signature. Refuses an envelope whose bytes differ from what `signEnvelope` writes, for example in the
 * order of members, white space or base64: not one byte of a bundle may change. Throws `evidence.envelope`.
 */
export function openEnvelope(bytes: Uint8Array): Envelope {
  const { payload, keyid, sig, text } = readEnvelope(bytes);
  if (envelopeText(payload, keyid, sig) !== text) throw envelopeError("it is not written as boruna writes it");
  if (!isSignedBy(keyid, preAuthenticationEncoding(STATEMENT_TYPE, payload), sig))
    throw envelopeError("the signature is not one of its payload by the key that it names");
  return { payload, signerKey: keyid };
}

function readEnvelope(bytes: Uint8Array): {
  readonly payload: Uint8Array;
  readonly keyid: string;
  readonly sig: string;
  readonly text: string;
} {
  try {
    const text = decodeUtf8(bytes, "its text");
    const envelope = objectOf(parseJson(text, { maxDepth: 8 }), "envelope");
    const [signature] = arrayOf(envelope.get("signatures"), "signatures");
    const { keyid, sig } = { keyid: objectOf(signature, "signature").get("keyid"), sig: objectOf(signature, "signature").get("sig") };
    return {
      payload: Buffer.from(textOf(envelope.get("payload"), "payload"), "base64"),
      keyid: textOf(keyid, "keyid"),
      sig: textOf(sig, "sig"),
      text,
    };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    throw envelopeError(error.message);
  }
}

const envelopeError = (message: string): BorunaError => new BorunaError("evidence.envelope", `the envelope: ${message}`);
