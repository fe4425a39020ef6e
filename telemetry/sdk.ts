/**
 * The OpenTelemetry SDK of the command line, which alone owns the process's global tracer. An embedder registers its own.
 * The SDK and its exporters are imported here and nowhere else, and only when `wanted` said so.
 */
import type { Agent } from "node:http";
import { readFileSync } from "node:fs";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { BorunaError } from "../vm/error.ts";
import { consoleExporter } from "./console.ts";
import { CountingProcessor, Delivery, ignoringFailure, within } from "./delivery.ts";
import type { Environment, TelemetrySettings } from "./settings.ts";

export interface ShutdownReport {
  /** Sampled spans that ended. */
  readonly ended: number;
  readonly lost: number;
  /** One line for stderr when spans were lost. */
  readonly notice?: string;
}

export interface Sdk {
  /** Settings that were not understood, one line each for stderr. */
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
 * Registers the global TracerProvider, once in a process. What `settings` does not hold (headers, compression, certificates,
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
    // Durations and certificates are read by us too, and told of with the variable's name.
    if (!/_TIMEOUT\b|^Failed to read /.test(message)) notices.push(message);
  };
  const silent = (): void => undefined;
  api.diag.setLogger(
    { error: note, warn: note, info: silent, debug: silent, verbose: silent },
    { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true },
  );

  const agents = agentsOf(environment, note);
  const batchesOf = (exporter: SpanExporter): SpanProcessor => new node.BatchSpanProcessor(exporter, { ...settings.batch });
  const processors: SpanProcessor[] = [];
  let counting: CountingProcessor | undefined;
  let delivery: Delivery | undefined;
  if (settings.exporters.includes("console")) processors.push(batchesOf(consoleExporter(writeLine)));
  if (settings.exporters.includes("otlp")) {
    delivery = new Delivery(await otlpExporter(settings, agents));
    counting = new CountingProcessor(batchesOf(delivery), delivery, settings.batch.maxQueueSize);
    processors.push(counting);
  }

  const fromEnvironment = resources.detectResources({ detectors: [resources.envDetector] });
  if (
    (environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "").trim() !== "" &&
    Object.keys(fromEnvironment.attributes).every((key) => key === "service.name")
  ) {
    if (!/(^|,)\s*service\.name\s*=/.test(environment["OTEL_RESOURCE_ATTRIBUTES"] ?? ""))
      note("OTEL_RESOURCE_ATTRIBUTES is not a list of key=value and is ignored.");
  }
  const named = resources.resourceFromAttributes({ "service.name": DEFAULT_SERVICE_NAME });
  const resource = resources.defaultResource().merge(named).merge(fromEnvironment);
  const provider = new node.NodeTracerProvider({ resource, spanProcessors: processors });
  const { tracecontext, baggage } = settings.propagators;
  provider.register(tracecontext && baggage ? {} : { propagator: null });
  // Whatever the exporter has to say later is told by `notice`, in one line.
  api.diag.disable();
  const registered = api.trace.getTracerProvider();
  if (!(registered instanceof api.ProxyTracerProvider) || registered.getDelegate() !== provider) {
    throw new BorunaError("telemetry.already_registered", "another TracerProvider is registered in this process", {
      hint: "An embedder's own provider gets the spans through @opentelemetry/api; do not start ours beside it.",
    });
  }

  let ending: Promise<ShutdownReport> | undefined;
  const stop = async (): Promise<ShutdownReport> => {
    delivery?.close();
    const flushed = Promise.all(processors.map((processor) => ignoringFailure(processor.shutdown()))).then(() => delivery?.untilIdle());
    await within(
      flushed.then(() => undefined),
      settings.shutdownMs,
    );
    delivery?.abandon(`the collector did not answer within ${settings.shutdownMs} ms`);
    agents.close();
    const ended = counting?.ended ?? 0;
    const lost = ended - (delivery?.delivered ?? 0);
    if (lost === 0) return { ended, lost };
    const reason = delivery?.failure ?? "more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds";
    return { ended, lost, notice: `telemetry: ${lost} of ${ended} ${ended === 1 ? "span" : "spans"} lost: ${reason}` };
  };
  return {
    notices: notices.map((notice) => `telemetry: ${notice}`),
    backpressure: () => counting?.backpressure(),
    shutdown: () => {
      ending ??= stop();
      return ending;
    },
  };
}

async function otlpExporter(settings: TelemetrySettings, agents: Agents): Promise<SpanExporter> {
  const options = { timeoutMillis: settings.exportMs, httpAgentOptions: agents.create };
  if (settings.protocol === "http/json") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter(options);
  }
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter(options);
}

interface Agents {
  readonly create: (protocol: string) => Promise<Agent>;
  /** Cuts every connection and makes no more. */
  readonly close: () => void;
}

/** The exporter's connections, kept in hand because the exporter itself cannot be made to let go of them. */
function agentsOf(environment: Environment, note: (message: string) => void): Agents {
  const made: Agent[] = [];
  const tls = {
    ...fileOption("ca", "CERTIFICATE", environment, note),
    ...fileOption("cert", "CLIENT_CERTIFICATE", environment, note),
    ...fileOption("key", "CLIENT_KEY", environment, note),
  };
  return {
    create: async (protocol) => {
      const agent =
        protocol === "https:"
          ? new (await import("node:https")).Agent({ keepAlive: true, ...tls })
          : new (await import("node:http")).Agent({ keepAlive: true });
      made.push(agent);
      return agent;
    },
    close: () => {
      for (const agent of made) {
        agent.maxTotalSockets = 0;
        agent.destroy();
      }
    },
  };
}

function fileOption(
  option: "ca" | "cert" | "key",
  suffix: string,
  environment: Environment,
  note: (message: string) => void,
): Record<string, Buffer> {
  const name = [`OTEL_EXPORTER_OTLP_TRACES_${suffix}`, `OTEL_EXPORTER_OTLP_${suffix}`].find(
    (key) => (environment[key] ?? "").trim() !== "",
  );
  const file = name === undefined ? undefined : environment[name];
  if (name === undefined || file === undefined) return {};
  try {
    return { [option]: readFileSync(file) };
  } catch (error) {
    note(`${name}: the file cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown error"}).`);
    return {};
  }
}
