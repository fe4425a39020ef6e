/**
 * How long the record of an event is in a log, measured without writing it. What is counted against `max_log_bytes` must
 * not depend on whether there is a log, so nothing here knows of one; a test compares with the recorder.
 */
import type { RunEvent } from "../vm/events.ts";
import { canonicalJson } from "../vm/json/json.ts";
import type { MapValue } from "../vm/value/map.ts";
import { childrenOf, isCompound } from "../vm/value/children.ts";
import { utf8Length } from "../vm/value/utf8.ts";
import { floatToData } from "../vm/json/tagged-json.ts";
import type { CompoundValue, Value } from "../vm/value/value.ts";

const SHORT_ESCAPES = '"\\\b\t\n\f\r';
const SHORT_ESCAPE_EXTRA = 1;
/** Of `\u0000` over the byte itself. */
const LONG_ESCAPE_EXTRA = 5;
const QUOTES = 2;

/** UTF-8 bytes of a well-formed text as JSON, quotes included. */
function textBytes(text: string): number {
  let bytes = utf8Length(text) + QUOTES;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit !== 0x22 && unit !== 0x5c) continue;
    bytes += SHORT_ESCAPES.includes(text.charAt(i)) ? SHORT_ESCAPE_EXTRA : LONG_ESCAPE_EXTRA;
  }
  return bytes;
}

const listBytes = (count: number): number => "[]".length + Math.max(0, count - 1);

/** Bytes of the canonical JSON of `valueToTaggedJson(value)`. The value must be serializable. */
export function valueBytes(value: Value): number {
  if (!isCompound(value)) return scalarBytes(value);
  let bytes = 0;
  const pending: Value[] = [value];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (!isCompound(part)) {
      bytes += scalarBytes(part);
      continue;
    }
    bytes += ownBytes(part);
    for (const child of childrenOf(part)) pending.push(child);
  }
  return bytes;
}

function scalarBytes(value: Exclude<Value, CompoundValue>): number {
  if (typeof value === "string") return '{"String":}'.length + textBytes(value);
  if (typeof value === "boolean") return '{"Bool":}'.length + (value ? "true" : "false").length;
  return '{"Int":}'.length + String(value).length;
}

/** Without the values inside. */
function ownBytes(value: CompoundValue): number {
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
      return '{"Record":{"fields":,"type_id":}}'.length + listBytes(value.fields.length) + String(value.typeId).length;
    case "Enum":
      return '{"Enum":{"payload":,"type_id":,"variant":}}'.length + String(value.typeId).length + String(value.variant).length;
    case "List":
      return '{"List":}'.length + listBytes(value.length);
    case "Map":
      return '{"Map":}'.length + mapBytes(value);
    case "Closure":
      return 0;
  }
}

function mapBytes(map: MapValue): number {
  // The brackets and commas of a map are as many as those of a list.
  let bytes = listBytes(map.size);
  for (const key of map.keys()) bytes += textBytes(key) + ":".length;
  return bytes;
}

/** The chain's hash, as a record holds it. */
const HASH_DIGITS = 64;
const AROUND_EVENT = '{"event":,"hash":"","n":}\n'.length + HASH_DIGITS;

/** Bytes of the line of the `n`th event, its line end included, with all values in place. */
export function recordBytes(event: RunEvent, n: number): number {
  return AROUND_EVENT + String(n).length + '{"":{}}'.length + event.type.length + fieldBytes(event);
}

/** The members of the event's object. */
function fieldBytes(event: RunEvent): number {
  switch (event.type) {
    case "CapCall": {
      let args = listBytes(event.args.length);
      for (const arg of event.args) args += valueBytes(arg);
      return '"args":,"capability":'.length + args + textBytes(event.capability);
    }
    case "CapResult":
      return '"capability":,"result":'.length + textBytes(event.capability) + valueBytes(event.result);
    case "CapError":
      return '"capability":,"kind":,"message":'.length + textBytes(event.capability) + textBytes(event.kind) + textBytes(event.message);
    case "ActorSpawn":
      return '"actor_id":,"function":'.length + String(event.actor_id).length + textBytes(event.function);
    case "MessageSend":
      return '"from":,"payload":,"to":'.length + String(event.from).length + String(event.to).length + valueBytes(event.payload);
    case "MessageReceive":
      return '"actor_id":,"payload":'.length + String(event.actor_id).length + valueBytes(event.payload);
    case "UiEmit":
      return '"tree":'.length + valueBytes(event.tree);
    case "SchedulerTick":
      return '"active_actor":,"round":'.length + String(event.active_actor).length + String(event.round).length;
    case "ContractCheck":
      return (
        '"function":,"index":,"kind":,"passed":'.length +
        textBytes(event.function) +
        String(event.index).length +
        textBytes(event.kind) +
        String(event.passed).length
      );
    case "GuardCheck":
      return '"function":,"label":,"passed":'.length + textBytes(event.function) + textBytes(event.label) + String(event.passed).length;
  }
}
