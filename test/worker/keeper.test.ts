/** The round in which one worker keeps the runs of all workers, on a real PostgreSQL. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openPool } from "../../worker/database.ts";
import type { Engine, EngineClient } from "../../worker/engine.ts";
import { keepRuns, type KeeperOptions } from "../../worker/keeper.ts";
import { prepareTables } from "../../worker/schema.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.skipIf(POSTGRES_BIN === undefined)("the keeper", () => {
  let server: PostgresServer;
  let pool: ReturnType<typeof openPool>;
  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN, 20);
    pool = openPool(server.url("boss"), 4);
    await prepareTables(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  const client: EngineClient = {
    enqueue: vi.fn(),
    ended: async () => [],
    failed: async () => [],
    rewind: vi.fn(),
    steps: async () => [],
    close: vi.fn(),
  };
  const engineWith = (pending: Engine["pending"]): Engine => ({ pending, requeue: vi.fn(), remove: vi.fn(), stop: vi.fn() });
  const round = (pending: Engine["pending"], leaseMs: number): ReturnType<typeof keepRuns> => {
    const options: KeeperOptions = { pool, engine: engineWith(pending), client, leaseMs, retainDays: 1, mayJudge: true };
    return keepRuns(options);
  };

  test("leaves its work to another worker if it stops within a round for longer than its lease", async () => {
    let goOn = (): void => undefined;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const stopped = round(() => {
      begin();
      return new Promise((resolve) => {
        goOn = () => resolve([]);
      });
    }, 200);
    await begun;
    while ((await round(async () => [], 200)) === undefined) await sleep(20);
    goOn();
    await expect(stopped).rejects.toThrow();
    expect(await round(async () => [], 60_000)).toEqual({ reaped: 0, deleted: 0 });
  });
});
