/** Reads hosts of URLs, and matches them with the patterns of `net_policy.allowed_domains`. */
import { classifyAddress } from "./addresses.ts";
import { parseUrl } from "./host-names.ts";

/** The parts of a URL that policies check. */
interface Target {
  readonly scheme: string;
  /** Lower case, without brackets and without the trailing dot of an absolute name. */
  readonly host: string;
  readonly port: number;
  readonly hasUserInfo: boolean;
}

/** Parses a URL. Returns undefined if `parseUrl` refuses the URL, or if the URL has no host. */
export function parseTarget(url: string): Target | undefined {
  const parsed = parseUrl(url);
  if (parsed === undefined) return undefined;
  const scheme = parsed.protocol.slice(0, -1);
  const host = canonicalHost(parsed.hostname);
  if (host === "") return undefined;
  const port = parsed.port === "" ? (scheme === "http" ? 80 : 443) : Number(parsed.port);
  return { scheme, host, port, hasUserInfo: parsed.username !== "" || parsed.password !== "" };
}

/** Returns the host in lower case, without brackets and without a trailing dot. Patterns and hosts are compared in this form. */
export function canonicalHost(hostname: string): string {
  const withoutBrackets = hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  return (withoutBrackets.endsWith(".") ? withoutBrackets.slice(0, -1) : withoutBrackets).toLowerCase();
}

/** Whether the pattern matches the host. `*.example.org` matches every name below example.org, but not example.org itself; `*` matches every host. */
export function matchesHost(pattern: string, host: string): boolean {
  if (pattern === EVERY_HOST) return true;
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : host === pattern;
}

/** Returns why a host is not public, or undefined if it may be public. Does not resolve names: the handler checks their addresses. */
export function privateReason(host: string): string | undefined {
  // RFC 6761: these names mean this machine, whatever a resolver says.
  if (host === "localhost" || host.endsWith(".localhost")) return "a loopback name";
  const kind = classifyAddress(host);
  return kind === undefined || kind === "public" ? undefined : `a ${kind} address`;
}

const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAME_LENGTH = 253;

/** Returns the normalized pattern, or what is wrong with the text. Names outside ASCII must be written as `xn--…`. */
export function parseHostPattern(text: string): { readonly pattern: string } | { readonly problem: string } {
  const pattern = canonicalHost(text);
  if (/[/@]/.test(text)) return { problem: "it is a host, not a URL" };
  if (classifyAddress(pattern) !== undefined) return { pattern: canonicalAddress(pattern) };
  if (/:[0-9]+$/.test(text)) return { problem: "a port goes into net_policy.allowed_ports" };
  if (pattern.length > MAX_NAME_LENGTH || !NAME.test(pattern))
    return { problem: "write a host name, or *. and a name for all names below it" };
  // The URL parser would read a name with such a last label as an IPv4 address.
  if (/^(?:\*\.)?(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)$/.test(pattern)) return { problem: "it is neither a host name nor an address" };
  return { pattern };
}

/** The entry of `allowed_domains` that matches every host. Addresses that are not public stay closed. */
export const EVERY_HOST = "*";

/** A loopback host with a port, such as `127.0.0.1:8080` or `[::1]:8080`. */
const LOOPBACK_PATTERN = /^(\[::1\]|127(?:\.[0-9]{1,3}){3}|localhost):([1-9][0-9]{0,4})$/;

/** Returns an entry of `allowed_domains` in normalized form, or what is wrong with it. */
export function parseAllowedDomain(text: string): { readonly pattern: string } | { readonly problem: string } {
  const [pattern, host = "", port = ""] = LOOPBACK_PATTERN.exec(text.toLowerCase()) ?? [];
  if (text === EVERY_HOST) return { pattern: text };
  if (pattern === undefined) {
    const parsed = parseHostPattern(text);
    const hasPort = "problem" in parsed && /:[0-9]+$/.test(text);
    return hasPort ? { problem: `${parsed.problem}; only localhost, 127.0.0.1 and [::1] are written with one` } : parsed;
  }
  return isLoopbackHost(canonicalHost(host)) && Number(port) <= 65_535
    ? { pattern }
    : { problem: "it is neither a loopback address nor a port" };
}

/** Whether an entry of `allowed_domains` names a loopback host with its port. */
export const isLoopbackPattern = (pattern: string): boolean => LOOPBACK_PATTERN.test(pattern);

/** Returns the host of an entry of `allowed_domains`, without the port of a loopback host. */
export const hostOfPattern = (pattern: string): string => canonicalHost(LOOPBACK_PATTERN.exec(pattern)?.[1] ?? pattern);

/** Whether `allowed_domains` may name the host with a port. */
function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || (host.startsWith("127.") && classifyAddress(host) === "loopback");
}

/** Returns the text by which `allowed_domains` and `--allow-net` name a loopback host and port. Undefined for any other host. */
export function loopbackName(host: string, port: number): string | undefined {
  if (!isLoopbackHost(host)) return undefined;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether `allowed_domains` names this loopback host and port. A name that resolves to a loopback address does not count. */
export function namesLoopback(allowedDomains: readonly string[], host: string, port: number): boolean {
  const name = loopbackName(host, port);
  return name !== undefined && allowedDomains.includes(name);
}

/** Returns the address in the spelling of the URL parser, so that equal addresses compare equal. */
function canonicalAddress(address: string): string {
  return address.includes(":") ? canonicalHost(new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname) : address;
}
