/** Keeps the first events of a log in memory when the log is first read and checked. So a replay need not read and check them again. */
import { UNIT } from "../../vm/value/value.ts";
import type { LogEvent, RecordedEvent } from "./event-json.ts";

/** Approximate maximum of the memory for the kept events of a log, in bytes. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** An event with lists, maps or JSON takes at most this many times as much memory as its record has bytes. With scalars only, it takes about as much. */
const BYTES_PER_RECORD_BYTE = 16;

/** A place between two records of a log, from which the log can be read on. */
export interface LogPlace {
  /** Number of bytes before the place. */
  readonly bytes: number;
  /** The number of the next line. */
  readonly line: number;
  /** The hash of the record before the place. */
  readonly previous: string;
  /** Number of events before the place. */
  readonly events: number;
}

/** The fields of a `LogRecord` (`log-reader.ts`) that are needed here. */
type ReadRecord = { readonly bytes: number; readonly line: number; readonly hash: string } & (
  | ({ readonly kind: "event" } & LogEvent)
  | { readonly kind: "header" | "end" }
);

export class KeptEvents {
  readonly events: LogEvent[] = [];
  #freeBytes = MAX_KEPT_BYTES;
  /** The record that was added last, unless there was no room for it. */
  #last: ReadRecord | undefined;

  /** Keeps the event of the record if there is room. Add all records of the log in order. */
  add(record: ReadRecord): void {
    if (this.#freeBytes < 0 || record.kind === "end") return;
    if (record.kind === "event") {
      const size = record.bytes - (this.#last?.bytes ?? 0);
      this.#freeBytes -= hasOnlyScalars(record.event) ? size : size * BYTES_PER_RECORD_BYTE;
      if (this.#freeBytes < 0) return;
      this.events.push({ n: record.n, event: record.event });
    }
    this.#last = record;
  }

  /** The place after the last kept event. Undefined if no event was kept. */
  get end(): LogPlace | undefined {
    if (this.#last?.kind !== "event") return undefined;
    const { bytes, line, hash, n } = this.#last;
    return { bytes, line: line + 1, previous: hash, events: n };
  }
}

const isScalar = (value: unknown): boolean => typeof value !== "object" || value === UNIT;

function hasOnlyScalars(event: RecordedEvent): boolean {
  if (event.type === "CapCall") return event.args.every(isScalar);
  return event.type === "CapResult" && isScalar(event.result);
}
