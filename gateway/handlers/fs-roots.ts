/**
 * Where the paths of `fs.read` and `fs.write` lie on this host, and the check that what was opened lies below a root.
 * A name says little: links and renames can lead anywhere between two looks at it. So the check is made on what is open.
 */
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readlinkSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { dirname, extname, join, resolve, sep } from "node:path";
import { isBelow, normalizePath, reachOf } from "../../policy/paths.ts";
import type { FileIdentity, OwnFiles } from "../own-files.ts";
import { CapabilityDenied, CapabilityFailure } from "../handlers.ts";

export interface FsOptions {
  /** Default: the process's. */
  readonly workingDirectory?: string;
  /** The files of this run's log, asked for at each call. */
  readonly own?: () => OwnFiles | undefined;
}

export interface NamedRoot {
  /** Absolute. */
  readonly root: string;
  /** As the policy writes it: what a message may show. */
  readonly rootName: string;
}

export interface Located {
  /** Absolute. */
  readonly root: string;
  /** Absolute; below the root as far as its text tells. */
  readonly file: string;
  /** The log of this run, if it has one. */
  readonly own: OwnFiles | undefined;
}

/** The most that Linux takes in one call; a write makes folders one by one, so the system would not stop it. */
const MAX_PATH_BYTES = 4_095;

export function denyPath(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads out of the folders that the policy allows`);
}

export function denyOwn(path: string): never {
  throw new CapabilityDenied(`the path ${JSON.stringify(path)} leads to the log of this run, which no call of it may touch`);
}

/**
 * A relative path means the working directory's file where that is below a root; else the first root that holds such
 * a file, or the first root where none does. Throws `CapabilityDenied` for what is below no root.
 */
export function locate(path: string, roots: readonly string[], { workingDirectory = process.cwd(), own }: FsOptions): Located & NamedRoot {
  if (path === "") throw new CapabilityFailure("the path is empty");
  if (path.includes("\0")) throw new CapabilityFailure("the path holds a NUL character");
  if (reachOf(path, roots) === "outside") denyPath(path);
  const normal = normalizePath(path);
  const file = resolve(workingDirectory, normal);
  if (Buffer.byteLength(file) > MAX_PATH_BYTES) throw new CapabilityFailure(`the path is too long: ${JSON.stringify(path)}`);
  const absoluteRoots = roots.map((root) => resolve(workingDirectory, root));
  // A root that is itself a link may be named by either name.
  const holder = absoluteRoots.find((root) => isBelow(file, root) || isBelow(file, realOrSame(root)));
  const named = (root: string): string => roots[absoluteRoots.indexOf(root)] ?? ".";
  if (holder !== undefined) return { root: holder, rootName: named(holder), file, own: own?.() };
  const [first] = absoluteRoots;
  if (first === undefined || normal.startsWith("/") || normal === ".." || normal.startsWith("../")) return denyPath(path);
  const root = absoluteRoots.find((candidate) => existsSync(join(candidate, normal))) ?? first;
  return { root, rootName: named(root), file: join(root, normal), own: own?.() };
}

/** A root that is not there is the usual reason why nothing below it is. */
export function missingRoot({ root, rootName }: NamedRoot): string | undefined {
  if (existsSync(root)) return undefined;
  const from = rootName.startsWith("/") ? "" : "; a relative folder starts where the command runs";
  return `the folder ${JSON.stringify(rootName)} that the policy allows is not there${from}`;
}

/**
 * Why nothing can be written below a root, if that is so: it is a file, or it is missing and has the name of one. A
 * missing folder is made by the first write, and a folder `report.txt` would be a surprise.
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
    // There is no such folder yet: it has no other name.
    return path;
  }
}

/** The errors of the host's file system, in words that name only the program's own path. */
export function fileFailure(error: unknown, path: string): Error {
  if (error instanceof CapabilityFailure) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = FILE_ERRORS.get(code);
  if (words === undefined && code === "") return error instanceof Error ? error : new Error("unknown error");
  return new CapabilityFailure(`${words ?? `the file system refused it (${code})`}: ${JSON.stringify(path)}`);
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

/** Where an open file lies now. On Linux the kernel tells; elsewhere the name must still lead to the very same file. */
function realPathOf(descriptor: number, name: string): string | undefined {
  if (process.platform === "linux") return readlinkSync(`/proc/self/fd/${descriptor}`);
  const real = realpathSync(name);
  const [opened, named] = [fstatSync(descriptor, { bigint: true }), statSync(real, { bigint: true })];
  return opened.ino === named.ino && opened.dev === named.dev ? real : undefined;
}

function checkBelow(descriptor: number, name: string, { root, own }: Omit<Located, "file">, path: string): string {
  const real = realPathOf(descriptor, name);
  if (real === undefined || !isBelow(posix(real), posix(realpathSync(root)))) return denyPath(path);
  if (own !== undefined && (own.has(fstatSync(descriptor, { bigint: true })) || isInside(real, own))) denyOwn(path);
  return real;
}

/** Whether a folder that holds the file is one of these. */
function isInside(file: string, own: OwnFiles): boolean {
  for (let inner = file, folder = dirname(file); folder !== inner; inner = folder, folder = dirname(folder)) {
    if (own.has(statSync(folder, { bigint: true }))) return true;
  }
  return false;
}

const posix = (path: string): string => (sep === "/" ? path : path.split(sep).join("/"));

/** Opens an existing file or folder for reading and gives the descriptor, which the caller closes. */
export function openBelow(located: Located, path: string): number {
  const { file } = located;
  // Opening a device or a FIFO can act or block; a stat does neither.
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

/** An open folder that lies below a root. Names inside it stay inside, wherever the folder is moved meanwhile. */
export interface OpenFolder {
  /** A path of the entry `name`, for the calls of `node:fs`. */
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

/** Runs `body` in the folder that holds a file. */
export function inParent(located: Located, path: string, body: (folder: OpenFolder) => void): void {
  checkIsBelowRoot(located, path);
  const folder = openFolder(dirname(located.file), located, path);
  try {
    body(folder);
  } finally {
    folder.close();
  }
}

/** Runs `body` in the folder that holds a file; folders that are missing on the way are made, and taken back if `body` throws. */
export function inMadeParent(located: Located, path: string, body: (folder: OpenFolder) => void): void {
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

/** Each folder is made inside the one before, which is open, so that no link can lead out meanwhile. */
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

/** From the innermost out to `first`. */
function removeEmpty(innermost: string, first: string): void {
  for (let folder = innermost; ; folder = dirname(folder)) {
    removeIfEmpty(folder);
    if (folder === first || folder === dirname(folder)) return;
  }
}

/** What another process has put in there meanwhile stays, and so does its folder. */
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
