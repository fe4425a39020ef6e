import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parseUrl } from "../../policy/host-names.ts";
import { parseTarget } from "../../policy/hosts.ts";
import { someOf } from "../cases.ts";

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

/** How many hosts of a block of 4,096 code points are accepted, and the start of the digest of all results. */
const BLOCKS: readonly (readonly [from: number, accepted: number, digest: string])[] = [
  [0x0, 7_399, "dbf829c62aa6e104"],
  [0x1000, 9_926, "76b87cb2163c9b97"],
  [0x2000, 11_172, "09aa06596016ce48"],
  [0x3000, 11_824, "fd4f73fb1ee4df57"],
  [0x4000, 12_288, "64c2253865c6d0c5"],
  [0x5000, 12_288, "36cf41c5ff077817"],
  [0x6000, 12_288, "3a5cbb15b08c70bb"],
  [0x7000, 12_288, "233fc4c09de5b8ce"],
  [0x8000, 12_288, "6feef9e67a7278f9"],
  [0x9000, 12_288, "b095f2b62fa65b56"],
  [0xa000, 11_548, "5d0bc1dc86bb7ed9"],
  [0xb000, 12_288, "cf2656ae5bddb0b4"],
  [0xc000, 12_288, "a6ce16962b4f7abd"],
  [0xd000, 6_084, "3e5967130c4af77b"],
  [0xe000, 0, "9ef9fe313e67c2cb"],
  [0xf000, 2_117, "e9734f914f889e03"],
  [0x1_0000, 0, "252f6633b0fd3142"],
  [0x1_1000, 0, "6d7f174bad0d2f6c"],
  [0x1_2000, 0, "e0bb3140ebfc8ddf"],
  [0x1_3000, 0, "fdcf13e251cf4598"],
  [0x1_4000, 0, "83a35999cec6ce0d"],
  [0x1_5000, 0, "b94a6804a57cdbbd"],
  [0x1_6000, 0, "fc3fcb196dcc0bba"],
  [0x1_7000, 0, "84bc4ca4a3ef3487"],
  [0x1_8000, 0, "dda3e3db6e902512"],
  [0x1_9000, 0, "25abfb11af0fcfb1"],
  [0x1_a000, 0, "c36f6efc4469003f"],
  [0x1_b000, 0, "fd54bc4a7da97487"],
  [0x1_c000, 0, "b7c116fb8074b197"],
  [0x1_d000, 0, "ffddc889ba747522"],
  [0x1_e000, 0, "ff10fede647ce8e8"],
  [0x1_f000, 3_576, "0461f418f727c471"],
  [0x2_0000, 12_288, "d967aeb83b143343"],
  [0x2_1000, 12_288, "54130a952a0c6d2c"],
  [0x2_2000, 12_288, "c09295fccf3e3a1a"],
  [0x2_3000, 12_288, "bfe3dc75489fe372"],
  [0x2_4000, 12_288, "c7d9270720ee2b4f"],
  [0x2_5000, 12_288, "a8eb6fbca57a4322"],
  [0x2_6000, 12_288, "ae3c85bcf051e00b"],
  [0x2_7000, 12_288, "a40a82cfbf1887c6"],
  [0x2_8000, 12_288, "768d7f9ae2f48a2d"],
  [0x2_9000, 12_288, "e9e77039fd6dbae5"],
  [0x2_a000, 5_280, "6a632b26b0f14322"],
  [0x2_b000, 0, "36bc6c18758b196a"],
  [0x2_c000, 0, "4b1e5bd74d794c8d"],
  [0x2_d000, 0, "b4b415863aac080c"],
  [0x2_e000, 0, "2e86b583e4af08f5"],
  [0x2_f000, 0, "dc47881e04d0cc75"],
  [0x3_0000, 0, "c77bd4fdfe3ae621"],
  [0x3_1000, 0, "3ed953491bbcdf1e"],
  [0x3_2000, 0, "1c4ac6933b7b3cc0"],
  [0x3_3000, 0, "48f1f000bfa7b093"],
];

describe("every code point, in four names: the same result in every version of Node", () => {
  test.each(someOf(BLOCKS))("from code point %i", (from, accepted, digest) => {
    expect(resultsOf(from)).toEqual([accepted, digest]);
  });
});

function resultsOf(from: number): readonly [accepted: number, digest: string] {
  const hash = createHash("sha256");
  let accepted = 0;
  for (let code = Math.max(from, 0x80); code < from + 0x1000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    for (const name of [`a${character}b.example`, `${character}.example`, `ü${character}é.example`, `\u0627${character}\u0627.example`]) {
      const host = hostOf(name);
      if (host !== undefined) accepted += 1;
      hash.update(`${name} ${host}\n`);
    }
  }
  return [accepted, hash.digest("hex").slice(0, 16)];
}
