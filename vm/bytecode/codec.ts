/** Reads and writes `.axbc` files: "LLMB", version (u16 LE), payload length (u32 LE), payload (the module as JSON in UTF-8). */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../capabilities.ts";
import { BorunaError } from "../error.ts";
import { canonicalJson, type JsonData, parseJson } from "../json/json.ts";
import { MODULE_LIMITS } from "../limits.ts";
import type { Module } from "./module.ts";
import { FORMAT_VERSION, type ModuleJsonOptions, moduleFromJson, moduleToJson } from "./module-json.ts";
import { JSON_LEVELS_PER_VALUE } from "../json/tagged-json.ts";

const MAGIC = [0x4c, 0x4c, 0x4d, 0x42] as const;
const VERSION_AT = 4;
const LENGTH_AT = 6;
const HEADER_BYTES = 10;
/** The bytes that a JSON payload can start with: `{` and white space. */
const JSON_STARTS: ReadonlySet<number | undefined> = new Set([0x7b, 0x20, 0x09, 0x0a, 0x0d]);
/** The limit on the nesting of the payload. A constant is itself nested two levels deep in the module's JSON. */
const PAYLOAD_DEPTH = JSON_LEVELS_PER_VALUE * (MODULE_LIMITS.constantDepth + 1) + 2;

/**
 * Reads an `.axbc` file, or a JSON payload alone. Ignores bytes after the payload. Throws `module.too_short`,
 * `module.bad_magic`, `module.version`, `module.truncated`, `module.too_large`, and the errors of `moduleFromJson`.
 */
export function decodeModule(bytes: Uint8Array, registry?: CapabilityRegistry): Module {
  return moduleFromJson(parsePayload(JSON_STARTS.has(bytes[0]) ? bytes : payloadOf(bytes)), registry);
}

function payloadOf(bytes: Uint8Array): Uint8Array {
  const failAt = (kind: "too_short" | "bad_magic" | "version" | "truncated", offset: number, message: string): never => {
    throw new BorunaError(`module.${kind}`, message, { place: { offset } });
  };
  if (bytes.length < HEADER_BYTES)
    return failAt("too_short", bytes.length, `a module has at least ${HEADER_BYTES} bytes; this one has ${bytes.length}`);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return failAt("bad_magic", 0, 'not a Boruna module: it does not begin with "LLMB"');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(VERSION_AT, true);
  if (version !== FORMAT_VERSION)
    return failAt("version", VERSION_AT, `module format version ${version}; this machine reads version ${FORMAT_VERSION}`);
  const length = view.getUint32(LENGTH_AT, true);
  checkSize(length);
  const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
  if (payload.length < length)
    return failAt("truncated", bytes.length, `the module is cut short: ${payload.length} of ${length} bytes of its payload are there`);
  return payload;
}

function checkSize(bytes: number): void {
  if (bytes > MODULE_LIMITS.bytes)
    throw new BorunaError("module.too_large", `the module has ${bytes} bytes; the limit is ${MODULE_LIMITS.bytes}`);
}

function parsePayload(payload: Uint8Array): JsonData {
  checkSize(payload.length);
  try {
    return parseJson(decodeUtf8(payload), { maxDepth: PAYLOAD_DEPTH });
  } catch (error) {
    if (!(error instanceof BorunaError) || !error.kind.startsWith("json.")) throw error;
    const kind = error.kind === "json.depth" || error.kind === "json.too_large" ? "module.too_large" : "module.syntax";
    throw new BorunaError(kind, `the payload is not a module: ${error.message}`, {
      place: error.place,
      cause: error,
    });
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new BorunaError("module.syntax", "the payload is not UTF-8", { cause: error });
  }
}

/** Writes an `.axbc` file. The payload is canonical, so a module has exactly one encoding. Throws `module.too_large`. */
export function encodeModule(module: Module, options: ModuleJsonOptions = {}): Uint8Array {
  const payload = utf8ToBytes(canonicalJson(moduleToJson(module, options)));
  checkSize(payload.length);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(VERSION_AT, FORMAT_VERSION, true);
  view.setUint32(LENGTH_AT, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Returns `sha256:` and the hex digest of the module's canonical JSON without `debug`. */
export function moduleHash(module: Module, registry: CapabilityRegistry = BUILTIN_REGISTRY): string {
  const text = canonicalJson(moduleToJson(module, { debug: false, registry }));
  return `sha256:${bytesToHex(sha256(utf8ToBytes(text)))}`;
}
