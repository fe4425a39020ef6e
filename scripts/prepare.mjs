// Prepares a fresh clone: installs the packages of package-lock.json and builds dist/, each only if something changed.
// Runs before `npm start` and `npm test`, when no package may be installed yet, so it imports only Node's own modules.
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

/** Whether npm's record of the installed packages matches the lock file. Packages for other platforms may be missing. */
function installed() {
  const record = read(at("node_modules", ".package-lock.json"));
  if (record === undefined) return false;
  const found = new Map(Object.entries(JSON.parse(record).packages));
  const wanted = Object.entries(JSON.parse(readFileSync(at("package-lock.json"), "utf8")).packages);
  return wanted.every(([path, entry]) => {
    const installedEntry = found.get(path);
    return path === "" || (installedEntry === undefined ? entry.optional === true : installedEntry.version === entry.version);
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

/** Runs a step; prints its output only if it fails. */
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
  // npm sets npm_execpath for the scripts it runs. Otherwise `npm` must be on the PATH.
  const npm = process.env.npm_execpath;
  const isScript = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  if (isScript) step("install dependencies", process.execPath, [npm, ...args]);
  else step("install dependencies", process.platform === "win32" ? "npm.cmd" : "npm", args);
}

const stamp = at("node_modules", ".cache", "boruna", "build");
const hash = sourceHash();
if (!existsSync(at("dist", "bin", "boruna.js")) || read(stamp) !== hash) {
  step("build", process.execPath, [at("scripts", "build.mjs")]);
  mkdirSync(join(stamp, ".."), { recursive: true });
  writeFileSync(stamp, hash);
}
