/**
 * The code cache of the bundled command: a file with V8's compiled form of `core.js`, so that later starts need not compile it again
 * (ADR 007). A start loads this file before `core.js`, so it imports only Node's own modules.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

/**
 * Loads the `core.js` beside this file, with the compiled form that an earlier process wrote, if there is one. Returns a function that writes
 * the compiled form of this process; call it when the command has ended. Does nothing if the command is not bundled, or if
 * NODE_DISABLE_COMPILE_CACHE is set.
 */
export function loadCore(): () => void {
  const path = fileURLToPath(new URL("core.js", import.meta.url));
  const core = (process.env["NODE_DISABLE_COMPILE_CACHE"] ?? "") === "" ? readFile(path) : undefined;
  if (core === undefined) return () => undefined;
  // Whoever can write this file can also write core.js, so it is as safe as the code itself.
  const cachePath = `${path}.${process.version}-${process.arch}.cache`;
  const cached = readFile(cachePath);
  const data = cached?.uid === core.uid ? compiledFormIn(cached.bytes, core.bytes) : undefined;
  const script = new Script(Module.wrap(core.bytes.toString()), {
    filename: path,
    ...(data === undefined ? {} : { cachedData: data }),
  });
  const require = createRequire(path);
  const module = new Module(path);
  module.filename = path;
  require.cache[path] = module;
  const load: unknown = script.runInThisContext();
  if (typeof load === "function") Reflect.apply(load, module.exports, [module.exports, require, module, path, dirname(path)]);
  module.loaded = true;
  if (data !== undefined && script.cachedDataRejected !== true) return () => undefined;
  return () => {
    // Only a cache file of the owner of core.js is read (see above), so another user need not write one.
    if (process.getuid !== undefined && process.getuid() !== core.uid) return;
    writeWhole(cachePath, () => {
      const compiled = script.createCachedData();
      return [core.bytes, compiled, compiled];
    });
  };
}

/**
 * Returns the compiled form of `code` in the cache file. Undefined if the file is damaged or belongs to other code. V8 itself checks only its
 * own version and the length of the code, and damaged data can end the process. So the file holds the code, to be compared with `code`, and
 * then the compiled form twice: two equal copies are not damaged.
 */
function compiledFormIn(file: Buffer, code: Buffer): Buffer | undefined {
  const middle = (code.length + file.length) / 2;
  if (middle < code.length || !file.subarray(0, code.length).equals(code)) return undefined;
  const data = file.subarray(code.length, middle);
  return data.equals(file.subarray(middle)) ? data : undefined;
}

/** Returns the bytes of a regular file and the user who owns it, or undefined if the file cannot be read. */
function readFile(path: string): { readonly bytes: Buffer; readonly uid: number } | undefined {
  return unlessRefused(() => {
    // Without O_NONBLOCK, which Windows does not have, the start would wait for a writer if the path is a named pipe.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = fstatSync(file);
      return info.isFile() ? { bytes: readFileSync(file), uid: info.uid } : undefined;
    } finally {
      closeSync(file);
    }
  });
}

/** Writes a file whole or not at all. `make` is called only if the file can be written. */
function writeWhole(path: string, make: () => readonly Buffer[]): void {
  const temporaryPath = `${path}.${process.pid}`;
  unlessRefused(() => {
    const file = openSync(temporaryPath, "wx", 0o644);
    try {
      for (const bytes of make()) writeSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporaryPath, path);
  });
  unlessRefused(() => rmSync(temporaryPath, { force: true }));
}

/** Runs `body`. Returns undefined if Node or the operating system refuses: a command must also work where no cache can be read or written. */
function unlessRefused<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
