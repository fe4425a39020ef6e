/** Reads source texts. Every error is an `io_error` with the name that the user gave. */
import { readBounded, toIoError } from "../replay/log/files.ts";
import { decodeUtf8 } from "../replay/log/utf8-text.ts";
import { BorunaError } from "../vm/error.ts";

/** Limits only memory use, because the compiler rejects files over 1 MiB with a diagnostic. */
const MAX_SOURCE_BYTES = 8 * 1024 * 1024;

/** Returns the `io_error` for an error of reading. `shownName` is the file's name in its message. */
export function sourceError(error: unknown, shownName: string): BorunaError {
  const known = toIoError(error, "read", shownName);
  const message = known.kind === "log.utf8" ? `${shownName} is not text in UTF-8` : known.message;
  return new BorunaError("io_error", message, { place: { file: shownName }, cause: known });
}

/** Returns the text of a file. Throws `io_error`; `shownName` is the file's name in messages. */
export function readSourceText(path: string, shownName: string): string {
  try {
    return decodeUtf8(readBounded(path, MAX_SOURCE_BYTES, shownName), shownName);
  } catch (error) {
    throw sourceError(error, shownName);
  }
}

/** Reads a source text from a stream to its end. Throws `io_error` if it is not UTF-8 or too long; `shownName` is its name in messages. */
export async function readSourceStream(stream: AsyncIterable<unknown>, shownName: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new BorunaError("internal", "a stream of source text yields no bytes");
      size += chunk.length;
      if (size > MAX_SOURCE_BYTES)
        throw new BorunaError("io_error", `${shownName} has more than ${MAX_SOURCE_BYTES} bytes`, { place: { file: shownName } });
      chunks.push(chunk);
    }
    return decodeUtf8(Buffer.concat(chunks), shownName);
  } catch (error) {
    throw error instanceof BorunaError && error.kind === "io_error" ? error : sourceError(error, shownName);
  }
}
