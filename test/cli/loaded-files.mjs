/** Loaded before the command (`--import`): writes to the file LOADED, at the end, which files and modules of Node were loaded. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";

const { cache } = createRequire(import.meta.url);

process.on("exit", () => {
  const files = Object.keys(cache).map((path) => basename(path));
  writeFileSync(process.env.LOADED, JSON.stringify({ files, modules: process.moduleLoadList }));
});
