/** What the worker relies on in its workflow engine (`worker/engine.ts`, built on DBOS). Run these tests for every new version of DBOS. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool } from "../../worker/database.ts";
import { type Engine, type EngineClient, launchEngine, openEngineClient, type RunStep } from "../../worker/engine.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { childScript } from "../child-script.ts";
import { until } from "../until.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.skipIf(POSTGRES_BIN === undefined)("the engine", () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-engine-"));
  let server: PostgresServer;
  let databaseUrl = "";
  let pool: Pool;
  let engine: Engine;
  let client: EngineClient;
  const notices: string[] = [];
  /** The body of each workflow, by the workflow's id. */
  const bodies = new Map<string, (step: RunStep) => Promise<string>>();
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    databaseUrl = server.url("boss");
    pool = openPool(databaseUrl, 10);
    const queues = ["here", "tenants"].map((name) => ({
      name,
      perWorker: 20,
      perTenant: name === "tenants" ? 1 : undefined,
      tenantRate: undefined,
    }));
    engine = await launchEngine({
      pool,
      databaseUrl,
      executor: "here",
      queues,
      run: async (id, step) => (await bodies.get(id)?.(step)) ?? "no body",
      onNotice: (line) => void notices.push(line),
    });
    client = await openEngineClient(databaseUrl, pool);
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await client?.close();
    await engine?.stop(0);
    await pool?.end();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    notices.length = 0;
  });

  const enqueue = async (id: string, queue = "here", tenant = "default"): Promise<void> => {
    const transaction = await pool.connect();
    await transaction.query("BEGIN");
    await client.enqueue(transaction, { id, queue, tenant });
    await transaction.query("COMMIT");
    transaction.release();
  };
  const outputOf = async (id: string): Promise<{ status: unknown; output: unknown }> => {
    const [row = {}] = await server.admin(
      `SELECT s.status, o.output FROM boruna_dbos.workflow_status s LEFT JOIN boruna_dbos.workflow_output o USING (workflow_uuid)
       WHERE workflow_uuid = '${id}'`,
    );
    return { status: row["status"], output: row["output"] };
  };
  const ended = (id: string): Promise<void> => until(async () => (await client.ended([id])).length === 1);
  const begin = async (id: string, body: (step: RunStep) => Promise<string>): Promise<void> => {
    bodies.set(id, body);
    await enqueue(id);
  };

  test("replay: a workflow that is executed again gets its stored steps, failures and NUL included, and makes none again", async () => {
    const made: string[] = [];
    const texts = ["one", '{"failure":"no \\u0000"}', "x".repeat(100_000)];
    let results: string[] = [];
    await begin("replay", async (step) => {
      results = [];
      for (const [i, text] of texts.entries())
        results.push(
          await step(`${i} step`, async () => {
            made.push(text);
            return text;
          }),
        );
      return "done";
    });
    await ended("replay");
    await client.rewind({ id: "replay", queue: "here", tenant: "default" });
    results = [];
    await until(() => results.length === 3);
    await ended("replay");
    expect(results).toEqual(texts);
    expect(made).toEqual(texts);
    expect((await client.steps("replay")).map(({ name }) => name)).toEqual(["0 step", "1 step", "2 step"]);
  });

  test("overlap: of eight steps that ended in reverse order, only the two whose results were deleted are made again", async () => {
    const made: number[] = [];
    let runs = 0;
    await begin("overlap", async (step) => {
      runs += 1;
      const gates = Array.from({ length: 8 }, () => gate());
      const steps = gates.map(({ promise }, i) =>
        step(`${i} step`, async () => {
          await promise;
          made.push(i);
          return String(i);
        }),
      );
      for (const { resolve } of gates.toReversed()) {
        resolve();
        await sleep(0);
      }
      return (await Promise.all(steps)).join();
    });
    await ended("overlap");
    expect(made.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    made.length = 0;
    await server.admin(
      "DELETE FROM boruna_dbos.operation_outputs WHERE workflow_uuid = 'overlap' AND function_name IN ('2 step', '5 step')",
    );
    await client.rewind({ id: "overlap", queue: "here", tenant: "default" });
    await until(() => runs === 2);
    await ended("overlap");
    expect(made.toSorted((a, b) => a - b)).toEqual([2, 5]);
    expect(await outputOf("overlap")).toMatchObject({ status: "SUCCESS", output: expect.stringContaining("0,1,2,3,4,5,6,7") });
  });

  test("suspend: a workflow may end while a step has no result, and is later executed again with its stored steps", async () => {
    const made: string[] = [];
    const given: { answer: string | undefined } = { answer: undefined };
    await begin("suspend", async (step) => {
      const first = step("1 first", async () => {
        if (given.answer === undefined) return new Promise<string>(() => undefined);
        made.push("first");
        return given.answer;
      });
      const second = await step("2 second", async () => {
        made.push("second");
        return "second";
      });
      if (given.answer === undefined) return "suspended";
      return `${await first} ${second}`;
    });
    await ended("suspend");
    expect(await outputOf("suspend")).toMatchObject({ output: expect.stringContaining("suspended") });
    given.answer = "answered";
    await client.rewind({ id: "suspend", queue: "here", tenant: "default" });
    await until(async () => String((await outputOf("suspend")).output).includes("answered second"));
    expect(made).toEqual(["second", "first"]);
  });

  test("a step with another name than the stored one is an error of the engine, not a result", async () => {
    let name = "1 first";
    const failures: string[] = [];
    await begin("names", async (step) => {
      try {
        await step(name, async () => "text");
      } catch (error) {
        failures.push(error instanceof Error ? error.constructor.name : "?");
        throw error;
      }
      return "done";
    });
    await ended("names");
    name = "1 other";
    await client.rewind({ id: "names", queue: "here", tenant: "default" });
    await until(() => failures.length === 1);
    await ended("names");
    expect(failures).toEqual(["DBOSUnexpectedStepError"]);
    expect((await outputOf("names")).status).toBe("ERROR");
  });

  test("cancel: requeueing does nothing to a workflow that has ended", async () => {
    await begin("canceled", async () => "ended");
    await ended("canceled");
    await engine.requeue(["canceled"], "here");
    expect((await outputOf("canceled")).status).toBe("SUCCESS");
  });

  test("tenants: a limit for each tenant holds, and tenants do not wait for each other", async () => {
    const running = new Map<string, number>();
    let most = 0;
    const open = gate();
    for (const id of ["t1 a", "t1 b", "t1 c", "t2 a"])
      bodies.set(id, async () => {
        const tenant = id.slice(0, 2);
        running.set(tenant, (running.get(tenant) ?? 0) + 1);
        most = Math.max(most, ...running.values());
        if (running.size === 2) open.resolve();
        await open.promise;
        running.set(tenant, (running.get(tenant) ?? 0) - 1);
        return "done";
      });
    for (const id of ["t1 a", "t1 b", "t1 c", "t2 a"]) await enqueue(id, "tenants", id.slice(0, 2));
    for (const id of ["t1 a", "t1 b", "t1 c", "t2 a"]) await ended(id);
    expect(most).toBe(1);
  });

  const startOther = async (executor: string): Promise<{ child: ChildProcess; lines: () => readonly string[]; file: string }> => {
    const file = join(folder, executor);
    writeFileSync(file, "");
    const child = spawn(process.execPath, [await childScript(new URL("engine-process.ts", import.meta.url)), databaseUrl, executor, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    if (child.stdout !== null) await once(child.stdout, "data");
    return { child, lines: () => readFileSync(file, "utf8").split("\n").slice(0, -1), file };
  };
  const goOnHere = (id: string, made: string[]): void => {
    bodies.set(id, async (step) => {
      const texts: string[] = [];
      for (const name of ["1 first", "2 wait"])
        texts.push(
          await step(name, async () => {
            made.push(name);
            return "here";
          }),
        );
      return texts.join(" ");
    });
  };

  test("reap: another executor continues the workflow of a killed one after its last stored step", async () => {
    const made: string[] = [];
    const { child, lines } = await startOther("killed");
    await enqueue("reaped", "engine");
    await until(() => lines().includes("killed waits"));
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await engine.pending()).toEqual([{ id: "reaped", executor: "killed" }]);
    goOnHere("reaped", made);
    await engine.requeue(["reaped"], "here");
    await ended("reaped");
    expect(made).toEqual(["2 wait"]);
    expect((await outputOf("reaped")).output).toContain("killed here");
  });

  test("fence: an executor that was only stopped writes nothing into a run that another continues", async () => {
    const made: string[] = [];
    const { child, lines, file } = await startOther("stopped");
    await enqueue("fenced", "engine");
    await until(() => lines().includes("stopped waits"));
    child.kill("SIGSTOP");
    goOnHere("fenced", made);
    await engine.requeue(["fenced"], "here");
    await ended("fenced");
    appendFileSync(`${file}.go`, "");
    child.kill("SIGCONT");
    await until(() => lines().includes("stopped made"));
    // The stopped executor learns that it lost the workflow when it writes its step. It then executes another workflow, so the write is over.
    await enqueue("after", "engine");
    await until(() => lines().filter((line) => line === "stopped ended").length >= 1);
    expect(made).toEqual(["2 wait"]);
    expect((await outputOf("fenced")).output).toContain("stopped here");
    expect(await client.steps("fenced")).toEqual([
      { name: "1 first", text: "stopped" },
      { name: "2 wait", text: "here" },
    ]);
  });
});

function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
