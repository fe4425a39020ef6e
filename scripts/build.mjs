// Builds dist/: JavaScript and declarations by tsc, and the .ax libraries beside them.
// The new tree is made aside and put in place whole, so whoever runs dist/ meanwhile never sees half of it.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const aside = mkdtempSync(join(root, "dist."));
const fresh = join(aside, "new");

try {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", "tsconfig.json", "--noEmit", "false", "--noEmitOnError", "--outDir", fresh];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (run.status === 0) {
    cpSync(join(root, "std"), join(fresh, "std"), { recursive: true });
    chmodSync(join(fresh, "cli", "main.js"), 0o755);
    if (existsSync(dist)) renameSync(dist, join(aside, "old"));
    renameSync(fresh, dist);
  }
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(aside, { recursive: true, force: true });
}
