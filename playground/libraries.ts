/// <reference types="vite/types/importMeta.d.ts" />
/** The shipped libraries. The build makes one script of each, which the page loads when a program imports the library. */
import type { Resolver } from "../compiler/load-units.ts";

const FILES = import.meta.glob<string>("../std/*/src/core.ax", { query: "?raw", import: "default" });
const texts = new Map<string, string>();
const loads = new Map<string, Promise<void>>();

/**
 * Loads the libraries that a program imports, and those that they import. Returns whether the program imports one that was not requested
 * before. Then the program must be checked again.
 */
export async function loadLibraries(program: string): Promise<boolean> {
  const names = [...program.matchAll(/^\s*import\s*"(std-[\w-]+)"/gm)].map(([, name = ""]) => name);
  const isNew = names.some((name) => FILES[fileOf(name)] !== undefined && !loads.has(name));
  await Promise.all(names.map(loadOnce));
  return isNew;
}

const fileOf = (name: string): string => `../std/${name}/src/core.ax`;

function loadOnce(name: string): Promise<void> {
  const loading = loads.get(name) ?? load(name);
  loads.set(name, loading);
  return loading;
}

async function load(name: string): Promise<void> {
  try {
    const text = await FILES[fileOf(name)]?.();
    if (text === undefined) return;
    await loadLibraries(text);
    texts.set(name, text);
  } catch (error) {
    loads.delete(name);
    throw error;
  }
}

/** Finds the libraries. A program in the page has no files of its own to import. */
export const findLibrary: Resolver = (specifier) => {
  const text = texts.get(specifier);
  return text === undefined ? undefined : { name: `std/${specifier}/src/core.ax`, text };
};
