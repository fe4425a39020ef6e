/**
 * Reads source files for the compiler, which reads no files itself.
 *
 * `openSources` reads the main file. The compiler then calls `resolve` for each import: a path is resolved against the
 * importing file and must stay inside the project; a name is a library in the project's `libs/`, else one shipped with
 * Boruna.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { ImportedSource, Resolver } from "../compiler/load-units.ts";
import type { SourceFile } from "../compiler/source.ts";
import { BorunaError } from "../vm/error.ts";
import { MODULE_LIMITS } from "../vm/limits.ts";
import { decodeUtf8, toIoError, isMissing, isNotAFolder, readBounded } from "../replay/log/files.ts";

/** Only bounds memory: the compiler rejects files over 1 MiB with a diagnostic. */
const MAX_SOURCE_BYTES = 8 * 1024 * 1024;
/** A folder that contains one of these is the root of a project. */
const ROOT_MARKERS = ["libs", "package.json", ".git"];
const LIBRARY_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const LIBRARY_FILE = join("src", "core.ax");

/** A main file and the way to its imports. */
export interface ProgramSources {
  readonly source: SourceFile;
  readonly resolve: Resolver;
  /** The text of a file that was read, by the name that the module and diagnostics use. */
  readonly textOf: (name: string) => string | undefined;
}

/** The folder of the libraries shipped with Boruna: `../std` in the sources, `../../std` in the built package. */
function shippedLibraries(): string {
  const candidates = ["../std/", "../../std/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  return found === undefined ? "" : realpathSync(found);
}

function rootOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (ROOT_MARKERS.some((marker) => existsSync(join(at, marker)))) return at;
    if (dirname(at) === at) return folder;
  }
}

function isInside(root: string, path: string): boolean {
  const from = relative(root, path);
  return from !== ".." && !from.startsWith(`..${sep}`) && !isAbsolute(from);
}

/**
 * Returns the real path of a file, or undefined if it does not exist or its real path is outside `root`, itself a real
 * path: callers cannot tell the two apart. Throws `io_error` if the file cannot be read; `shown` is its name in messages.
 */
function fileInside(root: string, path: string, shown: string): string | undefined {
  if (!isInside(root, path)) return undefined;
  try {
    const real = realpathSync(path);
    if (!isInside(root, real)) return undefined;
    if (!statSync(real).isFile()) throw new BorunaError("io_error", `cannot read ${shown}: it is not a file`, { place: { file: shown } });
    return real;
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error)) return undefined;
    throw sourceError(error, shown);
  }
}

function sourceError(error: unknown, shown: string): BorunaError {
  const known = toIoError(error, "read", shown);
  const message = known.kind === "log.utf8" ? `${shown} is not text in UTF-8` : known.message;
  return new BorunaError("io_error", message, { place: { file: shown }, cause: known });
}

function readText(path: string, shown: string): string {
  try {
    return decodeUtf8(readBounded(path, MAX_SOURCE_BYTES, shown), shown);
  } catch (error) {
    throw sourceError(error, shown);
  }
}

/** Reads a main file and returns it with a resolver for its imports. File names are relative to the project. Throws `io_error`. */
export function openSources(path: string): ProgramSources {
  const text = readText(path, path);
  const main = realPath(path);
  const root = rootOf(dirname(main));
  const std = shippedLibraries();
  const texts = new Map<string, string>();
  /** The path of each file that was read, and the folder that its imports must stay in, by file name. */
  const places = new Map<string, { readonly path: string; readonly root: string }>();
  const nameOf = (file: string): string => relative(root, file).split(sep).join("/") || basename(file);

  const add = (name: string, file: string, within: string, shown: string): SourceFile => {
    const known = texts.get(name) ?? readText(file, shown);
    texts.set(name, known);
    places.set(name, { path: file, root: within });
    return { name, text: known };
  };
  const find = (specifier: string, importer: string): ImportedSource | undefined => {
    const from = places.get(importer);
    if (from === undefined) return undefined;
    if (specifier.startsWith("./") || specifier.startsWith("../")) {
      const file = fileInside(from.root, resolve(dirname(from.path), specifier), specifier);
      if (file === undefined) return undefined;
      return add(from.root === std ? `std/${relative(std, file).split(sep).join("/")}` : nameOf(file), file, from.root, specifier);
    }
    if (!LIBRARY_NAME.test(specifier)) return undefined;
    // A shipped library imports shipped libraries only, even if the project has one of the same name.
    const own = from.root === std ? undefined : fileInside(root, join(root, "libs", specifier, LIBRARY_FILE), specifier);
    const shipped = std === "" ? undefined : fileInside(std, join(std, specifier, LIBRARY_FILE), specifier);
    if (own !== undefined) return { ...add(nameOf(own), own, root, specifier), hidesShipped: shipped !== undefined };
    return shipped === undefined ? undefined : add(`std/${specifier}/src/core.ax`, shipped, std, specifier);
  };
  const resolveImport: Resolver = (specifier, importer) => {
    try {
      return find(specifier, importer);
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      return { unreadable: error.message };
    }
  };

  const name = nameOf(main);
  texts.set(name, text);
  places.set(name, { path: main, root });
  return { source: { name, text }, resolve: resolveImport, textOf: (file) => texts.get(file) };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw sourceError(error, path);
  }
}

/** Reads a module file, `.axbc` or JSON. Throws `io_error`. */
export function readModuleFile(path: string): Uint8Array {
  try {
    return readBounded(path, MODULE_LIMITS.bytes + 16);
  } catch (error) {
    throw sourceError(error, path);
  }
}
