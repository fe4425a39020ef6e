/** Reads the files of the libraries that are shipped with Boruna, and no other files. So source texts of strangers may import them. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Resolver } from "../compiler/load-units.ts";
import { LIBRARY_NAMES } from "../compiler/libraries.ts";
import { readSourceText } from "./source-text.ts";

/** The file of a library in its folder. */
export const LIBRARY_FILE = join("src", "core.ax");

let folder: string | undefined;

/** Returns the real path of the libraries' folder: `../std` in the sources, `../../std` in the built package. Undefined if it is missing. */
export function shippedFolder(): string | undefined {
  if (folder !== undefined) return folder;
  const candidates = ["../std/", "../../std/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  folder = found === undefined ? undefined : realpathSync(found);
  return folder;
}

/** Returns the name of a shipped library's file in diagnostics. */
export const shippedName = (library: string): string => `std/${library}/src/core.ax`;

const texts = new Map<string, string>();

/** Finds the shipped libraries and nothing else. */
export const resolveShipped: Resolver = (specifier) => {
  const std = shippedFolder();
  if (std === undefined || !LIBRARY_NAMES.includes(specifier)) return undefined;
  const path = join(std, specifier, LIBRARY_FILE);
  const text = texts.get(specifier) ?? readSourceText(path, specifier);
  texts.set(specifier, text);
  return { name: shippedName(specifier), text };
};

/** Returns the path of a shipped library's file by its name in diagnostics; undefined for every other file. */
export function shippedPath(name: string): string | undefined {
  const library = LIBRARY_NAMES.find((one) => shippedName(one) === name);
  const std = shippedFolder();
  return library === undefined || std === undefined ? undefined : join(std, library, LIBRARY_FILE);
}
