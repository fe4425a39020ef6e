/** Which spans arrive, which are lost, and the line on stderr that reports losses. Each case runs in its own process. */
import { createServer as createHttp2Server } from "node:http2";
import { afterAll, describe, expect, test } from "vitest";
import { DEEP, someOf } from "../cases.ts";
import { answeringWith, type Behavior, type Collector, listen, partialSuccess, startCollector } from "./collector.ts";
import { type ChildEnd, type ChildFlag, runChild } from "./run-child.ts";

/** Time limits of an hour, longer than any test: none of them ends the child process, even on a slow machine. */
const BOUNDS = { OTEL_EXPORTER_OTLP_TIMEOUT: "3600000", OTEL_BSP_EXPORT_TIMEOUT: "3600000", BORUNA_OTEL_SHUTDOWN_MS: "3600000" };

const collectors: Collector[] = [];
afterAll(() => Promise.all(collectors.map((collector) => collector.close())));

async function newCollector(behavior: Behavior): Promise<Collector> {
  const collector = await startCollector(behavior);
  collectors.push(collector);
  return collector;
}

/** Starts a child process with a run of `calls` calls, batches of 50 spans and a queue of 50. */
function run(
  collector: Collector,
  calls: number,
  flags: readonly ChildFlag[],
  more: Readonly<Record<string, string>> = {},
): Promise<ChildEnd> {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_MAX_QUEUE_SIZE: "50", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "50" };
  return runChild({ calls, flags }, { ...environment, ...more });
}

describe("a collector that takes 1.3 s to answer", () => {
  const slow = (): Promise<Collector> => newCollector((_request, answer) => void setTimeout(() => answer(200), 1_300));

  test.runIf(DEEP)("a run that waits loses nothing", async () => {
    const collector = await slow();
    expect(await run(collector, 500, ["wait"], BOUNDS)).toMatchObject({ code: 0, stderr: "" });
    expect(new Set(collector.spans().map((span) => span.spanId)).size).toBe(501);
  });

  test.runIf(DEEP)("a run that does not wait delivers its run span, and the line counts the lost spans", async () => {
    const collector = await slow();
    const end = await run(collector, 5_000, [], BOUNDS);
    const arrived = collector.spans().length;
    expect(collector.spans().filter((span) => span.name === "boruna.run")).toHaveLength(1);
    expect(end.stderr).toBe(
      `telemetry: ${5_001 - arrived} of 5001 spans lost: more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds\n`,
    );
  });
});

test.runIf(DEEP)("at shutdown the run span goes first, even if other requests hang", async () => {
  const collector = await newCollector((request, answer) => {
    if (request.spans.some((span) => span.name === "boruna.run")) answer(200);
  });
  const end = await run(collector, 5_000, [], { BORUNA_OTEL_SHUTDOWN_MS: "500" });
  const [answered] = collector.requests.filter((request) => request.spans.some((span) => span.name === "boruna.run"));
  expect(end.stderr).toMatch(new RegExp(`^telemetry: ${5_001 - (answered?.spans.length ?? 0)} of 5001 spans lost: `));
  expect(end.stderr.trimEnd().split("\n")).toHaveLength(1);
});

describe("a partial success", () => {
  test.each(someOf(["protobuf", "json"] as const))("over http/%s counts what the collector rejected", async (form) => {
    const headers = { "content-type": form === "json" ? "application/json" : "application/x-protobuf" };
    const collector = await newCollector(answeringWith(200, { headers, body: partialSuccess(form, 3) }));
    const end = await run(collector, 9, [], { OTEL_EXPORTER_OTLP_PROTOCOL: `http/${form}` });
    expect(end.stderr).toBe("telemetry: 3 of 10 spans lost: the collector rejected them (partial success)\n");
  });

  test.each(
    someOf([
      ["more than were sent", partialSuccess("json", 1_000), "10 of 10 spans lost"],
      ["a count as text, as JSON writes an int64", partialSuccess("json", "4"), "4 of 10 spans lost"],
      ["less than none", partialSuccess("json", -5), ""],
      ["none, with a remark", partialSuccess("json", 0), ""],
      ["no JSON", "{", ""],
      ["null", "null", ""],
      ["a list", '{"partialSuccess":[1]}', ""],
      ["no number", '{"partialSuccess":{"rejectedSpans":{}}}', ""],
    ]),
  )("%s", async (_what, body, expected) => {
    const collector = await newCollector(answeringWith(200, { headers: { "content-type": "application/json" }, body }));
    const { stderr } = await run(collector, 9, [], { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" });
    expect(stderr).toBe(expected === "" ? "" : `telemetry: ${expected}: the collector rejected them (partial success)\n`);
  });

  test("a malformed protobuf body does not count spans as rejected", async () => {
    const collector = await newCollector(answeringWith(200, { body: Uint8Array.of(0x0a, 0x7f) }));
    expect((await run(collector, 9, [])).stderr).toBe("");
  });
});

describe("a mistake in the settings is named", () => {
  test.each(
    someOf<[string, (port: number) => Readonly<Record<string, string>>, RegExp]>([
      [
        "the port is one for gRPC",
        (port) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }),
        /the endpoint does not speak HTTP\/1\.1; a port for gRPC, such as 4317, does not \(HPE_\w+\)$/,
      ],
      [
        "https to a port for http",
        (port) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${port}` }),
        /the TLS handshake failed; a port for http does not speak https \((EPROTO|ERR_SSL_\w+)\)$/,
      ],
      [
        "a header with a space in its name",
        (port) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_HEADERS: "SENTINEL key=abc" }),
        /OTEL_EXPORTER_OTLP_HEADERS has a character that no header can have \(ERR_INVALID_HTTP_TOKEN\)$/,
      ],
    ]),
  )("%s", async (_what, environment, reason) => {
    const server = createHttp2Server();
    const port = await listen(server);
    const { code, stderr } = await runChild({ calls: 1 }, environment(port));
    server.close();
    expect({ code, stderr: stderr.trimEnd() }).toEqual({ code: 0, stderr: expect.stringMatching(reason) });
    expect(stderr).toMatch(/^telemetry: 2 of 2 spans lost: [^\n]*\n$/);
    expect(stderr).not.toContain("SENTINEL");
  });
});

describe("retryable statuses", () => {
  test.each(someOf([429, 502, 503, 504]))("%i is reported if it persists", async (status) => {
    const collector = await newCollector(answeringWith(status));
    const end = await run(collector, 3, [], { BORUNA_OTEL_SHUTDOWN_MS: "3000" });
    expect(end.stderr).toBe(`telemetry: 4 of 4 spans lost: the collector answered ${status}\n`);
  });

  test("the spans are sent again and arrive", async () => {
    const statuses = [503, 429, 200];
    const collector = await newCollector((_request, answer) => answer(statuses.shift() ?? 500, { headers: { "retry-after": "0" } }));
    expect((await run(collector, 3, [])).stderr).toBe("");
    expect(collector.requests.map((request) => request.spans.length)).toEqual([4, 4, 4]);
  });

  test("does not wait for a Retry-After beyond the time left", async () => {
    const collector = await newCollector(answeringWith(503, { headers: { "retry-after": "86400" } }));
    expect((await run(collector, 3, [], { BORUNA_OTEL_SHUTDOWN_MS: "600000" })).stderr).toBe(
      "telemetry: 4 of 4 spans lost: the collector answered 503\n",
    );
    expect(collector.requests).toHaveLength(1);
  });

  test.each(someOf([400, 404, 500, 501]))("%i is not retried", async (status) => {
    const collector = await newCollector(answeringWith(status));
    expect((await run(collector, 3, [])).stderr).toBe(`telemetry: 4 of 4 spans lost: the collector answered ${status}\n`);
    expect(collector.requests).toHaveLength(1);
  });

  test("the line lists several reasons", async () => {
    const statuses = [400, 500, 400];
    const collector = await newCollector((_request, answer) => answer(statuses.shift() ?? 200));
    const end = await run(collector, 149, ["wait"], { OTEL_BSP_MAX_QUEUE_SIZE: "2048" });
    expect(end.stderr).toBe("telemetry: 150 of 150 spans lost: the collector answered 400 (100); the collector answered 500 (50)\n");
  });
});
