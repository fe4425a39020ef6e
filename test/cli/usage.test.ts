/** Usage events of the command: what they hold, where they go, and that nothing else of a command changes. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseUsageEvent, USAGE_FIELDS, type UsageEvent } from "../../telemetry/usage/event.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { type Behavior, refusingUrl, startCollector } from "../telemetry/collector.ts";
import { boruna, type Ended } from "./boruna.ts";
import { SENTINEL } from "./fixtures.ts";

const folder = temporaryFolder();
const LOADED_FILES = new URL("loaded-files.mjs", import.meta.url).href;
const NOTICE = "Boruna sends a usage event for each command";
/** A state folder in which the notice has been shown. */
const quiet = join(folder, "quiet");

beforeAll(async () => {
  const files: Readonly<Record<string, string>> = {
    "hello.ax": 'fn main(name: String) -> String { "hello " ++ name }\n',
    "read.ax": 'fn main() -> String !{fs.read} { fs.read("a") }\n',
    "trap.ax": "fn main() -> Int { 1 / 0 }\n",
    "loop.ax": 'fn main() -> Int {\n    debug("started")\n    let mut n = 0\n    while true {\n        n = (n + 1) % 7\n    }\n    n\n}\n',
    "wrong.ax": "fn main() -> Int { x }\n",
    "failing.ax": 'test "fails" { panic("no") }\n',
    "unformatted.ax": "fn main()->Int{1}\n",
    "cut.jsonl": "{}\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await boruna(["explain", "E007"], { env: { XDG_STATE_HOME: quiet, BORUNA_TELEMETRY_FILE: join(folder, "first.jsonl") } });
});

let fileCount = 0;
const newFile = (): string => join(folder, `usage-${++fileCount}.jsonl`);

function readEvents(file: string): readonly UsageEvent[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => {
    const parsed = parseUsageEvent(line);
    if ("problem" in parsed) throw new Error(`${parsed.problem}: ${line}`);
    return parsed.event;
  });
}

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  boruna(args, { cwd: folder, env: { XDG_STATE_HOME: quiet, ...env } });

describe("one event for each command", () => {
  test.each(
    someOf<readonly [string, number, Partial<UsageEvent>]>([
      ["run hello.ax --arg name=Ada", 0, { command: "run", outcome: "ok", err_class: null }],
      ["run read.ax", 3, { outcome: "error", err_class: "denied" }],
      ["run trap.ax --json", 1, { err_class: "program_error" }],
      ["run loop.ax --max-steps 100", 4, { err_class: "limit_exceeded" }],
      ["run wrong.ax", 2, { err_class: "compile_error" }],
      ["run missing.ax", 2, { err_class: "io_error" }],
      ["run hello.ax --unknown", 2, { command: "run", err_class: "usage" }],
      ["run hello.ax --force", 2, { command: "run", err_class: "usage" }],
      ["test failing.ax", 1, { command: "test", err_class: "failed" }],
      ["fmt --check unformatted.ax", 1, { command: "fmt", err_class: "failed" }],
      ["verify cut.jsonl", 6, { command: "verify", err_class: "verification_failed" }],
      ["policy show allow-all", 0, { command: "policy", subcommand: "show", outcome: "ok" }],
      ["capability list", 0, { command: "capability", subcommand: "list", outcome: "ok" }],
    ]),
  )("%s", async (line, code, expected) => {
    const file = newFile();
    const plain = await run(line.split(" "));
    const ended = await run(line.split(" "), { BORUNA_TELEMETRY_FILE: file });
    expect(ended).toEqual(plain);
    expect(ended.code).toBe(code);
    const events = readEvents(file);
    expect(events).toEqual([expect.objectContaining({ subcommand: null, ...expected, exit_code: code })]);
    expect(Object.keys(events[0] ?? {})).toEqual(Object.keys(USAGE_FIELDS).filter((name) => name !== "tenant"));
  });

  test.each(someOf(["--help", "--version", "run --help", "policy", "SENTINEL", "telemetry status", "telemetry report first.jsonl"]))(
    "none for: %s",
    async (line) => {
      const file = newFile();
      await run(line.split(" "), { BORUNA_TELEMETRY_FILE: file });
      expect(readEvents(file)).toEqual([]);
    },
  );

  test.each(someOf([{ BORUNA_TELEMETRY_DISABLED: "1" }, { DO_NOT_TRACK: "1" }, { DO_NOT_TRACK: "0" }]))(
    "none, and no notice, with %j",
    async (optOut) => {
      const [file, state] = [newFile(), join(folder, "opted-out")];
      const ended = await run(["explain", "E007"], { BORUNA_TELEMETRY_FILE: file, XDG_STATE_HOME: state, ...optOut });
      expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
      expect([existsSync(file), existsSync(state)]).toEqual([false, false]);
    },
  );

  test("a run that is interrupted has the exit code and the word of the signal", async () => {
    const file = newFile();
    const args = ["run", "loop.ax", "--max-steps", "1000000000000"];
    const env = { XDG_STATE_HOME: quiet, BORUNA_TELEMETRY_FILE: file };
    const ended = await boruna(args, { cwd: folder, env, signalAfter: { text: "started", signal: "SIGTERM" } });
    expect(ended.code).toBe(143);
    expect(readEvents(file)).toMatchObject([{ command: "run", outcome: "error", err_class: "canceled", exit_code: 143 }]);
  });

  test.runIf(DEEP)("the trace is that of the run's span, and random without one", async () => {
    const [file, log] = [newFile(), join(folder, "traced.jsonl")];
    const collector = await startCollector();
    const env = { BORUNA_TELEMETRY_FILE: file, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    await run(["run", "hello.ax", "--arg", "name=Ada", "--record", log], env);
    await run(["replay", log], env);
    await run(["explain", "E007"], env);
    await run(["explain", "E007"], env);
    await collector.close();
    const traces = readEvents(file).map((event) => event.trace_id);
    expect(traces.slice(0, 2)).toEqual(collector.spans().map((span) => span.traceId));
    expect(new Set(traces).size).toBe(4);
  });

  test("the tenant is in the event only if it is set and valid", async () => {
    const file = newFile();
    await run(["explain", "E007"], { BORUNA_TELEMETRY_FILE: file, BORUNA_TELEMETRY_TENANT: "acme" });
    await run(["explain", "E007"], { BORUNA_TELEMETRY_FILE: file, BORUNA_TELEMETRY_TENANT: "two words" });
    expect(readEvents(file).map((event) => event.tenant)).toEqual(["acme", undefined]);
  });
});

describe("the notice", () => {
  const count = (ended: readonly Ended[]): number => ended.filter(({ stderr }) => stderr.includes(NOTICE)).length;

  test("is shown once, whatever the command, and says what is sent and how to stop it", async () => {
    const env = { BORUNA_TELEMETRY_FILE: newFile(), XDG_STATE_HOME: join(folder, "fresh") };
    const first = await run(["run", "hello.ax", "--arg", "name=Ada", "--json"], env);
    expect(JSON.parse(first.stdout)).toMatchObject({ outcome: "success" });
    for (const part of [NOTICE, ...Object.keys(USAGE_FIELDS), "BORUNA_TELEMETRY_DISABLED=1", "DO_NOT_TRACK=1"])
      expect(first.stderr).toContain(part);
    expect((await run(["explain", "E007"], env)).stderr).toBe("");
    expect(readdirSync(join(folder, "fresh", "boruna"))).toEqual(["usage-notice-1"]);
  });

  test("is shown by one of several commands at the same time", async () => {
    const env = { BORUNA_TELEMETRY_FILE: newFile(), XDG_STATE_HOME: join(folder, "together") };
    expect(count(await Promise.all(Array.from({ length: 3 }, () => run(["explain", "E007"], env))))).toBe(1);
  });

  test("is remembered in the home folder by default", async () => {
    const home = join(folder, "home");
    mkdirSync(home);
    const env = { HOME: home, BORUNA_TELEMETRY_FILE: "~/usage.jsonl", XDG_STATE_HOME: "" };
    expect(count([await run(["explain", "E007"], env), await run(["explain", "E007"], env)])).toBe(1);
    expect(existsSync(join(home, ".local", "state", "boruna", "usage-notice-1"))).toBe(true);
    expect(readEvents(join(home, "usage.jsonl"))).toHaveLength(2);
  });

  test.each([
    ["no home folder", { HOME: "", XDG_STATE_HOME: "" }],
    ["a state folder that cannot be made", { XDG_STATE_HOME: join(folder, "hello.ax") }],
  ])("with %s, every command shows it and works", async (_what, where) => {
    const file = newFile();
    const env = { BORUNA_TELEMETRY_FILE: file, ...where };
    const ended = [await run(["explain", "E007"], env), await run(["explain", "E007"], env)];
    expect([count(ended), ...ended.map(({ code }) => code)]).toEqual([2, 0, 0]);
    expect(readEvents(file)).toHaveLength(2);
  });
});

describe("a destination that fails changes nothing", () => {
  const args = ["run", "trap.ax", "--json"];

  test.each(
    someOf<readonly [Behavior | "refuse", timeoutMs: number, reason: string]>([
      ["refuse", 60_000, "ECONNREFUSED"],
      ["reset", 60_000, "ECONNRESET"],
      ["error", 60_000, "the server answered 500"],
      ["hang", 200, "no answer within 200 ms"],
      ["drip", 200, "no answer within 200 ms"],
      ["slow-read", 200, "no answer within 200 ms"],
    ]),
  )("a server: %s", async (kind, timeoutMs, reason) => {
    const collector = kind === "refuse" ? undefined : await startCollector(kind);
    const url = collector?.url ?? (await refusingUrl());
    const env = { BORUNA_TELEMETRY_ENABLED: "1", BORUNA_TELEMETRY_URL: url, BORUNA_TELEMETRY_TIMEOUT_MS: String(timeoutMs) };
    const [plain, silent, debug] = [await run(args), await run(args, env), await run(args, { ...env, BORUNA_DEBUG: "1" })];
    await collector?.close();
    expect(silent).toEqual(plain);
    expect(debug).toEqual({ ...plain, stderr: `${plain.stderr}usage event not delivered: ${reason}\n` });
  });

  test.runIf(DEEP)("a redirect is not followed", async () => {
    const other = await startCollector();
    const collector = await startCollector((_request, answer) => answer(307, { headers: { location: other.url } }));
    const env = { BORUNA_TELEMETRY_ENABLED: "1", BORUNA_TELEMETRY_URL: collector.url, BORUNA_TELEMETRY_TIMEOUT_MS: "60000" };
    expect(await run(args, env)).toEqual(await run(args));
    await Promise.all([collector.close(), other.close()]);
    expect([collector.requests.length, other.connections()]).toEqual([1, 0]);
  });

  test.runIf(DEEP)("a host that does not exist", async () => {
    // A label of more than 63 characters is invalid, so the resolver asks no server.
    const env = {
      BORUNA_TELEMETRY_ENABLED: "1",
      BORUNA_TELEMETRY_URL: `http://${"a".repeat(64)}.example/`,
      BORUNA_TELEMETRY_TIMEOUT_MS: "60000",
    };
    expect(await run(args, env)).toEqual(await run(args));
  });

  test("a file that holds something else, such as the log of the same run", async () => {
    const log = join(folder, "log.jsonl");
    const recorded = ["run", "trap.ax", "--record", log, "--force"];
    await run(recorded);
    const plain = readFileSync(log, "utf8");
    const ended = await run(recorded, { BORUNA_TELEMETRY_FILE: log, BORUNA_DEBUG: "1" });
    expect(ended.stderr).toContain("usage event not delivered: it holds something else than usage events\n");
    expect(readFileSync(log, "utf8")).toBe(plain);
  });

  test("a file that cannot be written", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const file of someOf([
      folder,
      join(folder, "missing", "usage.jsonl"),
      join(folder, "hello.ax", "x"),
      pipe,
      "/dev/null",
      "/dev/stdout",
    ])) {
      expect(await run(args, { BORUNA_TELEMETRY_FILE: file })).toEqual(await run(args));
    }
  });
});

test("an event is one JSON POST with the token", async () => {
  const collector = await startCollector();
  const env = { BORUNA_TELEMETRY_ENABLED: "1", BORUNA_TELEMETRY_URL: `${collector.url}/usage?key=1`, BORUNA_TELEMETRY_TOKEN: "secret-1" };
  await run(["explain", "E007"], { ...env, BORUNA_TELEMETRY_TIMEOUT_MS: "60000" });
  await collector.close();
  expect(collector.requests).toHaveLength(1);
  const [{ path, headers, body } = { path: "", headers: {}, body: Buffer.from("") }] = collector.requests;
  expect(path).toBe("/usage?key=1");
  expect(headers).toMatchObject({ authorization: "Bearer secret-1", "content-type": "application/json" });
  expect(parseUsageEvent(body.toString("utf8"))).toMatchObject({ event: { command: "explain", outcome: "ok" } });
});

const PROCESSES = DEEP ? 12 : 4;
test("commands that run at the same time append whole lines", async () => {
  const file = newFile();
  const ended = await Promise.all(Array.from({ length: PROCESSES }, () => run(["explain", "E007"], { BORUNA_TELEMETRY_FILE: file })));
  expect(ended.map(({ code }) => code)).toEqual(ended.map(() => 0));
  expect(readEvents(file)).toHaveLength(PROCESSES);
});

test("nothing of arguments, paths, program text, errors, environment or secrets is sent, and stderr repeats none of it", async () => {
  const secret = join(folder, `${SENTINEL}-folder`);
  mkdirSync(secret);
  writeFileSync(join(secret, `${SENTINEL}.ax`), `fn main(name: String) -> String { panic("${SENTINEL}" ++ name) }\n`);
  const collector = await startCollector();
  const env = {
    BORUNA_TELEMETRY_ENABLED: "1",
    BORUNA_TELEMETRY_URL: `${collector.url}/${SENTINEL}?key=${SENTINEL}`,
    BORUNA_TELEMETRY_TOKEN: `${SENTINEL}-token`,
    BORUNA_TELEMETRY_TIMEOUT_MS: "60000",
    BORUNA_TELEMETRY_TENANT: `${SENTINEL} not a tenant`,
    USER: SENTINEL,
    HOSTNAME: SENTINEL,
    MY_SECRET: SENTINEL,
    XDG_STATE_HOME: join(secret, "state"),
  };
  const lines = [
    ["explain", "E007"],
    ["run", `${SENTINEL}.ax`, "--arg", `name=${SENTINEL}`, "--record", `${SENTINEL}.jsonl`],
    ["run", `${SENTINEL}-missing.ax`],
    ["run", `--${SENTINEL}`],
    ["policy", "show", `${SENTINEL}.json`],
    [SENTINEL],
    ["telemetry", "status"],
  ];
  const ended: Ended[] = [];
  for (const line of lines) ended.push(await boruna(line, { cwd: secret, env }));
  await collector.close();
  expect(collector.requests).toHaveLength(5);
  for (const { body, headers } of collector.requests) {
    expect(body.toString("utf8")).not.toContain(SENTINEL);
    expect(JSON.stringify({ ...headers, authorization: undefined })).not.toContain(SENTINEL);
  }
  expect(ended[0]?.stderr).toContain(NOTICE);
  expect(ended[0]?.stderr).not.toContain(SENTINEL);
  expect(`${ended.at(-1)?.stdout}${ended.at(-1)?.stderr}`).not.toContain(SENTINEL);
});

test("without usage events a run loads no file and no module of Node for them", async () => {
  const loaded = async (env: Readonly<Record<string, string>>): Promise<{ files: readonly string[]; modules: readonly string[] }> => {
    const file = join(folder, "loaded.json");
    const args = ["run", "hello.ax", "--arg", "name=Ada"];
    await boruna(args, { cwd: folder, nodeFlags: ["--import", LOADED_FILES], env: { XDG_STATE_HOME: quiet, LOADED: file, ...env } });
    return JSON.parse(readFileSync(file, "utf8"));
  };
  const off = await loaded({});
  expect(off.files.toSorted()).toEqual(["boruna.js", "core.js", "rolldown-runtime.js"]);
  expect(off.modules.filter((name) => /^NativeModule (dns|http|https|net|os)$/.test(name))).toEqual([]);
  const on = await loaded({ BORUNA_TELEMETRY_FILE: newFile() });
  expect(on.files).toContain("record.js");
});
