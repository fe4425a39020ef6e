/**
 * Parses the trace context of the caller: `traceparent` and `tracestate` of W3C Trace Context (Recommendation, 2021)
 * and `baggage` of W3C Baggage, from options or from the environment. Ignores malformed values, because the W3C requires it.
 *
 * Does not use the parsers of `@opentelemetry/core`, because they accept malformed values: the tracestate `a=1,b`, a
 * traceparent after a newline, and the baggage key `a b`.
 */

import { replaceLoneSurrogates } from "../vm/value/value.ts";
import { type Environment, readVariable } from "./variables.ts";

interface TraceParent {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface BaggageEntry {
  readonly key: string;
  readonly value: string;
  /** The properties of the entry: the text after the first `;`, not decoded. */
  readonly metadata?: string | undefined;
}

/** Well-formed header values. If there is a `tracestate`, there is also a `traceparent`. */
export interface IncomingContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** The exact length of a `traceparent` of version 00. This and the limits below are in characters, unless they count entries. */
const VERSION_00_LENGTH = 55;
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/s;
const MAX_TRACEPARENT_LENGTH = 512;
const MAX_TRACESTATE_MEMBERS = 32;
/** The W3C asks vendors to propagate at least this much. Members of a longer list are removed until it fits. */
const MAX_TRACESTATE_LENGTH = 512;
/** Members that are longer than this are removed first. */
const LONG_MEMBER_LENGTH = 128;
const SIMPLE_KEY = /^[a-z][a-z0-9_\-*/]{0,255}$/;
const TENANT_KEY = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/;
/** Printable ASCII without `,` and `=`; the last character is not a space. */
const STATE_VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MAX_HEADER_LENGTH = 8_192;
const MAX_BAGGAGE_ENTRIES = 64;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAGGAGE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
const BAGGAGE_METADATA = /^[\t\x20-\x2b\x2d-\x7e]*$/;

/** Trims the optional white space of a header: spaces and tabs only. */
const trimSpace = (text: string): string => text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");

/** Parses a `traceparent` (W3C section 3.2). Versions above 00 may have more fields after another `-`. Version ff is invalid. */
export function parseTraceparent(header: string): TraceParent | undefined {
  if (header.length > MAX_TRACEPARENT_LENGTH) return undefined;
  const text = trimSpace(header);
  const match = TRACEPARENT.exec(text);
  const [, version = "", traceId = "", spanId = "", flags = ""] = match ?? [];
  if (match === null || version === "ff" || (version === "00" && text.length !== VERSION_00_LENGTH)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(context: TraceParent): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}

/**
 * Parses a `tracestate` (W3C section 3.3). Returns the list without white space and empty members. Returns undefined if a
 * member is malformed, a key is repeated, or there are more than 32 members. If the list has more than 512 characters,
 * removes all members of more than 128 characters, and then members from the end until the list fits.
 */
export function parseTracestate(header: string): string | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  const members = header
    .split(",")
    .map(trimSpace)
    .filter((member) => member !== "");
  if (members.length > MAX_TRACESTATE_MEMBERS) return undefined;
  const keys = new Set<string>();
  for (const member of members) {
    const equalsIndex = member.indexOf("=");
    const key = member.slice(0, equalsIndex);
    if (
      equalsIndex < 1 ||
      keys.has(key) ||
      !(SIMPLE_KEY.test(key) || TENANT_KEY.test(key)) ||
      !STATE_VALUE.test(member.slice(equalsIndex + 1))
    )
      return undefined;
    keys.add(key);
  }
  const lengthOf = (list: readonly string[]): number => list.reduce((sum, member) => sum + member.length + 1, -1);
  const keptMembers = lengthOf(members) > MAX_TRACESTATE_LENGTH ? members.filter((member) => member.length <= LONG_MEMBER_LENGTH) : members;
  while (lengthOf(keptMembers) > MAX_TRACESTATE_LENGTH) keptMembers.pop();
  return keptMembers.length === 0 ? undefined : keptMembers.join(",");
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function parseBaggageEntry(member: string): BaggageEntry | undefined {
  const semicolonIndex = member.indexOf(";");
  const pair = semicolonIndex === -1 ? member : member.slice(0, semicolonIndex);
  const equalsIndex = pair.indexOf("=");
  const key = trimSpace(pair.slice(0, Math.max(equalsIndex, 0)));
  const encodedValue = trimSpace(pair.slice(equalsIndex + 1));
  const value = BAGGAGE_VALUE.test(encodedValue) ? percentDecode(encodedValue) : undefined;
  if (!TOKEN.test(key) || value === undefined) return undefined;
  if (semicolonIndex === -1) return { key, value };
  const metadata = trimSpace(member.slice(semicolonIndex + 1));
  return BAGGAGE_METADATA.test(metadata) ? { key, value, metadata } : undefined;
}

/** Parses baggage (W3C Baggage, section 3.3). Uses the last entry of a repeated key. Returns undefined if it is malformed or too long. */
export function parseBaggage(header: string): readonly BaggageEntry[] | undefined {
  if (header.length > MAX_HEADER_LENGTH) return undefined;
  const members = header.split(",");
  if (members.length > MAX_BAGGAGE_ENTRIES) return undefined;
  const entries = new Map<string, BaggageEntry>();
  for (const member of members) {
    const entry = parseBaggageEntry(member);
    if (entry === undefined) return undefined;
    entries.set(entry.key, entry);
  }
  return [...entries.values()];
}

/** Formats baggage as a header value. Returns undefined if there are no entries, or if `parseBaggage` would reject the result. */
export function formatBaggage(entries: readonly BaggageEntry[]): string | undefined {
  const members = entries.map(({ key, value, metadata }) => {
    const pair = `${key}=${encodeURIComponent(replaceLoneSurrogates(value))}`;
    return metadata === undefined || metadata === "" ? pair : `${pair};${metadata}`;
  });
  const header = members.join(",");
  return parseBaggage(header) === undefined ? undefined : header;
}

/** Header values that have not been checked. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
}

/** The propagators that `OTEL_PROPAGATORS` enables. */
export interface Propagators {
  readonly tracecontext: boolean;
  readonly baggage: boolean;
}

/**
 * Returns the well-formed values of `options`. If a value is missing or malformed there, takes it from the environment variable
 * `TRACEPARENT`, `TRACESTATE` or `BAGGAGE`. Uses a `tracestate` only with the `traceparent` of the same source.
 */
export function incomingContext(
  options: TraceHeaders,
  environment: Environment,
  propagators: Propagators = { tracecontext: true, baggage: true },
): IncomingContext {
  const sources: readonly TraceHeaders[] = [
    options,
    {
      traceparent: readVariable(environment, "TRACEPARENT"),
      tracestate: readVariable(environment, "TRACESTATE"),
      baggage: readVariable(environment, "BAGGAGE"),
    },
  ];
  const source = propagators.tracecontext
    ? sources.find((s) => s.traceparent !== undefined && parseTraceparent(s.traceparent) !== undefined)
    : undefined;
  const parent = source?.traceparent === undefined ? undefined : parseTraceparent(source.traceparent);
  const tracestate = source?.tracestate === undefined ? undefined : parseTracestate(source.tracestate);
  const baggage = propagators.baggage
    ? sources.map((s) => s.baggage).find((text) => text !== undefined && parseBaggage(text) !== undefined)
    : undefined;
  return {
    ...(parent === undefined ? {} : { traceparent: formatTraceparent(parent) }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(baggage === undefined ? {} : { baggage }),
  };
}
