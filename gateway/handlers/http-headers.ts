/** Checks request headers and normalizes response headers. */
import { UNSETTABLE_HEADERS } from "../../policy/policy-fields.ts";
import type { MapValue } from "../../vm/value/map.ts";
import { CapabilityFailure } from "../handlers.ts";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, space and tab. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** Returns the headers by lower-case name. Throws `CapabilityFailure` for a header that may not be sent. */
export function requestHeaders(programHeaders: MapValue): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of programHeaders.entries()) {
    const lowerName = name.toLowerCase();
    if (!HEADER_NAME.test(name)) throw new CapabilityFailure(`${JSON.stringify(name)} is no name of a header`);
    if (UNSETTABLE_HEADERS.has(lowerName)) throw new CapabilityFailure(`the header ${name} is not the program's to set`);
    if (typeof value !== "string" || !HEADER_VALUE.test(value))
      throw new CapabilityFailure(`the header ${name} has characters that a header cannot hold`);
    if (headers.has(lowerName)) throw new CapabilityFailure(`the header ${name} is given twice`);
    headers.set(lowerName, value);
  }
  return headers;
}

/** Returns response headers by lower-case name. Joins repeated headers with ", ", but cookies with line feeds, because they contain commas. */
export function responseHeaders(raw: Readonly<Record<string, string | string[] | undefined>>): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue;
    const lowerName = name.toLowerCase();
    headers.set(lowerName, Array.isArray(value) ? value.join(lowerName === "set-cookie" ? "\n" : ", ") : value);
  }
  return headers;
}

/** Headers that authenticate the user. They must not follow a redirect to another origin. */
export const CREDENTIAL_HEADERS: readonly string[] = ["authorization", "cookie", "cookie2", "proxy-authorization"];

/** Whether the header describes a body. Such a header is dropped when a redirect drops the body. */
export function describesBody(name: string): boolean {
  return name.startsWith("content-");
}
