/** Makes the OpenTelemetry context of a span's parent from the trace headers of a caller. */
import type { Baggage, BaggageEntry as ApiBaggageEntry, Context, SpanContext } from "@opentelemetry/api";
import { baggageEntryMetadataFromString, context, createTraceState, propagation, TraceFlags, trace } from "@opentelemetry/api";
import { type BaggageEntry, parseBaggage, parseTraceparent, parseTracestate, type TraceHeaders } from "./context.ts";

/** The instrumentation scope of all spans and metrics. */
export const SCOPE = "boruna";

/** Returns the context `local` with the caller's span and baggage added. Leaves out what is malformed. */
export function parentContext(info: TraceHeaders, local: Context = context.active()): Context {
  const baggage = info.baggage === undefined ? undefined : parseBaggage(info.baggage);
  const base = baggage === undefined ? local : propagation.setBaggage(local, toApiBaggage(baggage));
  const remote = info.traceparent === undefined ? undefined : parseTraceparent(info.traceparent);
  if (remote === undefined) return base;
  const state = info.tracestate === undefined ? undefined : parseTracestate(info.tracestate);
  const spanContext: SpanContext = {
    traceId: remote.traceId,
    spanId: remote.spanId,
    traceFlags: remote.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  };
  return trace.setSpanContext(base, spanContext);
}

function toApiBaggage(entries: readonly BaggageEntry[]): Baggage {
  const entryOf = (value: string, metadata: string | undefined): ApiBaggageEntry =>
    metadata === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(metadata) };
  return entries.reduce(
    (baggage, { key, value, metadata }) => baggage.setEntry(key, entryOf(value, metadata)),
    propagation.createBaggage(),
  );
}
