/** Spans as data, as they come out of an OTLP request. */
import type { SpanValue } from "../telemetry/span-tree.ts";

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
  readonly parentSpanId?: string;
  readonly traceState: string;
  readonly name: string;
  /** SpanKind of OTLP: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: SpanValues;
  /** Attributes, events and links that the sender left out. */
  readonly droppedCount: number;
  readonly events: readonly DecodedEvent[];
  readonly links: readonly DecodedLink[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message: string };
  /** W3C trace flags in the lowest byte. */
  readonly flags: number;
  readonly resource: SpanValues;
  readonly scope: { readonly name: string; readonly version: string };
}

/** Bounds of one request, both forms. */
export const OTLP_LIMITS = {
  /** Bytes, after decompression. */
  requestBytes: 4 * 1024 * 1024,
  /** Spans, events, links, attributes and array elements together. */
  items: 500_000,
  /** Arrays and key-value lists inside each other. */
  valueDepth: 32,
} as const;
