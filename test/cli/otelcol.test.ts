/**
 * Spans as the OpenTelemetry Collector receives them: an OTLP receiver that nobody here wrote. It never answers with a partial
 * success; `test/telemetry/loss.test.ts` has a collector of our own that does.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP, someOf } from "../cases.ts";
import { listen } from "../telemetry/collector.ts";
import { HAS_OTELCOL, type Otelcol, type OtelcolOptions, startOtelcol } from "../telemetry/otelcol.ts";
import { boruna, EXAMPLES } from "./boruna.ts";
import { startWeb, type Web, writeCalls } from "./fixtures.ts";

/** Longer than any test may take, so that no bound but the one under test can end a run. */
const HOUR_MS = "3600000";
const LONG_TIMEOUTS = {
  OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS,
  OTEL_BSP_EXPORT_TIMEOUT: HOUR_MS,
  OTEL_BSP_SCHEDULE_DELAY: HOUR_MS,
  BORUNA_OTEL_SHUTDOWN_MS: HOUR_MS,
};
const GUIDE = fileURLToPath(new URL("../../docs/guide/telemetry.md", import.meta.url));

const folder = temporaryFolder();
const collectors: Otelcol[] = [];
let web: Web;

beforeAll(async () => {
  writeCalls(folder);
  writeFileSync(join(folder, "many.ax"), MANY);
  writeFileSync(join(folder, "restart.ax"), RESTART);
  writeFileSync(join(folder, "restart.json"), JSON.stringify(RESTART_POLICY));
  web = await startWeb();
});
afterAll(async () => {
  await web.close();
  await Promise.all(collectors.map((collector) => collector.close()));
});

const TIMES = `fn times(count: Int) -> Int !{time.now} {
    let mut n = 0
    while n < count {
        let _now = time.now()
        n = n + 1
    }
    n
}
`;
const MANY = `${TIMES}
fn main(count: Int) -> Int !{time.now} { times(count) }
`;
/** The test answers each fetch when it has stopped or restarted the collector. */
const RESTART = `${TIMES}
fn main(url: String) -> Int !{net.fetch, time.now} {
    let before = times(1000)
    let _down = net.fetch(url ++ "/down")
    let during = times(1000)
    let _up = net.fetch(url ++ "/up")
    before + during + times(1000)
}
`;

const RESTART_POLICY = {
  schema_version: 1,
  default_allow: true,
  net_policy: { allowed_domains: ["127.0.0.1"], timeout_ms: 600_000, allow_private_networks: true },
};

async function newCollector(options?: OtelcolOptions): Promise<Otelcol> {
  const collector = await startOtelcol(options);
  collectors.push(collector);
  return collector;
}

const idsOf = (collector: Otelcol): ReadonlySet<string> => new Set(collector.spans().map((span) => `${span.traceId} ${span.spanId}`));

describe.skipIf(!HAS_OTELCOL)("the OpenTelemetry Collector", () => {
  describe.each(someOf(["http/protobuf", "http/json"]))("over %s", (protocol) => {
    test.each(someOf(["none", "gzip"]))("with compression %s decodes every span", async (compression) => {
      // The collector accepts this encoding only.
      const collector = await newCollector({ http: { compression_algorithms: [compression === "gzip" ? "gzip" : ""] } });
      const ended = await boruna(
        ["run", "calls.ax", "--policy", "policy.json", "--live", "--arg", "what=over", "--arg", `url=${web.url}`, "--run-id", "over"],
        {
          cwd: folder,
          env: {
            ...LONG_TIMEOUTS,
            OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
            OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
            OTEL_EXPORTER_OTLP_COMPRESSION: compression,
            OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=tést",
          },
        },
      );
      await collector.stop();
      expect(ended).toMatchObject({ code: 3, stderr: expect.not.stringContaining("telemetry:") });
      const spans = collector.spans();
      const run = spans.find((span) => span.name === "boruna.run");
      expect(run).toMatchObject({
        parentSpanId: "",
        kind: 1,
        status: { code: 0, message: "" },
        scope: "boruna",
        resource: { "service.name": "boruna", "deployment.environment.name": "tést" },
        attributes: { "boruna.run.outcome": "budget_exceeded", "process.exit.code": 3, "boruna.run.calls.total": 3 },
      });
      const calls = spans
        .filter((span) => span.name === "boruna.cap")
        .sort((a, b) => Number(a.attributes["cap.call"]) - Number(b.attributes["cap.call"]));
      const cap = (call: number, more: object) => ({
        parentSpanId: run?.spanId,
        traceId: run?.traceId,
        attributes: { "cap.name": "net.fetch", "cap.call": call, bytes_in: web.url.length, ...more },
      });
      expect(calls).toMatchObject([
        cap(1, { bytes_out: 9, "cap.budget_remaining": 1 }),
        cap(2, { bytes_out: 9, "cap.budget_remaining": 0 }),
        cap(3, { "error.kind": "budget_exceeded", "error.type": "budget_exceeded" }),
      ]);
      expect(spans).toHaveLength(4);
      for (const span of spans) expect(span.endNs).toBeGreaterThanOrEqual(span.startNs);
    });
  });

  test.runIf(DEEP)("receives every span of 100,000 calls", async () => {
    const collector = await newCollector();
    const ended = await boruna(["run", "many.ax", "--policy", "allow-all", "--arg", "count=100000"], {
      cwd: folder,
      env: { ...LONG_TIMEOUTS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    });
    await collector.stop();
    expect(ended).toMatchObject({ code: 0, stdout: "100000\n", stderr: expect.not.stringContaining("telemetry:") });
    const spans = collector.spans();
    expect(spans).toHaveLength(100_001);
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(100_001);
    expect(new Set(spans.map((span) => span.attributes["cap.call"])).size).toBe(100_001);
  });

  test.runIf(DEEP)("may refuse some spans, and the line on stderr counts exactly those", async () => {
    // A batch of 512 spans is larger than this limit, and the batch with the rest is smaller.
    const collector = await newCollector({ http: { max_request_body_size: 60_000 } });
    const ended = await boruna(["run", "many.ax", "--policy", "allow-all", "--arg", "count=600"], {
      cwd: folder,
      env: { ...LONG_TIMEOUTS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    });
    await collector.stop();
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("telemetry: 512 of 601 spans lost: the collector answered 400\n");
    expect(idsOf(collector).size).toBe(89);
    expect(collector.spans().filter((span) => span.name === "boruna.run")).toHaveLength(1);
  });

  test.runIf(DEEP)("may be out of memory, and then the run ends in time", async () => {
    const collector = await newCollector({ processors: { memory_limiter: { check_interval: "100ms", limit_mib: 1 } } });
    await collector.hasPrinted("Refusing data");
    const ended = await boruna(["run", "many.ax", "--policy", "allow-all", "--arg", "count=3"], {
      cwd: folder,
      env: { ...LONG_TIMEOUTS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, BORUNA_OTEL_SHUTDOWN_MS: "3000" },
    });
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining("telemetry: 4 of 4 spans lost: the collector answered 503\n") });
  });

  test.runIf(DEEP)("may restart in the middle of a run, and no span is lost", async () => {
    const collector = await newCollector();
    let startedAgain: Promise<void> | undefined;
    const server = createServer((request, response) => {
      const answer = (): void => void response.end("ok");
      if (request.url === "/down") {
        // The batch of the first 512 calls has arrived before the collector stops.
        void collector
          .hasPrinted("Traces")
          .then(() => collector.stop())
          .then(answer);
      } else {
        startedAgain = collector.start();
        void startedAgain.then(answer);
      }
    });
    const port = await listen(server);
    const ended = await boruna(["run", "restart.ax", "--policy", "restart.json", "--live", "--arg", `url=http://127.0.0.1:${port}`], {
      cwd: folder,
      env: { ...LONG_TIMEOUTS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    });
    server.close();
    await collector.stop();
    expect(ended).toMatchObject({ code: 0, stdout: "3000\n", stderr: "" });
    expect(startedAgain).toBeDefined();
    expect(idsOf(collector).size).toBe(3_003);
  });

  test.runIf(DEEP)("prints the spans that docs/guide/telemetry.md shows", async () => {
    const collector = await newCollector({ prints: true });
    const ended = await boruna(["run", "exfiltrate.ax", "--policy", "policy.json", "--live", "--arg", "path=note.txt"], {
      cwd: join(EXAMPLES, "refused"),
      env: { ...LONG_TIMEOUTS, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    });
    await collector.stop();
    expect(ended.code).toBe(3);
    const shown = linesOf(/```text\n(Span #0\n[\s\S]*?)```/.exec(readFileSync(GUIDE, "utf8"))?.[1] ?? "");
    expect(shown.length).toBeGreaterThan(10);
    const printed = linesOf(collector.printed());
    let at = 0;
    const missing = shown.filter((line) => {
      const found = printed.indexOf(line, at);
      if (found >= 0) at = found + 1;
      return found < 0;
    });
    expect(missing).toEqual([]);
  });
});

/** The lines without what differs between runs: ids and times. */
function linesOf(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) =>
      line
        .trim()
        .replace(/\b[0-9a-f]{16,64}\b/g, "ID")
        .replace(/ : \d{4}-.* UTC$/, " : TIME"),
    )
    .filter((line) => line !== "");
}
