/** The decisions of a policy about hostile URLs. They must be the same on every version of Node, which the digests check. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { classifyAddress } from "../../policy/addresses.ts";
import { Decisions } from "../../policy/decide.ts";
import { parseUrl } from "../../policy/host-names.ts";
import { canonicalHost } from "../../policy/hosts.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { builtinCapability } from "../../vm/capabilities.ts";
import { MapValue } from "../../vm/value/map.ts";
import { HAS_URL_CASES, HOSTILE_URLS, NAT64_ADDRESSES, NAT64_LENGTHS, NAT64_PREFIXES, nat64Address, urlCases } from "./hostile-urls.ts";

const fetchCapability = builtinCapability("net.fetch");
const decisions = new Decisions(ALLOW_ALL);
/** Returns the reason of a refusal, "not a URL", or "allowed" with the URL's host. */
function verdict(text: string, base?: string): string {
  const url = parseUrl(text, base);
  if (url === undefined) return "not a URL";
  const { allowed, reason } = decisions.decide(fetchCapability, [url.href, "GET", "", MapValue.EMPTY, "body"]);
  return allowed ? `allowed ${url.host}` : reason;
}
const digest = (lines: readonly string[]): string => createHash("sha256").update(lines.join("\n")).digest("hex");

describe("hostile URLs", () => {
  test("all are refused but three, which do not mean what they seem to", () => {
    expect(HOSTILE_URLS.length).toBeGreaterThanOrEqual(300);
    const allowed = HOSTILE_URLS.filter((url) => verdict(url).startsWith("allowed"));
    // net.fetch refuses these for their scheme or their user name, or their host is a name.
    expect(allowed).toMatchInlineSnapshot(`
      [
        "http://127.0.0.1;public.example/",
        "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/",
        "file:///etc/passwd",
      ]
    `);
    expect(digest(HOSTILE_URLS.map((url) => `${url} ${verdict(url)}`))).toMatchInlineSnapshot(
      `"202f426000a8a43dc9829097e48e5478a15f205a684b2240e07659f844760ff3"`,
    );
  });

  test("NAT64 at every prefix length of RFC 6052", () => {
    expect(NAT64_ADDRESSES.filter((address) => classifyAddress(address) === "public")).toEqual([]);
    // The addresses of section 2.4.
    const [, , example = []] = NAT64_PREFIXES;
    expect(NAT64_LENGTHS.map((length) => nat64Address(example, length, "192.0.2.33"))).toEqual([
      "2001:db8:c000:221:0:0:0:0",
      "2001:db8:1c0:2:21:0:0:0",
      "2001:db8:122:c000:2:2100:0:0",
      "2001:db8:122:3c0:0:221:0:0",
      "2001:db8:122:344:c0:2:2100:0",
      "2001:db8:122:344:0:0:c000:221",
    ]);
    expect(classifyAddress(nat64Address([0, 0x64, 0xff, 0x9b], 96, "8.8.8.8"))).toBe("public");
  });
});

test.each([
  "https://93.184.215.14/",
  "http://0x5db8d70e/",
  "http://93.184.55054/",
  "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
  "https://[64:ff9b::5db8:d70e]/",
  "https://[2002:5db8:d70e::1]/",
  "https://[::ffff:93.184.215.14]/",
  "https://9.255.255.255/",
  "https://126.255.255.255/",
  "https://172.32.0.0/",
  "https://example.com./",
  "https://127.0.0.1.example.com/",
  "https://localhost.example.com/",
])("%s is public", (url) => expect(verdict(url)).toMatch(/^allowed /));

describe.skipIf(!HAS_URL_CASES)("the URL tests of web-platform-tests (skipped without ../shared/testdata)", () => {
  const all = HAS_URL_CASES ? urlCases() : [];

  test("a text that is no URL is refused; any other has the standard's host, or is refused because versions of Node differ", () => {
    const tally = { refusedAsStandard: 0, sameHost: 0, refusedBeyondStandard: 0 };
    for (const { input, base, href, hostname } of all) {
      const url = parseUrl(input, base);
      if (href === undefined) {
        // Relative references without a base, and URLs of other schemes whose host is not checked here.
        if (url === undefined) tally.refusedAsStandard += 1;
        else expect(url.protocol, input).not.toMatch(/^https?:$/);
      } else if (url === undefined) tally.refusedBeyondStandard += 1;
      else {
        tally.sameHost += 1;
        expect(canonicalHost(url.hostname), input).toBe(canonicalHost(hostname ?? ""));
      }
    }
    expect(tally).toMatchInlineSnapshot(`
      {
        "refusedAsStandard": 267,
        "refusedBeyondStandard": 8,
        "sameHost": 239,
      }
    `);
    expect(digest(all.map(({ input, base }) => `${input} ${base} ${verdict(input, base)}`))).toMatchInlineSnapshot(
      `"5bd17047a64a7d5d7eec1e74cbd2adb680761df74a50954b826ced41ec6c8c57"`,
    );
  });
});
