/** Lists the blobs that a record of a log names. */
import { BlobRef } from "./blob-values.ts";
import { valuesOfEnd } from "./end-record.ts";
import { blobsOfEvent } from "./event-json.ts";
import type { LogRecord } from "./log-reader.ts";

/** Returns the references to blobs in a record. The module, which the header names, is not one of them. */
export function blobsOfRecord(record: LogRecord): readonly BlobRef[] {
  if (record.kind === "event") return blobsOfEvent(record.event);
  return record.kind === "end" ? valuesOfEnd(record.end).filter((value) => value instanceof BlobRef) : [];
}
