// Prepares a fresh clone: installs the packages of package-lock.json and builds dist/, each only if necessary.
// Runs before `npm start` and `npm test`, when no package may be installed yet, so it imports only Node's own modules.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SOURCE_FOLDERS = [
  "compiler",
  "analysis",
  "vm",
  "policy",
  "gateway",
  "replay",
  "runtime",
  "simulate",
  "telemetry",
  "mcp-tools",
  "worker",
  "lsp",
  "repl",
  "viewer",
  "mcp",
  "cli",
  "bench",
  "std",
];
const SOURCE_FILES = ["index.ts", "tsconfig.json", "package.json", "package-lock.json", "scripts/build.mjs"];

const pathTo = (...names) => join(root, ...names);
const readIfExists = (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

/** Whether npm's record of the installed packages matches the lock file. Packages for other platforms may be missing. */
function packagesAreInstalled() {
  const record = readIfExists(pathTo("node_modules", ".package-lock.json"));
  if (record === undefined) return false;
  const installedPackages = new Map(Object.entries(JSON.parse(record).packages));
  const lockedPackages = Object.entries(JSON.parse(readFileSync(pathTo("package-lock.json"), "utf8")).packages);
  return lockedPackages.every(([path, entry]) => {
    const installedEntry = installedPackages.get(path);
    return path === "" || (installedEntry === undefined ? entry.optional === true : installedEntry.version === entry.version);
  });
}

/** Returns a hash of all that the build depends on: names and contents of files, and the URL that it may have built in. */
function sourceHash() {
  const hash = createHash("sha256");
  const filesInFolders = SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(pathTo(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const paths = [...SOURCE_FILES.map((name) => pathTo(name)).filter((path) => existsSync(path)), ...filesInFolders].sort();
  for (const path of paths)
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update("\0");
  hash.update(process.env.BORUNA_BUILD_TELEMETRY_URL ?? "");
  return hash.digest("hex");
}

/** Runs a command. Prints its output and exits only if it fails. */
function runStep(title, command, args) {
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

if (!packagesAreInstalled()) {
  // npm sets npm_execpath for the scripts it runs. Otherwise `npm` must be on the PATH.
  const npm = process.env.npm_execpath;
  const isNpmScript = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  if (isNpmScript) runStep("install dependencies", process.execPath, [npm, ...args]);
  else runStep("install dependencies", process.platform === "win32" ? "npm.cmd" : "npm", args);
}

const hashFile = pathTo("node_modules", ".cache", "boruna", "build");
const hash = sourceHash();
if (!existsSync(pathTo("dist", "bin", "boruna.js")) || readIfExists(hashFile) !== hash) {
  runStep("build", process.execPath, [pathTo("scripts", "build.mjs")]);
  mkdirSync(join(hashFile, ".."), { recursive: true });
  writeFileSync(hashFile, hash);
}
