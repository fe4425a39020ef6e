/** Builds dist/ if the sources have changed. Runs once, and only if a selected test uses the built command. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export function setup(): void {
  const script = fileURLToPath(new URL("../../scripts/prepare.mjs", import.meta.url));
  const run = spawnSync(process.execPath, [script], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(`the build of dist/ failed:\n${run.stdout}${run.stderr}`);
}
