/** The last record of a log: how the run ended. */
import { BorunaError } from "../../vm/error.ts";
import type { JsonData } from "../../vm/json/json.ts";
import { LIMIT_WORDS, OUTCOMES, TRAPS, type LimitName, type Outcome, type TrapKind } from "../../vm/outcome.ts";
import type { Value } from "../../vm/value/value.ts";
import type { CallCounters } from "../../telemetry/tracing.ts";
import { arrayOf, countOf, jsonObject, objectOf, onlyFields, textOf, type JsonObject } from "./json-fields.ts";
import { storedFromJson, storedTextFromJson, storeText, storeValue, type BlobRef, type PutBlob, type Stored } from "./blob-values.ts";

/** A trap without its places: they come from debug information, which no hash of a run covers. */
export interface EndError<Text = string> {
  readonly kind: TrapKind;
  readonly message: Text;
  readonly capability?: string;
  /** Path of the policy rule that refused the call. */
  readonly rule?: string;
  readonly limit?: LimitName;
  /** Text forms of the arguments of a function whose contract failed. */
  readonly counterexample?: readonly Text[];
  readonly step: number;
}

/** `value` when the program completed, else `error`. */
export interface RunEnd {
  readonly outcome: Outcome;
  readonly value?: Value;
  readonly error?: EndError;
  readonly steps: number;
  readonly allocBytes: number;
  readonly counters: CallCounters;
  readonly events: number;
}

export interface StoredEnd extends Omit<RunEnd, "value" | "error"> {
  readonly value?: Stored;
  readonly error?: EndError<string | BlobRef>;
}

/** Outcomes that came from outside: the log ends where they struck, and no replay meets them again. */
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

/** Without `put` every value stays in place, and so does every reference. */
export function endToJson(end: StoredEnd, inlineBytes = 0, put?: PutBlob): JsonObject {
  const text = (message: string | BlobRef): JsonData => storeText(message, inlineBytes, put);
  const { error } = end;
  return jsonObject([
    ["outcome", end.outcome],
    ["value", end.value === undefined ? undefined : storeValue(end.value, inlineBytes, put)],
    [
      "error",
      error === undefined
        ? undefined
        : jsonObject([
            ["kind", error.kind],
            ["message", text(error.message)],
            ["capability", error.capability],
            ["rule", error.rule],
            ["limit", error.limit],
            ["counterexample", error.counterexample?.map(text)],
            ["step", error.step],
          ]),
    ],
    ["steps", end.steps],
    ["alloc_bytes", end.allocBytes],
    ["counters", jsonObject(COUNTER_NAMES.map((name) => [name, end.counters[name]]))],
    ["events", end.events],
  ]);
}

const isOutcome = (text: string): text is Outcome => Object.hasOwn(OUTCOMES, text);
const isTrapKind = (text: string): text is TrapKind => Object.hasOwn(TRAPS, text);
const isLimitName = (text: string): text is LimitName => LIMIT_WORDS.some((word) => word === text);

/** Throws `log.form`, `value.form`. */
export function endFromJson(data: JsonData | undefined): StoredEnd {
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
    ...(value === undefined ? {} : { value: storedFromJson(value, "end.value") }),
    ...(error === undefined ? {} : { error: errorFromJson(objectOf(error, "end.error")) }),
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

function errorFromJson(error: JsonObject): EndError<string | BlobRef> {
  onlyFields(error, ["kind", "message", "capability", "rule", "limit", "counterexample", "step"], "end.error");
  const kind = textOf(error.get("kind"), "end.error.kind");
  if (!isTrapKind(kind)) throw new BorunaError("log.form", `end.error.kind: unknown kind ${JSON.stringify(kind.slice(0, 80))}`);
  const text = (name: string): string | undefined => (error.has(name) ? textOf(error.get(name), `end.error.${name}`) : undefined);
  const limit = text("limit");
  if (limit !== undefined && !isLimitName(limit)) throw new BorunaError("log.form", "end.error.limit: unknown limit");
  const capability = text("capability");
  const rule = text("rule");
  const shown = error.get("counterexample");
  return {
    kind,
    message: storedTextFromJson(error.get("message"), "end.error.message"),
    ...(capability === undefined ? {} : { capability }),
    ...(rule === undefined ? {} : { rule }),
    ...(limit === undefined ? {} : { limit }),
    ...(shown === undefined
      ? {}
      : {
          counterexample: arrayOf(shown, "end.error.counterexample").map((item, i) =>
            storedTextFromJson(item, `end.error.counterexample[${i}]`),
          ),
        }),
    step: countOf(error.get("step"), "end.error.step"),
  };
}
