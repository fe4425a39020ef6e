/**
 * Converts events to and from JSON. An event is an object whose only field has the name of the event:
 * `{"CapCall":{"args":[…],"capability":"net.fetch"}}`. The fields and their forms come from `EVENT_FIELDS`.
 */
import { BorunaError } from "../../vm/error.ts";
import {
  eventFields,
  isRunEventType,
  isValueList,
  type EventsWith,
  type FieldForm,
  type FieldTypes,
  type RunEvent,
  type RunEventType,
} from "../../vm/events.ts";
import type { JsonData } from "../../vm/json/json.ts";
import {
  BlobRef,
  loadText,
  loadValue,
  namingMissing,
  textFromLogJson,
  textToLogJson,
  valueFromLogJson,
  valueToLogJson,
  type PutBlob,
  type TextOrBlob,
  type ValueOrBlob,
} from "./blob-values.ts";
import type { BlobReader } from "./memory-blobs.ts";
import { arrayOf, countOf, flagOf, objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";

/** The types of event fields, by their form in `EVENT_FIELDS`. In a log, a long text or value may be a blob. */
interface RecordedTypes extends Omit<FieldTypes, "long text" | "value" | "values"> {
  readonly "long text": TextOrBlob;
  readonly value: ValueOrBlob;
  readonly values: readonly ValueOrBlob[];
}

/** An event as it is read from a log: values may still be references to blobs. */
export type RecordedEvent = EventsWith<RecordedTypes>;
type RecordedField = RecordedTypes[FieldForm];

export interface LogEvent {
  /** Number of the event, from 1. */
  readonly n: number;
  readonly event: RecordedEvent;
}

/** Returns the event as JSON for a record. If `put` is undefined, every value stays in the record. A `BlobRef` becomes a reference. */
export function eventToJson(event: RecordedEvent, inlineBytes: number, put?: PutBlob): JsonObject {
  const contents: Readonly<Record<string, RecordedField>> = event;
  const fields = eventFields(event.type).map(([name, form]): [string, JsonData] => {
    const field = contents[name] ?? "";
    if (isValueList(field)) return [name, field.map((value) => valueToLogJson(value, inlineBytes, put))];
    if (form === "value" || field instanceof BlobRef) return [name, valueToLogJson(field, inlineBytes, put)];
    if (typeof field === "string") return [name, form === "long text" ? textToLogJson(field, inlineBytes, put) : field];
    return [name, typeof field === "number" ? field : field === true];
  });
  return new Map([[event.type, new Map(fields)]]);
}

/**
 * Reads an event. Throws `log.form`, `value.form`. `lenient` is for event logs of the Rust machine: unknown fields are ignored, and the
 * verdict of a guard may be a contract check of the kind `output`.
 */
export function eventFromJson(data: JsonData | undefined, lenient = false): RecordedEvent {
  const eventObject = objectOf(data, "event");
  const [firstField, ...otherFields] = [...eventObject];
  if (firstField === undefined || otherFields.length > 0)
    throw new BorunaError("log.form", "event: expected an object with one field, the event's name");
  const [type, fieldData] = firstField;
  const fields = objectOf(fieldData, type.slice(0, 80));
  if (!isRunEventType(type)) throw new BorunaError("log.form", `unknown event ${JSON.stringify(type.slice(0, 80))}`);
  if (!lenient) {
    const names = eventFields(type).map(([name]) => name);
    onlyFields(fields, names, type);
  }
  const event = buildEvent(type, (name, form) => fieldFromJson(form, fields.get(name), `${type}.${name}`));
  if (!lenient && event.type === "ContractCheck" && event.kind === "output")
    throw new BorunaError("log.form", "ContractCheck.kind: expected requires or ensures");
  return event;
}

function fieldFromJson(form: FieldForm, data: JsonData | undefined, fieldName: string): RecordedField {
  switch (form) {
    case "text":
      return textOf(data, fieldName);
    case "count":
      return countOf(data, fieldName);
    case "flag":
      return flagOf(data, fieldName);
    case "decision": {
      const decision = textOf(data, fieldName);
      if (decision !== "approved" && decision !== "denied") throw new BorunaError("log.form", `${fieldName}: expected approved or denied`);
      return decision;
    }
    case "contract": {
      const kind = textOf(data, fieldName);
      if (kind !== "requires" && kind !== "ensures" && kind !== "output")
        throw new BorunaError("log.form", `${fieldName}: expected requires or ensures`);
      return kind;
    }
    case "long text":
      return textFromLogJson(data, fieldName);
    case "value":
      return valueFromLogJson(data, fieldName);
    case "values":
      return arrayOf(data, fieldName).map((item, i) => valueFromLogJson(item, `${fieldName}[${i}]`));
  }
}

/** Builds an event. `readField` returns the value of a field, given its name and its form. */
function buildEvent(type: RunEventType, readField: (name: string, form: FieldForm) => RecordedField): RecordedEvent {
  const fields: Record<string, RecordedField> = {};
  for (const [name, form] of eventFields(type)) fields[name] = readField(name, form);
  const event = { type, ...fields };
  if (!isRecordedEvent(event)) throw new BorunaError("internal", `an event of the type ${type} lacks a field`);
  return event;
}

function isRecordedEvent(event: { readonly type: RunEventType }): event is RecordedEvent {
  return eventFields(event.type).every(([name]) => Object.hasOwn(event, name));
}

/**
 * Replaces references to blobs by their values. Throws the errors of `loadValue` and `loadText`. The message of `log.blob_missing` names the
 * value and, if `n` is given, the event number `n`.
 */
export function loadEvent(event: RecordedEvent, blobs: BlobReader, n?: number): RunEvent {
  if (isLoaded(event)) return event;
  const contents: Readonly<Record<string, RecordedField>> = event;
  const ofCapability = "capability" in event ? ` of ${event.capability}` : "";
  const nameOf = (field: string): string => `${n === undefined ? "" : `event ${n}: `}${event.type}.${field}${ofCapability}`;
  const loaded = buildEvent(event.type, (name, form) => {
    const field = contents[name] ?? "";
    if (isValueList(field)) return field.map((value, i) => namingMissing(nameOf(`${name}[${i}]`), () => loadValue(value, blobs)));
    if (!(field instanceof BlobRef)) return field;
    return namingMissing(nameOf(name), () => (form === "long text" ? loadText(field, blobs) : loadValue(field, blobs)));
  });
  if (!isLoaded(loaded)) throw new BorunaError("internal", "a blob holds another blob");
  return loaded;
}

function isLoaded(event: RecordedEvent): event is RunEvent {
  return !hasBlobs(event);
}

export function hasBlobs(event: RecordedEvent): boolean {
  // These two are the most frequent events, so no list is built for them.
  if (event.type === "CapResult") return event.result instanceof BlobRef;
  if (event.type === "CapCall") return event.args.some((arg) => arg instanceof BlobRef);
  return blobsOfEvent(event).length > 0;
}

/** Returns the references to blobs in an event. */
export function blobsOfEvent(event: RecordedEvent): readonly BlobRef[] {
  return valuesOfEvent(event).filter((value) => value instanceof BlobRef);
}

/** Returns all parts of an event, among them those that may be references to blobs. */
export function valuesOfEvent(event: RecordedEvent): readonly RecordedField[] {
  const fields: readonly RecordedField[] = Object.values(event);
  return fields.flatMap((field) => (isValueList(field) ? field : [field]));
}
