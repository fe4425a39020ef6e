/**
 * Starts the OpenTelemetry SDK for the command line, which owns its process. An embedder registers its own SDK instead.
 * The command line loads the SDK for its spans only here, and only if `readTelemetrySettings` says that spans are on. A runner loads it in
 * `runner-export.ts`.
 */
import { BorunaError } from "../vm/error.ts";
import type { TelemetrySettings } from "./settings.ts";
import { openSpanExport, resourceOf, type ShutdownReport } from "./span-export.ts";
import { type Environment, VARIABLES } from "./variables.ts";

interface Sdk {
  /** One line for stderr, without a prefix, for each setting that was not understood. */
  readonly warnings: readonly string[];
  /** The function to pass to `otelTracing` in its options. */
  backpressure(): Promise<void> | undefined;
  /**
   * Flushes and shuts down within `shutdownMs`, even if the collector does not answer. Never rejects. Further calls return
   * the same report. Afterwards, telemetry does not keep the process alive.
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
  const warnings = [...settings.warnings];
  const note = (message: string): void => {
    // Ignore messages about timeouts, because settings.ts already reports invalid ones.
    if (!/_TIMEOUT\b/.test(message)) warnings.push(message);
  };
  const ignore = (): void => undefined;
  api.diag.setLogger(
    { error: note, warn: note, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const spanExport = await openSpanExport(settings, environment, writeLine, note);
  const resource = resourceOf(resources, environment, { "service.name": VARIABLES.OTEL_SERVICE_NAME.default }, note);
  const provider = new node.NodeTracerProvider({ resource, spanProcessors: [...spanExport.processors] });
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

  return { warnings, backpressure: () => spanExport.backpressure(), shutdown: () => spanExport.shutdown() };
}
