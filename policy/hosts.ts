/** Hosts of URLs, and the patterns of `net_policy.allowed_domains`. */
import { classifyAddress } from "./addresses.ts";
import { parseUrl } from "./host-names.ts";

/** Where a request goes, as the policy sees it. */
export interface Target {
  readonly scheme: string;
  /** Lower case, without brackets and without the trailing dot of an absolute name. */
  readonly host: string;
  readonly port: number;
  readonly hasUserInfo: boolean;
}

/** `undefined` for what `parseUrl` refuses, and for a URL without host. */
export function parseTarget(url: string): Target | undefined {
  const parsed = parseUrl(url);
  if (parsed === undefined) return undefined;
  const scheme = parsed.protocol.slice(0, -1);
  const host = plainHost(parsed.hostname);
  if (host === "") return undefined;
  const port = parsed.port === "" ? (scheme === "http" ? 80 : 443) : Number(parsed.port);
  return { scheme, host, port, hasUserInfo: parsed.username !== "" || parsed.password !== "" };
}

/** The host in the one form that patterns are compared in. */
export function plainHost(hostname: string): string {
  const bare = hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  return (bare.endsWith(".") ? bare.slice(0, -1) : bare).toLowerCase();
}

/** `*.example.org` is every name below example.org, not example.org itself. */
export function matchesHost(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : host === pattern;
}

/** Why a host is not a public one, judged by its text alone; a name's addresses are checked when it is resolved. */
export function privateReason(host: string): string | undefined {
  // RFC 6761: these names mean this machine, whatever a resolver says.
  if (host === "localhost" || host.endsWith(".localhost")) return "a loopback name";
  const kind = classifyAddress(host);
  return kind === undefined || kind === "public" ? undefined : `a ${kind} address`;
}

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAME = 253;

/** The pattern in its one form, or what is wrong with it. Names beyond ASCII are written as `xn--…`. */
export function parseHostPattern(text: string): { readonly pattern: string } | { readonly problem: string } {
  const pattern = plainHost(text);
  if (/[/@]/.test(text)) return { problem: "it is a host, not a URL" };
  if (classifyAddress(pattern) !== undefined) return { pattern: canonicalAddress(pattern) };
  if (/:[0-9]+$/.test(text)) return { problem: "a port goes into net_policy.allowed_ports" };
  if (pattern === "*" || pattern === "") return { problem: "leave allowed_domains out to allow every public host" };
  if (pattern.length > MAX_NAME || !NAME.test(pattern)) return { problem: "write a host name, or *. and a name for all names below it" };
  // The URL parser would take these for an address.
  if (/^(?:\*\.)?(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)$/.test(pattern)) return { problem: "it is neither a host name nor an address" };
  return { pattern };
}

/** As the URL parser writes it, so that the two compare equal. */
function canonicalAddress(address: string): string {
  return address.includes(":") ? plainHost(new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname) : address;
}
