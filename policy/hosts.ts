/** Hosts of URLs, and the patterns of `net_policy.allowed_domains`. */
import { classifyAddress } from "./addresses.ts";
import { parseUrl } from "./host-names.ts";

/** The parts of a URL that a policy decides on. */
interface Target {
  readonly scheme: string;
  /** Lower case, without brackets and without the trailing dot of an absolute name. */
  readonly host: string;
  readonly port: number;
  readonly hasUserInfo: boolean;
}

/** Returns undefined if `parseUrl` refuses the URL, or if the URL has no host. */
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

/** Whether the pattern matches the host. `*.example.org` matches every name below example.org, but not example.org itself. */
export function matchesHost(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : host === pattern;
}

/** Returns why a host is not public, or undefined if it may be. Looks only at the text; the handler checks the addresses of a name. */
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
  if (pattern === "*" || pattern === "") return { problem: "leave allowed_domains out to allow every public host" };
  if (pattern.length > MAX_NAME_LENGTH || !NAME.test(pattern))
    return { problem: "write a host name, or *. and a name for all names below it" };
  // The URL parser reads such a text as an address.
  if (/^(?:\*\.)?(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)$/.test(pattern)) return { problem: "it is neither a host name nor an address" };
  return { pattern };
}

/** Returns the address in the spelling of the URL parser, so that equal addresses compare equal. */
function canonicalAddress(address: string): string {
  return address.includes(":") ? canonicalHost(new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname) : address;
}
