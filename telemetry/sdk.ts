/**
 * The OpenTelemetry SDK of the command line, which alone owns the process's global tracer. An embedder registers its own.
 * The SDK and its exporters are imported here and nowhere else, and only when `wanted` said so.
 */
import type { Agent } from "node:http";
import { readFileSync } from "node:fs";
import type * as ResourcesModule from "@opentelemetry/resources";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { BorunaError } from "../vm/error.ts";
import { consoleExporter } from "./console.ts";
import { CountingProcessor, Delivery, ignoringFailure, within } from "./delivery.ts";
import type { BatchSettings, Environment, TelemetrySettings } from "./settings.ts";

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
  const pipeline = await pipelineOf(settings, node.BatchSpanProcessor, agents, writeLine);
  const resource = resourceOf(resources, environment, note);
  const provider = new node.NodeTracerProvider({ resource, spanProcessors: [...pipeline.processors] });
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
    backpressure: () => pipeline.counted?.processor.backpressure(),
    shutdown: () => {
      ending ??= stop(pipeline, agents, settings.shutdownMs);
      return ending;
    },
  };
}

interface Pipeline {
  readonly processors: readonly SpanProcessor[];
  /** The way to the collector, where there is one. */
  readonly counted: { readonly processor: CountingProcessor; readonly delivery: Delivery } | undefined;
}

async function pipelineOf(
  settings: TelemetrySettings,
  BatchSpanProcessor: new (exporter: SpanExporter, config: BatchSettings) => SpanProcessor,
  agents: Agents,
  writeLine: (line: string) => void,
): Promise<Pipeline> {
  // The processor writes into the object it is given.
  const batchesOf = (exporter: SpanExporter): SpanProcessor => new BatchSpanProcessor(exporter, { ...settings.batch });
  const toConsole = settings.exporters.includes("console") ? [batchesOf(consoleExporter(writeLine))] : [];
  if (!settings.exporters.includes("otlp")) return { processors: toConsole, counted: undefined };
  const delivery = new Delivery(await otlpExporter(settings, agents));
  const processor = new CountingProcessor(batchesOf(delivery), delivery, settings.batch.maxQueueSize);
  return { processors: [...toConsole, processor], counted: { processor, delivery } };
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

/** Never rejects: what fails has been counted as lost. */
async function stop(pipeline: Pipeline, agents: Agents, shutdownMs: number): Promise<ShutdownReport> {
  const { processors, counted } = pipeline;
  counted?.delivery.close();
  const flushed = Promise.all(processors.map((processor) => ignoringFailure(processor.shutdown())));
  await within(
    flushed.then(() => counted?.delivery.untilIdle()),
    shutdownMs,
  );
  counted?.delivery.abandon(`the collector did not answer within ${shutdownMs} ms`);
  agents.close();
  const ended = counted?.processor.ended ?? 0;
  const lost = ended - (counted?.delivery.delivered ?? 0);
  if (lost === 0) return { ended, lost };
  const reason = counted?.delivery.failure ?? "more ended than the queue (OTEL_BSP_MAX_QUEUE_SIZE) holds";
  return { ended, lost, notice: `${lost} of ${ended} ${ended === 1 ? "span" : "spans"} lost: ${reason}` };
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
