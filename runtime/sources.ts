/**
 * Reads source files for the compiler, which reads no files itself.
 *
 * `openSources` reads the main file. The compiler then calls `resolve` for each import. A path is resolved against the importing
 * file and must stay inside the project. A name is that of a library in the project's `libs/`, or else of a library that is
 * shipped with Boruna.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { ImportedSource, Resolver } from "../compiler/load-units.ts";
import type { SourceFile } from "../compiler/source.ts";
import { BorunaError } from "../vm/error.ts";
import { MODULE_LIMITS } from "../vm/limits.ts";
import { isMissing, isNotAFolder, readBounded } from "../replay/log/files.ts";
import { LIBRARY_FILE, shippedFolder, shippedName } from "./libraries.ts";
import { readSourceText, sourceError } from "./source-text.ts";

/** A folder that contains one of these is the root of a project. */
const ROOT_MARKERS = ["libs", "package.json", ".git"];
const LIBRARY_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/** A main file and the resolver of its imports. */
export interface ProgramSources {
  readonly source: SourceFile;
  readonly resolve: Resolver;
  /** Returns the text of a file that was read, by the name that the module and diagnostics use. */
  readonly textOf: (name: string) => string | undefined;
  /** Returns the real path of a file that was read, by the same name. */
  readonly pathOf: (name: string) => string | undefined;
  /** Returns the real paths of all files that were read. */
  readonly paths: () => Iterable<string>;
}

function projectRootOf(folder: string): string {
  for (let current = folder; ; current = dirname(current)) {
    if (ROOT_MARKERS.some((marker) => existsSync(join(current, marker)))) return current;
    if (dirname(current) === current) return folder;
  }
}

function isInside(root: string, path: string): boolean {
  const from = relative(root, path);
  return from !== ".." && !from.startsWith(`..${sep}`) && !isAbsolute(from);
}

/**
 * Returns the real path of a file. Returns undefined if the file does not exist, or if its real path is outside `root`, which must be a real
 * path; the caller cannot tell which. Throws `io_error` if the file cannot be read. `shownName` is its name in messages.
 */
function fileInside(root: string, path: string, shownName: string): string | undefined {
  if (!isInside(root, path)) return undefined;
  try {
    const real = realpathSync(path);
    if (!isInside(root, real)) return undefined;
    if (!statSync(real).isFile())
      throw new BorunaError("io_error", `cannot read ${shownName}: it is not a file`, { place: { file: shownName } });
    return real;
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error)) return undefined;
    throw sourceError(error, shownName);
  }
}

/**
 * Reads a main file and returns it with a resolver for its imports, which **reads files**: the text may import each `.ax` file in the
 * project around `path`, and a diagnostic may quote a word of any file there. So use it for your own programs only. For untrusted text pass no
 * resolver; `compile` still finds the shipped libraries. File names are relative to the project. If `given` is the text of the
 * file, the file need not exist yet, but its folder must. `openText` returns the text of an imported file that is open in an editor, by its
 * real path. Throws `io_error`.
 */
export function openSources(
  path: string,
  given?: string,
  openText: (path: string) => string | undefined = () => undefined,
): ProgramSources {
  const text = given ?? readSourceText(path, path);
  const main = given === undefined ? realPath(path) : join(realPath(dirname(path)), basename(path));
  const root = projectRootOf(dirname(main));
  const std = shippedFolder();
  const texts = new Map<string, string>();
  /** By file name: the path of each file that was read, and the folder that its imports must stay in. */
  const locations = new Map<string, { readonly path: string; readonly root: string }>();
  const nameOf = (file: string): string => relative(root, file).split(sep).join("/") || basename(file);

  const addSource = (name: string, file: string, importRoot: string, shownName: string): SourceFile => {
    const known = texts.get(name) ?? openText(file) ?? readSourceText(file, shownName);
    texts.set(name, known);
    locations.set(name, { path: file, root: importRoot });
    return { name, text: known };
  };
  const findImport = (specifier: string, importer: string): ImportedSource | undefined => {
    const importerLocation = locations.get(importer);
    if (importerLocation === undefined) return undefined;
    if (specifier.startsWith("./") || specifier.startsWith("../")) {
      const file = fileInside(importerLocation.root, resolve(dirname(importerLocation.path), specifier), specifier);
      if (file === undefined) return undefined;
      return addSource(
        importerLocation.root === std ? `std/${relative(std, file).split(sep).join("/")}` : nameOf(file),
        file,
        importerLocation.root,
        specifier,
      );
    }
    if (!LIBRARY_NAME.test(specifier)) return undefined;
    // A shipped library imports shipped libraries only, even if the project has one of the same name.
    const projectLibrary =
      importerLocation.root === std ? undefined : fileInside(root, join(root, "libs", specifier, LIBRARY_FILE), specifier);
    const shipped = std === undefined ? undefined : fileInside(std, join(std, specifier, LIBRARY_FILE), specifier);
    if (projectLibrary !== undefined)
      return { ...addSource(nameOf(projectLibrary), projectLibrary, root, specifier), hidesShipped: shipped !== undefined };
    return shipped === undefined || std === undefined ? undefined : addSource(shippedName(specifier), shipped, std, specifier);
  };
  const resolveImport: Resolver = (specifier, importer) => {
    try {
      return findImport(specifier, importer);
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      return { unreadable: error.message };
    }
  };

  const name = nameOf(main);
  texts.set(name, text);
  locations.set(name, { path: main, root });
  return {
    source: { name, text },
    resolve: resolveImport,
    textOf: (file) => texts.get(file),
    pathOf: (file) => locations.get(file)?.path,
    paths: () => [...locations.values()].map((location) => location.path),
  };
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw sourceError(error, path);
  }
}

/** Reads a module file, `.axbc` or JSON. Throws `io_error`. The limit on a module does not count the header, which has at most 16 bytes. */
export function readModuleFile(path: string): Uint8Array {
  try {
    return readBounded(path, MODULE_LIMITS.bytes + 16);
  } catch (error) {
    throw sourceError(error, path);
  }
}
