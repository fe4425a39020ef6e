/**
 * Starts the OpenTelemetry SDK for the command line, which owns its process. An embedder registers its own SDK instead.
 * Only this file and its imports load the SDK, and only if `readTelemetrySettings` says that spans are on.
 */
import type * as ResourcesModule from "@opentelemetry/resources";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { BorunaError } from "../vm/error.ts";
import { consoleExporter } from "./console.ts";
import { DeliveryProcessor } from "./delivery.ts";
import { createOtlpSender } from "./otlp-sender.ts";
import type { TelemetrySettings } from "./settings.ts";
import { type Environment, readVariable, VARIABLES } from "./variables.ts";

interface ShutdownReport {
  /** Number of sampled spans that ended. */
  readonly ended: number;
  readonly lost: number;
  /** One line for stderr, without a prefix. Undefined if no spans were lost. */
  readonly notice: string | undefined;
}

interface Sdk {
  /** One line for stderr, without a prefix, for each setting that was not understood. */
  readonly notices: readonly string[];
  /** The function to pass to `otelTracing` in its options. */
  backpressure(): Promise<void> | undefined;
  /**
   * Flushes and shuts down within `shutdownMs`, even if the collector does not answer. Never rejects. Further calls return
   * the same report. After it settles, telemetry does not keep the process alive.
   */
  shutdown(): Promise<ShutdownReport>;
}

let isStarted = false;

/**
 * Registers the global TracerProvider, once per process. The SDK reads what `settings` lacks (headers, certificates,
 * sampler, span limits, resource) from `process.env`, so `environment` must be `process.env`. The console exporter passes
 * its lines to `writeLine`. Throws `telemetry.already_started` on a second call, and
 * `telemetry.already_registered` if the process already has another provider.
 */
export async function start(settings: TelemetrySettings, environment: Environment, writeLine: (line: string) => void): Promise<Sdk> {
  if (isStarted)
    throw new BorunaError("telemetry.already_started", "telemetry is started twice in this process", {
      hint: "Start it once, where the process begins.",
    });
  isStarted = true;
  const [api, node, resources] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/resources"),
  ]);
  const notices = [...settings.notices];
  const note = (message: string): void => {
    // Ignore messages about timeouts, because settings.ts already reports invalid ones.
    if (!/_TIMEOUT\b/.test(message)) notices.push(message);
  };
  const ignore = (): void => undefined;
  api.diag.setLogger(
    { error: note, warn: note, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const console = settings.exporters.includes("console")
    ? [new node.BatchSpanProcessor(consoleExporter(writeLine), { ...settings.batch })]
    : [];
  const delivery =
    settings.otlp === undefined
      ? undefined
      : new DeliveryProcessor(await createOtlpSender(settings.otlp, environment, note), { ...settings.batch, ...settings });
  const processors: readonly SpanProcessor[] = delivery === undefined ? console : [...console, delivery];
  const resource = resourceOf(resources, environment, note);
  const provider = new node.NodeTracerProvider({ resource, spanProcessors: [...processors] });
  const { tracecontext, baggage } = settings.propagators;
  provider.register(tracecontext && baggage ? {} : { propagator: null });
  // From now on, the shutdown report summarizes export errors in one line.
  api.diag.disable();
  const registered = api.trace.getTracerProvider();
  if (!(registered instanceof api.ProxyTracerProvider) || registered.getDelegate() !== provider) {
    throw new BorunaError("telemetry.already_registered", "another TracerProvider is registered in this process", {
      hint: "An embedder's own provider gets the spans through @opentelemetry/api; do not start Boruna's SDK beside it.",
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

async function stop(processors: readonly SpanProcessor[], delivery: DeliveryProcessor | undefined): Promise<ShutdownReport> {
  await Promise.allSettled(processors.map((processor) => processor.shutdown()));
  return { ended: delivery?.ended ?? 0, lost: delivery?.lost ?? 0, notice: delivery?.lossNotice() };
}

function resourceOf(
  resources: typeof ResourcesModule,
  environment: Environment,
  note: (message: string) => void,
): ResourcesModule.Resource {
  const detectedResource = resources.detectResources({ detectors: [resources.envDetector] });
  // The detector silently drops the whole list if one entry is malformed. In this case only OTEL_SERVICE_NAME sets an attribute.
  const attributeList = readVariable(environment, "OTEL_RESOURCE_ATTRIBUTES") ?? "";
  const otherNames = Object.keys(detectedResource.attributes).filter((key) => key !== "service.name");
  if (attributeList !== "" && otherNames.length === 0 && !attributeList.includes("service.name")) {
    note("OTEL_RESOURCE_ATTRIBUTES is not a list of key=value and is ignored.");
  }
  const defaultName = resources.resourceFromAttributes({ "service.name": VARIABLES.OTEL_SERVICE_NAME.default });
  return resources.defaultResource().merge(defaultName).merge(detectedResource);
}
