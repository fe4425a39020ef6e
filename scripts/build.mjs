// Builds dist/: JavaScript and declarations by tsc, the .ax libraries beside them, and the command in few files: loading
// some 150 modules one by one takes longer than running a small program (docs/internals/adr/007-the-command-is-bundled.md).
// The new tree is made aside and put in place whole, so whoever runs dist/ meanwhile never sees half of it.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const aside = mkdtempSync(join(root, "dist."));
const fresh = join(aside, "new");

/** Adds `id` and everything it imports, but not what it loads when it needs it. */
function loadedWith(id, infoOf, loaded) {
  if (loaded.has(id)) return;
  loaded.add(id);
  for (const next of infoOf(id)?.importedIds ?? []) loadedWith(next, infoOf, loaded);
}

/**
 * One file for what a run needs, and what a command loads only when it needs it stays a file of its own. The files are
 * CommonJS, which the host loads without turns of its event loop. Packages stay packages, but for the hashes, which every run needs.
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
        name: "what a run needs",
        buildEnd() {
          for (const entry of [at("main.js"), at("commands", "run.js")]) loadedWith(entry, (id) => this.getModuleInfo(id), core);
        },
      },
    ],
  });
  await bundle.write({
    dir: join(fresh, "bin"),
    format: "cjs",
    entryFileNames: "boruna.js",
    chunkFileNames: "[name].js",
    // The host reads all of the text at each start. Functions and classes keep their names, for stack traces.
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
    if (existsSync(dist)) renameSync(dist, join(aside, "old"));
    renameSync(fresh, dist);
  }
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(aside, { recursive: true, force: true });
}
