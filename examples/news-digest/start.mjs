// The whole workflow on one machine: runs the news program live against a local API and model, recorded and traced,
// then replays the run offline and verifies its log. `npm start` runs this. With `--view` (`npm start -- --view`), `boruna view` receives the spans and
// shows the run, and stays open until Ctrl-C.
import { spawn } from "node:child_process";
import { once } from "node:events";
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

/** Starts `boruna view` on the folder. Resolves to its address, the variables for senders, its process, and the promise of its end. */
async function startView(folder) {
  const child = spawn(process.execPath, [boruna, "view", folder, "--port", "0", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const [line] = await Promise.race([once(child.stdout, "data"), ended.then(() => Promise.reject(new Error("boruna view has ended")))]);
  const { page, endpoint, headers } = JSON.parse(line);
  return { page, env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers }, child, ended };
}

/** Starts a collector that prints what it has received. */
async function startCollector() {
  const spans = [];
  const collector = await startReceiver({ onSpans: (received) => spans.push(...received) });
  say(`An OpenTelemetry collector listens on ${collector.url}.`);
  return {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    close: () => {
      say("\nThe spans that the collector received:");
      say(spanTree(spans));
      return collector.close();
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "boruna-start-"));
const log = join(folder, "run.jsonl");
const server = await startServer();
const viewer = process.argv.includes("--view") ? await startView(folder) : undefined;
const collector = viewer === undefined ? await startCollector() : undefined;
const news = `http://127.0.0.1:${server.address().port}`;
say(`A stand-in news API and model listen on ${news}.`);
if (viewer !== undefined) say(`The viewer shows the run: ${viewer.page}`);

let failed = 0;
try {
  const run = ["run", "digest.ax", "--policy", "policy.jsonc", "--live", "--arg", `url=${news}/stories`, "--record", log];
  failed ||= await command(run, {
    ...(viewer ?? collector).env,
    BORUNA_LLM_URL: `${news}/v1`,
    BORUNA_LLM_MODEL: "local-summarizer",
  });
  await collector?.close();
  server.close();
  server.closeAllConnections();
  say("\nThe servers are gone. The log alone is enough for the rest:");
  failed ||= await command(["replay", log]);
  failed ||= await command(["verify", log]);
  if (viewer !== undefined) {
    say("\nThe viewer is open until Ctrl-C.");
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => viewer.child.kill());
    await viewer.ended;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed);
