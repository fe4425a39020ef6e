/** Decodes an `ExportTraceServiceRequest` in protobuf. Field numbers are those of opentelemetry-proto 1.x, `trace/v1/trace.proto` and `common/v1/common.proto`. */
import { doubleOf, type Field, fieldsOf, malformed, textOf } from "./protobuf.ts";
import type { DecodedEvent, DecodedLink, DecodedSpan, ItemBudget, SpanValues } from "./span-data.ts";
import { int64Value, OTLP_LIMITS, spendItem } from "./span-data.ts";
import type { SpanValue } from "../telemetry/span-tree.ts";

const EMPTY: SpanValues = new Map();

/** Skips unknown fields. Throws `telemetry.otlp_malformed`. */
export function spansFromProtobuf(bytes: Uint8Array): readonly DecodedSpan[] {
  const spans: DecodedSpan[] = [];
  const budget: ItemBudget = { items: OTLP_LIMITS.items };
  for (const field of fieldsOf(bytes, 0)) if (field.number === 1) resourceSpans(message(field), spans, budget);
  return spans;
}

/** The bytes of an embedded message, and their offset in the request. */
interface Message {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

function message(field: Field): Message {
  if (field.type !== "bytes") throw malformed(`field ${field.number} has the wrong wire type`);
  return { bytes: field.value, offset: field.offset };
}

const fields = (from: Message): Generator<Field> => fieldsOf(from.bytes, from.offset);

function text(field: Field): string {
  const { bytes, offset } = message(field);
  return textOf(bytes, offset);
}

function varint(field: Field): bigint {
  if (field.type !== "varint") throw malformed(`field ${field.number} has the wrong wire type`);
  return field.value;
}

function time(field: Field): bigint {
  if (field.type !== "fixed64") throw malformed(`field ${field.number} has the wrong wire type`);
  return field.value;
}

function small(field: Field): number {
  return Number(BigInt.asUintN(32, varint(field)));
}

/** An id of `length` bytes as hex; undefined if it is empty or all zeros. */
function id(field: Field, length: number): string | undefined {
  const { bytes, offset } = message(field);
  if (bytes.length === 0) return undefined;
  if (bytes.length !== length) throw malformed(`an id of ${bytes.length} bytes instead of ${length}`, offset);
  return bytes.every((byte) => byte === 0) ? undefined : Buffer.from(bytes).toString("hex");
}

function resourceSpans(from: Message, spans: DecodedSpan[], budget: ItemBudget): void {
  let resource = EMPTY;
  const scoped: Message[] = [];
  for (const field of fields(from)) {
    if (field.number === 1) resource = attributesIn(message(field), 1, budget);
    else if (field.number === 2) scoped.push(message(field));
  }
  for (const scope of scoped) scopeSpans(scope, resource, spans, budget);
}

function scopeSpans(from: Message, resource: SpanValues, spans: DecodedSpan[], budget: ItemBudget): void {
  let scope = { name: "", version: "" };
  const found: Message[] = [];
  for (const field of fields(from)) {
    if (field.number === 1) scope = scopeOf(message(field));
    else if (field.number === 2) found.push(message(field));
  }
  for (const span of found) spans.push(spanOf(span, resource, scope, budget));
}

function scopeOf(from: Message): { name: string; version: string } {
  const scope = { name: "", version: "" };
  for (const field of fields(from)) {
    if (field.number === 1) scope.name = text(field);
    else if (field.number === 2) scope.version = text(field);
  }
  return scope;
}

function spanOf(from: Message, resource: SpanValues, scope: DecodedSpan["scope"], budget: ItemBudget): DecodedSpan {
  spendItem(budget);
  let traceId: string | undefined;
  let spanId: string | undefined;
  let parentSpanId: string | undefined;
  let status = { code: 0, message: "" };
  let [traceState, name, kind, startNs, endNs, droppedCount, flags] = ["", "", 0, 0n, 0n, 0, 0];
  const attributes = new Map<string, SpanValue>();
  const events: DecodedEvent[] = [];
  const links: DecodedLink[] = [];
  for (const field of fields(from)) {
    switch (field.number) {
      case 1:
        traceId = id(field, 16);
        break;
      case 2:
        spanId = id(field, 8);
        break;
      case 3:
        traceState = text(field);
        break;
      case 4:
        parentSpanId = id(field, 8);
        break;
      case 5:
        name = text(field);
        break;
      case 6:
        kind = small(field);
        break;
      case 7:
        startNs = time(field);
        break;
      case 8:
        endNs = time(field);
        break;
      case 9:
        addAttribute(attributes, message(field), 0, budget);
        break;
      case 10:
      case 12:
      case 14:
        droppedCount += small(field);
        break;
      case 11:
        events.push(eventOf(message(field), budget));
        break;
      case 13:
        links.push(linkOf(message(field), budget));
        break;
      case 15:
        status = statusOf(message(field));
        break;
      case 16:
        if (field.type === "fixed32") flags = field.value;
        break;
    }
  }
  if (traceId === undefined || spanId === undefined) throw malformed("a span without its ids", from.offset);
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

function statusOf(from: Message): { code: number; message: string } {
  const status = { code: 0, message: "" };
  for (const field of fields(from)) {
    if (field.number === 2) status.message = text(field);
    else if (field.number === 3) status.code = small(field);
  }
  return status;
}

function eventOf(from: Message, budget: ItemBudget): DecodedEvent {
  spendItem(budget);
  let [name, timeNs] = ["", 0n];
  for (const field of fields(from)) {
    if (field.number === 1) timeNs = time(field);
    else if (field.number === 2) name = text(field);
  }
  return { name, timeNs, attributes: attributesIn(from, 3, budget) };
}

function linkOf(from: Message, budget: ItemBudget): DecodedLink {
  spendItem(budget);
  let [traceId, spanId] = ["", ""];
  for (const field of fields(from)) {
    if (field.number === 1) traceId = id(field, 16) ?? "";
    else if (field.number === 2) spanId = id(field, 8) ?? "";
  }
  return { traceId, spanId, attributes: attributesIn(from, 4, budget) };
}

/** The attributes in field `number` of a message. */
function attributesIn(from: Message, number: number, budget: ItemBudget): SpanValues {
  const attributes = new Map<string, SpanValue>();
  for (const field of fields(from)) if (field.number === number) addAttribute(attributes, message(field), 0, budget);
  return attributes;
}

function addAttribute(attributes: Map<string, SpanValue>, from: Message, depth: number, budget: ItemBudget): void {
  spendItem(budget);
  let key = "";
  let value: SpanValue = null;
  for (const field of fields(from)) {
    if (field.number === 1) key = text(field);
    else if (field.number === 2) value = valueOf(message(field), depth, budget);
  }
  attributes.set(key, value);
}

function valueOf(from: Message, depth: number, budget: ItemBudget): SpanValue {
  if (depth > OTLP_LIMITS.valueDepth) throw malformed(`values nested deeper than ${OTLP_LIMITS.valueDepth}`, from.offset);
  let value: SpanValue = null;
  for (const field of fields(from)) {
    switch (field.number) {
      case 1:
        value = text(field);
        break;
      case 2:
        value = varint(field) !== 0n;
        break;
      case 3:
        value = int64Value(BigInt.asIntN(64, varint(field)));
        break;
      case 4:
        value = doubleOf(time(field));
        break;
      case 5:
        value = arrayOf(message(field), depth, budget);
        break;
      case 6:
        value = keyValuesOf(message(field), depth, budget);
        break;
      case 7:
        value = Uint8Array.from(message(field).bytes);
        break;
    }
  }
  return value;
}

function arrayOf(from: Message, depth: number, budget: ItemBudget): readonly SpanValue[] {
  const values: SpanValue[] = [];
  for (const field of fields(from)) {
    if (field.number !== 1) continue;
    spendItem(budget);
    values.push(valueOf(message(field), depth + 1, budget));
  }
  return values;
}

function keyValuesOf(from: Message, depth: number, budget: ItemBudget): SpanValues {
  const entries = new Map<string, SpanValue>();
  for (const field of fields(from)) if (field.number === 1) addAttribute(entries, message(field), depth + 1, budget);
  return entries;
}
