// Builds dist/: JavaScript and declarations with tsc, the .ax libraries, the command, and the page of the viewer. The command is bundled into
// a few files, because loading some 150 modules takes longer than running a small program
// (docs/internals/adr/007-the-command-is-bundled.md). Vite bundles the page.
// The build goes into a temporary folder, which is then renamed to dist/, so a process that uses dist/ never sees a partial build.
// An argument names another folder of the repository instead of dist/.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder = "dist", ...others] = process.argv.slice(2);
if (folder.startsWith("-") || others.length > 0) {
  console.error("usage: node scripts/build.mjs [FOLDER]   builds into FOLDER of the repository, dist if there is none");
  process.exit(2);
}
const dist = resolve(root, folder);
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
          for (const entry of [cliFile("command-line.js"), cliFile("commands", "run.js")]) collectStaticImports(entry, infoOf, coreModules);
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
    codeSplitting: {
      groups: [{ name: "core", test: (id) => coreModules.has(id) }],
    },
  });
  await bundle.close();
  const core = readFileSync(join(newDist, "bin", "core.js"), "utf8");
  if (/\bimport\(/.test(core)) throw new Error("core.js contains import(), which fails in code that V8 has kept (cli/code-cache.ts)");
  writeFileSync(join(newDist, "bin", "core.js"), asciiOf(core));
  writeFileSync(join(newDist, "bin", "package.json"), '{ "type": "commonjs" }\n');
}

/** Returns the same code in ASCII. V8 reads and keeps text of one byte for each character faster, and in half of the memory. */
function asciiOf(code) {
  if (/\\[^\0-\x7f]/.test(code)) throw new Error("a backslash before a character that is not ASCII");
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Bundles the code of the threads of `boruna mcp`. Without that, a thread takes three times as long to start. It shares no file with the command. */
async function bundleThread() {
  const bundle = await rolldown({
    input: join(newDist, "mcp", "thread.js"),
    platform: "node",
    external: (id) => !/^([./]|@noble\/hashes\/)/.test(id),
  });
  await bundle.write({
    dir: join(newDist, "bin", "mcp"),
    format: "cjs",
    chunkFileNames: "[name].js",
    minify: { compress: false, mangle: { keepNames: true }, codegen: true },
  });
  await bundle.close();
}

/** Bundles the page of `boruna view`: one HTML file, one script, one stylesheet, one icon. The page's policy forbids inline code. */
async function bundlePage() {
  await build({
    configFile: false,
    root: join(root, "viewer", "page"),
    base: "./",
    publicDir: false,
    logLevel: "warn",
    build: { outDir: join(newDist, "viewer", "page"), emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
}

/**
 * Returns the value of BORUNA_BUILD_TELEMETRY_URL, or undefined if it is not set. A build with such a URL sends usage events to it unless
 * the user opts out (docs/guide/usage-events.md).
 */
function builtInUrl() {
  const text = process.env.BORUNA_BUILD_TELEMETRY_URL ?? "";
  if (text === "") return undefined;
  const { protocol, username, password } = URL.canParse(text) ? new URL(text) : {};
  if (["http:", "https:"].includes(protocol) && username === "" && password === "") return text;
  throw new Error("BORUNA_BUILD_TELEMETRY_URL is not an http or https URL without a user name");
}

function writeBuiltInUrl(url) {
  const file = join(newDist, "telemetry", "usage", "built-in.js");
  const [before, after, ...more] = readFileSync(file, "utf8").split("BUILT_IN_URL = undefined;");
  if (after === undefined || more.length > 0) throw new Error(`${file} does not have one BUILT_IN_URL`);
  writeFileSync(file, `${before}BUILT_IN_URL = ${JSON.stringify(url)};${after}`);
}

try {
  const url = builtInUrl();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", "tsconfig.json", "--noEmit", "false", "--noEmitOnError", "--outDir", newDist];
  const run = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (run.status === 0) {
    cpSync(join(root, "std"), join(newDist, "std"), { recursive: true });
    if (url !== undefined) writeBuiltInUrl(url);
    await bundleCommand();
    await bundleThread();
    await bundlePage();
    chmodSync(join(newDist, "bin", "boruna.js"), 0o755);
    // The record of scripts/prepare.mjs describes the build that this one replaces.
    if (dist === join(root, "dist")) rmSync(join(root, "node_modules", ".cache", "boruna", "build"), { force: true });
    if (existsSync(dist)) renameSync(dist, join(temporaryFolder, "old"));
    renameSync(newDist, dist);
  }
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(temporaryFolder, { recursive: true, force: true });
}
