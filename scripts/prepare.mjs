// Makes a fresh clone ready: installs what package-lock.json says and builds dist/, each only when something changed.
// Runs before `npm start` and `npm test`, when there may be no dependency yet: Node's own modules only.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = ["compiler", "vm", "policy", "gateway", "replay", "runtime", "telemetry", "viewer", "cli", "bench", "std"];
const FILES = ["index.ts", "tsconfig.json", "package.json", "package-lock.json", "scripts/build.mjs"];

const at = (...names) => join(root, ...names);
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

/** Whether npm's own record of what stands in node_modules fits the lock file; packages for other platforms may be missing. */
function installed() {
  const record = read(at("node_modules", ".package-lock.json"));
  if (record === undefined) return false;
  const found = new Map(Object.entries(JSON.parse(record).packages));
  const wanted = Object.entries(JSON.parse(readFileSync(at("package-lock.json"), "utf8")).packages);
  return wanted.every(([path, entry]) => {
    const there = found.get(path);
    return path === "" || (there === undefined ? entry.optional === true : there.version === entry.version);
  });
}

function sourceHash() {
  const hash = createHash("sha256");
  const folders = SOURCES.flatMap((room) =>
    readdirSync(at(room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const paths = [...FILES.map((name) => at(name)).filter((path) => existsSync(path)), ...folders].sort();
  for (const path of paths)
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  return hash.digest("hex");
}

/** Runs one quiet step; its output is shown only when it fails. */
function step(title, command, args) {
  const start = performance.now();
  process.stdout.write(`${title} … `);
  const run = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, shell: command.endsWith(".cmd") });
  if (run.status === 0) {
    process.stdout.write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stdout.write("failed\n");
  process.stderr.write(`${run.stdout ?? ""}${run.stderr ?? ""}${run.error === undefined ? "" : `${run.error.message}\n`}`);
  process.exit(run.status ?? 1);
}

if (!installed()) {
  // npm tells the scripts it runs where it stands; without npm around us, its command is on the PATH.
  const npm = process.env.npm_execpath;
  const own = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  if (own) step("install dependencies", process.execPath, [npm, ...args]);
  else step("install dependencies", process.platform === "win32" ? "npm.cmd" : "npm", args);
}

const stamp = at("node_modules", ".cache", "boruna", "build");
const hash = sourceHash();
if (!existsSync(at("dist", "bin", "boruna.js")) || read(stamp) !== hash) {
  step("build", process.execPath, [at("scripts", "build.mjs")]);
  mkdirSync(join(stamp, ".."), { recursive: true });
  writeFileSync(stamp, hash);
}
