/**
 * Computes the length of an event's log record without writing it. What is counted against `max_log_bytes` must not depend on
 * whether a log is written, so this file does not use the recorder. A test compares the computed lengths with recorded ones.
 */
import { BorunaError } from "../vm/error.ts";
import {
  type EventField,
  type EventFields,
  eventFields,
  type FieldForm,
  isValueList,
  RUN_EVENT_TYPES,
  type RunEvent,
  type RunEventType,
} from "../vm/events.ts";
import { canonicalJson } from "../vm/json/json.ts";
import type { MapValue } from "../vm/value/map.ts";
import { childrenOf, isObjectValue } from "../vm/value/children.ts";
import { utf8Chunks, utf8Length } from "../vm/value/utf8.ts";
import { floatToData } from "../vm/json/tagged-json.ts";
import type { ObjectValue, Value } from "../vm/value/value.ts";

/** The characters that JSON escapes with a backslash and one character. */
const SHORT_ESCAPES = '"\\\b\t\n\f\r';
/** An escape like `\n` is longer than the character by this many bytes. */
const SHORT_ESCAPE_EXTRA = 1;
/** An escape like `\u0000` is longer than the character by this many bytes. */
const LONG_ESCAPE_EXTRA = 5;
/** Bytes of the two quotation marks around a text. */
const QUOTES = 2;

/** For strings shorter than this, a loop is faster than a regular expression. */
const MIN_SEARCH_LENGTH = 32;
/** Longer texts are encoded, which takes less time than a loop over their code units. */
const MAX_SEARCH_LENGTH = 1_024;
/** Matches a character that takes more than one byte in a JSON string: outside ASCII, quotation mark, backslash, control character. */
const NOT_ONE_BYTE = /[^ !#-[\]-\x7f]/;

/** By how many bytes each ASCII character is longer in a JSON string. */
const ESCAPE_EXTRA = Uint8Array.from({ length: 256 }, (_, unit) => {
  if (unit >= 0x20 && unit !== 0x22 && unit !== 0x5c) return 0;
  return SHORT_ESCAPES.includes(String.fromCharCode(unit)) ? SHORT_ESCAPE_EXTRA : LONG_ESCAPE_EXTRA;
});

/** Returns the UTF-8 bytes of a well-formed text as a JSON string, including the quotes. */
function textBytes(text: string): number {
  let bytes = QUOTES;
  if (text.length > MAX_SEARCH_LENGTH) {
    for (const chunk of utf8Chunks(text)) bytes += chunk.length + escapeExtra(chunk);
    return bytes;
  }
  const first = text.length < MIN_SEARCH_LENGTH ? 0 : text.search(NOT_ONE_BYTE);
  if (first < 0) return text.length + bytes;
  bytes += utf8Length(text);
  for (let i = first; i < text.length; i++) bytes += ESCAPE_EXTRA[Math.min(text.charCodeAt(i), 0x80)] ?? 0;
  return bytes;
}

/**
 * Returns by how many bytes the text is longer in a JSON string. Few characters are escaped, so this takes four bytes at a time: a few operations
 * on 32 bits tell whether any of the four is to be escaped (Warren, Hacker's Delight, 6-1).
 */
function escapeExtra(utf8: Uint8Array): number {
  let extra = 0;
  const words = new Uint32Array(utf8.buffer, utf8.byteOffset, utf8.length >> 2);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0;
    const quote = word ^ 0x22222222;
    const backslash = word ^ 0x5c5c5c5c;
    // The highest bit of some byte is set if and only if a byte of the word is less than 0x20, a quotation mark or a backslash.
    const found = ((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash);
    if ((found & 0x80808080) !== 0) for (let j = 4 * i; j < 4 * i + 4; j++) extra += ESCAPE_EXTRA[utf8[j] ?? 0] ?? 0;
  }
  for (let i = 4 * words.length; i < utf8.length; i++) extra += ESCAPE_EXTRA[utf8[i] ?? 0] ?? 0;
  return extra;
}

/** Returns the bytes of the brackets and commas of a list or map. */
const punctuationBytes = (count: number): number => "[]".length + Math.max(0, count - 1);

/** Returns the bytes of the canonical JSON of `valueToTaggedJson(value)`. The value must be serializable. */
export function valueBytes(value: Value): number {
  if (!isObjectValue(value)) return scalarBytes(value);
  let bytes = 0;
  const unvisited: Value[] = [value];
  for (let part = unvisited.pop(); part !== undefined; part = unvisited.pop()) {
    if (!isObjectValue(part)) {
      bytes += scalarBytes(part);
      continue;
    }
    bytes += bytesAroundChildren(part);
    for (const child of childrenOf(part)) unvisited.push(child);
  }
  return bytes;
}

function scalarBytes(value: Exclude<Value, ObjectValue>): number {
  if (typeof value === "string") return '{"String":}'.length + textBytes(value);
  if (typeof value === "boolean") return '{"Bool":}'.length + (value ? "true" : "false").length;
  return '{"Int":}'.length + String(value).length;
}

/** Returns the bytes of an object value, not counting the values inside it. */
export function bytesAroundChildren(value: ObjectValue): number {
  switch (value.tag) {
    case "Unit":
    case "None":
      return QUOTES + value.tag.length;
    case "Some":
    case "Ok":
    case "Err":
      return '{"":}'.length + value.tag.length;
    case "Float":
      return '{"Float":}'.length + canonicalJson(floatToData(value)).length;
    case "ActorId":
      return '{"ActorId":}'.length + String(value.id).length;
    case "FnRef":
      return '{"FnRef":}'.length + String(value.index).length;
    case "Record":
      return '{"Record":{"fields":,"type_id":}}'.length + punctuationBytes(value.size) + String(value.typeId).length;
    case "Enum":
      return '{"Enum":{"payload":,"type_id":,"variant":}}'.length + String(value.typeId).length + String(value.variant).length;
    case "List":
      return '{"List":}'.length + punctuationBytes(value.length);
    case "Map":
      return '{"Map":}'.length + mapBytes(value);
    case "Closure":
      return 0;
  }
}

function mapBytes(map: MapValue): number {
  let bytes = punctuationBytes(map.size);
  for (const key of map.toArray((name) => name)) bytes += textBytes(key) + ":".length;
  return bytes;
}

function valueListBytes(values: readonly Value[]): number {
  let bytes = punctuationBytes(values.length);
  for (const value of values) bytes += valueBytes(value);
  return bytes;
}

/** Returns the number of decimal digits of a whole number, 0 or more. */
function digitCount(count: number): number {
  let length = 1;
  for (let bound = 10; count >= bound; bound *= 10) length += 1;
  return length;
}

const HASH_DIGITS = 64;
const EVENT_WRAPPER_BYTES = '{"event":,"hash":"","n":}\n'.length + HASH_DIGITS;

/** The log record of an event whose fields are empty. */
interface EmptyRecord {
  /** Bytes of the record, not counting its event number and the contents of its fields. */
  readonly bytes: number;
  readonly fields: EventFields;
}

const EMPTY_RECORDS: ReadonlyMap<string, EmptyRecord> = new Map(
  RUN_EVENT_TYPES.map((type) => {
    const fields = eventFields(type);
    const names = fields.map(([name]) => `"${name}":`).join(",");
    return [type, { bytes: EVENT_WRAPPER_BYTES + `{"${type}":{${names}}}`.length, fields }];
  }),
);
const emptyBytes = (type: RunEventType): number => EMPTY_RECORDS.get(type)?.bytes ?? 0;
const EMPTY_CALL_BYTES = emptyBytes("CapCall");
const EMPTY_RESULT_BYTES = emptyBytes("CapResult");

/**
 * Returns the bytes of the log line of the `n`th event, including the line feed. Counts every value in full, even a long one that a log
 * stores in a separate file (a blob). `resultBytes` is `valueBytes` of the event's result, if it is known.
 */
export function recordBytes(event: RunEvent, n: number, resultBytes?: number): number {
  // Fast path: programs that make many calls log little else.
  if (event.type === "CapCall") return EMPTY_CALL_BYTES + digitCount(n) + textBytes(event.capability) + valueListBytes(event.args);
  if (event.type === "CapResult")
    return EMPTY_RESULT_BYTES + digitCount(n) + textBytes(event.capability) + (resultBytes ?? valueBytes(event.result));
  const empty = EMPTY_RECORDS.get(event.type);
  if (empty === undefined) throw new BorunaError("internal", `no fields are declared for the event ${event.type}`);
  let bytes = empty.bytes + digitCount(n);
  const contents: Readonly<Record<string, EventField>> = event;
  for (const [name, form] of empty.fields) bytes += fieldBytes(form, contents[name] ?? "");
  return bytes;
}

function fieldBytes(form: FieldForm, field: EventField): number {
  if (isValueList(field)) return valueListBytes(field);
  if (form === "value") return valueBytes(field);
  if (typeof field === "number") return digitCount(field);
  return typeof field === "string" ? textBytes(field) : String(field === true).length;
}
