/**
 * Makes a release in this repository: checks what must hold, sets the version, cuts the changelog, commits and tags. It publishes nothing:
 * the last line says how to. With `--dry-run` it only checks, and shows what it would change.
 *
 *     node scripts/release.mjs 1.0.0 --dry-run
 *     node scripts/release.mjs 1.0.0 --dry-run --skip-tests
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const [version = "", ...flags] = process.argv.slice(2);
const isDryRun = flags.includes("--dry-run");
const skipsTests = flags.includes("--skip-tests");
const say = (text) => process.stdout.write(`${text}\n`);
const problems = [];

/** Runs a command of git or npm. `npm_execpath` is npm, if npm started this script. */
function run(command, args) {
  const npm = process.env.npm_execpath;
  const isScript = command === "npm" && npm !== undefined && /npm-cli\.c?js$/.test(npm);
  const [file, rest] = isScript ? [process.execPath, [npm, ...args]] : [command, args];
  return spawnSync(file, rest, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

/** Reports whether something holds. `problem` is what is wrong, or undefined. */
function check(what, problem) {
  say(`${problem === undefined ? "ok  " : "FAIL"}  ${what}${problem === undefined ? "" : `: ${problem}`}`);
  if (problem !== undefined) problems.push(what);
}

/** Whether version `a` is later than `b`. */
function isLater(a, b) {
  const [x, y] = [a, b].map((text) => text.split(".").map(Number));
  const at = x.findIndex((n, i) => n !== y[i]);
  return at >= 0 && x[at] > y[at];
}

/** The files that hold the version, with the text around it. */
const HOLDERS = [
  ["package.json", (text) => `"version": "${text}"`],
  ["editors/vscode/package.json", (text) => `"version": "${text}"`],
  ["vm/version.ts", (text) => `"${text}"`],
  ["docs/reference/api.md", (text) => `const VERSION = "${text}";`],
];

/** The files to change, each with its new text. */
function newTexts(old) {
  const replaced = (path, before, after) => {
    const text = readFileSync(path, "utf8");
    if (!text.includes(before)) throw new Error(`${path} does not have ${JSON.stringify(before)}`);
    return [path, text.replace(before, after)];
  };
  const date = new Date().toISOString().slice(0, 10);
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  lock.version = version;
  lock.packages[""].version = version;
  return [
    ...HOLDERS.map(([path, textAround]) => replaced(path, textAround(old), textAround(version))),
    ["package-lock.json", `${JSON.stringify(lock, undefined, 2)}\n`],
    replaced("CHANGELOG.md", "## Unreleased\n", `## Unreleased\n\n## ${version} - ${date}\n`),
  ];
}

const { version: old, name } = JSON.parse(readFileSync("package.json", "utf8"));
check("the version", /^\d+\.\d+\.\d+$/.test(version) ? undefined : `${JSON.stringify(version)} is not MAJOR.MINOR.PATCH`);
check(`it is later than ${old}`, isLater(version, old) ? undefined : `${version} is not`);
const changes = run("git", ["status", "--porcelain"]).stdout;
check("nothing is uncommitted", changes === "" ? undefined : `\n${changes.trimEnd()}`);
const branch = run("git", ["branch", "--show-current"]).stdout.trim();
check("the branch is main", branch === "main" ? undefined : `it is ${branch || "none"}`);
const tag = `v${version}`;
check(`there is no tag ${tag} yet`, run("git", ["tag", "--list", tag]).stdout === "" ? undefined : "there is one");
const unreleased = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(readFileSync("CHANGELOG.md", "utf8"))?.[1]?.trim() ?? "";
check("the changelog has changes under Unreleased", /^- /m.test(unreleased) ? undefined : "it has none");
if (skipsTests) say("-     npm test: skipped");
else {
  const tests = run("npm", ["test"]);
  check("npm test", tests.status === 0 ? undefined : `\n${tests.stdout.slice(-3000)}${tests.stderr.slice(-1000)}`);
}
const packed = run("npm", ["pack", "--dry-run", "--json"]);
if (packed.status === 0) {
  // A script before packing may print lines, too.
  const [{ filename, size, entryCount }] = JSON.parse(packed.stdout.slice(packed.stdout.search(/^\[/m)));
  check(`npm pack: ${filename}, ${entryCount} files, ${(size / 1e6).toFixed(1)} MB, with the version that it has now`);
} else check("npm pack", `\n${packed.stderr}`);

if (problems.length > 0) {
  say(`\nNot released: ${problems.join("; ")}.`);
  process.exitCode = 1;
} else {
  say(`\n${isDryRun ? "It would change" : "Changes"}:`);
  for (const [path, text] of newTexts(old)) {
    say(`  ${path}`);
    if (!isDryRun) writeFileSync(path, text);
  }
  const steps = [
    ["commit", "--all", "--message", `chore: release ${version}`],
    ["tag", "--annotate", tag, "--message", `${name} ${version}`],
  ];
  for (const args of steps) {
    say(`${isDryRun ? "It would run" : "Runs"}: git ${args.join(" ")}`);
    if (isDryRun) continue;
    const { status, stderr } = run("git", args);
    if (status !== 0) throw new Error(stderr);
  }
  say(`Then, by hand: git push --follow-tags && npm publish`);
}
