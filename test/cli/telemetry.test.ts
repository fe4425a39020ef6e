import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Behavior, type Collector, refusingUrl, startCollector } from "../telemetry/collector.ts";
import { boruna, temporaryFolder } from "./boruna.ts";
import { SENTINEL, startWeb, type Web, writeCalls } from "./fixtures.ts";

const folder = temporaryFolder();
let web: Web;

beforeAll(async () => {
  writeCalls(folder);
  web = await startWeb();
});
afterAll(() => web.close());

const calls = (what: string, ...more: readonly string[]): readonly string[] => [
  "run",
  "calls.ax",
  "--policy",
  "policy.json",
  "--live",
  "--arg",
  `what=${what}`,
  "--arg",
  `url=${web.url}`,
  ...more,
];
const bytes = (...texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

interface Expected {
  readonly code: number;
  readonly outcome: string;
  readonly spans: readonly Readonly<Record<string, unknown>>[];
}

const CASES: readonly (readonly [string, () => Expected])[] = [
  [
    "ok",
    () => ({
      code: 0,
      outcome: "success",
      spans: [
        {
          "cap.name": "net.fetch",
          bytes_in: bytes(web.url, "POST", `${SENTINEL}-böd`, "x-sent", `${SENTINEL}-value`),
          bytes_out: bytes("answer-é"),
          "cap.budget_remaining": 1,
          "cap.call": 1,
          "cap.mode": "live",
          "code.file.path": "calls.ax",
          "code.line.number": 5,
          "code.function.name": "main",
        },
      ],
    }),
  ],
  [
    "denied",
    () => ({
      code: 3,
      outcome: "denied",
      spans: [{ "cap.name": "fs.read", bytes_in: bytes(`${SENTINEL}-path`), "error.kind": "denied", "error.type": "denied" }],
    }),
  ],
  [
    "over",
    () => ({
      code: 3,
      outcome: "budget_exceeded",
      spans: [
        { "cap.name": "net.fetch", bytes_in: bytes(web.url), bytes_out: 9, "cap.budget_remaining": 1 },
        { "cap.name": "net.fetch", bytes_in: bytes(web.url), bytes_out: 9, "cap.budget_remaining": 0 },
        { "cap.name": "net.fetch", bytes_in: bytes(web.url), "cap.budget_remaining": 0, "error.kind": "budget_exceeded" },
      ],
    }),
  ],
  [
    "failed",
    () => ({
      code: 1,
      outcome: "runtime_error",
      spans: [
        {
          "cap.name": "net.fetch",
          bytes_in: bytes(web.url, `/${SENTINEL}-missing`),
          "cap.budget_remaining": 1,
          "error.kind": "runtime_error",
        },
      ],
    }),
  ],
  [
    "database",
    () => ({
      code: 1,
      outcome: "runtime_error",
      spans: [{ "cap.name": "db.query", bytes_in: bytes(`select '${SENTINEL}'`), "error.kind": "runtime_error" }],
    }),
  ],
  [
    "emit",
    () => ({ code: 0, outcome: "success", spans: [{ "cap.name": "ui.render", bytes_in: bytes(SENTINEL, "k", "vé", "x"), bytes_out: 0 }] }),
  ],
];

describe.each(["http/protobuf", "http/json"])("spans over %s", (protocol) => {
  test.each(CASES)("%s", async (what, expectation) => {
    const collector = await startCollector();
    const expected = expectation();
    const ended = await boruna(calls(what), {
      cwd: folder,
      // With this address as a folder, each call of db.query fails before it opens a database.
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: protocol, BORUNA_DB: "postgres://127.0.0.1/db" },
    });
    await collector.close();
    expect(ended.code).toBe(expected.code);
    const spans = collector.spans();
    const runs = spans.filter((s) => s.name === "boruna.run");
    expect(runs).toHaveLength(1);
    expect(runs[0]?.attributes).toMatchObject({
      "boruna.run.outcome": expected.outcome,
      "process.exit.code": expected.code,
      "boruna.run.calls.total": expected.spans.length,
    });
    const caps = spans
      .filter((s) => s.name === "boruna.cap")
      .sort((a, b) => Number(a.attributes["cap.call"]) - Number(b.attributes["cap.call"]));
    expect(caps).toHaveLength(expected.spans.length);
    expect(spans).toHaveLength(expected.spans.length + 1);
    caps.forEach((span, i) => {
      expect(span.parentSpanId).toBe(runs[0]?.spanId);
      expect(span.traceId).toBe(runs[0]?.traceId);
      expect(span.attributes).toMatchObject(expected.spans[i] ?? {});
      for (const absent of ["bytes_out", "error.kind", "cap.budget_remaining"]) {
        if (expected.spans[i]?.[absent] === undefined && !(absent === "cap.budget_remaining" && what === "database"))
          expect(span.attributes).not.toHaveProperty([absent]);
      }
    });
    expect(collector.sent(SENTINEL)).toBe(false);
    expect(collector.sent("answer-é")).toBe(false);
    expect(collector.sent(folder)).toBe(false);
  });
});

test("a denial in a library names the program's own place, in its span and on stderr", async () => {
  const project = join(folder, "project");
  mkdirSync(join(project, "libs", "deep", "src"), { recursive: true });
  writeFileSync(
    join(project, "libs", "deep", "src", "core.ax"),
    'export fn read(n: Int) -> String !{fs.read} { if n == 0 { fs.read("x") } else { read(n - 1) ++ "" } }\n',
  );
  writeFileSync(
    join(project, "ask.ax"),
    'import "deep"\n\nfn ask(n: Int) -> String !{fs.read} {\n    read(n) ++ ""\n}\n\nfn main(n: Int) -> String !{fs.read} { ask(n) ++ "" }\n',
  );
  const collector = await startCollector();
  const ended = async (depth: number): Promise<string> => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const { code, stderr } = await boruna(["run", "ask.ax", "--arg", `n=${depth}`], { cwd: project, env });
    expect(code).toBe(3);
    return stderr;
  };
  expect(await ended(0)).toContain("\n  called from ask (ask.ax:4:5)\n  called from main (ask.ax:7:40)\n");
  const lines = (await ended(300)).split("\n").filter((line) => line.startsWith("  called") || line.startsWith("  …"));
  expect(lines.slice(-2)).toEqual(["  called by the program from ask (ask.ax:4:5)", "  … and 54 more"]);
  expect(lines).toHaveLength(10);
  await collector.close();
  const caps = collector.spans().filter((span) => span.name === "boruna.cap");
  expect(caps).toHaveLength(2);
  for (const { attributes } of caps) {
    expect(attributes).toMatchObject({
      "code.file.path": "libs/deep/src/core.ax",
      "code.line.number": 1,
      "code.function.name": "read",
      "code.caller.file.path": "ask.ax",
      "code.caller.line.number": 4,
      "code.caller.function.name": "ask",
    });
  }
});

test("the caller's trace is carried on", async () => {
  const collector = await startCollector();
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  await boruna(calls("emit"), {
    cwd: folder,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, TRACEPARENT: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  await collector.close();
  const run = collector.spans().find((s) => s.name === "boruna.run");
  expect(run).toMatchObject({ traceId, parentSpanId: "00f067aa0ba902b7" });
});

describe("a bad collector changes nothing", () => {
  // The export timeout is an hour: the process ends at all because of this bound.
  const BOUND_MS = 1_500;
  const record = async (
    name: string,
    env: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; log: Buffer; stderr: string }> => {
    const log = join(folder, `${name}.jsonl`);
    // Mock answers: the port of the web server of this run must not differ between logs.
    const ended = await boruna(
      ["run", "calls.ax", "--policy", "policy.json", "--arg", "what=trap", "--arg", "url=http://127.0.0.1/", "--record", log, "--force"],
      { cwd: folder, env: { BORUNA_OTEL_SHUTDOWN_MS: String(BOUND_MS), OTEL_EXPORTER_OTLP_TIMEOUT: "3600000", ...env } },
    );
    return { code: ended.code, log: readFileSync(log), stderr: ended.stderr };
  };

  test.each(["none", "healthy", "refuse", "hang", "reset", "error", "drip", "slow-read"] as const)("%s", async (kind) => {
    const plain = await record("plain", {});
    if (kind === "none") {
      expect(plain.code).toBe(1);
      return;
    }
    const collector = kind === "refuse" ? undefined : await startCollector(kind satisfies Behavior);
    const ended = await record(kind, { OTEL_EXPORTER_OTLP_ENDPOINT: collector?.url ?? (await refusingUrl()) });
    await collector?.close();
    expect(ended.log.equals(plain.log)).toBe(true);
    expect(ended.code).toBe(plain.code);
    expect(/telemetry: .*lost/.test(ended.stderr)).toBe(kind !== "healthy");
  });
});

describe("a full queue of spans", () => {
  const QUEUE = { OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10", BORUNA_OTEL_SHUTDOWN_MS: "500" };
  /** Four requests in flight and the queue. */
  const ROOM = 50;
  writeFileSync(
    join(folder, "many.ax"),
    `fn main() -> Int !{time.now} {
    let mut n = 0
    while n < 200 {
        let _now = time.now()
        n = n + 1
        debug("call " ++ int.to_string(n))
    }
    n
}
`,
  );
  const run = (
    collector: Collector | undefined,
    name: string,
    options: Partial<Parameters<typeof boruna>[1]>,
    ...more: readonly string[]
  ) =>
    boruna(["run", "many.ax", "--policy", "allow-all", "--record", join(folder, `${name}.jsonl`), ...more], {
      cwd: folder,
      env: collector === undefined ? {} : { ...QUEUE, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      ...options,
    });

  test("makes the run wait, and Ctrl-C still ends it", async () => {
    const collector = await startCollector("hang");
    const ended = await run(collector, "waiting", { signalAfter: { text: `call ${ROOM}"`, signal: "SIGINT" } });
    await collector.close();
    expect(ended.code).toBe(130);
    expect(ended.stderr).not.toContain(`call ${ROOM + 1}"`);
    expect(ended.stderr).toContain("canceled: the run was canceled");
    expect(await boruna(["verify", join(folder, "waiting.jsonl")])).toMatchObject({ code: 0 });
  });

  test("makes no difference to the log, whether the run waits or spans are dropped", async () => {
    const plain = await run(undefined, "untraced", {});
    // Nothing is answered before the queue must be full, and everything once the run has ended.
    const held: (() => void)[] = [];
    let ended = false;
    const collector = await startCollector((request, answer) => {
      ended ||= request.spans.some((span) => span.name === "boruna.run");
      held.push(() => answer(200));
      if (ended || held.length >= 4) for (const release of held.splice(0)) release();
    });
    const waited = await run(collector, "waited", {});
    await collector.close();
    expect(waited).toMatchObject({ code: 0, stdout: plain.stdout, stderr: expect.not.stringContaining("telemetry:") });
    expect(collector.spans()).toHaveLength(201);
    const logOf = (name: string): Buffer => readFileSync(join(folder, `${name}.jsonl`));
    expect(logOf("waited").equals(logOf("untraced"))).toBe(true);
  });

  test("does not stop a run with a wall-clock limit: what there is no room for is dropped and counted", async () => {
    const collector = await startCollector((request, answer) => {
      if (request.spans.some((span) => span.name === "boruna.run")) answer(200);
    });
    const ended = await run(collector, "limited", {}, "--max-wall-ms", "600000");
    await collector.close();
    expect(ended.code).toBe(0);
    const accepted = collector.requests.find((request) => request.spans.some((span) => span.name === "boruna.run"))?.spans.length ?? 0;
    expect(accepted).toBeGreaterThan(0);
    expect(ended.stderr.split("\n").find((line) => line.startsWith("telemetry:"))).toMatch(
      new RegExp(
        `^telemetry: ${201 - accepted} of 201 spans lost: more ended than the queue .* \\(150\\); the collector did not answer within 500 ms`,
      ),
    );
  });
});

test("without an endpoint no OpenTelemetry module is loaded", async () => {
  const hook = join(folder, "hook.mjs");
  const loader = join(folder, "loader.mjs");
  const seen = join(folder, "loaded.txt");
  writeFileSync(
    loader,
    `import { appendFileSync } from "node:fs";\nexport async function load(url, context, next) { appendFileSync(${JSON.stringify(seen)}, url + "\\n"); return next(url, context); }\n`,
  );
  writeFileSync(hook, `import { register } from "node:module";\nregister(${JSON.stringify(`file://${loader}`)});\n`);
  const loaded = async (env: Readonly<Record<string, string>>): Promise<string> => {
    writeFileSync(seen, "");
    const ended = await boruna(["run", "calls.ax", "--policy", "policy.json", "--arg", "what=emit", "--arg", "url=x"], {
      cwd: folder,
      env,
      nodeFlags: ["--import", `file://${hook}`],
    });
    expect(ended.code).toBe(0);
    return readFileSync(seen, "utf8");
  };
  const quiet = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: "" });
  expect(quiet).toContain("dist/bin/boruna.js");
  expect(quiet).not.toContain("@opentelemetry");
  expect(quiet).not.toContain("undici");
  const collector = await startCollector();
  expect(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })).toContain("@opentelemetry/sdk-trace");
  await collector.close();
});
