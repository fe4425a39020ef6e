// Builds dist/: JavaScript and declarations with tsc, the .ax libraries, and the command bundled into a few files, because
// loading some 150 modules takes longer than running a small program (docs/internals/adr/007-the-command-is-bundled.md).
// The build goes into a temporary folder, which is then renamed to dist/, so a process that uses dist/ never sees a partial build.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const temporaryFolder = mkdtempSync(join(root, "dist."));
const newDist = join(temporaryFolder, "new");

/** Adds the module `id` and everything that it imports statically, directly or indirectly, to `collected`. */
function collectStaticImports(id, infoOf, collected) {
  if (collected.has(id)) return;
  collected.add(id);
  for (const next of infoOf(id)?.importedIds ?? []) collectStaticImports(next, infoOf, collected);
}

/**
 * Bundles the command: puts everything that a run needs into one file. Dynamic imports stay separate files. The files are
 * CommonJS, which Node loads synchronously. The only bundled package contains the hash functions, which every run needs.
 */
async function bundleCommand() {
  const cliFile = (...names) => join(newDist, "cli", ...names);
  const coreModules = new Set();
  const bundle = await rolldown({
    input: cliFile("main.js"),
    platform: "node",
    external: (id) => !/^([./]|@noble\/hashes\/)/.test(id),
    plugins: [
      {
        name: "collect what a run needs",
        buildEnd() {
          const infoOf = (id) => this.getModuleInfo(id);
          for (const entry of [cliFile("main.js"), cliFile("commands", "run.js")]) collectStaticImports(entry, infoOf, coreModules);
        },
      },
    ],
  });
  await bundle.write({
    dir: join(newDist, "bin"),
    format: "cjs",
    entryFileNames: "boruna.js",
    chunkFileNames: "[name].js",
    // Node parses the whole text at each start. Functions and classes keep their names for stack traces.
    minify: { compress: false, mangle: { keepNames: true }, codegen: true },
    codeSplitting: { groups: [{ name: "core", test: (id) => coreModules.has(id) && id !== cliFile("main.js") }] },
  });
  await bundle.close();
  writeFileSync(join(newDist, "bin", "package.json"), '{ "type": "commonjs" }\n');
}

try {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", "tsconfig.json", "--noEmit", "false", "--noEmitOnError", "--outDir", newDist];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (run.status === 0) {
    cpSync(join(root, "std"), join(newDist, "std"), { recursive: true });
    await bundleCommand();
    chmodSync(join(newDist, "bin", "boruna.js"), 0o755);
    if (existsSync(dist)) renameSync(dist, join(temporaryFolder, "old"));
    renameSync(newDist, dist);
  }
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(temporaryFolder, { recursive: true, force: true });
}
