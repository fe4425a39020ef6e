/** Where the bytes of a log come from: a file, or memory. */
import { closeSync, readSync } from "node:fs";
import { BorunaError } from "../../vm/error.ts";
import { folderBlobReader, memoryBlobs, type BlobReader } from "./blobs.ts";
import { toIoError, openRegular } from "./files.ts";
import { LOG_LIMITS, type LogLimits } from "./log-limits.ts";

export interface LogSource {
  /** As the user named it. */
  readonly name: string;
  /** All bytes; each call starts at the first. Throws `log.io_error`. */
  chunks(): Iterable<Uint8Array>;
  readonly blobs: BlobReader;
}

const CHUNK_BYTES = 256 * 1024;

export function fileSource(path: string, limits: LogLimits = LOG_LIMITS): LogSource {
  return { name: path, chunks: () => fileChunks(path), blobs: folderBlobReader(path, limits.blobBytes) };
}

function* fileChunks(path: string): Generator<Uint8Array, void> {
  let descriptor: number | undefined;
  try {
    descriptor = openRegular(path);
    for (;;) {
      // A new buffer each time, since lines are views into it.
      const buffer = new Uint8Array(CHUNK_BYTES);
      const got = readSync(descriptor, buffer, 0, CHUNK_BYTES, null);
      if (got === 0) return;
      yield buffer.subarray(0, got);
    }
  } catch (error) {
    throw toIoError(error, "read", path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

export function memorySource(bytes: Uint8Array, blobs: BlobReader = memoryBlobs(), name = "log"): LogSource {
  return { name, chunks: () => [bytes], blobs };
}

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its line feed. */
  readonly bytes: Uint8Array;
  /** Offset of the first byte after the line and its line feed. */
  readonly end: number;
  /** False for a last line without a line feed. */
  readonly terminated: boolean;
}

export const LINE_FEED = 0x0a;

/** The lines of a source. Throws `log.line_too_long` before it holds more than `maxBytes` of one. */
export function* linesOf(source: LogSource, maxBytes: number): Generator<Line, void> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let number = 1;
  let end = 0;
  const take = (terminated: boolean): Line => {
    const [only] = pieces;
    const bytes = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
    end += held + (terminated ? 1 : 0);
    const line = { number, bytes, end, terminated };
    pieces = [];
    held = 0;
    number += 1;
    return line;
  };
  for (const chunk of source.chunks()) {
    let from = 0;
    while (from < chunk.length) {
      const at = chunk.indexOf(LINE_FEED, from);
      const piece = chunk.subarray(from, at === -1 ? chunk.length : at);
      held += piece.length;
      if (held > maxBytes) {
        throw new BorunaError("log.line_too_long", `line ${number} is longer than ${maxBytes} bytes`, {
          place: { file: source.name, line: number },
        });
      }
      pieces.push(piece);
      if (at === -1) break;
      yield take(true);
      from = at + 1;
    }
  }
  if (held > 0) yield take(false);
}
