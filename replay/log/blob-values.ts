/**
 * Values as a log holds them: in the record, or as a reference to a blob where their canonical JSON is longer than
 * `inlineBytes`. A long text, such as the message of an error, becomes a blob that holds it as a String value.
 *
 *     {"String":"hello"}                          in the record
 *     {"Blob":{"bytes":70014,"sha256":"9f86…"}}   in the file FILE.blobs/9f86…
 */
import { sha256Hex } from "../../gateway/digest.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson, type JsonData } from "../../vm/json/json.ts";
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { utf8Length } from "../../vm/value/utf8.ts";
import { valueFromTaggedJson, valueToTaggedJson } from "../../vm/json/tagged-json.ts";
import { FloatValue, wellFormed, type Value } from "../../vm/value/value.ts";
import type { BlobReader } from "./blobs.ts";
import { decodeUtf8 } from "./files.ts";
import { countOf, digestOf, jsonObject, objectOf, onlyFields } from "./json-fields.ts";
import { RECORD_JSON_DEPTH } from "./log-limits.ts";

export class BlobRef {
  /** SHA-256 of the value's canonical JSON, lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  constructor(sha256: string, bytes: number) {
    this.sha256 = sha256;
    this.bytes = bytes;
  }
}

export type ValueOrBlob = Value | BlobRef;
export type TextOrBlob = string | BlobRef;

/** Stores a canonical JSON text of `bytes` UTF-8 bytes as a blob and returns its SHA-256. */
export type PutBlob = (text: string, bytes: number) => string;

/**
 * The value as JSON for a record. Without `put` every value stays in the record.
 * Throws `value.not_portable` and `value.too_deep` for a value that is not serializable.
 */
export function valueToLogJson(value: ValueOrBlob, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (value instanceof BlobRef) return blobToJson(value);
  const data = valueToTaggedJson(value);
  if (put === undefined || isSurelyShort(value, inlineBytes)) return data;
  const text = jsonText(data);
  // Most values need no count of bytes: a UTF-16 code unit takes one to three.
  if (text.length * 3 <= inlineBytes) return data;
  const bytes = utf8Length(text);
  if (bytes <= inlineBytes) return data;
  return blobToJson(new BlobRef(put(text, bytes), bytes));
}

/** Maximum bytes of one UTF-16 code unit of a String in JSON. */
const JSON_UNIT_BYTES = 6;
/** Maximum bytes of any other scalar in JSON, its tag included. */
const SCALAR_BYTES = 64;

/** Whether the value certainly fits into `inlineBytes`, judged without writing it. */
export function isSurelyShort(value: ValueOrBlob, inlineBytes: number): boolean {
  if (typeof value === "string") return value.length * JSON_UNIT_BYTES + SCALAR_BYTES <= inlineBytes;
  return (typeof value !== "object" || value instanceof FloatValue) && inlineBytes >= SCALAR_BYTES;
}

/** Canonical JSON. Throws `log.too_large` if it is too long for a JavaScript string. */
export function jsonText(data: JsonData): string {
  try {
    return canonicalJson(data);
  } catch (error) {
    // V8 limits strings to about 2^29 code units.
    if (error instanceof RangeError) throw new BorunaError("log.too_large", "a value is too long for the log", { cause: error });
    throw error;
  }
}

/** The text as JSON for a record. Lone surrogates, which UTF-8 cannot encode, become U+FFFD. */
export function textToLogJson(given: TextOrBlob, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (given instanceof BlobRef) return blobToJson(given);
  const text = wellFormed(given);
  if (put === undefined || text.length * 3 <= inlineBytes) return text;
  const data = valueToLogJson(text, inlineBytes, put);
  return isJsonObject(data) && data.has("Blob") ? data : text;
}

function blobToJson(ref: BlobRef): JsonData {
  return new Map([["Blob", jsonObject({ sha256: ref.sha256, bytes: ref.bytes })]]);
}

function blobFromJson(data: JsonData, what: string): BlobRef | undefined {
  if (!isJsonObject(data) || !data.has("Blob")) return undefined;
  onlyFields(data, ["Blob"], what);
  const blob = objectOf(data.get("Blob"), what);
  onlyFields(blob, ["sha256", "bytes"], what);
  return new BlobRef(digestOf(blob.get("sha256"), `${what}.sha256`), countOf(blob.get("bytes"), `${what}.bytes`));
}

/** `what` names the value in messages. Throws `log.form`, `value.form`. */
export function valueFromLogJson(data: JsonData | undefined, what: string): ValueOrBlob {
  if (data === undefined) throw new BorunaError("log.form", `${what}: expected a value`);
  return blobFromJson(data, what) ?? valueFromTaggedJson(data, { maxDepth: MACHINE_LIMITS.valueDepth });
}

/** `what` names the text in messages. Throws `log.form`. */
export function textFromLogJson(data: JsonData | undefined, what: string): TextOrBlob {
  const ref = data === undefined ? undefined : blobFromJson(data, what);
  if (ref !== undefined) return ref;
  if (typeof data !== "string") throw new BorunaError("log.form", `${what}: expected a string`);
  return data;
}

/** Memory that the JSON of a blob may take once read; the largest serializable value needs less. */
const BLOB_MEMORY_BYTES = 3 * 512 * 1024 * 1024;

/** Reads the value from its blob if it is in one. Throws `log.blob_missing`, `log.blob_hash`, `log.too_large`, `log.io_error`, `value.form`. */
export function loadValue(value: ValueOrBlob, blobs: BlobReader): Value {
  if (!(value instanceof BlobRef)) return value;
  const text = decodeUtf8(blobs.read(value), `blob ${value.sha256}`);
  return valueFromTaggedJson(parseJson(text, { maxDepth: RECORD_JSON_DEPTH, maxBytes: BLOB_MEMORY_BYTES }), {
    maxDepth: MACHINE_LIMITS.valueDepth,
  });
}

/** Like `loadValue`; also throws `log.form` unless the blob is the value's canonical JSON. */
export function loadCanonicalValue(ref: BlobRef, blobs: BlobReader): Value {
  const value = loadValue(ref, blobs);
  const written = jsonText(valueToTaggedJson(value));
  if (sha256Hex(written) !== ref.sha256) throw new BorunaError("log.form", `blob ${ref.sha256} is not written as boruna writes it`);
  return value;
}

/** Like `loadValue`, for a text; also throws `log.form` if the blob holds anything but a String. */
export function loadText(text: TextOrBlob, blobs: BlobReader): string {
  const value = loadValue(text, blobs);
  if (typeof value !== "string") throw new BorunaError("log.form", "a blob in place of a text holds another value");
  return value;
}
