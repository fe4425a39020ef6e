// Runs the conformance suite of MCP against the HTTP server of dist/, for both sets of requirements:
//   the HTTP front with test-only fixtures, which must pass everything, and `boruna mcp` itself, with a baseline of what it does not have.
// The suite fails on Node 20, so it runs under the Node 22 of npm's package `node`. Needs the network of npm, and dist/.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BASELINES } from "./mcp-conformance/baselines.mjs";
import { fixtureServer } from "./mcp-conformance/fixtures.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const load = (file) => import(pathToFileURL(join(root, "dist", file)).href);
const RUNNER = ["-y", "-p", "node@22", "-p", "@modelcontextprotocol/conformance@0.2.0-alpha.12", "conformance", "server"];
const TOKEN = "conformance";

/** The suite cannot send a token, so a proxy adds it to each request. */
async function withToken(target) {
  const { port } = new URL(target);
  const server = createServer((incoming, response) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${TOKEN}` };
    const out = request({ host: "127.0.0.1", port, path: incoming.url, method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    out.on("error", () => response.destroy());
    response.on("close", () => out.destroy());
    incoming.pipe(out);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, close: () => server.close().closeAllConnections() };
}

/** Resolves to the exit code of the suite. */
async function conformance(factory, requirements, baseline) {
  const { serveHttp } = await load("mcp/http.js");
  const server = await serveHttp(factory, { host: "127.0.0.1", port: 0, token: TOKEN, onNotice: () => undefined });
  const proxy = await withToken(server.url);
  const folder = mkdtempSync(join(tmpdir(), "boruna-conformance-"));
  const file = join(folder, "baseline.yaml");
  const entries = Object.entries(baseline).map(([scenario, reason]) => `  - ${scenario} # ${reason}`);
  writeFileSync(file, entries.length === 0 ? "server: []\n" : `server:\n${entries.join("\n")}\n`);
  const args = [...RUNNER, "--url", proxy.url, "--requirements", requirements, "--expected-failures", file, "-o", join(folder, "out")];
  const child = spawn("npx", args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  proxy.close();
  await server.close();
  rmSync(folder, { recursive: true });
  return { code, output };
}

async function productFactory() {
  const [{ mcpFactory }, { createThreads }] = await Promise.all([load("mcp/server.js"), load("mcp/threads.js")]);
  const settings = { policy: '{"default_allow":false}', live: false, logs: tmpdir(), tools: [] };
  return mcpFactory({ settings, threads: createThreads(), transport: "tcp", onNotice: () => undefined });
}

let failed = false;
for (const requirements of ["2026-07-28", "2025-11-25"]) {
  for (const [name, factory, baseline] of [
    ["front with fixtures", fixtureServer, {}],
    ["boruna mcp", await productFactory(), BASELINES[requirements]],
  ]) {
    const { code, output } = await conformance(factory, requirements, baseline);
    const summary = output.slice(output.indexOf("=== SUMMARY ==="));
    console.log(`${requirements}, ${name}: ${code === 0 ? "ok" : `exit code ${code}`}\n${summary}`);
    failed ||= code !== 0;
  }
}
process.exitCode = failed ? 1 : 0;
