/**
 * Classifies IP addresses: public, or why not. The tables hold every range of IANA's special-purpose address registries (RFC 6890 and its
 * updates), the multicast ranges, and addresses that clouds use internally. A translator or tunnel may deliver packets for an IPv6 address
 * to an IPv4 address that is embedded in it. Such an address is public only if all IPv4 addresses in it are public.
 */
import { lazily } from "../vm/lazy.ts";

/** `public`, or why an address is not on the public internet. */
export type AddressClass =
  | "public"
  | "unspecified"
  | "loopback"
  | "private"
  | "link-local"
  | "CGNAT"
  | "multicast"
  | "documentation"
  | "benchmarking"
  | "reserved";

type Range = readonly [prefix: string, bits: number, kind: AddressClass];

/** The first matching range decides; an address in no range is public. Ranges that IANA calls globally reachable are public if servers use them. */
const IPV4_RANGES: readonly Range[] = [
  ["0.0.0.0", 8, "unspecified"], // "This network" (RFC 791).
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "CGNAT"],
  ["127.0.0.0", 8, "loopback"],
  ["168.63.129.16", 32, "reserved"], // In no registry: Azure's services for the virtual machine itself.
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"], // Protocol assignments; the nearest gateway answers their anycast services.
  ["192.0.2.0", 24, "documentation"],
  ["192.31.196.0", 24, "public"], // AS112: DNS servers for the names of private addresses (RFC 7535).
  ["192.52.193.0", 24, "public"], // AMT: relays of multicast (RFC 7450).
  ["192.88.99.0", 24, "reserved"], // 6to4 relays, deprecated.
  ["192.168.0.0", 16, "private"],
  ["192.175.48.0", 24, "public"], // AS112.
  ["198.18.0.0", 15, "benchmarking"],
  ["198.51.100.0", 24, "documentation"],
  ["203.0.113.0", 24, "documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"], // Includes the broadcast address.
];

const IPV6_RANGES: readonly Range[] = [
  ["::", 128, "unspecified"],
  ["::1", 128, "loopback"],
  ["64:ff9b:1::", 48, "reserved"], // Local-use NAT64; each operator chooses its own format.
  ["100::", 64, "reserved"], // Discard only.
  ["100:0:0:1::", 64, "reserved"], // Dummy prefix (RFC 9780).
  ["2001:2::", 48, "benchmarking"],
  ["2001:3::", 32, "public"], // AMT.
  ["2001:4:112::", 48, "public"], // AS112.
  ["2001:db8::", 32, "documentation"],
  ["2001::", 23, "reserved"], // Protocol assignments: Teredo, anycast services, ORCHID, DRIP.
  ["2620:4f:8000::", 48, "public"], // AS112.
  ["3fff::", 20, "documentation"],
  ["5f00::", 16, "reserved"], // Segment routing.
  ["fc00::", 7, "private"],
  ["fe80::", 10, "link-local"],
  ["fec0::", 10, "private"],
  ["ff00::", 8, "multicast"],
  // Global unicast addresses are allocated from 2000::/3 only.
  ["2000::", 3, "public"],
  ["::", 0, "reserved"],
];

/** An IPv6 range whose addresses embed an IPv4 address. */
interface Embedding {
  readonly prefix: string;
  readonly bits: number;
  /** Offset of the IPv4 address, in bytes. */
  readonly offset: number;
  /** Whether the bits of the IPv4 address are inverted. */
  readonly isInverted?: true;
}

const EMBEDDINGS: readonly Embedding[] = [
  // IPv4-mapped (RFC 4291), IPv4-translated (RFC 7915), IPv4-compatible (deprecated).
  { prefix: "::ffff:0:0", bits: 96, offset: 12 },
  { prefix: "::ffff:0:0:0", bits: 96, offset: 12 },
  { prefix: "::", bits: 96, offset: 12 },
  // NAT64 (RFC 6052). The local-use prefix of RFC 8215 is reserved (see above).
  { prefix: "64:ff9b::", bits: 96, offset: 12 },
  // 6to4 (RFC 3056): the gateway's address. Teredo (RFC 4380): the server's address, and the client's with inverted bits.
  { prefix: "2002::", bits: 16, offset: 2 },
  { prefix: "2001::", bits: 32, offset: 4 },
  { prefix: "2001::", bits: 32, offset: 12, isInverted: true },
];

/** Returns the class of an IP address, or undefined for other text. IPv6 addresses must have no brackets; a zone (`%eth0`) is ignored. */
export function classifyAddress(text: string): AddressClass | undefined {
  const bytes = parseIpv4(text) ?? parseIpv6(text.replace(/%.*$/, ""));
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? classOf(bytes, ipv4Ranges()) : classifyIpv6(bytes);
}

function classifyIpv6(bytes: readonly number[]): AddressClass {
  const matching = embeddings().filter(({ prefix, bits }) => hasPrefix(bytes, prefix, bits));
  const outerClass = classOf(bytes, ipv6Ranges());
  if (matching.length === 0 || outerClass === "unspecified" || outerClass === "loopback") return outerClass;
  for (const { offset, isInverted } of matching) {
    const embeddedClass = classOf(
      bytes.slice(offset, offset + 4).map((byte) => (isInverted === true ? byte ^ 0xff : byte)),
      ipv4Ranges(),
    );
    if (embeddedClass !== "public") return embeddedClass;
  }
  return "public";
}

type ParsedRanges = readonly { readonly prefix: readonly number[]; readonly bits: number; readonly kind: AddressClass }[];

function classOf(bytes: readonly number[], ranges: ParsedRanges): AddressClass {
  return ranges.find((range) => hasPrefix(bytes, range.prefix, range.bits))?.kind ?? "public";
}

function hasPrefix(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits >= (i + 1) * 8 ? 0xff : (0xff << ((i + 1) * 8 - bits)) & 0xff;
    if (((bytes[i] ?? 0) & mask) !== ((prefix[i] ?? 0) & mask)) return false;
  }
  return true;
}

/** Returns the bytes. Accepts only four decimal numbers, because the URL parser has already rewritten every other spelling. */
function parseIpv4(text: string): number[] | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith(".")) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** Returns the bytes of an address of RFC 4291 section 2.2, including the form that ends in an IPv4 address. */
function parseIpv6(text: string): number[] | undefined {
  if (text.length > 45 || !text.includes(":")) return undefined;
  const halves = text.split("::");
  const [head, tail] = halves.map((half) => groupBytes(half));
  if (halves.length > 2 || head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (tail === undefined) return head.length === 16 ? head : undefined;
  const missing = 16 - head.length - tail.length;
  return missing < 2 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** Returns the bytes of colon-separated groups. The last group may be an IPv4 address. */
function groupBytes(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const ipv4 = i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    } else return undefined;
  }
  return bytes;
}

const ipv4Ranges = lazily((): ParsedRanges => IPV4_RANGES.map(([prefix, bits, kind]) => ({ prefix: parseIpv4(prefix) ?? [], bits, kind })));
const ipv6Ranges = lazily((): ParsedRanges => IPV6_RANGES.map(([prefix, bits, kind]) => ({ prefix: parseIpv6(prefix) ?? [], bits, kind })));
const embeddings = lazily(() => EMBEDDINGS.map((e) => ({ ...e, prefix: parseIpv6(e.prefix) ?? [] })));
