/** The queue of a pool: limits, fairness, memory, and the end. */
import { describe, expect, test } from "vitest";
import { createPool, type Pool } from "../../runtime/pool/pool.ts";
import type { PoolExecution } from "../../runtime/pool/pool-run.ts";
import { ADD, common, gate, kindOf, MIB, poolOf, WAIT } from "./pools.ts";
describe("queue and back pressure", () => {
  test("a full queue refuses, room() resolves when there is a place, and each run ends", async () => {
    const pool = poolOf({ maxRunsPerWorker: 1, maxQueued: 3, maxQueuedPerTenant: 2 });
    const { promise, open } = gate();
    const begun = gate();
    const handlers = { "own.wait": async () => (begun.open(), await promise, 1) };
    const run = (tenant: string): Promise<PoolExecution> => pool.execute(WAIT, { ...common, tenant, args: { n: 1 }, handlers });
    const runs = [run("a")];
    await begun.promise;
    runs.push(run("a"), run("a"));
    expect(await kindOf(run("a"))).toBe("pool.full");
    runs.push(run("b"));
    expect(await kindOf(run("c"))).toBe("pool.full");
    expect(pool.stats()).toMatchObject({ queued: 3, running: 1, refused: 2 });
    let hasRoom = false;
    const room = pool.room("a").then(() => (hasRoom = true));
    await new Promise(setImmediate);
    expect(hasRoom).toBe(false);
    open();
    await room;
    runs.push(run("a"));
    expect((await Promise.all(runs)).map(({ value }) => value)).toEqual([2, 2, 2, 2, 2]);
  });

  test("a producer that awaits room() never finds the queue full", async () => {
    const pool = poolOf({ maxRunsPerWorker: 4, maxQueued: 5, maxQueuedPerTenant: 5 });
    const runs: Promise<PoolExecution>[] = [];
    for (let n = 0; n < 100; n++) {
      await pool.room();
      runs.push(pool.execute(ADD, { ...common, args: { a: n, b: 1 } }));
      expect(pool.stats().queued).toBeLessThanOrEqual(5);
    }
    expect((await Promise.all(runs)).map(({ value }) => value)).toEqual(runs.map((_, n) => n + 1));
    expect(pool.stats().refused).toBe(0);
  });

  test("a run waits until there is room for its memory", async () => {
    const pool = poolOf({ maxBytesPerWorker: 100 * MIB });
    let running = 0;
    let most = 0;
    const two = gate();
    const handlers = {
      "own.wait": async ([n]: readonly unknown[]) => {
        running += 1;
        most = Math.max(most, running);
        // The first call waits for the call of another run, so two runs overlap.
        if (running === 2) two.open();
        await two.promise;
        await new Promise(setImmediate);
        running -= 1;
        return n;
      },
    };
    const limits = { max_alloc_bytes: 40 * MIB };
    const runs = Array.from({ length: 6 }, (_, n) => pool.execute(WAIT, { ...common, limits, args: { n }, handlers }));
    await Promise.all(runs);
    expect(most).toBe(2);
  });

  test("tenants share the places evenly, in whatever order they came", async () => {
    const pool = poolOf({ maxRunsPerWorker: 2 });
    const order: string[] = [];
    const { promise, open } = gate();
    const run = (tenant: string): Promise<PoolExecution> =>
      pool.execute(WAIT, {
        ...common,
        tenant,
        args: { n: 1 },
        handlers: { "own.wait": async (___, { callNumber }) => (callNumber === 1 && order.push(tenant), await promise, 1) },
      });
    const runs = [...Array.from({ length: 20 }, () => run("many")), ...Array.from({ length: 5 }, () => run("few"))];
    open();
    await Promise.all(runs);
    // With equal shares, the fifth run of the small tenant is the tenth to begin, or up to two later because of those that run first.
    expect(order.slice(0, 12).filter((tenant) => tenant === "few")).toHaveLength(5);
  });

  test("close rejects the runs that wait, cancels those that run, and refuses new ones", async () => {
    const pool = poolOf({ maxRunsPerWorker: 1 });
    const begun = gate();
    const handlers = {
      "own.wait": (___: unknown, { signal }: { readonly signal: AbortSignal }) => {
        begun.open();
        return new Promise((____, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
      },
    };
    const running = pool.execute(WAIT, { ...common, args: { n: 1 }, handlers });
    await begun.promise;
    const waiting = kindOf(pool.execute(ADD, { ...common, args: { a: 1, b: 2 } }));
    await new Promise(setImmediate);
    await Promise.all([pool.close(), pool.close()]);
    expect([(await running).outcome, await waiting]).toEqual(["canceled", "pool.closed"]);
    expect(await kindOf(pool.execute(ADD, common))).toBe("pool.closed");
    expect(await kindOf(pool.room())).toBe("pool.closed");
    expect(pool.stats()).toMatchObject({ workers: 0, running: 0, queued: 0 });
  });

  test.each([
    [{ threads: 0 }, "threads: expected a whole number from 1"],
    [{ maxQueued: 1.5 }, "maxQueued: expected a whole number from 1"],
    [{ isolation: "fibre" }, 'isolation: expected "thread" or "process"'],
  ])("the options %j are refused", (options, message) => {
    const create: (given: object) => Pool = createPool;
    expect(() => create(options)).toThrow(message);
  });
});
