/** Runs a script of `bench/` that measures in a process of its own. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((part) => typeof part === "number");
}

/** Runs `script` for one contender. Returns the times that it prints as JSON. */
export function childTimes(script: string, name: string): readonly number[] {
  const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, name], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script} ${name} failed: ${stderr}`);
  const times: unknown = JSON.parse(stdout);
  if (!isNumbers(times)) throw new Error(`${script} ${name} printed ${stdout}`);
  return times;
}
