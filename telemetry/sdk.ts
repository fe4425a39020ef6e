/**
 * The OpenTelemetry SDK of the command line, which alone owns the process's global tracer. An embedder registers its own.
 * The SDK is imported here and in the files that this one imports, and only when `wanted` said so.
 */
import type * as ResourcesModule from "@opentelemetry/resources";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { BorunaError } from "../vm/error.ts";
import { consoleExporter } from "./console.ts";
import { Delivery } from "./delivery.ts";
import { otlpSender } from "./otlp-sender.ts";
import type { Environment, TelemetrySettings } from "./settings.ts";

export interface ShutdownReport {
  /** Sampled spans that ended. */
  readonly ended: number;
  readonly lost: number;
  /** What to say in one line on stderr when spans were lost; no prefix. */
  readonly notice?: string;
}

export interface Sdk {
  /** Settings that were not understood, one line each for stderr; no prefix. */
  readonly notices: readonly string[];
  /** For `otelTracing`. */
  backpressure(): Promise<void> | undefined;
  /**
   * Flushes and shuts down, within `shutdownMs` in all, whatever the collector does. Never rejects; a second call gives the first's report.
   * After it nothing of telemetry keeps the process alive.
   */
  shutdown(): Promise<ShutdownReport>;
}

const DEFAULT_SERVICE_NAME = "boruna";
let started = false;

/**
 * Registers the global TracerProvider, once in a process. What `settings` does not hold (headers, certificates,
 * sampler, span limits, resource) the SDK reads from `process.env`; `environment` must be that of the process.
 * Throws `telemetry.already_started` when called twice, and `telemetry.already_registered` when another provider is there.
 */
export async function start(settings: TelemetrySettings, environment: Environment, writeLine: (line: string) => void): Promise<Sdk> {
  if (started)
    throw new BorunaError("telemetry.already_started", "telemetry is started twice in this process", {
      hint: "Start it once, where the process begins.",
    });
  started = true;
  const [api, node, resources] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/resources"),
  ]);
  const notices = [...settings.notices];
  const note = (message: string): void => {
    // Durations have a notice of ours.
    if (!/_TIMEOUT\b/.test(message)) notices.push(message);
  };
  const silent = (): void => undefined;
  api.diag.setLogger(
    { error: note, warn: note, info: silent, debug: silent, verbose: silent },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const console = settings.exporters.includes("console")
    ? [new node.BatchSpanProcessor(consoleExporter(writeLine), { ...settings.batch })]
    : [];
  const delivery =
    settings.otlp === undefined
      ? undefined
      : new Delivery(await otlpSender(settings.otlp, environment, note), { ...settings.batch, ...settings });
  const processors: readonly SpanProcessor[] = delivery === undefined ? console : [...console, delivery];
  const resource = resourceOf(resources, environment, note);
  const provider = new node.NodeTracerProvider({ resource, spanProcessors: [...processors] });
  const { tracecontext, baggage } = settings.propagators;
  provider.register(tracecontext && baggage ? {} : { propagator: null });
  // Whatever the exporter has to say later is told by the report's notice, in one line.
  api.diag.disable();
  const registered = api.trace.getTracerProvider();
  if (!(registered instanceof api.ProxyTracerProvider) || registered.getDelegate() !== provider) {
    throw new BorunaError("telemetry.already_registered", "another TracerProvider is registered in this process", {
      hint: "An embedder's own provider gets the spans through @opentelemetry/api; do not start ours beside it.",
    });
  }

  let ending: Promise<ShutdownReport> | undefined;
  return {
    notices,
    backpressure: () => delivery?.backpressure(),
    shutdown: () => {
      ending ??= stop(processors, delivery);
      return ending;
    },
  };
}

async function stop(processors: readonly SpanProcessor[], delivery: Delivery | undefined): Promise<ShutdownReport> {
  await Promise.allSettled(processors.map((processor) => processor.shutdown()));
  const notice = delivery?.lossNotice();
  return { ended: delivery?.ended ?? 0, lost: delivery?.lost ?? 0, ...(notice === undefined ? {} : { notice }) };
}

function resourceOf(
  resources: typeof ResourcesModule,
  environment: Environment,
  note: (message: string) => void,
): ResourcesModule.Resource {
  const found = resources.detectResources({ detectors: [resources.envDetector] });
  // One malformed entry makes the detector drop the whole list without a word; then at most the name of OTEL_SERVICE_NAME is left.
  const listed = (environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "").trim();
  const others = Object.keys(found.attributes).filter((key) => key !== "service.name");
  if (listed !== "" && others.length === 0 && !listed.includes("service.name")) {
    note("OTEL_RESOURCE_ATTRIBUTES is not a list of key=value and is ignored.");
  }
  const named = resources.resourceFromAttributes({ "service.name": DEFAULT_SERVICE_NAME });
  return resources.defaultResource().merge(named).merge(found);
}
