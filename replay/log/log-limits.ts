/** Limits on log files. The recorder obeys the same limits as the reader. */
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { JSON_LEVELS_PER_VALUE } from "../../vm/json/tagged-json.ts";

export interface LogLimits {
  /** Maximum bytes of a line, not counting its line feed. */
  readonly lineBytes: number;
  readonly events: number;
  /** Maximum bytes of one blob. */
  readonly blobBytes: number;
  /** Maximum bytes of an event log, which must be read into memory at once. */
  readonly eventLogBytes: number;
  /** Maximum bytes of the canonical JSON of a value in a record. Longer values are stored as blobs. */
  readonly inlineBytes: number;
}

export const LOG_LIMITS: LogLimits = {
  lineBytes: 32 * 1024 * 1024,
  events: 10_000_000,
  blobBytes: 512 * 1024 * 1024,
  eventLogBytes: 256 * 1024 * 1024,
  inlineBytes: 64 * 1024,
};

/** Maximum nesting of the JSON of a record: that of the deepest value, and a margin for the event and the record around it. */
export const RECORD_JSON_DEPTH = JSON_LEVELS_PER_VALUE * MACHINE_LIMITS.valueDepth + 64;
