/** Decodes an `ExportTraceServiceRequest` in protobuf. Field numbers are from opentelemetry-proto 1.x, `trace.proto` and `common.proto`. */
import { doubleOf, type Field, fieldsOf, malformed, textOf } from "./protobuf.ts";
import type { DecodedEvent, DecodedLink, DecodedSpan, ItemBudget, SpanValues } from "./span-data.ts";
import { int64Value, OTLP_LIMITS, spendItem } from "./span-data.ts";
import type { SpanValue } from "../telemetry/span-tree.ts";

const NO_VALUES: SpanValues = new Map();

/** Decodes the spans of a request. Skips unknown fields. Throws `telemetry.otlp_malformed`. */
export function spansFromProtobuf(bytes: Uint8Array): readonly DecodedSpan[] {
  const spans: DecodedSpan[] = [];
  const budget: ItemBudget = { items: OTLP_LIMITS.items };
  for (const field of fieldsOf(bytes, 0)) if (field.number === 1) readResourceSpans(toMessage(field), spans, budget);
  return spans;
}

/** The bytes of an embedded message, and the offset of these bytes in the request. */
interface Message {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

function toMessage(field: Field): Message {
  if (field.type !== "bytes") throw malformed(`field ${field.number} has the wrong wire type`);
  return { bytes: field.value, offset: field.offset };
}

const fieldsIn = (message: Message): Generator<Field> => fieldsOf(message.bytes, message.offset);

function toText(field: Field): string {
  const { bytes, offset } = toMessage(field);
  return textOf(bytes, offset);
}

function toVarint(field: Field): bigint {
  if (field.type !== "varint") throw malformed(`field ${field.number} has the wrong wire type`);
  return field.value;
}

function toFixed64(field: Field): bigint {
  if (field.type !== "fixed64") throw malformed(`field ${field.number} has the wrong wire type`);
  return field.value;
}

function toUint32(field: Field): number {
  return Number(BigInt.asUintN(32, toVarint(field)));
}

/** Returns an id of `length` bytes as hex, or undefined if it is empty or all zeros. */
function toId(field: Field, length: number): string | undefined {
  const { bytes, offset } = toMessage(field);
  if (bytes.length === 0) return undefined;
  if (bytes.length !== length) throw malformed(`an id of ${bytes.length} bytes instead of ${length}`, offset);
  return bytes.every((byte) => byte === 0) ? undefined : Buffer.from(bytes).toString("hex");
}

function readResourceSpans(message: Message, spans: DecodedSpan[], budget: ItemBudget): void {
  let resource = NO_VALUES;
  const scopeMessages: Message[] = [];
  for (const field of fieldsIn(message)) {
    if (field.number === 1) resource = attributesIn(toMessage(field), 1, budget);
    else if (field.number === 2) scopeMessages.push(toMessage(field));
  }
  for (const scope of scopeMessages) readScopeSpans(scope, resource, spans, budget);
}

function readScopeSpans(message: Message, resource: SpanValues, spans: DecodedSpan[], budget: ItemBudget): void {
  let scope = { name: "", version: "" };
  const spanMessages: Message[] = [];
  for (const field of fieldsIn(message)) {
    if (field.number === 1) scope = scopeOf(toMessage(field));
    else if (field.number === 2) spanMessages.push(toMessage(field));
  }
  for (const span of spanMessages) spans.push(spanOf(span, resource, scope, budget));
}

function scopeOf(message: Message): { name: string; version: string } {
  const scope = { name: "", version: "" };
  for (const field of fieldsIn(message)) {
    if (field.number === 1) scope.name = toText(field);
    else if (field.number === 2) scope.version = toText(field);
  }
  return scope;
}

function spanOf(message: Message, resource: SpanValues, scope: DecodedSpan["scope"], budget: ItemBudget): DecodedSpan {
  spendItem(budget);
  let traceId: string | undefined;
  let spanId: string | undefined;
  let parentSpanId: string | undefined;
  let status = { code: 0, message: "" };
  let [traceState, name, kind, startNs, endNs, droppedCount, flags] = ["", "", 0, 0n, 0n, 0, 0];
  const attributes = new Map<string, SpanValue>();
  const events: DecodedEvent[] = [];
  const links: DecodedLink[] = [];
  for (const field of fieldsIn(message)) {
    switch (field.number) {
      case 1:
        traceId = toId(field, 16);
        break;
      case 2:
        spanId = toId(field, 8);
        break;
      case 3:
        traceState = toText(field);
        break;
      case 4:
        parentSpanId = toId(field, 8);
        break;
      case 5:
        name = toText(field);
        break;
      case 6:
        kind = toUint32(field);
        break;
      case 7:
        startNs = toFixed64(field);
        break;
      case 8:
        endNs = toFixed64(field);
        break;
      case 9:
        addAttribute(attributes, toMessage(field), 0, budget);
        break;
      // The numbers of dropped attributes, events and links.
      case 10:
      case 12:
      case 14:
        droppedCount += toUint32(field);
        break;
      case 11:
        events.push(eventOf(toMessage(field), budget));
        break;
      case 13:
        links.push(linkOf(toMessage(field), budget));
        break;
      case 15:
        status = statusOf(toMessage(field));
        break;
      case 16:
        if (field.type === "fixed32") flags = field.value;
        break;
    }
  }
  if (traceId === undefined || spanId === undefined) throw malformed("a span without its ids", message.offset);
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    name,
    kind,
    startNs,
    endNs,
    attributes,
    droppedCount,
    events,
    links,
    status,
    flags,
    resource,
    scope,
  };
}

function statusOf(message: Message): { code: number; message: string } {
  const status = { code: 0, message: "" };
  for (const field of fieldsIn(message)) {
    if (field.number === 2) status.message = toText(field);
    else if (field.number === 3) status.code = toUint32(field);
  }
  return status;
}

function eventOf(message: Message, budget: ItemBudget): DecodedEvent {
  spendItem(budget);
  let [name, timeNs] = ["", 0n];
  for (const field of fieldsIn(message)) {
    if (field.number === 1) timeNs = toFixed64(field);
    else if (field.number === 2) name = toText(field);
  }
  return { name, timeNs, attributes: attributesIn(message, 3, budget) };
}

function linkOf(message: Message, budget: ItemBudget): DecodedLink {
  spendItem(budget);
  let [traceId, spanId] = ["", ""];
  for (const field of fieldsIn(message)) {
    if (field.number === 1) traceId = toId(field, 16) ?? "";
    else if (field.number === 2) spanId = toId(field, 8) ?? "";
  }
  return { traceId, spanId, attributes: attributesIn(message, 4, budget) };
}

/** Returns the attributes in the fields with this number of a message. */
function attributesIn(message: Message, number: number, budget: ItemBudget): SpanValues {
  const attributes = new Map<string, SpanValue>();
  for (const field of fieldsIn(message)) if (field.number === number) addAttribute(attributes, toMessage(field), 0, budget);
  return attributes;
}

function addAttribute(attributes: Map<string, SpanValue>, message: Message, depth: number, budget: ItemBudget): void {
  spendItem(budget);
  let key = "";
  let value: SpanValue = null;
  for (const field of fieldsIn(message)) {
    if (field.number === 1) key = toText(field);
    else if (field.number === 2) value = valueOf(toMessage(field), depth, budget);
  }
  attributes.set(key, value);
}

function valueOf(message: Message, depth: number, budget: ItemBudget): SpanValue {
  if (depth > OTLP_LIMITS.valueDepth) throw malformed(`values nested deeper than ${OTLP_LIMITS.valueDepth}`, message.offset);
  let value: SpanValue = null;
  for (const field of fieldsIn(message)) {
    switch (field.number) {
      case 1:
        value = toText(field);
        break;
      case 2:
        value = toVarint(field) !== 0n;
        break;
      case 3:
        value = int64Value(BigInt.asIntN(64, toVarint(field)));
        break;
      case 4:
        value = doubleOf(toFixed64(field));
        break;
      case 5:
        value = arrayOf(toMessage(field), depth, budget);
        break;
      case 6:
        value = keyValuesOf(toMessage(field), depth, budget);
        break;
      case 7:
        value = Uint8Array.from(toMessage(field).bytes);
        break;
    }
  }
  return value;
}

function arrayOf(message: Message, depth: number, budget: ItemBudget): readonly SpanValue[] {
  const values: SpanValue[] = [];
  for (const field of fieldsIn(message)) {
    if (field.number !== 1) continue;
    spendItem(budget);
    values.push(valueOf(toMessage(field), depth + 1, budget));
  }
  return values;
}

function keyValuesOf(message: Message, depth: number, budget: ItemBudget): SpanValues {
  const entries = new Map<string, SpanValue>();
  for (const field of fieldsIn(message)) if (field.number === 1) addAttribute(entries, toMessage(field), depth + 1, budget);
  return entries;
}
