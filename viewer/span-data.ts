/** Declares the decoded spans of an OTLP request, and the limits on a request. Both encodings share them. */
import { malformed } from "./protobuf.ts";
import type { SpanValue } from "../telemetry/span-tree.ts";

/** Attributes by name. */
export type SpanValues = ReadonlyMap<string, SpanValue>;

export interface DecodedEvent {
  readonly name: string;
  readonly timeNs: bigint;
  readonly attributes: SpanValues;
}

export interface DecodedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: SpanValues;
}

export interface DecodedSpan {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string;
  /** Undefined for a root span. */
  readonly parentSpanId: string | undefined;
  readonly traceState: string;
  readonly name: string;
  /** OTLP's SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: SpanValues;
  /** Number of attributes, events and links that the sender dropped. */
  readonly droppedCount: number;
  readonly events: readonly DecodedEvent[];
  readonly links: readonly DecodedLink[];
  /** `code` is 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message: string };
  /** W3C trace flags in the lowest byte. */
  readonly flags: number;
  readonly resource: SpanValues;
  readonly scope: { readonly name: string; readonly version: string };
}

/** Limits on one request. */
export const OTLP_LIMITS = {
  /** Maximum size in bytes, after decompression. */
  requestBytes: 4 * 1024 * 1024,
  /** Maximum number of spans, events, links, attributes and array elements together. */
  items: 500_000,
  /** Maximum nesting of arrays and key-value lists. */
  valueDepth: 32,
} as const;

/** The number of items that the request may still contain. */
export interface ItemBudget {
  items: number;
}

/** Counts one item. Throws `telemetry.otlp_malformed` if there are more than `OTLP_LIMITS.items`. */
export function spendItem(budget: ItemBudget): void {
  budget.items -= 1;
  if (budget.items < 0) throw malformed(`more than ${OTLP_LIMITS.items} spans, events, links and values`);
}

/** Returns an int64 as a number if it is a safe integer, otherwise as a bigint. */
export function int64Value(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}
