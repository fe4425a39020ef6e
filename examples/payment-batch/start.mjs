// A batch of payments survives its process: `boruna run` is killed after nine of twenty payments, `boruna resume` makes the rest.
// The bank knows each payment by its idempotency key, so the one that was under way is not made twice.
//
//   node examples/payment-batch/start.mjs
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const boruna = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);

const PAYMENTS = Array.from({ length: 20 }, (_, i) => ({ id: `p${i + 1}`, cents: 100 + i }));

/** A bank: makes a payment once for each key, and answers a repeated request as it answered the first one. */
const receipts = new Map();
let requests = 0;
let onRequest = () => undefined;
const bank = createServer((request, response) => {
  request.resume().once("end", () => {
    requests += 1;
    const key = request.headers["idempotency-key"];
    if (!receipts.has(key)) receipts.set(key, `receipt for ${request.url}`);
    onRequest();
    response.end(receipts.get(key));
  });
});
await new Promise((resolve) => bank.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${bank.address().port}`;

const folder = mkdtempSync(join(tmpdir(), "boruna-payments-"));
const log = join(folder, "run.jsonl");

/** Runs a command and prints what it prints. Resolves to its exit code, or to its signal. `onStart` gets the process. */
function command(args, onStart = () => undefined) {
  const child = spawn(process.execPath, [boruna, ...args], { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
  onStart(child);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
}

try {
  const run = ["run", "pay.ax", "--policy", "policy.json", "--live", "--record", log];
  const args = ["--arg", `bank=${url}`, "--arg", `payments=${JSON.stringify(PAYMENTS)}`];
  const ended = await command([...run, ...args], (child) => {
    onRequest = () => requests === 10 && child.kill("SIGKILL");
  });
  onRequest = () => undefined;
  say(`The run ended with ${ended}. The bank has made ${receipts.size} payments; the program did not learn of the last one.`);
  const code = await command(["resume", log, "--policy", "policy.json"]);
  say(`The resumed run ended with ${code}. The bank has made ${receipts.size} payments, in ${requests} requests.`);
  process.exitCode = code === 0 && receipts.size === PAYMENTS.length ? 0 : 1;
} finally {
  bank.close();
  bank.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
