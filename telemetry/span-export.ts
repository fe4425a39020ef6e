/** Makes the span processors for the exporters in the settings, and the OpenTelemetry resource of a service. */
import type * as ResourcesModule from "@opentelemetry/resources";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { consoleExporter } from "./console.ts";
import { DeliveryProcessor } from "./delivery.ts";
import { createOtlpSender, SPANS_SIGNAL } from "./otlp-sender.ts";
import type { TelemetrySettings } from "./settings.ts";
import { type Environment, readVariable } from "./variables.ts";

export interface ShutdownReport {
  /** Number of sampled spans that ended. */
  readonly ended: number;
  readonly lost: number;
  /** One line for stderr, without a prefix. Undefined if no spans were lost. */
  readonly notice: string | undefined;
}

export interface SpanExport {
  /** All TracerProviders of a process share these processors. */
  readonly processors: readonly SpanProcessor[];
  /** See `DeliveryProcessor.backpressure`. */
  backpressure(): Promise<void> | undefined;
  /** Sends all spans that have ended. Never rejects. Has no time limit. */
  flush(): Promise<void>;
  /** Flushes and shuts down within `shutdownMs`. Never rejects. Further calls return the same report. */
  shutdown(): Promise<ShutdownReport>;
}

/**
 * Makes the processors for the exporters in `settings`. The console exporter passes its lines to `writeLine`. Calls `note` with one line for
 * each certificate file that cannot be read.
 */
export async function openSpanExport(
  settings: TelemetrySettings,
  environment: Environment,
  writeLine: (line: string) => void,
  note: (message: string) => void,
): Promise<SpanExport> {
  const { BatchSpanProcessor } = await import("@opentelemetry/sdk-trace-node");
  const console = settings.exporters.includes("console") ? [new BatchSpanProcessor(consoleExporter(writeLine), { ...settings.batch })] : [];
  const delivery =
    settings.otlp === undefined
      ? undefined
      : new DeliveryProcessor(await createOtlpSender(SPANS_SIGNAL, settings.otlp, environment, note), { ...settings.batch, ...settings });
  const processors: readonly SpanProcessor[] = delivery === undefined ? console : [...console, delivery];
  let ending: Promise<ShutdownReport> | undefined;
  return {
    processors,
    backpressure: () => delivery?.backpressure(),
    flush: async () => {
      await Promise.allSettled(processors.map((processor) => processor.forceFlush()));
    },
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

/** Returns the resource that the variables describe. `defaults` are attributes that the variables may override. */
export function resourceOf(
  resources: typeof ResourcesModule,
  environment: Environment,
  defaults: Readonly<Record<string, string>>,
  note: (message: string) => void,
): ResourcesModule.Resource {
  const detectedResource = resources.detectResources({ detectors: [resources.envDetector] });
  // If one entry is malformed, the detector silently drops the whole list, and only OTEL_SERVICE_NAME sets an attribute.
  const attributeList = readVariable(environment, "OTEL_RESOURCE_ATTRIBUTES") ?? "";
  const otherNames = Object.keys(detectedResource.attributes).filter((key) => key !== "service.name");
  if (attributeList !== "" && otherNames.length === 0 && !attributeList.includes("service.name")) {
    note("OTEL_RESOURCE_ATTRIBUTES is not a list of key=value and is ignored.");
  }
  return resources.defaultResource().merge(resources.resourceFromAttributes(defaults)).merge(detectedResource);
}
