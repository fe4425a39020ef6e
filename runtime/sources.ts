/** Finds and reads source files for the compiler, which reads none itself. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { ImportedSource, Resolver } from "../compiler/load-units.ts";
import type { SourceFile } from "../compiler/source.ts";
import { BorunaError } from "../vm/error.ts";
import { MODULE_LIMITS } from "../vm/limits.ts";
import { decodeUtf8, ioError, isMissing, isNotAFolder, readBounded } from "../replay/log/files.ts";

/** The compiler refuses more than 1 MiB itself, with a diagnostic; this only bounds what is read. */
const MAX_SOURCE_BYTES = 8 * 1024 * 1024;
/** A folder that holds one of these is the root of a project. */
const ROOT_MARKS = ["libs", "package.json", ".git"];
const LIBRARY_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const LIBRARY_FILE = join("src", "core.ax");

export interface ProgramSources {
  readonly source: SourceFile;
  readonly resolve: Resolver;
  /** The text of a file by the name the module and its diagnostics use. */
  readonly textOf: (name: string) => string | undefined;
}

/** The libraries shipped with Boruna: beside this room in the sources, one level up in the built package. */
function shippedLibraries(): string {
  const candidates = ["../std/", "../../std/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  return found === undefined ? "" : realpathSync(found);
}

function rootOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (ROOT_MARKS.some((mark) => existsSync(join(at, mark)))) return at;
    if (dirname(at) === at) return folder;
  }
}

function isInside(root: string, path: string): boolean {
  const from = relative(root, path);
  return from !== ".." && !from.startsWith(`..${sep}`) && !isAbsolute(from);
}

/**
 * The real path of the file, if it exists and lies inside `root` with all links followed. `root` is a real path.
 * Nothing is said about what lies outside. Throws `io_error` for what is there and cannot be read; messages call it `shown`.
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
  const known = ioError(error, "read", shown);
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

/** Reads a program and prepares to read what it imports. Names are relative to the project. Throws `io_error`. */
export function openSources(path: string): ProgramSources {
  const text = readText(path, path);
  const main = realPath(path);
  const root = rootOf(dirname(main));
  const std = shippedLibraries();
  const texts = new Map<string, string>();
  /** Where each file lies, by its name. */
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
    // A shipped library imports shipped ones, whatever the project has.
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

/** The bytes of a module file, `.axbc` or its JSON payload. Throws `io_error`. */
export function readModuleFile(path: string): Uint8Array {
  try {
    return readBounded(path, MODULE_LIMITS.bytes + 16);
  } catch (error) {
    throw sourceError(error, path);
  }
}
