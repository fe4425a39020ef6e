import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ask, spanId, testViewer, TRACE, traceId, traceRequest } from "./test-viewer.ts";

const EXAMPLES = new URL("../../../shared/testdata/otlp/", import.meta.url);
const HAS_EXAMPLES = existsSync(EXAMPLES);
const ROUTES = [
  "/api/runs",
  `/api/runs/${TRACE}`,
  `/api/runs/${TRACE}/spans`,
  `/api/runs/${TRACE}/spans/${spanId(1)}`,
  `/api/runs/${TRACE}/events`,
  `/api/runs/${TRACE}/events/1`,
  `/api/runs/${TRACE}/events/1/values`,
  `/api/runs/${TRACE}/events/1/place`,
  `/api/runs/${TRACE}/source?file=a`,
  `/api/runs/${TRACE}/policy`,
  "/api/compare?a=1&b=2",
  "/api/live",
  "/api/status",
  "/api/other",
];

describe("access", () => {
  test("without the page's token there is no data", async () => {
    const viewer = await testViewer();
    await viewer.send(traceRequest([{ spanId: spanId(1), name: "SENTINEL" }]));
    const authorizations = [
      "",
      "Bearer ",
      "Bearer 00000000000000000000000000000000",
      `Bearer ${viewer.senderToken}`,
      `Basic ${viewer.pageToken}`,
    ];
    for (const path of ROUTES) {
      for (const authorization of authorizations) {
        const { status, text } = await ask(viewer.url + path, authorization === "" ? {} : { headers: { authorization } });
        expect([path, authorization, status]).toEqual([path, authorization, 401]);
        expect(text).not.toContain("SENTINEL");
      }
    }
    const whatIf = await ask(`${viewer.url}/api/runs/${TRACE}/what-if`, { method: "POST", body: "{}" });
    expect([whatIf.status, whatIf.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    expect((await viewer.read("GET /api/runs", "/api/runs")).total).toBe(1);
  });

  test("spans need the sender's token", async () => {
    const viewer = await testViewer();
    const body = traceRequest([{ spanId: spanId(1) }]);
    expect((await viewer.send(body, { authorization: "" })).status).toBe(401);
    expect((await viewer.send(body, { authorization: `Bearer ${viewer.pageToken}` })).status).toBe(401);
    expect((await viewer.read("GET /api/status", "/api/status")).spans).toBe(0);
    expect((await viewer.send(body)).status).toBe(200);
    expect((await viewer.read("GET /api/status", "/api/status")).spans).toBe(1);
  });

  test("tokens differ, also between viewers", async () => {
    const [a, b] = [await testViewer(), await testViewer()];
    const tokens = [a.pageToken, a.senderToken, b.pageToken, b.senderToken];
    expect(new Set(tokens).size).toBe(4);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect(a.pageUrl).toBe(`${a.url}/#token=${a.pageToken}`);
  });

  test("another Host is refused, so that DNS rebinding reaches nothing", async () => {
    const viewer = await testViewer();
    const { port } = new URL(viewer.url);
    const authorization = `Bearer ${viewer.pageToken}`;
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1:${port}.evil.example`,
      `127.0.0.2:${port}`,
      "localhost",
    ]) {
      for (const path of ["/", "/api/runs", "/v1/traces"]) {
        expect([host, path, (await ask(viewer.url + path, { headers: { host, authorization } })).status]).toEqual([host, path, 403]);
      }
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`])
      expect((await ask(`${viewer.url}/api/runs`, { headers: { host, authorization } })).status).toBe(200);
  });

  test("another Origin is refused, whatever the method", async () => {
    const viewer = await testViewer();
    const { port } = new URL(viewer.url);
    const authorization = `Bearer ${viewer.pageToken}`;
    for (const origin of [
      "http://evil.example",
      "null",
      `http://127.0.0.1:${Number(port) + 1}`,
      `https://127.0.0.1:${port}`,
      `http://localhost:${port}`,
    ]) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        const { status, headers } = await ask(`${viewer.url}/api/runs`, { method, headers: { origin, authorization } });
        expect([origin, method, status, headers["access-control-allow-origin"]]).toEqual([origin, method, 403, undefined]);
      }
    }
    const own = { origin: `http://127.0.0.1:${port}`, authorization };
    expect((await ask(`${viewer.url}/api/runs`, { headers: own })).status).toBe(200);
  });

  test("every answer forbids inline code, other origins and frames", async () => {
    const viewer = await testViewer();
    for (const path of ["/", "/api/runs", "/assets/none.js"]) {
      const { headers } = await ask(viewer.url + path);
      const policy = String(headers["content-security-policy"]);
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|http/);
      expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    }
  });

  test("files beside the page cannot be reached", async () => {
    const viewer = await testViewer();
    for (const path of ["/assets/../../../package.json", "/assets/%2e%2e/index.html", "/index.html", "/page/index.html", "//etc/passwd"])
      expect([path, (await ask(viewer.url + path)).status]).toEqual([path, 404]);
  });

  test("unknown routes, methods and parameters are errors with a reason", async () => {
    const viewer = await testViewer();
    await viewer.send(traceRequest([{ spanId: spanId(1) }]));
    const problems: [string, number][] = [
      ["/api/runs/none", 404],
      ["/api/none", 404],
      ["/api/runs/%ff", 400],
      ["/api/runs?count=-1", 400],
      ["/api/runs?from=1e9", 400],
      ["/api/runs?sort=none", 400],
      ["/api/runs?order=up", 400],
      ["/api/runs?sinceMs=x", 400],
      [`/api/runs/${TRACE}/spans/none`, 404],
      [`/api/runs/${TRACE}/events`, 404],
      [`/api/runs/${TRACE}?execution=none`, 400],
    ];
    for (const [path, status] of problems) {
      const answer = await viewer.get(path);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.text).toMatch(/"message":"./);
    }
    expect((await viewer.post("/api/runs", {})).status).toBe(405);
  });
});

describe("spans", () => {
  test.skipIf(!HAS_EXAMPLES)("the OTLP examples are accepted; metrics and logs with a warning", async () => {
    const viewer = await testViewer();
    const post = (path: string, file: string) =>
      ask(viewer.url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${viewer.senderToken}`, "content-type": "application/json" },
        body: readFileSync(new URL(file, EXAMPLES)),
      });
    expect(await post("/v1/traces", "trace.json")).toMatchObject({ status: 200, text: "{}" });
    const warning = { partialSuccess: { errorMessage: "only spans are kept" } };
    expect(await post("/v1/metrics", "metrics.json")).toMatchObject({ status: 200, body: warning });
    for (const file of ["logs.json", "events.json"]) expect(await post("/v1/logs", file)).toMatchObject({ status: 200, body: warning });
    const { runs } = await viewer.read("GET /api/runs", "/api/runs");
    expect(runs).toMatchObject([{ program: "I'm a server span", service: "my.service", outcome: "unset", spans: 1, durationMs: 1_000 }]);
    const detail = await viewer.get(`/api/runs/${runs[0]?.id}/spans/eee19b7ec3c1b174`);
    expect(detail.body).toMatchObject({
      span: { kind: "server", row: 0, depth: 0 },
      scope: { name: "my.library", version: "1.0.0" },
      attributes: [{ name: "my.span.attr", type: "string", value: { text: "some value", chars: 10, cut: false } }],
    });
  });

  test("malformed spans are refused with 400, requests that are too long with 413", async () => {
    const viewer = await testViewer();
    const statusOf = async (body: unknown, headers = {}) => (await viewer.send(body, headers)).status;
    expect(await statusOf(traceRequest([{ spanId: "12" }]))).toBe(400);
    expect(await statusOf(traceRequest([{ spanId: spanId(0) }]))).toBe(400);
    expect(await statusOf(traceRequest([{ spanId: spanId(1), traceId: "x".repeat(32) }]))).toBe(400);
    expect(await statusOf("[")).toBe(400);
    expect(await statusOf(`{"a":${"[".repeat(100_000)}`)).toBe(400);
    const long = traceRequest([{ spanId: spanId(1), attributes: { a: "x".repeat(10_000_000) } }]);
    expect(await statusOf(long)).toBe(413);
    expect(await statusOf(gzipSync(JSON.stringify(long)), { "content-encoding": "gzip" })).toBe(413);
    expect(await viewer.read("GET /api/status", "/api/status")).toMatchObject({ spans: 0, storeBytes: 0 });
  });

  test("scripts and control characters in names are treated as data", async () => {
    const viewer = await testViewer();
    const evil = "</script><script>alert(1)</script>\u001b[2J\u202e\u0000";
    await viewer.send(traceRequest([{ spanId: spanId(1), name: evil, attributes: { [evil]: evil, __proto__: "x" } }], evil));
    const list = await viewer.get("/api/runs");
    expect(list.headers["content-type"]).toBe("application/json");
    expect(list.body).toMatchObject({ runs: [{ program: evil, service: evil }] });
    const detail = await viewer.read("GET /api/runs/RUN/spans/SPAN", `/api/runs/${TRACE}/spans/${spanId(1)}`);
    expect(detail.attributes).toContainEqual({ name: evil, type: "string", value: { text: evil, chars: evil.length, cut: false } });
  });

  test("long values are cut", async () => {
    const viewer = await testViewer();
    await viewer.send(traceRequest([{ spanId: spanId(1), name: "n".repeat(1_000_000), attributes: { a: "x".repeat(3_000_000) } }]));
    const detail = await viewer.read("GET /api/runs/RUN/spans/SPAN", `/api/runs/${TRACE}/spans/${spanId(1)}`);
    expect(detail.span.name).toHaveLength(257);
    expect(detail.attributes[0]?.value).toMatchObject({ chars: 3_000_000, cut: true });
    expect(detail.attributes[0]?.value.text).toHaveLength(16 * 1024);
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`a${i}`, "x".repeat(100)]));
    await viewer.send(traceRequest([{ spanId: spanId(2), attributes: many }]));
    const { attributes, dropped } = await viewer.read("GET /api/runs/RUN/spans/SPAN", `/api/runs/${TRACE}/spans/${spanId(2)}`);
    expect(attributes.length).toBeLessThan(3_000);
    expect(attributes.length + dropped).toBe(10_001);
  });

  test("requests beyond the limit get the status 429, and the others are served", async () => {
    const viewer = await testViewer();
    const { port } = new URL(viewer.url);
    const head = `POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${viewer.senderToken}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n`;
    // A server answers "Continue" when it begins to read the body.
    const slow = await Promise.all(
      Array.from(
        { length: 8 },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connect(Number(port), "127.0.0.1", () => socket.write(head));
            socket.once("error", reject);
            socket.once("data", () => resolve(socket));
          }),
      ),
    );
    const refused = await viewer.send(traceRequest([{ spanId: spanId(1) }]));
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect((await viewer.get("/api/runs")).status).toBe(200);
    for (const socket of slow) socket.destroy();
    let { status } = refused;
    while (status === 429) ({ status } = await viewer.send(traceRequest([{ spanId: spanId(1) }])));
    expect(status).toBe(200);
  });

  test("a repeated request adds nothing", async () => {
    const viewer = await testViewer();
    const body = traceRequest([{ spanId: spanId(1), name: "first" }]);
    await viewer.send(body);
    await viewer.send(traceRequest([{ spanId: spanId(1), name: "second" }]));
    expect(await viewer.read("GET /api/runs/RUN/spans", `/api/runs/${TRACE}/spans`)).toMatchObject({
      total: 1,
      spans: [{ name: "first" }],
    });
  });

  test("a full store deletes the traces that have been quiet for longest; a single trace that is too large is cut, and the sender gets a partial success", async () => {
    const viewer = await testViewer({ limitBytes: 1024 * 1024 });
    const status = async () => await viewer.read("GET /api/status", "/api/status");
    for (let n = 1; n <= 40; n++) {
      const spans = Array.from({ length: 50 }, (_, i) => ({
        traceId: traceId(n),
        spanId: spanId(i + 1),
        name: `trace ${n}`,
        attributes: { a: "x".repeat(1_000) },
      }));
      expect((await viewer.send(traceRequest(spans))).text).toBe("{}");
      expect((await status()).storeBytes).toBeLessThanOrEqual(1024 * 1024);
    }
    const { runs } = await viewer.read("GET /api/runs", "/api/runs");
    expect(runs.length).toBeLessThan(20);
    expect(new Set(runs.map((run) => run.program))).toContain("trace 40");
    const large = Array.from({ length: 3_000 }, (_, i) => ({ spanId: spanId(i + 1), attributes: { a: "x".repeat(1_000) } }));
    const { body } = await viewer.send(traceRequest(large));
    const kept = (await viewer.read("GET /api/runs/RUN", `/api/runs/${TRACE}`)).timeline;
    expect(body).toMatchObject({ partialSuccess: { rejectedSpans: String(kept?.dropped) } });
    expect((kept?.spans ?? 0) + (kept?.dropped ?? 0)).toBe(3_000);
    expect(await status()).toMatchObject({ traces: 1, droppedSpans: kept?.dropped });
    expect((await status()).storeBytes).toBeLessThanOrEqual(1024 * 1024);
  });
});
