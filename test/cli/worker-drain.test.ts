/** What a worker does at SIGTERM: no call begins, runs go on elsewhere, and only calls in flight are waited for. On a real PostgreSQL. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { temporaryFolder } from "../after-file.ts";
import { boruna, type Ended, environment, MAIN } from "./boruna.ts";
import { DEEP } from "../cases.ts";
import { until } from "../until.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

interface WorkerProcess {
  readonly child: ChildProcess;
  readonly stderr: () => string;
}

describe.skipIf(POSTGRES_BIN === undefined)("a worker that drains", () => {
  const folder = temporaryFolder();
  let server: PostgresServer;
  let origin = "";
  const requests: string[] = [];
  /** The requests that wait for their answer, by path. */
  const waitingResponses = new Map<string, ServerResponse>();
  const web = createServer((request, response) => {
    request.resume();
    requests.push(request.url ?? "");
    if (request.url?.startsWith("/held") === true) waitingResponses.set(request.url, response);
    else response.end("fine");
  });
  const workers: ChildProcess[] = [];
  const env = (): Record<string, string> => ({ DATABASE_URL: server.url("boss") });
  const runHere = (...args: readonly string[]): Promise<Ended> => boruna(args, { cwd: folder, env: env() });
  const showRun = async (id: string): Promise<unknown> => JSON.parse((await runHere("runs", "show", id, "--json")).stdout);

  const startWorker = async (...args: readonly string[]): Promise<WorkerProcess> => {
    const child = spawn(process.execPath, [MAIN, "worker", ...args], { env: environment(env()), stdio: ["ignore", "pipe", "pipe"] });
    workers.push(child);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    await once(child.stdout, "data");
    return { child, stderr: () => stderr };
  };
  /** Sends SIGTERM and waits until the worker drains. */
  const drain = async ({ child, stderr }: WorkerProcess): Promise<void> => {
    child.kill("SIGTERM");
    await until(() => stderr().includes("drains: "));
  };
  const submit = async (text: string): Promise<string> => {
    writeFileSync(
      join(folder, "calls.ax"),
      `fn post(url: String) -> Int !{net.fetch} { string.len(net.fetch(url, "POST", "")) }\n${text}\n`,
    );
    return (
      await runHere("submit", "calls.ax", "--policy", "policy.json", "--arg", `at=${origin}`, "--max-steps", "9000000000")
    ).stdout.trim();
  };

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const address = web.address();
    const host = `127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    origin = `http://${host}`;
    const policy = { rules: { "net.fetch": { allow: true } }, net_policy: { allowed_domains: [host] } };
    writeFileSync(join(folder, "policy.json"), JSON.stringify(policy));
  });
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.kill("SIGKILL");
    requests.length = 0;
    waitingResponses.clear();
  });
  afterAll(async () => {
    web.closeAllConnections();
    web.close();
    await server?.stop();
  });

  test("begins no call, keeps the answers of those in flight, and gives the run to another worker at once", async () => {
    const first = await startWorker();
    const id = await submit(`fn main(at: String) -> Int !{net.fetch} {
  let (two, one) = par { post(at ++ "/held-1") + post(at ++ "/next"), post(at ++ "/held-2") }
  two + one
}`);
    await until(() => waitingResponses.size === 2);
    await drain(first);
    waitingResponses.get("/held-1")?.end("one");
    waitingResponses.get("/held-2")?.end("two");
    expect(await once(first.child, "exit")).toEqual([0, null]);
    expect(first.stderr()).toBe(
      "drains: 1 run ends at its next call; calls in flight have up to 30 s\ndrained: 1 run handed over at its next call\n",
    );
    expect(await showRun(id)).toMatchObject({ state: "queued", outcome: null, result: null });
    const [row] = await server.admin(`SELECT status, queue_name FROM boruna_dbos.workflow_status WHERE workflow_uuid = '${id}'`);
    expect(row).toEqual({ status: "ENQUEUED", queue_name: "default" });
    expect(requests.toSorted()).toEqual(["/held-1", "/held-2"]);
    await startWorker();
    expect((await runHere("runs", "watch", id)).code).toBe(0);
    expect(await showRun(id)).toMatchObject({ outcome: "success", attempts: 1, result: { value: 3 + 3 + 4 } });
    expect(requests.toSorted()).toEqual(["/held-1", "/held-2", "/next"]);
  });

  test.runIf(DEEP)(
    "stops the runs that reach no call before the drain ends; then only a call that must not be repeated is in doubt",
    async () => {
      const first = await startWorker("--drain-ms", "0");
      const posts = await submit('fn main(at: String) -> Int !{net.fetch} { post(at ++ "/held") }');
      const computes = await submit(`fn main(at: String) -> Int !{net.fetch} {
  let mut n = string.len(net.fetch(at ++ "/begun"))
  while n >= 0 { n = (n + 1) % 7 }
  n
}`);
      await until(() => waitingResponses.size === 1 && requests.includes("/begun"));
      await drain(first);
      expect(await once(first.child, "exit")).toEqual([0, null]);
      expect(first.stderr()).toContain("drained: 2 runs cut off");
      expect([await showRun(posts), await showRun(computes)]).toMatchObject([{ state: "queued" }, { state: "queued" }]);
      await startWorker();
      expect((await runHere("runs", "watch", posts)).code).toBe(8);
      const { stdout } = await runHere("runs", "show", posts);
      expect(stdout).toContain(`call 1 of net.fetch "${origin}/held" (`);
      expect(stdout).toContain("at calls.ax:1:");
      expect(stdout).toContain(`boruna runs log ${posts} and boruna log show ${posts}.jsonl --call 1 show all of it`);
      expect((await runHere("runs", "log", posts)).code).toBe(0);
      expect((await runHere("log", "show", `${posts}.jsonl`, "--call", "1")).stdout).toContain("/held");
      expect((await runHere("runs", "resume", posts, "--in-doubt", "fail")).code).toBe(0);
      expect(await runHere("runs", "watch", posts)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(
          /error: the answer to call 1 of net\.fetch was lost, and nobody knows whether it was carried out at calls\.ax:1:\d+/,
        ),
      });
      expect(await runHere("runs", "cancel", posts)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`run ${posts} had ended (runtime_error) before it could be canceled`),
      });
      expect(await showRun(posts)).toMatchObject({ cancel_requested: false });
      expect(await runHere("runs", "cancel", computes)).toMatchObject({ code: 0 });
      expect(requests.toSorted()).toEqual(["/begun", "/held"]);
    },
  );

  test("ends at once at a second SIGTERM, with the exit code of the signal", async () => {
    const worker = await startWorker();
    await submit('fn main(at: String) -> Int !{net.fetch} { post(at ++ "/held") }');
    await until(() => waitingResponses.size === 1);
    await drain(worker);
    worker.child.kill("SIGTERM");
    expect(await once(worker.child, "exit")).toEqual([143, null]);
  });
});
