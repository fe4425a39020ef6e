/** Runs that are submitted to a worker in this process, with a real PostgreSQL. (`crash.test.ts` kills worker processes.) */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyLog } from "../../replay/verify.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import type { Client, ListOptions, ShownRun, SubmitOptions } from "../../worker/api.ts";
import { createClient } from "../../worker/create-client.ts";
import { checkServer } from "../../worker/schema.ts";
import { Worker } from "../../worker/worker.ts";
import { memoryTracing } from "../../telemetry/memory-tracing.ts";
import { kindOf } from "../error-kind.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { openShop, programOf, type Shop, shopPolicy } from "./shop.ts";
import { DEEP } from "../cases.ts";
import { until } from "../until.ts";

const ORDERS = `fn fetch(what: String) -> String !{shop.read} {
    let read = try shop.read(what)
    match read { Ok(text) => text, Err(message) => "failed: " ++ message }
}
fn main(count: Int) -> Int !{shop.read, shop.buy, time.now} {
    let texts = par.map(list.range(0, count), fn(i) { fetch("item " ++ int.to_string(i)) })
    let more = fetch("nothing") ++ fetch("long")
    let bought = shop.buy("tea") + shop.buy("books")
    let now = time.now()
    if now < 0 { 0 } else { bought + string.len(string.join(texts, ",") ++ more) }
}
`;

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.skipIf(POSTGRES_BIN === undefined)("a worker", () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-worker-"));
  let server: PostgresServer;
  let databaseUrl = "";
  let client: Client;
  let worker: Worker;
  let shop: Shop;
  const notices: string[] = [];
  const { spans, tracing } = memoryTracing(10_000);

  const startWorker = (registry = shop.registry): Promise<Worker> =>
    Worker.start({
      databaseUrl,
      queues: [
        { name: "default", perWorker: 20, perTenant: undefined, tenantRate: undefined },
        { name: "narrow", perWorker: 20, perTenant: 1, tenantRate: undefined },
      ],
      // Longer than a busy machine may delay this process.
      leaseMs: 5_000,
      retainDays: 1,
      connections: 10,
      registry,
      env: {},
      protectedFiles: undefined,
      telemetry: {
        start: async () => undefined,
        flush: async () => undefined,
        stop: async () => undefined,
        startTask: () => ({ traceDetail: undefined, tracing, end: () => undefined }),
        workerMetrics: async () => undefined,
      },
      onNotice: (line) => void notices.push(line),
    });
  const submit = async (program: Program, options: SubmitOptions = {}): Promise<string> =>
    (await client.submit(program, { policy: shopPolicy(shop), ...options })).runId;
  const isRunning = (id: string): Promise<void> => until(async () => (await client.show(id)).state === "running");
  const ended = async (program: Program, options: SubmitOptions = {}): Promise<ShownRun> => client.watch(await submit(program, options));

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    databaseUrl = server.url("boss");
    shop = openShop();
    worker = await startWorker();
    client = await createClient({ databaseUrl });
  });
  afterAll(async () => {
    await client?.close();
    await worker?.stop(0);
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  test("executes a run, and its log has the bytes of a local run", async () => {
    const program = programOf(ORDERS, shop);
    const run = await ended(program, { args: { count: 8 } });
    expect(run).toMatchObject({ state: "ended", outcome: "success", attempts: 1, queue: "default", tenant: "default", program: "shop" });
    const path = join(folder, "submitted.jsonl");
    await client.log(run.id, path);
    expect(await verifyLog(path)).toMatchObject({ outcome: "success" });
    const answers = (await server.admin(`SELECT output FROM boruna_dbos.operation_outputs WHERE workflow_uuid = '${run.id}'`)).length;
    expect(answers).toBe(13);
    const now = /"time.now","result":\{"Int":(\d+)\}/.exec(readFileSync(path, "utf8"))?.[1];
    const local = join(folder, "local.jsonl");
    const calls = [...shop.calls];
    shop.calls.length = 0;
    const execution = await execute(program, {
      policy: shopPolicy(shop),
      live: true,
      args: { count: 8 },
      runId: run.id,
      record: local,
      handlers: { "time.now": () => Number(now) },
    });
    expect(execution.outcome).toBe("success");
    expect(run.result).toMatchObject({ value: execution.value, steps: execution.steps, run_id: run.id });
    expect(readFileSync(path, "utf8")).toBe(readFileSync(local, "utf8"));
    expect(readdirSync(`${path}.blobs`)).toEqual(readdirSync(`${local}.blobs`));
    expect(calls.toSorted()).toEqual(shop.calls.toSorted());
  });

  test("the server must be new enough", async () => {
    expect(await kindOf(async () => checkServer(130_022))).toBe("worker.server");
    expect(() => checkServer(140_000)).not.toThrow();
  });

  test("a second submit with a key returns the first run, and is refused if the run is another one", async () => {
    const program = programOf("fn main(what: String) -> Int !{shop.buy} { shop.buy(what) }", shop);
    const options = { policy: shopPolicy(shop), key: "order 1", args: { what: "tea" } };
    const first = await client.submit(program, options);
    const second = await client.submit(program, options);
    expect([first.isNew, second.isNew, second.runId]).toEqual([true, false, first.runId]);
    const { runId: ofAda } = await client.submit(program, { ...options, tenant: "ada" });
    expect(ofAda).not.toBe(first.runId);
    expect(await kindOf(() => client.submit(program, { ...options, args: { what: "books" } }))).toBe("worker.other_run");
    for (const id of [first.runId, ofAda]) expect(await client.watch(id)).toMatchObject({ outcome: "success", result: { value: 3 } });
  });

  test("submit refuses invalid arguments and options", async () => {
    const program = programOf("fn main(what: String) -> Int !{shop.buy} { shop.buy(what) }", shop);
    expect(await kindOf(() => client.submit(program, { args: {} }))).toBe("usage");
    expect(await kindOf(() => client.submit(program, { args: { what: 3 } }))).toBe("value.form");
    expect(await kindOf(() => client.submit(program, { args: { what: "x" }, queue: "a b" }))).toBe("usage");
    expect(await kindOf(() => client.show("nothing"))).toBe("worker.no_run");
    expect(await kindOf(() => createClient({ databaseUrl: "http://localhost/" }))).toBe("usage");
  });

  test("a call waits for an approval while no process executes its run, and the log has the decision", async () => {
    const program = programOf(
      `fn main() -> Int !{shop.read, shop.buy} {
         let (bought, read) = par { shop.buy("tea"), string.len(shop.read("a")) }
         bought + read
       }`,
      shop,
    );
    shop.calls.length = 0;
    const run = await ended(program, { policy: shopPolicy(shop, true) });
    expect(run).toMatchObject({ state: "suspended", outcome: "suspended", waiting: [{ call: 1, capability: "shop.buy" }] });
    expect(shop.calls).toEqual(["read a"]);
    expect(await kindOf(() => client.approve(run.id, { call: 2, decision: "approved", by: "ada" }))).toBe("worker.not_waiting");
    await client.approve(run.id, { call: 1, decision: "approved", by: "ada" });
    expect(await client.watch(run.id)).toMatchObject({ outcome: "success", result: { value: 3 + 9 } });
    expect(shop.calls).toEqual(["read a", "buy tea"]);
    const executions = spans.filter(({ attributes }) => attributes["boruna.run.id"] === run.id).map(({ id }) => id);
    const calls = spans.flatMap(({ parentId, attributes: { "cap.name": name, "cap.call": call } }) =>
      parentId !== undefined && executions.includes(parentId) ? [`${String(call)} ${String(name)}`] : [],
    );
    // The answer of the second call was stored, so the second execution has no span for it.
    expect([executions.length, calls]).toEqual([2, ["1 shop.buy", "2 shop.read", "1 shop.buy"]]);
    const path = join(folder, "approved.jsonl");
    await client.log(run.id, path);
    expect(readFileSync(path, "utf8")).toContain('"by":"ada"');
    const local = join(folder, "approved-locally.jsonl");
    await execute(program, {
      policy: shopPolicy(shop, true),
      live: true,
      runId: run.id,
      record: local,
      approve: () => ({ decision: "approved", by: "ada" }),
    });
    expect(readFileSync(path, "utf8")).toBe(readFileSync(local, "utf8"));
  });

  test("a call in doubt stops the run until its owner decides, unless the submitter has decided before", async () => {
    const program = programOf(
      `fn main() -> Int !{shop.read, shop.buy} {
         let read = string.len(shop.read("a"))
         let bought = try shop.buy("tea")
         match bought { Ok(n) => read + n, Err(_) => 0 - 1 }
       }`,
      shop,
    );
    /** Submits a run whose earlier execution was lost after it had begun to buy. */
    const lost = async (key: string, options: SubmitOptions = {}): Promise<string> => {
      const { runId: id } = await client.submit(program, { policy: shopPolicy(shop), queue: "later", key, ...options });
      await server.admin(`INSERT INTO boruna.intents (run, call, token) VALUES ('${id}', 2, 'lost')`);
      await server.admin(`UPDATE boruna.runs SET queue = 'default' WHERE id = '${id}'`);
      await server.admin(`UPDATE boruna_dbos.workflow_status SET queue_name = 'default' WHERE workflow_uuid = '${id}'`);
      return id;
    };
    shop.calls.length = 0;
    const stopped = await client.watch(await lost("stop"));
    expect(stopped).toMatchObject({ state: "in_doubt", outcome: "in_doubt", inDoubt: { call: 2, capability: "shop.buy" } });
    expect(shop.calls).toEqual(["read a"]);
    await client.resume(stopped.id, "retry");
    expect(await client.watch(stopped.id)).toMatchObject({ outcome: "success", result: { value: 9 + 3 } });
    expect(shop.calls).toEqual(["read a", "buy tea"]);
    expect(await kindOf(() => client.resume(stopped.id, "retry"))).toBe("worker.not_waiting");
    expect(await client.watch(await lost("fail", { inDoubt: "fail" }))).toMatchObject({ outcome: "success", result: { value: -1 } });
    expect(await client.watch(await lost("retry", { inDoubt: "retry" }))).toMatchObject({ outcome: "success", result: { value: 12 } });
    const path = join(folder, "in-doubt.jsonl");
    await client.log(stopped.id, path);
    expect(await verifyLog(path)).toMatchObject({ outcome: "success" });
  });

  test("a call whose handler answers later waits for the answer", async () => {
    const program = programOf('fn main() -> Int !{shop.ask} { shop.ask("how many") }', shop);
    const run = await ended(program);
    expect(run).toMatchObject({ state: "suspended", waiting: [{ call: 1, capability: "shop.ask", waitsFor: "answer" }] });
    await client.answer(run.id, { call: 1, value: 42 });
    expect(await client.watch(run.id)).toMatchObject({ outcome: "success", result: { value: 42 } });
    expect(shop.calls.filter((call) => call.startsWith("ask"))).toEqual(["ask how many"]);
  });

  const waitsForAbort = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const derived = async (id: string): Promise<string> => {
    const path = join(folder, `${id}.jsonl`);
    expect(await client.log(id, path)).toBeDefined();
    return path;
  };
  const LOOP = "fn main() -> Int { let mut n = 0\n while n >= 0 { n = (n + 1) % 7 }\n n }";

  test("canceling reaches a run that is queued, one that waits in a call and one that only computes", async () => {
    const queued = await submit(programOf("fn main() -> Int { 1 }", shop), { queue: "nobody" });
    expect(await client.cancel(queued)).toMatchObject({ state: "ended", outcome: "canceled" });
    shop.onWait = waitsForAbort;
    for (const text of ['fn main() -> Int !{shop.wait} { shop.wait("x") }', LOOP]) {
      const id = await submit(programOf(text, shop), { limits: { max_steps: 9_000_000_000 } });
      await isRunning(id);
      expect((await client.show(id)).worker).toMatchObject({ id: worker.id, host: hostname(), isAlive: true });
      await server.admin(`UPDATE boruna.runs SET worker = 'gone' WHERE id = '${id}'`);
      expect((await client.show(id)).worker).toEqual({ id: "gone", host: undefined, leaseUntil: undefined, isAlive: false });
      await client.cancel(id);
      expect(await client.watch(id)).toMatchObject({ state: "ended", outcome: "canceled", isCanceled: true });
      expect(await verifyLog(await derived(id), { replay: true, replayLimits: { max_steps: 9_000_000_000 } })).toMatchObject({
        outcome: "canceled",
        replay: { status: "identical" },
      });
    }
  });

  test("the log of a canceled run has the bytes of a local one: canceled before it began, and in a call", async () => {
    const program = programOf(
      `fn main(wait: Bool) -> Int !{shop.read, shop.wait} {
         let read = string.len(shop.read("a"))
         if wait { read + shop.wait("x") } else { read }
       }`,
      shop,
    );
    const local = async (runId: string, args: Record<string, unknown>, signal: AbortSignal): Promise<string> => {
      const path = join(folder, `${runId}-local.jsonl`);
      expect((await execute(program, { policy: shopPolicy(shop), live: true, args, runId, record: path, signal })).outcome).toBe(
        "canceled",
      );
      return readFileSync(path, "utf8");
    };
    const queued = await submit(program, { queue: "nobody", args: { wait: false } });
    await client.cancel(queued);
    expect(readFileSync(await derived(queued), "utf8")).toBe(await local(queued, { wait: false }, AbortSignal.abort()));

    const never = new Promise<void>(() => undefined);
    shop.onWait = () => never;
    shop.calls.length = 0;
    const waits = await submit(program, { args: { wait: true } });
    await until(() => shop.calls.includes("wait x"));
    await client.cancel(waits);
    expect(await client.watch(waits)).toMatchObject({ outcome: "canceled" });
    const abort = new AbortController();
    shop.onWait = () => {
      setImmediate(() => abort.abort());
      return never;
    };
    expect(readFileSync(await derived(waits), "utf8")).toBe(await local(waits, { wait: true }, abort.signal));
  });

  test("if a run was ended while no worker executed it, its log stops before the program would have ended", async () => {
    const run = await ended(programOf('fn main() -> Int !{shop.read} { string.len(shop.read("a")) + 1 }', shop));
    const result = JSON.stringify({ outcome: "fatal", value: null, error: { kind: "worker_lost", message: "the worker of the run died" } });
    await server.admin(`UPDATE boruna.runs SET outcome = 'fatal', result = '${result}' WHERE id = '${run.id}'`);
    const path = await derived(run.id);
    expect(await verifyLog(path, { replay: true })).toMatchObject({ outcome: "fatal", replay: { status: "identical", answers: 1 } });
    expect(readFileSync(path, "utf8")).toContain("the worker of the run died");
  });

  test.runIf(DEEP)("a run ends at its deadline, also while it waits", async () => {
    shop.onWait = waitsForAbort;
    const waits = await ended(programOf('fn main() -> Int !{shop.wait} { shop.wait("x") }', shop), { deadlineMs: 600 });
    expect(waits).toMatchObject({ state: "ended", outcome: "timeout", result: { outcome: "timeout", error: { kind: "deadline" } } });
    expect(await verifyLog(await derived(waits.id), { replay: true })).toMatchObject({
      outcome: "timeout",
      replay: { status: "identical" },
    });
    const asks = await submit(programOf('fn main() -> Int !{shop.ask} { shop.ask("x") }', shop), { deadlineMs: 1_500 });
    await until(async () => (await client.show(asks)).state === "ended");
    expect(await client.show(asks)).toMatchObject({ outcome: "timeout", result: { error: { kind: "deadline" } } });
  });

  test("a run whose workers die ends after its attempts", async () => {
    shop.onWait = waitsForAbort;
    const { runId: id } = await client.submit(programOf('fn main() -> Int !{shop.wait} { shop.wait("x") }', shop), {
      policy: shopPolicy(shop),
      queue: "later",
      attempts: 3,
    });
    // As if three executions had ended with their workers.
    await server.admin(`UPDATE boruna.runs SET queue = 'default', attempts = 3, executions = 3 WHERE id = '${id}'`);
    await server.admin(`UPDATE boruna_dbos.workflow_status SET queue_name = 'default' WHERE workflow_uuid = '${id}'`);
    expect(await client.watch(id)).toMatchObject({ state: "ended", outcome: "fatal", result: { error: { kind: "worker_lost" } } });
    expect(await verifyLog(await derived(id), { replay: true })).toMatchObject({ outcome: "fatal", replay: { status: "identical" } });
  });

  test("a tenant's runs wait for each other, not for those of others", async () => {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    shop.onWait = () => opened;
    shop.calls.length = 0;
    const program = programOf("fn main(who: String) -> Int !{shop.wait} { shop.wait(who) }", shop);
    const ids: string[] = [];
    for (const [tenant, who] of [["ada", "a1"] as const, ["ada", "a2"] as const, ["bob", "b1"] as const])
      ids.push(await submit(program, { queue: "narrow", tenant, args: { who } }));
    await until(() => shop.calls.length >= 2);
    expect(shop.calls.toSorted()).toEqual(["wait a1", "wait b1"]);
    open();
    for (const id of ids) expect(await client.watch(id)).toMatchObject({ outcome: "success" });
    expect(shop.calls.length).toBe(3);
  });

  test("ended runs are deleted when they are old enough, with their steps", async () => {
    const run = await ended(programOf("fn main() -> Int { 1 }", shop));
    await server.admin(`UPDATE boruna.runs SET ended_at = now() - interval '2 days' WHERE id = '${run.id}'`);
    await until(async () => (await kindOf(() => client.show(run.id))) === "worker.no_run");
    expect(await server.admin(`SELECT 1 FROM boruna_dbos.workflow_status WHERE workflow_uuid = '${run.id}'`)).toEqual([]);
  });

  test("a program with a capability that the worker does not serve ends with a reason", async () => {
    const other = openShop();
    const registry = createRegistry([{ name: "other.thing", version: "1", params: [], result: "Int", mayRepeat: true, handler: () => 1 }]);
    const program = programOf("fn main() -> Int !{other.thing} { other.thing() }", { ...other, registry });
    const { runId } = await client.submit(program, { policy: "allow-all" });
    expect(await client.watch(runId)).toMatchObject({ outcome: "fatal", result: { error: { kind: "worker.capabilities" } } });
  });

  test("lists runs by queue, tenant and state, newest first, page by page", async () => {
    const program = programOf("fn main() -> Int { 1 }", shop);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await submit(program, { queue: "listed", tenant: i % 2 === 0 ? "even" : "odd" }));
    const listed = async (options: ListOptions): Promise<readonly string[]> => (await client.list(options)).map(({ id }) => id);
    expect(await listed({ queue: "listed" })).toEqual(ids.toReversed());
    expect(await listed({ tenant: "odd", state: "queued" })).toEqual([ids[3], ids[1]]);
    const [first] = await client.list({ queue: "listed", limit: 1 });
    expect(first?.id).toBe(ids[4]);
    if (first !== undefined) expect(await listed({ queue: "listed", limit: 2, after: first })).toEqual([ids[3], ids[2]]);
    expect(await kindOf(() => client.list({ queue: "a", tenant: "b" }))).toBe("usage");
  });
});
