/** Runs `examples/tenant-pool`, a service for programs of several tenants, as a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EXAMPLES } from "../cli/boruna.ts";

const folder = `${EXAMPLES}tenant-pool/`;
const REPORT = readFileSync(`${folder}report.ax`, "utf8");
const SPIN = "fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }";

test("examples/tenant-pool: tenants see their own orders; what one of them computes stops nobody", async () => {
  const service = spawn(process.execPath, ["server.mjs"], { cwd: folder, env: { PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(service, "close");
  const [line]: unknown[] = await once(service.stdout, "data");
  const url = /http:\S+/.exec(String(line))?.[0] ?? "";
  const send = async (tenant: string, body: string): Promise<readonly [number, unknown]> => {
    const response = await fetch(url, { method: "POST", headers: { "x-tenant": tenant }, body });
    return [response.status, await response.json()];
  };

  const spinning = Array.from({ length: 8 }, () => send("eve", SPIN));
  const steps = expect.any(Number);
  expect(await Promise.all([send("ada", REPORT), send("bob", REPORT), send("carl", REPORT)])).toEqual([
    [200, { outcome: "success", value: { orders: 3, cents: 5_349 }, steps }],
    [200, { outcome: "success", value: { orders: 1, cents: 300 }, steps }],
    [200, { outcome: "success", value: { orders: 0, cents: 0 }, steps }],
  ]);
  expect(await send("eve", "fn main() -> Int { 1 ")).toEqual([400, { error: expect.stringContaining("program.ax:1:") }]);
  // A program cannot import the files of the service.
  expect(await send("eve", 'import "./policy.json"\nfn main() -> Int { 1 }')).toEqual([
    400,
    { error: expect.stringContaining("cannot find `./policy.json`") },
  ]);
  const many = "fn main() -> Int !{orders.list} { for _ in list.range(0, 11) { let _ = orders.list() }\n 1 }";
  expect(await send("eve", many)).toMatchObject([200, { outcome: "budget_exceeded" }]);
  expect(await Promise.all(spinning)).toMatchObject(spinning.map(() => [200, { outcome: "limit_exceeded" }]));
  const stats: unknown = await (await fetch(new URL("/stats", url))).json();
  expect(stats).toMatchObject({ queued: 0, running: 0, workers: 2, workersLost: 0 });
  service.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});
