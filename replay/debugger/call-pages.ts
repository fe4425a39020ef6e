/** Reads any call of a log, with its answer, without keeping the log in memory. Reads the log in pages, each with some dozen calls. */
import { BorunaError } from "../../vm/error.ts";
import { answerOf, type LoggedCall } from "../entries.ts";
import { LOG_LIMITS } from "../log/log-limits.ts";
import { isRunLog, parseLog, parseRunLog, RecordReader, type LogRecord, type RunLog } from "../log/log-reader.ts";
import { linesOf, type LogSource } from "../log/log-source.ts";

/** A page ends after this many calls, or this many bytes of the log. */
const PAGE_CALLS = 64;
const PAGE_BYTES = 1024 * 1024;
/** This many pages stay in memory: those used last. */
const MAX_PAGES_IN_MEMORY = 4;

/** Where a page starts in the log, and how many events, calls and answers come before it. */
interface PageStart {
  /** In bytes. */
  readonly offset: number;
  /** The hash of the record before the page. */
  readonly previousHash: string;
  /** How many events, calls and answers come before the page. */
  readonly events: number;
  readonly calls: number;
  readonly answers: number;
}

export class CallPages {
  /** The log, which has been read and checked once. */
  readonly log: RunLog;
  readonly #source: LogSource;
  readonly #starts: readonly PageStart[];
  readonly #callCount: number;
  /** The pages used last, by index. The most recently used page is the last. */
  readonly #pages = new Map<number, readonly LoggedCall[]>();

  /** Reads the log. Throws `log.*`, and `usage` for an event log, which holds no program. */
  constructor(source: LogSource) {
    if (!isRunLog(source, LOG_LIMITS)) {
      // Throws if the file is not an event log either.
      parseLog(source);
      throw new BorunaError("usage", `${source.name} is no log of this version: an event log holds no program`, {
        hint: "Record the run again with boruna run --record.",
      });
    }
    const starts = new PageStarts();
    this.#source = source;
    this.log = parseRunLog(source, LOG_LIMITS, (record) => starts.add(record));
    this.#starts = starts.starts;
    this.#callCount = starts.calls;
  }

  /** Returns the call with this number, from 1. Throws `log.changed`. */
  call(number: number): LoggedCall | undefined {
    if (number < 1 || number > this.#callCount) return undefined;
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle]?.calls ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    const page = low - 1;
    return this.#page(page)[number - 1 - (this.#starts[page]?.calls ?? 0)];
  }

  /** Yields the calls from the given number on. */
  *from(number: number): Generator<LoggedCall, void> {
    let next = number;
    for (let call = this.call(next); call !== undefined; call = this.call(next)) {
      yield call;
      next += 1;
    }
  }

  /** Returns the calls of a page. Keeps the most recently used pages in memory. */
  #page(index: number): readonly LoggedCall[] {
    const page = this.#pages.get(index) ?? this.#readPage(index);
    this.#pages.delete(index);
    this.#pages.set(index, page);
    const [oldest] = this.#pages.keys();
    if (this.#pages.size > MAX_PAGES_IN_MEMORY && oldest !== undefined) this.#pages.delete(oldest);
    return page;
  }

  #readPage(index: number): readonly LoggedCall[] {
    const start = this.#starts[index];
    if (start === undefined) return [];
    const callsBeforeNextPage = this.#starts[index + 1]?.calls ?? this.#callCount;
    const calls: LoggedCall[] = [];
    let { answers } = start;
    for (const { n, event } of this.#eventsFrom(start)) {
      /** The index on this page of the earliest call without an answer. */
      const earliestOpenIndex = answers - start.calls;
      const open = calls[earliestOpenIndex];
      if (event.type === "CapCall" && calls.length < callsBeforeNextPage - start.calls) {
        const { capability, args } = event;
        const call = start.calls + calls.length + 1;
        calls.push({ type: "call", call, event: n, capability, args, approval: undefined, answer: undefined });
      } else if (event.type === "Approval" && open !== undefined) calls[earliestOpenIndex] = { ...open, approval: event };
      else if (event.type === "CapResult" || event.type === "CapError") {
        if (open !== undefined) calls[earliestOpenIndex] = { ...open, answer: answerOf(event) };
        answers += 1;
      }
      if (answers >= callsBeforeNextPage) break;
    }
    return calls;
  }

  /** Yields the events from the start of a page on. Throws `log.changed` if they differ from those of the first reading. */
  *#eventsFrom({ offset, previousHash: previous, events }: PageStart): Generator<LogRecord & { readonly kind: "event" }, void> {
    const reader = new RecordReader(LOG_LIMITS.events, false, { previous, events });
    // Lines count from 2, because the reader takes line 1 for a header.
    for (const line of linesOf(this.#source, LOG_LIMITS.lineBytes, { bytes: offset, line: 2 })) {
      const record = this.#record(() => reader.read(line));
      if (record.kind !== "event") return;
      yield record;
      if (record.n >= this.log.eventCount) return;
    }
  }

  /** Reads a record again. An error means that the file was changed since it was checked. */
  #record(read: () => LogRecord): LogRecord {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
      const place = { file: this.#source.name };
      throw new BorunaError("log.changed", `${this.#source.name} was changed while it was debugged`, { place, cause: error });
    }
  }
}

/** Finds the starts of the pages while the log is read. */
class PageStarts {
  readonly starts: PageStart[] = [];
  calls = 0;
  #answers = 0;
  #previousHash = "";
  /** Where the next record starts, in bytes. */
  #offset = 0;

  add(record: LogRecord): void {
    if (record.kind === "event") this.#addEvent(record);
    this.#previousHash = record.hash;
    this.#offset = record.bytes;
  }

  #addEvent({ n, event }: LogRecord & { readonly kind: "event" }): void {
    if (event.type === "CapResult" || event.type === "CapError") this.#answers += 1;
    if (event.type !== "CapCall") return;
    const page = this.starts.at(-1);
    if (page === undefined || this.calls - page.calls >= PAGE_CALLS || this.#offset - page.offset >= PAGE_BYTES) {
      const { calls } = this;
      this.starts.push({ offset: this.#offset, previousHash: this.#previousHash, events: n - 1, calls, answers: this.#answers });
    }
    this.calls += 1;
  }
}
