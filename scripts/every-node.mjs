/**
 * Runs test files on every supported version of Node, and prints one line for each. The versions come from the package `node` of npm.
 *
 *     node scripts/every-node.mjs                 # the tests whose digests pin what a policy decides
 *     node scripts/every-node.mjs test/replay     # other tests
 */
import { spawnSync } from "node:child_process";

const VERSIONS = ["20.19.0", "20", "22", "24", "26"];
/** Their digests and verdicts hold on one version only if all versions agree. */
const VERDICTS = ["test/policy", "test/gateway/handlers/ssrf.test.ts", "test/gateway/handlers/net-fetch.test.ts"];

const files = process.argv.length > 2 ? process.argv.slice(2) : VERDICTS;
let failed = false;
for (const version of VERSIONS) {
  const node = ["-y", "-p", `node@${version}`, "node"];
  const exact = spawnSync("npx", [...node, "--version"], { encoding: "utf8" }).stdout.trim();
  const run = spawnSync("npx", [...node, "node_modules/vitest/vitest.mjs", "run", "--reporter=json", ...files], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    // A snapshot that is missing or different is a failure.
    env: { ...process.env, CI: "1" },
  });
  const start = run.stdout.indexOf("{");
  if (start < 0) {
    process.stdout.write(`${exact || version}: did not run\n${run.stderr}\n`);
    failed = true;
    continue;
  }
  const report = JSON.parse(run.stdout.slice(start));
  const broken = report.testResults.flatMap((file) => file.assertionResults.filter((t) => t.status === "failed").map((t) => t.fullName));
  process.stdout.write(`${exact}: ${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped\n`);
  for (const name of broken) process.stdout.write(`  ${name}\n`);
  failed ||= run.status !== 0;
}
process.exitCode = failed ? 1 : 0;
