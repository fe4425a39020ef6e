/** Reads a response body: decoded, counted, text. */
import { Buffer } from "node:buffer";
import { Writable, type Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { CapabilityFailure } from "../handlers.ts";

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", () => createGunzip()],
  ["x-gzip", () => createGunzip()],
  ["deflate", () => createInflate()],
  ["br", () => createBrotliDecompress()],
]);
/** What `accept-encoding` says. */
export const ACCEPTED_ENCODINGS = "gzip, deflate, br";
/** Each layer multiplies what a few bytes can become. */
const MAX_LAYERS = 2;

/** The codings of a `content-encoding` header, in the order they were applied. */
function codings(header: string): readonly string[] {
  const names = header
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_LAYERS) throw new CapabilityFailure(`the response is encoded ${names.length} times, at most ${MAX_LAYERS} are read`);
  return names;
}

/** The decoded bytes. Throws `CapabilityFailure` beyond `maxBytes`, for an unknown encoding, and for one that does not decode. */
export async function readBody(body: Readable, contentEncoding: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      chunks.push(chunk);
      done(total > maxBytes ? new CapabilityFailure(`the response is longer than ${maxBytes} bytes`) : null);
    },
  });
  const decoders = codings(contentEncoding)
    .toReversed()
    .map((name) => {
      const make = DECODERS.get(name);
      if (make === undefined) throw new CapabilityFailure(`the response has the encoding ${JSON.stringify(name)}; ${ACCEPTED_ENCODINGS} are read`);
      return make();
    });
  try {
    await pipeline([body, ...decoders, collect], { signal });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (/^(?:Z_|ERR_BROTLI|ERR__ERROR|ERR_PADDING|ERR_)/.test(code) && decoders.length > 0) throw new CapabilityFailure(`the response does not decode as ${contentEncoding}`);
    throw error;
  }
  return Buffer.concat(chunks, total);
}

/** Throws `CapabilityFailure` for anything but UTF-8. */
export function utf8Body(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CapabilityFailure("the response is not UTF-8 text");
  }
}
