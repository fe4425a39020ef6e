/** Limits of the log file. The recorder writes nothing that the reader would refuse. */
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { JSON_LEVELS_PER_VALUE } from "../../vm/json/tagged-json.ts";

export interface LogLimits {
  /** One line, its line feed not counted. */
  readonly lineBytes: number;
  readonly events: number;
  /** One blob. */
  readonly blobBytes: number;
  /** A whole file of the older event-log form, which can only be read at once. */
  readonly eventLogBytes: number;
  /** A value whose canonical JSON has more bytes is stored as a blob. */
  readonly inlineBytes: number;
}

export const LOG_LIMITS: LogLimits = {
  lineBytes: 32 * 1024 * 1024,
  events: 10_000_000,
  blobBytes: 512 * 1024 * 1024,
  eventLogBytes: 256 * 1024 * 1024,
  inlineBytes: 64 * 1024,
};

/** Nesting of a record's JSON: the deepest value, inside an event, inside a record. */
export const RECORD_JSON_DEPTH = JSON_LEVELS_PER_VALUE * MACHINE_LIMITS.valueDepth + 64;
