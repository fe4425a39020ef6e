/** A worker's contact with its database, on a simulated clock; and with a real PostgreSQL, statements that wait for the server. */
import { once } from "node:events";
import { createServer, connect as connectTo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Contact } from "../../worker/contact.ts";
import { isTransient, openPool } from "../../worker/database.ts";
import { POSTGRES_BIN, type PostgresServer, SKIPPED, startPostgres } from "../gateway/handlers/postgres.ts";
import { until } from "../until.ts";

if (POSTGRES_BIN === undefined) process.stderr.write(`${SKIPPED}\n`);

describe("the contact of a worker", () => {
  const openContact = () => {
    const state = { now: 0, beat: async () => true, isLost: false };
    const notices: string[] = [];
    const contact = new Contact({
      leaseMs: 9_000,
      beat: () => state.beat(),
      onLost: () => {
        state.isLost = true;
      },
      onNotice: (line) => void notices.push(line),
      now: () => state.now,
    });
    const round = async (): Promise<void> => {
      state.now += contact.everyMs;
      await contact.round(isTransient);
    };
    return { state, notices, contact, round };
  };
  const gone = async (): Promise<boolean> => {
    throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  };

  test("is lost after three rounds without an answer, with one notice, and regained with the next answer", async () => {
    const { state, notices, contact, round } = openContact();
    await round();
    state.beat = gone;
    const seen: boolean[] = [];
    for (let i = 0; i < 5; i++) {
      await round();
      seen.push(contact.isInContact);
    }
    expect(seen).toEqual([true, true, false, false, false]);
    expect(contact.hasLease).toBe(true);
    state.beat = async () => true;
    await round();
    expect(contact.isInContact).toBe(true);
    expect(notices).toEqual([
      "lost contact with the database: calls wait until it is back; after 9 s without contact, other workers may take the runs",
      "in contact with the database again, after 6 s",
    ]);
  });

  test("is lost if a beat is never answered, and no second beat begins", async () => {
    const { state, contact, notices, round } = openContact();
    let beats = 0;
    let answer: (hasLease: boolean) => void = () => undefined;
    state.beat = () => {
      beats += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const first = round();
    for (let i = 0; i < 20; i++) await round();
    expect({ beats, isInContact: contact.isInContact, notices: notices.length }).toEqual({ beats: 1, isInContact: false, notices: 1 });
    answer(true);
    await first;
    expect(notices[1]).toBe("in contact with the database again, after 21 s");
    // The answered beat began before the outage. Only the next beat shows that the worker still has its lease.
    expect(contact.hasLease).toBe(false);
    state.beat = async () => true;
    for (let i = 0; i < 9; i++) {
      expect(contact.mayJudge).toBe(false);
      await round();
    }
    expect([contact.hasLease, contact.mayJudge]).toEqual([true, true]);
  });

  test("a process that was stopped for a while gives no notice that the database is gone", async () => {
    const { state, notices, round } = openContact();
    await round();
    state.now += 60_000;
    await round();
    expect(notices).toEqual([]);
    state.beat = async () => false;
    await round();
    expect(state.isLost).toBe(true);
  });

  test("a process that was stopped judges others after two rounds, also if it is stopped again and again", async () => {
    const { state, contact, round } = openContact();
    for (let stops = 0; stops < 3; stops++) {
      state.now += 9_000;
      await round();
      const judges: boolean[] = [];
      for (let rounds = 0; rounds < 3; rounds++) {
        judges.push(contact.mayJudge);
        await round();
      }
      expect(judges).toEqual([false, false, true]);
    }
  });

  test("lets the worker judge others half a lease after its start, and a whole lease after the database was gone", async () => {
    const { state, contact, round } = openContact();
    const roundsToJudge = async (): Promise<number> => {
      for (let rounds = 0; ; rounds++) {
        if (contact.mayJudge) return rounds;
        await round();
      }
    };
    expect(await roundsToJudge()).toBe(5);
    state.beat = gone;
    for (let i = 0; i < 4; i++) await round();
    state.beat = async () => true;
    await round();
    expect(await roundsToJudge()).toBe(9);
  });
});

describe.skipIf(POSTGRES_BIN === undefined)("a pool whose statements wait", () => {
  let server: PostgresServer;
  let isOpen = true;
  let refused = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    if (!isOpen) {
      refused += 1;
      socket.destroy();
      return;
    }
    const folder = new URL(server.url("boss")).searchParams.get("host") ?? "";
    const upstream = connectTo(`${folder}/.s.PGSQL.5432`);
    upstream.on("error", () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  let url = "";

  beforeAll(async () => {
    if (POSTGRES_BIN === undefined) return;
    server = await startPostgres(POSTGRES_BIN);
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = proxy.address();
    url = `postgres://boss:${server.password}@127.0.0.1:${typeof address === "object" ? address?.port : 0}/postgres`;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await server?.stop();
  });

  test("go on when the server is back, however often it refused; without waiting they fail", async () => {
    let waits = true;
    const pool = openPool(url, 2, () => waits);
    isOpen = false;
    const answer = pool.query("SELECT 1 AS one");
    const connection = pool.connect();
    await until(() => refused >= 6);
    isOpen = true;
    expect((await answer).rows).toEqual([{ one: 1 }]);
    const client = await connection;
    expect((await client.query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
    client.release();
    isOpen = false;
    for (const socket of sockets) socket.destroy();
    waits = false;
    await until(() => pool.totalCount === 0);
    await expect(pool.query("SELECT 1")).rejects.toThrow();
    await pool.end();
  });
});
