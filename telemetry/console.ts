/** Implements `OTEL_TRACES_EXPORTER=console`. Writes one line for each span, in the order in which spans end, with trace and span ids. */
import type { AttributeValue, HrTime } from "@opentelemetry/api";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import { spanLine, type SpanValue } from "./span-tree.ts";

const EXPORT_SUCCEEDED = 0;

export function consoleExporter(writeLine: (line: string) => void): SpanExporter {
  return {
    export: (spans, done) => {
      for (const span of spans) writeLine(consoleLine(span));
      done({ code: EXPORT_SUCCEEDED });
    },
    shutdown: () => Promise.resolve(),
  };
}

function consoleLine(span: ReadableSpan): string {
  const { traceId, spanId } = span.spanContext();
  const parent = span.parentSpanContext?.spanId;
  const line = spanLine({
    traceId,
    spanId,
    name: span.name,
    startNs: nanoseconds(span.startTime),
    endNs: nanoseconds(span.endTime),
    attributes: new Map(
      Object.entries(span.attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, valueOf(value)] as const])),
    ),
    status: span.status,
  });
  return `${line}  trace=${traceId} span=${spanId}${parent === undefined ? "" : ` parent=${parent}`}`;
}

function valueOf(value: AttributeValue): SpanValue {
  return Array.isArray(value) ? value.map((item) => item ?? null) : value;
}

function nanoseconds([seconds, nanos]: HrTime): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
}
