/** Finds the files and tests that the arguments of `boruna test` name. */
import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { isMissing, isNameTooLong, isNotAFolder, systemErrorText } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";
import { nearest } from "../vm/nearest.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";

export interface TestSelection {
  /** Files that the user named. Each must be readable. */
  readonly files: readonly string[];
  /** Files found in folders, ordered by path. */
  readonly foundInFolders: readonly string[];
  /** A test runs if its name contains one of these texts, or if the list is empty. */
  readonly filters: readonly string[];
}

const MAX_FILES = 10_000;
const MAX_DEPTH = 64;

/** Sorts the arguments into files, folders and parts of test names. If no file or folder is named, searches the current folder. */
export function selectTests(args: readonly string[]): TestSelection {
  const files: string[] = [];
  const folders: string[] = [];
  const filters: string[] = [];
  for (const argument of args) {
    const stat = statOf(argument);
    if (stat?.isDirectory() === true) folders.push(argument);
    else if (stat !== undefined) files.push(argument);
    else if (argument.endsWith(".ax") || argument.includes("/"))
      throw new BorunaError("io_error", `cannot read ${argument}: it does not exist`);
    else filters.push(argument);
  }
  if (files.length + folders.length === 0) folders.push(".");
  const foundInFolders = folders.flatMap(axFiles).filter((file) => !files.includes(file));
  return { files: [...new Set(files)], foundInFolders: [...new Set(foundInFolders)].sort(compareUtf8), filters };
}

/** Returns undefined if there is no such file, or if the path is too long: then the argument is part of a test name. Throws `io_error`. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error) || isNameTooLong(error)) return undefined;
    throw new BorunaError("io_error", `cannot read ${path}: ${systemErrorText(error, "read")}`, { place: { file: path }, cause: error });
  }
}

/** Returns the paths of all programs in the folder and its subfolders. Skips links, `node_modules` and hidden folders. */
function axFiles(folder: string): readonly string[] {
  const files: string[] = [];
  const unvisited = [{ path: folder, depth: 0 }];
  for (let current = unvisited.pop(); current !== undefined; current = unvisited.pop()) {
    for (const entry of entriesOf(current.path)) {
      const path = join(current.path, entry.name);
      const isSkipped = entry.name.startsWith(".") || entry.name === "node_modules";
      if (entry.isDirectory() && !isSkipped && current.depth < MAX_DEPTH) unvisited.push({ path, depth: current.depth + 1 });
      else if (entry.isFile() && entry.name.endsWith(".ax")) files.push(path);
      if (files.length > MAX_FILES)
        throw new BorunaError("usage", `${folder} holds more than ${MAX_FILES} programs`, { hint: "name a smaller folder" });
    }
  }
  return files;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw new BorunaError("io_error", `cannot read ${folder}: ${systemErrorText(error, "read")}`, { cause: error });
  }
}

/** Returns the error to throw if no test was selected, so that a misspelt filter does not look like success. */
export function noTestSelected(filters: readonly string[], names: readonly string[]): BorunaError {
  if (names.length === 0)
    return new BorunaError("usage", "there are no tests here", { hint: 'a test is written `test "adds" { … }`, in any .ax file' });
  const suggestion = filters.map((filter) => nearest(filter, names)).find((name) => name !== undefined);
  return new BorunaError("usage", `no test has ${filters.map((filter) => JSON.stringify(filter)).join(" or ")} in its name`, {
    hint:
      suggestion === undefined
        ? "boruna test without a filter runs all and prints their names"
        : `did you mean ${JSON.stringify(suggestion)}?`,
  });
}
