/** URLs that must not be reached under a policy that keeps private networks closed: each private address in every notation. */
import { existsSync, readFileSync } from "node:fs";
import { SPECIAL_RANGES } from "./special-ranges.ts";

type Quad = readonly [number, number, number, number];
const quadOf = (text: string): Quad => {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [a, b, c, d];
};
const hex = (value: number, width = 1): string => value.toString(16).padStart(width, "0");
const toNumber = ([a, b, c, d]: Quad): number => ((a * 256 + b) * 256 + c) * 256 + d;
const hexGroups = ([a, b, c, d]: Quad): string => `${hex(a * 256 + b)}:${hex(c * 256 + d)}`;
const fullWidth = (text: string): string => text.replaceAll(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
const percent = (text: string): string => [...text].map((character) => `%${hex(character.codePointAt(0) ?? 0, 2)}`).join("");

/** Returns the hosts of URLs that mean an IPv4 address. */
export function spellingsOf(address: string): readonly string[] {
  const quad = quadOf(address);
  const [a, b, c, d] = quad;
  const inverted = hexGroups([255 - a, 255 - b, 255 - c, 255 - d]);
  return [
    address,
    `${address}.`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    String(toNumber(quad)),
    `0x${hex(toNumber(quad))}`,
    `0X${hex(toNumber(quad), 8).toUpperCase()}`,
    `0${toNumber(quad).toString(8)}`,
    quad.map((byte) => `0x${hex(byte)}`).join("."),
    quad.map((byte) => `0${byte.toString(8)}`).join("."),
    quad.map((byte) => `0000${byte.toString(8)}`).join("."),
    `0x${hex(a)}.0${b.toString(8)}.${c * 256 + d}`,
    fullWidth(address),
    address.replaceAll(".", "。"),
    address.replaceAll(".", "．"),
    percent(address),
    address.replace(".", "\t.\n"),
    `\u00ad${address}`,
    // IPv4-mapped, IPv4-compatible, IPv4-translated.
    `[::ffff:${address}]`,
    `[::FFFF:${hexGroups(quad)}]`,
    `[0000:0000:0000:0000:0000:ffff:${hexGroups(quad)}]`,
    `[::${address}]`,
    `[::ffff:0:${address}]`,
    // NAT64, 6to4, Teredo: the server's address, and the client's.
    `[64:ff9b::${address}]`,
    `[64:ff9b::${hexGroups(quad)}]`,
    `[64:ff9b:1::${hexGroups(quad)}]`,
    `[2002:${hexGroups(quad)}::1]`,
    `[2001:0:${hexGroups(quad)}::f7f7:f7f7]`,
    `[2001::808:808:0:0:${inverted}]`,
  ];
}

/** Returns an IPv4 address in an IPv6 prefix of RFC 6052, section 2.2: bits 64 to 71 are zero. */
export function nat64Address(prefix: readonly number[], length: number, address: string): string {
  const bytes = Array.from({ length: 16 }, (_, i) => (i * 8 < length ? (prefix[i] ?? 0) : 0));
  let at = length / 8;
  for (const byte of quadOf(address)) {
    if (at === 8) at += 1;
    bytes[at++] = byte;
  }
  return Array.from({ length: 8 }, (_, i) => hex((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0))).join(":");
}
export const NAT64_LENGTHS = [32, 40, 48, 56, 64, 96];
/** The well-known prefix, the local-use prefix, and the prefix of RFC 6052's examples. */
export const NAT64_PREFIXES: readonly (readonly number[])[] = [
  [0, 0x64, 0xff, 0x9b],
  [0, 0x64, 0xff, 0x9b, 0, 1],
  [0x20, 0x01, 0x0d, 0xb8, 0x01, 0x22, 0x03, 0x44],
];

/** One address of each kind that is not public. */
export const PRIVATE_ADDRESSES = [
  "127.0.0.1",
  "10.0.0.1",
  "169.254.169.254",
  "172.16.5.4",
  "192.168.1.1",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
];

const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** The first and last address of each range of IANA's registries that is not public. */
export const EDGES: readonly string[] = SPECIAL_RANGES.flatMap(([first, last, kind]) =>
  kind === "public" ? [] : [...new Set([first, last])],
);

export const NAT64_ADDRESSES: readonly string[] = NAT64_PREFIXES.flatMap((prefix) =>
  NAT64_LENGTHS.flatMap((length) => PRIVATE_ADDRESSES.map((address) => nat64Address(prefix, length, address))),
);

const LOCAL_NAMES = [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "a.localhost",
  "A.b.LocalHost.",
  "loc%61lhost",
  "ｌｏｃａｌｈｏｓｔ",
  "local\u00adhost",
];

/** URLs whose host is confused with another one, or that no browser reaches. */
const CONFUSING = [
  "http://public.example@127.0.0.1/",
  "http://public.example:80@127.0.0.1/",
  "http://public.example%40@127.0.0.1/",
  "http://127.0.0.1\\@public.example/",
  "http:127.0.0.1/",
  "http:/127.0.0.1/",
  "http:///127.0.0.1/",
  "http:\\\\127.0.0.1\\",
  "\thttp://127.0.0.1/",
  "ht\ntp://127.0.0.1/",
  "http://127.0.0.1:80:80/",
  "http://127.0.0.1#@public.example/",
  "http://127.0.0.1?@public.example/",
  "http://127.0.0.1;public.example/",
  "http://127.0.0.1%00.public.example/",
  "http://127.0.0.1%2fpublic.example/",
  "http://[::1%25lo]/",
  "http://[fe80::1%25eth0]/",
  "http://[::1]public.example/",
  "http://1.1.1.1 &@2.2.2.2# @3.3.3.3/",
  "http://0/",
  "http://0x/",
  "http://127.1/",
  "http://127.0.1/",
  "http://[::]/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://①②⑦.⓪.⓪.①/",
  "ftp://127.0.0.1/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:25/x",
];

/** URLs of which none may be connected to. */
export const HOSTILE_URLS: readonly string[] = [
  ...new Set([
    ...PRIVATE_ADDRESSES.flatMap(spellingsOf).map((host) => `http://${host}/`),
    ...EDGES.map((address) => `http://${bracketed(address)}:8080/x`),
    ...NAT64_ADDRESSES.map((address) => `https://[${address}]/`),
    ...LOCAL_NAMES.map((name) => `http://${name}:3000/`),
    ...CONFUSING,
  ]),
];

/** A case of the URL tests of web-platform-tests. */
export interface UrlCase {
  readonly input: string;
  readonly base: string | undefined;
  /** The href that the standard asks for; undefined if the text is not a URL. */
  readonly href: string | undefined;
  readonly hostname: string | undefined;
}

const TEST_DATA = new URL("../../../shared/testdata/url/urltestdata.json", import.meta.url);
export const HAS_URL_CASES = existsSync(TEST_DATA);

/** Returns the cases for http and https, and those that are no URL. */
export function urlCases(): readonly UrlCase[] {
  const entries: readonly unknown[] = JSON.parse(readFileSync(TEST_DATA, "utf8"));
  const textOf = (entry: object, name: string): string | undefined => {
    const value: unknown = Reflect.get(entry, name);
    return typeof value === "string" ? value : undefined;
  };
  return entries.flatMap((entry) => {
    if (typeof entry !== "object" || entry === null) return [];
    const [input, base, href] = [textOf(entry, "input"), textOf(entry, "base"), textOf(entry, "href")];
    if (input === undefined || (href !== undefined && !/^https?:/.test(href))) return [];
    return [{ input, base, href, hostname: textOf(entry, "hostname") }];
  });
}
