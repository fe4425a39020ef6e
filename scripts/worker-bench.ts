/**
 * Measures what a worker adds to its engine: runs per second of a program with ten calls, against workflows of ten steps, both taken from a
 * queue in batches: `npm run bench:worker`, with the number of runs, and how many are executed
 * at once, as arguments. Prints the ratio of each of five paired rounds after one
 * that warms up, and the median; and the processor time of this process, which a busy machine changes less. Needs Debian's package `postgresql`.
 */
import pg from "pg";
import { createRegistry } from "../gateway/own-capabilities.ts";
import { compile } from "../compiler/compile.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { createClient } from "../worker/create-client.ts";
import { launchEngine, openEngineClient } from "../worker/engine.ts";
import { Worker } from "../worker/worker.ts";
import { POSTGRES_BIN, startPostgres } from "../test/gateway/handlers/postgres.ts";

const RUNS = Number(process.argv[2] ?? 400);
const ROUNDS = 5;
const STEPS = 10;
const QUEUE = { perWorker: Number(process.argv[3] ?? 100), perTenant: undefined, tenantRate: undefined };

const registry = createRegistry(
  ["repeat", "once"].map((name) => ({
    name: `bench.${name}`,
    version: "1",
    params: [{ name: "n", type: "Int" }],
    result: "Int",
    mayRepeat: name === "repeat",
    handler: ([n]) => n,
  })),
);
const text = `fn main() -> Int !{bench.repeat, bench.once} {
    let mut sum = 0
    for i in list.range(0, ${STEPS}) { sum += if i % 2 == 0 { bench.repeat(i) } else { bench.once(i) } }
    sum
}
`;
const program = verifyModule(compile({ name: "bench.ax", text }, { registry }).module, registry);

const server = await startPostgres(POSTGRES_BIN ?? "", 60);
const databaseUrl = server.url("boss");

/** Runs per second of the workflows in a queue, from the first start to the last end, by the clock of the database. */
async function rateOf(queue: string): Promise<number> {
  const where = `FROM boruna_dbos.workflow_status WHERE queue_name = '${queue}'`;
  for (;;) {
    const [row = {}] = await server.admin(
      `SELECT count(*) FILTER (WHERE status = 'SUCCESS') AS ended, max(completed_at) - min(started_at_epoch_ms) AS ms ${where}`,
    );
    if (Number(row["ended"]) === RUNS) return (1_000 * RUNS) / Number(row["ms"]);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

interface Measured {
  readonly rate: number;
  /** Processor time of this process for each run, in milliseconds. */
  readonly cpuMs: number;
}

async function measured(work: () => Promise<number>): Promise<Measured> {
  const before = process.cpuUsage();
  const rate = await work();
  const { user, system } = process.cpuUsage(before);
  return { rate, cpuMs: (user + system) / 1_000 / RUNS };
}

async function engineAlone(round: number): Promise<Measured> {
  const queue = `bare-${round}`;
  // The engine would open the same pool if it got none.
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  pool.on("error", () => undefined);
  const run = async (_id: string, step: (name: string, make: () => Promise<string>) => Promise<string>): Promise<string> => {
    for (let i = 0; i < STEPS; i++) await step(`${i} step`, async () => `{"CapResult":{"capability":"bench.once","result":{"Int":${i}}}}`);
    return "ended";
  };
  const client = await openEngineClient(databaseUrl, pool);
  await submitAll(async (n) => {
    const transaction = await pool.connect();
    await transaction.query("BEGIN");
    await client.enqueue(transaction, { id: `${queue}-${n}`, queue, tenant: "default" });
    await transaction.query("COMMIT");
    transaction.release();
  });
  const result = await measured(async () => {
    const engine = await launchEngine({
      pool,
      databaseUrl,
      executor: queue,
      queues: [{ name: queue, ...QUEUE }],
      run,
      onNotice: () => undefined,
    });
    const rate = await rateOf(queue);
    await engine.stop(1_000);
    return rate;
  });
  await client.close();
  await pool.end();
  return result;
}

async function engineWithWorker(round: number): Promise<Measured> {
  const queue = `ours-${round}`;
  const client = await createClient({ databaseUrl });
  await submitAll(async () => {
    await client.submit(program, { policy: "allow-all", queue });
  });
  const result = await measured(async () => {
    const worker = await startWorker(queue);
    const rate = await rateOf(queue);
    await worker.stop(1_000);
    return rate;
  });
  await client.close();
  return result;
}

async function submitAll(submit: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; n < RUNS; n++) await submit(n);
}

function startWorker(queue: string): Promise<Worker> {
  return Worker.start({
    databaseUrl,
    queues: [{ name: queue, ...QUEUE }],
    leaseMs: 10_000,
    retainDays: 30,
    connections: 10,
    registry,
    env: {},
    protectedFiles: undefined,
    telemetry: undefined,
    onNotice: (line) => process.stderr.write(`${line}\n`),
  });
}

// The first worker makes the tables of the database.
await (await startWorker("first")).stop(0);
const ratios: number[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  // The order alternates, so that neither always has the warmer database.
  const first = round % 2 === 0 ? await engineAlone(round) : await engineWithWorker(round);
  const second = round % 2 === 0 ? await engineWithWorker(round) : await engineAlone(round);
  const [engine, worker] = round % 2 === 0 ? [first, second] : [second, first];
  const ratio = worker.rate / engine.rate;
  if (round > 0) ratios.push(ratio);
  const textOf = ({ rate, cpuMs }: Measured): string => `${rate.toFixed(1)} runs/s (${cpuMs.toFixed(2)} ms of processor time)`;
  process.stdout.write(`round ${round}: engine ${textOf(engine)}, worker ${textOf(worker)}, ratio ${ratio.toFixed(2)}\n`);
}
const median = [...ratios].sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
process.stdout.write(`median ratio ${(median ?? 0).toFixed(2)}\n`);
await server.stop();
process.exit(0);
