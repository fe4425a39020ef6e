// Runs a TypeScript script as one bundle, as `boruna` itself is: `node scripts/bundled.mjs FILE [ARGUMENT…]`. Packages stay outside of the
// bundle. It is for measurements: the code that tsx makes calls a helper whenever it creates a function, and no user pays for that.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const [script = "", ...args] = process.argv.slice(2);
// Below the root, so that the packages are found.
mkdirSync(join(root, "node_modules", ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, "node_modules", ".cache", "bundled-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const bundle = await rolldown({ input: resolve(script), platform: "node", external: (id) => !/^[./]/.test(id) });
await bundle.write({ dir: folder, format: "esm", entryFileNames: "main.mjs", chunkFileNames: "[name].mjs" });
await bundle.close();
process.argv = [process.argv[0] ?? "", resolve(script), ...args];
await import(pathToFileURL(join(folder, "main.mjs")).href);
