// `npm test`: types, lint and format side by side, then the tests. A line a stage; the whole output of a stage that fails.
// The last line is always `N passed, N failed`. Arguments go to vitest: `npm test -- test/vm`.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (...path) => join(root, "node_modules", ...path);

/** Resolves to whether the stage passed; prints when it ends. */
async function stage(name, script, args) {
  const start = performance.now();
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  child.stderr.on("data", (chunk) => chunks.push(chunk));
  const ok = await new Promise((resolve) => {
    child.on("error", (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
  if (!ok) process.stdout.write(Buffer.concat(chunks));
  process.stdout.write(`${name.padEnd(8)}${ok ? "ok" : "FAILED"}  ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return ok;
}

/** Tests passed and failed by vitest's report. A file that could not be loaded counts as one failed test. */
function counts(report) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  const unloaded = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + unloaded.length };
}

const folder = mkdtempSync(join(tmpdir(), "boruna-test-"));
const report = join(folder, "report.json");
let result = { passed: 0, failed: 1 };
try {
  const checks = await Promise.all([
    stage("types", bin("typescript", "bin", "tsc"), ["--noEmit", "-p", "tsconfig.test.json"]),
    stage("lint", bin("oxlint", "bin", "oxlint"), ["--type-aware", "--deny-warnings"]),
    stage("format", bin("@biomejs", "biome", "bin", "biome"), ["format", "."]),
  ]);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const tests = await stage("tests", bin("vitest", "vitest.mjs"), ["run", ...reporters, ...process.argv.slice(2)]);
  process.exitCode = tests && checks.every(Boolean) ? 0 : 1;
  result = counts(report);
} catch (error) {
  process.exitCode = 1;
  process.stdout.write(`the tests gave no report: ${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${result.passed} passed, ${result.failed} failed\n`);
