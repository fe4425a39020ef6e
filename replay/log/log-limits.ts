/** Limits of log files. The recorder writes nothing that the reader would refuse. */
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { JSON_LEVELS_PER_VALUE } from "../../vm/json/tagged-json.ts";

export interface LogLimits {
  /** Maximum bytes of a line without its line feed. */
  readonly lineBytes: number;
  readonly events: number;
  /** Maximum bytes of one blob. */
  readonly blobBytes: number;
  /** Maximum bytes of an event log, which must be read into memory. */
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

/** Maximum nesting of a record's JSON: the deepest value, inside an event, inside a record. */
export const RECORD_JSON_DEPTH = JSON_LEVELS_PER_VALUE * MACHINE_LIMITS.valueDepth + 64;
