import { execFileSync, type ExecFileSyncOptionsWithStringEncoding, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../vm/version.ts";
import { DEEP } from "../cases.ts";
import { ROOT } from "./imports.ts";

/** The result of `npm pack`. `npm run test:deep` also installs it in an empty folder, as a user would who leaves out the optional parts. */
const folder = mkdtempSync(join(tmpdir(), "boruna-package-"));
const command = join(folder, "node_modules", ".bin", process.platform === "win32" ? "boruna.cmd" : "boruna");
let packed: readonly string[] = [];
let tarball = "";

// npm sets npm_execpath for its scripts. Otherwise `npm` must be on the PATH.
function npm(args: readonly string[], cwd: string): string {
  const script = process.env.npm_execpath;
  const isNpm = script !== undefined && /npm-cli\.c?js$/.test(script);
  const options: ExecFileSyncOptionsWithStringEncoding = { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
  return isNpm ? execFileSync(process.execPath, [script, ...args], options) : execFileSync("npm", [...args], options);
}

beforeAll(() => {
  const report: unknown = JSON.parse(npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], ROOT));
  const [first]: unknown[] = Array.isArray(report) ? report : [];
  if (typeof first !== "object" || first === null || !("filename" in first) || !("files" in first) || !Array.isArray(first.files)) {
    throw new Error(`npm pack said ${JSON.stringify(report)}`);
  }
  packed = first.files.map((file: { path: string }) => file.path);
  tarball = join(folder, String(first.filename));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package", () => {
  test("contains everything it needs, and no sources or tests", () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        "dist/bin/boruna.js",
        "dist/index.js",
        "dist/index.d.ts",
        "dist/std/std-json/src/core.ax",
        "native/binding.gyp",
        "native/thread_context.c",
        "LICENSE",
        "README.md",
      ]),
    );
    expect(
      packed.filter(
        (path) =>
          !/^(dist|docs|examples|editors)\/|^(\w+\.md|LICENSE|package\.json|bench\/(RESULTS|MEMORY)\.md)$|^native\/(binding\.gyp|thread_context\.c)$/.test(
            path,
          ),
      ),
    ).toEqual([]);
    expect(packed.filter((path) => /(?<!\.d)\.ts$|\.test\./.test(path))).toEqual([]);
  });

  test("holds every file and folder that the README links to", () => {
    const links = [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
      ([, target = ""]) => target,
    );
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((link) => !packed.some((path) => path === link || path.startsWith(`${link}/`)))).toEqual([]);
  });

  test.runIf(DEEP)("publint and arethetypeswrong find nothing", async () => {
    const bytes = readFileSync(tarball);
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
    const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
    // The package has ES modules only: `require` works in Node 20.19 and later, whose resolution of modules older tools do not know.
    const expected = ["CJSResolvesToESM node16-cjs", "NoResolution node10"];
    const problems = (checked.types === false ? [] : checked.problems).map(
      (problem) => `${problem.kind} ${"resolutionKind" in problem ? problem.resolutionKind : ""}`,
    );
    expect(checked.types).not.toBe(false);
    expect(problems.filter((problem) => !expected.includes(problem))).toEqual([]);
  });

  test("has the version in the code", () => {
    const own: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(own).toMatchObject({ version: VERSION });
  });
});

describe.runIf(DEEP)("an installation without the optional parts", () => {
  beforeAll(() => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    npm(
      ["install", tarball, "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts", "--loglevel=error"],
      folder,
    );
  });

  test("keeps its budgets: tarball, installed bytes and packages without the optional parts", () => {
    const modules = join(folder, "node_modules");
    const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    const lock: unknown = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
    const count = typeof lock === "object" && lock !== null && "packages" in lock ? Object.keys(lock.packages ?? {}).length : undefined;
    expect(statSync(tarball).size).toBeLessThan(3_500_000);
    expect(bytes).toBeLessThan(45_000_000);
    expect(count).toBeLessThanOrEqual(30);
  });

  const database = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
  test.each<{ args: readonly string[]; missing: string; code?: number; env?: Readonly<Record<string, string>> }>([
    { args: ["run", "query.ax", "--policy", "allow-all", "--live"], missing: "@electric-sql/pglite", code: 1 },
    { args: ["run", "query.ax", "--policy", "allow-all", "--live"], missing: "pg", code: 1, env: database },
    { args: ["mcp"], missing: "@modelcontextprotocol/server" },
    { args: ["mcp", "--port", "0"], missing: "@modelcontextprotocol/server" },
    { args: ["import", "mcp", "--name", "x", "--", "true"], missing: "@modelcontextprotocol/client" },
    { args: ["worker"], missing: "pg", env: database },
    { args: ["worker", "--dev"], missing: "pg" },
    { args: ["submit", "query.ax", "--policy", "allow-all"], missing: "pg", env: database },
    { args: ["runs", "list"], missing: "pg", env: database },
  ])("boruna $args names the optional package that it needs: $missing", ({ args, missing, code = 2, env = {} }) => {
    writeFileSync(join(folder, "query.ax"), 'fn main() -> List<Json> !{db.query} { db.query("SELECT 1") }\n');
    const run = spawnSync(command, args, {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32",
      env: { PATH: process.env["PATH"] ?? "", ...env },
    });
    expect({ code: run.status, stderr: run.stderr.split("\n")[0] }).toEqual({
      code,
      stderr: expect.stringContaining(`needs the package ${missing}, which is not installed: npm install ${missing}`),
    });
  });

  test("the command runs a program that imports a shipped library", () => {
    writeFileSync(join(folder, "hello.ax"), 'import "std-json"\n\nfn main(name: String) -> String { "Hello, " ++ name }\n');
    const run = spawnSync(command, ["run", "hello.ax", "--arg", "name=Ada"], {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32",
    });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: '"Hello, Ada"\n' });
    expect(spawnSync(command, ["--version"], { cwd: folder, encoding: "utf8", shell: process.platform === "win32" }).stdout).toBe(
      `${VERSION}\n`,
    );
  });

  test("sends no usage events by default: no URL is built in", () => {
    const run = spawnSync(command, ["telemetry", "status", "--json"], {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32",
      env: { PATH: process.env["PATH"] ?? "" },
    });
    expect(JSON.parse(run.stdout)).toMatchObject({ on: false, reason: "BORUNA_TELEMETRY_ENABLED is not set" });
    const builtIn = readFileSync(join(folder, "node_modules/boruna/dist/telemetry/usage/built-in.js"), "utf8");
    expect(builtIn).toContain("export const BUILT_IN_URL = undefined;");
  });

  test("the imported library compiles and executes a program", () => {
    const script = [
      'import { compile, execute, DENY_ALL, VERSION } from "boruna";',
      'const program = compile({ name: "add.ax", text: "fn main(a: Int, b: Int) -> Int { a + b }" });',
      "const run = await execute(program, { policy: DENY_ALL, args: { a: 40, b: 2 } });",
      "console.log(run.outcome, run.value, VERSION);",
    ].join("\n");
    writeFileSync(join(folder, "embed.js"), script);
    const run = spawnSync(process.execPath, ["embed.js"], { cwd: folder, encoding: "utf8" });
    expect({ stdout: run.stdout, stderr: run.stderr }).toEqual({ stdout: `success 42 ${VERSION}\n`, stderr: "" });
  });

  test("its types accept the examples of docs/guide/embedding.md", () => {
    const page = readFileSync(join(ROOT, "docs/guide/embedding.md"), "utf8");
    const examples = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: text = "" }, i) => ({ file: `example-${i}.ts`, text }));
    for (const { file, text } of examples) writeFileSync(join(folder, file), text);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      module: "nodenext",
      target: "es2023",
      noEmit: true,
      typeRoots: [join(ROOT, "node_modules", "@types")],
      types: ["node"],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: examples.map(({ file }) => file) }));
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const run = spawnSync(process.execPath, [tsc, "-p", folder], { cwd: folder, encoding: "utf8" });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: "" });
  });
});
