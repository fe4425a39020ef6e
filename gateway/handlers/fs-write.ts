/**
 * `fs.write`: replaces, extends, creates or deletes a file, atomically. The content is written to a temporary file with an
 * unguessable name in the same folder, which is then renamed, or for `create` linked, to the file's name.
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
import { CapabilityFailure, type MachineFunction } from "../handlers.ts";
import { identityText } from "../protected-files.ts";
import { isTemporary, removeAbandoned, temporaryName } from "../temporaries.ts";
import { readAll } from "./fs-read.ts";
import {
  denyPath,
  denyProtected,
  fileFailure,
  type FsOptions,
  withCreatedParent,
  withParent,
  locateBelowRoot,
  type LocatedFile,
  openBelow,
  type OpenFolder,
  unwritableRootMessage,
} from "./fs-roots.ts";

/** The third argument of `fs.write`. `base64` replaces the file with the bytes that the content encodes. */
const OPERATIONS = ["replace", "append", "create", "delete", "base64"] as const;
type Operation = (typeof OPERATIONS)[number];

export function fsWriteHandler(options: FsOptions = {}): MachineFunction {
  const cleanedFolders = new Set<string>();
  return ([path, content, operationName], { policy }) => {
    if (typeof path !== "string" || typeof content !== "string" || typeof operationName !== "string")
      throw new CapabilityFailure("fs.write takes a path, a text and a word");
    const operation = OPERATIONS.find((name) => name === operationName);
    if (operation === undefined)
      throw new CapabilityFailure(
        `fs.write does not know ${JSON.stringify(operationName)}. ${didYouMean(operationName, OPERATIONS, `It knows ${OPERATIONS.join(", ")}.`)}`,
      );
    const { write, max_bytes } = policy.fs_policy;
    try {
      const bytes = operation === "base64" ? decodeBase64(content) : Buffer.from(content, "utf8");
      checkSize(bytes.length, max_bytes, path);
      const located = locateBelowRoot(path, write, options);
      const problem = unwritableRootMessage(located);
      if (problem !== undefined) throw new CapabilityFailure(problem);
      if (isTemporary(basename(located.file)))
        throw new CapabilityFailure(`the name is kept for files that are being written: ${JSON.stringify(path)}`);
      carryOut({ operation, bytes, path, maxBytes: max_bytes, cleanedFolders }, located);
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
  readonly cleanedFolders: Set<string>;
}

function carryOut(write: Write, located: LocatedFile): void {
  const { operation, path } = write;
  const name = basename(located.file);
  if (operation !== "delete") return withCreatedParent(located, path, (folder) => writeIn(folder, name, write, located));
  withParent(located, path, (folder) => removeEntry(folder, name, statEntry(folder, name, located, path), path));
}

/** Writes a file of an open folder. Follows a link with that name, unless the file must be new. */
function writeIn(folder: OpenFolder, name: string, write: Write, located: LocatedFile): void {
  const { operation, bytes, path, maxBytes, cleanedFolders } = write;
  const oldStats = statEntry(folder, name, located, path);
  if (oldStats?.isSymbolicLink() === true) {
    if (operation === "create") throw new CapabilityFailure(`it is there already: ${JSON.stringify(path)}`);
    return carryOut(write, followLink(folder, name, located, path));
  }
  if (oldStats !== undefined && !oldStats.isFile()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
  const content =
    operation === "append" && oldStats !== undefined ? Buffer.concat([readOldContent(located, path, maxBytes), bytes]) : bytes;
  checkSize(content.length, maxBytes, path);
  const identity = identityText(folder.identity);
  if (!cleanedFolders.has(identity)) removeAbandoned(folder.pathOf("."));
  cleanedFolders.add(identity);
  writeTemporaryAndMove(folder, name, content, oldStats, operation === "create" ? linkSync : renameSync);
}

/** Returns what the file system knows of the entry, or undefined if there is none. Throws `CapabilityDenied` for a protected file. */
function statEntry(folder: OpenFolder, name: string, { protectedFiles }: LocatedFile, path: string): Stats | undefined {
  const entry = folder.pathOf(name);
  const identity = protectedFiles === undefined ? undefined : lstatSync(entry, { bigint: true, throwIfNoEntry: false });
  if (identity !== undefined && protectedFiles?.has(identity) === true) denyProtected(path);
  return lstatSync(entry, { throwIfNoEntry: false });
}

function removeEntry(folder: OpenFolder, name: string, oldStats: Stats | undefined, path: string): void {
  if (oldStats === undefined) throw new CapabilityFailure(`no such file: ${JSON.stringify(path)}`);
  if (!oldStats.isFile() && !oldStats.isSymbolicLink()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
  unlinkSync(folder.pathOf(name));
}

/**
 * Returns the target of a link. Throws `CapabilityDenied` if the target is not below the same root. If the target does not exist, throws
 * the system's error.
 */
function followLink(folder: OpenFolder, name: string, { root, protectedFiles }: LocatedFile, path: string): LocatedFile {
  const file = realpathSync(folder.pathOf(name));
  const realRoot = realpathSync(root);
  if (!file.startsWith(`${realRoot}/`)) denyPath(path);
  return { root: realRoot, file, protectedFiles };
}

function readOldContent(located: LocatedFile, path: string, maxBytes: number): Buffer {
  const descriptor = openBelow(located, path);
  try {
    return readAll(descriptor, path, maxBytes);
  } finally {
    closeSync(descriptor);
  }
}

const NEW_FILE_MODE = 0o666;
const PERMISSION_BITS = 0o777;

/** Writes a temporary file and moves it to `name`. `move` is `renameSync`, or `linkSync`, which fails if `name` exists. */
function writeTemporaryAndMove(
  folder: OpenFolder,
  name: string,
  bytes: Buffer,
  oldStats: Stats | undefined,
  move: (from: string, to: string) => void,
): void {
  const temporary = folder.pathOf(temporaryName());
  const descriptor = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, NEW_FILE_MODE);
  let isRenamed = false;
  try {
    try {
      if (oldStats !== undefined) fchmodSync(descriptor, oldStats.mode & PERMISSION_BITS);
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    } finally {
      closeSync(descriptor);
    }
    move(temporary, folder.pathOf(name));
    isRenamed = move === renameSync;
  } finally {
    if (!isRenamed) unlinkSync(temporary);
  }
}
