/** Reads a response body: decompresses it, limits its size, decodes it as text. */
import { Buffer } from "node:buffer";
import { Duplex, pipeline as pipe, Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { CapabilityFailure } from "../handlers.ts";
import { errorCode } from "../../vm/error.ts";

const DECODERS: ReadonlyMap<string, () => Duplex> = new Map([
  ["gzip", () => createGunzip()],
  ["x-gzip", () => createGunzip()],
  ["deflate", () => Duplex.from(inflate)],
  ["br", () => createBrotliDecompress()],
]);
/** The lower four bits of the first byte of the zlib format (RFC 1950). In practice no raw deflate stream starts with them. */
const ZLIB_METHOD = 8;

/** Decodes "deflate", which means the zlib format (RFC 9110). Some servers send raw deflate (RFC 1951) instead. */
async function* inflate(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]();
  const first = await chunks.next();
  if (first.done === true) return;
  const decoder = ((first.value[0] ?? 0) & 0x0f) === ZLIB_METHOD ? createInflate() : createInflateRaw();
  async function* allChunks(): AsyncGenerator<Buffer> {
    for (let next = first; next.done !== true; next = await chunks.next()) yield next.value;
  }
  // An error of the source destroys the decoder, so reading the decoder reports it.
  yield* pipe(Readable.from(allChunks()), decoder, () => undefined);
}

/** The value of the `accept-encoding` header. */
export const ACCEPTED_ENCODINGS = "gzip, deflate, br";
/** Limit on the encodings of one body. Each encoding multiplies the size to which a few bytes can expand (decompression bombs). */
const MAX_LAYERS = 2;

/** Returns the encodings of a `content-encoding` header, in the order they were applied. */
function contentEncodings(header: string): readonly string[] {
  const names = header
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_LAYERS)
    throw new CapabilityFailure(`the response is encoded ${names.length} times, at most ${MAX_LAYERS} are read`);
  return names;
}

/** Returns the decoders in the order in which they must run. */
function decodersOf(contentEncoding: string): Duplex[] {
  return contentEncodings(contentEncoding)
    .toReversed()
    .map((name) => {
      const createDecoder = DECODERS.get(name);
      if (createDecoder === undefined) {
        throw new CapabilityFailure(`the response has the encoding ${JSON.stringify(name)}; ${ACCEPTED_ENCODINGS} are read`);
      }
      return createDecoder();
    });
}

/** Closes the body and its connection. Listens to the error that an unread body then emits, which would otherwise end the process. */
export function discardBody(body: Readable): void {
  body.on("error", () => undefined);
  body.destroy();
}

/**
 * Yields the decoded bytes as they arrive. Throws `CapabilityFailure` for more than `maxBytes`, an unknown encoding, or bytes that do not
 * decode. Closes the body and its connection if reading ends early.
 */
export async function* decodedChunks(body: Readable, contentEncoding: string, maxBytes: number): AsyncGenerator<Buffer> {
  let decoders: Duplex[] = [];
  let total = 0;
  try {
    decoders = decodersOf(contentEncoding);
    // An error of the body destroys all decoders, so reading the last one reports it.
    if (decoders.length > 0) pipe([body, ...decoders], () => undefined);
    const decoded: AsyncIterable<unknown> = decoders.at(-1) ?? body;
    for await (const chunk of decoded) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("a body consists of bytes");
      total += chunk.length;
      if (total > maxBytes) throw new CapabilityFailure(`the response is longer than ${maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    const code = errorCode(error);
    if (/^(?:Z_|ERR_)/.test(code) && decoders.length > 0) throw new CapabilityFailure(`the response does not decode as ${contentEncoding}`);
    throw error;
  } finally {
    discardBody(body);
  }
}
/** Returns all decoded bytes. Throws like `decodedChunks`. */
export async function readBody(body: Readable, contentEncoding: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of decodedChunks(body, contentEncoding, maxBytes)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Decodes UTF-8. Throws `CapabilityFailure` if the bytes are not UTF-8. */
export function utf8Body(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CapabilityFailure("the response is not UTF-8 text");
  }
}
