/**
 * Exports metrics from a long-lived process. The reader of a MeterProvider sends the totals so far to the collector: at an
 * interval, at each flush, and at the end. After a failed export, the next one has the totals too, so there are no retries and
 * no queue.
 */
import type { Meter } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { PushMetricExporter, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { VERSION } from "../vm/version.ts";
import { createOtlpSender, METRICS_SIGNAL } from "./otlp-sender.ts";
import type { MetricSettings } from "./settings.ts";
import type { Environment } from "./variables.ts";

export interface MetricExport {
  /** Makes the instruments whose values are exported. */
  readonly meter: Meter;
  /** Sends the totals so far. Never rejects. Takes at most the time of two exports. */
  flush(): Promise<void>;
  /** Sends the final totals and ends within `shutdownMs`. Never rejects. Returns one line if they were lost. */
  shutdown(): Promise<string | undefined>;
}

const EXPORT_SUCCEEDED = 0;

/** Starts the export. Calls `note` with one line for each certificate file that cannot be read. */
export async function openMetricExport(
  settings: MetricSettings,
  environment: Environment,
  resource: Resource,
  note: (message: string) => void,
): Promise<MetricExport> {
  const [{ MeterProvider, PeriodicExportingMetricReader }, { SCOPE }, sender] = await Promise.all([
    import("@opentelemetry/sdk-metrics"),
    import("./parent-context.ts"),
    createOtlpSender(METRICS_SIGNAL, settings.otlp, environment, note),
  ]);
  /** Aborted when the time for the shutdown is up. */
  const ending = new AbortController();
  /** Why the last export failed. Undefined if it succeeded. */
  let failure: string | undefined;

  const send = async (totals: ResourceMetrics): Promise<void> => {
    const timeout = AbortSignal.timeout(settings.exportMs);
    const result = await sender.attempt(totals)(AbortSignal.any([timeout, ending.signal]));
    if (result.kind === "accepted") failure = result.rejected === 0 ? undefined : "the collector rejected some (partial success)";
    else if (ending.signal.aborted) failure = `the collector did not answer within ${settings.shutdownMs} ms`;
    else failure = timeout.aborted ? "the collector did not answer in time" : result.reason;
  };
  /** Reports every export as a success, because a failure is reported once, at the end. */
  const exportTotals = async (...[totals, done]: Parameters<PushMetricExporter["export"]>): Promise<void> => {
    await send(totals);
    done({ code: EXPORT_SUCCEEDED });
  };
  const exporter: PushMetricExporter = {
    export: (totals, done) => void exportTotals(totals, done),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: settings.intervalMs,
    exportTimeoutMillis: settings.intervalMs,
  });
  const provider = new MeterProvider({ resource, readers: [reader] });

  return {
    meter: provider.getMeter(SCOPE, VERSION),
    flush: () => provider.forceFlush(),
    shutdown: async () => {
      const deadline = setTimeout(() => ending.abort(), settings.shutdownMs);
      await provider.shutdown();
      clearTimeout(deadline);
      sender.close();
      return failure === undefined ? undefined : `the last metrics were lost: ${failure}`;
    },
  };
}
