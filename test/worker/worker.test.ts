/** Submitted runs on a real PostgreSQL, with a worker in this process. `crash.test.ts` kills workers. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execute } from "../../runtime/execute.ts";
import { verifyLog } from "../../replay/verify.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { type Client, createClient, type ShownRun, type SubmitOptions } from "../../worker/api.ts";
import { Worker } from "../../worker/worker.ts";
import { kindOf } from "../error-kind.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { openShop, programOf, type Shop, shopPolicy } from "./shop.ts";

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

  const startWorker = (registry = shop.registry): Promise<Worker> =>
    Worker.start({
      databaseUrl,
      queues: [
        { name: "default", perWorker: 20, perTenant: undefined, tenantRate: undefined },
        { name: "narrow", perWorker: 20, perTenant: 1, tenantRate: undefined },
      ],
      leaseMs: 1_000,
      retainDays: 1,
      connections: 10,
      registry,
      env: {},
      telemetry: undefined,
      onNotice: (line) => void notices.push(line),
    });
  const submit = async (program: Program, options: SubmitOptions = {}): Promise<string> =>
    (await client.submit(program, { policy: shopPolicy(shop), ...options })).runId;
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

  test("a second submit with a key returns the first run, and is refused if the run is another one", async () => {
    const program = programOf("fn main(what: String) -> Int !{shop.buy} { shop.buy(what) }", shop);
    const options = { policy: shopPolicy(shop), key: "order 1", args: { what: "tea" } };
    const first = await client.submit(program, options);
    const second = await client.submit(program, options);
    expect([first.isNew, second.isNew, second.runId]).toEqual([true, false, first.runId]);
    expect((await client.submit(program, { ...options, tenant: "ada" })).runId).not.toBe(first.runId);
    expect(await kindOf(() => client.submit(program, { ...options, args: { what: "books" } }))).toBe("worker.other_run");
    expect(await client.watch(first.runId)).toMatchObject({ outcome: "success", result: { value: 3 } });
  });

  test("submit refuses invalid arguments and options", async () => {
    const program = programOf("fn main(what: String) -> Int !{shop.buy} { shop.buy(what) }", shop);
    expect(await kindOf(() => client.submit(program, { args: {} }))).toBe("usage");
    expect(await kindOf(() => client.submit(program, { args: { what: 3 } }))).toBe("value.form");
    expect(await kindOf(() => client.submit(program, { args: { what: "x" }, queue: "a b" }))).toBe("usage");
    expect(await kindOf(() => client.show("nothing"))).toBe("worker.no_run");
    expect(await kindOf(() => createClient({ databaseUrl: "http://localhost/" }))).toBe("usage");
  });

  test("a call waits for an approval without a process, and the log has the decision", async () => {
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
});
