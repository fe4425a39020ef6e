/** `db.query` of the built command: the example, its replay in another folder, and a missing package. */
import { cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, EXAMPLES, MAIN } from "./boruna.ts";

describe("examples/order-report", () => {
  const cwd = join(temporaryFolder(), "order-report");
  cpSync(join(EXAMPLES, "order-report"), cwd, { recursive: true, filter: (path) => !path.includes(".boruna") });
  const run = (...args: readonly string[]) => boruna(["run", ...args, "--live"], { cwd });

  test.runIf(DEEP)("fills the table, reports, and replays where there is no database", async () => {
    expect(await run("setup.ax", "--policy", "setup.json")).toMatchObject({ code: 0, stderr: "" });
    const report = await run("report.ax", "--policy", "policy.json", "--arg", "least=400", "--record", "run.jsonl");
    expect(report).toMatchObject({ code: 0, stdout: '"Ann           2    1700"\n' });
    expect(await run("report.ax", "--policy", "policy.json", "--arg", "least=0")).toMatchObject({
      stdout: '"Ann           2    1700\nBob           1     300"\n',
    });
    // The policy of the report does not let another program write.
    const setup = await run("setup.ax", "--policy", "policy.json");
    expect([setup.code, setup.stderr]).toEqual([1, expect.stringContaining("statements that change the schema need ddl")]);

    const elsewhere = temporaryFolder();
    for (const name of ["run.jsonl", "run.jsonl.blobs"])
      if (existsSync(join(cwd, name))) renameSync(join(cwd, name), join(elsewhere, name));
    const replay = await boruna(["replay", "run.jsonl"], { cwd: elsewhere, env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" } });
    expect(replay).toMatchObject({ code: 0 });
    expect(existsSync(join(elsewhere, ".boruna"))).toBe(false);
  });

  test.runIf(DEEP && existsSync("/usr/bin/script"))("a terminal shows how long the database takes to open", () => {
    const line = `'${process.execPath}' '${MAIN}' run report.ax --policy policy.json --live --arg least=400`;
    const ended = spawnSync("/usr/bin/script", ["-qec", line, "/dev/null"], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    expect(ended.stdout).toMatch(/opening the database \.boruna\/db … [0-9]+\.[0-9] s\r?\n/);
  });
});

test("without the package of the embedded database, a call says what to install", () => {
  // A copy of the command in a folder from which it can import no package.
  const folder = temporaryFolder();
  mkdirSync(join(folder, "bin"));
  cpSync(dirname(MAIN), join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "app.ax"), 'fn main() -> List<Json> !{db.query} { db.query("select 1 as a") }\n');
  const args = [join(folder, "bin", "boruna.js"), "run", "app.ax", "--policy", "allow-all", "--live"];
  const ended = spawnSync(process.execPath, args, { cwd: folder, env: { PATH: process.env["PATH"] ?? "" }, encoding: "utf8" });
  expect(ended.stderr).toContain(
    "db.query needs the package @electric-sql/pglite, which is not installed: npm install @electric-sql/pglite",
  );
  expect(existsSync(join(folder, ".boruna"))).toBe(false);
});
