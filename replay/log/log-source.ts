/** Provides the bytes of a log, from a file or from memory. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { BorunaError } from "../../vm/error.ts";
import { folderBlobReader } from "./blobs.ts";
import { memoryBlobs, type BlobReader } from "./memory-blobs.ts";
import { toIoError, openRegular } from "./files.ts";
import { LOG_LIMITS, type LogLimits } from "./log-limits.ts";
import { type OpenMark, readOpenMark } from "./open-mark.ts";

export interface LogSource {
  /** The path that the user gave, for error messages. */
  readonly name: string;
  /** Yields the bytes of the log from the offset `from` on. Default: 0. Throws `log.io_error`. */
  chunks(from?: number): Iterable<Uint8Array>;
  readonly blobs: BlobReader;
  /** Returns the mark of the open call, see `open-mark.ts`. Throws `log.io_error`. */
  openMark(): OpenMark | undefined;
}

const CHUNK_BYTES = 256 * 1024;

/** Receives how many bytes of a log were read, and the log's size. A log may be read several times, so `bytes` may start at 0 again. */
export type OnRead = (bytes: number, total: number) => void;

export function fileSource(path: string, limits: LogLimits = LOG_LIMITS, onRead?: OnRead): LogSource {
  return {
    name: path,
    chunks: (from = 0) => fileChunks(path, from, onRead),
    blobs: folderBlobReader(path, limits.blobBytes),
    openMark: () => readOpenMark(path),
  };
}

function* fileChunks(path: string, from: number, onRead: OnRead | undefined): Generator<Uint8Array, void> {
  let descriptor: number | undefined;
  try {
    descriptor = openRegular(path);
    const total = onRead === undefined ? 0 : fstatSync(descriptor).size;
    for (let offset = from; ; ) {
      // The lines of a chunk are views into its buffer, so the buffer is not reused.
      const buffer = new Uint8Array(CHUNK_BYTES);
      const readCount = readSync(descriptor, buffer, 0, CHUNK_BYTES, offset);
      if (readCount === 0) return;
      offset += readCount;
      onRead?.(offset, total);
      yield buffer.subarray(0, readCount);
    }
  } catch (error) {
    throw toIoError(error, "read", path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

export function memorySource(bytes: Uint8Array, blobs: BlobReader = memoryBlobs(), name = "log"): LogSource {
  return { name, chunks: (from = 0) => [bytes.subarray(from)], blobs, openMark: () => undefined };
}

export interface Line {
  /** Line number, from 1. */
  readonly number: number;
  /** The bytes of the line, without the line feed. */
  readonly bytes: Uint8Array;
  /** Offset of the first byte after the line and its line feed, from where the reading began. */
  readonly end: number;
  /** Whether the line ends with a line feed. Only the last line may lack one. */
  readonly terminated: boolean;
}

export const LINE_FEED = 0x0a;

/**
 * Yields the lines of a source. `from` is where the reading begins: the offset `bytes`, which is the start of the line with the number `line`.
 * Throws `log.line_too_long` for a line of more than `maxBytes`, without reading the rest of the line.
 */
export function* linesOf(
  source: LogSource,
  maxBytes: number,
  from: { readonly bytes: number; readonly line: number } = { bytes: 0, line: 1 },
): Generator<Line, void> {
  /** The start of a line that continues in the next chunk. */
  let pieces: Uint8Array[] = [];
  let pieceBytes = 0;
  let number = from.line;
  let end = 0;
  for (const chunk of source.chunks(from.bytes)) {
    // `Buffer.indexOf` is several times as fast as that of a Uint8Array.
    const searched = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    while (start < chunk.length) {
      const lineFeedAt = searched.indexOf(LINE_FEED, start);
      const piece = chunk.subarray(start, lineFeedAt === -1 ? chunk.length : lineFeedAt);
      if (pieceBytes + piece.length > maxBytes) {
        throw new BorunaError("log.line_too_long", `line ${number} is longer than ${maxBytes} bytes`, {
          place: { file: source.name, line: number },
        });
      }
      if (lineFeedAt === -1) {
        pieces.push(piece);
        pieceBytes += piece.length;
        break;
      }
      const bytes = pieceBytes === 0 ? piece : Buffer.concat([...pieces, piece]);
      pieces = [];
      pieceBytes = 0;
      end += bytes.length + 1;
      yield { number, bytes, end, terminated: true };
      number += 1;
      start = lineFeedAt + 1;
    }
  }
  if (pieceBytes > 0) yield { number, bytes: Buffer.concat(pieces), end: end + pieceBytes, terminated: false };
}
