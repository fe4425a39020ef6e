/** The workspace of an editor: its files are on the disk. */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { resolveShipped, shippedPath } from "../runtime/libraries.ts";
import { openSources } from "../runtime/sources.ts";
import type { Workspace } from "./workspace.ts";

/** At most this many files of a workspace are searched for a name. Files of more than `MAX_BYTES` are skipped. */
const MAX_FILES = 2_000;
const MAX_BYTES = 1_048_576;

export const DISK_WORKSPACE: Workspace = {
  pathOf,
  uriOf: (path) => (/^[a-z]+:/i.test(path) ? path : pathToFileURL(path).href),
  sources: (path, text, openText) =>
    isAbsolute(path)
      ? openSources(path, text, openText)
      : // A text that is not on the disk, such as a new one, can import only the shipped libraries.
        { source: { name: path, text }, resolve: resolveShipped, pathOf: shippedPath },
  programsIn: (folders) => folders.flatMap((folder) => axFiles(folder)).slice(0, MAX_FILES),
  textAt,
};

/** Returns the real path of a file. For a URI that does not name a file, returns the URI. */
function pathOf(uri: string): string {
  if (!uri.startsWith("file:")) return uri;
  const path = fileURLToPath(uri);
  try {
    return realpathSync(path);
  } catch {
    // A new file is not on the disk yet.
    return path;
  }
}

/** Returns the `.ax` files in a folder and its subfolders, except `node_modules` and hidden folders. */
function axFiles(folder: string): readonly string[] {
  const files: string[] = [];
  const unvisited = [folder];
  for (let next = unvisited.pop(); next !== undefined && files.length < MAX_FILES; next = unvisited.pop()) {
    for (const entry of entriesOf(next)) {
      const path = join(next, entry.name);
      if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith(".")) unvisited.push(path);
      else if (entry.isFile() && entry.name.endsWith(".ax")) files.push(path);
    }
  }
  return files.sort();
}

/** Returns the entries of a folder. Returns none if the folder cannot be read. */
function entriesOf(folder: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(folder);
  } catch {
    return [];
  }
}

const readEntries = (folder: string) => readdirSync(folder, { withFileTypes: true });

/** Returns the text of a file. Undefined if the file is too long or cannot be read. */
function textAt(path: string): string | undefined {
  try {
    return statSync(path).size > MAX_BYTES ? undefined : readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
