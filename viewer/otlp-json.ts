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

/** One level of nested OTLP values takes up to four levels of JSON. The messages around the values take fewer than 64 levels. */
const MAX_JSON_DEPTH = 4 * OTLP_LIMITS.valueDepth + 64;
/** Limit on the memory of the parsed JSON, in bytes. */
const MAX_JSON_BYTES = 256 * 1024 * 1024;
const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;

/** Decodes the spans of a request. Skips unknown members. Throws `telemetry.otlp_malformed`. */
export function spansFromJson(bytes: Uint8Array): readonly DecodedSpan[] {
  const budget: ItemBudget = { items: OTLP_LIMITS.items };
  const spans: DecodedSpan[] = [];
  for (const resourceSpans of objectsAt(parseRequest(bytes), "resourceSpans")) {
    const resource = attributesOf(objectAt(resourceSpans, "resource"), budget);
    for (const scopeSpans of objectsAt(resourceSpans, "scopeSpans")) {
      const scopeMessage = objectAt(scopeSpans, "scope");
      const scope = { name: textAt(scopeMessage, "name"), version: textAt(scopeMessage, "version") };
      for (const span of objectsAt(scopeSpans, "spans")) spans.push(spanOf(span, resource, scope, budget));
    }
  }
  return spans;
}

function parseRequest(bytes: Uint8Array): JsonObject {
  const text = textOf(bytes, 0);
  try {
    const data = parseJson(text, { maxDepth: MAX_JSON_DEPTH, duplicateKeys: "last", maxBytes: MAX_JSON_BYTES });
    if (isJsonObject(data)) return data;
  } catch (error) {
    if (error instanceof BorunaError && error.kind.startsWith("json.")) throw malformed(error.message);
    throw error;
  }
  throw malformed("the request is not a JSON object");
}

function spanOf(message: JsonObject, resource: SpanValues, scope: DecodedSpan["scope"], budget: ItemBudget): DecodedSpan {
  spendItem(budget);
  const traceId = idAt(message, "traceId", 32);
  const spanId = idAt(message, "spanId", 16);
  if (traceId === undefined || spanId === undefined) throw malformed("a span without its ids");
  const status = objectAt(message, "status");
  return {
    traceId,
    spanId,
    parentSpanId: idAt(message, "parentSpanId", 16),
    traceState: textAt(message, "traceState"),
    name: textAt(message, "name"),
    kind: uint32At(message, "kind"),
    startNs: timeAt(message, "startTimeUnixNano"),
    endNs: timeAt(message, "endTimeUnixNano"),
    attributes: attributesOf(message, budget),
    droppedCount:
      uint32At(message, "droppedAttributesCount") + uint32At(message, "droppedEventsCount") + uint32At(message, "droppedLinksCount"),
    events: objectsAt(message, "events").map((event) => eventOf(event, budget)),
    links: objectsAt(message, "links").map((link) => linkOf(link, budget)),
    status: { code: uint32At(status, "code"), message: textAt(status, "message") },
    flags: uint32At(message, "flags"),
    resource,
    scope,
  };
}

function eventOf(message: JsonObject, budget: ItemBudget): DecodedEvent {
  spendItem(budget);
  return { name: textAt(message, "name"), timeNs: timeAt(message, "timeUnixNano"), attributes: attributesOf(message, budget) };
}

function linkOf(message: JsonObject, budget: ItemBudget): DecodedLink {
  spendItem(budget);
  return {
    traceId: idAt(message, "traceId", 32) ?? "",
    spanId: idAt(message, "spanId", 16) ?? "",
    attributes: attributesOf(message, budget),
  };
}

function attributesOf(message: JsonObject, budget: ItemBudget): SpanValues {
  return entriesOf(objectsAt(message, "attributes"), 0, budget);
}

function entriesOf(pairs: readonly JsonObject[], depth: number, budget: ItemBudget): SpanValues {
  const entries = new Map<string, SpanValue>();
  for (const pair of pairs) {
    spendItem(budget);
    entries.set(textAt(pair, "key"), valueOf(objectAt(pair, "value"), depth, budget));
  }
  return entries;
}

function valueOf(message: JsonObject, depth: number, budget: ItemBudget): SpanValue {
  if (depth > OTLP_LIMITS.valueDepth) throw malformed(`values nested deeper than ${OTLP_LIMITS.valueDepth}`);
  if (message.has("stringValue")) return textAt(message, "stringValue");
  if (message.has("boolValue")) return message.get("boolValue") === true;
  if (message.has("intValue")) return int64Value(BigInt.asIntN(64, toBigInt(message.get("intValue"), "intValue")));
  if (message.has("doubleValue")) return toDouble(message.get("doubleValue"));
  if (message.has("bytesValue")) return Uint8Array.from(Buffer.from(textAt(message, "bytesValue"), "base64"));
  if (message.has("arrayValue")) {
    return objectsAt(objectAt(message, "arrayValue"), "values").map((item) => {
      spendItem(budget);
      return valueOf(item, depth + 1, budget);
    });
  }
  return message.has("kvlistValue") ? entriesOf(objectsAt(objectAt(message, "kvlistValue"), "values"), depth + 1, budget) : null;
}

const EMPTY_OBJECT: JsonObject = new Map();

/** Returns a member that is an object. In protobuf's JSON encoding, an absent or null member means an empty object. */
function objectAt(message: JsonObject, name: string): JsonObject {
  const data = message.get(name) ?? null;
  if (data === null) return EMPTY_OBJECT;
  if (!isJsonObject(data)) throw malformed(`${name} is not an object`);
  return data;
}

function objectsAt(message: JsonObject, name: string): readonly JsonObject[] {
  const data = message.get(name) ?? null;
  if (data === null) return [];
  if (!isJsonArray(data)) throw malformed(`${name} is not an array`);
  return data.map((item) => {
    if (!isJsonObject(item)) throw malformed(`${name} contains a value that is not an object`);
    return item;
  });
}

function textAt(message: JsonObject, name: string): string {
  const data = message.get(name) ?? "";
  if (typeof data !== "string") throw malformed(`${name} is not a string`);
  return data;
}

function idAt(message: JsonObject, name: string, digits: number): string | undefined {
  const text = textAt(message, name).toLowerCase();
  if (text === "" || /^0+$/.test(text)) return undefined;
  if (text.length !== digits || !/^[0-9a-f]+$/.test(text)) throw malformed(`${name} is not ${digits} hex digits`);
  return text;
}

function toBigInt(data: JsonData | undefined, name: string): bigint {
  const value = typeof data === "string" && /^-?[0-9]{1,20}$/.test(data) ? BigInt(data) : data;
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) throw malformed(`${name} is not an integer`);
  const exact = BigInt(value);
  if (exact < I64_MIN || exact > U64_MAX) throw malformed(`${name} is out of range`);
  return exact;
}

function timeAt(message: JsonObject, name: string): bigint {
  const value = toBigInt(message.get(name) ?? 0, name);
  if (value < 0n) throw malformed(`${name} is negative`);
  return value;
}

function uint32At(message: JsonObject, name: string): number {
  return Number(BigInt.asUintN(32, toBigInt(message.get(name) ?? 0, name)));
}

function toDouble(data: JsonData | undefined): number {
  if (data instanceof FloatValue) return data.value;
  if (typeof data === "number" || typeof data === "bigint") return Number(data);
  if (data === "NaN" || data === "Infinity" || data === "-Infinity") return Number(data);
  if (typeof data === "string" && /^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(data)) return Number(data);
  throw malformed("doubleValue is not a number");
}
