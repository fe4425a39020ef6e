/** The files of the page, which the build writes to `dist/viewer/page/`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorCode } from "../vm/error.ts";

export interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ["html", "text/html; charset=utf-8"],
  ["js", "text/javascript; charset=utf-8"],
  ["css", "text/css; charset=utf-8"],
  ["svg", "image/svg+xml"],
]);

/** The page's folder, relative to the built module, to the bundled command, and to the sources. */
const FOLDERS = ["./page/", "../viewer/page/", "../dist/viewer/page/"];

/** Reads all files of the page, by URL path. Empty if the page was not built. The server serves no other files. */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const folder of FOLDERS.map((path) => fileURLToPath(new URL(path, import.meta.url)))) {
    // Only the built page has the folder `assets`.
    const names = namesIn(join(folder, "assets"));
    if (names.length === 0) continue;
    files.set("/", { type: typeOf("index.html"), bytes: readFileSync(join(folder, "index.html")) });
    for (const name of names) files.set(`/assets/${name}`, { type: typeOf(name), bytes: readFileSync(join(folder, "assets", name)) });
    return files;
  }
  return files;
}

const typeOf = (name: string): string => TYPES.get(name.slice(name.lastIndexOf(".") + 1)) ?? "application/octet-stream";

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return [];
  }
}
