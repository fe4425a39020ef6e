import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { classifyAddress } from "../../policy/addresses.ts";
import { Decisions } from "../../policy/decide.ts";
import { matchesHost, parseHostPattern, parseTarget } from "../../policy/hosts.ts";
import { isBelow, normalizePath, reachOf } from "../../policy/paths.ts";
import { ALLOW_ALL, DENY_ALL, type Policy, policyFromJson } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY, type CapabilityDecl } from "../../vm/capabilities.ts";
import { parseJson } from "../../vm/json/json.ts";
import { MapValue } from "../../vm/value/map.ts";
import type { Value } from "../../vm/value/value.ts";
import { scaledRuns } from "../cases.ts";
import { SPECIAL_RANGES } from "./special-ranges.ts";

const capability = (name: string) => BUILTIN_REGISTRY.byName.get(name) ?? expect.fail(name);
const policy = (text: string) => policyFromJson(parseJson(text));
const decide = (by: Policy, of: CapabilityDecl, args: readonly Value[]) => new Decisions(by).decide(of, args);
const fetchUnder = (text: string, url: string, method = "GET") =>
  decide(policy(text), capability("net.fetch"), [url, method, "", MapValue.EMPTY, "body"]);

describe("addresses", () => {
  test.each([
    ["8.8.8.8", "public"],
    ["0.0.0.0", "unspecified"],
    ["10.1.2.3", "private"],
    ["100.64.0.1", "CGNAT"],
    ["100.128.0.1", "public"],
    ["127.255.255.254", "loopback"],
    ["169.254.169.254", "link-local"],
    ["172.15.255.255", "public"],
    ["172.31.255.255", "private"],
    ["172.32.0.0", "public"],
    ["192.0.2.1", "documentation"],
    ["192.168.0.1", "private"],
    ["198.19.255.255", "benchmarking"],
    ["224.0.0.1", "multicast"],
    ["255.255.255.255", "reserved"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["2606:4700::1", "public"],
    ["fc00::1", "private"],
    ["fdff::1", "private"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["fec0::1", "private"],
    ["ff02::1", "multicast"],
    ["2001:db8::1", "documentation"],
    ["3fff::1", "documentation"],
    ["100::1", "reserved"],
    ["4000::1", "reserved"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:8.8.8.8", "public"],
    ["::ffff:0:10.0.0.1", "private"],
    ["::127.0.0.1", "loopback"],
    ["64:ff9b::a9fe:a9fe", "link-local"],
    ["64:ff9b::8.8.8.8", "public"],
    ["64:ff9b:1::8.8.8.8", "reserved"],
    ["2002:7f00:1::", "loopback"],
    ["2002:808:808::", "public"],
    // Teredo: the server's address, and the client's with inverted bits.
    ["2001:0:808:808::f7f7:f7f7", "public"],
    ["2001:0:808:808::80ff:fffe", "loopback"],
    ["2001:0:a00:1::f7f7:f7f7", "private"],
    ["example.com", undefined],
    ["127.1", undefined],
    ["1.2.3.4.5", undefined],
    ["1.2.3.256", undefined],
    ["01.2.3.4", undefined],
    [":::", undefined],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["12345::", undefined],
    ["", undefined],
  ])("%s is %s", (address, kind) => expect(classifyAddress(address)).toBe(kind));

  test.each(SPECIAL_RANGES)("%s to %s is %s", (first, last, kind, publicNeighbours) => {
    expect([classifyAddress(first), classifyAddress(last)]).toEqual([kind, kind]);
    for (const address of publicNeighbours.split(" ").filter((text) => text !== ""))
      expect([address, classifyAddress(address)]).toEqual([address, "public"]);
  });

  test("an address that ipaddr.js does not call unicast is never public", () => {
    const bytes = (count: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: count, maxLength: count });
    const v6 = fc
      .tuple(
        fc.constantFrom(
          [],
          [0xfe, 0x80],
          [0xfc],
          [0x20, 0x01],
          [0x20, 0x01, 0x0d, 0xb8],
          [0x20, 0x02],
          [0x00, 0x64, 0xff, 0x9b],
          [0xff],
          Array.from({ length: 10 }, () => 0),
          [1],
          [0x3f, 0xff],
        ),
        bytes(16),
      )
      .map(([start, rest]) => [...start, ...rest].slice(0, 16));
    fc.assert(
      fc.property(fc.oneof(bytes(4), v6), (raw) => {
        const address = ipaddr.fromByteArray(raw);
        const ours = classifyAddress(address.toString());
        expect(ours).toBeDefined();
        const range = address.range();
        // These embed an IPv4 address, which decides.
        if (["ipv4Mapped", "rfc6145", "rfc6052", "6to4", "teredo"].includes(range)) return;
        // Public anycast services.
        if (["as112", "amt", "as112v6"].includes(range)) return;
        if (range !== "unicast") expect(ours).not.toBe("public");
        else if (raw.length === 4 || ((raw[0] ?? 0) & 0xe0) === 0x20) expect(ours).toBe("public");
      }),
      { numRuns: scaledRuns(3_000) },
    );
  });
});

describe("hosts", () => {
  test.each([
    ["http://EXAMPLE.com./x", "example.com", 80],
    ["https://example.com:8443", "example.com", 8443],
    ["http://0x7f.1/", "127.0.0.1", 80],
    ["http://2130706433/", "127.0.0.1", 80],
    ["http://[::FFFF:127.0.0.1]/", "::ffff:7f00:1", 80],
    ["http://münchen.example/", "xn--mnchen-3ya.example", 80],
  ])("%s", (url, host, port) => expect(parseTarget(url)).toMatchObject({ host, port }));

  test("an invalid URL or one without a host has no target", () => {
    for (const url of ["", "example.com", "http://", "http://[", "file:///etc/passwd", "http://a b/"])
      expect(parseTarget(url)).toBeUndefined();
  });

  test("patterns", () => {
    expect(matchesHost("*.example.org", "a.example.org")).toBe(true);
    expect(matchesHost("*.example.org", "a.b.example.org")).toBe(true);
    expect(matchesHost("*.example.org", "example.org")).toBe(false);
    expect(matchesHost("*.example.org", ".example.org")).toBe(false);
    expect(matchesHost("*.example.org", "badexample.org")).toBe(false);
    expect(matchesHost("example.org", "a.example.org")).toBe(false);
    expect(parseHostPattern("[::FFFF:1.2.3.4]")).toEqual({ pattern: "::ffff:102:304" });
    expect(parseHostPattern("*.Example.ORG.")).toEqual({ pattern: "*.example.org" });
  });
});

describe("paths", () => {
  test("paths are normalized", () => {
    expect(["a/./b//c/", "../x/../y", "/../..", "a/../../b", ".", "/", ""].map(normalizePath)).toEqual([
      "a/b/c",
      "../y",
      "/",
      "../b",
      "",
      "/",
      "",
    ]);
    expect(isBelow("/data", "/data")).toBe(true);
    expect(isBelow("/database", "/data")).toBe(false);
  });

  test.each([
    ["data/x", ["./data"], "inside"],
    ["x", ["./data"], "inside"],
    ["../x", ["./data"], "outside"],
    ["data/../../x", ["./data"], "outside"],
    ["../data/x", ["../data"], "inside"],
    ["../../x", [".."], "outside"],
    ["../x", [".."], "inside"],
    ["/etc/passwd", ["./data"], "depends"],
    ["/etc/passwd", ["/data"], "outside"],
    ["/data/../etc/passwd", ["/data"], "outside"],
    ["/data/x", ["/data"], "inside"],
    ["/x", ["/"], "inside"],
    ["x", ["/data"], "inside"],
    ["../x", ["/data"], "outside"],
    ["x", [], "outside"],
    ["", ["."], "inside"],
  ] as const)("%s under %j is %s", (path, roots, reach) => expect(reachOf(path, roots)).toBe(reach));

  test("a path that is inside by its text stays below the root when resolved", () => {
    const part = fc.constantFrom("..", ".", "a", "b", "");
    const path = fc
      .tuple(fc.boolean(), fc.array(part, { maxLength: 6 }))
      .map(([absolute, parts]) => (absolute ? "/" : "") + parts.join("/"));
    fc.assert(
      fc.property(path, fc.constantFrom("/r", "/r/a", "/"), (given, root) => {
        if (reachOf(given, [root]) !== "inside") return;
        const resolved = given.startsWith("/") ? normalizePath(given) : normalizePath(`${root}/${normalizePath(given)}`);
        expect(isBelow(resolved, root)).toBe(true);
      }),
    );
  });
});

describe("decisions", () => {
  const args: readonly Value[] = ["https://a.example/", "GET", "", MapValue.EMPTY, "body"];

  test("rules, defaults, budgets", () => {
    const fetch = capability("net.fetch");
    expect(decide(DENY_ALL, fetch, args)).toEqual({
      allowed: false,
      rule: "default_allow",
      reason: "the policy has no rule that allows net.fetch",
    });
    expect(decide(ALLOW_ALL, fetch, args)).toEqual({
      allowed: true,
      rule: "default_allow",
      reason: "the policy allows what it has no rule for",
    });
    expect(decide(policy('{"rules":{"net.fetch":{"allow":true,"budget":2}}}'), fetch, args)).toEqual({
      allowed: true,
      rule: 'rules["net.fetch"].allow',
      reason: "the policy's rule allows net.fetch",
      budget: 2,
    });
    expect(decide(policy('{"default_allow":true,"rules":{"random":{"allow":false}}}'), capability("random"), [])).toEqual({
      allowed: false,
      rule: "rules.random.allow",
      reason: "the policy's rule refuses random",
    });
    expect(decide(policy('{"default_allow":true,"rules":{"net.fetch":{"allow":true}}}'), fetch, args).budget).toBeUndefined();
  });

  test.each([
    ['{"default_allow":true}', "http://127.0.0.1:1/", "GET", "net_policy.allow_private_networks"],
    ['{"default_allow":true}', "http://LOCALHOST/", "GET", "net_policy.allow_private_networks"],
    ['{"default_allow":true}', "http://[::ffff:10.0.0.1]/", "GET", "net_policy.allow_private_networks"],
    ['{"default_allow":true,"net_policy":{"allow_private_networks":true}}', "http://127.0.0.1:1/", "GET", undefined],
    [
      '{"default_allow":true,"net_policy":{"allowed_domains":["127.0.0.1"]}}',
      "http://127.0.0.1/",
      "GET",
      "net_policy.allow_private_networks",
    ],
    ['{"default_allow":true,"net_policy":{"allowed_domains":["a.example"]}}', "https://b.example/", "GET", "net_policy.allowed_domains"],
    ['{"default_allow":true,"net_policy":{"allowed_domains":["a.example"]}}', "https://a.example./", "GET", undefined],
    [
      '{"default_allow":true,"net_policy":{"allowed_domains":["a.example"]}}',
      "https://a.example@b.example/",
      "GET",
      "net_policy.allowed_domains",
    ],
    ['{"default_allow":true,"net_policy":{"allowed_domains":["a.example"]}}', "not a url", "GET", "net_policy.allowed_domains"],
    ['{"default_allow":true,"net_policy":{"allowed_ports":[443]}}', "not a url", "GET", "net_policy.allowed_ports"],
    ['{"default_allow":true}', "not a url", "GET", undefined],
    ['{"default_allow":true,"net_policy":{"allowed_ports":[443]}}', "https://a.example/", "GET", undefined],
    ['{"default_allow":true,"net_policy":{"allowed_ports":[443]}}', "http://a.example/", "GET", "net_policy.allowed_ports"],
    ['{"default_allow":true,"net_policy":{"allowed_methods":["GET"]}}', "http://a.example/", "get", undefined],
    ['{"default_allow":true,"net_policy":{"allowed_methods":["GET"]}}', "http://a.example/", "POST", "net_policy.allowed_methods"],
  ])("%s %s %s", (text, url, method, rule) => {
    const decision = fetchUnder(text, url, method);
    expect(decision.allowed).toBe(rule === undefined);
    if (rule !== undefined) expect(decision.rule).toBe(rule);
  });

  describe("a loopback address named with its port", () => {
    const hint = (host: string): string => `; name it outright to open it: --allow-net ${host}`;
    test.each([
      [["127.0.0.1:8080"], "http://127.0.0.1:8080/x", undefined],
      [["127.0.0.1:8080"], "https://0x7f.1:8080/x", undefined],
      [["127.9.9.9:80"], "http://127.9.9.9/", undefined],
      [["127.0.0.1:443"], "https://127.0.0.1/", undefined],
      [["[::1]:8080"], "http://[0:0::1]:8080/", undefined],
      [["LOCALHOST:8080"], "http://localhost.:8080/", undefined],
      [["*", "localhost:8080"], "http://localhost:8080/", undefined],
      [["*", "localhost:8080"], "http://a.example:8080/", undefined],
      [["127.0.0.1:8080"], "http://127.0.0.1:8081/", `the host "127.0.0.1" is not allowed${hint("127.0.0.1:8081")}`],
      [["127.0.0.1:8080"], "http://127.0.0.1/", `the host "127.0.0.1" is not allowed${hint("127.0.0.1:80")}`],
      [["127.0.0.1:8080"], "http://127.0.0.2:8080/", `the host "127.0.0.2" is not allowed${hint("127.0.0.2:8080")}`],
      [["127.0.0.1:8080"], "http://localhost:8080/", `the host "localhost" is not allowed${hint("localhost:8080")}`],
      [["127.0.0.1:8080"], "http://[::1]:8080/", `the host "::1" is not allowed${hint("[::1]:8080")}`],
      [["127.0.0.1:8080"], "http://[::ffff:127.0.0.1]:8080/", 'the host "::ffff:7f00:1" is not allowed'],
      [["127.0.0.1:8080"], "http://a.example:8080/", 'the host "a.example" is not allowed'],
      [["localhost:8080"], "http://a.localhost:8080/", 'the host "a.localhost" is not allowed'],
      [["*", "127.0.0.1:8080"], "http://127.0.0.1:8081/", `"127.0.0.1" is a loopback address${hint("127.0.0.1:8081")}`],
      [["127.0.0.1"], "http://127.0.0.1:8080/", `"127.0.0.1" is a loopback address${hint("127.0.0.1:8080")}`],
      [["*"], "http://10.0.0.1/", '"10.0.0.1" is a private address'],
      [[], "http://[::1]/", `"::1" is a loopback address${hint("[::1]:80")}`],
      [[], "http://a.localhost/", '"a.localhost" is a loopback name'],
    ])("%j %s", (allowed_domains, url, reason) => {
      const decision = fetchUnder(JSON.stringify({ default_allow: true, net_policy: { allowed_domains } }), url);
      expect(decision.allowed ? undefined : decision.reason).toBe(reason);
    });

    test("is open whatever allowed_ports says, but not to other methods", () => {
      const text =
        '{"default_allow":true,"net_policy":{"allowed_domains":["127.0.0.1:8080"],"allowed_ports":[443],"allowed_methods":["GET"]}}';
      expect(fetchUnder(text, "http://127.0.0.1:8080/").allowed).toBe(true);
      expect(fetchUnder(text, "http://127.0.0.1:8080/", "POST").rule).toBe("net_policy.allowed_methods");
    });
  });

  test("folders", () => {
    const read = (text: string, path: string) => decide(policy(text), capability("fs.read"), [path, "text"]);
    expect(read('{"default_allow":true}', "x")).toMatchObject({
      allowed: false,
      rule: "fs_policy.read",
      reason: "the policy names no folder to read",
    });
    expect(read('{"default_allow":true,"fs_policy":{"read":["./d"]}}', "../x")).toMatchObject({ allowed: false, rule: "fs_policy.read" });
    expect(read('{"default_allow":true,"fs_policy":{"read":["./d"]}}', "d/\0")).toMatchObject({
      allowed: false,
      reason: "the path holds a NUL character",
    });
    expect(read('{"default_allow":true,"fs_policy":{"read":["./d"]}}', "d/x").allowed).toBe(true);
    expect(decide(policy('{"default_allow":true,"fs_policy":{"read":["."]}}'), capability("fs.write"), ["x", "", "replace"])).toMatchObject(
      { allowed: false, rule: "fs_policy.write" },
    );
    expect(decide(ALLOW_ALL, capability("fs.write"), ["x", "", "replace"]).allowed).toBe(true);
  });

  test("models", () => {
    const call = (text: string, model: string, options: MapValue = MapValue.EMPTY) =>
      decide(policy(text), capability("llm.call"), ["p", model, options]);
    const limited = '{"default_allow":true,"llm_policy":{"allowed_models":["m"],"max_output_tokens":10,"max_cost_usd":1}}';
    expect(call(limited, "n")).toMatchObject({ allowed: false, rule: "llm_policy.allowed_models" });
    expect(call(limited, "m")).toMatchObject({ allowed: false, rule: "llm_policy.prices" });
    expect(call(limited, "").allowed).toBe(true);
    expect(call(limited, "", MapValue.from([["max_output_tokens", 11]]))).toMatchObject({
      allowed: false,
      rule: "llm_policy.max_output_tokens",
    });
  });

  test("a reason quotes and shortens the program's text", () => {
    const { reason } = fetchUnder(
      '{"default_allow":true,"net_policy":{"allowed_methods":["GET"]}}',
      "http://a.example/",
      `\u001b[31m${"X".repeat(10_000)}`,
    );
    expect(reason.length).toBeLessThan(400);
    expect(reason).not.toContain("\u001b");
  });
});
