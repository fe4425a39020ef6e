/** Starts the export of a runner's spans and metrics, as the variables configure it. Loads the parts of the SDK that it needs. */
import { randomUUID } from "node:crypto";
import type { Meter, Tracer } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { Sampler } from "@opentelemetry/sdk-trace-node";
import { VERSION } from "../vm/version.ts";
import type { MetricExport } from "./metric-export.ts";
import type { MetricSettings, TelemetrySettings } from "./settings.ts";
import type { SpanExport } from "./span-export.ts";
import { openThreadContext } from "./thread-context/thread-context.ts";
import type { TaskSpan, TaskSpanStart, TaskTracers } from "./task-span.ts";

export interface RunnerExport {
  /** Makes the instruments of the runner's own metrics. Undefined unless metrics are exported. */
  readonly meter: Meter | undefined;
  startTask(start: TaskSpanStart): TaskSpan | undefined;
  /** Never rejects. Waits at most `shutdownMs`. */
  flush(): Promise<void>;
  /** Never rejects. Waits at most `shutdownMs`. */
  shutdown(): Promise<void>;
}

/** What to export. At least one of the two is defined. */
interface RunnerSettings {
  readonly spans: TelemetrySettings | undefined;
  readonly metrics: MetricSettings | undefined;
}

/** The service name of the spans of runs. The span of the task around a run has the name of the runner. */
const RUN_SERVICE = "boruna";

/** Starts the export. Calls `notify` with one line for each setting that cannot be used, and at the end for what was lost. */
export async function startRunnerExport(
  serviceName: string,
  settings: RunnerSettings,
  notify: (line: string) => void,
): Promise<RunnerExport> {
  const [{ startTaskSpan }, resources, { openSpanExport, resourceOf }] = await Promise.all([
    import("./task-span.ts"),
    import("@opentelemetry/resources"),
    import("./span-export.ts"),
  ]);
  // The id distinguishes runners that have the same name.
  const defaults = { "service.name": serviceName, "service.instance.id": randomUUID() };
  const runner = resourceOf(resources, process.env, defaults, notify);
  const boruna = runner.merge(resources.resourceFromAttributes({ "service.name": RUN_SERVICE }));
  const spans = settings.spans === undefined ? undefined : await openSpanExport(settings.spans, process.env, notify, notify);
  const tracers = spans === undefined ? undefined : await taskTracers(spans, { runner, boruna });
  const metrics = settings.metrics === undefined ? undefined : await startMetrics(settings.metrics, runner, notify);
  const threadContext = await openThreadContext(process.env, notify);
  // Without the propagator, the trace of the sender is ignored.
  const readsContext = settings.spans?.propagators.tracecontext !== false;
  const shutdownMs = settings.spans?.shutdownMs ?? settings.metrics?.shutdownMs ?? 0;
  return {
    meter: metrics?.meter,
    startTask: (start) => {
      const { samplingPriority } = start.origin;
      const isKept = samplingPriority !== undefined && samplingPriority > 0;
      const chosen = isKept ? tracers?.kept : tracers?.sampled;
      return startTaskSpan(
        chosen,
        { ...start, origin: readsContext ? start.origin : { samplingPriority } },
        {
          backpressure: () => spans?.backpressure(),
          meter: metrics?.meter,
          genAiSpans: settings.spans?.genAiSpans,
          traceDetail: settings.spans?.traceDetail,
          threadContext,
        },
      );
    },
    flush: () => within(shutdownMs, Promise.all([spans?.flush(), metrics?.flush()])),
    shutdown: async () => {
      const [report, metricsNotice] = await Promise.all([spans?.shutdown(), metrics?.shutdown()]);
      for (const notice of [report?.notice, metricsNotice]) if (notice !== undefined) notify(notice);
    },
  };
}

async function startMetrics(settings: MetricSettings, resource: Resource, notify: (line: string) => void): Promise<MetricExport> {
  const { openMetricExport } = await import("./metric-export.ts");
  return openMetricExport(settings, process.env, resource, notify);
}

/** Makes two tracers for each resource. Those of `sampled` have the sampler that the variables choose, those of `kept` keep every span. */
async function taskTracers(
  { processors }: SpanExport,
  resources: Readonly<Record<keyof TaskTracers, Resource>>,
): Promise<{ readonly sampled: TaskTracers; readonly kept: TaskTracers }> {
  const [{ AlwaysOnSampler, BasicTracerProvider }, { SCOPE }] = await Promise.all([
    import("@opentelemetry/sdk-trace-node"),
    import("./parent-context.ts"),
  ]);
  const tracer = (resource: Resource, sampler: { sampler?: Sampler }): Tracer =>
    new BasicTracerProvider({ resource, spanProcessors: [...processors], ...sampler }).getTracer(SCOPE, VERSION);
  const tracers = (sampler: { sampler?: Sampler }): TaskTracers => ({
    runner: tracer(resources.runner, sampler),
    boruna: tracer(resources.boruna, sampler),
  });
  return { sampled: tracers({}), kept: tracers({ sampler: new AlwaysOnSampler() }) };
}

/** Waits for `work`, but at most `ms` milliseconds. */
function within(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
