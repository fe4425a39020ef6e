/**
 * Declares the usage event: what Boruna reports about one command of the CLI. An event never contains a user, a host, a path,
 * an argument, program text, a URL, an error message or an id of the device. Every field accepts only a narrow form, so a valid
 * event contains no free text and no character that could control a terminal.
 */
import { TENANT } from "./settings.ts";

/** One usage event. `USAGE_FIELDS` describes its fields. */
export interface UsageEvent {
  readonly schema_version: "1";
  readonly ts: string;
  readonly trace_id: string;
  readonly command: string;
  readonly subcommand: string | null;
  readonly outcome: "ok" | "error";
  readonly err_class: string | null;
  readonly exit_code: number;
  readonly duration_ms: number;
  readonly cli_version: string;
  readonly channel: string;
  readonly os: string;
  readonly tenant?: string | undefined;
}

interface FieldSpec {
  readonly doc: string;
  readonly accepts: (value: unknown) => boolean;
  readonly optional?: true;
}

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === "string" && pattern.test(value);
const orNull =
  (accepts: FieldSpec["accepts"]): FieldSpec["accepts"] =>
  (value) =>
    value === null || accepts(value);
const wholeNumber =
  (max: number): FieldSpec["accepts"] =>
  (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;

const COMMAND_WORD = /^[a-z][a-z0-9-]{0,31}$/;
const ERROR_WORD = /^[a-z][a-z0-9_.]{0,63}$/;
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The fields in the order in which they are written. */
export const USAGE_FIELDS = {
  schema_version: { doc: 'version of this table, `"1"`', accepts: (value) => value === "1" },
  ts: { doc: "when the command began, UTC", accepts: matches(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
  trace_id: {
    doc: "the trace of the run's span, if spans are on and the command made one; otherwise random",
    accepts: matches(/^[0-9a-f]{32}$/),
  },
  command: { doc: "the command: `run`, `policy`", accepts: matches(COMMAND_WORD) },
  subcommand: { doc: "the second word of a command that has two: `show`; otherwise null", accepts: orNull(matches(COMMAND_WORD)) },
  outcome: { doc: "`ok` if the exit code is 0, otherwise `error`", accepts: (value) => value === "ok" || value === "error" },
  err_class: {
    doc: "the kind of the error or the outcome of the run, one stable word: `denied`, `io_error`; null if the outcome is `ok`",
    accepts: orNull(matches(ERROR_WORD)),
  },
  exit_code: { doc: "the exit code of the command", accepts: wholeNumber(255) },
  duration_ms: {
    doc: "milliseconds from the start of the process to the end of the command",
    accepts: wholeNumber(Number.MAX_SAFE_INTEGER),
  },
  cli_version: { doc: "version of Boruna", accepts: matches(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/) },
  channel: { doc: "`stable`, or for a prerelease its name: `beta`", accepts: matches(NAME) },
  os: { doc: "the operating system as Node calls it: `linux`, `darwin`, `win32`", accepts: matches(NAME) },
  tenant: { doc: "the value of `BORUNA_TELEMETRY_TENANT`; absent if that is not set", accepts: matches(TENANT), optional: true },
} as const satisfies Record<keyof UsageEvent, FieldSpec>;

const SPECS: ReadonlyMap<string, FieldSpec> = new Map(Object.entries(USAGE_FIELDS));

/** Limit on the JSON of an event, in bytes. A valid event is shorter. One `write` of this size is atomic. */
export const MAX_EVENT_BYTES = 4_096;

/** Returns the name of the first field that is missing or not valid. Undefined if the data is an event. */
export function invalidField(data: unknown): string | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return "the event";
  const fields = new Map<string, unknown>(Object.entries(data));
  for (const [name, spec] of SPECS) {
    const isFine = fields.has(name) ? spec.accepts(fields.get(name)) : spec.optional === true;
    if (!isFine) return name;
  }
  // The name of an unknown field is text of the sender, so it is not repeated.
  return [...fields.keys()].every((name) => SPECS.has(name)) ? undefined : "a field that is not in the schema";
}

function isUsageEvent(data: unknown): data is UsageEvent {
  return invalidField(data) === undefined;
}

/** Parses the JSON of one event. `problem` names what is wrong, without any text of the input. */
export function parseUsageEvent(text: string): { readonly event: UsageEvent } | { readonly problem: string } {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: "the event is not JSON" };
    throw error;
  }
  return isUsageEvent(data) ? { event: data } : { problem: `not valid: ${invalidField(data) ?? ""}` };
}

/** Returns the event as one line of JSON without the line feed, with the fields in the order of the table. Omits fields that are undefined. */
export function usageLine(event: UsageEvent): string {
  const fields = new Map<string, unknown>(Object.entries(event));
  return JSON.stringify(Object.fromEntries([...SPECS.keys()].filter((name) => fields.has(name)).map((name) => [name, fields.get(name)])));
}
