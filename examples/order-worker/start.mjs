// A worker is killed in the middle of a run, and another one goes on after the last answer that was kept. Needs a PostgreSQL database:
//
//   DATABASE_URL=postgres://user:password@localhost/boruna node start.mjs
//
// In production, the workers are processes of their own on any machine: boruna worker --capabilities shop.mjs
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { compile, createClient, createRegistry, loadPolicy, verifyModule } from "boruna";
import { capabilities } from "./shop.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const boruna = join(dirname(fileURLToPath(import.meta.resolve("boruna"))), "bin", "boruna.js");
const ledger = join(mkdtempSync(join(tmpdir(), "order-worker-")), "ledger.txt");
const say = (line) => process.stdout.write(`${line}\n`);

/** Starts a worker, and resolves to its process when it takes runs. */
async function startWorker(env = {}) {
  const args = [boruna, "worker", "--capabilities", "shop.mjs", "--lease-ms", "1000"];
  const options = { cwd: folder, env: { ...process.env, LEDGER: ledger, ...env }, stdio: ["ignore", "pipe", "inherit"] };
  const worker = spawn(process.execPath, args, options);
  await once(worker.stdout, "data");
  return worker;
}

// The first worker takes very long to pack, so that it is killed during this call.
const first = await startWorker({ PACK_MS: "600000" });
const registry = createRegistry(capabilities);
const client = await createClient({ databaseUrl: process.env.DATABASE_URL });
const source = { name: "order.ax", text: readFileSync(join(folder, "order.ax"), "utf8") };
const program = verifyModule(compile(source, { registry }).module, registry);
const policy = loadPolicy(join(folder, "policy.json"), registry);
const order = `order-${Date.now()}`;
// The key makes it safe to submit again: a second submit returns the first run.
const { runId } = await client.submit(program, { policy, args: { order, cents: 4200 }, key: order });
say(`submitted ${order}`);

const lines = () => (existsSync(ledger) ? readFileSync(ledger, "utf8").split("\n").filter(Boolean) : []);
while (!lines().some((line) => line.startsWith("pack"))) await sleep(50);
first.kill("SIGKILL");
await once(first, "exit");
say("killed the worker while it packed");

const second = await startWorker({ PACK_MS: "1" });
const { outcome, attempts, result } = await client.watch(runId);
say(`${outcome} after ${attempts} attempts: ${result.value}`);
for (const line of lines()) say(`  ${line}`);
await client.close();
second.kill("SIGTERM");
await once(second, "exit");
