/**
 * `fs.write`: a file appears whole or not at all. What is written goes to a new file of an unguessable name in the same
 * folder, which then takes the place of the old one.
 */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
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
import { didYouMean } from "../../policy/hint.ts";
import { CapabilityFailure, type Handler } from "../handlers.ts";
import { readAll, type FsOptions } from "./fs-read.ts";
import { denyPath, fileFailure, locate, openBelow, openParent, rootIsNoFolder, type Located, type OpenFolder } from "./fs-roots.ts";

const WAYS = ["replace", "append", "create", "delete", "base64"] as const;
type Way = (typeof WAYS)[number];

export function fsWriteHandler(options: FsOptions = {}): Handler {
  return ([path, content, how], { policy }) => {
    if (typeof path !== "string" || typeof content !== "string" || typeof how !== "string")
      throw new CapabilityFailure("fs.write takes a path, a text and a word");
    const way = WAYS.find((w) => w === how);
    if (way === undefined)
      throw new CapabilityFailure(
        `fs.write does not know ${JSON.stringify(how)}. ${didYouMean(how, WAYS, `It knows ${WAYS.join(", ")}.`)}`,
      );
    const { write, max_bytes } = policy.fs_policy;
    try {
      const bytes = way === "base64" ? decodeBase64(content) : Buffer.from(content, "utf8");
      checkSize(bytes.length, max_bytes, path);
      const located = locate(path, write, options.workingDirectory ?? process.cwd());
      const problem = rootIsNoFolder(located);
      if (problem !== undefined) throw new CapabilityFailure(problem);
      carryOut(way, located, bytes, path, max_bytes);
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
  // Node skips what it does not know; the text must be the one form of these bytes.
  if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) throw new CapabilityFailure("the content is not base64");
  return bytes;
}

function carryOut(way: Way, located: Located, bytes: Buffer, path: string, maxBytes: number): void {
  const folder = openParent(located, path, way !== "delete");
  try {
    const name = basename(located.file);
    const old = entryAt(folder, name);
    if (way === "delete") return remove(folder, name, old, path);
    if (old?.isSymbolicLink() === true) {
      if (way === "create") throw new CapabilityFailure(`it is there already: ${JSON.stringify(path)}`);
      return carryOut(way, followLink(folder, name, located, path), bytes, path, maxBytes);
    }
    if (old !== undefined && !old.isFile()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
    if (way === "create") return put(folder, name, bytes, undefined, linkSync);
    const content = way === "append" && old !== undefined ? Buffer.concat([oldContent(located, path, maxBytes), bytes]) : bytes;
    checkSize(content.length, maxBytes, path);
    put(folder, name, content, old, renameSync);
  } finally {
    folder.close();
  }
}

function entryAt(folder: OpenFolder, name: string): Stats | undefined {
  return lstatSync(folder.at(name), { throwIfNoEntry: false });
}

function remove(folder: OpenFolder, name: string, old: Stats | undefined, path: string): void {
  if (old === undefined) throw new CapabilityFailure(`no such file: ${JSON.stringify(path)}`);
  if (!old.isFile() && !old.isSymbolicLink()) throw new CapabilityFailure(`it is not a file: ${JSON.stringify(path)}`);
  unlinkSync(folder.at(name));
}

/** What the link leads to, which must be there and lie below the same root. */
function followLink(folder: OpenFolder, name: string, { root }: Located, path: string): Located {
  const file = realpathSync(folder.at(name));
  const realRoot = realpathSync(root);
  if (!file.startsWith(`${realRoot}/`)) denyPath(path);
  return { root: realRoot, file };
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

/** `place` gives the temporary its name: `renameSync` replaces what is there, `linkSync` fails if something is. */
function put(folder: OpenFolder, name: string, bytes: Buffer, old: Stats | undefined, place: (from: string, to: string) => void): void {
  const temporary = folder.at(`.boruna-${randomBytes(12).toString("hex")}.tmp`);
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
