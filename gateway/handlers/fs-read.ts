/** `fs.read`: reads a file as text or base64, the names in a folder, or the kind, size and time of a file or folder. */
import { Buffer } from "node:buffer";
import { closeSync, fstatSync, lstatSync, opendirSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { didYouMean } from "../../policy/did-you-mean.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { CapabilityFailure, type MachineFunction } from "../handlers.ts";
import { isTemporary } from "../temporaries.ts";
import { fileFailure, type FsOptions, locateBelowRoot, missingRootMessage, openBelow, type LocatedFile } from "./fs-roots.ts";

/** How to read a file or folder, by the second argument of `fs.read`. */
const READERS = new Map<string, (descriptor: number, located: LocatedFile, path: string, maxBytes: number) => string>([
  ["text", (descriptor, _, path, maxBytes) => utf8Text(readAll(descriptor, path, maxBytes), path)],
  ["base64", (descriptor, _, path, maxBytes) => readAll(descriptor, path, maxBytes).toString("base64")],
  ["list", namesIn],
  ["stat", statJson],
]);

export function fsReadHandler(options: FsOptions = {}): MachineFunction {
  return ([path, form], { policy }) => {
    if (typeof path !== "string" || typeof form !== "string") throw new CapabilityFailure("fs.read takes a path and a word");
    const read = READERS.get(form);
    if (read === undefined)
      throw new CapabilityFailure(
        `fs.read does not know ${JSON.stringify(form)}. ${didYouMean(form, READERS.keys(), `It knows ${[...READERS.keys()].join(", ")}.`)}`,
      );
    try {
      const located = locateBelowRoot(path, policy.fs_policy.read, options);
      const missing = missingRootMessage(located);
      if (missing !== undefined) throw new CapabilityFailure(missing);
      if (isTemporary(basename(located.file))) throw new CapabilityFailure(`no such file: ${JSON.stringify(path)}`);
      const descriptor = openBelow(located, path);
      try {
        return read(descriptor, located, path, policy.fs_policy.max_bytes);
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      throw fileFailure(error, path);
    }
  };
}

/** The bytes of each read but the first. The first read is for the size that the file system reports. */
const CHUNK_BYTES = 65_536;

/** Reads a file to its end. Counts its bytes: the size that the file system reports can be wrong, as for growing files and in /proc. */
export function readAll(descriptor: number, path: string, maxBytes: number): Buffer {
  const stat = fstatSync(descriptor);
  if (stat.isDirectory()) throw new CapabilityFailure(`it is a folder: ${JSON.stringify(path)}`);
  const tooLongFailure = (): CapabilityFailure =>
    new CapabilityFailure(`the file is longer than ${maxBytes} bytes: ${JSON.stringify(path)}`);
  if (stat.size > maxBytes) throw tooLongFailure();
  const chunks: Buffer[] = [];
  let total = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(chunks.length === 0 ? stat.size + 1 : CHUNK_BYTES);
    const count = readSync(descriptor, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks, total);
    chunks.push(chunk.subarray(0, count));
    total += count;
    if (total > maxBytes) throw tooLongFailure();
  }
}

function utf8Text(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CapabilityFailure(`the file is not UTF-8 text, read it as "base64": ${JSON.stringify(path)}`);
  }
}

/** Limit on the entries of a folder. Listing a folder with more fails. */
const MAX_NAMES = 100_000;

/** Returns a path of the open file or folder. On Linux, the path leads to the open one even if its name now belongs to another. */
const descriptorPath = (descriptor: number, { file }: LocatedFile): string =>
  process.platform === "linux" ? `/proc/self/fd/${descriptor}` : file;

function namesIn(descriptor: number, located: LocatedFile, path: string, maxBytes: number): string {
  if (!fstatSync(descriptor).isDirectory()) throw new CapabilityFailure(`it is not a folder: ${JSON.stringify(path)}`);
  const base = descriptorPath(descriptor, located);
  const folder = opendirSync(base);
  const names: string[] = [];
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (names.length >= MAX_NAMES) throw new CapabilityFailure(`the folder has more than ${MAX_NAMES} entries: ${JSON.stringify(path)}`);
      // Node puts U+FFFD into a name that is not UTF-8. Such a name leads to no file.
      if (!entry.name.includes("\uFFFD") && !isTemporary(entry.name) && !isProtected(join(base, entry.name), located))
        names.push(entry.name);
    }
  } finally {
    folder.closeSync();
  }
  const text = canonicalJson(names.sort(compareUtf8));
  if (Buffer.byteLength(text) > maxBytes)
    throw new CapabilityFailure(`the names in the folder are longer than ${maxBytes} bytes: ${JSON.stringify(path)}`);
  return text;
}

function isProtected(entry: string, { protectedFiles }: LocatedFile): boolean {
  if (protectedFiles === undefined) return false;
  const stat = lstatSync(entry, { bigint: true, throwIfNoEntry: false });
  return stat !== undefined && protectedFiles.has(stat);
}

/** Returns `{"kind":"file"|"folder","modified_ms":Int,"size":Int}`. The size of a folder is 0, because file systems disagree on it. */
function statJson(descriptor: number): string {
  const stat = fstatSync(descriptor);
  return canonicalJson(
    new Map<string, JsonData>([
      ["kind", stat.isDirectory() ? "folder" : "file"],
      ["size", stat.isDirectory() ? 0 : stat.size],
      ["modified_ms", Math.floor(stat.mtimeMs)],
    ]),
  );
}
