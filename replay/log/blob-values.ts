/**
 * Converts values to and from their form in a log. A value whose canonical JSON is longer than `inlineBytes` bytes is stored in a blob, and
 * the record refers to the blob. Other values are in the record. A long text, such as the message of an error, is stored in a blob as a
 * String value.
 *
 *     {"String":"hello"}                          in the record
 *     {"Blob":{"bytes":70014,"sha256":"9f86…"}}   in the file FILE.blobs/9f86…
 *
 * In a redactable log, every value is in a blob, see `sealed-value.ts`.
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { taggedJsonText, valueFromTaggedJson, valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { FloatValue, replaceLoneSurrogates, type Value } from "../../vm/value/value.ts";
import type { BlobReader } from "./memory-blobs.ts";
import { decodeUtf8 } from "./utf8-text.ts";
import { countOf, digestOf, jsonObject, objectOf, onlyFields } from "./json-fields.ts";
import { RECORD_JSON_DEPTH } from "./log-limits.ts";
import { unseal } from "./sealed-value.ts";

/** A reference that a record has in place of a value or a text, which is in a blob. */
export class BlobRef {
  /** SHA-256 of the blob in lower-case hexadecimal. The blob is the value's canonical JSON, in a redactable log in its sealed form. */
  readonly sha256: string;
  /** Length of the blob in bytes. */
  readonly bytes: number;
  constructor(sha256: string, bytes: number) {
    this.sha256 = sha256;
    this.bytes = bytes;
  }
}

export type ValueOrBlob = Value | BlobRef;
export type TextOrBlob = string | BlobRef;

/** Stores a canonical JSON text of `bytes` UTF-8 bytes as a blob and returns the reference to it. */
export type PutBlob = (text: string, bytes: number) => BlobRef;

/**
 * Returns the value as JSON for a record. If `put` is undefined, every value stays in the record.
 * Throws `value.not_portable` and `value.too_deep` for a value that is not serializable.
 */
export function valueToLogJson(value: ValueOrBlob, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (value instanceof BlobRef) return blobToJson(value);
  if (put === undefined || isSurelyShort(value, inlineBytes)) return valueToTaggedJson(value);
  const text = valueText(value);
  // For most values the bytes need not be counted, because a UTF-16 code unit takes at most three.
  if (text.length * 3 <= inlineBytes) return valueToTaggedJson(value);
  const bytes = utf8Length(text);
  return bytes <= inlineBytes ? valueToTaggedJson(value) : blobToJson(put(text, bytes));
}

/** Maximum bytes of one UTF-16 code unit of a String in JSON. */
const MAX_JSON_UNIT_BYTES = 6;
/** Maximum bytes of any other scalar in JSON, including its tag. */
const MAX_SCALAR_BYTES = 64;

/** Whether the JSON of the value has at most `inlineBytes` bytes. Writes no JSON, so for some short values the answer is false. */
export function isSurelyShort(value: ValueOrBlob, inlineBytes: number): boolean {
  if (typeof value === "string") return value.length * MAX_JSON_UNIT_BYTES + MAX_SCALAR_BYTES <= inlineBytes;
  return (typeof value !== "object" || value instanceof FloatValue) && inlineBytes >= MAX_SCALAR_BYTES;
}

/** Returns the data as canonical JSON. Throws `log.too_large` if the JSON is too long for a JavaScript string. */
export const jsonText = (data: JsonData): string => fittingText(() => canonicalJson(data));

/** Returns the canonical JSON of a value. Throws the errors of `valueToTaggedJson` and `jsonText`. */
export const valueText = (value: Value): string => fittingText(() => taggedJsonText(value));

function fittingText(write: () => string): string {
  try {
    return write();
  } catch (error) {
    // V8 limits strings to about 2^29 code units.
    if (error instanceof RangeError) throw new BorunaError("log.too_large", "a value is too long for the log", { cause: error });
    throw error;
  }
}

/** Returns the text as JSON for a record. Lone surrogates, which UTF-8 cannot encode, become U+FFFD. */
export function textToLogJson(textOrBlob: TextOrBlob, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (textOrBlob instanceof BlobRef) return blobToJson(textOrBlob);
  const text = replaceLoneSurrogates(textOrBlob);
  if (put === undefined || text.length * 3 <= inlineBytes) return text;
  const data = valueToLogJson(text, inlineBytes, put);
  return isJsonObject(data) && data.has("Blob") ? data : text;
}

function blobToJson(ref: BlobRef): JsonData {
  return new Map([["Blob", jsonObject({ sha256: ref.sha256, bytes: ref.bytes })]]);
}

function blobFromJson(data: JsonData, fieldName: string): BlobRef | undefined {
  if (!isJsonObject(data) || !data.has("Blob")) return undefined;
  onlyFields(data, ["Blob"], fieldName);
  const blob = objectOf(data.get("Blob"), fieldName);
  onlyFields(blob, ["sha256", "bytes"], fieldName);
  return new BlobRef(digestOf(blob.get("sha256"), `${fieldName}.sha256`), countOf(blob.get("bytes"), `${fieldName}.bytes`));
}

/** Reads a value of a record. `fieldName` names the value in error messages. Throws `log.form`, `value.form`. */
export function valueFromLogJson(data: JsonData | undefined, fieldName: string): ValueOrBlob {
  if (data === undefined) throw new BorunaError("log.form", `${fieldName}: expected a value`);
  return blobFromJson(data, fieldName) ?? valueFromTaggedJson(data, { maxDepth: MACHINE_LIMITS.valueDepth });
}

/** Reads a text of a record. `fieldName` names the text in error messages. Throws `log.form`. */
export function textFromLogJson(data: JsonData | undefined, fieldName: string): TextOrBlob {
  const ref = data === undefined ? undefined : blobFromJson(data, fieldName);
  if (ref !== undefined) return ref;
  if (typeof data !== "string") throw new BorunaError("log.form", `${fieldName}: expected a string`);
  return data;
}

/** Maximum bytes of memory for the parsed JSON of a blob. The largest serializable value needs less. */
const MAX_BLOB_MEMORY_BYTES = 3 * 512 * 1024 * 1024;

/** Reads a value from its blob, if it has one. Throws `log.blob_missing`, `log.blob_hash`, `log.too_large`, `log.io_error`, `value.form`. */
export function loadValue(value: ValueOrBlob, blobs: BlobReader): Value {
  if (!(value instanceof BlobRef)) return value;
  return readBlob(value, blobs).value;
}

/** Returns the value in a blob, and, if the value is sealed, its JSON text without the seal. */
function readBlob(ref: BlobRef, blobs: BlobReader): { readonly value: Value; readonly unsealedText: string | undefined } {
  const text = decodeUtf8(blobs.read(ref), `blob ${ref.sha256}`);
  const data = parseJson(text, { maxDepth: RECORD_JSON_DEPTH, maxBytes: MAX_BLOB_MEMORY_BYTES });
  const json = unseal(data, ref.sha256);
  return {
    value: valueFromTaggedJson(json, { maxDepth: MACHINE_LIMITS.valueDepth }),
    unsealedText: json === data ? undefined : jsonText(json),
  };
}

/** Reads the value like `loadValue`. Also throws `log.form` if the blob is not the canonical JSON of the value. */
export function loadCanonicalValue(ref: BlobRef, blobs: BlobReader): Value {
  const { value, unsealedText } = readBlob(ref, blobs);
  const text = valueText(value);
  if (unsealedText === undefined ? sha256Hex(text) !== ref.sha256 : text !== unsealedText)
    throw new BorunaError("log.form", `blob ${ref.sha256} is not written as boruna writes it`);
  return value;
}

/** Reads a text like `loadValue`. Also throws `log.form` if the blob holds a value that is not a String. */
export function loadText(text: TextOrBlob, blobs: BlobReader): string {
  const value = loadValue(text, blobs);
  if (typeof value !== "string") throw new BorunaError("log.form", "a blob in place of a text holds another value");
  return value;
}

/** Reads a value to show it. Returns the `BlobRef` of a blob that is missing or longer than `maxBytes`. Throws other errors of `loadValue`. */
export function readPresent(value: ValueOrBlob, blobs: BlobReader, maxBytes: number): ValueOrBlob {
  return value instanceof BlobRef && value.bytes <= maxBytes ? unlessMissing(value, () => loadValue(value, blobs)) : value;
}

/** Like `readPresent`, for a text. */
export function readPresentText(text: TextOrBlob, blobs: BlobReader, maxBytes: number): TextOrBlob {
  return text instanceof BlobRef && text.bytes <= maxBytes ? unlessMissing(text, () => loadText(text, blobs)) : text;
}

function unlessMissing<T>(ref: BlobRef, load: () => T): T | BlobRef {
  try {
    return load();
  } catch (error) {
    if (error instanceof BorunaError && error.kind === "log.blob_missing") return ref;
    throw error;
  }
}

/** Runs `load`. If a blob is missing, throws `log.blob_missing` with `name`, which says which value the blob held. */
export function namingMissing<T>(name: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind !== "log.blob_missing") throw error;
    throw new BorunaError(error.kind, `${name} is redacted or lost`, {
      place: error.place,
      hint: error.hint,
      cause: error,
    });
  }
}
