/** Events as JSON, externally tagged with the older machine's field names: `{"CapCall":{"args":[…],"capability":"net.fetch"}}`. */
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import type { JsonData } from "../../vm/json/json.ts";
import type { BlobReader } from "./blobs.ts";
import { arrayOf, countOf, flagOf, jsonObject, objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";
import {
  loadStored,
  loadText,
  storedFromJson,
  storedTextFromJson,
  storeText,
  storeValue,
  type BlobRef,
  type PutBlob,
  type Stored,
} from "./blob-values.ts";

/** An event as read: long values may still be references. */
export type StoredEvent = RunEvent extends infer E ? (E extends RunEvent ? StoredFields<E> : never) : never;
type StoredFields<E extends RunEvent> = {
  readonly [K in keyof E]: K extends "args"
    ? readonly Stored[]
    : K extends "result" | "payload" | "tree"
      ? Stored
      : K extends "message" | "label"
        ? string | BlobRef
        : E[K];
};

export interface LogEvent {
  /** From 1. */
  readonly n: number;
  readonly event: StoredEvent;
}

/** Without `put` every value stays in place, and so does every reference. */
export function eventToJson(event: StoredEvent, inlineBytes: number, put?: PutBlob): JsonObject {
  const value = (v: Stored): JsonData => storeValue(v, inlineBytes, put);
  return jsonObject([[event.type, fieldsOf(event, value, (text) => storeText(text, inlineBytes, put))]]);
}

function fieldsOf(event: StoredEvent, value: (v: Stored) => JsonData, text: (t: string | BlobRef) => JsonData): JsonObject {
  switch (event.type) {
    case "CapCall":
      return jsonObject([
        ["capability", event.capability],
        ["args", event.args.map(value)],
      ]);
    case "CapResult":
      return jsonObject([
        ["capability", event.capability],
        ["result", value(event.result)],
      ]);
    case "CapError":
      return jsonObject([
        ["capability", event.capability],
        ["kind", event.kind],
        ["message", text(event.message)],
      ]);
    case "ActorSpawn":
      return jsonObject([
        ["actor_id", event.actor_id],
        ["function", event.function],
      ]);
    case "MessageSend":
      return jsonObject([
        ["from", event.from],
        ["to", event.to],
        ["payload", value(event.payload)],
      ]);
    case "MessageReceive":
      return jsonObject([
        ["actor_id", event.actor_id],
        ["payload", value(event.payload)],
      ]);
    case "UiEmit":
      return jsonObject([["tree", value(event.tree)]]);
    case "SchedulerTick":
      return jsonObject([
        ["round", event.round],
        ["active_actor", event.active_actor],
      ]);
    case "ContractCheck":
      return jsonObject([
        ["function", event.function],
        ["kind", event.kind],
        ["index", event.index],
        ["passed", event.passed],
      ]);
    case "GuardCheck":
      return jsonObject([
        ["function", event.function],
        ["label", text(event.label)],
        ["passed", event.passed],
      ]);
  }
}

/** Throws `log.form`, `value.form`. Fields that are not ours are refused unless `lenient`, as for a log that another machine wrote. */
export function eventFromJson(data: JsonData | undefined, lenient = false): StoredEvent {
  const outer = objectOf(data, "event");
  const [first, ...others] = [...outer];
  if (first === undefined || others.length > 0)
    throw new BorunaError("log.form", "event: expected an object with one field, the event's name");
  const [type, body] = first;
  const fields = objectOf(body, type.slice(0, 80));
  const reader = READERS.get(type);
  if (reader === undefined) throw new BorunaError("log.form", `unknown event ${JSON.stringify(type.slice(0, 80))}`);
  if (!lenient) onlyFields(fields, reader.fields, type);
  const event = reader.read(fields);
  if (!lenient && event.type === "ContractCheck" && event.kind === "output")
    throw new BorunaError("log.form", "ContractCheck.kind: expected requires or ensures");
  return event;
}

interface EventReader {
  readonly fields: readonly string[];
  read(fields: JsonObject): StoredEvent;
}

const READERS: ReadonlyMap<string, EventReader> = new Map<string, EventReader>([
  [
    "CapCall",
    {
      fields: ["capability", "args"],
      read: (f) => {
        const args = arrayOf(f.get("args"), "CapCall.args").map((data, i) => storedFromJson(data, `CapCall.args[${i}]`));
        return { type: "CapCall", capability: textOf(f.get("capability"), "CapCall.capability"), args };
      },
    },
  ],
  [
    "CapResult",
    {
      fields: ["capability", "result"],
      read: (f) => {
        const result = storedFromJson(f.get("result"), "CapResult.result");
        return { type: "CapResult", capability: textOf(f.get("capability"), "CapResult.capability"), result };
      },
    },
  ],
  [
    "CapError",
    {
      fields: ["capability", "kind", "message"],
      read: (f) => {
        const capability = textOf(f.get("capability"), "CapError.capability");
        const message = storedTextFromJson(f.get("message"), "CapError.message");
        return { type: "CapError", capability, kind: textOf(f.get("kind"), "CapError.kind"), message };
      },
    },
  ],
  [
    "ActorSpawn",
    {
      fields: ["actor_id", "function"],
      read: (f) => {
        const actor_id = countOf(f.get("actor_id"), "ActorSpawn.actor_id");
        return { type: "ActorSpawn", actor_id, function: textOf(f.get("function"), "ActorSpawn.function") };
      },
    },
  ],
  [
    "MessageSend",
    {
      fields: ["from", "to", "payload"],
      read: (f) => {
        const from = countOf(f.get("from"), "MessageSend.from");
        const to = countOf(f.get("to"), "MessageSend.to");
        return { type: "MessageSend", from, to, payload: storedFromJson(f.get("payload"), "MessageSend.payload") };
      },
    },
  ],
  [
    "MessageReceive",
    {
      fields: ["actor_id", "payload"],
      read: (f) => {
        const actor_id = countOf(f.get("actor_id"), "MessageReceive.actor_id");
        return { type: "MessageReceive", actor_id, payload: storedFromJson(f.get("payload"), "MessageReceive.payload") };
      },
    },
  ],
  ["UiEmit", { fields: ["tree"], read: (f) => ({ type: "UiEmit", tree: storedFromJson(f.get("tree"), "UiEmit.tree") }) }],
  [
    "SchedulerTick",
    {
      fields: ["round", "active_actor"],
      read: (f) => {
        const round = countOf(f.get("round"), "SchedulerTick.round");
        return { type: "SchedulerTick", round, active_actor: countOf(f.get("active_actor"), "SchedulerTick.active_actor") };
      },
    },
  ],
  [
    "ContractCheck",
    {
      fields: ["function", "kind", "index", "passed"],
      read: (f) => {
        const kind = textOf(f.get("kind"), "ContractCheck.kind");
        if (kind !== "requires" && kind !== "ensures" && kind !== "output")
          throw new BorunaError("log.form", "ContractCheck.kind: expected requires or ensures");
        const name = textOf(f.get("function"), "ContractCheck.function");
        const index = countOf(f.get("index"), "ContractCheck.index");
        return { type: "ContractCheck", function: name, kind, index, passed: flagOf(f.get("passed"), "ContractCheck.passed") };
      },
    },
  ],
  [
    "GuardCheck",
    {
      fields: ["function", "label", "passed"],
      read: (f) => {
        const name = textOf(f.get("function"), "GuardCheck.function");
        const label = storedTextFromJson(f.get("label"), "GuardCheck.label");
        return { type: "GuardCheck", function: name, label, passed: flagOf(f.get("passed"), "GuardCheck.passed") };
      },
    },
  ],
]);

/** With its long values read. Throws what `loadStored` throws. */
export function loadEvent(event: StoredEvent, blobs: BlobReader): RunEvent {
  switch (event.type) {
    case "CapCall":
      return { ...event, args: event.args.map((arg) => loadStored(arg, blobs)) };
    case "CapResult":
      return { ...event, result: loadStored(event.result, blobs) };
    case "CapError":
      return { ...event, message: loadText(event.message, blobs) };
    case "GuardCheck":
      return { ...event, label: loadText(event.label, blobs) };
    case "MessageSend":
    case "MessageReceive":
      return { ...event, payload: loadStored(event.payload, blobs) };
    case "UiEmit":
      return { ...event, tree: loadStored(event.tree, blobs) };
    case "ActorSpawn":
    case "SchedulerTick":
    case "ContractCheck":
      return event;
  }
}

/** Everything in it that may be a reference. */
export function storedParts(event: StoredEvent): readonly Stored[] {
  switch (event.type) {
    case "CapCall":
      return event.args;
    case "CapResult":
      return [event.result];
    case "CapError":
      return [event.message];
    case "GuardCheck":
      return [event.label];
    case "MessageSend":
    case "MessageReceive":
      return [event.payload];
    case "UiEmit":
      return [event.tree];
    case "ActorSpawn":
    case "SchedulerTick":
    case "ContractCheck":
      return [];
  }
}
