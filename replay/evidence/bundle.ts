/**
 * The files of a bundle of evidence. A bundle is a folder:
 *
 *     attestation.json           the signed statement: a DSSE envelope (`dsse.ts`) with an in-toto statement (`statement.ts`)
 *     SHA256SUMS                 the manifest: every other file with its SHA-256, in the form of `sha256sum`
 *     july.jsonl                 a log, byte for byte
 *     july.jsonl.blobs/9f86…     its blobs, with the module, without redacted values
 *     july.jsonl.policy.json     the policy in the log's header, for readers; its SHA-256 is the policy hash
 *     july.jsonl.source.ax       the source files in the module, one after another, for readers; absent if the module has none
 *
 * The statement names the SHA-256 of the manifest and of each log.
 */
import { closeSync, lstatSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { lazily } from "../../vm/lazy.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { openRegular, toIoError } from "../log/files.ts";
import type { RunLog } from "../log/log-reader.ts";
import { recordedProgram } from "../replay.ts";

export const ENVELOPE_FILE = "attestation.json";
export const MANIFEST_FILE = "SHA256SUMS";

const crypto = lazily(() => process.getBuiltinModule("node:crypto"));

/** Maximum number of files in a bundle. */
export const MAX_FILES = 2_000_000;

/** Whether a log may have this name in a bundle: ASCII letters, digits, `_`, `.` and `-`. */
export const isLogName = (name: string): boolean =>
  /^[A-Za-z0-9][\w.-]{0,127}$/.test(name) && name !== ENVELOPE_FILE && name !== MANIFEST_FILE;

/** Returns the names in a bundle that belong to one log: the log, the folder of its blobs, and the files for readers. */
export const bundleFilesOf = (name: string): readonly string[] => [name, `${name}.blobs`, `${name}.policy.json`, `${name}.source.ax`];

/** Returns the files for readers, each as its name and text. They only repeat parts of the log. */
export function readableFiles(log: RunLog, name: string): readonly (readonly [name: string, text: string])[] {
  const files = recordedProgram(log).module.debug?.files ?? [];
  const source = files.map((file) => `// ${JSON.stringify(file.name)}\n${file.text}\n`).join("");
  return [
    [`${name}.policy.json`, canonicalJson(log.header.policy)],
    ...(files.length === 0 ? [] : [[`${name}.source.ax`, source] as const]),
  ];
}

/**
 * Returns the SHA-256 of each file in the folder by name, without the envelope and the manifest. For an entry that is not a file, such as
 * a link or an empty folder, the hash is "". Throws `log.io_error`, and `evidence.too_large` for too many files.
 */
export function manifestOf(folder: string): ReadonlyMap<string, string> {
  try {
    const names = namesIn(folder).filter((name) => name !== ENVELOPE_FILE && name !== MANIFEST_FILE);
    return new Map(names.map((name) => [name, lstatSync(join(folder, name)).isFile() ? sha256OfFile(join(folder, name)) : ""]));
  } catch (error) {
    throw toIoError(error, "read", folder);
  }
}

/** Returns the names of all files in the folder and its folders of blobs, sorted. */
function namesIn(folder: string): readonly string[] {
  const names: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const filesInside = entry.isDirectory() ? readdirSync(join(folder, entry.name)).map((name) => `${entry.name}/${name}`) : [];
    if (filesInside.length === 0) names.push(entry.name);
    else for (const name of filesInside) names.push(name);
    if (names.length > MAX_FILES) throw new BorunaError("evidence.too_large", `${folder} has more than ${MAX_FILES} files`);
  }
  return names.sort(compareUtf8);
}

export const manifestText = (sums: ReadonlyMap<string, string>): string => [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join("");

/** Reads a manifest. Ignores malformed lines, because `checkFiles` also compares the complete text. */
export function readManifest(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").map((line) => /^([0-9a-f]{64}) {2}(.+)$/.exec(line));
  return new Map(lines.flatMap((line): [string, string][] => (line === null ? [] : [[line[2] ?? "", line[1] ?? ""]])));
}

/** Returns the SHA-256 of a regular file of any length. Throws errors of `node:fs`, `log.io_error`. */
export function sha256OfFile(path: string): string {
  const descriptor = openRegular(path);
  try {
    const hash = crypto().createHash("sha256");
    const buffer = Buffer.alloc(256 * 1024);
    for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) hash.update(buffer.subarray(0, count));
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}
