/** Before any test: dist/ is built from the sources as they are, for the tests that run the command itself. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function setup(): void {
  const script = fileURLToPath(new URL("../../scripts/prepare.mjs", import.meta.url));
  const run = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`dist/ could not be built:\n${run.stdout}${run.stderr}`);
}
