/** The end record, which is the last record of a log. It says how the run ended. */
import type { CallCounters } from "../../telemetry/tracing.ts";
import { BorunaError } from "../../vm/error.ts";
import type { JsonData } from "../../vm/json/json.ts";
import { LIMIT_WORDS, OUTCOMES, TRAPS, type LimitWord, type Outcome, type TrapKind } from "../../vm/outcome.ts";
import type { Value } from "../../vm/value/value.ts";
import type { BlobReader } from "./memory-blobs.ts";
import {
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
import { arrayOf, countOf, jsonObject, objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";

/** The error that ended a run, without its call stack. The stack depends on debug information, which the module hash does not cover. */
interface EndError<Text = string> {
  readonly kind: TrapKind;
  readonly message: Text;
  readonly capability?: string | undefined;
  /** Path in the policy of the rule that refused the call. */
  readonly rule?: string | undefined;
  readonly limit?: LimitWord | undefined;
  /** If a contract failed, the arguments of its function as texts. */
  readonly counterexample?: readonly Text[] | undefined;
  readonly step: number;
}

interface End<ValueType, ErrorType> {
  readonly outcome: Outcome;
  /** The value that the program returned. Defined if and only if the outcome is `success`. */
  readonly value?: ValueType | undefined;
  /** Defined if and only if `value` is not. */
  readonly error?: ErrorType | undefined;
  readonly steps: number;
  readonly allocBytes: number;
  readonly counters: CallCounters;
  /** Number of events in the log. */
  readonly events: number;
}

/** Describes how a run ended. Every `RunResult` has these fields. */
export type RunEnd = End<Value, EndError>;
/** An end as it is read from a log: values may still be references to blobs. */
export type RecordedEnd = End<ValueOrBlob, EndError<TextOrBlob>>;

/** Replaces references to blobs by their values. Throws the errors of `loadValue` and `loadText`. */
export function loadEnd(end: RecordedEnd, blobs: BlobReader): RunEnd {
  const { value, error } = end;
  return {
    ...end,
    value: value === undefined ? undefined : namingMissing("end.value", () => loadValue(value, blobs)),
    error: error === undefined ? undefined : loadError(error, blobs),
  };
}

function loadError(error: EndError<TextOrBlob>, blobs: BlobReader): EndError {
  const load = (name: string, text: TextOrBlob): string => namingMissing(`end.error.${name}`, () => loadText(text, blobs));
  return {
    ...error,
    message: load("message", error.message),
    counterexample: error.counterexample?.map((text, i) => load(`counterexample[${i}]`, text)),
  };
}

/** Returns all parts of the end record that may be references to blobs. */
export function valuesOfEnd({ value, error }: RecordedEnd): readonly (ValueOrBlob | undefined)[] {
  return [value, error?.message, ...(error?.counterexample ?? [])];
}

/** Whether something outside the program ended the run. A replay cannot reproduce the moment at which that happened. */
export function isInterruption(end: Pick<RunEnd, "outcome"> | undefined): boolean {
  return end !== undefined && ["timeout", "canceled", "fatal"].includes(end.outcome);
}

export const COUNTER_NAMES = [
  "total",
  "dispatched",
  "denied",
  "unknown",
  "budget_exceeded",
  "failed",
] as const satisfies readonly (keyof CallCounters)[];

/** Returns the end as JSON for a record. If `put` is undefined, every value stays in the record. A `BlobRef` becomes a reference. */
export function endToJson(end: RecordedEnd, inlineBytes = 0, put?: PutBlob): JsonObject {
  const text = (textOrBlob: TextOrBlob): JsonData => textToLogJson(textOrBlob, inlineBytes, put);
  const { value, error } = end;
  return jsonObject({
    outcome: end.outcome,
    value: value === undefined ? undefined : valueToLogJson(value, inlineBytes, put),
    error: error === undefined ? undefined : errorToJson(error, text),
    steps: end.steps,
    alloc_bytes: end.allocBytes,
    counters: new Map(COUNTER_NAMES.map((name) => [name, end.counters[name]])),
    events: end.events,
  });
}

/** Returns the error as JSON. Copies only the fields that a log has: at run time, `error` may be a `RunError`, which has more. */
function errorToJson(error: EndError<TextOrBlob>, text: (textOrBlob: TextOrBlob) => JsonData): JsonObject {
  const { kind, message, capability, rule, limit, counterexample, step } = error;
  return jsonObject({ kind, message: text(message), capability, rule, limit, counterexample: counterexample?.map(text), step });
}

const isOutcome = (text: string): text is Outcome => Object.hasOwn(OUTCOMES, text);
const isTrapKind = (text: string): text is TrapKind => Object.hasOwn(TRAPS, text);
const isLimitWord = (text: string): text is LimitWord => LIMIT_WORDS.some((word) => word === text);

/** Reads the end record. Throws `log.form`, `value.form`. */
export function endFromJson(data: JsonData | undefined): RecordedEnd {
  const end = objectOf(data, "end");
  onlyFields(end, ["outcome", "value", "error", "steps", "alloc_bytes", "counters", "events"], "end");
  const outcome = textOf(end.get("outcome"), "end.outcome");
  if (!isOutcome(outcome)) throw new BorunaError("log.form", `end.outcome: unknown outcome ${JSON.stringify(outcome.slice(0, 80))}`);
  const value = end.get("value");
  const error = end.get("error");
  if ((value === undefined) === (error === undefined) || (outcome === "success") !== (error === undefined)) {
    throw new BorunaError("log.form", "end: expected a value when the outcome is success, else an error");
  }
  const counters = objectOf(end.get("counters"), "end.counters");
  onlyFields(counters, COUNTER_NAMES, "end.counters");
  const counter = (name: keyof CallCounters): number => countOf(counters.get(name), `end.counters.${name}`);
  return {
    outcome,
    value: value === undefined ? undefined : valueFromLogJson(value, "end.value"),
    error: error === undefined ? undefined : errorFromJson(objectOf(error, "end.error")),
    steps: countOf(end.get("steps"), "end.steps"),
    allocBytes: countOf(end.get("alloc_bytes"), "end.alloc_bytes"),
    counters: {
      total: counter("total"),
      dispatched: counter("dispatched"),
      denied: counter("denied"),
      unknown: counter("unknown"),
      budget_exceeded: counter("budget_exceeded"),
      failed: counter("failed"),
    },
    events: countOf(end.get("events"), "end.events"),
  };
}

function errorFromJson(error: JsonObject): EndError<TextOrBlob> {
  onlyFields(error, ["kind", "message", "capability", "rule", "limit", "counterexample", "step"], "end.error");
  const kind = textOf(error.get("kind"), "end.error.kind");
  if (!isTrapKind(kind)) throw new BorunaError("log.form", `end.error.kind: unknown kind ${JSON.stringify(kind.slice(0, 80))}`);
  const text = (name: string): string | undefined => (error.has(name) ? textOf(error.get(name), `end.error.${name}`) : undefined);
  const limit = text("limit");
  if (limit !== undefined && !isLimitWord(limit)) throw new BorunaError("log.form", "end.error.limit: unknown limit");
  const counterexample = error.has("counterexample") ? arrayOf(error.get("counterexample"), "end.error.counterexample") : undefined;
  return {
    kind,
    message: textFromLogJson(error.get("message"), "end.error.message"),
    capability: text("capability"),
    rule: text("rule"),
    limit,
    counterexample: counterexample?.map((item, i) => textFromLogJson(item, `end.error.counterexample[${i}]`)),
    step: countOf(error.get("step"), "end.error.step"),
  };
}
