/** The embedded database in a folder: rows persist, one process opens it at a time, fs calls cannot reach it, and a replay needs none. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MachineHandler } from "../../../gateway/handlers.ts";
import { liveHandlers } from "../../../gateway/live.ts";
import { compile } from "../../../compiler/compile.ts";
import { readLog } from "../../../replay/log/log-reader.ts";
import { replayRun } from "../../../replay/replay.ts";
import { execute } from "../../../runtime/execute.ts";
import { DEEP } from "../../cases.ts";
import { childScript } from "../../child-script.ts";
import { ALL_KINDS, type Query, queryOn } from "./databases.ts";
import { callHandler, contextOf, failureOf, policyOf } from "./support.ts";

const cwd = mkdtempSync(join(tmpdir(), "boruna-embedded-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

describe("in .boruna/db", () => {
  let query: Query;
  beforeAll(async () => {
    query = queryOn({}, cwd);
    await query.setUp("create table note (text text)", "insert into note values ('kept')");
  });

  test("committed rows survive the end of the thread", async () => {
    const endless =
      "with new as (insert into note values ('lost') returning *) select count(*) from new, generate_series(1, 1000000000000)";
    expect(await query.failure(endless, [], { statements: ["select", "insert"], timeout_ms: 300 })).toBe("failed: no answer within 300 ms");
    expect(await query.rows("select * from note")).toEqual([{ text: "kept" }]);
    expect(existsSync(join(cwd, ".boruna", "db", "data", "PG_VERSION"))).toBe(true);
  });

  test("the error for a second process names the process that has opened the database", async () => {
    await query.rows("select 1 as a");
    const script = await childScript(new URL("db-sleep.ts", import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify({ BORUNA_DB: join(cwd, ".boruna/db") })], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    await new Promise((resolve) => child.once("close", resolve));
    expect(output).toContain(`is in use by process ${process.pid}. Wait for it, set BORUNA_DB to another folder`);
  });

  test("no fs call reaches it", async () => {
    const handlers = liveHandlers({ env: {}, workingDirectory: cwd });
    const context = contextOf(policyOf({ fs_policy: { read: ["."], write: ["."] } }));
    const call = (name: string, args: readonly string[]): Promise<string> => {
      const handler = handlers.get(name);
      return handler instanceof MachineHandler ? failureOf(callHandler(name, handler.run, args, context)) : Promise.resolve("no handler");
    };
    const denied = /^denied: .* leads to the log or the database of this run/;
    expect(await call("fs.read", [".boruna/db/data/PG_VERSION"])).toMatch(denied);
    expect(await call("fs.read", [".boruna/db", "list"])).toMatch(denied);
    expect(await call("fs.write", [".boruna/db/data/PG_VERSION", "x"])).toMatch(denied);
    expect(await call("fs.write", [".boruna/db/lock.1", "", "delete"])).toMatch(denied);
    expect(await call("fs.read", [".boruna", "list"])).toBe('no failure: "[]"');
  });

  test("a statement cannot read the host's files", async () => {
    writeFileSync(join(cwd, "secret.txt"), "secret");
    for (const path of [join(cwd, "secret.txt"), "../../../secret.txt", "/proc/self/environ"])
      expect(await query.failure("select pg_read_file($1) as t", [path])).toContain("could not open file");
    await query.failure(`copy (select 1) to '${join(cwd, "out.txt")}'`, [], { statements: ALL_KINDS });
    expect(existsSync(join(cwd, "out.txt"))).toBe(false);
  });
});

test.each([
  [{ BORUNA_DB: "postgres://a:b@c/d" }, 'failed: BORUNA_DB is a folder, or "memory". The address of a server goes into DATABASE_URL'],
  [{ BORUNA_DB: "file.txt" }, "failed: the folder file.txt of the database cannot be opened (EEXIST)"],
])("%j", async (env, message) => {
  writeFileSync(join(cwd, "file.txt"), "");
  expect(await queryOn(env, cwd).failure("select 1 as a")).toBe(message);
});

test.runIf(DEEP)("a recorded run replays where there is no database", async () => {
  const source = `fn main() -> List<Json> !{db.query} {
    let _ = db.query("create table if not exists t (a int)")
    let _ = db.query("insert into t values ($1)", [Json::Int(7)])
    db.query("select count(*) as n, now() as at from t")
}`;
  mkdirSync(join(cwd, "logs"));
  const { module } = compile({ name: "main.ax", text: source });
  const policy = policyOf({ db_policy: { statements: ALL_KINDS } });
  const record = join(cwd, "logs", "run.jsonl");
  const run = await execute({ module }, { policy, live: true, env: { BORUNA_DB: "memory" }, record });
  expect(run).toMatchObject({ outcome: "success", counters: { dispatched: 3, failed: 0 } });
  expect(run.value).toMatchObject([{ n: 1 }]);
  expect(await replayRun(readLog(record))).toMatchObject({ status: "identical", answers: 3 });
});
