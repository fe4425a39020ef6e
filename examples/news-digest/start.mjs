// The whole workflow on one machine: runs the news program live against a local API and model, recorded and traced,
// then replays the run offline and verifies its log. `npm start` runs this.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startReceiver } from "../../dist/viewer/receiver.js";
import { spanTree } from "../../dist/telemetry/span-tree.js";
import { startServer } from "./server.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const boruna = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);

/** Runs a boruna command with inherited output; resolves to its exit code. */
function command(args, env = {}) {
  say(`\n$ boruna ${args.map((arg) => (arg.startsWith(here) ? arg.slice(here.length) : arg)).join(" ")}`);
  const child = spawn(process.execPath, [boruna, ...args], {
    cwd: here,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

const folder = mkdtempSync(join(tmpdir(), "boruna-start-"));
const log = join(folder, "run.jsonl");
const spans = [];
const server = await startServer();
const collector = await startReceiver({ onSpans: (received) => spans.push(...received) });
const news = `http://127.0.0.1:${server.address().port}`;
say(`A stand-in news API and model listen on ${news}, an OpenTelemetry collector on ${collector.url}.`);

let failed = 0;
try {
  const run = ["run", "digest.ax", "--policy", "policy.jsonc", "--live", "--arg", `url=${news}/stories`, "--record", log];
  failed ||= await command(run, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    BORUNA_LLM_URL: `${news}/v1`,
    BORUNA_LLM_MODEL: "local-summarizer",
  });
  say("\nThe spans that the collector received:");
  say(spanTree(spans));
  await collector.close();
  server.close();
  server.closeAllConnections();
  say("\nBoth servers are gone. The log alone is enough for the rest:");
  failed ||= await command(["replay", log]);
  failed ||= await command(["verify", log]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed);
