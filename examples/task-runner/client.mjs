// A service that knows nothing of Boruna: it traces itself with OpenTelemetry's own SDK and sends a task to the runner.
//
//   npm install @opentelemetry/api @opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http
//   OTEL_SERVICE_NAME=shop OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 node client.mjs http://127.0.0.1:8090/tasks
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { defaultResource, detectResources, envDetector } from "@opentelemetry/resources";

const [url = "http://127.0.0.1:8090/tasks", action = "invoices.total"] = process.argv.slice(2);

const provider = new NodeTracerProvider({
  resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();

await trace.getTracer("shop").startActiveSpan("checkout", { kind: SpanKind.CLIENT }, async (span) => {
  const envelope = {
    id: "order-4711",
    action,
    args: {
      customer: "Ada",
      lines: [
        { cents: 1_250, count: 2 },
        { cents: 99, count: 1 },
      ],
    },
    trace: {},
  };
  // Writes the traceparent of the active span into the envelope.
  propagation.inject(context.active(), envelope.trace);
  try {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(envelope) });
    process.stdout.write(`${await response.text()}\n`);
    if (!response.ok) span.setStatus({ code: SpanStatusCode.ERROR });
  } finally {
    span.end();
  }
});
await provider.shutdown();
