/**
 * Maps the paths of `fs.read` and `fs.write` to files below the policy's roots.
 *
 * `locate` chooses the root by the path's text. `openBelow`, `inParent` and `inCreatedParent` then open the file or its
 * folder and check that the open descriptor is below the root. A check of the name alone would not do: links and
 * renames can change where a name leads between the check and the use.
 */
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readlinkSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { dirname, extname, join, resolve, sep } from "node:path";
import { isBelow, normalizePath, reachOf } from "../../policy/paths.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";
import type { FileIdentity, ProtectedFiles } from "../protected-files.ts";

export interface FsOptions {
  /** Default: that of the process. */
  readonly workingDirectory?: string | undefined;
  /** The files of the run's log. Called at each file system call, because the log is opened after the handlers are made. */
  readonly protectedFiles?: (() => ProtectedFiles | undefined) | undefined;
}

export interface NamedRoot {
  /** An absolute path. */
  readonly root: string;
  /** The root as the policy writes it. Messages show this, never the absolute path. */
  readonly rootName: string;
}

export interface Located {
  /** An absolute path. */
  readonly root: string;
  /** An absolute path, below the root by its text. */
  readonly file: string;
  readonly protectedFiles: ProtectedFiles | undefined;
}

/** The longest path that Linux accepts. Checked here because a write creates folders one at a time, by short relative names. */
const MAX_PATH_BYTES = 4_095;

export function denyPath(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads out of the folders that the policy allows`);
}

export function denyProtected(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads to the log of this run, which no call of it may touch`);
}

/**
 * Finds the root and the file of a path. A relative path is resolved against the working directory first. If that is
 * not below a root, it is resolved against the first root that has such a file, or against the first root of all.
 * Throws `CapabilityDenied` for a path below no root.
 */
export function locate(path: string, roots: readonly string[], options: FsOptions): Located & NamedRoot {
  const { workingDirectory = process.cwd() } = options;
  const protectedFiles = options.protectedFiles?.();
  if (path === "") throw new CapabilityFailure("the path is empty");
  if (path.includes("\0")) throw new CapabilityFailure("the path holds a NUL character");
  if (reachOf(path, roots) === "outside") denyPath(path);
  const normal = normalizePath(path);
  const file = resolve(workingDirectory, normal);
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) throw new CapabilityFailure(`the path is too long: ${JSON.stringify(path)}`);
  const absoluteRoots = roots.map((root) => resolve(workingDirectory, root));
  // The path may name a root that is a link by the link or by its target.
  const holder = absoluteRoots.find((root) => isBelow(file, root) || isBelow(file, realOrSame(root)));
  const named = (root: string): string => roots[absoluteRoots.indexOf(root)] ?? ".";
  if (holder !== undefined) return { root: holder, rootName: named(holder), file, protectedFiles };
  const [first] = absoluteRoots;
  if (first === undefined || normal.startsWith("/") || normal === ".." || normal.startsWith("../")) return denyPath(path);
  const root = absoluteRoots.find((candidate) => existsSync(join(candidate, normal))) ?? first;
  return { root, rootName: named(root), file: join(root, normal), protectedFiles };
}

/** A message if the root itself is missing, which explains why nothing below it exists. */
export function missingRoot({ root, rootName }: NamedRoot): string | undefined {
  if (existsSync(root)) return undefined;
  const from = rootName.startsWith("/") ? "" : "; a relative folder starts where the command runs";
  return `the folder ${JSON.stringify(rootName)} that the policy allows is not there${from}`;
}

/**
 * A message if nothing can be written below the root: it is a file, or it is missing and looks like the name of a file.
 * The first write would create a missing root as a folder, and a folder called `report.txt` would be a surprise.
 */
export function rootIsNoFolder({ root, rootName }: NamedRoot): string | undefined {
  const stat = statSync(root, { throwIfNoEntry: false });
  const says = (what: string): string => `the policy allows writing below folders; ${JSON.stringify(rootName)} ${what}`;
  if (stat !== undefined) return stat.isDirectory() ? undefined : says("is a file: name its folder");
  return rootName.endsWith("/") || extname(root) === ""
    ? undefined
    : says('is not there and has the name of a file: name its folder, or write "/" at its end');
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The folder does not exist yet, so it has no other name.
    return path;
  }
}

/** Turns an error of the file system into a failure whose message contains only the path that the program gave. */
export function fileFailure(error: unknown, path: string): Error {
  if (error instanceof CapabilityFailure) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = FILE_ERRORS.get(code);
  if (message === undefined && code === "") return error instanceof Error ? error : new Error("unknown error");
  return new CapabilityFailure(`${message ?? `the file system refused it (${code})`}: ${JSON.stringify(path)}`);
}

const FILE_ERRORS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "no such file"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["EISDIR", "it is a folder"],
  ["EEXIST", "it is there already"],
  ["EACCES", "the host does not permit it"],
  ["EPERM", "the host does not permit it"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "no space is left"],
  ["EDQUOT", "no space is left"],
  ["ELOOP", "too many links"],
  ["ENAMETOOLONG", "the path is too long"],
  ["ENXIO", "it is not a file"],
]);

/** The path of an open file. Linux knows it. On other systems it is `name`, if that still leads to the same file. */
function realPathOf(descriptor: number, name: string): string | undefined {
  if (process.platform === "linux") return readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = realpathSync(name);
  const [opened, named] = [fstatSync(descriptor, { bigint: true }), statSync(real, { bigint: true })];
  return opened.ino === named.ino && opened.dev === named.dev ? real : undefined;
}

function checkBelow(descriptor: number, name: string, { root, protectedFiles }: Omit<Located, "file">, path: string): string {
  const real = realPathOf(descriptor, name);
  if (real === undefined || !isBelow(posix(real), posix(realpathSync(root)))) return denyPath(path);
  if (protectedFiles?.has(fstatSync(descriptor, { bigint: true })) === true || isInside(real, protectedFiles)) denyProtected(path);
  return real;
}

/** Whether the file is inside a protected folder, at any depth. */
function isInside(file: string, protectedFiles: ProtectedFiles | undefined): boolean {
  if (protectedFiles === undefined) return false;
  for (let inner = file, folder = dirname(file); folder !== inner; inner = folder, folder = dirname(folder)) {
    if (protectedFiles.has(statSync(folder, { bigint: true }))) return true;
  }
  return false;
}

const posix = (path: string): string => (sep === "/" ? path : path.split(sep).join("/"));

/** Opens an existing file or folder for reading. Returns the descriptor, which the caller must close. */
export function openBelow(located: Located, path: string): number {
  const { file } = located;
  // Opening a device can have an effect and opening a FIFO can block, so look before opening.
  const before = statSync(file);
  if (!before.isFile() && !before.isDirectory()) throw new CapabilityFailure(`it is not a file or folder: ${JSON.stringify(path)}`);
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    checkBelow(descriptor, file, located, path);
    const stat = fstatSync(descriptor);
    if (!stat.isFile() && !stat.isDirectory()) throw new CapabilityFailure(`it is not a file or folder: ${JSON.stringify(path)}`);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** An open folder below a root. Names inside it keep leading there, even if the folder is moved. */
export interface OpenFolder {
  /** A path of the entry `name` for calls of `node:fs`. */
  at(name: string): string;
  readonly identity: FileIdentity;
  close(): void;
}

function openFolder(folder: string, located: Omit<Located, "file">, path: string): OpenFolder {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK);
  try {
    const real = checkBelow(descriptor, folder, located, path);
    const base = process.platform === "linux" ? `/proc/self/fd/${descriptor}` : real;
    const identity = fstatSync(descriptor, { bigint: true });
    return { at: (name) => `${base}/${name}`, identity, close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Runs `body` with the folder that contains the file. */
export function inParent(located: Located, path: string, body: (folder: OpenFolder) => void): void {
  checkIsBelowRoot(located, path);
  const folder = openFolder(dirname(located.file), located, path);
  try {
    body(folder);
  } finally {
    folder.close();
  }
}

/** Runs `body` with the folder that contains the file. Creates missing folders, and removes them again if `body` throws. */
export function inCreatedParent(located: Located, path: string, body: (folder: OpenFolder) => void): void {
  checkIsBelowRoot(located, path);
  const firstRoot = mkdirSync(located.root, { recursive: true });
  try {
    const { root, file } = located;
    const base = isBelow(posix(file), posix(root)) ? root : realpathSync(root);
    const names = dirname(file)
      .slice(base.length)
      .split(sep)
      .filter((part) => part !== "");
    const folder = openFolder(base, located, path);
    try {
      descend(folder, names, located, path, body);
    } finally {
      folder.close();
    }
  } catch (error) {
    if (firstRoot !== undefined) removeEmpty(located.root, firstRoot);
    throw error;
  }
}

/** Creates and opens one folder after the other, each inside the open one before it, so that no new link can lead out of the root. */
function descend(outer: OpenFolder, names: readonly string[], located: Located, path: string, body: (folder: OpenFolder) => void): void {
  const [name, ...rest] = names;
  if (name === undefined) return body(outer);
  const inner = outer.at(name);
  const isNew = !existsSync(inner);
  if (isNew) mkdirSync(inner);
  try {
    const folder = openFolder(inner, located, path);
    try {
      descend(folder, rest, located, path, body);
    } finally {
      folder.close();
    }
  } catch (error) {
    if (isNew) removeIfEmpty(inner);
    throw error;
  }
}

/** Removes the empty folders from `innermost` up to `first`. */
function removeEmpty(innermost: string, first: string): void {
  for (let folder = innermost; ; folder = dirname(folder)) {
    removeIfEmpty(folder);
    if (folder === first || folder === dirname(folder)) return;
  }
}

/** Keeps a folder in which another process has created something in the meantime. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}

function checkIsBelowRoot({ root, file }: Located, path: string): void {
  if (file === root) throw new CapabilityFailure(`it is a folder: ${JSON.stringify(path)}`);
}
