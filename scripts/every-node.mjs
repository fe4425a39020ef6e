/**
 * Runs test files on every supported version of Node, records programs with each, and runs the packed package. Fails if a test fails, if the log
 * of a program differs between versions, engines, or with telemetry, or if the package does not run. Prints one line for each version. The
 * versions come from the package `node` of npm.
 *
 *     node scripts/every-node.mjs                 # the tests below, and all logs; needs dist/
 *     node scripts/every-node.mjs test/replay     # other tests, and all logs
 *     node scripts/every-node.mjs --package       # only the packed package
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSIONS = ["20.19.0", "20", "22", "24", "26"];
/** Tests that pin digests and verdicts, so that they pass only if all versions agree, and the golden logs, which every version must replay. */
const TESTS = [
  "test/policy",
  "test/gateway/handlers/ssrf.test.ts",
  "test/gateway/handlers/net-fetch.test.ts",
  "test/replay/golden.test.ts",
];

/** The programs to record, with their arguments. Mocks answer their calls. */
const PROGRAMS = [
  ["test/replay/golden/approved.ax"],
  ["test/replay/golden/logged-texts.ax"],
  ["test/replay/golden/resumed.ax"],
  ["test/replay/golden/values.ax", "n=3000"],
  ["examples/checked-summary/summary.ax", "url=https://example.com/"],
  ["examples/folder-report/report.ax", "folder=texts", "report=out/report.md"],
  ["examples/news-digest/digest.ax", "url=https://example.com/"],
  ["examples/order-report/report.ax", "least=5"],
  ["examples/payment-batch/pay.ax", "bank=https://example.com", 'payments=[{"id":"a","cents":5},{"id":"b","cents":7}]'],
  ["examples/refused/exfiltrate.ax", "path=note.txt"],
  ["examples/task-runner/total.ax", "customer=é", 'lines=[{"cents":5,"count":3}]'],
  ["examples/word-count/count.ax", "text=one two one"],
];
const ENGINES = ["interpreter", "compiled"];
const COMMAND = fileURLToPath(new URL("../dist/bin/boruna.js", import.meta.url));

/** Runs a command to its end. */
function run(command, args, env = {}, cwd = process.cwd()) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) child[stream].setEncoding("utf8").on("data", (text) => (output[stream] += text));
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (status) => resolve({ status, ...output }));
  });
}

/** Runs the test files. Returns a text about them, and the names of those that failed. */
async function testsOn(node, files) {
  // With CI, a snapshot that is missing or different is a failure.
  const { stdout, stderr } = await run(node, ["node_modules/vitest/vitest.mjs", "run", "--reporter=json", ...files], { CI: "1" });
  const start = stdout.indexOf("{");
  if (start < 0) return { text: "tests did not run", problems: [stderr] };
  const report = JSON.parse(stdout.slice(start));
  const problems = report.testResults.flatMap(({ name, status, assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === "failed").map((result) => result.fullName);
    return status === "failed" && failed.length === 0 ? [`${name} did not run`] : failed;
  });
  return { text: `tests: ${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests} skipped`, problems };
}

/** The hash that the log of each program must have, from the first time it was recorded. */
const expectedHashes = new Map();

/** Records each program on each engine with each setting of telemetry. Returns a text about the logs, and which of them are different. */
async function logsOn(node, telemetries) {
  const folder = mkdtempSync(join(tmpdir(), "boruna-nodes-"));
  const problems = [];
  let count = 0;
  for (const [program, ...args] of PROGRAMS) {
    for (const engine of ENGINES) {
      for (const [telemetry, env] of Object.entries(telemetries)) {
        const log = join(folder, `${count++}.jsonl`);
        const options = ["--policy", "allow-all", "--engine", engine, "--record", log, ...args.flatMap((arg) => ["--arg", arg])];
        const { stderr } = await run(node, [COMMAND, "run", program, ...options], env);
        const what = `${program} on ${engine}, telemetry ${telemetry}`;
        const hash = hashOf(log);
        if (hash === undefined) problems.push(`${what}: no log: ${stderr}`);
        else if (!expectedHashes.has(program)) expectedHashes.set(program, hash);
        else if (expectedHashes.get(program) !== hash) problems.push(`${what}: another log`);
      }
    }
  }
  rmSync(folder, { recursive: true });
  return { text: `logs: ${count - problems.length} equal, ${problems.length} different`, problems };
}

/** Packs the package, and installs it without its optional parts in a new folder. Returns the folder. */
async function installPackage() {
  const folder = mkdtempSync(join(tmpdir(), "boruna-package-"));
  const packed = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder]);
  const [{ filename }] = JSON.parse(packed.stdout);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  writeFileSync(join(folder, "add.ax"), "fn main(a: Int, b: Int) -> Int { a + b }\n");
  writeFileSync(
    join(folder, "embed.js"),
    'import { compile, execute, openSources } from "boruna";\nconst { source, resolve } = openSources("add.ax");\n' +
      "console.log((await execute(compile(source, { resolve }), { args: { a: 40, b: 2 } })).value);\n",
  );
  const options = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
  const installed = await run("npm", ["install", "--prefix", folder, join(folder, filename), ...options]);
  if (installed.status !== 0) throw new Error(installed.stderr);
  return folder;
}

/** Runs the installed command and library. */
async function packageOn(node, folder) {
  const command = join(folder, "node_modules", "boruna", "dist", "bin", "boruna.js");
  const log = join(folder, "run.jsonl");
  const lines = [
    [command, "run", "add.ax", "--arg", "a=40", "--arg", "b=2", "--record", log, "--force"],
    [command, "verify", log, "--replay"],
    [command, "replay", log],
    ["embed.js"],
  ];
  const problems = [];
  for (const line of lines) {
    const { status, stdout, stderr } = await run(node, line, {}, folder);
    if (status !== 0 || !/^(42|verify: ok|replay: identical)/.test(stdout)) problems.push(`package: ${line.join(" ")}: ${stdout}${stderr}`);
  }
  return { text: `package: ${lines.length - problems.length} of ${lines.length} commands`, problems };
}

function hashOf(log) {
  try {
    return createHash("sha256").update(readFileSync(log)).digest("hex");
  } catch {
    return undefined;
  }
}

/** A collector that accepts everything. */
let spanRequests = 0;
const collector = createServer((request, response) => {
  spanRequests += 1;
  request.resume().once("end", () => response.end("{}"));
});
await new Promise((resolve) => collector.listen(0, "127.0.0.1", resolve));
const endpoint = `http://127.0.0.1:${collector.address().port}`;
const detail = { BORUNA_TRACE_DETAIL: "flow", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", BORUNA_TELEMETRY_DISABLED: "1" };
const TELEMETRIES = {
  off: { OTEL_EXPORTER_OTLP_ENDPOINT: "", BORUNA_TELEMETRY_DISABLED: "1" },
  on: { ...detail, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  // Nothing listens on port 1.
  broken: { ...detail, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" },
};

const onlyPackage = process.argv[2] === "--package";
const files = process.argv.length > 2 ? process.argv.slice(2) : TESTS;
const packageFolder = await installPackage();
let failed = false;
for (const version of VERSIONS) {
  const { stdout } = await run("npx", ["-y", "-p", `node@${version}`, "node", "-p", "process.execPath"]);
  const node = stdout.trim();
  const requestsBefore = spanRequests;
  const results = onlyPackage ? [] : [await testsOn(node, files), await logsOn(node, TELEMETRIES)];
  results.push(await packageOn(node, packageFolder));
  const problems = results.flatMap((result) => result.problems);
  if (!onlyPackage && spanRequests === requestsBefore) problems.push("the collector got no spans");
  const exact = (await run(node, ["--version"])).stdout.trim();
  process.stdout.write(`${exact}: ${results.map(({ text }) => text).join("; ")}\n${problems.map((problem) => `  ${problem}\n`).join("")}`);
  failed ||= problems.length > 0;
}
collector.close();
rmSync(packageFolder, { recursive: true });
process.exitCode = failed ? 1 : 0;
