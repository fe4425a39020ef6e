/** `examples/order-worker`: a worker is killed, and another one goes on with its run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEEP } from "../cases.ts";
import { boruna, environment, EXAMPLES } from "../cli/boruna.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";

test("examples/order-worker: its policy allows each call of its program", async () => {
  const args = ["policy", "check", "--program", "order.ax", "--policy", "policy.json", "--capabilities", "./shop.mjs"];
  const { code, stdout } = await boruna(args, { cwd: `${EXAMPLES}order-worker` });
  expect(code).toBe(0);
  expect(stdout.match(/: allowed, /g)).toHaveLength(3);
});

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.runIf(DEEP && POSTGRES_BIN !== undefined)("examples/order-worker", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    if (POSTGRES_BIN !== undefined) server = await startPostgres(POSTGRES_BIN);
  });
  afterAll(() => server?.stop());

  test("the order is charged once, packed again, and told to the customer once", async () => {
    const example = spawn(process.execPath, ["start.mjs"], {
      cwd: `${EXAMPLES}order-worker`,
      env: environment({ DATABASE_URL: server.url("boss") }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    example.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    example.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    expect([await once(example, "close"), errors.replaceAll(/^(took back|drain|lost contact|in contact).*\n/gm, "")]).toEqual([
      [0, null],
      "",
    ]);
    const order = /order-\d+/.exec(output)?.[0] ?? "";
    const [submitted, killed, ended, ...calls] = output.replaceAll(order, "ORDER").trimEnd().split("\n");
    expect([submitted, killed]).toEqual(["submitted ORDER", "killed the worker while it packed"]);
    expect(ended).toMatch(/^success after \d+ attempts: ORDER: receipt-ORDER, parcel-ORDER$/);
    expect(calls.filter((call) => call.startsWith("  pack")).length).toBeGreaterThan(1);
    expect(calls.filter((call) => !call.startsWith("  pack"))).toEqual([
      "  charge ORDER 4200",
      "  mail ORDER: paid with receipt-ORDER, sent as parcel-ORDER",
    ]);
  });
});
