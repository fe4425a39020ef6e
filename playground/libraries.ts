/** The shipped libraries, which are loaded when a program imports one of them. */
import type { Resolver } from "../compiler/load-units.ts";

let texts: Readonly<Record<string, unknown>> | undefined;

export async function loadLibraries(): Promise<void> {
  texts ??= (await import("./library-texts.ts")).TEXTS;
}

/** Whether a program may import a library. */
export const importsLibrary = (program: string): boolean => /^\s*import\s*"std-/m.test(program);

/** Finds the libraries. A program in the page has no files of its own to import. */
export const findLibrary: Resolver = (specifier) => {
  const name = `std/${specifier}/src/core.ax`;
  const path = `../${name}`;
  const text = texts !== undefined && Object.hasOwn(texts, path) ? texts[path] : undefined;
  return typeof text === "string" ? { name, text } : undefined;
};
