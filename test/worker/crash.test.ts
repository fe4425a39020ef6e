/**
 * Workers that are killed and stopped while they execute runs, on a real PostgreSQL that is restarted. The full number of runs and kills is
 * under `npm run test:deep`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { type Client, createClient } from "../../worker/api.ts";
import { FULL as DEEP } from "../cases.ts";
import { environment, MAIN } from "../cli/boruna.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

const SIZE = DEEP
  ? { workers: 3, runs: 500, calls: 10, callMs: 100, kills: 30, stops: 10 }
  : { workers: 2, runs: 16, calls: 6, callMs: 20, kills: 2, stops: 1 };
const LEASE_MS = 1_000;

const PROGRAM = verifyModule(
  compile({
    name: "calls.ax",
    text: `fn main(server: String, id: String, calls: Int) -> Int !{net.fetch} {
    let mut length = 0
    for i in list.range(0, calls) {
        let url = f"{server}/{id}/{i}"
        length += string.len(if i % 2 == 0 { net.fetch(url) } else { net.fetch(url, "POST", "once") })
    }
    length
}
`,
  }).module,
);

interface Arrival {
  readonly path: string;
  readonly method: string;
  readonly at: number;
}

describe.skipIf(POSTGRES_BIN === undefined)("workers that die", () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-crash-"));
  let server: PostgresServer;
  let client: Client;
  let origin = "";
  const arrivals: Arrival[] = [];
  const answerTo = (path: string): string => `the answer to ${path}`;
  const web = createServer((request, response) => {
    const path = request.url ?? "";
    arrivals.push({ path, method: request.method ?? "", at: Date.now() });
    request.resume();
    setTimeout(() => response.end(answerTo(path)), SIZE.callMs);
  });
  /** The living worker processes, and what they wrote to stderr. */
  const workers = new Map<ChildProcess, string>();
  let notices = "";
  let isOver = false;

  const startWorker = async (): Promise<void> => {
    const child = spawn(process.execPath, [MAIN, "worker", "--lease-ms", String(LEASE_MS), "--queue", "default,worker=12", "--json"], {
      env: environment({ DATABASE_URL: server.url("boss") }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    workers.set(child, "");
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      notices += text;
    });
    child.once("exit", () => {
      workers.delete(child);
      if (!isOver) void startWorker();
    });
    const [line]: unknown[] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    const id = /"worker":"([^"]*)"/.exec(String(line))?.[1];
    if (id !== undefined) workers.set(child, id);
  };

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN, 100);
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const address = web.address();
    origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    await Promise.all(Array.from({ length: SIZE.workers }, startWorker));
    client = await createClient({ databaseUrl: server.url("boss") });
  });
  afterAll(async () => {
    isOver = true;
    for (const child of workers.keys()) child.kill("SIGKILL");
    await client?.close();
    web.closeAllConnections();
    web.close();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const policyText = (more: object): string =>
    JSON.stringify({
      rules: { "net.fetch": { allow: true } },
      net_policy: { allowed_domains: [new URL(origin).host], ...more },
    });
  const policyOf = (isIdempotent: boolean): ReturnType<typeof parsePolicy> =>
    parsePolicy(policyText(isIdempotent ? { idempotency_header: "Idempotency-Key" } : {}), { file: "policy.json", jsonc: false });

  /** Kills a worker, and restarts the database while a keeper is in the middle of reaping it. */
  const restartDuringReap = async (child: ChildProcess): Promise<void> => {
    const row = `SELECT 1 FROM boruna.workers WHERE id = '${workers.get(child)}' FOR UPDATE`;
    const holder = server.admin(`BEGIN; ${row}; SELECT pg_sleep(60)`).catch(() => undefined);
    while (
      (await server.admin("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'BEGIN;%pg_sleep(60)%' AND wait_event = 'PgSleep'")).length === 0
    )
      await sleep(20);
    child.kill("SIGKILL");
    const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE FROM boruna.workers%'`;
    // The restart matters, and that it falls into a reap usually: another worker may have reaped before the lock.
    for (let polls = 0; polls < 100 && (await server.admin(waits)).length === 0; polls++) await sleep(20);
    await server.restart("SIGQUIT");
    await holder;
  };

  test("every run ends as an undisturbed one, or in doubt; no call that may not be repeated arrives twice", async () => {
    const args = (id: string): Record<string, unknown> => ({ server: origin, id, calls: SIZE.calls });
    const runs: { readonly name: string; readonly isIdempotent: boolean; readonly id: string }[] = [];
    for (let i = 0; i < SIZE.runs; i++) {
      const isIdempotent = i % 2 === 1;
      const options = { policy: policyOf(isIdempotent), args: args(`run-${i}`), attempts: 100 };
      runs.push({ name: `run-${i}`, isIdempotent, id: (await client.submit(PROGRAM, options)).runId });
    }
    const living = (): readonly ChildProcess[] =>
      [...workers].flatMap(([child, id]) => (child.exitCode === null && id !== "" ? [child] : []));
    /** When workers went on after a stop. */
    const wentOnAt: number[] = [];
    const isDone = async (): Promise<boolean> =>
      (await server.admin("SELECT 1 FROM boruna.runs WHERE state IN ('queued', 'running') LIMIT 1")).length === 0;
    const victim = async (n: number): Promise<ChildProcess> => {
      for (;;) {
        const candidates = living();
        const child = candidates[n % candidates.length];
        if (child !== undefined && candidates.length === SIZE.workers) return child;
        await sleep(20);
      }
    };
    const pause = (): Promise<void> => sleep(DEEP ? 700 : 300);
    for (let n = 0; n < SIZE.kills + SIZE.stops; n++) {
      await pause();
      const child = await victim(n);
      if (n % 4 === 2) {
        child.kill("SIGSTOP");
        await sleep(2.5 * LEASE_MS);
        child.kill("SIGCONT");
        wentOnAt.push(Date.now());
      } else if (n === SIZE.kills / 2) await restartDuringReap(child);
      else child.kill("SIGKILL");
      if (DEEP && n === SIZE.kills) await server.restart("SIGINT");
    }
    while (!(await isDone())) await sleep(50);

    const outcomes = new Map<string, number>();
    for (const { id, name, isIdempotent } of runs) {
      const run = await client.show(id);
      outcomes.set(run.outcome ?? "", (outcomes.get(run.outcome ?? "") ?? 0) + 1);
      if (run.state === "in_doubt") {
        expect(isIdempotent).toBe(false);
        continue;
      }
      expect(run).toMatchObject({ state: "ended", outcome: "success" });
      const derived = join(folder, `${name}.jsonl`);
      const local = join(folder, `${name}-local.jsonl`);
      await client.log(id, derived);
      await execute(PROGRAM, {
        policy: policyOf(isIdempotent),
        live: true,
        args: args(name),
        runId: id,
        record: local,
        handlers: { "net.fetch": ([url]) => answerTo(new URL(String(url)).pathname) },
      });
      expect(readFileSync(derived, "utf8")).toBe(readFileSync(local, "utf8"));
    }
    const idempotent = new Set(runs.filter((run) => run.isIdempotent).map(({ name }) => name));
    const counts = new Map<string, number>();
    for (const { method, path } of arrivals) counts.set(`${method} ${path}`, (counts.get(`${method} ${path}`) ?? 0) + 1);
    const twice = [...counts].filter(([, count]) => count > 1).map(([call]) => call);
    expect(twice.filter((call) => call.startsWith("POST") && !idempotent.has(call.split("/")[1] ?? ""))).toEqual([]);

    // A stopped worker may send what it had begun when it goes on. No other call is made after its answer was kept.
    const kept = await server.admin("SELECT workflow_uuid, function_name, completed_at_epoch_ms AS at FROM boruna_dbos.operation_outputs");
    const nameOf = new Map(runs.map(({ id, name }) => [id, name]));
    const keptAt = new Map(
      kept.map((row) => [
        `/${nameOf.get(String(row["workflow_uuid"]))}/${Number.parseInt(String(row["function_name"]), 10) - 1}`,
        Number(row["at"]),
      ]),
    );
    const afterStop = (at: number): boolean => wentOnAt.some((time) => at >= time && at < time + 2_000);
    const again = arrivals.filter(({ path, at }) => at > (keptAt.get(path) ?? Number.POSITIVE_INFINITY) && !afterStop(at));
    expect(again).toEqual([]);
    expect(await server.admin("SELECT workflow_uuid FROM boruna_dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')")).toEqual([]);
    expect(notices.split("\n").filter((line) => /warn|deprecat|dbos/i.test(line))).toEqual([]);
    if (DEEP)
      if (DEEP)
        process.stderr.write(`crash: ${JSON.stringify({ outcomes: [...outcomes], twice: twice.length, arrivals: arrivals.length })}\n`);
  });
});
