/** Checks request headers and normalizes response headers. */
import type { MapValue } from "../../vm/value/map.ts";
import { CapabilityFailure } from "../handlers.ts";

/** Headers that only the HTTP client may set: they frame the message and name the host (RFC 9110, RFC 9112). */
const REFUSED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, space and tab. */
const VALUE = /^[\t\x20-\x7e]*$/;

/** Returns the headers by lower-case name. Throws `CapabilityFailure` for a header that may not be sent. */
export function requestHeaders(given: MapValue): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of given.entries()) {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) throw new CapabilityFailure(`${JSON.stringify(name)} is no name of a header`);
    if (REFUSED.has(lower)) throw new CapabilityFailure(`the header ${name} is not the program's to set`);
    if (typeof value !== "string" || !VALUE.test(value))
      throw new CapabilityFailure(`the header ${name} has characters that a header cannot hold`);
    if (headers.has(lower)) throw new CapabilityFailure(`the header ${name} is given twice`);
    headers.set(lower, value);
  }
  return headers;
}

/** Response headers by lower-case name. Repeated headers are joined with ", ", cookies with a line feed, because they contain commas. */
export function responseHeaders(raw: Readonly<Record<string, string | string[] | undefined>>): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const lower = name.toLowerCase();
    headers.set(lower, Array.isArray(value) ? value.join(lower === "set-cookie" ? "\n" : ", ") : value);
  }
  return headers;
}

/** Headers that authenticate the user. They must not follow a redirect to another origin. */
export const CREDENTIALS: readonly string[] = ["authorization", "cookie", "cookie2", "proxy-authorization"];

/** Whether the header describes a body. It is dropped when a redirect drops the body. */
export function describesBody(name: string): boolean {
  return name.startsWith("content-");
}
