/**
 * Links that hold the sources: the fragment is `1.` and the base64url form of the sources as JSON, compressed by `deflate-raw` (RFC 1951).
 * Browsers do not send a fragment to the server.
 */
import { LINK_VERSION, type Sources } from "./messages.ts";

/** A longer link is refused, because not every browser and chat keeps it. */
const MAX_FRAGMENT_CHARS = 65_536;
/** Limit on the decompressed sources, so that a short link cannot fill the memory. */
export const MAX_SOURCES_BYTES = 262_144;

/** Returns the fragment without its `#`, or why the sources do not fit into a link. */
export async function fragmentOf(sources: Sources): Promise<{ readonly fragment: string } | { readonly problem: string }> {
  const bytes = new TextEncoder().encode(JSON.stringify(sources));
  if (bytes.length > MAX_SOURCES_BYTES)
    return { problem: `The sources are longer than ${MAX_SOURCES_BYTES} bytes, which is too long for a link.` };
  const packed = await readAll(through(bytes, new CompressionStream("deflate-raw")), Number.POSITIVE_INFINITY);
  const fragment = LINK_VERSION + base64url(packed ?? new Uint8Array());
  return fragment.length > MAX_FRAGMENT_CHARS
    ? { problem: `The link would be longer than ${MAX_FRAGMENT_CHARS} characters.` }
    : { fragment };
}

/** Reads a fragment without its `#`. Returns undefined if `fragmentOf` cannot have made it. Does not run the program. */
export async function sourcesOf(fragment: string): Promise<Sources | undefined> {
  if (fragment.length > MAX_FRAGMENT_CHARS || !fragment.startsWith(LINK_VERSION)) return undefined;
  const packed = fromBase64url(fragment.slice(LINK_VERSION.length));
  if (packed === undefined) return undefined;
  try {
    const bytes = await readAll(through(packed, new DecompressionStream("deflate-raw")), MAX_SOURCES_BYTES);
    return bytes === undefined ? undefined : readSources(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    // The bytes are not compressed data, UTF-8 or JSON.
    return undefined;
  }
}

function readSources(data: unknown): Sources | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const textOf = (name: string): unknown => Object.getOwnPropertyDescriptor(data, name)?.value;
  const [program, policy, inputs] = [textOf("program"), textOf("policy"), textOf("inputs")];
  return typeof program === "string" && typeof policy === "string" && typeof inputs === "string" ? { program, policy, inputs } : undefined;
}

const through = (bytes: Uint8Array<ArrayBuffer>, transform: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> =>
  new Blob([bytes]).stream().pipeThrough(transform);

/** Returns all bytes of a stream, or undefined as soon as there are more than `limit`. */
async function readAll(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array | undefined> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    length += next.value.length;
    if (length > limit) {
      await reader.cancel();
      return undefined;
    }
  }
  const all = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch (error) {
    // No text in base64 has this length.
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
