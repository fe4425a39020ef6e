import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HandlerContext } from "../../../gateway/handlers.ts";
import { netFetchHandler } from "../../../gateway/handlers/net-fetch.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { Value } from "../../../vm/value/value.ts";
import { callHandler, contextOf, failureOf, policyOf, startTestServer, textOf, type TestServer } from "./support.ts";

const SECRET = 'sesame "open"';
const ENCODINGS = new Map<string, (bytes: Uint8Array) => Uint8Array>([
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["raw", deflateRawSync],
  ["br", brotliCompressSync],
]);
const BIG = 20_000;

/** Sends the response that the path selects, such as `/status/404`, `/to/CODE/URL`, `/encoded/gzip,br` or `/echo`. */
function answer(path: string, response: ServerResponse, echo: string): void {
  const [, what, first = "", ...rest] = path.split("/");
  const after = decodeURIComponent(rest.join("/"));
  switch (what) {
    case "status":
      response.writeHead(Number(first)).end("the body");
      return;
    case "to":
      response.writeHead(Number(first), { location: after }).end("moved");
      return;
    case "loop":
      response.writeHead(302, { location: "/loop" }).end();
      return;
    case "encoded": {
      const names = first.split(",");
      const bytes = names.reduce<Uint8Array>((done, name) => ENCODINGS.get(name)?.(done) ?? done, Buffer.from("text, plain"));
      response.writeHead(200, { "content-encoding": names.map((n) => (n === "raw" ? "deflate" : n)).join(", ") }).end(bytes);
      return;
    }
    case "bomb":
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(BIG)));
      return;
    case "cut":
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(BIG)).subarray(0, 20));
      return;
    case "long":
      response.writeHead(200).end("x".repeat(Number(first)));
      return;
    case "spoiled": {
      const encoded = ENCODINGS.get(first)?.(Buffer.from("text, plain".repeat(200))) ?? Buffer.from("");
      const spoil: Record<string, () => Uint8Array> = {
        cut: () => encoded.subarray(0, encoded.length - 5),
        flipped: () => encoded.map((byte, i) => (i > 2 && i < 9 ? byte ^ 0xff : byte)),
        empty: () => Buffer.from(""),
        plain: () => Buffer.from("text, plain"),
        twice: () => Buffer.concat([encoded, encoded]),
        followed: () => Buffer.concat([encoded, Buffer.from("junk")]),
      };
      response.writeHead(200, { "content-encoding": first === "raw" ? "deflate" : first }).end(spoil[after]?.());
      return;
    }
    case "header":
      response.writeHead(200, { "content-encoding": after }).end(gzipSync("text, plain"));
      return;
    case "nested":
      response.writeHead(200, { "content-encoding": "gzip, gzip" }).end(gzipSync(gzipSync(Buffer.alloc(BIG * 50))));
      return;
    case "short":
      // Promises more bytes than it sends.
      response.writeHead(200, { "content-length": "100" });
      response.write("x".repeat(10), () => response.destroy());
      return;
    case "chunked":
      response.socket?.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nbad\r\n");
      return;
    case "both":
      response.socket?.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
      return;
    case "endless": {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(1_000)));
      };
      response.on("drain", more);
      more();
      return;
    }
    case "stalled":
      response.writeHead(200);
      response.write("a beginning");
      return;
    case "latin1":
      response.writeHead(200).end(Buffer.from([0x63, 0xe9]));
      return;
    case "cookies":
      response.writeHead(200, { "set-cookie": ["a=1, 2", "b=3"], date: "then", connection: "close" }).end("ok");
      return;
    case "hang":
      return;
    case "drop":
      response.destroy();
      return;
    default:
      response.writeHead(200, { "content-type": "application/json" }).end(echo);
  }
}

let server: TestServer;
let other: TestServer;
const listener: Parameters<typeof startTestServer>[0] = (request, response, body) => {
  const { host: _, ...headers } = request.headers;
  answer(request.url ?? "/", response, JSON.stringify({ method: request.method, path: request.url, headers, body }));
};
beforeAll(async () => {
  server = await startTestServer(listener);
  other = await startTestServer(listener);
});
afterAll(async () => {
  await server.close();
  await other.close();
});

const PRIVATE_ALLOWED = { allow_private_networks: true };
const handler = netFetchHandler({
  env: { TEST_SECRET: SECRET, EMPTY: "" },
  resolve: (host, done) => {
    const port = host.endsWith(".public.test") ? "93.184.215.14" : "127.0.0.1";
    if (host === "nowhere.test") return done(Object.assign(new Error("no such host"), { code: "ENOTFOUND" }), []);
    done(
      null,
      host === "both.test"
        ? [
            { address: "93.184.215.14", family: 4 },
            { address: "::ffff:10.0.0.1", family: 6 },
          ]
        : [{ address: port, family: 4 }],
    );
  },
});
const urlAt = (path: string, host = "127.0.0.1", on: TestServer = server): string => `http://${host}:${on.port}${path}`;
/** Returns a URL that redirects to the target. */
const to = (code: number, target: string): string => urlAt(`/to/${code}/${encodeURIComponent(target)}`);
const SECRETS = { TOKEN: { env: "TEST_SECRET", hosts: ["127.0.0.1"] }, UNSET: { env: "EMPTY", hosts: ["127.0.0.1"] } };

/** Makes a call of `net.fetch`, and returns its answer. */
function fetched(args: readonly Value[], net: object = PRIVATE_ALLOWED, more: Partial<HandlerContext> = {}): Promise<Value> {
  return callHandler("net.fetch", handler, args, contextOf(policyOf({ net_policy: net, secrets: SECRETS }), more));
}
const fetchFailure = (args: readonly Value[], net: object = PRIVATE_ALLOWED): Promise<string> => failureOf(fetched(args, net));
/** Returns the request as the server got it. */
async function echoOf(
  args: readonly Value[],
  net: object = PRIVATE_ALLOWED,
  more: Partial<HandlerContext> = {},
): Promise<{ method: string; path: string; headers: Record<string, string>; body: string }> {
  return JSON.parse(await textOf(fetched(args, net, more)));
}
const headersOf = (...entries: (readonly [string, Value])[]): MapValue => MapValue.from(entries);

describe("requests", () => {
  test("method, path, headers and body arrive", async () => {
    const echo = await echoOf([urlAt("/echo?q=1#part"), "post", "héllo", headersOf(["X-One", "1"], ["Content-Type", "text/plain"])]);
    expect(echo).toMatchObject({
      method: "POST",
      path: "/echo?q=1",
      body: "héllo",
      headers: { "x-one": "1", "content-type": "text/plain", "content-length": "6" },
    });
  });

  test("want = response returns status, headers and body, whatever the status", async () => {
    const response = await textOf(fetched([urlAt("/status/404"), "GET", "", MapValue.EMPTY, "response"]));
    expect(JSON.parse(response)).toMatchObject({ status: 404, body: "the body" });
    const cookies = JSON.parse(await textOf(fetched([urlAt("/cookies"), "GET", "", MapValue.EMPTY, "response"])));
    expect(cookies).toEqual({
      status: 200,
      body: "ok",
      headers: { "set-cookie": "a=1, 2\nb=3", date: "then", connection: "close", "transfer-encoding": "chunked" },
    });
  });

  test.each([
    ["/status/404", "HTTP 404 Not Found"],
    ["/status/500", "HTTP 500 Internal Server Error"],
    ["/status/304", "HTTP 304 Not Modified"],
    ["/status/599", "HTTP 599"],
  ])("%s fails with %s", async (path, message) => {
    expect(await fetchFailure([urlAt(path)])).toBe(`failed: ${message}`);
  });

  test("HEAD has no body", async () => {
    expect(await fetched([urlAt("/encoded/gzip"), "HEAD"])).toBe("");
  });

  test.each(["Host", "connection", "Transfer-Encoding", "content-length", "Expect", "upgrade"])(
    "the header %s is refused",
    async (name) => {
      expect(await fetchFailure([urlAt("/echo"), "GET", "", headersOf([name, "x"])])).toBe(
        `failed: the header ${name} is not the program's to set`,
      );
    },
  );

  test.each([
    ["X-A", "a\r\nX-B: b"],
    ["X-A", "a\nb"],
    ["X-A", "\0"],
    ["X A", "a"],
    ["X:A", "a"],
    ["", "a"],
  ])("the header %j: %j is refused", async (name, value) => {
    const before = server.requests.length;
    expect(await fetchFailure([urlAt("/echo"), "GET", "", headersOf([name, value])])).toMatch(/^failed: /);
    expect(server.requests.length).toBe(before);
  });

  test.each([
    ["ftp://example.com/", "failed: net.fetch reaches http and https, not ftp:"],
    ["http://user:pw@127.0.0.1/", "failed: a URL may not hold a user name or password; send a header"],
    ["http://[::1", 'failed: not a URL: "http://[::1"'],
    ["", 'failed: not a URL: ""'],
  ])("the URL %j", async (url, message) => {
    expect(await fetchFailure([url])).toBe(message);
  });

  test.each(["CONNECT", "TRACE", "G ET", ""])("the method %j is unknown", async (method) => {
    expect(await fetchFailure([urlAt("/echo"), method])).toMatch(/^failed: net.fetch does not know the method/);
  });

  test("a trailing dot and capitals of the host make no difference", async () => {
    expect(await echoOf([urlAt("/echo", "ONE.test.")], { ...PRIVATE_ALLOWED, allowed_domains: ["one.test"] })).toMatchObject({
      path: "/echo",
    });
  });

  test("messages of network failures contain no address", async () => {
    expect(await fetchFailure([urlAt("/drop")])).toBe("failed: the connection was closed by the other side");
    expect(await fetchFailure(["http://nowhere.test/"])).toBe("failed: the host has no address");
    const closed = await startTestServer(listener);
    await closed.close();
    expect(await fetchFailure([urlAt("/", "127.0.0.1", closed)])).toBe("failed: the connection was refused");
  });

  test("timeout_ms ends a call", async () => {
    expect(await fetchFailure([urlAt("/hang")], { ...PRIVATE_ALLOWED, timeout_ms: 30 })).toBe("failed: no answer within 30 ms");
  });

  test("the run's signal ends a call", async () => {
    const canceled = new AbortController();
    const call = fetched([urlAt("/hang")], PRIVATE_ALLOWED, { signal: canceled.signal });
    canceled.abort(new Error("canceled"));
    await expect(call).rejects.toThrow();
  });

  test("proxy variables are ignored", async () => {
    const saved = process.env["HTTP_PROXY"];
    process.env["HTTP_PROXY"] = "http://127.0.0.1:9";
    try {
      expect(await echoOf([urlAt("/echo")])).toMatchObject({ path: "/echo" });
    } finally {
      if (saved === undefined) delete process.env["HTTP_PROXY"];
      else process.env["HTTP_PROXY"] = saved;
    }
  });
});

describe("bodies", () => {
  test.each(["gzip", "deflate", "raw", "br", "identity", "gzip,br", "deflate,gzip"])("encoded as %s", async (names) => {
    expect(await fetched([urlAt(`/encoded/${names}`)])).toBe("text, plain");
  });

  test("three encodings, an unknown encoding, and a truncated one fail", async () => {
    expect(await fetchFailure([urlAt("/encoded/gzip,gzip,gzip")])).toBe("failed: the response is encoded 3 times, at most 2 are read");
    expect(await fetchFailure([urlAt("/encoded/zstd")])).toBe('failed: the response has the encoding "zstd"; gzip, deflate, br are read');
    expect(await fetchFailure([urlAt("/cut")])).toBe("failed: the response does not decode as gzip");
  });

  test("max_response_bytes counts decoded bytes: just at the limit, one over, and a small body that expands", async () => {
    const net = { ...PRIVATE_ALLOWED, max_response_bytes: 100 };
    expect(await fetched([urlAt("/long/100")], net)).toBe("x".repeat(100));
    expect(await fetchFailure([urlAt("/long/101")], net)).toBe("failed: the response is longer than 100 bytes");
    expect(await fetchFailure([urlAt("/bomb")], { ...PRIVATE_ALLOWED, max_response_bytes: BIG - 1 })).toBe(
      `failed: the response is longer than ${BIG - 1} bytes`,
    );
    expect(await textOf(fetched([urlAt("/bomb")], { ...PRIVATE_ALLOWED, max_response_bytes: BIG }))).toHaveLength(BIG);
  });

  // Raw deflate and br have no checksum: changed bytes may decode to another text.
  const CHECKED = ["gzip", "deflate"];
  const SPOILED = [...ENCODINGS.keys()].flatMap((encoding) =>
    ["cut", "empty", "plain", "twice", "followed", ...(CHECKED.includes(encoding) ? ["flipped"] : [])].map(
      (how) => [encoding, how] as const,
    ),
  );
  test.each(SPOILED)("%s, %s: the whole text or a failure, never a part", async (encoding, how) => {
    const answer = await failureOf(fetched([urlAt(`/spoiled/${encoding}/${how}`)]));
    const whole = `no failure: ${JSON.stringify("text, plain".repeat(200))}`;
    const allowed = {
      cut: ["failed"],
      flipped: ["failed"],
      // Some decoders give an empty text for no bytes, and others fail.
      empty: ['no failure: ""', "failed"],
      plain: ["failed"],
      // RFC 1952 (gzip) allows several members in a row. Other bytes after the end are ignored or a failure.
      twice: [whole, `no failure: ${JSON.stringify("text, plain".repeat(400))}`, "failed"],
      followed: [whole, "failed"],
    }[how];
    expect(allowed).toContain(answer.startsWith("failed: the response does not decode as ") ? "failed" : answer);
  });

  test.each([
    ["GZIP", "text, plain"],
    [" gzip , identity", "text, plain"],
    ["x-gzip", "text, plain"],
    ["gzip;q=1", undefined],
    ["compress", undefined],
    ["gzip gzip", undefined],
    ["__proto__", undefined],
  ])("the header content-encoding: %s", async (header, text) => {
    const answer = await failureOf(fetched([urlAt(`/header/-/${encodeURIComponent(header)}`)]));
    if (text === undefined) expect(answer).toMatch(/^failed: the response has the encoding "/);
    else expect(answer).toBe(`no failure: ${JSON.stringify(text)}`);
  });

  test("a body that ends early, is framed wrongly, never ends or stalls fails, in bounds", async () => {
    expect(await fetchFailure([urlAt("/short")])).toBe("failed: the connection was closed by the other side");
    expect(await fetchFailure([urlAt("/chunked")])).toBe("failed: the response is not HTTP as it should be");
    expect(await fetchFailure([urlAt("/both")])).toMatch(/^failed: |^no failure: "abc"/);
    expect(await fetchFailure([urlAt("/endless")], { ...PRIVATE_ALLOWED, max_response_bytes: 100_000 })).toBe(
      "failed: the response is longer than 100000 bytes",
    );
    expect(await fetchFailure([urlAt("/stalled")], { ...PRIVATE_ALLOWED, timeout_ms: 30 })).toBe("failed: no answer within 30 ms");
    expect(await fetchFailure([urlAt("/nested")], { ...PRIVATE_ALLOWED, max_response_bytes: BIG * 50 - 1 })).toBe(
      `failed: the response is longer than ${BIG * 50 - 1} bytes`,
    );
  });

  test("a body that is not UTF-8 fails", async () => {
    expect(await fetchFailure([urlAt("/latin1")])).toBe("failed: the response is not UTF-8 text");
  });
});

describe("redirects", () => {
  const carried = headersOf(
    ["Authorization", "Bearer x"],
    ["Cookie", "a=b"],
    ["X-Kept", "1"],
    ["Content-Type", "text/plain"],
    ["X-Key", "{{secret:TOKEN}}"],
  );

  test.each([
    [301, "GET", "GET"],
    [302, "POST", "GET"],
    [301, "PUT", "GET"],
    [303, "DELETE", "GET"],
    [303, "HEAD", "HEAD"],
    [307, "POST", "POST"],
    [308, "PUT", "PUT"],
  ])("%i after %s becomes %s", async (code, method, becomes) => {
    const before = server.requests.length;
    const body = ["POST", "PUT"].includes(method) ? "the body" : "";
    const result = await textOf(fetched([to(code, "/echo"), method, body, carried]));
    expect(server.requests.slice(before).at(1)).toBe(`${becomes} /echo`);
    if (becomes === "HEAD") return;
    const echo = JSON.parse(result);
    expect(echo.body).toBe(becomes === "GET" ? "" : "the body");
    expect(echo.headers["content-type"]).toBe(becomes !== "GET" || method === "GET" ? "text/plain" : undefined);
    expect(echo.headers).toMatchObject({ authorization: "Bearer x", cookie: "a=b", "x-kept": "1", "x-key": "{{secret:TOKEN}}" });
  });

  test("credentials and secrets are not sent to another origin; another port is another origin", async () => {
    const { headers } = await echoOf([to(307, urlAt("/echo", "127.0.0.1", other)), "GET", "", carried]);
    expect(headers).toMatchObject({ "x-kept": "1" });
    for (const name of ["authorization", "cookie", "x-key"]) expect(headers).not.toHaveProperty(name);
  });

  test("each redirect is checked like the first request", async () => {
    expect(await fetchFailure([to(302, urlAt("/echo", "two.test"))], { ...PRIVATE_ALLOWED, allowed_domains: ["127.0.0.1"] })).toMatch(
      /^denied: .*"two.test".*allowed_domains/,
    );
    expect(await fetchFailure([to(302, "http://127.0.0.1:1/")], { ...PRIVATE_ALLOWED, allowed_ports: [server.port] })).toMatch(
      /^denied: .*port 1 .*allowed_ports/,
    );
    expect(await fetchFailure([to(303, "/echo"), "POST"], { ...PRIVATE_ALLOWED, allowed_methods: ["POST"] })).toMatch(
      /^denied: .*"GET".*allowed_methods/,
    );
    expect(await fetchFailure([to(302, "ftp://127.0.0.1/")])).toMatch(/^failed: net.fetch reaches http and https/);
    expect(await fetchFailure([to(302, "http://a:b@127.0.0.1/")])).toMatch(/^failed: a URL may not hold a user name/);
  });

  test("the conditions of the rule hold for each redirect", async () => {
    const where = { url: [{ prefix: urlAt("/to/") }, { prefix: urlAt("/open/") }], method: { in: ["POST", "GET"] }, body: { equal: "b" } };
    const policy = policyOf({ rules: { "net.fetch": { allow: true, where } }, net_policy: PRIVATE_ALLOWED });
    const call = (args: readonly Value[]) => callHandler("net.fetch", handler, args, contextOf(policy));
    expect(JSON.parse(await textOf(call([to(303, "/open/x"), "POST", "b"])))).toMatchObject({ method: "GET", path: "/open/x" });
    const before = server.requests.length;
    for (const location of ["/closed", "/open/../closed", urlAt("/open/x", "127.0.0.1", other)])
      expect(await failureOf(call([to(307, location), "POST", "b"])), location).toMatch(
        /^denied: url must begin with .* \(rules\["net\.fetch"\]\.where\.url\)$/,
      );
    expect(server.requests.slice(before).filter((request) => !request.includes("/to/"))).toEqual([]);
    expect(await failureOf(call([urlAt("/open/x"), "PUT", "b"]))).toMatch(/^denied: method must be one of "POST", "GET"/);
  });

  test("eleven redirects are too many", async () => {
    const before = server.requests.length;
    expect(await fetchFailure([urlAt("/loop")])).toBe("failed: more than 10 redirects");
    expect(server.requests.length - before).toBe(11);
  });

  test("allow_redirects: false returns the redirect itself", async () => {
    const net = { ...PRIVATE_ALLOWED, allow_redirects: false };
    expect(await fetchFailure([to(302, "/echo")], net)).toBe("failed: HTTP 302 Found");
    expect(JSON.parse(await textOf(fetched([to(302, "/echo"), "GET", "", MapValue.EMPTY, "response"], net)))).toMatchObject({
      status: 302,
      headers: { location: "/echo" },
    });
  });
});

describe("addresses", () => {
  test("a name that resolves to a private address is denied, and nothing is sent", async () => {
    const before = server.requests.length;
    expect(await fetchFailure([urlAt("/echo", "one.test")], {})).toMatch(/^denied: one\.test \(127\.0\.0\.1\) is a loopback address/);
    expect(await fetchFailure([urlAt("/echo", "both.test")], {})).toMatch(
      /^denied: both\.test \(::ffff:10\.0\.0\.1\) is a private address/,
    );
    expect(server.requests.length).toBe(before);
  });

  test.each([
    "127.0.0.1",
    "0x7f.1",
    "2130706433",
    "localhost",
    "x.localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "169.254.169.254",
    "0.0.0.0",
  ])("%s is denied however it is written", async (host) => {
    expect(await fetchFailure([urlAt("/echo", host)], {})).toMatch(/^denied: /);
  });

  test("a redirect to a private address is denied", async () => {
    const open = netFetchHandler({ env: {}, resolve: (_, done) => done(null, [{ address: "127.0.0.1", family: 4 }]) });
    const call = callHandler(
      "net.fetch",
      open,
      [urlAt("/to/302/" + encodeURIComponent("http://169.254.169.254/")), "GET"],
      contextOf(policyOf({ net_policy: { ...PRIVATE_ALLOWED, allowed_domains: ["127.0.0.1"] } })),
    );
    expect(await failureOf(call)).toMatch(/^denied: /);
  });

  test("a closed policy does not reuse connections of an open one", async () => {
    await fetched([urlAt("/echo", "one.test")]);
    expect(await fetchFailure([urlAt("/echo", "one.test")], {})).toMatch(/^denied: /);
  });
});

describe("a loopback address named with its port", () => {
  const named = (...hosts: string[]) => ({ allowed_domains: hosts.map((host) => `${host}:${server.port}`) });
  const resolving = (addresses: readonly string[]) =>
    netFetchHandler({
      env: {},
      resolve: (_, done) =>
        done(
          null,
          addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
        ),
    });
  const open = (host: string, addresses: readonly string[]) =>
    callHandler(
      "net.fetch",
      resolving(addresses),
      [urlAt("/echo", host)],
      contextOf(policyOf({ net_policy: named("localhost", "127.0.0.1") })),
    );

  test("is open: exactly it", async () => {
    expect(await echoOf([urlAt("/echo")], named("127.0.0.1"))).toMatchObject({ path: "/echo" });
    expect(await echoOf([urlAt("/echo", "0x7f.1")], named("127.0.0.1"))).toMatchObject({ path: "/echo" });
    expect(await fetchFailure([urlAt("/echo", "127.0.0.1", other)], named("127.0.0.1"))).toMatch(
      /^denied: .*open it: --allow-net 127\.0\.0\.1:[0-9]+ \(net_policy\.allowed_domains\)$/,
    );
    expect(await fetchFailure([urlAt("/echo", "127.0.0.2")], named("127.0.0.1"))).toMatch(/^denied: /);
    expect(await fetchFailure([urlAt("/echo", "localhost")], named("127.0.0.1"))).toMatch(/^denied: /);
  });

  test("neither redirects nor names lead to more", async () => {
    const any = { allowed_domains: ["*", ...named("127.0.0.1").allowed_domains] };
    const before = other.requests.length;
    expect(await fetchFailure([to(302, urlAt("/echo", "127.0.0.1", other))], any)).toMatch(/^denied: /);
    expect(await fetchFailure([to(302, urlAt("/echo", "one.test"))], any)).toMatch(
      /^denied: one\.test \(127\.0\.0\.1\) is a loopback address/,
    );
    expect(await fetchFailure([to(302, "http://169.254.169.254/")], any)).toMatch(/^denied: /);
    expect(JSON.parse(await textOf(fetched([to(302, "/echo")], any)))).toMatchObject({ path: "/echo" });
    expect(other.requests.length).toBe(before);
  });

  test("localhost is open only if all its addresses are loopback addresses", async () => {
    expect(JSON.parse(await textOf(open("localhost", ["127.0.0.1"])))).toMatchObject({ path: "/echo" });
    for (const addresses of [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["93.184.215.14"], ["169.254.169.254", "127.0.0.1"]])
      expect(await failureOf(open("localhost", addresses)), addresses.join()).toMatch(
        /^denied: localhost \(.*\) is not a loopback address$/,
      );
    expect(await failureOf(open("localhost", []))).toBe("failed: the host has no address");
  });
});

describe("secrets", () => {
  const key = headersOf(["X-Key", "Bearer {{secret:TOKEN}}"]);

  test("the value is sent, and scrubbed from the response", async () => {
    let seen = "";
    const echo = await startTestServer((request, response) => {
      seen = String(request.headers["x-key"]);
      response.writeHead(200, { "x-back": seen }).end(`${seen} ${JSON.stringify(seen)} ${encodeURIComponent(SECRET)}`);
    });
    const response = await textOf(fetched([urlAt("/", "127.0.0.1", echo), "GET", "", key, "response"]));
    await echo.close();
    expect(seen).toBe(`Bearer ${SECRET}`);
    expect(response).not.toContain("sesame");
    const { body, headers } = JSON.parse(response);
    expect(headers["x-back"]).toBe("Bearer {{secret:TOKEN}}");
    expect(body).toBe('Bearer {{secret:TOKEN}} "Bearer {{secret:TOKEN}}" {{secret:TOKEN}}');
  });

  test("only for its hosts, only in header values, only when it is set", async () => {
    const before = server.requests.length;
    expect(await fetchFailure([urlAt("/echo", "one.test"), "GET", "", key])).toBe("denied: the secret TOKEN may not be sent to one.test");
    expect(await fetchFailure([urlAt("/echo"), "GET", "", headersOf(["X", "{{secret:OTHER}}"])])).toBe(
      "failed: the policy has no secret OTHER",
    );
    expect(await fetchFailure([urlAt("/echo"), "GET", "", headersOf(["X", "{{secret:UNSET}}"])])).toMatch(
      /^failed: the secret UNSET has no value/,
    );
    expect(server.requests.length).toBe(before);
    expect((await echoOf([urlAt("/echo"), "POST", "{{secret:TOKEN}}"])).body).toBe("{{secret:TOKEN}}");
  });
});

describe("trace context", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  test("is sent only if the policy says so", async () => {
    expect((await echoOf([urlAt("/echo")], PRIVATE_ALLOWED, { traceparent })).headers).not.toHaveProperty("traceparent");
    expect((await echoOf([urlAt("/echo")], { ...PRIVATE_ALLOWED, propagate_trace: true }, { traceparent })).headers).toMatchObject({
      traceparent,
    });
  });

  const context = { traceparent, tracestate: "v=1", baggage: "user=a%20b" };
  const sent = async (net: object, own: MapValue = MapValue.EMPTY) => {
    const { headers } = await echoOf([urlAt("/echo"), "GET", "", own], { ...PRIVATE_ALLOWED, ...net }, context);
    return Object.fromEntries(Object.entries(headers).filter(([name]) => name in context));
  };

  test("tracestate is sent with traceparent; baggage has its own setting", async () => {
    expect(await sent({})).toEqual({});
    expect(await sent({ propagate_trace: false })).toEqual({});
    expect(await sent({ propagate_trace: true })).toEqual({ traceparent, tracestate: "v=1" });
    expect(await sent({ propagate_trace: true, propagate_baggage: true })).toEqual(context);
    expect(await sent({ propagate_baggage: true })).toEqual({ baggage: "user=a%20b" });
  });

  test("headers of the program are kept, and tracestate stays with its traceparent", async () => {
    const both = { propagate_trace: true, propagate_baggage: true };
    const own = `00-${"1".repeat(32)}-${"2".repeat(16)}-00`;
    expect(await sent(both, headersOf(["Traceparent", own], ["Baggage", "mine=1"]))).toEqual({ traceparent: own, baggage: "mine=1" });
    expect(await sent(both, headersOf(["Tracestate", "mine=1"]))).toEqual(context);
  });
});

describe("the idempotency key", () => {
  const idempotencyKey = "ab".repeat(32);
  const KEYED = { ...PRIVATE_ALLOWED, idempotency_header: "Idempotency-Key" };

  test("is sent in the policy's header, to the targets of redirects too", async () => {
    expect((await echoOf([urlAt("/echo"), "POST", "x"], PRIVATE_ALLOWED, { idempotencyKey })).headers).not.toHaveProperty(
      "idempotency-key",
    );
    const key = { headers: { "idempotency-key": idempotencyKey } };
    expect(await echoOf([urlAt("/echo"), "POST", "x"], KEYED, { idempotencyKey })).toMatchObject(key);
    expect(await echoOf([urlAt(`/to/307/${encodeURIComponent("/echo")}`), "POST", "x"], KEYED, { idempotencyKey })).toMatchObject(key);
  });

  test("cannot be set by the program", async () => {
    const own = headersOf(["idempotency-KEY", "mine"]);
    expect(await fetchFailure([urlAt("/echo"), "POST", "x", own], KEYED)).toBe(
      "failed: the policy sets the header Idempotency-Key; the program may not",
    );
    expect(await echoOf([urlAt("/echo"), "POST", "x", own])).toMatchObject({ headers: { "idempotency-key": "mine" } });
  });
});
