/** What becomes of a run whose worker dies. The tests use real processes, signals and a real database. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import type { Client } from "../../worker/api.ts";
import { createClient } from "../../worker/create-client.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { Fleet, strandedRuns } from "./fleet.ts";
import { DEEP } from "../cases.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

/** On a busy machine, a worker may lose its lease. So the tests check that calls are not repeated, not how often workers change. */
const LEASE_MS = 2_000;

/** A module with a capability that appends a line to a file and kills its own process. */
const KILLER = `import { appendFileSync } from "node:fs";
const handler = () => {
  appendFileSync(process.env.KILLS, "killed\\n");
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
};
export const capabilities = [{ name: "host.kill", version: "1", params: [], result: "Int", mayRepeat: true, handler }];
`;
const registry = createRegistry([{ name: "host.kill", version: "1", params: [], result: "Int", mayRepeat: true, handler: () => 0 }]);
const programOf = (text: string): ReturnType<typeof verifyModule> =>
  verifyModule(compile({ name: "lost.ax", text }, { registry }).module, registry);
const FETCHES = programOf(`fn main(server: String, name: String) -> String !{net.fetch} {
    net.fetch(f"{server}/{name}/1") ++ net.fetch(f"{server}/{name}/2", "POST", "once") ++ net.fetch(f"{server}/{name}/3")
}
`);
const KILLS = programOf("fn main() -> Int !{host.kill} { host.kill() }\n");

describe.skipIf(POSTGRES_BIN === undefined)("a run whose worker dies", () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-lost-"));
  const killsFile = join(folder, "kills");
  let server: PostgresServer;
  let fleet: Fleet;
  let client: Client;
  let origin = "";
  const requests: string[] = [];
  /** The responses to paths that end in `/3`. They are not answered until the test calls `release`. */
  const held: ServerResponse[] = [];
  let isHolding = true;
  const web = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    if (isHolding && request.url?.endsWith("/3") === true) held.push(response);
    else response.end("x");
  });
  const release = (): void => {
    isHolding = false;
    for (const response of held.splice(0)) response.end("x");
  };

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN, 100);
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const address = web.address();
    origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const capabilities = join(folder, "killer.mjs");
    writeFileSync(capabilities, KILLER);
    appendFileSync(killsFile, "");
    fleet = new Fleet({ server, size: 2, leaseMs: LEASE_MS, args: ["--capabilities", capabilities], env: { KILLS: killsFile } });
    await fleet.start();
    client = await createClient({ databaseUrl: server.url("boss") });
  });
  afterAll(async () => {
    fleet?.stop();
    await client?.close();
    web.closeAllConnections();
    web.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    isHolding = true;
  });

  const submit = async (name: string): Promise<string> => {
    const text = JSON.stringify({ rules: { "net.fetch": { allow: true } }, net_policy: { allowed_domains: [new URL(origin).host] } });
    const policy = parsePolicy(text, { file: "policy.json", jsonc: false });
    return (await client.submit(FETCHES, { policy, args: { server: origin, name }, attempts: 100 })).runId;
  };
  const requestsOf = (name: string): readonly string[] => requests.filter((request) => request.includes(`/${name}/`));
  const isHeld = async (name: string, times = 1): Promise<void> => {
    while (requests.filter((request) => request === `GET /${name}/3`).length < times) await sleep(20);
  };

  test("goes on in another worker after its stored answers", async () => {
    const id = await submit("goes-on");
    await isHeld("goes-on");
    expect(await fleet.kill(await fleet.workerOf(id))).toContain(id);
    await isHeld("goes-on", 2);
    release();
    expect(await client.watch(id)).toMatchObject({ state: "ended", outcome: "success", result: { value: "xxx" } });
    expect((await client.show(id)).attempts).toBeGreaterThan(1);
    expect(requestsOf("goes-on").slice(0, 3)).toEqual(["GET /goes-on/1", "POST /goes-on/2", "GET /goes-on/3"]);
    expect(new Set(requestsOf("goes-on").slice(3))).toEqual(new Set(["GET /goes-on/3"]));
  });

  test.runIf(DEEP)("stays canceled if it was canceled before", async () => {
    const id = await submit("canceled");
    await isHeld("canceled");
    const child = await fleet.workerOf(id);
    // The stopped worker cannot notice the cancellation.
    child.kill("SIGSTOP");
    expect(await client.cancel(id)).toMatchObject({ state: "running", isCanceled: true });
    const before = requestsOf("canceled");
    expect(await fleet.kill(child)).toContain(id);
    expect(await client.watch(id)).toMatchObject({ state: "ended", outcome: "canceled", isCanceled: true });
    expect((await client.show(id)).attempts).toBeGreaterThan(1);
    expect(requestsOf("canceled")).toEqual(before);
    release();
    // The worker that replaced the killed one executes other runs. The canceled run does not change any more.
    expect(await client.watch(await submit("after"))).toMatchObject({ outcome: "success" });
    expect(await client.show(id)).toMatchObject({ state: "ended", outcome: "canceled" });
  });

  test.runIf(DEEP)("ends after its attempts if it kills its workers, and the others go on", async () => {
    const other = await submit("other");
    await isHeld("other");
    const { runId: id } = await client.submit(KILLS, { policy: "allow-all", attempts: 3 });
    expect(await client.watch(id)).toMatchObject({
      state: "ended",
      outcome: "fatal",
      attempts: 4,
      result: { error: { kind: "worker_lost", message: "the worker of the run died 3 times" } },
    });
    expect(readFileSync(killsFile, "utf8")).toMatch(/^(killed\n){1,3}$/);
    release();
    expect(await client.watch(other)).toMatchObject({ outcome: "success" });
    expect(requestsOf("other").filter((request) => request.startsWith("POST"))).toHaveLength(1);
  });

  test.runIf(DEEP)("goes on if the database restarts during the reap", async () => {
    const id = await submit("reaped");
    await isHeld("reaped");
    let isDuringReap = false;
    while (!isDuringReap) isDuringReap = await fleet.restartDuringReap(await fleet.workerOf(id));
    release();
    expect(await client.watch(id)).toMatchObject({ outcome: "success", result: { value: "xxx" } });
    expect((await client.show(id)).attempts).toBeGreaterThan(1);
    expect(requestsOf("reaped").slice(0, 3)).toEqual(["GET /reaped/1", "POST /reaped/2", "GET /reaped/3"]);
    expect(new Set(requestsOf("reaped").slice(3))).toEqual(new Set(["GET /reaped/3"]));
  });

  test("leaves nothing behind: no unfinished run, and no workflow whose worker has no lease", async () => {
    expect(await strandedRuns(server)).toEqual([]);
  });
});
