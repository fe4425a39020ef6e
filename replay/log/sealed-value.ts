/**
 * Sealed values: the blobs of a log that was recorded with `redactable`. Each value of such a log has its own blob, which holds the value and
 * a random salt:
 *
 *     {"Sealed":{"pad":"000…","salt":"7d1f…","value":{"Bool":true}}}
 *
 * The log holds only the hash and the length of the blob. So the blob can be removed later, and the chain and the signature of the log stay
 * valid. Nobody can find a removed value by hashing guesses, because nobody can guess the salt. `pad` makes the length of the blob a multiple
 * of 64 bytes, so that the length does not reveal whether the value is `true` or `false`.
 */
import { randomHex, sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, type JsonData } from "../../vm/json/json.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { objectOf, onlyFields, textOf } from "./json-fields.ts";

const SALT_BYTES = 32;
const BLOCK_BYTES = 64;

/** Returns the text of the blob that seals a value. `json` is the canonical JSON of the value. */
export const seal = (json: string): string => sealWith(randomHex(SALT_BYTES), json);

function sealWith(salt: string, json: string): string {
  const text = (pad: string): string => `{"Sealed":{"pad":"${pad}","salt":"${salt}","value":${json}}}`;
  return text("0".repeat((BLOCK_BYTES - (utf8Length(text("")) % BLOCK_BYTES)) % BLOCK_BYTES));
}

/** Returns the JSON of the value inside a sealed blob. Returns `data` if the blob is not sealed. Throws `log.form`. */
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
