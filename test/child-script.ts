/** Scripts that tests run as processes of their own, bundled: such a process starts in a third of the time that a loader of TypeScript takes. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterFile } from "./after-file.ts";

/** The folder of the bundles. It is below the root, so that a script finds the packages, which are not in its bundle. */
const CACHE = fileURLToPath(new URL("../node_modules/.cache/", import.meta.url));

const scripts = new Map<string, Promise<string>>();

/** Returns the path of the bundled script. It is removed after the tests of this file. */
export function childScript(source: URL): Promise<string> {
  const made = scripts.get(source.href) ?? bundleScript(fileURLToPath(source));
  scripts.set(source.href, made);
  return made;
}

async function bundleScript(source: string): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "child-"));
  afterFile(() => {
    scripts.clear();
    rmSync(folder, { recursive: true });
  });
  const bundle = await rolldown({ input: source, platform: "node", external: (id) => !/^[./]/.test(id) });
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "main.mjs", chunkFileNames: "[name].mjs" });
  await bundle.close();
  return join(folder, "main.mjs");
}
