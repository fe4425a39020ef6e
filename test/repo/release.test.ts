/** The release script, in a small repository of its own. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEEP } from "../cases.ts";
import { ROOT } from "./imports.ts";

let folder = "";
const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
const read = (path: string): string => readFileSync(join(folder, path), "utf8");
const git = (...args: readonly string[]): string => spawnSync("git", args, { cwd: folder, encoding: "utf8" }).stdout;

function release(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [join(ROOT, "scripts", "release.mjs"), ...args], { cwd: folder, encoding: "utf8" });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "boruna-release-"));
  for (const directory of ["vm", "editors/vscode", "docs/reference"]) mkdirSync(join(folder, directory), { recursive: true });
  const manifest = { name: "small", version: "0.1.0", scripts: { test: "node -e 0" } };
  write("package.json", JSON.stringify(manifest, undefined, 2));
  write("package-lock.json", JSON.stringify({ name: "small", version: "0.1.0", packages: { "": { version: "0.1.0" } } }));
  write("vm/version.ts", 'export const VERSION = "0.1.0";\n');
  write("editors/vscode/package.json", '{ "version": "0.1.0" }\n');
  write("docs/reference/api.md", 'const VERSION = "0.1.0";\n');
  write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n### Added\n- a thing\n\n## 0.1.0\n\n- all\n");
  git("init", "--quiet", "--initial-branch=main");
  git("config", "user.name", "A");
  git("config", "user.email", "a@example.com");
  git("config", "commit.gpgsign", "false");
  git("config", "tag.gpgsign", "false");
  git("add", ".");
  git("commit", "--quiet", "--message", "all");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.runIf(DEEP)("a dry run checks everything, says what it would do, and changes nothing", () => {
  const { status, stdout } = release("1.0.0", "--dry-run");
  expect(stdout).not.toContain("FAIL");
  expect(stdout).toContain("ok    npm test\n");
  expect(stdout).toContain("It would run: git tag --annotate v1.0.0 --message small 1.0.0\n");
  expect(status).toBe(0);
  expect(git("status", "--porcelain") + git("tag", "--list")).toBe("");
  expect(read("package.json")).toContain('"version": "0.1.0"');
});

test("each thing that is wrong is reported, and nothing is released", () => {
  write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n- all\n");
  write("package.json", read("package.json").replace("node -e 0", "exit 3"));
  git("tag", "v0.1.0");
  git("checkout", "--quiet", "-b", "other");
  const { status, stdout } = release("0.1.0");
  expect(status).toBe(1);
  expect(
    stdout
      .split("\n")
      .filter((line) => line.startsWith("FAIL"))
      .map((line) => line.split(":")[0]),
  ).toEqual([
    "FAIL  it is later than 0.1.0",
    "FAIL  nothing is uncommitted",
    "FAIL  the branch is main",
    "FAIL  there is no tag v0.1.0 yet",
    "FAIL  the changelog has changes under Unreleased",
    "FAIL  npm test",
  ]);
  expect(release("one", "--skip-tests").stdout).toContain('FAIL  the version: "one" is not MAJOR.MINOR.PATCH');
});

test("a release sets the version everywhere, cuts the changelog, commits and tags", () => {
  const { status, stderr } = release("1.0.0", "--skip-tests");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const changed = git("show", "--format=", "--name-only").trimEnd().split("\n");
  expect(changed).toEqual([
    "CHANGELOG.md",
    "docs/reference/api.md",
    "editors/vscode/package.json",
    "package-lock.json",
    "package.json",
    "vm/version.ts",
  ]);
  expect(changed.slice(1).map(read).join("")).not.toContain("0.1.0");
  expect(read("CHANGELOG.md")).toMatch(/## Unreleased\n\n## 1\.0\.0 - \d{4}-\d\d-\d\d\n\n### Added\n- a thing\n/);
  expect(git("tag", "--list")).toBe("v1.0.0\n");
  expect(git("log", "-1", "--format=%s")).toBe("chore: release 1.0.0\n");
  expect(git("status", "--porcelain")).toBe("");
});
