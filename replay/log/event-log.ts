/** The older event log, a whole JSON file: `{"version": 2, "events": [...]}`. It holds no program, no policy, no arguments and no end. */
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { parseJson, type JsonData } from "../../vm/json/json.ts";
import { eventFromJson, type LogEvent } from "./event-json.ts";
import { arrayOf, countOf, objectOf } from "./json-fields.ts";
import { decodeUtf8 } from "./files.ts";
import { RECORD_JSON_DEPTH, type LogLimits } from "./log-limits.ts";
import type { LogSource } from "./log-source.ts";

export const EVENT_LOG_VERSION = 2;

/** The event as the older log has it: the verdict of a guard is a contract check of the kind `output`. */
export function olderEvent(event: RunEvent): RunEvent {
  return event.type === "GuardCheck" ? outputCheck(event.label, event.passed) : event;
}

function outputCheck(label: string, passed: boolean): RunEvent & { readonly type: "ContractCheck" } {
  return { type: "ContractCheck", function: label, kind: "output", index: 0, passed };
}

/** Throws `log.header` where it is neither form of log, `log.version`, `log.form`, `log.too_large`. A missing version is version 1. */
export function eventLogEvents(source: LogSource, limits: LogLimits): readonly LogEvent[] {
  const place = { file: source.name };
  const data = parseWhole(source, limits.eventLogBytes);
  const file = objectOf(data, "event log");
  if (!file.has("events")) throw notALog(source.name);
  const version = file.has("version") ? countOf(file.get("version"), "version") : 1;
  if (version < 1 || version > EVENT_LOG_VERSION) {
    throw new BorunaError("log.version", `the event log has version ${version}; this boruna reads versions 1 and ${EVENT_LOG_VERSION}`, {
      place,
      hint: "Use a newer boruna.",
    });
  }
  const events = arrayOf(file.get("events"), "events");
  if (events.length > limits.events) throw new BorunaError("log.too_large", `more than ${limits.events} events`, { place });
  return events.map((event, i) => ({ n: i + 1, event: decode(event, i + 1, source.name) }));
}

const notALog = (file: string, cause?: unknown): BorunaError =>
  new BorunaError("log.header", `${file} is not a run log, or is cut inside its first line`, {
    place: { file, line: 1 },
    hint: "A log is made by boruna run --record FILE.",
    cause,
  });

function parseWhole(source: LogSource, maxBytes: number): JsonData {
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
    const data = parseJson(decodeUtf8(Buffer.concat(chunks), source.name), { maxDepth: RECORD_JSON_DEPTH });
    objectOf(data, source.name);
    return data;
  } catch (error) {
    if (error instanceof BorunaError) throw notALog(source.name, error);
    throw error;
  }
}

function decode(event: JsonData, n: number, file: string): LogEvent["event"] {
  try {
    const read = eventFromJson(event, true);
    // The event of the log with a chain is read here too.
    return read.type === "GuardCheck" && typeof read.label === "string" ? outputCheck(read.label, read.passed) : read;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("log.form", `event ${n}: ${error.message}`, { place: { file }, cause: error });
  }
}
