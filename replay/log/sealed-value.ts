/**
 * Sealed values: the blobs of a log that was recorded with `redactable`. Each value of the log is a blob of its own, which holds the value
 * with a random salt:
 *
 *     {"Sealed":{"pad":"000…","salt":"7d1f…","value":{"Bool":true}}}
 *
 * The log names the blob by its hash. So the blob can be taken away later: the chain and the signature of the log still hold, and nobody can
 * find the value by hashing guesses, because nobody can guess the salt. `pad` makes the length of the blob, which the log names too, a
 * multiple of 64 bytes, so that it does not tell `true` from `false`.
 */
import { randomHex, sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../../vm/json/json.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { objectOf, onlyFields, textOf } from "./json-fields.ts";

const SALT_BYTES = 32;
const BLOCK_BYTES = 64;

/** Returns the text of the blob for a value, whose canonical JSON is given. */
export const seal = (json: string): string => sealWith(randomHex(SALT_BYTES), json);

function sealWith(salt: string, json: string): string {
  const text = (pad: string): string => `{"Sealed":{"pad":"${pad}","salt":"${salt}","value":${json}}}`;
  return text("0".repeat((BLOCK_BYTES - (utf8Length(text("")) % BLOCK_BYTES)) % BLOCK_BYTES));
}

/** Returns the JSON of the value in the blob of a sealed value; of any other blob, `data` itself. Throws `log.form`. */
export function unseal(data: JsonData, sha256: string): JsonData {
  if (!isJsonObject(data) || !data.has("Sealed")) return data;
  onlyFields(data, ["Sealed"], "a sealed value");
  const sealed = objectOf(data.get("Sealed"), "Sealed");
  const salt = textOf(sealed.get("salt"), "Sealed.salt");
  const value = sealed.get("value");
  if (!/^[0-9a-f]{64}$/.test(salt) || value === undefined || sha256Hex(sealWith(salt, canonicalJson(value))) !== sha256)
    throw new BorunaError("log.form", `blob ${sha256} is not written as boruna writes it`);
  return value;
}
