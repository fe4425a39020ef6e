/** No hostile URL, resolver or redirect makes net.fetch open a connection. The tests count the connections that Node tries to open. */
import { Buffer } from "node:buffer";
import { createHook } from "node:async_hooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { netFetchHandler } from "../../../gateway/handlers/net-fetch.ts";
import { classifyAddress } from "../../../policy/addresses.ts";
import { parseUrl } from "../../../policy/host-names.ts";
import { canonicalHost } from "../../../policy/hosts.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { EDGES, HAS_URL_CASES, HOSTILE_URLS, NAT64_ADDRESSES, PRIVATE_ADDRESSES, urlCases } from "../../policy/hostile-urls.ts";
import { DEEP, someOf } from "../../cases.ts";
import { callHandler, contextOf, failureOf, policyOf, startTestServer, textOf, type TestServer } from "./support.ts";

/** Number of connections that were tried, successfully or not, since the test began. */
let connections = 0;
const hook = createHook({
  init: (_, type) => {
    if (type === "TCPCONNECTWRAP" || type === "PIPECONNECTWRAP") connections += 1;
  },
});

/** Returns the text as a header value: one character for each of its UTF-8 bytes. */
const headerText = (text: string): string => Buffer.from(text).toString("latin1");

let server: TestServer;
beforeAll(async () => {
  // `/to/URL` redirects to the URL; anything else returns the Host header.
  server = await startTestServer((request, response) => {
    const { url = "" } = request;
    if (url.startsWith("/to/")) response.writeHead(307, { location: headerText(decodeURIComponent(url.slice("/to/".length))) }).end();
    else response.end(request.headers.host);
  });
  hook.enable();
});
afterAll(async () => {
  hook.disable();
  await server.close();
});

/** Returns a handler whose resolver answers with the lists of addresses in turn, and then repeats the last one. */
function resolving(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const handler = netFetchHandler({
    env: {},
    resolve: (host, done) => {
      const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(host);
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    },
  });
  return { handler, asked };
}

const CLOSED = {};
function fetchWith({ handler }: ReturnType<typeof resolving>, url: string, net: object = CLOSED): Promise<string> {
  return textOf(callHandler("net.fetch", handler, [url, "GET", "", MapValue.EMPTY], contextOf(policyOf({ net_policy: net }))));
}
/** Returns how the call failed, and how many connections it tried. */
async function attempt(from: ReturnType<typeof resolving>, url: string, net: object = CLOSED): Promise<{ failure: string; tried: number }> {
  const before = connections;
  const failure = await failureOf(fetchWith(from, url, net));
  return { failure, tried: connections - before };
}
const REFUSED = /^denied: |^failed: (not a URL|net\.fetch reaches http and https|a URL may not hold a user name|the URL has no host)/;

/** A handler whose resolver gives a private address for every name. So a URL whose host is taken for a name is refused, too. */
const inward = resolving(["10.1.2.3"]);

describe("no connection", () => {
  test("to any hostile URL", async () => {
    for (const url of HOSTILE_URLS) {
      const { failure, tried } = await attempt(inward, url);
      expect(failure, url).toMatch(REFUSED);
      expect(tried, url).toBe(0);
    }
  });

  test("to a name that resolves to any address that is not public, alone or among public ones", async () => {
    const addresses = [
      ...new Set([...EDGES, ...NAT64_ADDRESSES, ...PRIVATE_ADDRESSES, ...PRIVATE_ADDRESSES.map((address) => `::ffff:${address}`)]),
    ];
    expect(addresses.length).toBeGreaterThan(200);
    for (const [i, address] of addresses.entries()) {
      const answers = [[address], ["93.184.215.14", address], [address, "2606:2800:21f::1"], ["93.184.215.14", "93.184.215.15", address]];
      // `npm test` tries each address in one of the answers.
      for (const answer of DEEP ? answers : answers.slice(i % 4, (i % 4) + 1)) {
        const { failure, tried } = await attempt(resolving(answer), "http://name.example/");
        expect(failure, answer.join()).toMatch(/^denied: name\.example \(.*\) is an? /);
        expect(tried, answer.join()).toBe(0);
      }
    }
  });

  test("by a redirect to any of them; only the redirecting server itself gets a connection", async () => {
    const base = `http://127.0.0.1:${server.port}`;
    const targets = [...HOSTILE_URLS, "http://name.example/"].filter((target) => /^[\t\x20-\x7e\x80-\xff]*$/.test(headerText(target)));
    expect(targets.length).toBeGreaterThan(400);
    for (const target of someOf(targets)) {
      const net = { allowed_domains: ["*", `127.0.0.1:${server.port}`] };
      const { failure, tried } = await attempt(inward, `${base}/to/${encodeURIComponent(target)}`, net);
      // A Location without `//` may be a path of the server.
      if (new URL("/x", parseUrl(headerText(target), base) ?? "http://none/").origin === base) continue;
      expect(failure, target).toMatch(REFUSED);
      // Connections are kept per policy, and each call has a new policy, so each opens one connection to the server.
      expect(tried, target).toBe(1);
    }
  });

  test.skipIf(!HAS_URL_CASES)("to a URL of web-platform-tests, where every name resolves to a private address", async () => {
    let tried = 0;
    for (const { input, base } of urlCases()) {
      const url = parseUrl(input, base)?.href ?? input;
      if (classifyAddress(canonicalHost(parseUrl(url)?.hostname ?? "")) === "public") continue;
      const result = await attempt(inward, url);
      tried += 1;
      expect(result.failure, input).toMatch(/^denied: |^failed: /);
      expect(result.tried, input).toBe(0);
    }
    expect(tried).toBeGreaterThan(450);
  });
});

describe("a name whose answer changes", () => {
  const named = () => ({ allowed_domains: [`localhost:${server.port}`] });
  const url = () => `http://localhost:${server.port}/`;

  test("between check and connection: the connection goes to the address that was checked", async () => {
    const from = resolving(["127.0.0.1"], ["169.254.169.254"]);
    expect(await fetchWith(from, url(), named())).toBe(`localhost:${server.port}`);
    expect(from.asked).toEqual(["localhost"]);
  });

  test("between two calls: the second is refused if it needs a connection", async () => {
    const from = resolving(["127.0.0.1"], ["169.254.169.254"]);
    await fetchWith(from, url(), named());
    // Connections are kept per policy: a new policy needs a new connection.
    expect(await attempt(from, url(), named())).toEqual({
      failure: "denied: localhost (169.254.169.254) is not a loopback address",
      tried: 0,
    });
    const outward = resolving(["10.0.0.1"], ["127.0.0.1"]);
    expect((await attempt(outward, "http://name.example/")).tried).toBe(0);
    expect((await attempt(outward, "http://name.example/")).failure).toMatch(
      /^denied: name\.example \(127\.0\.0\.1\) is a loopback address/,
    );
  });
});

describe("a connection", () => {
  const GOOD = [
    "a.example",
    "A.EXAMPLE",
    "a.example.",
    "%61.example",
    "ａ.example",
    "a。example",
    "a\u00ad.example",
    "sub.deep.a.example",
    "a-b.example",
    "a_b.example",
    "xn--mnchen-3ya.example",
    "münchen.example",
    "straße.example",
    "例え.テスト",
    "δοκιμή.example",
    "испытание.example",
    "한국.example",
    "💩.la",
    "שלום.example",
    "مثال.example",
    "1a.example",
    "127.0.0.1.example",
    "localhost.example",
    "0x7f.example",
    "a.b.c.d.e.f.g.h",
    "x".repeat(63),
    "single",
    "127.0.0.1",
    "0x7f.1",
    "2130706433",
    "localhost",
    "[::ffff:127.0.0.1]",
  ];

  test.each(GOOD)("to %s, if the policy opens it", async (host) => {
    const before = connections;
    const from = resolving(["127.0.0.1"]);
    const expected = canonicalHost(new URL(`http://${host}/`).hostname);
    const answer = await fetchWith(from, `http://${host}:${server.port}/`, { allow_private_networks: true });
    expect(canonicalHost(answer.replace(/:[0-9]+$/, ""))).toBe(expected);
    expect(connections).toBeGreaterThan(before);
  });

  test("is counted, so that the tests above can fail", () => expect(GOOD.length).toBeGreaterThanOrEqual(30));
});
