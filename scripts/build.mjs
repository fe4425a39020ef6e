// Builds dist/: JavaScript and declarations by tsc, the .ax libraries beside them, and the command in few files: loading
// some 150 modules one by one takes longer than running a small program (docs/adr/007-the-command-is-bundled.md).
// The new tree is made aside and put in place whole, so whoever runs dist/ meanwhile never sees half of it.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const aside = mkdtempSync(join(root, "dist."));
const fresh = join(aside, "new");

/** What a command loads only when it needs it stays a file of its own; packages stay packages. */
async function bundleCommand() {
  const bundle = await rolldown({
    input: join(fresh, "cli", "main.js"),
    platform: "node",
    external: (id) => !/^[./]/.test(id),
  });
  await bundle.write({
    dir: join(fresh, "bin"),
    format: "esm",
    entryFileNames: "boruna.js",
    chunkFileNames: "[name].js",
    // Comments and white space are two fifths of the text, and the host reads all of it at each start. Names stay.
    minify: { compress: false, mangle: false, codegen: true },
    // Every program needs the compiler and the machine: one file for both, without what only `explain` and `fmt` need.
    codeSplitting: { groups: [{ name: "core", test: /[\\/](vm|compiler)[\\/](?!explanations|format)/ }] },
  });
  await bundle.close();
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
