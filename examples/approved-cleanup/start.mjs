// A program that deletes customers, and waits for a person before each deletion. Nobody is at a terminal here: the run is suspended,
// `boruna approve` decides, and `boruna resume` goes on, each in a process of its own. The first deletion is approved, the second refused.
//
//   node examples/approved-cleanup/start.mjs
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const boruna = fileURLToPath(new URL("../../dist/bin/boruna.js", import.meta.url));
const say = (text) => process.stdout.write(`${text}\n`);

const customers = new Set(["ada", "bob"]);
const shop = createServer((request, response) => {
  const name = request.url.split("/").at(-1);
  if (request.method === "DELETE") customers.delete(name);
  response.end(request.url === "/inactive" ? [...customers].join("\n") : "deleted");
});
await new Promise((resolve) => shop.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${shop.address().port}`;
const folder = mkdtempSync(join(tmpdir(), "boruna-cleanup-"));
const log = join(folder, "run.jsonl");

/** Runs a command and prints what it prints. Resolves to its exit code. */
function command(...args) {
  say(`$ boruna ${args[0]}`);
  const child = spawn(process.execPath, [boruna, ...args], { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      say(`(exit code ${code}; customers: ${[...customers].join(", ")})\n`);
      resolve(code);
    });
  });
}

try {
  await command("run", "cleanup.ax", "--policy", "policy.json", "--live", "--record", log, "--arg", `shop=${url}`);
  await command("approve", log, "--call", "2", "--by", "carol");
  await command("resume", log);
  await command("approve", log, "--call", "3", "--by", "carol", "--deny");
  const code = await command("resume", log);
  process.exitCode = code === 3 && [...customers].join() === "bob" ? 0 : 1;
} finally {
  shop.close();
  shop.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}
