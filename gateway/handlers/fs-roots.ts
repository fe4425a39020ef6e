/**
 * Maps the paths of `fs.read` and `fs.write` to files below the policy's roots.
 *
 * `locateBelowRoot` chooses the root by the path's text. `openBelow`, `withParent` and `withCreatedParent` then open the file
 * or its folder and check that the open descriptor is below the root. Checking the name alone would not be enough, because
 * links and renames can change where a name leads between the check and the use.
 */
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readlinkSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { dirname, extname, join, resolve, sep } from "node:path";
import { isBelow, normalizePath, reachOf } from "../../policy/paths.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";
import type { FileIdentity, ProtectedFiles } from "../protected-files.ts";
import { errorCode } from "../../vm/error.ts";

export interface FsOptions {
  /** The directory to which relative paths refer. Default: that of the process. */
  readonly workingDirectory?: string | undefined;
  /** Returns the files of the run's log and of its database. Called for each fs call, because both are opened after the handlers are made. */
  readonly protectedFiles?: (() => ProtectedFiles | undefined) | undefined;
}

interface NamedRoot {
  /** An absolute path. */
  readonly root: string;
  /** The root as the policy writes it. Messages show this, never the absolute path. */
  readonly rootName: string;
}

export interface LocatedFile {
  /** An absolute path. */
  readonly root: string;
  /** An absolute path that is below the root by its text. Links are not resolved. */
  readonly file: string;
  readonly protectedFiles: ProtectedFiles | undefined;
}

/** The limit of Linux on a path, in bytes. A write must be checked against it here, because it opens one folder after the other by short names. */
const MAX_PATH_BYTES = 4_095;

export function denyPath(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads out of the folders that the policy allows`);
}

export function denyProtected(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads to the log or the database of this run, which no fs call may touch`);
}

/**
 * Finds the root and the file of a path. A relative path is resolved against the working directory first. If the
 * result is not below a root, the path is resolved against the first root that has such a file, or otherwise against the
 * first root. Throws `CapabilityDenied` for a path that is below no root.
 */
export function locateBelowRoot(path: string, roots: readonly string[], options: FsOptions): LocatedFile & NamedRoot {
  const { workingDirectory = process.cwd() } = options;
  const protectedFiles = options.protectedFiles?.();
  if (path === "") throw new CapabilityFailure("the path is empty");
  if (path.includes("\0")) throw new CapabilityFailure("the path holds a NUL character");
  if (reachOf(path, roots) === "outside") denyPath(path);
  const normalPath = normalizePath(path);
  const file = resolve(workingDirectory, normalPath);
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) throw new CapabilityFailure(`the path is too long: ${JSON.stringify(path)}`);
  const absoluteRoots = roots.map((root) => resolve(workingDirectory, root));
  // If a root is a link, the path may contain the link or its target.
  const containingRoot = absoluteRoots.find((root) => isBelow(file, root) || isBelow(file, realPathOrSame(root)));
  const policyNameOf = (root: string): string => roots[absoluteRoots.indexOf(root)] ?? ".";
  if (containingRoot !== undefined) return { root: containingRoot, rootName: policyNameOf(containingRoot), file, protectedFiles };
  const [firstRoot] = absoluteRoots;
  if (firstRoot === undefined || normalPath.startsWith("/") || normalPath === ".." || normalPath.startsWith("../")) return denyPath(path);
  const root = absoluteRoots.find((candidate) => existsSync(join(candidate, normalPath))) ?? firstRoot;
  return { root, rootName: policyNameOf(root), file: join(root, normalPath), protectedFiles };
}

/** Returns a message if the root itself is missing, which explains why nothing below it exists. Otherwise undefined. */
export function missingRootMessage({ root, rootName }: NamedRoot): string | undefined {
  if (existsSync(root)) return undefined;
  const from = rootName.startsWith("/") ? "" : "; a relative folder starts where the command runs";
  return `the folder ${JSON.stringify(rootName)} that the policy allows is not there${from}`;
}

/**
 * Returns a message if the root is a file, or is missing and has the name of a file, such as `report.txt`. Otherwise undefined. Without this
 * check, the first write would create a folder called `report.txt`.
 */
export function unwritableRootMessage({ root, rootName }: NamedRoot): string | undefined {
  const stat = statSync(root, { throwIfNoEntry: false });
  const messageThat = (what: string): string => `the policy allows writing below folders; ${JSON.stringify(rootName)} ${what}`;
  if (stat !== undefined) return stat.isDirectory() ? undefined : messageThat("is a file: name its folder");
  return rootName.endsWith("/") || extname(root) === ""
    ? undefined
    : messageThat('is not there and has the name of a file: name its folder, or write "/" at its end');
}

function realPathOrSame(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // The folder does not exist yet, so there is no link to resolve.
    return path;
  }
}

/** Turns an error of the file system into a failure. Its message shows only the path that the program gave. */
export function fileFailure(error: unknown, path: string): Error {
  if (error instanceof CapabilityFailure) return error;
  const code = errorCode(error);
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

/** Returns the real path of an open file. Outside Linux, looks it up by `name`; returns undefined if `name` now leads to another file. */
function realPathOf(descriptor: number, name: string): string | undefined {
  if (process.platform === "linux") return readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = realpathSync(name);
  const [opened, byName] = [fstatSync(descriptor, { bigint: true }), statSync(real, { bigint: true })];
  return opened.ino === byName.ino && opened.dev === byName.dev ? real : undefined;
}

/** Throws `CapabilityDenied` if the open file is not below the root, or is protected. Returns its real path. Messages show only `path`. */
function checkBelow(descriptor: number, name: string, { root, protectedFiles }: Omit<LocatedFile, "file">, path: string): string {
  const real = realPathOf(descriptor, name);
  if (real === undefined || !isBelow(withSlashes(real), withSlashes(realpathSync(root)))) return denyPath(path);
  if (protectedFiles?.has(fstatSync(descriptor, { bigint: true })) === true || isInProtectedFolder(real, protectedFiles))
    denyProtected(path);
  return real;
}

/** Whether the file is inside a protected folder, at any depth. */
function isInProtectedFolder(file: string, protectedFiles: ProtectedFiles | undefined): boolean {
  if (protectedFiles === undefined) return false;
  for (let inner = file, folder = dirname(file); folder !== inner; inner = folder, folder = dirname(folder)) {
    if (protectedFiles.has(statSync(folder, { bigint: true }))) return true;
  }
  return false;
}

const withSlashes = (path: string): string => (sep === "/" ? path : path.split(sep).join("/"));

/** Opens an existing file or folder for reading. Returns the descriptor, which the caller must close. */
export function openBelow(located: LocatedFile, path: string): number {
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

/** An open folder below a root. On Linux, `pathOf` keeps leading into this folder even if it is moved. */
export interface OpenFolder {
  /** Returns a path of the entry `name`, for calls of `node:fs`. */
  pathOf(name: string): string;
  readonly identity: FileIdentity;
  close(): void;
}

function openFolder(folder: string, located: Omit<LocatedFile, "file">, path: string): OpenFolder {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK);
  try {
    const real = checkBelow(descriptor, folder, located, path);
    const base = process.platform === "linux" ? `/proc/self/fd/${descriptor}` : real;
    const identity = fstatSync(descriptor, { bigint: true });
    return { pathOf: (name) => `${base}/${name}`, identity, close: () => closeSync(descriptor) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Runs `body` with the folder that contains the file. */
export function withParent(located: LocatedFile, path: string, body: (folder: OpenFolder) => void): void {
  checkIsNotRoot(located, path);
  const folder = openFolder(dirname(located.file), located, path);
  try {
    body(folder);
  } finally {
    folder.close();
  }
}

/** Runs `body` with the folder that contains the file. Creates missing folders, and removes the created ones if `body` throws. */
export function withCreatedParent(located: LocatedFile, path: string, body: (folder: OpenFolder) => void): void {
  checkIsNotRoot(located, path);
  const firstCreated = mkdirSync(located.root, { recursive: true });
  try {
    const { root, file } = located;
    const base = isBelow(withSlashes(file), withSlashes(root)) ? root : realpathSync(root);
    const names = dirname(file)
      .slice(base.length)
      .split(sep)
      .filter((part) => part !== "");
    const folder = openFolder(base, located, path);
    try {
      withNestedFolder(folder, names, located, path, body);
    } finally {
      folder.close();
    }
  } catch (error) {
    if (firstCreated !== undefined) removeEmptyFolders(located.root, firstCreated);
    throw error;
  }
}

/** Opens the folders `names`, each through its open parent, so that no new link can lead out of the root. Creates missing ones. */
function withNestedFolder(
  outer: OpenFolder,
  names: readonly string[],
  located: LocatedFile,
  path: string,
  body: (folder: OpenFolder) => void,
): void {
  const [name, ...rest] = names;
  if (name === undefined) return body(outer);
  const inner = outer.pathOf(name);
  const isNew = !existsSync(inner);
  if (isNew) mkdirSync(inner);
  try {
    const folder = openFolder(inner, located, path);
    try {
      withNestedFolder(folder, rest, located, path, body);
    } finally {
      folder.close();
    }
  } catch (error) {
    if (isNew) removeIfEmpty(inner);
    throw error;
  }
}

/** Removes the empty folders from `innermost` up to `outermost`. */
function removeEmptyFolders(innermost: string, outermost: string): void {
  for (let folder = innermost; ; folder = dirname(folder)) {
    removeIfEmpty(folder);
    if (folder === outermost || folder === dirname(folder)) return;
  }
}

/** Removes a folder, unless another process has created something in it in the meantime. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = errorCode(error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
  }
}

function checkIsNotRoot({ root, file }: LocatedFile, path: string): void {
  if (file === root) throw new CapabilityFailure(`it is a folder: ${JSON.stringify(path)}`);
}
