/** `boruna context` reads a `boruna run` that runs in another process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { boruna, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
const slots = join(folder, "slots");
mkdirSync(slots);

const ENDLESS = `fn main() -> Int {
    let _ = debug("running")
    let mut i = 0
    while true { i = (i + 1) % 1000 }
    i
}
`;
const WAITING = "fn main(url: String) -> Int !{net.fetch} { string.len(net.fetch(url)) }\n";
writeFileSync(join(folder, "endless.ax"), ENDLESS);
writeFileSync(join(folder, "waiting.ax"), WAITING);
writeFileSync(
  join(folder, "policy.json"),
  JSON.stringify({
    schema_version: 1,
    rules: { "net.fetch": { allow: true } },
    net_policy: { allowed_domains: ["127.0.0.1"], allow_private_networks: true },
  }),
);

const ENVIRONMENT = { BORUNA_THREAD_CONTEXT: "1", OTEL_TRACES_EXPORTER: "console", XDG_RUNTIME_DIR: slots };

interface RunProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stderr: () => string;
}

function startRun(args: readonly string[]): RunProcess {
  const child = spawn(process.execPath, [MAIN, "run", ...args], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...ENVIRONMENT },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return { child, pid: child.pid ?? 0, stderr: () => stderr };
}

describe.runIf(process.platform === "linux")("boruna context", () => {
  test("prints the ids of the span while the machine runs, and the slot disappears when a signal ends the run", async () => {
    const run = startRun(["endless.ax", "--max-steps", "1000000000000"]);
    while (!run.stderr().includes("running")) await once(run.child.stderr ?? run.child, "data");
    // The run gives the thread to others for a moment in each turn. In such a moment its record is invalid.
    let read = await boruna(["context", String(run.pid)]);
    while (read.stdout === `thread ${run.pid}  invalid\n`) read = await boruna(["context", String(run.pid)]);
    expect(read).toMatchObject({ code: 0, stderr: "" });
    const [, thread, trace, span] =
      /^thread (\d+) {2}valid {2}trace=([0-9a-f]{32}) {2}span=([0-9a-f]{16}) {2}flags=01\n$/.exec(read.stdout) ?? [];
    expect(thread).toBe(String(run.pid));
    run.child.kill("SIGTERM");
    await once(run.child, "close");
    expect(run.child.exitCode).toBe(143);
    expect(run.stderr()).toContain(`trace=${trace} span=${span}`);
    expect(readdirSync(slots)).toEqual([]);
    const dead = await boruna(["context", String(run.pid), "--json"]);
    expect({ code: dead.code, ...JSON.parse(dead.stdout) }).toMatchObject({ code: 2, ok: false, error: { kind: "telemetry.no_process" } });
  });

  test.runIf(DEEP)("prints invalid while the machine waits for an answer", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const run = startRun(["waiting.ax", "--live", "--policy", "policy.json", "--arg", `url=http://127.0.0.1:${address.port}/`]);
    const early = once(run.child, "close").then(() => Promise.reject(new Error(`the run made no request: ${run.stderr()}`)));
    const [, response] = await Promise.race([once(server, "request"), early]);
    expect(await boruna(["context", String(run.pid)])).toEqual({ code: 0, stdout: `thread ${run.pid}  invalid\n`, stderr: "" });
    const json = await boruna(["context", String(run.pid), "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({ protocol_version: 1, ok: true, pid: run.pid, threads: [{ thread: run.pid, valid: false }] });
    response.end("four");
    await early.catch(() => undefined);
    server.close();
    expect(run.child.exitCode).toBe(0);
    expect(readdirSync(slots)).toEqual([]);
  });

  test("fails with an explanation if the process publishes nothing", async () => {
    const { code, stderr, stdout } = await boruna(["context", String(process.pid)]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `error: process ${process.pid} publishes no thread context\n` +
        "  help: It publishes one while it runs Boruna with BORUNA_THREAD_CONTEXT=1 and spans switched on.\n",
    );
  });

  test.each(someOf(["0", "-1", "1e3", "x", "99999999999"]))("refuses %j as a process id", async (pid) => {
    const { code, stderr } = await boruna(["context", "--", pid]);
    expect(code).toBe(2);
    expect(stderr).toContain("the argument is not a process id");
  });
});

test("a run has the same log, result and output with the thread context as without it", async () => {
  const run = async (name: string, env: Readonly<Record<string, string>>): Promise<unknown> => {
    const log = join(folder, `${name}.jsonl`);
    const args = ["run", "waiting.ax", "--policy", "allow-all", "--arg", "url=http://a.example/", "--record", log];
    const { code, stdout } = await boruna(args, { cwd: folder, env });
    return { code, stdout, log: readFileSync(log, "utf8") };
  };
  const without = await run("without", { OTEL_TRACES_EXPORTER: "console" });
  expect(await run("with", ENVIRONMENT)).toEqual(without);
  expect(without).toMatchObject({ code: 0, log: expect.stringContaining("CapResult") });
});
