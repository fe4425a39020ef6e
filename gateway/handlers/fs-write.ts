/**
 * `fs.write`: replaces, extends, creates or deletes a file, atomically. The content is written to a temporary file with an
 * unguessable name in the same folder, and the temporary file is then renamed.
 */
import { Buffer } from "node:buffer";
import {
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename } from "node:path";
import { didYouMean } from "../../policy/did-you-mean.ts";
import { CapabilityFailure, type Handler } from "../handlers.ts";
import { identityText } from "../protected-files.ts";
import { isTemporary, removeAbandoned, temporaryName } from "../temporaries.ts";
import { readAll } from "./fs-read.ts";
import {
  denyPath,
  denyProtected,
  fileFailure,
  type FsOptions,
  inCreatedParent,
  inParent,
  locate,
  type Located,
  openBelow,
  type OpenFolder,
  rootIsNoFolder,
} from "./fs-roots.ts";

/** The third argument of `fs.write`. `base64` replaces the file by decoded bytes. */
const OPERATIONS = ["replace", "append", "create", "delete", "base64"] as const;
type Operation = (typeof OPERATIONS)[number];

export function fsWriteHandler(options: FsOptions = {}): Handler {
  const cleaned = new Set<string>();
  return ([path, content, how], { policy }) => {
    if (typeof path !== "string" || typeof content !== "string" || typeof how !== "string")
      throw new CapabilityFailure("fs.write takes a path, a text and a word");
    const operation = OPERATIONS.find((name) => name === how);
    if (operation === undefined)
      throw new CapabilityFailure(
        `fs.write does not know ${JSON.stringify(how)}. ${didYouMean(how, OPERATIONS, `It knows ${OPERATIONS.join(", ")}.`)}`,
      );
    const { write, max_bytes } = policy.fs_policy;
    try {
      const bytes = operation === "base64" ? decodeBase64(content) : Buffer.from(content, "utf8");
      checkSize(bytes.length, max_bytes, path);
      const located = locate(path, write, options);
      const problem = rootIsNoFolder(located);
      if (problem !== undefined) throw new CapabilityFailure(problem);
      if (isTemporary(basename(located.file)))
        throw new CapabilityFailure(`the name is kept for files that are being written: ${JSON.stringify(path)}`);
      carryOut({ operation, bytes, path, maxBytes: max_bytes, cleaned }, located);
      return true;
    } catch (error) {
      throw fileFailure(error, path);
    }
  };
}

function checkSize(bytes: number, maxBytes: number, path: string): void {
  if (bytes > maxBytes) throw new CapabilityFailure(`the file would be longer than ${maxBytes} bytes: ${JSON.stringify(path)}`);
}

function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  // Node ignores characters that are not base64, so check that the text is the encoding of the bytes.
  if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) throw new CapabilityFailure("the content is not base64");
  return bytes;
}

interface Write {
  readonly operation: Operation;
  readonly bytes: Buffer;
  /** The path as the program wrote it. */
  readonly path: string;
  readonly maxBytes: number;
  /** Folders from which this run has removed abandoned temporary files. */
  readonly cleaned: Set<string>;
}

function carryOut(write: Write, located: Located): void {
  const { operation, path } = write;
  const name = basename(located.file);
  if (operation !== "delete") return inCreatedParent(located, path, (folder) => writeIn(folder, name, write, located));
  inParent(located, path, (folder) => remove(folder, name, entryAt(folder, name, located, path), path));
}

function writeIn(folder: OpenFolder, name: string, write: Write, located: Located): void {
  const { operation, bytes, path, maxBytes, cleaned } = write;
  const old = entryAt(folder, name, located, path);
  if (old?.isSymbolicLink() === true) {
    if (operation === "create") throw new CapabilityFailure(`it is there already: ${JSON.stringify(path)}`);
    return carryOut(write, followLink(folder, name, located, path));
  }
  if (old !== undefined && !old.isFile()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
  const content = operation === "append" && old !== undefined ? Buffer.concat([oldContent(located, path, maxBytes), bytes]) : bytes;
  checkSize(content.length, maxBytes, path);
  const identity = identityText(folder.identity);
  if (!cleaned.has(identity)) removeAbandoned(folder.at("."));
  cleaned.add(identity);
  put(folder, name, content, old, operation === "create" ? linkSync : renameSync);
}

function entryAt(folder: OpenFolder, name: string, { protectedFiles }: Located, path: string): Stats | undefined {
  const entry = folder.at(name);
  const found = protectedFiles === undefined ? undefined : lstatSync(entry, { bigint: true, throwIfNoEntry: false });
  if (found !== undefined && protectedFiles?.has(found) === true) denyProtected(path);
  return lstatSync(entry, { throwIfNoEntry: false });
}

function remove(folder: OpenFolder, name: string, old: Stats | undefined, path: string): void {
  if (old === undefined) throw new CapabilityFailure(`no such file: ${JSON.stringify(path)}`);
  if (!old.isFile() && !old.isSymbolicLink()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
  unlinkSync(folder.at(name));
}

/** The target of a link. It must exist below the same root. */
function followLink(folder: OpenFolder, name: string, { root, protectedFiles }: Located, path: string): Located {
  const file = realpathSync(folder.at(name));
  const realRoot = realpathSync(root);
  if (!file.startsWith(`${realRoot}/`)) denyPath(path);
  return { root: realRoot, file, protectedFiles };
}

function oldContent(located: Located, path: string, maxBytes: number): Buffer {
  const descriptor = openBelow(located, path);
  try {
    return readAll(descriptor, path, maxBytes);
  } finally {
    closeSync(descriptor);
  }
}

const NEW_FILE_MODE = 0o666;
const PERMISSION_BITS = 0o777;

/** Writes a temporary file and moves it into place. `place` is `renameSync`, which replaces `name`, or `linkSync`, which fails if `name` exists. */
function put(folder: OpenFolder, name: string, bytes: Buffer, old: Stats | undefined, place: (from: string, to: string) => void): void {
  const temporary = folder.at(temporaryName());
  const descriptor = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, NEW_FILE_MODE);
  let isPlaced = false;
  try {
    try {
      if (old !== undefined) fchmodSync(descriptor, old.mode & PERMISSION_BITS);
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    } finally {
      closeSync(descriptor);
    }
    place(temporary, folder.at(name));
    isPlaced = place === renameSync;
  } finally {
    if (!isPlaced) unlinkSync(temporary);
  }
}
