/** Finds the files and tests that the arguments of `boruna test` name. */
import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { isMissing, isNameTooLong, isNotAFolder, systemReason } from "../replay/log/files.ts";
import { BorunaError } from "../vm/error.ts";
import { nearest } from "../vm/nearest.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";

export interface TestSelection {
  /** Files that were named; each must be readable. */
  readonly files: readonly string[];
  /** Files found in folders, ordered by path. */
  readonly found: readonly string[];
  /** A test runs if its name contains one of these, or if there are none. */
  readonly filters: readonly string[];
}

const MAX_FILES = 10_000;
const MAX_DEPTH = 64;

/** Each argument is a file, a folder, or part of a test name. Without a file or folder, searches the current folder. */
export function selectTests(given: readonly string[]): TestSelection {
  const files: string[] = [];
  const folders: string[] = [];
  const filters: string[] = [];
  for (const argument of given) {
    const stat = statOf(argument);
    if (stat?.isDirectory() === true) folders.push(argument);
    else if (stat !== undefined) files.push(argument);
    else if (argument.endsWith(".ax") || argument.includes("/"))
      throw new BorunaError("io_error", `cannot read ${argument}: it does not exist`);
    else filters.push(argument);
  }
  if (files.length + folders.length === 0) folders.push(".");
  const found = folders.flatMap(axFiles).filter((file) => !files.includes(file));
  return { files: [...new Set(files)], found: [...new Set(found)].sort(compareUtf8), filters };
}

/** Undefined if there is no such file. Part of a test name may be too long for a file name. Throws `io_error`. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isMissing(error) || isNotAFolder(error) || isNameTooLong(error)) return undefined;
    throw new BorunaError("io_error", `cannot read ${path}: ${systemReason(error, "read")}`, { place: { file: path }, cause: error });
  }
}

/** Programs below the folder. Skips links, `node_modules` and hidden folders. */
function axFiles(folder: string): readonly string[] {
  const files: string[] = [];
  const pending = [{ path: folder, depth: 0 }];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of entriesOf(at.path)) {
      const path = join(at.path, entry.name);
      const isSkipped = entry.name.startsWith(".") || entry.name === "node_modules";
      if (entry.isDirectory() && !isSkipped && at.depth < MAX_DEPTH) pending.push({ path, depth: at.depth + 1 });
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
    throw new BorunaError("io_error", `cannot read ${folder}: ${systemReason(error, "read")}`, { cause: error });
  }
}

/** The error when no test was selected: a misspelt filter must not look like success. */
export function nothingSelected(filters: readonly string[], names: readonly string[]): BorunaError {
  if (names.length === 0)
    return new BorunaError("usage", "there are no tests here", { hint: 'a test is written `test "adds" { … }`, in any .ax file' });
  const near = filters.map((filter) => nearest(filter, names)).find((name) => name !== undefined);
  return new BorunaError("usage", `no test has ${filters.map((filter) => JSON.stringify(filter)).join(" or ")} in its name`, {
    hint: near === undefined ? "boruna test without a filter runs all and prints their names" : `did you mean ${JSON.stringify(near)}?`,
  });
}
