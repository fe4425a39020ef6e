// `npm test` runs types, lint, format and the tests in parallel. `npm run test:deep` runs only the tests that
// use `test/cases.ts`, in full. Prints a line per stage, progress every 10 s, and the output of a stage that fails.
// The last line is always `N passed, N failed`. Further arguments are passed to vitest: `npm test -- test/vm`.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const PROGRESS_MS = 10_000;
/** Environment of the tools that are written in Go. Up to 1200 MiB, they collect garbage less often, which saves a third of their time. */
const GO = { GOGC: "400", GOMEMLIMIT: "1200MiB" };
const packageFile = (...path) => join(root, "node_modules", ...path);

/** For each running stage, a function that returns its line of progress. */
const running = new Set();

/** Runs a stage and resolves to whether it passed. `describe` turns the output so far into a description of the progress. */
async function runStage(name, script, args, { env = {}, describe = () => "" } = {}) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const progress = () => `${name.padEnd(8)}…   ${seconds()}${describe(output)}`;
  running.add(progress);
  const passed = await new Promise((resolve) => {
    child.on("error", (error) => {
      output += `${error.message}\n`;
      resolve(false);
    });
    child.on("close", (code) => resolve(code === 0));
  });
  running.delete(progress);
  if (!passed) process.stdout.write(output);
  process.stdout.write(`${name.padEnd(8)}${passed ? "ok" : "FAILED"}  ${seconds()}\n`);
  return passed;
}

/** Reads the numbers of passed and failed tests from vitest's report. A file that cannot be loaded counts as a failed test. */
function readCounts(report) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
  const unloadedFiles = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + unloadedFiles.length };
}

/** Returns the paths of the test files that import `test/cases.ts`. `npm run test:deep` runs more cases of these files. */
function filesWithCases() {
  return readdirSync(join(root, "test"), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join("test", name))
    .filter((name) => /from "[./]+cases\.ts"/.test(readFileSync(join(root, name), "utf8")));
}

/** Describes the progress of vitest, whose default reporter prints a line for each file that is done. */
const describeProgress = (output) =>
  `, ${stripVTControlCharacters(output).match(/\btest\/\S+\.test\.ts \(\d+ tests?\b/g)?.length ?? 0} files done`;

const args = process.argv.slice(2);
const isDeep = args[0] === "--deep";
const folder = mkdtempSync(join(tmpdir(), "boruna-test-"));
const report = join(folder, "report.json");
let result = { passed: 0, failed: 1 };
const timer = setInterval(() => {
  for (const progress of running) process.stdout.write(`${progress()}\n`);
}, PROGRESS_MS);
try {
  const checks = isDeep
    ? []
    : [
        ...["tsconfig.test.json", "viewer/page", "playground"].map((project) =>
          runStage("types", packageFile("typescript", "bin", "tsc"), ["--noEmit", "-p", project], { env: GO }),
        ),
        runStage("lint", packageFile("oxlint", "bin", "oxlint"), ["--type-aware", "--deny-warnings"], { env: GO }),
        runStage("format", packageFile("@biomejs", "biome", "bin", "biome"), ["format", "."]),
      ];
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const testFiles = isDeep && args.length === 1 ? filesWithCases() : args.slice(isDeep ? 1 : 0);
  const tests = runStage("tests", packageFile("vitest", "vitest.mjs"), ["run", ...reporters, ...testFiles], {
    env: isDeep ? { BORUNA_CASES: process.env["BORUNA_CASES"] ?? "0.2" } : {},
    describe: describeProgress,
  });
  // The checks use the cores while tests wait for processes and servers.
  const stages = await Promise.all([tests, ...checks]);
  process.exitCode = stages.every(Boolean) ? 0 : 1;
  result = readCounts(report);
} catch (error) {
  process.exitCode = 1;
  process.stdout.write(`vitest wrote no report: ${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  clearInterval(timer);
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${result.passed} passed, ${result.failed} failed\n`);
