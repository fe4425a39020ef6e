// Prepares a fresh clone: installs the packages of package-lock.json and builds dist/, each only if necessary.
// Runs before `npm start` and `npm test`, when no package may be installed yet, so it imports only Node's own modules.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const PROGRESS_MS = 10_000;
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

/** Returns a hash of all that the build depends on: names and contents of files, and BORUNA_BUILD_TELEMETRY_URL. */
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

/** Runs a command. Prints a line every 10 s, and the output of the command only if it fails, which ends this process. */
async function runStep(title, command, args) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  process.stdout.write(`${title} …\n`);
  const timer = setInterval(() => process.stdout.write(`${title} … ${seconds()}\n`), PROGRESS_MS);
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], shell: command.endsWith(".cmd") });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const status = await new Promise((resolve) => {
    child.on("error", (error) => {
      output += `${error.message}\n`;
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
  clearInterval(timer);
  process.stdout.write(`${title} ${status === 0 ? "ok" : "failed"} ${seconds()}\n`);
  if (status === 0) return;
  process.stderr.write(output);
  process.exit(status);
}

if (!packagesAreInstalled()) {
  // npm sets npm_execpath for the scripts it runs. Otherwise `npm` must be on the PATH.
  const npm = process.env.npm_execpath;
  const isNpmScript = npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  if (isNpmScript) await runStep("install dependencies", process.execPath, [npm, ...args]);
  else await runStep("install dependencies", process.platform === "win32" ? "npm.cmd" : "npm", args);
}

const hashFile = pathTo("node_modules", ".cache", "boruna", "build");
const hash = sourceHash();
if (!existsSync(pathTo("dist", "bin", "boruna.js")) || readIfExists(hashFile) !== hash) {
  await runStep("build", process.execPath, [pathTo("scripts", "build.mjs")]);
  mkdirSync(join(hashFile, ".."), { recursive: true });
  writeFileSync(hashFile, hash);
}
