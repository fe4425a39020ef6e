/**
 * Defines the events of a run. `EVENT_FIELDS` is the only table of their fields. The types below, the log's reader and writer, the
 * count of logged bytes and the comparison of a replay all use this table. The names are those of the event logs of the earlier Rust
 * toolchain, which have no `CapError`, `Approval` and `GuardCheck`.
 */
import type { Value } from "./value/value.ts";

/**
 * The TypeScript type of each form of field:
 * - `text`, `count` (a whole number from 0) and `flag` are plain JSON in a log;
 * - `decision` is the text `approved` or `denied`;
 * - `contract` is the name of the kind of contract that was checked;
 * - `long text` is a text that a log may store as a blob;
 * - `value` and `values` are tagged JSON in a log, or a blob.
 */
export interface FieldTypes {
  readonly text: string;
  readonly count: number;
  readonly flag: boolean;
  readonly decision: "approved" | "denied";
  /** `output` occurs only in event logs of the Rust toolchain: the result of a guard, with the guard's label in `function`. */
  readonly contract: "requires" | "ensures" | "output";
  readonly "long text": string;
  readonly value: Value;
  readonly values: readonly Value[];
}
export type FieldForm = keyof FieldTypes;

/** The fields of each event, in the order in which reports compare them. */
const EVENT_FIELDS = {
  CapCall: { capability: "text", args: "values" },
  CapResult: { capability: "text", result: "value" },
  /** `kind` is a key of the gateway's `FAILURE_TRAPS`. */
  CapError: { capability: "text", kind: "text", message: "long text" },
  /**
   * A person's decision about the earliest open call, which has the number `call`. `hash` is the call's hash (`callHash`), `by` is who decided.
   * `signature` is an Ed25519 signature in base64, or empty if the policy's rule names no keys.
   */
  Approval: { call: "count", hash: "text", decision: "decision", by: "text", signature: "text" },
  ActorSpawn: { actor_id: "count", function: "text" },
  MessageSend: { from: "count", to: "count", payload: "value" },
  MessageReceive: { actor_id: "count", payload: "value" },
  UiEmit: { tree: "value" },
  SchedulerTick: { round: "count", active_actor: "count" },
  ContractCheck: { function: "text", kind: "contract", index: "count", passed: "flag" },
  /** The event of `guard(value, passed, label)`. */
  GuardCheck: { function: "text", label: "long text", passed: "flag" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, FieldForm>>>>;

export type RunEventType = keyof typeof EVENT_FIELDS;

/** The events, with the type `Types[form]` for a field of each form. */
export type EventsWith<Types extends Readonly<Record<FieldForm, unknown>>> = {
  readonly [T in RunEventType]: { readonly type: T } & {
    readonly [F in keyof (typeof EVENT_FIELDS)[T]]: (typeof EVENT_FIELDS)[T][F] extends infer Form extends FieldForm ? Types[Form] : never;
  };
}[RunEventType];

export type RunEvent = EventsWith<FieldTypes>;
/** The answer of a call. */
export type AnswerEvent = Extract<RunEvent, { readonly type: "CapResult" | "CapError" }>;

/** The type of any field of an event. Texts, counts and flags are also values. */
export type EventField = FieldTypes[FieldForm];

/** Returns whether a field has the form `values`. */
export function isValueList<V>(field: V | readonly V[]): field is readonly V[] {
  return Array.isArray(field);
}

export type EventFields = readonly (readonly [name: string, form: FieldForm])[];

const FIELDS: ReadonlyMap<string, EventFields> = new Map(
  Object.entries(EVENT_FIELDS).map(([type, fields]) => [type, Object.entries(fields)]),
);

/** Returns the name and the form of each field of an event of this type, in the order of the table. */
export function eventFields(type: RunEventType): EventFields {
  return FIELDS.get(type) ?? [];
}

export function isRunEventType(text: string): text is RunEventType {
  return FIELDS.has(text);
}

export const RUN_EVENT_TYPES: readonly RunEventType[] = [...FIELDS.keys()].filter(isRunEventType);
