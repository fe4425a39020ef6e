/** Sums up usage events: how often each command was used, how often it failed, and how long it took. Memory is bounded. */
import { MAX_EVENT_BYTES, parseUsageEvent, type UsageEvent } from "./event.ts";

export interface CommandReport {
  /** `run`, `policy show`. */
  readonly command: string;
  readonly events: number;
  readonly errors: number;
  /** Error classes with their counts, the most frequent first. */
  readonly errorClasses: readonly (readonly [word: string, count: number])[];
  /** Percentiles of the duration, in milliseconds. Exact below 128, otherwise at most 1.6% too low. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface UsageReport {
  readonly events: number;
  /** Lines that are not an event. */
  readonly malformed: number;
  /** Sorted by the name of the command. */
  readonly commands: readonly CommandReport[];
}

/** Maximum number of commands that are counted separately, and of error classes of each. Any more, as in a forged file, count as `other`. */
const MAX_COMMANDS = 128;
const MAX_ERROR_CLASSES = 64;
const OTHER = "other";
/** Durations are rounded down to this many significant bits, so each command needs at most 3,200 counters. */
const SIGNIFICANT_BITS = 7;

interface CommandCounts {
  events: number;
  errors: number;
  readonly errorClasses: Map<string, number>;
  /** Number of events by rounded duration in milliseconds. */
  readonly durations: Map<number, number>;
}

export class UsageCounter {
  #malformed = 0;
  readonly #commands = new Map<string, CommandCounts>();

  /** Counts one line of a file of events. Undefined: a line that is too long for an event. */
  addLine(line: string | undefined): void {
    const parsed = line === undefined ? undefined : parseUsageEvent(line);
    if (parsed !== undefined && "event" in parsed) this.#add(parsed.event);
    else this.#malformed += 1;
  }

  report(): UsageReport {
    const commands = [...this.#commands]
      .map(([command, counts]) => commandReport(command, counts))
      .toSorted((a, b) => (a.command < b.command ? -1 : 1));
    return { events: commands.reduce((sum, { events }) => sum + events, 0), malformed: this.#malformed, commands };
  }

  #add(event: UsageEvent): void {
    const name = event.subcommand === null ? event.command : `${event.command} ${event.subcommand}`;
    const key = this.#commands.has(name) || this.#commands.size < MAX_COMMANDS ? name : OTHER;
    const counts = this.#commands.get(key) ?? { events: 0, errors: 0, errorClasses: new Map(), durations: new Map() };
    this.#commands.set(key, counts);
    counts.events += 1;
    increment(counts.durations, roundedDown(event.duration_ms));
    if (event.outcome === "ok") return;
    counts.errors += 1;
    const word = event.err_class ?? OTHER;
    increment(counts.errorClasses, counts.errorClasses.has(word) || counts.errorClasses.size < MAX_ERROR_CLASSES ? word : OTHER);
  }
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function roundedDown(ms: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(Math.max(ms, 1))) + 1 - SIGNIFICANT_BITS);
  return Math.floor(ms / step) * step;
}

function commandReport(command: string, { events, errors, errorClasses, durations }: CommandCounts): CommandReport {
  const ascending = [...durations].toSorted(([a], [b]) => a - b);
  return {
    command,
    events,
    errors,
    errorClasses: [...errorClasses].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    p50: percentile(ascending, events * 0.5),
    p90: percentile(ascending, events * 0.9),
    p99: percentile(ascending, events * 0.99),
  };
}

/** Returns the shortest duration that at least `rank` events did not exceed (nearest-rank method). */
function percentile(ascending: readonly (readonly [ms: number, count: number])[], rank: number): number {
  let seen = 0;
  for (const [ms, count] of ascending) {
    seen += count;
    if (seen >= rank) return ms;
  }
  return 0;
}

/** Splits bytes into lines, with one line in memory at a time. Yields undefined for a line too long for an event. Skips empty lines. */
export function* boundedLines(chunks: Iterable<Uint8Array>): Generator<string | undefined> {
  let line: Buffer | undefined = Buffer.alloc(0);
  const textOf = (bytes: Buffer | undefined): string | undefined => bytes?.toString("utf8");
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    for (let end = bytes.indexOf("\n"); end >= 0; end = bytes.indexOf("\n", start)) {
      line = extended(line, bytes.subarray(start, end));
      if (line === undefined || line.length > 0) yield textOf(line);
      line = Buffer.alloc(0);
      start = end + 1;
    }
    line = extended(line, bytes.subarray(start));
  }
  if (line === undefined || line.length > 0) yield textOf(line);
}

/** Returns the line with more bytes at its end. Undefined if it is too long for an event. */
function extended(line: Buffer | undefined, more: Buffer): Buffer | undefined {
  if (line === undefined || line.length + more.length > MAX_EVENT_BYTES) return undefined;
  return Buffer.concat([line, more]);
}
