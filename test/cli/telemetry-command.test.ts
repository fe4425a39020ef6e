/** `boruna telemetry status`, `sink` and `report`, and the script that tries them together. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { usageLine } from "../../telemetry/usage/event.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { EVENT } from "../telemetry/usage/event.ts";
import { boruna, type Ended, MAIN } from "./boruna.ts";

const folder = temporaryFolder();
const state = join(folder, "state");
const EXAMPLE = join(folder, "program.ax");
writeFileSync(EXAMPLE, "fn main() -> Int { 1 }\n");
const status = (env: Readonly<Record<string, string>>, ...more: readonly string[]): Promise<Ended> =>
  boruna(["telemetry", "status", ...more], { env: { XDG_STATE_HOME: state, ...env } });

describe("telemetry status", () => {
  test("says that events are off, why, and how to turn them on", async () => {
    const { code, stdout, stderr } = await status({});
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "usage events are off",
      "why: BORUNA_TELEMETRY_ENABLED is not set",
      "to turn them on: BORUNA_TELEMETRY_FILE=FILE, or BORUNA_TELEMETRY_ENABLED=1 and BORUNA_TELEMETRY_URL=URL",
      "",
    ]);
    expect((await status({ DO_NOT_TRACK: "1", BORUNA_TELEMETRY_FILE: "a" })).stdout).toContain("why: DO_NOT_TRACK is set\n");
  });

  test("says where events go, without the token and without what a URL may hide", async () => {
    const env = {
      BORUNA_TELEMETRY_ENABLED: "1",
      BORUNA_TELEMETRY_URL: "http://127.0.0.1:9/SENTINEL?key=SENTINEL",
      BORUNA_TELEMETRY_TOKEN: "SENTINEL",
      BORUNA_TELEMETRY_TENANT: "acme",
      BORUNA_TELEMETRY_TIMEOUT_MS: "soon",
    };
    const { stdout } = await status(env);
    expect(stdout.split("\n")).toEqual([
      "usage events are on",
      "why: BORUNA_TELEMETRY_ENABLED is 1",
      "url: http://127.0.0.1:9/…",
      "token: set",
      "time limit: 1500 ms",
      "tenant: acme",
      `each event: ${Object.keys(EVENT).join(", ")}, tenant`,
      "notice: not yet shown",
      "to turn them off: BORUNA_TELEMETRY_DISABLED=1 or DO_NOT_TRACK=1",
      "note: BORUNA_TELEMETRY_TIMEOUT_MS is ignored: it is not a whole number from 1 up; 1500 is used",
      "",
    ]);
    const json = await status(env, "--json");
    expect(json.stdout).not.toContain("SENTINEL");
    expect(JSON.parse(json.stdout)).toMatchObject({ on: true, url: "http://127.0.0.1:9/…", file: null, token: true, tenant: "acme" });
  });

  test("strips control characters of a file's name", async () => {
    const { stdout } = await status({ BORUNA_TELEMETRY_FILE: "/tmp/\u001b[2Jx" });
    expect(stdout).toContain("file: /tmp/[2Jx\n");
  });
});

interface RunningSink {
  readonly url: string;
  /** Sends the signal and resolves when the process has ended. */
  stop(signal: NodeJS.Signals): Promise<Ended>;
}

/** Starts a sink as a process, and waits until it listens. */
function startSink(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunningSink> {
  const child = spawn(process.execPath, [MAIN, "telemetry", "sink", ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  return new Promise((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      const url = /^listening: (\S+)\n/.exec(stderr)?.[1];
      const stop = (signal: NodeJS.Signals): Promise<Ended> => {
        child.kill(signal);
        return ended;
      };
      if (url !== undefined) resolve({ url, stop });
    });
    void ended.then(({ code }) => reject(new Error(`the sink ended with ${code}: ${stderr}`)));
  });
}

describe("telemetry sink", () => {
  const send = (url: string, token: string): Promise<Ended> =>
    boruna(["explain", "E007"], {
      env: {
        XDG_STATE_HOME: state,
        BORUNA_TELEMETRY_ENABLED: "1",
        BORUNA_TELEMETRY_URL: url,
        BORUNA_TELEMETRY_TIMEOUT_MS: "60000",
        ...(token === "" ? {} : { BORUNA_TELEMETRY_TOKEN: token }),
      },
    });
  const post = (url: string, body: string): Promise<number> =>
    fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body }).then((response) => response.status);

  test.each(someOf(["SIGINT", "SIGTERM"] as const))("prints events as lines of JSON until %s", async (signal) => {
    const sink = await startSink([]);
    expect(sink.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    await send(sink.url, "");
    expect(await post(sink.url, usageLine(EVENT))).toBe(204);
    expect(await post(sink.url, '{"\u001b[2J":1}')).toBe(400);
    expect(await post(sink.url, '{"\u001b[2J":2}')).toBe(400);
    const { code, stdout, stderr } = await sink.stop(signal);
    expect(code).toBe(0);
    const [first = "", ...others] = stdout.split("\n");
    expect(JSON.parse(first)).toMatchObject({ command: "explain", outcome: "ok" });
    expect(others).toEqual([usageLine(EVENT), ""]);
    expect(stderr.split("\n").slice(1)).toEqual([
      "refused a request: 400, the event is not JSON; further ones are counted",
      "2 accepted, 2 refused",
      "",
    ]);
  });

  test("asks for the token, and appends to a file", async () => {
    const file = join(folder, "appended.jsonl");
    writeFileSync(file, `${usageLine(EVENT)}\n`);
    const sink = await startSink(["--append", "appended.jsonl", "--json"], { BORUNA_TELEMETRY_TOKEN: "secret-1" });
    await send(sink.url, "secret-1");
    await send(sink.url, "secret-2");
    await send(sink.url, "");
    const { code, stdout, stderr } = await sink.stop("SIGTERM");
    expect({ code, stdout: JSON.parse(stdout) }).toEqual({ code: 0, stdout: { protocol_version: 1, accepted: 1, refused: 2 } });
    expect(stderr).not.toContain("secret");
    expect(
      readFileSync(file, "utf8")
        .split("\n")
        .map((line) => (line === "" ? "" : JSON.parse(line).command)),
    ).toEqual(["policy", "explain", ""]);
  });

  test("keeps nothing with --dry-run", async () => {
    const file = join(folder, "untouched.jsonl");
    writeFileSync(file, "");
    const sink = await startSink(["--append", file, "--dry-run"]);
    expect(await post(sink.url, usageLine(EVENT))).toBe(204);
    expect(await sink.stop("SIGTERM")).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("1 accepted, 0 refused\n") });
    expect(readFileSync(file, "utf8")).toBe("");
  });

  test.each(
    someOf([
      ["a host that others reach, without a token", ["--host", "0.0.0.0"], {}, "a token is necessary"],
      ["a token that is none", [], { BORUNA_TELEMETRY_TOKEN: "two words" }, "is not a bearer token"],
      ["a port that is none", ["--port", "65536"], {}, "--port 65536: expected a port number"],
      ["a file that cannot be written", ["--append", "missing/a.jsonl"], {}, "cannot write missing/a.jsonl: there is no such folder"],
      ["a file that holds something else", ["--append", EXAMPLE], {}, "it holds something else than usage events"],
      ["a host that is not here", ["--host", "192.0.2.1"], { BORUNA_TELEMETRY_TOKEN: "a" }, "(EADDRNOTAVAIL)"],
    ]),
  )("refuses %s", async (_what, args, env, message) => {
    const ended = await boruna(["telemetry", "sink", ...args], { cwd: folder, env });
    expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });
});

describe("telemetry report", () => {
  const lines = [
    ...Array.from({ length: 98 }, (_, i) => usageLine({ ...EVENT, outcome: "ok", err_class: null, exit_code: 0, duration_ms: i + 1 })),
    usageLine({ ...EVENT, duration_ms: 99 }),
    usageLine({ ...EVENT, err_class: "denied", duration_ms: 1_000 }),
    usageLine({ ...EVENT, command: "run", subcommand: null, err_class: "denied", exit_code: 3 }),
    "\u001b[2J not an event",
    "x".repeat(1_000_000),
    '{"command":"run"}',
  ];

  test("prints error rates and percentiles, and counts malformed lines", async () => {
    writeFileSync(join(folder, "usage.jsonl"), lines.join("\n"));
    const { code, stdout, stderr } = await boruna(["telemetry", "report", "usage.jsonl"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "command      events  errors  error rate  p50 ms  p90 ms  p99 ms  most frequent errors",
      "policy show     100       2        2.0%      50      90      99  denied 1, policy.unknown_field 1",
      "run               1       1      100.0%     148     148     148  denied 1",
      "events: 101, malformed lines: 3",
      "",
    ]);
    const json = await boruna(["telemetry", "report", "usage.jsonl", "--json"], { cwd: folder });
    expect(JSON.parse(json.stdout)).toMatchObject({
      events: 101,
      malformed: 3,
      commands: [
        { command: "policy show", error_rate: 0.02, p99_ms: 99, err_classes: { denied: 1, "policy.unknown_field": 1 } },
        { command: "run", events: 1 },
      ],
    });
  });

  test("of an empty file says so, and a missing file is an error", async () => {
    writeFileSync(join(folder, "empty.jsonl"), "");
    expect(await boruna(["telemetry", "report", "empty.jsonl"], { cwd: folder })).toMatchObject({
      code: 0,
      stdout: "events: 0, malformed lines: 0\n",
    });
    const missing = await boruna(["telemetry", "report", "none.jsonl"], { cwd: folder });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot read none.jsonl: there is no such file") });
  });
});

test.skipIf(!DEEP || process.platform === "win32")("scripts/telemetry-smoke passes", () => {
  const script = new URL("../../scripts/telemetry-smoke", import.meta.url).pathname;
  const run = spawnSync(script, { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "" } });
  expect({ status: run.status, stdout: run.stdout, stderr: run.stderr }).toEqual({
    status: 0,
    stdout: expect.stringContaining("ok"),
    stderr: "",
  });
});
