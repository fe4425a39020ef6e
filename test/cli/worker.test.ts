/** `boruna worker`, `submit` and `runs` as a user sees them: real processes on a real PostgreSQL. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { lastMetrics } from "../telemetry/collected-metrics.ts";
import { type Collector, startCollector } from "../telemetry/collector.ts";
import { boruna, type Ended, environment, MAIN } from "./boruna.ts";
import { until } from "../until.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.skipIf(POSTGRES_BIN === undefined)("boruna worker", () => {
  const folder = temporaryFolder();
  let server: PostgresServer;
  let collector: Collector;
  let worker: ChildProcess;
  let health = "";
  let stderr = "";
  const requests: string[] = [];
  let release = (): void => undefined;
  const web = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url === "/slow") release = () => response.end("slow");
    else response.end("fine");
  });
  let origin = "";
  const runHere = (...args: readonly string[]): Promise<Ended> =>
    boruna(args, { cwd: folder, env: { DATABASE_URL: server.url("boss"), USER: "ada" } });
  /** Runs a command that must print nothing on stderr, where a warning of a package would be. */
  const runQuietly = async (...args: readonly string[]): Promise<Ended> => {
    const ended = await runHere(...args);
    expect(ended.stderr).toBe("");
    return ended;
  };
  /** What `runs watch` prints to stderr: each state that it sees. */
  const STATES: unknown = expect.stringMatching(/^((queued|running|suspended|ended)\n)+$/);
  const json = async (...args: readonly string[]): Promise<unknown> => JSON.parse((await runQuietly(...args, "--json")).stdout);

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    collector = await startCollector();
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const address = web.address();
    const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    origin = `http://${host}`;
    writeFileSync(
      join(folder, "call.ax"),
      'fn main(url: String, method: String) -> String !{net.fetch} {\n    net.fetch(url, method, "")\n}\n',
    );
    const approval = { required: true, where: { method: { in: ["DELETE"] } } };
    const policy = { rules: { "net.fetch": { allow: true, approval } }, net_policy: { allowed_domains: [host] } };
    writeFileSync(join(folder, "policy.json"), JSON.stringify(policy));
  });
  afterAll(async () => {
    worker?.kill("SIGKILL");
    web.closeAllConnections();
    web.close();
    await collector?.close();
    await server?.stop();
  });

  const submit = async (path: string, method: string): Promise<string> => {
    const args = ["--policy", "policy.json", "--arg", `url=${origin}${path}`, "--arg", `method=${method}`];
    return (await runQuietly("submit", "call.ax", ...args)).stdout.trim();
  };

  test("says what is missing: the address, the tables", async () => {
    expect(await boruna(["submit", "call.ax"], { cwd: folder })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("which database?"),
    });
    expect(await runHere("runs", "list")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no worker has used this database yet"),
    });
    expect(await runHere("worker", "--queue", "a b")).toMatchObject({ code: 2, stderr: expect.stringContaining("--queue a b") });
  });

  test("executes what is submitted; runs watch, show, list and log", async () => {
    worker = spawn(process.execPath, [MAIN, "worker", "--json", "--health", "127.0.0.1:0"], {
      cwd: folder,
      env: environment({ DATABASE_URL: server.url("boss"), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    worker.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [line]: unknown[] = worker.stdout === null ? [] : await once(worker.stdout, "data");
    health = /"health":"([^"]*)"/.exec(String(line))?.[1] ?? "";
    expect((await fetch(`${health}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${health}/healthz`)).json()).toMatchObject({ alive: true, ready: true, active_runs: 0 });
    const id = await submit("/one", "GET");
    expect(await runHere("runs", "watch", id)).toMatchObject({ code: 0, stdout: expect.stringContaining('value: "fine"'), stderr: STATES });
    expect(await json("runs", "show", id)).toMatchObject({ run_id: id, state: "ended", outcome: "success", result: { value: "fine" } });
    expect(await json("runs", "list", "--count", "1")).toMatchObject({ runs: [{ run_id: id }] });
    expect((await runQuietly("runs", "list")).stdout).toContain(id);
    expect(await runHere("runs", "log", id, "-o", "run.jsonl")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^recorded: run\.jsonl \(head [0-9a-f]{64}\)\n$/),
    });
    expect((await runHere("verify", "run.jsonl", "--replay")).code).toBe(0);
    expect(await runHere("runs", "show", "unknown")).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no run unknown") });
  });

  test("approve takes the id of a run", async () => {
    const id = await submit("/one", "DELETE");
    expect(await runHere("runs", "watch", id)).toMatchObject({ code: 7, stderr: STATES });
    expect(await runHere("approve", id)).toMatchObject({ code: 2, stderr: expect.stringContaining("call 1 of net.fetch") });
    expect(await runQuietly("approve", id, "--call", "1", "--by", "ada")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("approved by ada"),
    });
    expect(await runHere("runs", "watch", id)).toMatchObject({ code: 0, stderr: STATES });
    expect(requests.filter((request) => request.startsWith("DELETE"))).toEqual(["DELETE /one"]);
  });

  test("cancel and resume say what they did, and only that", async () => {
    const id = (
      await runQuietly("submit", "call.ax", "--policy", "policy.json", "--arg", "url=x", "--arg", "method=GET", "--queue", "nobody")
    ).stdout.trim();
    expect(await runQuietly("runs", "cancel", id)).toMatchObject({ code: 0 });
    expect(await json("runs", "show", id)).toMatchObject({ state: "ended", outcome: "canceled" });
    expect(await runHere("runs", "resume", id, "--in-doubt", "retry")).toMatchObject({
      code: 2,
      stderr: `error: run ${id} (ended, canceled) is not to be decided: no call of it is in doubt\n  help: Nothing was changed.\n`,
    });
  });

  test("the client of the API writes nothing to stderr", async () => {
    const script = `import { createClient } from ${JSON.stringify(pathToFileURL(join(MAIN, "..", "..", "index.js")).href)};
      const client = await createClient({ databaseUrl: process.env.DATABASE_URL });
      console.log((await client.list({ limit: 1 })).length);
      await client.close();`;
    writeFileSync(join(folder, "client.mjs"), script);
    const child = spawn(process.execPath, [join(folder, "client.mjs")], { env: environment({ DATABASE_URL: server.url("boss") }) });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child, "close");
    expect(output).toBe("1\n");
  });

  test("SIGTERM lets runs go on to their end, and the worker says nothing else", async () => {
    const id = await submit("/slow", "GET");
    await until(() => requests.includes("GET /slow"));
    worker.kill("SIGTERM");
    await until(() => stderr.includes("drains"));
    expect((await fetch(`${health}/readyz`)).status).toBe(503);
    release();
    expect(await once(worker, "exit")).toEqual([0, null]);
    expect(await json("runs", "show", id)).toMatchObject({ outcome: "success", attempts: 1, result: { value: "slow" } });
    // A busy machine may lose contact for a moment.
    expect(stderr.replaceAll(/^(lost|in) contact .*\n/gm, "")).toBe(
      "drains: 1 run ends at its next call; calls in flight have up to 30 s\ndrained: no run is left\n",
    );
  });

  test("the collector has what the worker counted", () => {
    const counts = lastMetrics(collector).filter(({ metric }) => metric.startsWith("boruna.worker."));
    expect(counts.map(({ metric, attributes, count }) => `${metric} ${Object.values(attributes).join(" ")} ${count}`).toSorted()).toEqual([
      "boruna.worker.active default 0",
      "boruna.worker.claimed default again 1",
      "boruna.worker.claimed default first 3",
      "boruna.worker.ended default success 3",
      "boruna.worker.ended default suspended 1",
    ]);
    expect(counts[0]?.resource["service.name"]).toBe("boruna-worker");
  });
});
