import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TRACE_DETAILS, type TraceDetail } from "../../telemetry/tracing.ts";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { BROKEN_COLLECTORS } from "../telemetry/broken-collectors.ts";
import { type Collector, startCollector } from "../telemetry/collector.ts";
import { boruna } from "./boruna.ts";
import { SENTINEL, startWeb, type Web, writeCalls } from "./fixtures.ts";

const folder = temporaryFolder();
let web: Web;

beforeAll(async () => {
  writeCalls(folder);
  web = await startWeb();
});
afterAll(() => web.close());

const runArgs = (what: string, ...more: readonly string[]): readonly string[] => [
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
const byteLength = (...texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

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
          bytes_in: byteLength(web.url, "POST", `${SENTINEL}-böd`, "x-sent", `${SENTINEL}-value`),
          bytes_out: byteLength("answer-é"),
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
      spans: [{ "cap.name": "fs.read", bytes_in: byteLength(`${SENTINEL}-path`), "error.kind": "denied", "error.type": "denied" }],
    }),
  ],
  [
    "over",
    () => ({
      code: 3,
      outcome: "budget_exceeded",
      spans: [
        { "cap.name": "net.fetch", bytes_in: byteLength(web.url), bytes_out: 9, "cap.budget_remaining": 1 },
        { "cap.name": "net.fetch", bytes_in: byteLength(web.url), bytes_out: 9, "cap.budget_remaining": 0 },
        { "cap.name": "net.fetch", bytes_in: byteLength(web.url), "cap.budget_remaining": 0, "error.kind": "budget_exceeded" },
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
          bytes_in: byteLength(web.url, `/${SENTINEL}-missing`),
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
      spans: [{ "cap.name": "db.query", bytes_in: byteLength(`select '${SENTINEL}'`), "error.kind": "runtime_error" }],
    }),
  ],
  [
    "emit",
    () => ({
      code: 0,
      outcome: "success",
      spans: [{ "cap.name": "ui.render", bytes_in: byteLength(SENTINEL, "k", "vé", "x"), bytes_out: 0 }],
    }),
  ],
];

describe.each(someOf(["http/protobuf", "http/json"]))("spans over %s", (protocol) => {
  test.each(someOf(CASES))("%s", async (what, expectation) => {
    const collector = await startCollector();
    const expected = expectation();
    const ended = await boruna(runArgs(what), {
      cwd: folder,
      // BORUNA_DB may not be an address, so each call of db.query fails before it opens a database.
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

// Under `npm test`, only the last level of detail runs. It has everything that the other levels have.
test.each(someOf<TraceDetail>(TRACE_DETAILS.toReversed()))(
  "at detail %s no span, line of stderr, usage event or thread context has anything that a run handles",
  async (detail) => {
    const cwd = join(folder, `${SENTINEL}-${detail}`);
    const slots = join(folder, `slots-${detail}`);
    for (const path of [cwd, slots]) mkdirSync(path);
    const source = `// ${SENTINEL}
fn main(${SENTINEL.toLowerCase()}: String, url: String) -> Int !{net.fetch} {
    for item in [1, 2] { if item == 2 { let _ = debug(net.fetch(url ++ "/${SENTINEL}", "POST", "${SENTINEL}-body", { "authorization": "{{secret:key}}" })) } }
    let _ = try net.fetch(url ++ "/${SENTINEL}-missing")
    panic("${SENTINEL}" ++ ${SENTINEL.toLowerCase()})
}
`;
    writeFileSync(join(cwd, "ask.ax"), source);
    const net_policy = { allowed_domains: ["127.0.0.1"], allowed_methods: ["GET", "POST"], allow_private_networks: true };
    const secrets = { key: { env: "SENTINEL_KEY", hosts: ["127.0.0.1"] } };
    writeFileSync(
      join(cwd, "policy.json"),
      JSON.stringify({ schema_version: 1, rules: { "net.fetch": { allow: true } }, net_policy, secrets }),
    );
    const collector = await startCollector();
    const slotTexts: string[] = [];
    const server = await startWeb(() => {
      for (const name of readdirSync(slots)) slotTexts.push(`${name} ${readFileSync(join(slots, name), "latin1")}`);
    });
    const usage = join(folder, `usage-${detail}.jsonl`);
    const ended = await boruna(
      [
        "run",
        "ask.ax",
        "--policy",
        "policy.json",
        "--live",
        "--arg",
        `${SENTINEL.toLowerCase()}=${SENTINEL}`,
        "--arg",
        `url=${server.url}`,
      ],
      {
        cwd,
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_TRACES_EXPORTER: "otlp,console",
          BORUNA_TRACE_DETAIL: detail,
          BORUNA_THREAD_CONTEXT: "1",
          BORUNA_DEBUG: "1",
          BORUNA_TELEMETRY_FILE: usage,
          XDG_RUNTIME_DIR: slots,
          XDG_STATE_HOME: join(cwd, "state"),
          BAGGAGE: `user=${SENTINEL}`,
          SENTINEL_KEY: `${SENTINEL}-secret`,
          USER: SENTINEL,
        },
      },
    );
    await Promise.all([collector.close(), server.close()]);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`"answer-é"`) });
    const lines = ended.stderr
      .split("\n")
      .filter((line) => /^(boruna\.|telemetry: |Boruna sends|  It (never )?contains|  BORUNA_)/.test(line));
    expect(lines.filter((line) => line.startsWith("boruna."))).toHaveLength(collector.spans().length);
    expect(lines).toContainEqual(expect.stringContaining("Boruna sends"));
    expect(slotTexts).toEqual(Array(2).fill(expect.stringMatching(/^boruna-ctx-\d+-\d+ BRNACTX1/)));
    const sent = [...lines, readFileSync(usage, "utf8"), ...slotTexts];
    expect(collector.spans().filter(({ name }) => name === "boruna.cap")).toHaveLength(2);
    expect(collector.spans().some(({ name }) => name === "boruna.flow")).toBe(detail === "flow");
    for (const word of [SENTINEL, SENTINEL.toLowerCase(), "answer-é"]) {
      expect(collector.sent(word)).toBe(false);
      expect(sent.filter((text) => text.includes(word))).toEqual([]);
    }
  },
);

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
  await boruna(runArgs("emit"), {
    cwd: folder,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, TRACEPARENT: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  await collector.close();
  const run = collector.spans().find((s) => s.name === "boruna.run");
  expect(run).toMatchObject({ traceId, parentSpanId: "00f067aa0ba902b7" });
});

describe("a broken collector changes nothing, at detail cap or flow", () => {
  // The export timeout is an hour, so only the collector or the time limit for shutdown ends a wait.
  const HOUR_MS = "3600000";
  const DETAILS: readonly TraceDetail[] = DEEP ? ["cap", "flow"] : ["flow"];
  const record = async (name: string, env: Readonly<Record<string, string>>): Promise<{ same: unknown; lost: boolean }> => {
    const cwd = join(folder, name);
    mkdirSync(cwd, { recursive: true });
    // This run is not live, so its log does not contain the port of a web server, which would differ between logs.
    const { code, stdout, stderr } = await boruna(
      [
        "run",
        "../calls.ax",
        "--policy",
        "../policy.json",
        "--arg",
        "what=trap",
        "--arg",
        "url=http://127.0.0.1/",
        "--record",
        "log",
        "--force",
      ],
      { cwd, env: { OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS, ...env } },
    );
    const lines = stderr.split("\n");
    const ofTelemetry = lines.filter((line) => line.startsWith("telemetry:"));
    expect(ofTelemetry.length).toBeLessThanOrEqual(1);
    const others = lines.filter((line) => !ofTelemetry.includes(line));
    return {
      same: { code, stdout, others, log: readFileSync(join(cwd, "log"), "latin1") },
      lost: ofTelemetry[0]?.includes(" spans lost: ") === true,
    };
  };
  let plain: unknown;
  beforeAll(async () => {
    plain = (await record("plain", {})).same;
    expect(plain).toMatchObject({ code: 1 });
  });

  test.each([{ what: "is healthy", accepts: true, start: () => startCollector() }, ...someOf(BROKEN_COLLECTORS)])(
    "one that $what",
    async ({ accepts, start }) => {
      const collector = await start();
      const bound = accepts ? HOUR_MS : "300";
      const runs = DETAILS.map((detail) =>
        record(`broken-${detail}`, {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          BORUNA_OTEL_SHUTDOWN_MS: bound,
          BORUNA_TRACE_DETAIL: detail,
        }),
      );
      expect(await Promise.all(runs)).toEqual(DETAILS.map(() => ({ same: plain, lost: !accepts })));
      await collector.close();
    },
  );
});

describe("a full queue of spans", () => {
  const QUEUE = { OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10", BORUNA_OTEL_SHUTDOWN_MS: "500" };
  /** Number of spans for which there is room: 10 in each of four requests in flight, and 10 in the queue. */
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

  test.runIf(DEEP)("makes no difference to the log, whether the run waits or spans are dropped", async () => {
    const plain = await run(undefined, "untraced", {});
    // Answers no request until the queue must be full, and all requests once the run has ended.
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

  test.runIf(DEEP)("does not stop a run with a wall-clock limit: spans that do not fit are dropped and counted", async () => {
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
