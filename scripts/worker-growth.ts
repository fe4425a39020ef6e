/**
 * Measures how long `submit` and each form of `list` take with 1,000 and with 100,000 ended runs: `npm run bench:growth`. Needs Debian's
 * package `postgresql`. The rows are copies of a run of ten calls, in our tables and in those of the engine. Prints the median of each in
 * milliseconds, and the ratio. A form passes if the ratio is at most 1.5, or the time with 100,000 under 5 ms.
 */
import { compile } from "../compiler/compile.ts";
import { createRegistry } from "../gateway/own-capabilities.ts";
import { POSTGRES_BIN, startPostgres } from "../test/gateway/handlers/postgres.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { createClient } from "../worker/create-client.ts";
import { Worker } from "../worker/worker.ts";

const SIZES = [1_000, 100_000];
const REPEATS = 101;

const registry = createRegistry([
  { name: "bench.call", version: "1", params: [{ name: "n", type: "Int" }], result: "Int", mayRepeat: true, handler: ([n]) => n },
]);
const text = `fn main() -> Int !{bench.call} {
    let mut sum = 0
    for i in list.range(0, 10) { sum += bench.call(i) }
    sum
}
`;
const program = verifyModule(compile({ name: "bench.ax", text }, { registry }).module, registry);
const server = await startPostgres(POSTGRES_BIN ?? "", 60);
const databaseUrl = server.url("boss");
const worker = await Worker.start({
  databaseUrl,
  queues: [{ name: "default", perWorker: 20, perTenant: undefined, tenantRate: undefined }],
  leaseMs: 60_000,
  retainDays: 30,
  connections: 10,
  registry,
  env: {},
  protectedFiles: undefined,
  telemetry: undefined,
  onNotice: (line) => process.stderr.write(`${line}\n`),
});
const client = await createClient({ databaseUrl });
const { runId: template } = await client.submit(program, { policy: "allow-all" });
await client.watch(template);
while (
  (await server.admin(`SELECT 1 FROM boruna_dbos.workflow_status WHERE workflow_uuid = '${template}' AND status = 'SUCCESS'`)).length === 0
)
  await new Promise((resolve) => setTimeout(resolve, 20));
// Without a worker, the runs that are submitted from here on stay in their queue.
await worker.stop(0);

/** Copies the rows of the template in a table, with other values in some columns, for the numbers from `first` to `last`. */
async function copyRows(
  table: string,
  idColumn: string,
  values: Readonly<Record<string, string>>,
  first: number,
  last: number,
): Promise<void> {
  const [schema, name] = table.split(".");
  const columns = await server.admin(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = '${schema}' AND table_name = '${name}' AND is_generated = 'NEVER'`,
  );
  const names = columns.map((column) => `"${String(column["name"])}"`);
  const given: Readonly<Record<string, string>> = { [idColumn]: "'copy-' || g", ...values };
  const sources = columns.map((column) => given[String(column["name"])] ?? `t."${String(column["name"])}"`);
  await server.admin(
    `INSERT INTO ${table} (${names.join(", ")}) SELECT ${sources.join(", ")} FROM ${table} t, generate_series(${first}, ${last}) g WHERE t.${idColumn} = '${template}'`,
  );
}

/** Adds copies of the template, each submitted a second before the last. One in a thousand is in the queue `rare`, another one has the tenant `rare`. */
async function grow(first: number, last: number): Promise<void> {
  const queue = "CASE WHEN g % 1000 = 0 THEN 'rare' ELSE 'default' END";
  const tenant = "CASE WHEN g % 1000 = 1 THEN 'rare' ELSE 'tenant-' || g % 50 END";
  const time = "now() - g * interval '1 s'";
  await copyRows("boruna.runs", "id", { queue, tenant, submitted_at: time, ended_at: time }, first, last);
  await copyRows("boruna_dbos.workflow_status", "workflow_uuid", { queue_name: queue, queue_partition_key: tenant }, first, last);
  await copyRows("boruna_dbos.operation_outputs", "workflow_uuid", {}, first, last);
  await copyRows("boruna_dbos.workflow_output", "workflow_uuid", {}, first, last);
  await server.admin("VACUUM ANALYZE");
}

async function medianMs(work: (i: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    await work(i);
    times.push(performance.now() - start);
  }
  return [...times].sort((a, b) => a - b)[Math.floor(REPEATS / 2)] ?? 0;
}

const position = async (): Promise<{ id: string; submittedAt: string } | undefined> =>
  (await client.list({ state: "ended", limit: 900 })).at(-1);
const FORMS: Readonly<Record<string, (i: number) => Promise<unknown>>> = {
  submit: () => client.submit(program, { policy: "allow-all", queue: "idle" }),
  "submit --key, new": (i) => client.submit(program, { policy: "allow-all", queue: "idle", key: `${round}-${i}` }),
  "submit --key, again": () => client.submit(program, { policy: "allow-all", queue: "idle", key: `${round}-0` }),
  show: () => client.show(template),
  list: () => client.list(),
  "list --state ended": () => client.list({ state: "ended" }),
  "list --state queued": () => client.list({ state: "queued" }),
  "list --state running": () => client.list({ state: "running" }),
  "list --queue default": () => client.list({ queue: "default" }),
  "list --queue rare": () => client.list({ queue: "rare" }),
  "list --queue rare --state ended": () => client.list({ queue: "rare", state: "ended" }),
  "list --tenant tenant-7": () => client.list({ tenant: "tenant-7" }),
  "list --tenant rare": () => client.list({ tenant: "rare" }),
  "list --after": async () => client.list(after === undefined ? {} : { after }),
  "list --queue default --after": async () => client.list(after === undefined ? { queue: "default" } : { queue: "default", after }),
};

const results = new Map<string, number[]>();
let grown = 0;
let round = 0;
let after: { id: string; submittedAt: string } | undefined;
for (const size of SIZES) {
  round = size;
  await grow(grown + 1, size);
  grown = size;
  after = await position();
  for (const [name, work] of Object.entries(FORMS)) {
    await work(-1);
    results.set(name, [...(results.get(name) ?? []), await medianMs(work)]);
  }
}
let failed = 0;
for (const [name, [small = 0, large = 0]] of results) {
  const ratio = large / small;
  const passes = ratio <= 1.5 || large < 5;
  if (!passes) failed += 1;
  process.stdout.write(
    `${name.padEnd(34)} ${small.toFixed(2).padStart(7)} ms ${large.toFixed(2).padStart(7)} ms  ${ratio.toFixed(2)}${passes ? "" : "  too slow"}\n`,
  );
}
await client.close();
await server.stop();
process.exit(failed === 0 ? 0 : 1);
