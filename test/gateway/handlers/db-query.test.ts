/** `db.query` on both databases: parameters, what `db_policy.statements` forbids, limits and cancellation. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FloatValue, UNIT } from "../../../vm/value/value.ts";
import { scaledRuns, DEEP, someOf } from "../../cases.ts";
import { childScript } from "../../child-script.ts";
import { ALL_KINDS, DATABASES, postgres, type Query, queryOn } from "./databases.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-db-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MARKER = join(folder, "written-by-a-program");
const ACCOUNTS = [
  { id: 1, owner: "Ann", balance: 100 },
  { id: 2, owner: "Bob", balance: 50 },
];
const SEED = [
  "drop table if exists account, audit cascade",
  "drop sequence if exists counter",
  "create table account (id int primary key, owner text, balance int8)",
  "create table audit (note text)",
  "create sequence counter",
  "create or replace function wipe() returns int language plpgsql as $$ begin delete from account; return 1; end $$",
  "create or replace function wipe_open() returns int language plpgsql as $$ begin set transaction read write; delete from account; return 1; end $$",
  "create or replace function wipe_config() returns int language plpgsql as $$ begin perform set_config('transaction_read_only', 'off', false); delete from account; return 1; end $$",
  "create or replace function wipe_table() returns int language plpgsql as $$ begin truncate account; return 1; end $$",
  "create or replace procedure wipe_commit() language plpgsql as $$ begin commit; delete from account; end $$",
];

const RESET = ["truncate account, audit", "insert into account values (1, 'Ann', 100), (2, 'Bob', 50)"];

/** Statements that are refused if the policy allows only `select`. */
const WRITES: readonly string[] = [
  "insert into account values (3, 'Eve', 1)",
  "update account set balance = 0",
  "delete from account",
  "merge into account a using (values (1)) v (id) on a.id = v.id when matched then delete",
  "with gone as (delete from account returning *) select * from gone",
  "with new as (insert into account values (3, 'Eve', 1) returning *) select count(*) from new",
  "-- a comment\ndelete from account",
  "/* select */ delete from account",
  "select wipe()",
  "select wipe_open()",
  "select wipe_config()",
  "call wipe_commit()",
  "select * into stolen from account",
  "create table stolen as select * from account",
  "drop table account",
  "truncate account",
  "alter table account add column x int",
  "do $$ begin delete from account; end $$",
  "do $$ begin commit; delete from account; end $$",
  `copy account to program 'touch ${MARKER}'`,
  `copy (select 1) to '${MARKER}'`,
  `copy account from program 'touch ${MARKER}'`,
  "copy account from stdin",
  "copy account to stdout",
  "set transaction read write",
  "set session characteristics as transaction read write",
  "set transaction_read_only = off",
  "select set_config('transaction_read_only', 'off', false)",
  "begin",
  "begin read write",
  "commit",
  "commit and chain",
  "rollback",
  "rollback to savepoint boruna",
  "savepoint a",
  "commit; delete from account",
  "select 1; delete from account",
  "select 1; commit; delete from account",
  "prepare other as delete from account",
  "execute boruna",
  "deallocate all",
  "discard all",
  "declare c cursor for select 1",
  "explain analyze delete from account",
  "select nextval('counter')",
  "select setval('counter', 10)",
  "select * from account for update",
  "lock table account",
  "reset role",
  "set role postgres",
  "set session authorization default",
  "vacuum account",
  "listen news",
  "",
  ";",
  "--",
];

/** [listed kinds, statement, failure or undefined] */
const KINDS: readonly (readonly [readonly string[], string, string | undefined])[] = [
  [["insert"], "insert into audit values ('a')", undefined],
  [["insert"], "insert into audit values ('a') returning note", undefined],
  [["insert"], "select 1", "does not allow SELECT"],
  [["select", "insert"], "select 1 as a", undefined],
  [["select", "insert"], "update account set balance = 0", "does not allow UPDATE"],
  [["select", "insert"], "delete from account", "does not allow DELETE"],
  [["select", "insert"], "with gone as (delete from account returning *) insert into audit select owner from gone", "does not list delete"],
  [["select", "insert"], "with gone as (delete from account returning *) select * from gone", "does not list delete"],
  [["select", "insert"], "with poor as (update account set balance = 0 returning *) select * from poor", "does not list update"],
  [["select", "insert"], "insert into account values (1, 'Eve', 1) on conflict (id) do update set owner = 'Eve'", "does not list update"],
  [["select", "insert"], "insert into audit select wipe()::text", "does not list delete"],
  [["select", "insert"], "select wipe()", "does not list delete"],
  [["select", "insert", "update", "delete"], "select wipe_table()", "does not list ddl"],
  [["select", "delete"], "insert into audit values ('a')", "does not allow INSERT"],
  [["update"], "update account set balance = 7 where id = 1", undefined],
  [
    ["insert", "update"],
    "merge into account a using (values (1)) v (id) on a.id = v.id when matched then update set balance = 1",
    undefined,
  ],
  [["insert", "update"], "merge into account a using (values (1)) v (id) on a.id = v.id when matched then delete", "does not list delete"],
  [["insert", "update", "delete"], "create table extra (a int)", "syntax error"],
  [["insert", "update", "delete"], "truncate account", "syntax error"],
  [["ddl"], "create table extra (a int)", undefined],
  [["ddl"], "create table extra as select * from account", "does not list insert"],
  [["insert", "ddl"], "create table extra as select * from account", undefined],
  [["ddl"], "create index on account (owner)", undefined],
  [["ddl"], "delete from account", "does not allow DELETE"],
  [["ddl"], "explain analyze delete from account", "does not allow EXPLAIN"],
  [ALL_KINDS, "do $$ begin delete from account; end $$", "does not allow DO"],
  [ALL_KINDS, "commit", "does not allow COMMIT"],
  [ALL_KINDS, "set role none", "does not allow SET"],
  [ALL_KINDS, "copy account to stdout", "does not allow COPY"],
  [ALL_KINDS, "select 1; delete from account", "multiple commands"],
];

// `npm test` uses only the server, if there is one.
describe.each(someOf(DATABASES.filter(({ isAvailable }) => isAvailable).toReversed()))("db.query, $name", (database) => {
  let env: Readonly<Record<string, string>>;
  let query: Query;
  const accounts = (): Promise<unknown> => query.rows("select * from account order by id");

  beforeAll(async () => {
    env = await database.start();
    query = queryOn(env);
    await query.setUp(...SEED, ...RESET);
  });
  afterAll(() => database.stop());

  test("rows are objects; a write without RETURNING gives none", async () => {
    const write = { statements: ["insert", "update"] };
    expect(await accounts()).toEqual(ACCOUNTS);
    expect(await query.rows("insert into account values ($1, $2, $3)", [3, "Eve", 2 ** 40], write)).toEqual([]);
    expect(await query.rows("update account set balance = balance + 1 where id = $1 returning id, balance", [3], write)).toEqual([
      { id: 3, balance: 2 ** 40 + 1 },
    ]);
    await query.setUp(...RESET);
    expect(await query.rows("select 1 as a where false")).toEqual([]);
    expect(await query.rows("values (1, 'x')")).toEqual([{ column1: 1, column2: "x" }]);
  });

  test("a result without columns has empty rows", async () => {
    expect(await query.rows("select from account")).toEqual([{}, {}]);
  });

  describe("parameters", () => {
    const hostileText = fc.oneof(
      fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
      fc.constantFrom(
        "' or '1'='1",
        "'; delete from account; --",
        "\\'; drop table account; --",
        "$1",
        "${1}",
        "\u2019",
        "%",
        "1); commit; --",
      ),
    );

    test("are values only, whatever SQL their text contains", async () => {
      await fc.assert(
        fc.asyncProperty(hostileText, async (text) => {
          expect(await query.rows("select $1::text as given, count(*) filter (where owner = $1) as found from account", [text])).toEqual([
            { given: text, found: 0 },
          ]);
        }),
        { numRuns: scaledRuns(500) },
      );
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test("are stored as given", async () => {
      const write = { statements: ["insert"] };
      await fc.assert(
        fc.asyncProperty(hostileText, async (text) => {
          expect(await query.rows("insert into audit values ($1) returning note", [text], write)).toEqual([{ note: text }]);
        }),
        { numRuns: scaledRuns(200) },
      );
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test.each([
      ["select $1::int as a", [], "failed: the statement takes 1 parameter ($1, …), and params has 0"],
      ["select 1 as a", [1], "failed: the statement takes 0 parameters ($1, …), and params has 1"],
      ["select $1::int as a", ["one"], 'failed: the database refused it: invalid input syntax for type integer: "one" (SQLSTATE 22P02)'],
      ["select $1::text as a", ["\0"], 'failed: the database refused it: invalid byte sequence for encoding "UTF8": 0x00 (SQLSTATE 22021)'],
      ["select $1::bytea as a", ["%"], "failed: parameter 1 is such a String, which bytea does not take. Write bytes as base64 text"],
      ["select 1\0 as a", [], "failed: the statement holds a NUL character"],
    ])("%j with %j", async (sql, params, message) => {
      expect(await query.failure(sql, params)).toBe(message);
    });
  });

  describe('under ["select"]', () => {
    test.each(WRITES)("%j is refused by the database", async (sql) => {
      expect(await query.failure(sql)).toMatch(/^(denied: the policy allows no statement but select|failed: the database refused it)/);
      // The statement has not changed the connection: a plain write is still refused.
      expect(await query.failure("delete from account")).toMatch(/^denied: .*read-only transaction/);
      expect(await accounts()).toEqual(ACCOUNTS);
      expect(existsSync(MARKER)).toBe(false);
    });

    test("a write names the rule", async () => {
      expect(await query.failure("delete from account")).toBe(
        "denied: the policy allows no statement but select (db_policy.statements); the database refused it: cannot execute DELETE in a read-only transaction (SQLSTATE 25006)",
      );
    });

    test("the error for any other statement says what db.query takes", async () => {
      expect(await query.failure("commit")).toBe(
        'failed: the database refused it: syntax error at or near "commit" (SQLSTATE 42601). db.query takes one SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE; statements that change the schema need ddl in db_policy.statements',
      );
    });
  });

  test("a policy without kinds allows nothing", async () => {
    expect(await query.failure("select 1", [], { statements: [] })).toBe(
      "denied: the policy allows no kind of statement (db_policy.statements)",
    );
  });

  describe("kinds of statement", () => {
    beforeEach(() => query.setUp("drop table if exists extra", "drop schema if exists evil cascade", ...RESET));

    test.each(KINDS)("%j: %s", async (statements, sql, refusal) => {
      const audit = (): Promise<unknown> => query.rows("select * from audit");
      if (refusal === undefined) await query.rows(sql, [], { statements });
      else {
        expect(await query.failure(sql, [], { statements })).toContain(refusal);
        expect([await accounts(), await audit()]).toEqual([ACCOUNTS, []]);
        expect(await query.rows("select to_regclass('extra')::text as found")).toEqual([{ found: null }]);
      }
    });

    test("the changes of a deferred trigger count", async () => {
      await query.setUp(
        "create or replace function on_audit() returns trigger language plpgsql as $$ begin delete from account; return null; end $$",
        "create constraint trigger late after insert on audit deferrable initially deferred for each row execute function on_audit()",
      );
      expect(await query.failure("insert into audit values ('a')", [], { statements: ["insert"] })).toContain("does not list delete");
      await query.setUp("drop trigger late on audit");
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test("a program cannot hide its changes with tables and functions of its own", async () => {
      await query.setUp(
        "create schema evil",
        "create view evil.pg_stat_xact_all_tables as select 'x'::text as schemaname, 0 as n_tup_ins, 0 as n_tup_upd, 0 as n_tup_del",
        "create function evil.current_setting(text) returns text language sql as $$ select 'on' $$",
      );
      const hide =
        "with gone as (delete from account returning *) insert into audit select set_config('search_path', 'evil, pg_catalog', false) from gone";
      expect(await query.failure(hide, [], { statements: ["insert"] })).toContain("does not list delete");
      expect(await accounts()).toEqual(ACCOUNTS);
    });
  });

  test("a statement leaves no settings, locks or prepared statements in the session", async () => {
    await query.setUp(...RESET);
    const write = { statements: ["select", "insert"] };
    await query.rows(
      "select set_config('search_path', 'nowhere', false), set_config('default_transaction_read_only', 'off', false) as b",
      [],
      write,
    );
    await query.rows("select pg_advisory_lock(7), pg_notify('news', 'x') as b", [], write);
    expect(await accounts()).toEqual(ACCOUNTS);
    expect(await query.rows("select count(*) as locks from pg_locks where locktype = 'advisory'")).toEqual([{ locks: 0 }]);
    expect(await query.rows("select count(*) as prepared from pg_prepared_statements where name <> 'boruna'")).toEqual([{ prepared: 0 }]);
  });

  test("columns of the same name are a failure that says what to do", async () => {
    expect(await query.failure("select 1 as a, 2 as b, 3 as a")).toBe(
      'failed: the result has several columns "a". Give each its own name: … AS name',
    );
  });

  describe("limits", () => {
    test("max_rows", async () => {
      const rows = (count: number, max_rows: number) => [`select generate_series(1, ${count}) as n`, [], { max_rows }] as const;
      for (const [count, limit] of [
        [0, 0],
        [255, 255],
        [256, 256],
        [257, 257],
        [1_000, 1_000],
      ] as const)
        expect(await query.rows(...rows(count, limit))).toHaveLength(count);
      for (const [count, limit] of [
        [1, 0],
        [256, 255],
        [257, 256],
        [1_000_000_000, 999],
      ] as const)
        expect(await query.failure(...rows(count, limit))).toBe(`failed: the result has more than ${limit} rows (db_policy.max_rows)`);
    });

    test("a write that exceeds max_rows is undone", async () => {
      const write = { statements: ["delete"], max_rows: 1 };
      expect(await query.failure("delete from account returning id", [], write)).toContain("more than 1 rows");
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test.runIf(DEEP)("a result that is too large", async () => {
      expect(await query.failure("select repeat('x', 1000000) as t from generate_series(1, 200)")).toBe(
        "failed: the result is larger than 64 MiB. Select fewer rows or columns",
      );
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test.runIf(DEEP)("10,000 rows fit where 10,000,000 would not: rows come in portions", async () => {
      const child = spawn(
        process.execPath,
        ["--max-old-space-size=96", await childScript(new URL("db-memory.ts", import.meta.url)), JSON.stringify(env)],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      let output = "";
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
      await new Promise((resolve) => child.once("close", resolve));
      expect(output).toBe("10000 rows\nfailed: the result has more than 10000 rows (db_policy.max_rows)\n");
    });

    test("timeout_ms stops the statement", async () => {
      const message = await query.failure("select count(*) from generate_series(1, 1000000000000)", [], { timeout_ms: 300 });
      expect(message).toMatch(/^failed: no answer within 300 ms/);
      await query.setUp(...SEED, ...RESET);
      expect(await accounts()).toEqual(ACCOUNTS);
    });

    test("a statement cannot lift its time limit", async () => {
      const lift = "select set_config('statement_timeout', '0', false), count(*) from generate_series(1, 1000000000000)";
      expect(await query.failure(lift, [], { timeout_ms: 300 })).toMatch(/^failed: no answer within 300 ms/);
    });
  });

  test("a canceled call stops, also while it waits for its turn", async () => {
    const abort = new AbortController();
    const calls = [1, 2, 3].map(() => query.failure("select count(*) from generate_series(1, 1000000000000)", [], {}, abort.signal));
    setImmediate(() => abort.abort("canceled"));
    for (const message of await Promise.all(calls)) expect(message).toMatch(/^failed: /);
    await query.setUp(...SEED, ...RESET);
    expect(await accounts()).toEqual(ACCOUNTS);
  });

  test("many calls at once", async () => {
    const numbers = Array.from({ length: 50 }, (_, i) => i);
    expect(await Promise.all(numbers.map((n) => query.rows("select $1::int as n", [n])))).toEqual(numbers.map((n) => [{ n }]));
  });

  test("parameters of all kinds", async () => {
    const all = "select $1::bool as a, $2::int8 as b, $3::float8 as c, $4::text as d, $5::jsonb as e, $6::int as f";
    expect(await query.rows(all, [true, 2n ** 62n, new FloatValue(0.5), "x", "x", UNIT])).toEqual([
      { a: true, b: "4611686018427387904", c: 0.5, d: "x", e: "x", f: null },
    ]);
  });
});

describe.runIf(DATABASES.some(({ name, isAvailable }) => name === "server" && isAvailable))("db.query, only a server", () => {
  let env: Readonly<Record<string, string>>;
  let query: Query;
  const sleepers = async (): Promise<number> =>
    (await postgres().admin("select 1 from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and usename = 'app'"))
      .length;
  const untilSleepers = async (count: number): Promise<void> => {
    while ((await sleepers()) !== count);
  };
  const countLogged = (text: string): number => postgres().log().split(text).length - 1;
  const untilLogged = async (text: string, count: number): Promise<void> => {
    // Each query lets the event loop read what the server has logged.
    while (countLogged(text) < count) await postgres().admin("select 1");
  };
  const CANCELED = "canceling statement due to user request";
  const database = DATABASES.find(({ name }) => name === "server");

  beforeAll(async () => {
    env = (await database?.start()) ?? {};
    query = queryOn(env);
  });
  afterAll(() => database?.stop());

  test("a canceled call ends its statement in the server", async () => {
    const canceled = countLogged(CANCELED);
    const abort = new AbortController();
    const call = query.failure("select pg_sleep(600)", [], { timeout_ms: 0 }, abort.signal);
    await untilSleepers(1);
    abort.abort("canceled");
    await call;
    await untilSleepers(0);
    await untilLogged(CANCELED, canceled + 1);
  });

  test("a call over its time ends its statement in the server", async () => {
    const canceled = countLogged(CANCELED);
    expect(await query.failure("select pg_sleep(600)", [], { timeout_ms: 300 })).toBe("failed: no answer within 300 ms");
    await untilSleepers(0);
    await untilLogged(CANCELED, canceled + 1);
  });

  test.runIf(DEEP)("the server ends the statement of a process that was killed", async () => {
    const child = spawn(process.execPath, [await childScript(new URL("db-sleep.ts", import.meta.url)), JSON.stringify(env)]);
    await untilSleepers(1);
    child.kill("SIGKILL");
    await untilSleepers(0);
    await untilLogged("connection to client lost", 1);
  });

  test("a role that could leave the database is refused", async () => {
    const { admin, url, password } = postgres();
    await admin(`create role files login password '${password}'; grant pg_write_server_files to files`);
    for (const role of ["boss", "files"]) {
      expect(await queryOn({ DATABASE_URL: url(role) }).failure("select 1 as a")).toMatch(
        /^failed: the role of DATABASE_URL can reach the server's files and programs/,
      );
    }
  });

  test("COPY … TO PROGRAM is refused with every kind listed", async () => {
    expect(await query.failure(`copy (select 1) to program 'touch ${MARKER}'`, [], { statements: ALL_KINDS })).toContain("42501");
    expect(existsSync(MARKER)).toBe(false);
  });

  test("COPY … FROM STDIN gets no data", async () => {
    await query.setUp("create table filled (a int)");
    expect(await query.failure("copy filled from stdin", [], { statements: ALL_KINDS })).toContain("COPY from stdin failed");
    expect(await query.rows("select * from filled")).toEqual([]);
  });

  test("without counts of changes, only select is allowed", async () => {
    const { admin, url, password } = postgres();
    await admin(`create role blind login password '${password}'; alter role blind set track_counts = off`);
    const blind = queryOn({ DATABASE_URL: url("blind") });
    expect(await blind.rows("select 1 as a")).toEqual([{ a: 1 }]);
    expect(await blind.failure("select 1 as a", [], { statements: ["select", "insert"] })).toContain("track_counts is off");
  });

  test("no message has the address, the user or the password", async () => {
    const { url } = postgres();
    const messages = [
      await queryOn({ DATABASE_URL: url("app", "wr0ng-pw") }).failure("select 1"),
      await queryOn({ DATABASE_URL: url("nobody-there", "wr0ng-pw") }).failure("select 1"),
      await queryOn({ DATABASE_URL: "postgres://app:wr0ng-pw@127.0.0.1:1/db" }).failure("select 1"),
      await queryOn({ DATABASE_URL: "postgres://app:wr0ng-pw@[::/db" }).failure("select 1"),
      await queryOn({ DATABASE_URL: "mysql://app:wr0ng-pw@127.0.0.1/db" }).failure("select 1"),
    ];
    expect(messages).toEqual([
      "failed: the server at DATABASE_URL cannot be reached (28P01)",
      "failed: the server at DATABASE_URL cannot be reached (28P01)",
      "failed: the server at DATABASE_URL cannot be reached (ECONNREFUSED)",
      "failed: DATABASE_URL is no address of a PostgreSQL server: postgres://user:password@host/database",
      "failed: DATABASE_URL is no address of a PostgreSQL server: postgres://user:password@host/database",
    ]);
  });

  test("a connection that the server closed is replaced", async () => {
    await query.rows("select 1 as a");
    await postgres().admin("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'");
    expect(await query.failure("select 1 as a")).toMatch(/^(no failure|failed: the (connection|database|server))/);
    expect(await query.rows("select 1 as a")).toEqual([{ a: 1 }]);
  });
});
