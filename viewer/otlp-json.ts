/**
 * Decodes an `ExportTraceServiceRequest` in OTLP's JSON encoding: lowerCamelCase names, ids in hex, 64-bit integers as
 * strings or numbers, enums as numbers. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { BorunaError } from "../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import { FloatValue } from "../vm/value/value.ts";
import { malformed, textOf } from "./protobuf.ts";
import type { DecodedEvent, DecodedLink, DecodedSpan, ItemBudget, SpanValues } from "./span-data.ts";
import { int64Value, OTLP_LIMITS, spendItem } from "./span-data.ts";
import type { SpanValue } from "../telemetry/span-tree.ts";

type JsonObject = ReadonlyMap<string, JsonData>;

/** A level of OTLP values takes up to four levels of JSON; the spans around the values take fewer than 64. */
const JSON_DEPTH = 4 * OTLP_LIMITS.valueDepth + 64;
/** Limit on the memory of the parsed JSON, in bytes. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;
const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;

/** Skips unknown members. Throws `telemetry.otlp_malformed`. */
export function spansFromJson(bytes: Uint8Array): readonly DecodedSpan[] {
  const budget: ItemBudget = { items: OTLP_LIMITS.items };
  const spans: DecodedSpan[] = [];
  for (const resourceSpans of objects(parsed(bytes), "resourceSpans")) {
    const resource = attributesOf(objectAt(resourceSpans, "resource"), budget);
    for (const scopeSpans of objects(resourceSpans, "scopeSpans")) {
      const from = objectAt(scopeSpans, "scope");
      const scope = { name: textAt(from, "name"), version: textAt(from, "version") };
      for (const span of objects(scopeSpans, "spans")) spans.push(spanOf(span, resource, scope, budget));
    }
  }
  return spans;
}

function parsed(bytes: Uint8Array): JsonObject {
  const text = textOf(bytes, 0);
  try {
    const data = parseJson(text, { maxDepth: JSON_DEPTH, duplicateKeys: "last", maxBytes: MAX_JSON_BYTES });
    if (isJsonObject(data)) return data;
  } catch (error) {
    if (error instanceof BorunaError && error.kind.startsWith("json.")) throw malformed(error.message);
    throw error;
  }
  throw malformed("the request is not a JSON object");
}

function spanOf(from: JsonObject, resource: SpanValues, scope: DecodedSpan["scope"], budget: ItemBudget): DecodedSpan {
  spendItem(budget);
  const traceId = idAt(from, "traceId", 32);
  const spanId = idAt(from, "spanId", 16);
  if (traceId === undefined || spanId === undefined) throw malformed("a span without its ids");
  const status = objectAt(from, "status");
  return {
    traceId,
    spanId,
    parentSpanId: idAt(from, "parentSpanId", 16),
    traceState: textAt(from, "traceState"),
    name: textAt(from, "name"),
    kind: smallAt(from, "kind"),
    startNs: timeAt(from, "startTimeUnixNano"),
    endNs: timeAt(from, "endTimeUnixNano"),
    attributes: attributesOf(from, budget),
    droppedCount: smallAt(from, "droppedAttributesCount") + smallAt(from, "droppedEventsCount") + smallAt(from, "droppedLinksCount"),
    events: objects(from, "events").map((event) => eventOf(event, budget)),
    links: objects(from, "links").map((link) => linkOf(link, budget)),
    status: { code: smallAt(status, "code"), message: textAt(status, "message") },
    flags: smallAt(from, "flags"),
    resource,
    scope,
  };
}

function eventOf(from: JsonObject, budget: ItemBudget): DecodedEvent {
  spendItem(budget);
  return { name: textAt(from, "name"), timeNs: timeAt(from, "timeUnixNano"), attributes: attributesOf(from, budget) };
}

function linkOf(from: JsonObject, budget: ItemBudget): DecodedLink {
  spendItem(budget);
  return { traceId: idAt(from, "traceId", 32) ?? "", spanId: idAt(from, "spanId", 16) ?? "", attributes: attributesOf(from, budget) };
}

function attributesOf(from: JsonObject, budget: ItemBudget): SpanValues {
  return entriesOf(objects(from, "attributes"), 0, budget);
}

function entriesOf(pairs: readonly JsonObject[], depth: number, budget: ItemBudget): SpanValues {
  const entries = new Map<string, SpanValue>();
  for (const pair of pairs) {
    spendItem(budget);
    entries.set(textAt(pair, "key"), valueOf(objectAt(pair, "value"), depth, budget));
  }
  return entries;
}

function valueOf(from: JsonObject, depth: number, budget: ItemBudget): SpanValue {
  if (depth > OTLP_LIMITS.valueDepth) throw malformed(`values nested deeper than ${OTLP_LIMITS.valueDepth}`);
  if (from.has("stringValue")) return textAt(from, "stringValue");
  if (from.has("boolValue")) return from.get("boolValue") === true;
  if (from.has("intValue")) return int64Value(BigInt.asIntN(64, integer(from.get("intValue"), "intValue")));
  if (from.has("doubleValue")) return double(from.get("doubleValue"));
  if (from.has("bytesValue")) return Uint8Array.from(Buffer.from(textAt(from, "bytesValue"), "base64"));
  if (from.has("arrayValue")) {
    return objects(objectAt(from, "arrayValue"), "values").map((item) => {
      spendItem(budget);
      return valueOf(item, depth + 1, budget);
    });
  }
  return from.has("kvlistValue") ? entriesOf(objects(objectAt(from, "kvlistValue"), "values"), depth + 1, budget) : null;
}

const EMPTY: JsonObject = new Map();

/** In protobuf's JSON encoding, an absent member and null both mean the default. */
function objectAt(from: JsonObject, name: string): JsonObject {
  const data = from.get(name) ?? null;
  if (data === null) return EMPTY;
  if (!isJsonObject(data)) throw malformed(`${name} is not an object`);
  return data;
}

function objects(from: JsonObject, name: string): readonly JsonObject[] {
  const data = from.get(name) ?? null;
  if (data === null) return [];
  if (!isJsonArray(data)) throw malformed(`${name} is not an array`);
  return data.map((item) => {
    if (!isJsonObject(item)) throw malformed(`${name} contains a value that is not an object`);
    return item;
  });
}

function textAt(from: JsonObject, name: string): string {
  const data = from.get(name) ?? "";
  if (typeof data !== "string") throw malformed(`${name} is not a string`);
  return data;
}

function idAt(from: JsonObject, name: string, digits: number): string | undefined {
  const text = textAt(from, name).toLowerCase();
  if (text === "" || /^0+$/.test(text)) return undefined;
  if (text.length !== digits || !/^[0-9a-f]+$/.test(text)) throw malformed(`${name} is not ${digits} hex digits`);
  return text;
}

function integer(data: JsonData | undefined, name: string): bigint {
  const value = typeof data === "string" && /^-?[0-9]{1,20}$/.test(data) ? BigInt(data) : data;
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) throw malformed(`${name} is not an integer`);
  const exact = BigInt(value);
  if (exact < I64_MIN || exact > U64_MAX) throw malformed(`${name} is out of range`);
  return exact;
}

function timeAt(from: JsonObject, name: string): bigint {
  const value = integer(from.get(name) ?? 0, name);
  if (value < 0n) throw malformed(`${name} is negative`);
  return value;
}

function smallAt(from: JsonObject, name: string): number {
  return Number(BigInt.asUintN(32, integer(from.get(name) ?? 0, name)));
}

function double(data: JsonData | undefined): number {
  if (data instanceof FloatValue) return data.value;
  if (typeof data === "number" || typeof data === "bigint") return Number(data);
  if (data === "NaN" || data === "Infinity" || data === "-Infinity") return Number(data);
  if (typeof data === "string" && /^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(data)) return Number(data);
  throw malformed("doubleValue is not a number");
}
