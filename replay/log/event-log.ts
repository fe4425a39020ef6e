/** Reads event logs of the Rust toolchain. They contain only `{"version": 2, "events": [...]}`: no program, policy, arguments or end record. */
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { parseJson, type JsonData } from "../../vm/json/json.ts";
import { eventFromJson, type LogEvent } from "./event-json.ts";
import { decodeUtf8 } from "./utf8-text.ts";
import { arrayOf, countOf, objectOf, type JsonObject } from "./json-fields.ts";
import { RECORD_JSON_DEPTH, type LogLimits } from "./log-limits.ts";
import type { LogSource } from "./log-source.ts";

export const EVENT_LOG_VERSION = 2;

/** Returns the event in the form of an event log, in which the verdict of a guard is a contract check of the kind `output`. */
export function eventLogForm(event: RunEvent): RunEvent {
  return event.type === "GuardCheck" ? outputCheck(event.label, event.passed) : event;
}

function outputCheck(label: string, passed: boolean): RunEvent & { readonly type: "ContractCheck" } {
  return { type: "ContractCheck", function: label, kind: "output", index: 0, passed };
}

/** Reads all events. A missing version means version 1. Throws `log.header` (not an event log), `log.version`, `log.form`, `log.too_large`. */
export function eventLogEvents(source: LogSource, limits: LogLimits): readonly LogEvent[] {
  const place = { file: source.name };
  const file = parseFile(source, limits.eventLogBytes);
  if (!file.has("events")) throw notALogError(source.name);
  const version = file.has("version") ? countOf(file.get("version"), "version") : 1;
  if (version < 1 || version > EVENT_LOG_VERSION) {
    throw new BorunaError("log.version", `the event log has version ${version}; this boruna reads versions 1 and ${EVENT_LOG_VERSION}`, {
      place,
      hint: "Use a newer boruna.",
    });
  }
  const events = arrayOf(file.get("events"), "events");
  if (events.length > limits.events) throw new BorunaError("log.too_large", `more than ${limits.events} events`, { place });
  return events.map((event, i) => ({ n: i + 1, event: decodeEvent(event, i + 1, source.name) }));
}

const notALogError = (file: string, cause?: unknown): BorunaError =>
  new BorunaError("log.header", `${file} is not a run log, or is cut inside its first line`, {
    place: { file, line: 1 },
    hint: "A log is made by boruna run --record FILE.",
    cause,
  });

function parseFile(source: LogSource, maxBytes: number): JsonObject {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (const chunk of source.chunks()) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new BorunaError("log.too_large", `${source.name} is not a run log, and too large for an event log (${maxBytes} bytes)`, {
        place: { file: source.name },
      });
    }
    chunks.push(chunk);
  }
  try {
    return objectOf(parseJson(decodeUtf8(Buffer.concat(chunks), source.name), { maxDepth: RECORD_JSON_DEPTH }), source.name);
  } catch (error) {
    if (error instanceof BorunaError) throw notALogError(source.name, error);
    throw error;
  }
}

function decodeEvent(data: JsonData, n: number, file: string): LogEvent["event"] {
  try {
    const event = eventFromJson(data, true);
    // Older versions of boruna wrote `GuardCheck` into event logs, too.
    return event.type === "GuardCheck" && typeof event.label === "string" ? outputCheck(event.label, event.passed) : event;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("log.form", `event ${n}: ${error.message}`, { place: { file }, cause: error });
  }
}
