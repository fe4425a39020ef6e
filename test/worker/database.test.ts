import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool } from "../../worker/database.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe.skipIf(POSTGRES_BIN === undefined)("a connection", () => {
  let server: PostgresServer;
  let pool: Pool;

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    pool = openPool(server.url("boss"), 1);
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  const prepared = async (): Promise<readonly unknown[]> =>
    (await pool.query<{ statement: string }>("SELECT statement FROM pg_prepared_statements ORDER BY prepare_time")).rows.map(
      ({ statement }) => statement,
    );

  test("prepares statements that run often, at most 32 of them, with the same results", async () => {
    const sum = "SELECT $1::int + $2::int AS sum";
    for (let i = 0; i < 50; i++) await pool.query(sum, [i, 1]);
    expect(await prepared()).toEqual([]);
    for (let i = 0; i < 5; i++) expect((await pool.query(sum, [i, 1])).rows).toEqual([{ sum: i + 1 }]);
    expect(await prepared()).toEqual([sum]);
    for (let n = 0; n < 40; n++)
      for (let i = 0; i < 60; i++) expect((await pool.query(`SELECT $1::int - ${n} AS rest`, [i])).rows).toEqual([{ rest: i - n }]);
    expect(await prepared()).toHaveLength(32);
    expect((await pool.query(sum, [2, 3])).rows).toEqual([{ sum: 5 }]);
  });
});
