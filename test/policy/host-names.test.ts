import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parseUrl } from "../../policy/host-names.ts";
import { parseTarget } from "../../policy/hosts.ts";

const hostOf = (name: string): string | undefined => parseUrl(`http://${name}/`)?.hostname;

describe("hosts that versions of Node read differently are refused", () => {
  test.each([
    "xn--a",
    "xn--",
    "xn--a.xn--zca",
    "a.b.c.xn--pokxncvks",
    "A.B.XN--POKXNCVKS",
    "xn--0.com",
    "xn--ls8h=",
    "xn--.com",
    "xn--999999999999999999",
  ])("%s does not decode", (name) => expect(hostOf(name)).toBeUndefined());

  test.each(["xn--zn7c.com", "xn--1ug.example", "xn--a-yoc", "xn--mnchen-3yA\u0308.example", `xn--${"a".repeat(60)}-3ya`])(
    "%s does not decode to a valid name",
    (name) => expect(hostOf(name)).toBeUndefined(),
  );

  /** The seven hosts of testdata/url that Node 20 and 24 read differently. */
  test.each(["look\u180eout.net", "look\u206bout.net", "\u04c0.com", "\u{2f868}.com", "\u2183.com", "\u1e9e.com", "\u1e9e.foo.com"])(
    "%s",
    (name) => {
      expect(hostOf(name)).toBeUndefined();
      expect(hostOf(encodeURIComponent(name).replaceAll("%2E", "."))).toBeUndefined();
      expect(parseUrl(`//user@${name}:80/`, "https://example.com/")).toBeUndefined();
      expect(parseUrl(`http:\\\\${name}`)).toBeUndefined();
      // Outside the host these characters are ordinary text.
      expect(parseUrl(`http://example.com/${name}?${name}#${name}`)?.hostname).toBe("example.com");
    },
  );

  test.each(["u\u0308.example", "0\u05d0.example", "\u0660.example", "\u05d0.1.example", "\u{10a00}.example"])("%s", (name) =>
    expect(hostOf(name)).toBeUndefined(),
  );
});

test.each([
  ["münchen.example", "xn--mnchen-3ya.example"],
  ["MÜNCHEN.example", "xn--mnchen-3ya.example"],
  ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example"],
  ["XN--MNCHEN-3YA.EXAMPLE", "xn--mnchen-3ya.example"],
  ["straße.example", "xn--strae-oqa.example"],
  ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
  ["δοκιμή.example", "xn--jxalpdlp.example"],
  ["испытание.example", "xn--80akhbyknj4f.example"],
  ["मुंबई.example", "xn--i1bm1ig9g.example"],
  ["한국.example", "xn--3e0b707e.example"],
  ["💩.la", "xn--ls8h.la"],
  ["xn--ls8h.la", "xn--ls8h.la"],
  ["שלום.example", "xn--9dbne9b.example"],
  ["مثال.example", "xn--mgbh0fb.example"],
  ["نامه\u200cای.com", "xn--mgba3gch31f060k.com"],
  ["ex%61mple.com", "example.com"],
  ["ex\u00adample.com", "example.com"],
  ["ｅｘａｍｐｌｅ.com", "example.com"],
  ["127.1", "127.0.0.1"],
  ["[::1]", "[::1]"],
  ["ab--c", "ab--c"],
])("%s is %s", (name, host) => {
  expect(hostOf(name)).toBe(host);
  expect(parseUrl(`http://user@${name}:8080/`)?.host).toBe(`${host}:8080`);
});

test("the result does not change once V8 has optimized the parser", () => {
  const answers = new Set<string | undefined>();
  for (let i = 0; i < 20_000; i++) answers.add(parseTarget("http://münchen.example/é")?.host);
  expect([...answers]).toEqual(["xn--mnchen-3ya.example"]);
});

test("every code point, in four names: the same result in every version of Node", () => {
  const hash = createHash("sha256");
  let accepted = 0;
  for (let code = 0x80; code <= 0x3_3fff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    for (const name of [`a${character}b.example`, `${character}.example`, `ü${character}é.example`, `\u0627${character}\u0627.example`]) {
      const host = hostOf(name);
      if (host !== undefined) accepted += 1;
      hash.update(`${name} ${host}\n`);
    }
  }
  expect({ accepted, digest: hash.digest("hex") }).toMatchInlineSnapshot(`
    {
      "accepted": 290110,
      "digest": "4819f9f266a5700e417b22a4f2bd012e669c2f77d1c11f51cc6154a1575c33e0",
    }
  `);
});
