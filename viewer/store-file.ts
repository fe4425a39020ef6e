/**
 * The file of `--store`: spans as JSON lines, so that they survive a restart. The first line names the format. Spans that the store deletes
 * stay in the file until it is `MIN_REWRITE_BYTES` longer than twice the spans in the store. Then it is rewritten without them.
 */
import { closeSync, constants, ftruncateSync, openSync, renameSync, statSync } from "node:fs";
import { toIoError, removeIncompleteFile, writeAll } from "../replay/log/files.ts";
import { type LogLock, lockLog } from "../replay/log/log-lock.ts";
import { fileSource, linesOf } from "../replay/log/log-source.ts";
import { BorunaError } from "../vm/error.ts";
import type { ExecutionFacts, StoredSpan } from "./stored-span.ts";

const FIRST_LINE = '{"boruna_spans":1}';
/** Maximum bytes of a line. It is larger than the limit on the details of a span, because JSON may escape one character as six. */
const MAX_LINE_BYTES = 2 * 1024 * 1024;
/** A file is not rewritten unless it is by this many bytes longer than twice the spans in the store. */
const MIN_REWRITE_BYTES = 1024 * 1024;
const BATCH_SPANS = 1_000;

/**
 * Yields the spans of a file in batches. Stops at an incomplete last line, and returns the number of bytes before it. Throws `log.io_error`, and
 * `usage` for a file of another kind.
 */
export function* readStoreFile(file: string): Generator<readonly StoredSpan[], number> {
  let batch: StoredSpan[] = [];
  let validBytes = 0;
  for (const { number, bytes, end, terminated } of linesOf(fileSource(file), MAX_LINE_BYTES)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    if (!terminated && number > 1) break;
    validBytes = end;
    if (number === 1) {
      if (text !== FIRST_LINE || !terminated) throw notAStoreError(file, number);
      continue;
    }
    const span = spanOf(text);
    if (span === undefined) throw notAStoreError(file, number);
    batch.push(span);
    if (batch.length < BATCH_SPANS) continue;
    yield batch;
    batch = [];
  }
  yield batch;
  return validBytes;
}

const notAStoreError = (file: string, line: number): BorunaError =>
  new BorunaError("usage", `${file} is not a file of boruna view --store`, { place: { file, line }, hint: "Name another file." });

/** Appends spans to a file, and rewrites it when it is too long. */
export class StoreFile {
  readonly #path: string;
  readonly #lock: LogLock;
  #descriptor: number;
  #bytes: number;

  /**
   * Locks the file and passes its spans to `onSpans`. Creates the file if it does not exist, and cuts off an incomplete last line. Throws
   * `log.io_error`, `usage` for a file of another kind, and `log.locked` if another process writes it.
   */
  constructor(path: string, onSpans: (spans: readonly StoredSpan[]) => void) {
    this.#path = path;
    this.#lock = lockLog(path);
    try {
      const validBytes = this.#read(onSpans);
      this.#descriptor = openForAppend(path);
      ftruncateSync(this.#descriptor, validBytes);
      this.#bytes = validBytes;
      if (validBytes === 0) this.#write(`${FIRST_LINE}\n`);
    } catch (error) {
      this.#lock.release();
      throw toIoError(error, "write", path);
    }
  }

  #read(onSpans: (spans: readonly StoredSpan[]) => void): number {
    const isThere = (statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) > 0;
    if (!isThere) return 0;
    const batches = readStoreFile(this.#path);
    let next = batches.next();
    for (; next.done !== true; next = batches.next()) onSpans(next.value);
    return next.value;
  }

  /** Appends spans that the store has added. `storeBytes` is the size of the store now. `all` yields all its spans, if a rewrite is due. Throws `log.io_error`. */
  append(added: readonly StoredSpan[], storeBytes: number, all: () => Iterable<StoredSpan>): void {
    try {
      this.#writeSpans(this.#descriptor, added);
      if (this.#bytes > MIN_REWRITE_BYTES + 2 * storeBytes) this.#rewrite(all());
    } catch (error) {
      throw toIoError(error, "write", this.#path);
    }
  }

  #rewrite(spans: Iterable<StoredSpan>): void {
    const temporary = `${this.#path}.tmp`;
    removeIncompleteFile(temporary);
    const descriptor = openForAppend(temporary);
    this.#bytes = 0;
    const text = `${FIRST_LINE}\n`;
    writeAll(descriptor, Buffer.from(text));
    this.#bytes += text.length;
    this.#writeSpans(descriptor, spans);
    renameSync(temporary, this.#path);
    closeSync(this.#descriptor);
    this.#descriptor = descriptor;
  }

  #writeSpans(descriptor: number, spans: Iterable<StoredSpan>): void {
    let lines: string[] = [];
    const flush = (): void => {
      const bytes = Buffer.from(lines.join(""));
      writeAll(descriptor, bytes);
      this.#bytes += bytes.length;
      lines = [];
    };
    for (const span of spans) {
      lines.push(`${lineOf(span)}\n`);
      if (lines.length === BATCH_SPANS) flush();
    }
    flush();
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    writeAll(this.#descriptor, bytes);
    this.#bytes += bytes.length;
  }

  close(): void {
    closeSync(this.#descriptor);
    this.#lock.release();
  }
}

/** Opens or creates a file that only its owner may read. Does not follow a symbolic link. */
function openForAppend(path: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  return openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
}

function lineOf(span: StoredSpan): string {
  return JSON.stringify({ ...span, startNs: String(span.startNs), endNs: String(span.endNs) });
}

/** Parses one line. Returns undefined if it is not a span in the form of `lineOf`. */
function spanOf(text: string): StoredSpan | undefined {
  const data = parseObject(text);
  if (data === undefined) return undefined;
  const { startNs, endNs, ...rest } = data;
  if (!isTime(startNs) || !isTime(endNs)) return undefined;
  // The fields that `JSON.stringify` leaves out if they are undefined.
  const optionalFields = {
    parentSpanId: undefined,
    error: undefined,
    task: undefined,
    capability: undefined,
    call: undefined,
    budgetLeft: undefined,
  };
  const candidate = { ...optionalFields, execution: undefined, ...rest, startNs: BigInt(startNs), endNs: BigInt(endNs) };
  return isStoredSpan(candidate) ? candidate : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const data: unknown = JSON.parse(text);
    return isObject(data) ? data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isObject = (data: unknown): data is Readonly<Record<string, unknown>> =>
  typeof data === "object" && data !== null && !Array.isArray(data);
const isTime = (data: unknown): data is string => typeof data === "string" && /^\d{1,20}$/.test(data);
const isText = (data: unknown): boolean => typeof data === "string";
const isCount = (data: unknown): boolean => typeof data === "number" && Number.isFinite(data) && data >= 0;
const optional =
  (check: (data: unknown) => boolean) =>
  (data: unknown): boolean =>
    data === undefined || check(data);

const FIELDS: Readonly<Record<keyof StoredSpan, (data: unknown) => boolean>> = {
  traceId: (data) => typeof data === "string" && /^[0-9a-f]{32}$/.test(data),
  spanId: (data) => typeof data === "string" && /^[0-9a-f]{16}$/.test(data),
  parentSpanId: optional(isText),
  name: isText,
  label: isText,
  service: isText,
  kind: isText,
  startNs: (data) => typeof data === "bigint",
  endNs: (data) => typeof data === "bigint",
  status: (data) => data === "unset" || data === "ok" || data === "error",
  error: optional(isText),
  task: optional(isText),
  capability: optional(isText),
  call: optional(isCount),
  budgetLeft: optional(isCount),
  refused: (data) => typeof data === "boolean",
  execution: optional((data) => isObject(data) && Object.entries(EXECUTION_FIELDS).every(([name, check]) => check(data[name]))),
  detail: (data) => typeof data === "string" && isStoredDetailText(data),
};

const EXECUTION_FIELDS: Readonly<Record<keyof ExecutionFacts, (data: unknown) => boolean>> = {
  runId: isText,
  program: isText,
  mode: isText,
  outcome: isText,
  calls: isCount,
  denials: isCount,
};

function isStoredSpan(data: Readonly<Record<string, unknown>>): data is Readonly<Record<string, unknown>> & StoredSpan {
  return Object.entries(FIELDS).every(([name, check]) => check(data[name]));
}

function isStoredDetailText(text: string): boolean {
  const detail = parseObject(text);
  return detail !== undefined && Array.isArray(detail.attributes) && Array.isArray(detail.events) && Array.isArray(detail.links);
}
