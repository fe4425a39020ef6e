/**
 * Values as a log holds them: in place, or as a reference to a blob when their canonical JSON is long.
 * Long texts (messages) are stored the same way, as the String value they are.
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

/** Memory that a blob's JSON may take once read; the largest value that may leave the machine takes less. */
const BLOB_MEMORY_BYTES = 3 * 512 * 1024 * 1024;

export class BlobRef {
  /** Lower-case hexadecimal, over the canonical JSON of the value. */
  readonly sha256: string;
  readonly bytes: number;
  constructor(sha256: string, bytes: number) {
    this.sha256 = sha256;
    this.bytes = bytes;
  }
}

export type Stored = Value | BlobRef;

/** Stores one long canonical JSON text and gives its SHA-256. Absent where everything stays in place. */
export type PutBlob = (text: string, bytes: number) => string;

/** Throws `value.not_portable`, `value.depth` for a value that cannot leave the machine. */
export function storeValue(value: Stored, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (value instanceof BlobRef) return blobToJson(value);
  const data = valueToTaggedJson(value);
  if (put === undefined || isShort(value, inlineBytes)) return data;
  const text = jsonText(data);
  // A UTF-16 unit is at least one and at most three bytes: most values need no count.
  if (text.length * 3 <= inlineBytes) return data;
  const bytes = utf8Length(text);
  if (bytes <= inlineBytes) return data;
  return blobToJson(new BlobRef(put(text, bytes), bytes));
}

/** The most bytes that one code unit of a String takes as JSON. */
const JSON_UNIT_BYTES = 6;
/** A scalar's own, with its tag. */
const SCALAR_BYTES = 64;

/** Surely short, without writing it down to see. */
export function isShort(value: Stored, inlineBytes: number): boolean {
  if (typeof value === "string") return value.length * JSON_UNIT_BYTES + SCALAR_BYTES <= inlineBytes;
  return (typeof value !== "object" || value instanceof FloatValue) && inlineBytes >= SCALAR_BYTES;
}

/** Canonical JSON. Throws `log.too_large` where it would not fit a string. */
export function jsonText(data: JsonData): string {
  try {
    return canonicalJson(data);
  } catch (error) {
    // The host's strings end at some 2^29 units.
    if (error instanceof RangeError) throw new BorunaError("log.too_large", "a value is too long for the log", { cause: error });
    throw error;
  }
}

/** Lone surrogates, which UTF-8 cannot say, become U+FFFD. */
export function storeText(hostText: string | BlobRef, inlineBytes: number, put: PutBlob | undefined): JsonData {
  if (hostText instanceof BlobRef) return blobToJson(hostText);
  const text = wellFormed(hostText);
  if (put === undefined || text.length * 3 <= inlineBytes) return text;
  const stored = storeValue(text, inlineBytes, put);
  return isJsonObject(stored) && stored.has("Blob") ? stored : text;
}

export function blobToJson(ref: BlobRef): JsonData {
  return jsonObject([
    [
      "Blob",
      jsonObject([
        ["sha256", ref.sha256],
        ["bytes", ref.bytes],
      ]),
    ],
  ]);
}

function blobFromJson(data: JsonData, what: string): BlobRef | undefined {
  if (!isJsonObject(data) || !data.has("Blob")) return undefined;
  onlyFields(data, ["Blob"], what);
  const blob = objectOf(data.get("Blob"), what);
  onlyFields(blob, ["sha256", "bytes"], what);
  return new BlobRef(digestOf(blob.get("sha256"), `${what}.sha256`), countOf(blob.get("bytes"), `${what}.bytes`));
}

/** Throws `log.form`, `value.form`. */
export function storedFromJson(data: JsonData | undefined, what: string): Stored {
  if (data === undefined) throw new BorunaError("log.form", `${what}: expected a value`);
  return blobFromJson(data, what) ?? valueFromTaggedJson(data, { maxDepth: MACHINE_LIMITS.valueDepth });
}

export function storedTextFromJson(data: JsonData | undefined, what: string): string | BlobRef {
  const ref = data === undefined ? undefined : blobFromJson(data, what);
  if (ref !== undefined) return ref;
  if (typeof data !== "string") throw new BorunaError("log.form", `${what}: expected a string`);
  return data;
}

/** Throws `log.blob_missing`, `log.blob_hash`, `log.too_large`, `log.io_error`, `value.form`. */
export function loadStored(stored: Stored, blobs: BlobReader): Value {
  if (!(stored instanceof BlobRef)) return stored;
  const text = decodeUtf8(blobs.read(stored), `blob ${stored.sha256}`);
  return valueFromTaggedJson(parseJson(text, { maxDepth: RECORD_JSON_DEPTH, maxBytes: BLOB_MEMORY_BYTES }), {
    maxDepth: MACHINE_LIMITS.valueDepth,
  });
}

/** As `loadStored`, and throws `log.form` where the writer would have written the value in another way. */
export function loadExactly(ref: BlobRef, blobs: BlobReader): Value {
  const value = loadStored(ref, blobs);
  const written = jsonText(valueToTaggedJson(value));
  if (sha256Hex(written) !== ref.sha256) throw new BorunaError("log.form", `blob ${ref.sha256} is not written as boruna writes it`);
  return value;
}

export function loadText(stored: string | BlobRef, blobs: BlobReader): string {
  const value = loadStored(stored, blobs);
  if (typeof value !== "string") throw new BorunaError("log.form", "a blob that stands for a text holds another value");
  return value;
}
