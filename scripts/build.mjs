// Builds dist/: JavaScript and declarations with tsc, the .ax libraries, and the command bundled into a few files, because
// loading some 150 modules takes longer than running a small program (docs/internals/adr/007-the-command-is-bundled.md).
// Builds into a temporary folder and then renames it, so a process that uses dist/ never sees a partial build.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const temporary = mkdtempSync(join(root, "dist."));
const fresh = join(temporary, "new");

/** Adds `id` and its static imports, recursively. */
function collectStaticImports(id, infoOf, loaded) {
  if (loaded.has(id)) return;
  loaded.add(id);
  for (const next of infoOf(id)?.importedIds ?? []) collectStaticImports(next, infoOf, loaded);
}

/**
 * Puts everything that a run needs into one file; dynamic imports stay separate files. The files are CommonJS, which Node
 * loads synchronously. Packages are not bundled, except for the hash functions, which every run needs.
 */
async function bundleCommand() {
  const at = (...names) => join(fresh, "cli", ...names);
  const core = new Set();
  const bundle = await rolldown({
    input: at("main.js"),
    platform: "node",
    external: (id) => !/^([./]|@noble\/hashes\/)/.test(id),
    plugins: [
      {
        name: "collect what a run needs",
        buildEnd() {
          for (const entry of [at("main.js"), at("commands", "run.js")]) collectStaticImports(entry, (id) => this.getModuleInfo(id), core);
        },
      },
    ],
  });
  await bundle.write({
    dir: join(fresh, "bin"),
    format: "cjs",
    entryFileNames: "boruna.js",
    chunkFileNames: "[name].js",
    // Node parses the whole text at each start. Functions and classes keep their names for stack traces.
    minify: { compress: false, mangle: { keepNames: true }, codegen: true },
    codeSplitting: { groups: [{ name: "core", test: (id) => core.has(id) && id !== at("main.js") }] },
  });
  await bundle.close();
  writeFileSync(join(fresh, "bin", "package.json"), '{ "type": "commonjs" }\n');
}

try {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", "tsconfig.json", "--noEmit", "false", "--noEmitOnError", "--outDir", fresh];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (run.status === 0) {
    cpSync(join(root, "std"), join(fresh, "std"), { recursive: true });
    await bundleCommand();
    chmodSync(join(fresh, "bin", "boruna.js"), 0o755);
    if (existsSync(dist)) renameSync(dist, join(temporary, "old"));
    renameSync(fresh, dist);
  }
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
